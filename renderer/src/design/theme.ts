/** Theme of the page: the person's choice, or the system's. */
import { useSyncExternalStore } from "react";
import type { ThemeChoice } from "../state/settings.ts";

export type Theme = "light" | "dark" | "high-contrast";

const listeners = new Set<() => void>();
let version = 0;

const dark = typeof matchMedia === "function" ? matchMedia("(prefers-color-scheme: dark)") : undefined;
const contrast = typeof matchMedia === "function" ? matchMedia("(prefers-contrast: more)") : undefined;

function resolveTheme(choice: ThemeChoice): Theme {
  if (choice !== "system") return choice;
  if (contrast?.matches) return "high-contrast";
  return dark?.matches ? "dark" : "light";
}

export const currentTheme = (): Theme => (document.documentElement.dataset["theme"] as Theme | undefined) ?? "light";

/** Applies a choice and keeps following the system while the choice is "system". Returns the function that stops. */
export function applyTheme(choice: ThemeChoice): () => void {
  const apply = (): void => {
    const theme = resolveTheme(choice);
    if (document.documentElement.dataset["theme"] === theme && version > 0) return;
    document.documentElement.dataset["theme"] = theme;
    version++;
    for (const listener of listeners) listener();
  };
  apply();
  dark?.addEventListener("change", apply);
  contrast?.addEventListener("change", apply);
  return () => {
    dark?.removeEventListener("change", apply);
    contrast?.removeEventListener("change", apply);
  };
}

/** Changes whenever the theme does, for what paints colours itself. */
export function useThemeVersion(): number {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => version,
  );
}
