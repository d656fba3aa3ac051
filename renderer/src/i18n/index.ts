/** Every text of the window. Keys are typed by the English table; a test compares the tables. */
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import type { LanguageChoice } from "../state/settings.ts";
import { en } from "./en.ts";
import { zhCN } from "./zh-cn.ts";

declare module "i18next" {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
  }
}

export const languages = { en: { name: "English", table: en }, "zh-CN": { name: "简体中文", table: zhCN } } as const;
export type Language = keyof typeof languages;

/** The language to show: the person's choice, or the first of the system's that there is. */
export function resolveLanguage(choice: LanguageChoice, system: readonly string[]): Language {
  if (choice !== "system") return choice;
  for (const tag of system) {
    if (/^zh\b/i.test(tag)) return "zh-CN";
    if (/^en\b/i.test(tag)) return "en";
  }
  return "en";
}

void i18next.use(initReactI18next).init({
  lng: "en",
  fallbackLng: "en",
  initAsync: false,
  // React escapes; escaping twice would show "&amp;" in file names.
  interpolation: { escapeValue: false },
  resources: { en: { translation: en }, "zh-CN": { translation: zhCN } },
});

export { i18next };
