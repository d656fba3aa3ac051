import { describe, expect, test } from "vitest";
import { sectionsOf, hostMenu } from "../src/commands/host-menu.ts";
import { menus } from "../src/commands/command.ts";
import { accelerator, matches, parseChord, showChord } from "../src/commands/keys.ts";
import { commands, isEnabled } from "../src/commands/table.ts";
import { en } from "../src/i18n/en.ts";
import { initialState } from "../src/state/store.ts";

const event = (key: string, held: Partial<Record<"ctrlKey" | "metaKey" | "altKey" | "shiftKey", boolean>> = {}, code = ""): Parameters<typeof matches>[1] =>
  ({ key, code, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });

describe("the command table", () => {
  test("ids are unique and every one has a text", () => {
    expect(new Set(commands.map((command) => command.id)).size).toBe(commands.length);
    expect(commands.map((command) => command.id).sort()).toEqual(Object.keys(en.command).sort());
  });
  test("no two commands have one key", () => {
    const keys = commands.flatMap((command) => (command.keys ?? []).map((key) => key.toUpperCase()));
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
  });
  test("keys that work while typing have a modifier", () => {
    for (const command of commands.filter((each) => each.global)) for (const key of command.keys ?? []) expect(key).toMatch(/^((Mod|Alt)\+|(Shift\+)?F\d+$)/);
  });
  test("without a model, what needs one is off", () => {
    const on = commands.filter((command) => isEnabled(command, initialState)).map((command) => command.id);
    expect(on).toContain("file-open");
    for (const id of ["file-export", "edit-undo", "rewrite-run-all", "rewrite-verify", "rewrite-apply", "view-fit"]) expect(on).not.toContain(id);
  });
  test("every command is in one menu; the host's menu has the same", () => {
    const inMenus = menus.flatMap((menu) => sectionsOf(menu, { ...initialState, host: {} as never }).flat());
    expect(inMenus).toHaveLength(commands.length);
    const sent = hostMenu(initialState).flatMap((section) => section.entries).filter((entry) => entry.type === "command");
    expect(sent.map((entry) => entry.command)).toContain("file-open");
    for (const entry of sent) if (entry.accelerator) expect(entry.accelerator).toContain("+");
  });
});

describe("keys", () => {
  test("a chord needs exactly its modifiers", () => {
    expect(matches(parseChord("Mod+Z"), event("z", { ctrlKey: true }), false)).toBe(true);
    expect(matches(parseChord("Mod+Z"), event("Z", { ctrlKey: true, shiftKey: true }), false)).toBe(false);
    expect(matches(parseChord("Mod+Shift+Z"), event("Z", { ctrlKey: true, shiftKey: true }), false)).toBe(true);
    expect(matches(parseChord("J"), event("j", { ctrlKey: true }), false)).toBe(false);
    expect(matches(parseChord("Mod+Z"), event("z", { metaKey: true }), true)).toBe(true);
    expect(matches(parseChord("Mod+Z"), event("z", { ctrlKey: true }), true)).toBe(false);
  });
  test("symbols are matched by what is typed, whatever the layout needs for them", () => {
    expect(matches(parseChord("?"), event("?", { shiftKey: true }), false)).toBe(true);
    expect(matches(parseChord("/"), event("/", { shiftKey: true }), false)).toBe(true);
    expect(matches(parseChord("+"), event("+", { shiftKey: true }), false)).toBe(true);
  });
  test("Alt and a digit are found by the key's place where Alt types something else", () => {
    expect(matches(parseChord("Alt+1"), event("¡", { altKey: true }, "Digit1"), false)).toBe(true);
  });
  test("shown as people of each system write them", () => {
    expect(showChord("Mod+Shift+Z", false)).toBe("Ctrl+Shift+Z");
    expect(showChord("Mod+Shift+Z", true)).toBe("⇧⌘Z");
    expect(showChord("Mod+Comma", false)).toBe("Ctrl+,");
    expect(accelerator("Mod+Alt+ArrowRight")).toBe("CmdOrCtrl+Alt+Right");
  });
});
