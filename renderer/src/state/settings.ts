/** What a person chose once and expects to find again: kept in this browser's or this user's storage. */
export type ThemeChoice = "system" | "light" | "dark" | "high-contrast";
export type LanguageChoice = "system" | "en" | "zh-CN";

export interface Settings {
  readonly theme: ThemeChoice;
  readonly language: LanguageChoice;
  /** check each rewrite applied by hand on its own region */
  readonly checkRewrites: boolean;
  /** check every rewrite of a pipeline run as well */
  readonly checkPipelines: boolean;
  /** hide passes that changed nothing */
  readonly onlyChanged: boolean;
  readonly diffSideBySide: boolean;
  /** fold unchanged lines of text comparisons away */
  readonly diffOnlyChanged: boolean;
  /** keys of commands that are not those of the table, by the command's id */
  readonly keys: Readonly<Record<string, readonly string[]>>;
}

export const defaultSettings: Settings = {
  theme: "system",
  language: "system",
  checkRewrites: true,
  checkPipelines: false,
  onlyChanged: true,
  diffSideBySide: true,
  diffOnlyChanged: true,
  keys: {},
};

const key = "settings";
const choices: { readonly [K in keyof Settings]?: readonly Settings[K][] } = {
  theme: ["system", "light", "dark", "high-contrast"],
  language: ["system", "en", "zh-CN"],
};

/** Settings as stored; anything that does not fit is the default. */
export function loadSettings(storage: Pick<Storage, "getItem"> | undefined): Settings {
  let stored: unknown;
  try {
    stored = JSON.parse(storage?.getItem(key) ?? "{}");
  } catch {
    return defaultSettings;
  }
  if (typeof stored !== "object" || stored === null) return defaultSettings;
  const settings: Record<string, unknown> = { ...defaultSettings };
  for (const [name, fallback] of Object.entries(defaultSettings)) {
    const value = (stored as Record<string, unknown>)[name];
    const allowed = choices[name as keyof Settings] as readonly unknown[] | undefined;
    if (allowed ? allowed.includes(value) : typeof value === typeof fallback) settings[name] = value;
  }
  // Each command's keys by themselves: one that does not fit takes no other with it.
  settings["keys"] = Object.fromEntries(Object.entries(settings["keys"] ?? {}).filter(([, keys]) => Array.isArray(keys) && keys.every((each) => typeof each === "string" && each !== "")));
  return settings as unknown as Settings;
}

export function saveSettings(storage: Pick<Storage, "setItem"> | undefined, settings: Settings): void {
  try {
    storage?.setItem(key, JSON.stringify(settings));
  } catch {
    // A full or forbidden storage loses the choice at the next start, and nothing else.
  }
}
