/** Ranks (layers) of a DAG: longest paths from the top, then side inputs are pulled down to what they feed. */

export interface Ranked {
  readonly rank: Int32Array;
  /** Vertices in topological order. */
  readonly order: Int32Array;
}

export interface RankInput {
  readonly count: number;
  readonly outStart: Int32Array;
  readonly outTo: Int32Array;
  readonly inStart: Int32Array;
  readonly inFrom: Int32Array;
  /** 1: stays at the top, 2: stays at the bottom (ports of an open group). */
  readonly pin: Uint8Array;
}

/** An edge that closes a cycle is left out of the ranking: its target ends up no lower than its source. */
export function rankVertices({ count, outStart, outTo, inStart, inFrom, pin }: RankInput): Ranked {
  const rank = new Int32Array(count);
  const order = new Int32Array(count);
  const waiting = new Int32Array(count);
  const seen = new Uint8Array(count);
  let tail = 0;
  for (let v = 0; v < count; v++) {
    waiting[v] = inStart[v + 1]! - inStart[v]!;
    if (waiting[v] === 0) {
      seen[v] = 1;
      order[tail++] = v;
    }
  }
  let head = 0;
  let resume = 0;
  while (tail < count || head < tail) {
    if (head === tail) {
      // Only a cycle leaves vertices waiting: take the first one.
      while (seen[resume] === 1) resume++;
      seen[resume] = 1;
      order[tail++] = resume;
    }
    const a = order[head++]!;
    for (let e = outStart[a]!; e < outStart[a + 1]!; e++) {
      const b = outTo[e]!;
      if (seen[b] === 1) continue;
      if (rank[b]! <= rank[a]!) rank[b] = rank[a]! + 1;
      if (--waiting[b]! === 0) {
        seen[b] = 1;
        order[tail++] = b;
      }
    }
  }
  const placeOf = new Int32Array(count);
  for (let i = 0; i < count; i++) placeOf[order[i]!] = i;

  // Loose: everything above it feeds nothing else, so moving it down lengthens no edge.
  const loose = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const v = order[i]!;
    let isLoose = pin[v] === 0;
    for (let e = inStart[v]!; e < inStart[v + 1]! && isLoose; e++) {
      const u = inFrom[e]!;
      isLoose = loose[u] === 1;
      for (let k = outStart[u]!; k < outStart[u + 1]! && isLoose; k++) isLoose = outTo[k] === v;
    }
    loose[v] = isLoose ? 1 : 0;
  }
  for (let i = count - 1; i >= 0; i--) {
    const v = order[i]!;
    if (pin[v] !== 0) continue;
    const outs = outStart[v + 1]! - outStart[v]!;
    if (outs === 0 || (loose[v] === 0 && outs <= inStart[v + 1]! - inStart[v]!)) continue;
    let lowest = Infinity;
    for (let e = outStart[v]!; e < outStart[v + 1]!; e++) {
      const w = outTo[e]!;
      if (placeOf[w]! > i && pin[w] !== 2) lowest = Math.min(lowest, rank[w]! - 1);
    }
    if (lowest !== Infinity && lowest > rank[v]!) rank[v] = lowest;
  }
  return { rank, order };
}
