/**
 * Repeated structure in a sequence of nodes: equal blocks that follow one another, as the layers of a transformer whose
 * names say nothing. Nodes stand in topological order, so a run of nodes is a convex part of the graph.
 */

export interface NodeSequence {
  readonly count: number;
  /** A number for each operator. */
  readonly op: Uint32Array;
  /** Inputs of node i: inputStart[i] .. inputStart[i + 1]. */
  readonly inputStart: Uint32Array;
  /** Place of the producing node in the sequence; -1: a constant, -2: left out or from outside. */
  readonly producers: Int32Array;
}

/** Blocks start, start + length, ... of equal structure. */
export interface RepeatedRun {
  readonly start: number;
  readonly length: number;
  readonly count: number;
}

/** A value with more users than this, over more nodes than this, says nothing about where its users stand. */
const globalUsers = 8;
const globalSpan = 48;
const smallestBlock = 4;
const smallestRun = 12;
const largestCandidates = 24;

/** The runs, first to last; they do not overlap. */
export function findRepeats(sequence: NodeSequence): RepeatedRun[] {
  const { count, op, inputStart, producers } = sequence;
  const users = new Int32Array(count);
  const lastUse = new Int32Array(count).fill(-1);
  for (let i = 0; i < count; i++) {
    for (let k = inputStart[i]!; k < inputStart[i + 1]!; k++) {
      const from = producers[k]!;
      if (from < 0) continue;
      users[from]!++;
      lastUse[from] = Math.max(lastUse[from]!, i);
    }
  }
  const isGlobal = (node: number): boolean => users[node]! > globalUsers && lastUse[node]! - node > globalSpan;
  const print = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    let hash = Math.imul(0x811c9dc5 ^ op[i]!, 0x01000193);
    for (let k = inputStart[i]!; k < inputStart[i + 1]!; k++) {
      const from = producers[k]!;
      const word = from < 0 ? from : isGlobal(from) ? -3 : i - from;
      hash = Math.imul(hash ^ word ^ (hash >>> 13), 0x01000193);
    }
    print[i] = hash;
  }
  /** Values alive before node b: what a border there would cut. */
  const live = new Int32Array(count + 2);
  for (let i = 0; i < count; i++) {
    if (lastUse[i]! <= i || isGlobal(i)) continue;
    live[i + 1]!++;
    live[lastUse[i]! + 1]!--;
  }
  for (let b = 1; b <= count; b++) live[b]! += live[b - 1]!;

  const found: RepeatedRun[] = [];
  const pending: [number, number][] = [[0, count]];
  while (pending.length > 0 && found.length < 64) {
    const [low, high] = pending.pop()!;
    if (high - low < 2 * smallestBlock) continue;
    const run = bestRun(print, op, live, low, high);
    if (!run) continue;
    found.push(run);
    pending.push([low, run.start], [run.start + run.length * run.count, high]);
  }
  return found.sort((a, b) => a.start - b.start);
}

function bestRun(print: Int32Array, op: Uint32Array, live: Int32Array, low: number, high: number): RepeatedRun | undefined {
  // Distances between a node and the last one like it are where periods show.
  const last = new Map<number, number>();
  const gaps = new Map<number, number>();
  for (let i = low; i < high; i++) {
    const before = last.get(print[i]!);
    last.set(print[i]!, i);
    if (before === undefined) continue;
    const gap = i - before;
    if (gap >= smallestBlock && 2 * gap <= high - low) gaps.set(gap, (gaps.get(gap) ?? 0) + 1);
  }
  const candidates = [...gaps].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, largestCandidates).map(([gap]) => gap).sort((a, b) => a - b);
  let best: { start: number; end: number; period: number; covered: number } | undefined;
  for (const period of candidates) {
    let start = -1;
    for (let i = low; i <= high - period; i++) {
      const same = i < high - period && print[i] === print[i + period];
      if (same && start < 0) start = i;
      if (same || start < 0) continue;
      const end = i + period;
      const covered = Math.floor((end - start) / period) * period;
      // A shorter period that covers about as much is the better one.
      if (i - start >= period && covered >= smallestRun && (!best || covered > best.covered * 1.08)) best = { start, end, period, covered };
      start = -1;
    }
  }
  if (!best) return undefined;
  const { start, end, period } = best;
  // Where the fewest values cross the border a block begins; among equals, at the beginning of what repeats.
  let offset = 0;
  let fewest = Infinity;
  for (let o = 0; o < period; o++) {
    if (start + o + 2 * period > end + period) break;
    const crossing = live[start + o + period] ?? Infinity;
    if (crossing < fewest) {
      fewest = crossing;
      offset = o;
    }
  }
  let from = start + offset;
  let count = Math.floor((end - from) / period);
  // The first and the last block read other values than those between: the same operators are enough for them.
  const sameOps = (a: number, b: number): boolean => {
    if (a < low || b < low || a + period > high || b + period > high) return false;
    for (let i = 0; i < period; i++) if (op[a + i] !== op[b + i]) return false;
    return true;
  };
  while (sameOps(from - period, from)) {
    from -= period;
    count++;
  }
  while (count > 0 && sameOps(from + (count - 1) * period, from + count * period)) count++;
  return count < 2 ? undefined : { start: from, length: period, count };
}

/** What a block does, as far as its operators tell; names a text. */
export type BlockKind = "transformer-layer" | "attention-block" | "recurrent-layer" | "residual-block" | "convolution-block" | "dense-block" | "block";
export const blockKinds: readonly BlockKind[] = ["transformer-layer", "attention-block", "recurrent-layer", "residual-block", "convolution-block", "dense-block", "block"];

export function blockKind(ops: readonly string[]): BlockKind {
  const has = (...names: readonly string[]): boolean => names.some((name) => ops.includes(name));
  const products = ops.filter((op) => op === "MatMul" || op === "Gemm" || op === "FusedMatMul").length;
  const attends = has("Attention", "MultiHeadAttention", "GroupQueryAttention") || (has("Softmax") && products >= 2);
  if (attends) return products >= 5 || has("LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization", "SkipLayerNormalization") ? "transformer-layer" : "attention-block";
  if (has("LSTM", "GRU", "RNN")) return "recurrent-layer";
  if (has("Conv", "ConvTranspose", "QLinearConv", "ConvInteger")) return has("Add", "Sum") ? "residual-block" : "convolution-block";
  return products > 0 ? "dense-block" : "block";
}
