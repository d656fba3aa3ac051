/**
 * Where two long texts differ, with some lines around: what an editor compares instead of the whole. Lines of a graph's text are
 * nearly all unique, since each names its values: those that both texts have once, in one order, hold the rest in place (patience
 * diff), in n log n. Short texts are given whole.
 */
import type { NodeId } from "../ir/graph.ts";
import type { TextDiffView, TextView } from "./protocol.ts";

export interface TextDiffOptions {
  /** characters of the longer text from which on only places that differ are given */
  readonly excerptFrom?: number;
  /** equal lines around a place that differs */
  readonly context?: number;
  /** lines of an excerpt; what would come after is counted and left out */
  readonly maxLines?: number;
}

interface Hunk {
  /** first line, counted from 0, and the line after the last, in the text before and in the text after */
  readonly a: number;
  readonly aEnd: number;
  readonly b: number;
  readonly bEnd: number;
}

/** Where they differ, in order. */
export function differingLines(a: readonly string[], b: readonly string[]): readonly Hunk[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const hunks: Hunk[] = [];
  let [i, j] = [start, start];
  const upTo = (x: number, y: number): void => {
    // Equal lines that are not unique belong to the unique ones that they stand beside.
    while (i < x && j < y && a[i] === b[j]) [i, j] = [i + 1, j + 1];
    let [aEnd, bEnd] = [x, y];
    while (aEnd > i && bEnd > j && a[aEnd - 1] === b[bEnd - 1]) [aEnd, bEnd] = [aEnd - 1, bEnd - 1];
    if (i < aEnd || j < bEnd) hunks.push({ a: i, aEnd, b: j, bEnd });
  };
  for (const [x, y] of anchors(a, b, start, end)) {
    upTo(x, y);
    [i, j] = [x + 1, y + 1];
  }
  upTo(a.length - end, b.length - end);
  return hunks;
}

/** Pairs of lines that each text has once between `start` and `end`, the most of them that stand in one order. */
function anchors(a: readonly string[], b: readonly string[], start: number, end: number): readonly (readonly [number, number])[] {
  const once = (lines: readonly string[]): Map<string, number> => {
    const places = new Map<string, number>();
    for (let k = start; k < lines.length - end; k++) places.set(lines[k]!, places.has(lines[k]!) ? -1 : k);
    return places;
  };
  const [inA, inB] = [once(a), once(b)];
  const pairs: [number, number][] = [];
  for (const [line, x] of inA) {
    const y = x < 0 ? undefined : inB.get(line);
    if (y !== undefined && y >= 0) pairs.push([x, y]);
  }
  // Longest increasing subsequence of the second places.
  const tails: number[] = [];
  const before = new Int32Array(pairs.length);
  for (let k = 0; k < pairs.length; k++) {
    let [low, high] = [0, tails.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pairs[tails[middle]!]![1] < pairs[k]![1]) low = middle + 1;
      else high = middle;
    }
    before[k] = low > 0 ? tails[low - 1]! : -1;
    tails[low] = k;
  }
  const kept: [number, number][] = [];
  for (let k = tails.at(-1) ?? -1; k >= 0; k = before[k]!) kept.push(pairs[k]!);
  return kept.reverse();
}

export function textDiff(before: TextView, after: TextView, { excerptFrom = 1_000_000, context = 12, maxLines = 12_000 }: TextDiffOptions = {}): TextDiffView {
  if (Math.max(before.text.length, after.text.length) < excerptFrom) return { before, after };
  const [a, b] = [before.text.split("\n"), after.text.split("\n")];
  const hunks = differingLines(a, b);
  // Places that are near each other are one piece.
  const pieces: { from: Hunk; to: Hunk }[] = [];
  let [lines, shown] = [0, 0];
  for (const hunk of hunks) {
    const last = pieces.at(-1);
    const near = last !== undefined && hunk.a - last.to.aEnd <= 2 * context;
    const size = Math.max(hunk.aEnd - hunk.a, hunk.bEnd - hunk.b) + (near ? hunk.a - last.to.aEnd : 2 * context);
    if (shown > 0 && lines + size > maxLines) break;
    lines += size;
    shown++;
    if (near) last.to = hunk;
    else pieces.push({ from: hunk, to: hunk });
  }
  const side = (all: readonly string[], view: TextView, first: (hunk: Hunk) => number, end: (hunk: Hunk) => number): TextDiffView["before"] & { numbers: readonly number[] } => {
    const [text, numbers]: [string[], number[]] = [[], []];
    let next = 0;
    const skip = (to: number): void => {
      if (to <= next) return;
      text.push(`# ⋯ ${to - next} ⋯`);
      numbers.push(0);
    };
    for (const { from, to } of pieces) {
      // Equal lines before and after a piece are as many on both sides.
      const begin = Math.max(next, first(from) - context, 0);
      skip(begin);
      next = Math.min(all.length, end(to) + context);
      for (let k = begin; k < next; k++) {
        text.push(all[k]!);
        numbers.push(k + 1);
      }
    }
    skip(shown < hunks.length ? next : all.length);
    const placed = new Map(numbers.map((number, at) => [number, at + 1]));
    const lines = view.lines.flatMap(([node, from, to]): (readonly [NodeId, number, number])[] => {
      const [top, bottom] = [placed.get(from), placed.get(to)];
      return top === undefined || bottom === undefined ? [] : [[node, top, bottom]];
    });
    return { text: text.join("\n") + "\n", lines, numbers };
  };
  return { before: side(a, before, (h) => h.a, (h) => h.aEnd), after: side(b, after, (h) => h.b, (h) => h.bEnd), places: hunks.length, shown };
}
