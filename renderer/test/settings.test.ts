import { expect, test } from "vitest";
import { defaultSettings, loadSettings, saveSettings } from "../src/state/settings.ts";

const storage = (text: string | null): Pick<Storage, "getItem"> => ({ getItem: () => text });

test("settings come back as they were saved", () => {
  let kept = "";
  const settings = { ...defaultSettings, theme: "dark", language: "zh-CN", onlyChanged: false } as const;
  saveSettings({ setItem: (_, value) => void (kept = value) }, settings);
  expect(loadSettings(storage(kept))).toEqual(settings);
});

test("what does not fit is the default", () => {
  for (const text of [null, "", "{", "null", "3", "[]"]) expect(loadSettings(storage(text))).toEqual(defaultSettings);
  expect(loadSettings(storage('{"theme":"pink","checkRewrites":"yes","onlyChanged":false,"extra":1}'))).toEqual({ ...defaultSettings, onlyChanged: false });
});

test("a storage that refuses loses nothing but the choice", () => {
  const full = { setItem: () => { throw new Error("QuotaExceededError"); } };
  expect(() => saveSettings(full, defaultSettings)).not.toThrow();
});
