import { describe, expect, test } from "vitest";
import { assign, bind, chordOf, conflicts, isFixed, isOwn, keysOf, refusal, swapped } from "../src/commands/bindings.ts";
import { parseChord, showChord } from "../src/commands/keys.ts";
import { commandById, commands } from "../src/commands/table.ts";
import { defaultSettings, loadSettings } from "../src/state/settings.ts";

const event = (key: string, held: Partial<Record<"ctrlKey" | "metaKey" | "altKey" | "shiftKey", boolean>> = {}, code = ""): Parameters<typeof chordOf>[0] =>
  ({ key, code, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });
const [fit, center, palette] = [commandById("view-fit"), commandById("view-center"), commandById("view-palette")];

describe("a person's keys", () => {
  test("a pressed key is written as the table writes it", () => {
    expect(chordOf(event("q"), false)).toBe("Q");
    expect(chordOf(event("Z", { ctrlKey: true, shiftKey: true }), false)).toBe("Mod+Shift+Z");
    expect(chordOf(event("z", { metaKey: true }), true)).toBe("Mod+Z");
    expect(chordOf(event("?", { shiftKey: true }), false)).toBe("?");
    expect(chordOf(event("¡", { altKey: true }, "Digit1"), false)).toBe("Alt+1");
    expect(chordOf(event(" "), false)).toBe("Space");
    expect(chordOf(event(",", { ctrlKey: true }), false)).toBe("Mod+Comma");
    expect(chordOf(event("Control", { ctrlKey: true }), false)).toBeUndefined();
    expect(chordOf(event("+", { ctrlKey: true, shiftKey: true }), false)).toBe("Mod++");
    expect(parseChord("Mod++")).toEqual({ mod: true, alt: false, shift: false, key: "+" });
    expect(showChord("Mod++", false)).toBe("Ctrl++");
  });
  test("what equals the table is not kept", () => {
    const own = bind({}, fit, ["Q"]);
    expect([keysOf(fit, own), isOwn(fit, own), keysOf(center, own)]).toEqual([["Q"], true, ["C"]]);
    expect(bind(own, fit, ["F"])).toEqual({});
    expect(keysOf(fit, bind(own, fit, []))).toEqual([]);
  });
  test("keys that cannot be had are refused with the reason", () => {
    expect(refusal("Mod+W", fit, "browser", false)).toBe("browser");
    expect(refusal("Mod+W", fit, "electron", false)).toBeUndefined();
    expect(refusal("Mod+Q", fit, "electron", true)).toBe("browser");
    expect(refusal("Shift+Tab", fit, "electron", false)).toBe("focus");
    expect(refusal("Mod+C", fit, "browser", false)).toBe("editing");
    expect(refusal("Q", palette, "browser", false)).toBe("typing");
    expect(refusal("F8", palette, "browser", false)).toBeUndefined();
    expect(refusal("Q", fit, "browser", false)).toBeUndefined();
  });
  test("the table itself has none that would be refused", () => {
    for (const command of commands) for (const key of command.keys ?? []) expect([command.id, key, refusal(key, command, "browser", false)]).toEqual([command.id, key, undefined]);
  });
  test("a taken key is swapped or taken, and no two commands have it", () => {
    expect(conflicts({}, "view-fit", ["C"])).toEqual([center]);
    const exchanged = assign({}, fit, ["C"], "browser", true);
    expect([keysOf(fit, exchanged), keysOf(center, exchanged)]).toEqual([["C"], ["F"]]);
    const taken = assign({}, fit, ["C"], "browser");
    expect([keysOf(fit, taken), keysOf(center, taken)]).toEqual([["C"], []]);
    // F is a letter, and the palette works while typing.
    expect(swapped({}, fit, ["Mod+K"], palette, "browser")).toBeUndefined();
    expect(keysOf(palette, assign({}, fit, ["Mod+K"], "browser", true))).toEqual(["Mod+Shift+P"]);
    for (const own of [exchanged, taken]) {
      const keys = commands.flatMap((command) => keysOf(command, own));
      expect(new Set(keys).size).toBe(keys.length);
    }
    expect(assign(exchanged, center, ["C"], "browser", true)).toEqual({});
  });
  test("nine keys for nine inputs stay", () => expect(commands.filter(isFixed).map(({ id }) => id)).toEqual(["edit-go-to-input"]));
  test("stored keys that do not fit are left out, the others stay", () => {
    expect(loadSettings({ getItem: () => '{"keys":{"view-fit":["Q"],"view-center":"C","view-minimap":[3],"view-palette":[]}}' })).toEqual({ ...defaultSettings, keys: { "view-fit": ["Q"], "view-palette": [] } });
    expect(loadSettings({ getItem: () => '{"keys":null}' })).toEqual(defaultSettings);
  });
});
