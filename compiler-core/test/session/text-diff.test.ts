import { expect, test } from "vitest";
import { differingLines, textDiff } from "../../src/session/text-diff.ts";

const hunks = (a: string, b: string): string[] => differingLines([...a], [...b]).map((h) => `${a.slice(h.a, h.aEnd)}>${b.slice(h.b, h.bEnd)}`);

test("letters as lines: what differs, in order", () => {
  expect(hunks("abcdef", "abcdef")).toEqual([]);
  expect(hunks("abcdef", "abXdef")).toEqual(["c>X"]);
  expect(hunks("abcdef", "abdefg")).toEqual(["c>", ">g"]);
  expect(hunks("", "ab")).toEqual([">ab"]);
  expect(hunks("abc", "cab")).toEqual([">c", "c>"]);
  expect(hunks("a}b}c}", "a}c}")).toEqual(["b}>"]);
});

test("any two texts: taking the places from the second gives the second", () => {
  let state = 11;
  const random = (below: number): number => (state = (state * 1103515245 + 12345) % 2147483648) % below;
  for (let i = 0; i < 4000; i++) {
    const a = Array.from({ length: random(12) }, () => "abcdefgh"[random(8)]!);
    const b = random(2) ? a.flatMap((line) => (random(4) ? [line] : random(2) ? [] : [line, "x"])) : Array.from({ length: random(12) }, () => "abcdefgh"[random(8)]!);
    const made = [...a];
    for (const h of [...differingLines(a, b)].reverse()) made.splice(h.a, h.aEnd - h.a, ...b.slice(h.b, h.bEnd));
    expect(made).toEqual(b);
  }
});

test("a long text: pieces with their own numbers and nodes, the equal rest counted", () => {
  const text = (change: (line: number) => string): string => Array.from({ length: 1000 }, (_, k) => change(k + 1)).join("\n") + "\n";
  const lines = Array.from({ length: 1000 }, (_, k) => [k, k + 1, k + 1] as const);
  const before = { text: text((k) => `%${k}`), lines };
  const after = { text: text((k) => (k === 500 ? "%new\n%newer" : `%${k}`)), lines: lines.map(([node, at]) => [node, at + (at > 500 ? 1 : 0), at + (at > 500 ? 1 : 0)] as const) };
  expect(textDiff(before, after)).toEqual({ before, after });
  const diff = textDiff(before, after, { excerptFrom: 100, context: 2 });
  expect(diff.before.text).toBe("# ⋯ 497 ⋯\n%498\n%499\n%500\n%501\n%502\n# ⋯ 499 ⋯\n");
  expect(diff.after.text).toBe("# ⋯ 497 ⋯\n%498\n%499\n%new\n%newer\n%501\n%502\n# ⋯ 499 ⋯\n");
  expect(diff.before.numbers).toEqual([0, 498, 499, 500, 501, 502, 0]);
  expect(diff.after.lines).toEqual([[497, 2, 2], [498, 3, 3], [499, 4, 4], [500, 6, 6], [501, 7, 7]]);
  expect([diff.places, diff.shown]).toEqual([1, 1]);
  const many = textDiff(before, { text: text((k) => (k % 100 === 0 ? "%new" : `%${k}`)), lines }, { excerptFrom: 100, context: 2, maxLines: 12 });
  expect([many.places, many.shown]).toEqual([10, 2]);
});
