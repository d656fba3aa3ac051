/** Token colours for what is painted rather than styled, read again when the theme changes. */

import { useSyncExternalStore } from "react";

export interface Palette {
  readonly color: (token: string) => string;
  readonly version: number;
}

let current: Palette | undefined;
let version = 0;
const listeners = new Set<() => void>();
let observer: MutationObserver | undefined;

function read(): Palette {
  const style = getComputedStyle(document.documentElement);
  const cache = new Map<string, string>();
  return {
    version,
    color(token) {
      let value = cache.get(token);
      if (value === undefined) {
        value = style.getPropertyValue(token).trim();
        if (value === "") value = style.getPropertyValue("--family-custom").trim() || "#888888";
        cache.set(token, value);
      }
      return value;
    },
  };
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  observer ??= new MutationObserver(() => {
    version++;
    current = read();
    for (const each of listeners) each();
  });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "style", "class"] });
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      observer?.disconnect();
      observer = undefined;
      current = undefined;
    }
  };
}

export function usePalette(): Palette {
  return useSyncExternalStore(subscribe, () => (current ??= read()));
}
