/** Texts of graphs in an editor's model: a long one comes in pieces, a changed one as an edit of the lines that changed. */
import type * as Monaco from "monaco-editor/editor/editor.api";

/** What of Monaco's text model is used. */
export type TextModel = Pick<Monaco.editor.ITextModel, "setValue" | "applyEdits" | "getPositionAt" | "setEOL">;

/** Characters that are put in at once: a few milliseconds of Monaco's time. */
const piece = 50_000;
const shown = new WeakMap<TextModel, string>();
/** Monaco's EndOfLineSequence.LF; offsets count it as one character. */
const lineFeed: Monaco.editor.EndOfLineSequence.LF = 0;

/** The lines in which `after` differs from `before`: from `start`, `removed` characters of `before` become `inserted`. */
export function changedLines(before: string, after: string): { readonly start: number; readonly removed: number; readonly inserted: string } {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before.charCodeAt(start) === after.charCodeAt(start)) start++;
  // Whole lines only: no line and no pair of characters is cut in two.
  if (start < before.length || !before.endsWith("\n")) start = start === 0 ? 0 : before.lastIndexOf("\n", start - 1) + 1;
  let same = 0;
  while (same < most - start && before.charCodeAt(before.length - 1 - same) === after.charCodeAt(after.length - 1 - same)) same++;
  const beginsLine = (text: string): boolean => text.length - same === start || text[text.length - same - 1] === "\n";
  if (same > 0 && !(beginsLine(before) && beginsLine(after))) {
    const from = after.indexOf("\n", after.length - same);
    same = from < 0 ? 0 : after.length - from - 1;
  }
  return { start, removed: before.length - start - same, inserted: after.slice(start, after.length - same) };
}

/** Waits for a moment without work: a text that still comes does not hold up what a person does meanwhile. */
const whenIdle: (next: () => void) => () => void =
  typeof requestIdleCallback === "function"
    ? (next) => { const id = requestIdleCallback(next, { timeout: 250 }); return () => cancelIdleCallback(id); }
    : (next) => { const id = setTimeout(next, 0); return () => clearTimeout(id); };

/** Makes `text` the model's text and calls `done` when all of it is there. Gives a function that stops it where it is. */
export function showText(model: TextModel, text: string, done: () => void): () => void {
  let stop = (): void => undefined;
  /** characters of `text` that are there, once it grows at its end only */
  let there: number | undefined;
  const step = (): void => {
    const before = shown.get(model) ?? "";
    if (there !== undefined || before !== text) {
      const { start, removed, inserted } = there === undefined ? changedLines(before, text) : { start: there, removed: 0, inserted: "" };
      const grows = there !== undefined || (removed === 0 && start === before.length);
      if (grows && before !== "") put(model, text.slice(0, cut(text, start + piece)), start, 0, text.slice(start, cut(text, start + piece)));
      else if (inserted.length <= piece && before !== "") put(model, text, start, removed, inserted);
      else {
        const first = text.slice(0, cut(text, piece));
        model.setValue(first);
        model.setEOL(lineFeed);
        shown.set(model, first);
      }
      there = shown.get(model)!.length;
    }
    if (there === undefined || there === text.length) done();
    else stop = whenIdle(step);
  };
  step();
  return () => stop();
}

function put(model: TextModel, after: string, start: number, removed: number, inserted: string): void {
  const from = model.getPositionAt(start);
  const to = model.getPositionAt(start + removed);
  model.applyEdits([{ range: { startLineNumber: from.lineNumber, startColumn: from.column, endLineNumber: to.lineNumber, endColumn: to.column }, text: inserted }]);
  shown.set(model, after);
}

/** The end of the line at a place, so that no line is put in twice. */
function cut(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end + 1;
}
