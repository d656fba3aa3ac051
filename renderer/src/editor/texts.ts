/** Monaco's own words (its menu, the find bar, "hidden lines") in the window's language: a table that is there before its modules look into it. */
import { i18next } from "../i18n/index.ts";

const world = globalThis as { _VSCODE_NLS_MESSAGES?: readonly string[] };
let chinese: readonly string[] | undefined;

async function loadTexts(): Promise<void> {
  if (i18next.language === "zh-CN") {
    if (!chinese) {
      await import("monaco-editor/nls/lang/zh-cn");
      chinese = world._VSCODE_NLS_MESSAGES;
    }
    if (chinese) world._VSCODE_NLS_MESSAGES = chinese;
  } else delete world._VSCODE_NLS_MESSAGES;
}

const follow = (): void => void loadTexts();

/** Loads a module of the editor once its texts are there; what is drawn after another language is chosen speaks that one. */
export async function withTexts<T>(load: () => Promise<T>): Promise<T> {
  await loadTexts();
  i18next.off("languageChanged", follow);
  i18next.on("languageChanged", follow);
  return load();
}
