/** Keyboard input -> commands. */
import { useStore } from "../state/store.ts";
import { keysOf } from "./bindings.ts";
import { matches, parseChord } from "./keys.ts";
import { commands, isEnabled, runCommand } from "./table.ts";

const isText = (target: Element): boolean => target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable=true], .monaco-editor") !== null;
/** Keys that a focused control uses itself. */
const controlKeys = new Set(["Enter", " ", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);
const isControl = (target: Element): boolean =>
  target.closest("input, button, a, [role=slider], [role=tab], [role=treeitem], [role=option], [role=menuitem], [role=switch], [role=separator], summary") !== null;

/** The command that a key event asks for. */
function commandFor(event: KeyboardEvent): { readonly id: string; readonly key: string } | undefined {
  const target = event.target instanceof Element ? event.target : document.body;
  // Dialogs and menus handle their own keys.
  if (event.defaultPrevented || target.closest("[role=dialog], [role=menu]")) return undefined;
  // The menu bar takes letters and arrows; a way out of it has to work.
  if (target.closest("[role=menubar]") && !/^F\d+$/.test(event.key)) return undefined;
  const state = useStore.getState();
  const typing = isText(target);
  for (const command of commands) {
    if (typing && !command.global) continue;
    const key = keysOf(command, state.settings.keys).find((chord) => matches(parseChord(chord), event));
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
  // A closed list goes to its next entry with that letter, without a word: where the letter is a command, it is that.
  const onLetter = (event: KeyboardEvent): void => {
    if (event.key.length !== 1 || event.key === " " || !(event.target instanceof Element) || event.target.closest("button[role=combobox][aria-expanded=false]") === null) return;
    onKey(event);
    if (event.defaultPrevented) event.stopPropagation();
  };
  window.addEventListener("keydown", onLetter, true);
  window.addEventListener("keydown", onKey);
  return () => {
    window.removeEventListener("keydown", onLetter, true);
    window.removeEventListener("keydown", onKey);
  };
}
