/**
 * Layout of one level: the boxes directly inside the top level or an open group, and the group's ports. The level is
 * cut where a single box carries everything that follows (after each residual Add, say); the blocks between the cuts
 * are laid out one by one, equal blocks once, and stacked with the cut boxes on one line.
 */

import { layoutBlock, type BlockLayout } from "./block.ts";
import { LAYER_GAP, layerGap } from "./types.ts";
import { rankVertices } from "./rank.ts";

export interface LevelInput {
  readonly count: number;
  readonly left: Float64Array;
  readonly right: Float64Array;
  readonly height: Float64Array;
  /** 0: box, 1: port at the top, 2: port at the bottom. */
  readonly pin: Uint8Array;
  readonly edgeCount: number;
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly fromOffset: Float64Array;
  readonly toOffset: Float64Array;
  readonly value: Int32Array;
  /** Previous x of each vertex or NaN. */
  readonly seed?: Float64Array;
}

export interface LevelLayout {
  /** Anchor x and top y. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly minX: number;
  readonly maxX: number;
  readonly height: number;
  /** Appends edge e's points, moved by dx, dy. */
  route(e: number, dx: number, dy: number, out: number[]): void;
}

interface CachedBlock {
  readonly key: Int32Array;
  readonly layout: BlockLayout;
}

/** Layouts of blocks by structure. Kept between layouts, it makes unchanged blocks cost nothing and look the same. */
export class BlockCache {
  readonly #entries = new Map<number, CachedBlock[]>();
  #size = 0;
  hits = 0;
  misses = 0;

  get(hash: number, key: Int32Array): BlockLayout | undefined {
    for (const entry of this.#entries.get(hash) ?? []) {
      if (entry.key.length === key.length && entry.key.every((word, i) => word === key[i])) {
        this.hits++;
        return entry.layout;
      }
    }
    this.misses++;
    return undefined;
  }

  set(hash: number, key: Int32Array, layout: BlockLayout): void {
    if (this.#size > 2_000_000) {
      this.#entries.clear();
      this.#size = 0;
    }
    this.#size += key.length;
    const list = this.#entries.get(hash);
    if (list === undefined) this.#entries.set(hash, [{ key, layout }]);
    else list.push({ key, layout });
  }
}

const COMPONENT_GAP = 48;

export function layoutLevel(input: LevelInput, cache: BlockCache): LevelLayout {
  const { count, edgeCount, from, to, pin } = input;
  const outStart = new Int32Array(count + 1);
  const inStart = new Int32Array(count + 1);
  for (let e = 0; e < edgeCount; e++) {
    outStart[from[e]! + 1]!++;
    inStart[to[e]! + 1]!++;
  }
  for (let v = 0; v < count; v++) {
    outStart[v + 1]! += outStart[v]!;
    inStart[v + 1]! += inStart[v]!;
  }
  const outEdge = new Int32Array(edgeCount);
  const outTo = new Int32Array(edgeCount);
  const inFrom = new Int32Array(edgeCount);
  const outFill = outStart.slice();
  const inFill = inStart.slice();
  for (let e = 0; e < edgeCount; e++) {
    const slot = outFill[from[e]!]!++;
    outEdge[slot] = e;
    outTo[slot] = to[e]!;
    inFrom[inFill[to[e]!]!++] = from[e]!;
  }
  const { rank } = rankVertices({ count, outStart, outTo, inStart, inFrom, pin });

  // Components, numbered by their first vertex.
  const component = new Int32Array(count).fill(-1);
  const components: number[][] = [];
  for (let root = 0; root < count; root++) {
    if (component[root]! >= 0) continue;
    const members = [root];
    component[root] = components.length;
    for (let i = 0; i < members.length; i++) {
      const v = members[i]!;
      for (let e = outStart[v]!; e < outStart[v + 1]!; e++) {
        if (component[outTo[e]!]! < 0) {
          component[outTo[e]!] = components.length;
          members.push(outTo[e]!);
        }
      }
      for (let e = inStart[v]!; e < inStart[v + 1]!; e++) {
        if (component[inFrom[e]!]! < 0) {
          component[inFrom[e]!] = components.length;
          members.push(inFrom[e]!);
        }
      }
    }
    members.sort((a, b) => a - b);
    components.push(members);
  }

  const x = new Float64Array(count);
  const y = new Float64Array(count);
  const edgeBlock: (BlockLayout | undefined)[] = new Array<BlockLayout | undefined>(edgeCount);
  const edgeIndex = new Int32Array(edgeCount);
  const edgeDy = new Float64Array(edgeCount);
  const local = new Int32Array(count);
  const scratch: Scratch = { local, valueLocal: new Map() };

  const boundsOf = components.map((members) => layoutComponent(members));

  // The largest component stays at the origin; the others are stacked in columns to its right.
  let main = 0;
  components.forEach((members, c) => {
    if (members.length > components[main]!.length) main = c;
  });
  const shiftX = new Float64Array(components.length);
  const shiftY = new Float64Array(components.length);
  let minX = 0;
  let maxX = 0;
  let height = 0;
  if (components.length > 0) {
    minX = boundsOf[main]!.minX;
    maxX = boundsOf[main]!.maxX;
    height = boundsOf[main]!.height;
    let area = 0;
    for (const b of boundsOf) area += (b.maxX - b.minX + COMPONENT_GAP) * (b.height + COMPONENT_GAP);
    const limit = Math.max(height, Math.sqrt(area) * 1.1);
    let columnX = maxX + COMPONENT_GAP;
    let columnWidth = 0;
    let at = 0;
    // What is joined to the group's border needs a column of its own.
    const isBound = components.map((members) => members.some((v) => pin[v] !== 0));
    let columnBound = false;
    boundsOf.forEach((b, c) => {
      if (c === main) return;
      if (at > 0 && (at + b.height > limit || isBound[c] || columnBound)) {
        columnX += columnWidth + COMPONENT_GAP;
        columnWidth = 0;
        at = 0;
      }
      columnBound = isBound[c]!;
      shiftX[c] = columnX - b.minX;
      shiftY[c] = at;
      at += b.height + LAYER_GAP;
      columnWidth = Math.max(columnWidth, b.maxX - b.minX);
      maxX = Math.max(maxX, columnX + b.maxX - b.minX);
      height = Math.max(height, shiftY[c]! + b.height);
    });
  }
  for (let v = 0; v < count; v++) {
    x[v]! += shiftX[component[v]!]!;
    y[v]! += shiftY[component[v]!]!;
    // Ports sit on the group's border whatever their component's height.
    if (pin[v] === 1) y[v] = 0;
    else if (pin[v] === 2) y[v] = height;
  }

  return {
    x,
    y,
    minX,
    maxX,
    height,
    route(e, dx, dy, out) {
      const a = from[e]!;
      const b = to[e]!;
      const block = edgeBlock[e];
      const ax = dx + shiftX[component[a]!]!;
      const ay = dy + edgeDy[e]! + shiftY[component[a]!]!;
      if (block === undefined) {
        out.push(dx + x[a]!, dy + y[a]! + input.height[a]!, dx + x[b]!, dy + y[b]!);
        return;
      }
      const start = block.routeStart[edgeIndex[e]!]! * 2;
      const end = block.routeStart[edgeIndex[e]! + 1]! * 2;
      if (pin[a] === 1 && dy + y[a]! < block.routes[start + 1]! + ay) out.push(block.routes[start]! + ax, dy + y[a]!);
      for (let i = start; i < end; i += 2) out.push(block.routes[i]! + ax, block.routes[i + 1]! + ay);
      if (pin[b] === 2 && dy + y[b]! > out[out.length - 1]!) out.push(out[out.length - 2]!, dy + y[b]!);
    },
  };

  function layoutComponent(members: readonly number[]): { minX: number; maxX: number; height: number } {
    let first = Infinity;
    let last = -Infinity;
    for (const v of members) {
      if (rank[v]! < first) first = rank[v]!;
      if (rank[v]! > last) last = rank[v]!;
    }
    for (const v of members) {
      if (pin[v] !== 2 || members.length === 1) continue;
      // Bottom ports share the last rank.
      let only = true;
      for (const w of members) if (pin[w] !== 2 && rank[w]! >= last) only = false;
      if (!only) last++;
      break;
    }
    for (const v of members) if (pin[v] === 2) rank[v] = last;
    const ranks = last - first + 1;
    const perRank = new Int32Array(ranks);
    const passing = new Int32Array(ranks + 1);
    for (const v of members) {
      perRank[rank[v]! - first]!++;
      for (let s = outStart[v]!; s < outStart[v + 1]!; s++) {
        const low = rank[v]! - first;
        const high = rank[outTo[s]!]! - first;
        if (high > low + 1) {
          passing[low + 1]!++;
          passing[high]!--;
        } else if (high <= low) {
          // An edge of a cycle: keep its ends in one block.
          passing[high]!++;
          passing[low + 1]!--;
        }
      }
    }
    const isCut = new Uint8Array(ranks);
    for (let r = 0, over = 0; r < ranks; r++) {
      over += passing[r]!;
      if (over === 0 && perRank[r] === 1) isCut[r] = 1;
    }
    // Vertices by rank.
    const start = new Int32Array(ranks + 1);
    for (let r = 0; r < ranks; r++) start[r + 1] = start[r]! + perRank[r]!;
    const byRank = new Int32Array(members.length);
    const fill = start.slice();
    for (const v of members) byRank[fill[rank[v]! - first]!++] = v;

    let minX = Infinity;
    let maxX = -Infinity;
    let top = 0;
    let at = 0;
    while (at < ranks) {
      let end = at + 1;
      while (end < ranks && isCut[end] === 0) end++;
      const fixedTop = isCut[at] === 1;
      const fixedBottom = end < ranks;
      const lastRank = fixedBottom ? end : ranks - 1;
      if (fixedTop && lastRank === at) {
        // A single vertex: the end of a stack.
        const v = byRank[start[at]!]!;
        x[v] = 0;
        y[v] = top;
        minX = Math.min(minX, -input.left[v]!);
        maxX = Math.max(maxX, input.right[v]!);
        top += input.height[v]!;
      } else if (fixedTop && fixedBottom && lastRank === at + 1 && isPlainLink(byRank[start[at]!]!)) {
        const v = byRank[start[at]!]!;
        x[v] = 0;
        y[v] = top;
        minX = Math.min(minX, -input.left[v]!);
        maxX = Math.max(maxX, input.right[v]!);
        top += input.height[v]! + layerGap(input.height[v]!, input.height[byRank[start[end]!]!]!);
      } else {
        const block = blockOf(byRank.subarray(start[at]!, start[lastRank + 1]!), first + at, lastRank - at + 1, fixedTop, fixedBottom);
        minX = Math.min(minX, block.minX);
        maxX = Math.max(maxX, block.maxX);
        top += fixedBottom ? block.rankTop[block.rankTop.length - 1]! : block.height;
      }
      at = fixedBottom ? end : ranks;
    }
    // A last cut that ends the component has been placed as the start of nothing.
    return { minX, maxX, height: top };

    function isPlainLink(v: number): boolean {
      for (let s = outStart[v]!; s < outStart[v + 1]!; s++) {
        const e = outEdge[s]!;
        const a = input.fromOffset[e]!;
        const b = input.toOffset[e]!;
        if ((a !== 0 && !Number.isNaN(a)) || (b !== 0 && !Number.isNaN(b))) return false;
      }
      return outStart[v + 1]! - outStart[v]! === 1;
    }

    function blockOf(vertices: Int32Array, rank0: number, rankCount: number, fixedTop: boolean, fixedBottom: boolean): BlockLayout {
      const coded = encodeBlock(input, vertices, rank, rank0, rankCount, fixedTop, fixedBottom, outStart, outEdge, scratch);
      let block = cache.get(coded.hash, coded.key);
      if (block === undefined) {
        block = layoutBlock(coded.make());
        cache.set(coded.hash, coded.key, block);
      }
      for (let i = 0; i < vertices.length; i++) {
        x[vertices[i]!] = block.x[i]!;
        y[vertices[i]!] = top + block.y[i]!;
      }
      for (let k = 0; k < coded.edges.length; k++) {
        const e = coded.edges[k]!;
        edgeBlock[e] = block;
        edgeIndex[e] = k;
        edgeDy[e] = top;
      }
      return block;
    }
  }
}

interface Scratch {
  readonly local: Int32Array;
  readonly valueLocal: Map<number, number>;
}

const FREE = 0x7fffffff;
const offsetWord = (offset: number): number => (Number.isNaN(offset) ? FREE : Math.round(offset * 4));

/** The block's structure as numbers (its cache key) and a way to build the input for `layoutBlock`. */
function encodeBlock(
  input: LevelInput,
  vertices: Int32Array,
  rank: Int32Array,
  rank0: number,
  rankCount: number,
  fixedTop: boolean,
  fixedBottom: boolean,
  outStart: Int32Array,
  outEdge: Int32Array,
  { local, valueLocal }: Scratch,
): { hash: number; key: Int32Array; edges: number[]; make: () => Parameters<typeof layoutBlock>[0] } {
  const count = vertices.length;
  for (let i = 0; i < count; i++) local[vertices[i]!] = i;
  valueLocal.clear();
  const edges: number[] = [];
  const values: number[] = [];
  // Edges out of the last vertex of a block that ends at a cut belong to the next block.
  for (let i = 0; i < (fixedBottom ? count - 1 : count); i++) {
    const v = vertices[i]!;
    for (let s = outStart[v]!; s < outStart[v + 1]!; s++) {
      const e = outEdge[s]!;
      let value = valueLocal.get(input.value[e]!);
      if (value === undefined) {
        value = valueLocal.size;
        valueLocal.set(input.value[e]!, value);
      }
      edges.push(e);
      values.push(value);
    }
  }
  const key = new Int32Array(3 + count * 4 + edges.length * 5);
  key[0] = count;
  key[1] = rankCount;
  key[2] = (fixedTop ? 1 : 0) + (fixedBottom ? 2 : 0);
  let at = 3;
  for (let i = 0; i < count; i++) {
    const v = vertices[i]!;
    key[at++] = rank[v]! - rank0;
    key[at++] = Math.round(input.left[v]! * 4);
    key[at++] = Math.round(input.right[v]! * 4);
    key[at++] = Math.round(input.height[v]! * 4) * 4 + input.pin[v]!;
  }
  for (let k = 0; k < edges.length; k++) {
    const e = edges[k]!;
    key[at++] = local[input.from[e]!]!;
    key[at++] = local[input.to[e]!]!;
    key[at++] = values[k]!;
    key[at++] = offsetWord(input.fromOffset[e]!);
    key[at++] = offsetWord(input.toOffset[e]!);
  }
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key[i]!, 0x01000193) ^ (hash >>> 13);

  const make = (): Parameters<typeof layoutBlock>[0] => {
    const pick = (array: Float64Array): Float64Array => Float64Array.from(vertices, (v) => array[v]!);
    let seed: Float64Array | undefined;
    if (input.seed !== undefined) {
      seed = pick(input.seed);
      if (seed.every((at) => Number.isNaN(at))) seed = undefined;
    }
    return {
      count,
      rank: Int32Array.from(vertices, (v) => rank[v]! - rank0),
      rankCount,
      left: pick(input.left),
      right: pick(input.right),
      height: pick(input.height),
      edgeCount: edges.length,
      from: Int32Array.from(edges, (e) => local[input.from[e]!]!),
      to: Int32Array.from(edges, (e) => local[input.to[e]!]!),
      fromOffset: Float64Array.from(edges, (e) => input.fromOffset[e]!),
      toOffset: Float64Array.from(edges, (e) => input.toOffset[e]!),
      value: Int32Array.from(values),
      fixedTop,
      fixedBottom,
      ...(seed === undefined ? {} : { seed }),
    };
  };
  return { hash, key, edges, make };
}
