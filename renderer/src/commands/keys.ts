/** Chords: how they are written, matched and shown. */

export const isMac = typeof navigator !== "undefined" && /mac/i.test(navigator.platform);

interface Chord {
  readonly mod: boolean;
  readonly alt: boolean;
  readonly shift: boolean;
  readonly key: string;
}

const names: Readonly<Record<string, string>> = { " ": "Space", ",": "Comma" };

export function parseChord(text: string): Chord {
  // "Mod++" ends with the key itself.
  const parts = text.endsWith("+") ? [...text.slice(0, -1).split("+").filter(Boolean), "+"] : text.split("+");
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
