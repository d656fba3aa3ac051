/** Keyboard input -> commands. */
import { commands, isEnabled, runCommand } from "./table.ts";
import { useStore } from "../state/store.ts";

export const isMac = typeof navigator !== "undefined" && /mac/i.test(navigator.platform);

interface Chord {
  readonly mod: boolean;
  readonly alt: boolean;
  readonly shift: boolean;
  readonly key: string;
}

const names: Readonly<Record<string, string>> = { " ": "Space", ",": "Comma" };

export function parseChord(text: string): Chord {
  const parts = text === "+" ? ["+"] : text.split("+");
  return { mod: parts.includes("Mod"), alt: parts.includes("Alt"), shift: parts.includes("Shift"), key: parts.at(-1)! };
}

/** Whether a key event is the chord. Keys that need Shift on some layouts ("?", "+") are matched by what they type. */
export function matches(chord: Chord, event: Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">, mac = isMac): boolean {
  const mod = mac ? event.metaKey : event.ctrlKey;
  if (chord.mod !== mod || chord.alt !== event.altKey || (mac ? event.ctrlKey : event.metaKey)) return false;
  const typed = names[event.key] ?? event.key;
  const symbol = chord.key.length === 1 && !/[a-z0-9]/i.test(chord.key);
  if (!symbol && chord.shift !== event.shiftKey) return false;
  if (typed.toUpperCase() === chord.key.toUpperCase()) return true;
  // Alt types other characters on some layouts: the key's place decides there.
  return chord.alt && /^[0-9A-Z]$/.test(chord.key) && (event.code === `Digit${chord.key}` || event.code === `Key${chord.key}`);
}

const symbols: Readonly<Record<string, string>> = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Comma: ",", Escape: "Esc" };

/** A chord as people read it: "Ctrl+Shift+Z", "⇧⌘Z". */
export function showChord(text: string, mac = isMac): string {
  const { mod, alt, shift, key } = parseChord(text);
  const shown = symbols[key] ?? key;
  if (mac) return `${alt ? "⌥" : ""}${shift ? "⇧" : ""}${mod ? "⌘" : ""}${shown}`;
  return [mod && "Ctrl", alt && "Alt", shift && "Shift", shown].filter(Boolean).join("+");
}

/** An accelerator as Electron spells it. */
export function accelerator(text: string): string {
  const { mod, alt, shift, key } = parseChord(text);
  const spelled: Readonly<Record<string, string>> = { ArrowLeft: "Left", ArrowRight: "Right", Comma: ",", "+": "Plus" };
  return [mod && "CmdOrCtrl", alt && "Alt", shift && "Shift", spelled[key] ?? key].filter(Boolean).join("+");
}

const isText = (target: Element): boolean => target.closest("input, textarea, select, [contenteditable=true], .monaco-editor") !== null;
/** Keys that a focused control uses itself. */
const controlKeys = new Set(["Enter", " ", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);
const isControl = (target: Element): boolean =>
  target.closest("button, a, [role=slider], [role=tab], [role=treeitem], [role=option], [role=menuitem], [role=switch], [role=separator], summary") !== null;

/** The command that a key event asks for. */
export function commandFor(event: KeyboardEvent): { readonly id: string; readonly key: string } | undefined {
  const target = event.target instanceof Element ? event.target : document.body;
  // Dialogs and menus handle their own keys.
  if (event.defaultPrevented || target.closest("[role=dialog], [role=menu]")) return undefined;
  // The menu bar takes letters and arrows; a way out of it has to work.
  if (target.closest("[role=menubar]") && !/^F\d+$/.test(event.key)) return undefined;
  const state = useStore.getState();
  const typing = isText(target);
  for (const command of commands) {
    if (typing && !command.global) continue;
    const key = command.keys?.find((chord) => matches(parseChord(chord), event));
    if (key === undefined) continue;
    if (controlKeys.has(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey && isControl(target)) continue;
    if (isEnabled(command, state)) return { id: command.id, key };
  }
  return undefined;
}

export function listenForKeys(): () => void {
  const onKey = (event: KeyboardEvent): void => {
    const found = commandFor(event);
    if (!found) return;
    event.preventDefault();
    runCommand(found.id, found.key);
  };
  window.addEventListener("keydown", onKey);
  return () => window.removeEventListener("keydown", onKey);
}
