import { expect, test } from "vitest";
import { changedLines, showText, type TextModel } from "../src/editor/show-text.ts";

/** A model that keeps its text, and what was done to it. */
function recorded(): { readonly model: TextModel; text: string; readonly calls: string[] } {
  const record = {
    text: "",
    calls: [] as string[],
    model: {
      setValue(text: string) {
        record.text = text;
        record.calls.push(`set ${text.length}`);
      },
      setEOL() {},
      getPositionAt(offset: number) {
        const before = record.text.slice(0, offset);
        const lineNumber = before.split("\n").length;
        return { lineNumber, column: offset - (before.lastIndexOf("\n") + 1) + 1 };
      },
      applyEdits(edits: readonly { range: { startLineNumber: number; startColumn: number; endLineNumber: number; endColumn: number }; text: string | null }[]) {
        const starts = [0];
        for (let at = record.text.indexOf("\n"); at >= 0; at = record.text.indexOf("\n", at + 1)) starts.push(at + 1);
        for (const { range, text } of edits) {
          const [from, to] = [starts[range.startLineNumber - 1]! + range.startColumn - 1, starts[range.endLineNumber - 1]! + range.endColumn - 1];
          record.text = record.text.slice(0, from) + text + record.text.slice(to);
          record.calls.push(`edit ${range.startLineNumber}..${range.endLineNumber}`);
        }
      },
    } as unknown as TextModel,
  };
  return record;
}

test("a changed text is an edit of its changed lines: a b c -> a B c", () => {
  expect(changedLines("a\nb\nc\n", "a\nB\nc\n")).toEqual({ start: 2, removed: 2, inserted: "B\n" });
  expect(changedLines("a\nb\n", "a\nb\nc\n")).toEqual({ start: 4, removed: 0, inserted: "c\n" });
  expect(changedLines("a\nb\nc\n", "a\nc\n")).toEqual({ start: 2, removed: 2, inserted: "" });
  expect(changedLines("", "a\n")).toEqual({ start: 0, removed: 0, inserted: "a\n" });
  expect(changedLines("a", "ab")).toEqual({ start: 0, removed: 1, inserted: "ab" });
});

test("any two texts: before, the edit -> after", () => {
  let state = 7;
  const random = (below: number): number => (state = (state * 1103515245 + 12345) % 2147483648) % below;
  const text = (): string => Array.from({ length: random(6) }, () => ["a", "b", "aa", "", "😀", "b😁"][random(6)]!).join("\n") + (random(2) ? "\n" : "");
  for (let i = 0; i < 3000; i++) {
    const [before, after] = [text(), text()];
    const { start, removed, inserted } = changedLines(before, after);
    expect(before.slice(0, start) + inserted + before.slice(start + removed)).toBe(after);
    // No line is cut in two.
    expect(start === 0 || before[start - 1] === "\n").toBe(true);
    expect(start + removed === 0 || start + removed === before.length || before[start + removed - 1] === "\n").toBe(true);
  }
});

test("a long text comes in pieces, a step changes it by one edit", async () => {
  const long = Array.from({ length: 30_000 }, (_, i) => `%v${i} = Relu(%v${i - 1})`).join("\n") + "\n";
  const record = recorded();
  await new Promise<void>((done) => showText(record.model, long, done));
  expect(record.text).toBe(long);
  expect(record.calls.length).toBeGreaterThan(3);
  record.calls.length = 0;
  const next = long.replace("%v15000 = Relu", "%v15000 = Gelu");
  await new Promise<void>((done) => showText(record.model, next, done));
  expect(record.text).toBe(next);
  expect(record.calls).toEqual(["edit 15001..15002"]);
});

test("a text that another one follows before it is whole: the last one stands", async () => {
  const long = "line\n".repeat(80_000);
  const record = recorded();
  showText(record.model, long, () => undefined)();
  expect(record.text.length).toBeLessThan(long.length);
  await new Promise<void>((done) => showText(record.model, "short\n", done));
  expect(record.text).toBe("short\n");
});
