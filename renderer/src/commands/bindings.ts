/** The keys of commands: the table's, or those that a person gave them. */
import type { Settings } from "../state/settings.ts";
import type { Command, CommandId } from "./command.ts";
import { isMac, parseChord } from "./keys.ts";
import { commands } from "./table.ts";

export type Bindings = Settings["keys"];

/** Nine keys that stand for nine inputs are not one that could be another. */
export const isFixed = (command: Pick<Command, "keys">): boolean => (command.keys?.length ?? 0) > 5;

const none: readonly string[] = [];
export const keysOf = (command: Pick<Command, "id" | "keys">, own: Bindings): readonly string[] => own[command.id] ?? command.keys ?? none;

const same = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((key, index) => key.toUpperCase() === b[index]!.toUpperCase());

export const isOwn = (command: Pick<Command, "id" | "keys">, own: Bindings): boolean => !same(keysOf(command, own), command.keys ?? none);

/** Gives a command these keys; what equals the table is not kept. */
export function bind(own: Bindings, command: Pick<Command, "id" | "keys">, keys: readonly string[]): Bindings {
  const { [command.id]: _, ...others } = own;
  return same(keys, command.keys ?? none) ? others : { ...others, [command.id]: keys };
}

const modifiers = new Set(["Control", "Shift", "Alt", "AltGraph", "Meta", "OS", "Fn", "FnLock", "CapsLock", "NumLock", "ScrollLock", "Hyper", "Super", "Dead", "Process", "Unidentified"]);

/** The chord that was pressed, as the table writes it; undefined while only modifiers are down. */
export function chordOf(event: Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">, mac = isMac): string | undefined {
  if (modifiers.has(event.key)) return undefined;
  // Alt types other characters on some layouts: the key's place decides there.
  const place = event.altKey ? /^(?:Digit|Key)([0-9A-Z])$/.exec(event.code)?.[1] : undefined;
  const key = place ?? ({ " ": "Space", ",": "Comma" }[event.key] ?? (event.key.length === 1 ? event.key.toUpperCase() : event.key));
  // A sign is what it is, whatever keys the layout needs for it.
  const shift = event.shiftKey && (key.length > 1 || /[A-Z0-9]/.test(key));
  return [(mac ? event.metaKey : event.ctrlKey) && "Mod", event.altKey && "Alt", shift && "Shift", key].filter(Boolean).join("+");
}

/** Why a key cannot be had: the browser's or the system's own, what moves the focus, what edits text, or what types while the command works in text fields. */
export type Refusal = "browser" | "focus" | "editing" | "typing";

const ofBrowser = ["Mod+N", "Mod+T", "Mod+W", "Mod+Shift+N", "Mod+Shift+T", "Mod+Shift+W", "Mod+Tab", "Mod+Shift+Tab", "Mod+PageUp", "Mod+PageDown", "Alt+F4", "F11"];
const ofBrowserOnMac = ["Mod+Q", "Mod+H", "Mod+M", "Mod+Alt+H", "Mod+`"];
const editing = ["Mod+C", "Mod+X", "Mod+V", "Mod+A"];
const has = (list: readonly string[], chord: string): boolean => list.some((each) => each.toUpperCase() === chord.toUpperCase());

export function refusal(chord: string, command: Pick<Command, "global">, host: "browser" | "electron", mac = isMac): Refusal | undefined {
  const { mod, alt, key } = parseChord(chord);
  if ((host === "browser" && has(ofBrowser, chord)) || (mac && has(ofBrowserOnMac, chord)) || (host === "electron" && has(["Alt+F4"], chord))) return "browser";
  if (key === "Tab") return "focus";
  if (has(editing, chord)) return "editing";
  if (command.global && !mod && !alt && !/^F\d+$/.test(key)) return "typing";
  return undefined;
}

/** Commands that have one of these keys already. */
export const conflicts = (own: Bindings, id: CommandId, keys: readonly string[]): readonly Command[] =>
  commands.filter((command) => command.id !== id && keysOf(command, own).some((key) => has(keys, key)));

/** The key that goes over in a swap: the command's former one, when it has one and the other command may have it. */
export function swapped(own: Bindings, command: Command, keys: readonly string[], other: Command, host: "browser" | "electron"): string | undefined {
  const former = keysOf(command, own).find((key) => !has(keys, key));
  return former !== undefined && !isFixed(other) && refusal(former, other, host) === undefined ? former : undefined;
}

/** Gives a command its keys and takes them from others; in a swap the first of those gets the former key. */
export function assign(own: Bindings, command: Command, keys: readonly string[], host: "browser" | "electron", swap = false): Bindings {
  let given: Bindings = own;
  for (const [index, other] of conflicts(own, command.id, keys).entries()) {
    const former = swap && index === 0 ? swapped(own, command, keys, other, host) : undefined;
    const left = keysOf(other, own).filter((key) => !has(keys, key));
    given = bind(given, other, former === undefined ? left : [former, ...left]);
  }
  return bind(given, command, keys);
}
