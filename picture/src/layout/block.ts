/**
 * Layered layout of one block: a piece of a graph between two ranks that hold a single vertex each, or a whole level
 * when there are no such ranks. Ranks are given; this finds the order, the coordinates and the routes.
 */

import { reduceCrossings, type LayeredGraph } from "./crossings.ts";
import { layerGap } from "./types.ts";

export interface BlockInput {
  readonly count: number;
  /** From 0 to rankCount - 1. */
  readonly rank: Int32Array;
  readonly rankCount: number;
  /** Extent of each vertex left and right of its anchor, and its height. */
  readonly left: Float64Array;
  readonly right: Float64Array;
  readonly height: Float64Array;
  readonly edgeCount: number;
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** Where the edge leaves and arrives relative to the anchors, or NaN: chosen here. */
  readonly fromOffset: Float64Array;
  readonly toOffset: Float64Array;
  /** Edges with the same value leave one port and share one trunk. Numbered from 0. */
  readonly value: Int32Array;
  /** The only vertex of the first (last) rank stays at x = 0, so that blocks can be stacked. */
  readonly fixedTop: boolean;
  readonly fixedBottom: boolean;
  /** Previous x of each vertex, NaN where there is none; or undefined. */
  readonly seed?: Float64Array;
}

export interface BlockLayout {
  /** Anchor x and top y of each vertex. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** Top of each rank. */
  readonly rankTop: Float64Array;
  readonly height: number;
  readonly minX: number;
  readonly maxX: number;
  readonly routeStart: Int32Array;
  readonly routes: Float64Array;
}

const NODE_GAP = 26;
const TRUNK_GAP = 14;
const PORT_STEP = 14;
const LANE_STEP = 7;
const MAX_LANES = 40;

interface Row {
  readonly start: Int32Array;
  readonly item: Int32Array;
}

function rows(count: number, keys: ArrayLike<number>): Row {
  const start = new Int32Array(count + 1);
  for (let i = 0; i < keys.length; i++) if (keys[i]! >= 0) start[keys[i]! + 1]!++;
  for (let i = 0; i < count; i++) start[i + 1]! += start[i]!;
  const fill = start.slice();
  const item = new Int32Array(start[count]!);
  for (let i = 0; i < keys.length; i++) if (keys[i]! >= 0) item[fill[keys[i]!]!++] = i;
  return { start, item };
}

export function layoutBlock(input: BlockInput): BlockLayout {
  const { count, rank, rankCount, edgeCount, from, to, value } = input;

  // Trunks: one chain of dummy vertices for each value, down to the rank above its last consumer.
  let values = 0;
  for (let e = 0; e < edgeCount; e++) values = Math.max(values, value[e]! + 1);
  const lastRank = new Int32Array(values).fill(-1);
  const source = new Int32Array(values);
  for (let e = 0; e < edgeCount; e++) {
    source[value[e]!] = from[e]!;
    if (rank[to[e]!]! > rank[from[e]!]!) lastRank[value[e]!] = Math.max(lastRank[value[e]!]!, rank[to[e]!]!);
  }
  const dummiesOf = (v: number): number => Math.max(0, lastRank[v]! - rank[source[v]!]! - 1);
  let dummyCount = 0;
  for (let v = 0; v < values; v++) dummyCount += dummiesOf(v);
  const inLane = new Uint8Array(values);
  const budget = 20_000 + 4 * count;
  if (dummyCount > budget) {
    const longest = Array.from({ length: values }, (_, v) => v).sort((a, b) => dummiesOf(b) - dummiesOf(a) || a - b);
    for (const v of longest) {
      if (dummyCount <= budget) break;
      dummyCount -= dummiesOf(v);
      inLane[v] = 1;
    }
  }
  const total = count + dummyCount;
  const layerOf = new Int32Array(total);
  layerOf.set(rank);
  const left = new Float64Array(total);
  const right = new Float64Array(total);
  left.set(input.left);
  right.set(input.right);
  const trunk = new Int32Array(values).fill(-1);
  const dummyValue = new Int32Array(total).fill(-1);
  let next = count;
  for (let v = 0; v < values; v++) {
    if (inLane[v] === 1 || dummiesOf(v) === 0) continue;
    trunk[v] = next;
    for (let r = rank[source[v]!]! + 1; r < lastRank[v]!; r++) {
      layerOf[next] = r;
      dummyValue[next] = v;
      next++;
    }
  }

  // Segments join vertices of adjacent ranks.
  const segFrom: number[] = [];
  const segTo: number[] = [];
  const segEdgeFrom: number[] = []; // an edge that says where the segment leaves, or -1
  const segEdgeTo: number[] = [];
  const startsTrunk = new Uint8Array(values);
  for (let e = 0; e < edgeCount; e++) {
    const v = value[e]!;
    const a = from[e]!;
    const b = to[e]!;
    const span = rank[b]! - rank[a]!;
    if (span <= 0 || (span > 1 && inLane[v] === 1)) continue;
    if (trunk[v]! >= 0 && startsTrunk[v] === 0) {
      startsTrunk[v] = 1;
      segFrom.push(a);
      segTo.push(trunk[v]!);
      segEdgeFrom.push(e);
      segEdgeTo.push(-1);
      for (let d = trunk[v]! + 1; d < trunk[v]! + dummiesOf(v); d++) {
        segFrom.push(d - 1);
        segTo.push(d);
        segEdgeFrom.push(-1);
        segEdgeTo.push(-1);
      }
    }
    segFrom.push(span === 1 ? a : trunk[v]! + span - 2);
    segTo.push(b);
    segEdgeFrom.push(span === 1 ? e : -1);
    segEdgeTo.push(e);
  }
  const segCount = segFrom.length;
  const above = rows(total, segTo);
  const below = rows(total, segFrom);
  const gather = (row: Row, other: readonly number[]): Int32Array => row.item.map((s) => other[s]!);

  // Order.
  const graph: LayeredGraph = {
    layers: initialOrder(total, count, rankCount, layerOf, below, segTo, input, dummyValue, source, lastRank),
    position: new Int32Array(total),
    upStart: above.start,
    up: gather(above, segFrom),
    downStart: below.start,
    down: gather(below, segTo),
  };
  reduceCrossings(graph);
  const { layers, position } = graph;

  // The spine: where the longest paths meet, edges are drawn straight.
  const pathAbove = new Int32Array(count);
  const pathBelow = new Int32Array(count);
  const byRank = Array.from({ length: count }, (_, i) => i).sort((a, b) => rank[a]! - rank[b]! || a - b);
  const edgesOut = rows(count, from.subarray(0, edgeCount));
  for (const a of byRank) {
    for (let i = edgesOut.start[a]!; i < edgesOut.start[a + 1]!; i++) {
      const b = to[edgesOut.item[i]!]!;
      if (rank[b]! > rank[a]!) pathAbove[b] = Math.max(pathAbove[b]!, pathAbove[a]! + 1);
    }
  }
  for (let k = count - 1; k >= 0; k--) {
    const a = byRank[k]!;
    for (let i = edgesOut.start[a]!; i < edgesOut.start[a + 1]!; i++) {
      const b = to[edgesOut.item[i]!]!;
      if (rank[b]! > rank[a]!) pathBelow[a] = Math.max(pathBelow[a]!, pathBelow[b]! + 1);
    }
  }
  const bestUp = new Int32Array(total).fill(-1);
  const bestDown = new Int32Array(total).fill(-1);
  for (let s = 0; s < segCount; s++) {
    const a = segFrom[s]!;
    const b = segTo[s]!;
    if (a >= count || b >= count) continue;
    if (bestUp[b]! < 0 || pathAbove[a]! > pathAbove[segFrom[bestUp[b]!]!]!) bestUp[b] = s;
    if (bestDown[a]! < 0 || pathBelow[b]! > pathBelow[segTo[bestDown[a]!]!]!) bestDown[a] = s;
  }
  const weight = new Float64Array(segCount);
  for (let s = 0; s < segCount; s++) {
    const a = segFrom[s]!;
    const b = segTo[s]!;
    if (a >= count && b >= count) weight[s] = 8;
    else if (a < count && b < count) weight[s] = bestUp[b] === s && bestDown[a] === s ? 16 : 2;
    else weight[s] = 1;
  }

  // One path is the block's backbone and gives way to nothing: the longest one from the top.
  let backbone = -1;
  for (const v of layers[0] ?? []) {
    if (v < count && (backbone < 0 || pathBelow[v]! > pathBelow[backbone]!)) backbone = v;
  }
  while (backbone >= 0 && backbone < count && bestDown[backbone]! >= 0) {
    const s = bestDown[backbone]!;
    const b = segTo[s]!;
    if (bestUp[b]! !== s) weight[bestUp[b]!] = 2;
    weight[s] = 64;
    backbone = b;
  }

  // Where edges meet their vertices.
  const offsetFrom = new Float64Array(segCount);
  const offsetTo = new Float64Array(segCount);
  const leaveAt = spreadLeaving(count, input, below, segTo, segEdgeFrom, position, weight);
  const arriveAt = spreadArriving(count, input, above, segFrom, segEdgeTo, position, weight);
  for (let s = 0; s < segCount; s++) {
    if (segEdgeFrom[s]! >= 0) offsetFrom[s] = leaveAt[value[segEdgeFrom[s]!]!]!;
    if (segEdgeTo[s]! >= 0) offsetTo[s] = arriveAt[segEdgeTo[s]!]!;
  }

  const x = assignX({ total, count, layers, position, left, right, above, below, segFrom, segTo, weight, offsetFrom, offsetTo, fixedTop: input.fixedTop, fixedBottom: input.fixedBottom });

  // Vertical: rank heights, and more room where edges travel far sideways.
  const rankHeight = new Float64Array(rankCount);
  for (let v = 0; v < count; v++) rankHeight[rank[v]!] = Math.max(rankHeight[rank[v]!]!, input.height[v]!);
  const travel = new Float64Array(rankCount);
  for (let s = 0; s < segCount; s++) {
    const distance = Math.abs(x[segFrom[s]!]! + offsetFrom[s]! - x[segTo[s]!]! - offsetTo[s]!);
    const r = layerOf[segFrom[s]!]!;
    travel[r] = Math.max(travel[r]!, distance);
  }
  const rankTop = new Float64Array(rankCount);
  let top = 0;
  for (let r = 0; r < rankCount; r++) {
    rankTop[r] = top;
    top += rankHeight[r]! + layerGap(rankHeight[r]!, rankHeight[r + 1] ?? 1) + Math.min(64, Math.round(travel[r]! * 0.06));
  }
  const y = new Float64Array(count);
  let minX = Infinity;
  let maxX = -Infinity;
  for (let v = 0; v < count; v++) {
    y[v] = rankTop[rank[v]!]! + (rankHeight[rank[v]!]! - input.height[v]!) / 2;
    minX = Math.min(minX, x[v]! - left[v]!);
    maxX = Math.max(maxX, x[v]! + right[v]!);
  }
  for (let v = count; v < total; v++) {
    minX = Math.min(minX, x[v]!);
    maxX = Math.max(maxX, x[v]!);
  }

  // Lanes at the right for what got no trunk.
  const laneX = new Float64Array(values);
  const laneEnd: number[] = [];
  const inLanes = Array.from({ length: values }, (_, v) => v).filter((v) => inLane[v] === 1);
  inLanes.sort((a, b) => rank[source[a]!]! - rank[source[b]!]! || lastRank[a]! - lastRank[b]! || a - b);
  const laneBase = maxX + NODE_GAP;
  for (const v of inLanes) {
    let lane = laneEnd.findIndex((end) => end < rank[source[v]!]!);
    if (lane < 0) lane = laneEnd.length < MAX_LANES ? laneEnd.length : v % MAX_LANES;
    laneEnd[lane] = Math.max(laneEnd[lane] ?? 0, lastRank[v]!);
    laneX[v] = laneBase + lane * LANE_STEP;
    maxX = Math.max(maxX, laneX[v]!);
  }

  // Routes.
  const routeStart = new Int32Array(edgeCount + 1);
  const points: number[] = [];
  let routeAt = 0;
  const push = (px: number, py: number): void => {
    const n = points.length;
    if (n >= routeAt + 4 && points[n - 2] === px && points[n - 4] === px) points[n - 1] = py;
    else if (n >= routeAt + 2 && points[n - 2] === px && points[n - 1] === py) return;
    else points.push(px, py);
  };
  const bottomOf = (r: number): number => rankTop[r]! + rankHeight[r]!;
  for (let e = 0; e < edgeCount; e++) {
    const v = value[e]!;
    const a = from[e]!;
    const b = to[e]!;
    routeAt = points.length;
    const leave = x[a]! + leaveAt[v]!;
    const arrive = x[b]! + arriveAt[e]!;
    push(leave, y[a]! + input.height[a]!);
    if (rank[b]! > rank[a]!) {
      push(leave, bottomOf(rank[a]!));
      if (inLane[v] === 1 && rank[b]! - rank[a]! > 1) {
        push(laneX[v]!, rankTop[rank[a]! + 1]!);
        push(laneX[v]!, bottomOf(rank[b]! - 1));
      } else {
        for (let k = 0; k < rank[b]! - rank[a]! - 1; k++) {
          const d = trunk[v]! + k;
          push(x[d]!, rankTop[layerOf[d]!]!);
          push(x[d]!, bottomOf(layerOf[d]!));
        }
      }
      push(arrive, rankTop[rank[b]!]!);
    }
    push(arrive, y[b]!);
    routeStart[e + 1] = points.length / 2;
  }
  const height = rankCount > 0 ? bottomOf(rankCount - 1) : 0;
  return { x: x.slice(0, count), y, rankTop, height, minX, maxX, routeStart, routes: Float64Array.from(points) };
}

/** Depth-first order, so that trees and chains start without crossings; or the order of the previous layout. */
function initialOrder(
  total: number,
  count: number,
  rankCount: number,
  layerOf: Int32Array,
  below: Row,
  segTo: readonly number[],
  input: BlockInput,
  dummyValue: Int32Array,
  source: Int32Array,
  lastRank: Int32Array,
): number[][] {
  const layers: number[][] = Array.from({ length: rankCount }, () => []);
  const seen = new Uint8Array(total);
  const roots = Array.from({ length: count }, (_, i) => i).sort((a, b) => layerOf[a]! - layerOf[b]! || a - b);
  const stack: number[] = [];
  for (const root of roots) {
    if (seen[root] === 1) continue;
    stack.push(root);
    while (stack.length > 0) {
      const v = stack.pop()!;
      if (seen[v] === 1) continue;
      seen[v] = 1;
      layers[layerOf[v]!]!.push(v);
      // Real successors are visited before trunks, so that long edges go to the right of what they pass.
      for (let pass = 0; pass < 2; pass++) {
        for (let i = below.start[v + 1]! - 1; i >= below.start[v]!; i--) {
          const w = segTo[below.item[i]!]!;
          if (seen[w] === 0 && w < count === (pass === 1)) stack.push(w);
        }
      }
    }
  }
  const { seed } = input;
  if (seed === undefined) return layers;

  const wish = new Float64Array(total).fill(NaN);
  wish.set(seed.subarray(0, count));
  const edgesIn = rows(count, input.to.subarray(0, input.edgeCount));
  const edgesOut = rows(count, input.from.subarray(0, input.edgeCount));
  const fill = (v: number, row: Row, other: Int32Array): void => {
    if (!Number.isNaN(wish[v]!)) return;
    let sum = 0;
    let known = 0;
    for (let i = row.start[v]!; i < row.start[v + 1]!; i++) {
      const at = wish[other[row.item[i]!]!]!;
      if (Number.isNaN(at)) continue;
      sum += at;
      known++;
    }
    if (known > 0) wish[v] = sum / known;
  };
  for (const v of roots) fill(v, edgesIn, input.from);
  for (let i = roots.length - 1; i >= 0; i--) fill(roots[i]!, edgesOut, input.to);
  for (let v = 0; v < count; v++) if (Number.isNaN(wish[v]!)) wish[v] = 0;
  for (let v = count; v < total; v++) {
    const start = source[dummyValue[v]!]!;
    wish[v] = wish[start]! + 1 + (lastRank[dummyValue[v]!]! - layerOf[start]!) * 1e-3;
  }
  for (const layer of layers) {
    const at = new Map(layer.map((v, i) => [v, i]));
    layer.sort((a, b) => wish[a]! - wish[b]! || at.get(a)! - at.get(b)!);
  }
  return layers;
}

/** Offsets of `size` ports, the one at `straight` at 0 if there is room. */
function portOffset(index: number, size: number, straight: number, left: number, right: number): number {
  if (size === 1) return 0;
  const low = -Math.max(0, left - 10);
  const high = Math.max(0, right - 10);
  const step = Math.min(PORT_STEP, (high - low) / (size - 1));
  const centre = straight >= 0 ? straight : (size - 1) / 2;
  const shift = Math.max(low + centre * step, Math.min(0, high - (size - 1 - centre) * step));
  return (index - centre) * step + shift;
}

/** Half widths that ports may use: chips beside a card are outside. */
function portRoom(input: BlockInput, v: number): number {
  return Math.min(input.left[v]!, input.right[v]!);
}

function spreadLeaving(
  count: number,
  input: BlockInput,
  below: Row,
  segTo: readonly number[],
  segEdgeFrom: readonly number[],
  position: Int32Array,
  weight: Float64Array,
): Float64Array {
  const { value } = input;
  let values = 0;
  for (let e = 0; e < input.edgeCount; e++) values = Math.max(values, value[e]! + 1);
  const offsets = new Float64Array(values);
  for (let e = 0; e < input.edgeCount; e++) {
    if (!Number.isNaN(input.fromOffset[e]!)) offsets[value[e]!] = input.fromOffset[e]!;
  }
  for (let v = 0; v < count; v++) {
    const ports = new Map<number, { sum: number; size: number; heavy: boolean }>();
    for (let i = below.start[v]!; i < below.start[v + 1]!; i++) {
      const s = below.item[i]!;
      const e = segEdgeFrom[s]!;
      if (e < 0 || !Number.isNaN(input.fromOffset[e]!)) continue;
      const port = ports.get(value[e]!) ?? { sum: 0, size: 0, heavy: false };
      port.sum += position[segTo[s]!]!;
      port.size++;
      if (weight[s]! >= 16) port.heavy = true;
      ports.set(value[e]!, port);
    }
    if (ports.size < 2) continue;
    const sorted = [...ports].sort((a, b) => a[1].sum / a[1].size - b[1].sum / b[1].size || a[0] - b[0]);
    const straight = sorted.findIndex(([, port]) => port.heavy);
    const room = portRoom(input, v);
    sorted.forEach(([key], i) => (offsets[key] = portOffset(i, sorted.length, straight, room, room)));
  }
  return offsets;
}

function spreadArriving(
  count: number,
  input: BlockInput,
  above: Row,
  segFrom: readonly number[],
  segEdgeTo: readonly number[],
  position: Int32Array,
  weight: Float64Array,
): Float64Array {
  const offsets = new Float64Array(input.edgeCount);
  for (let e = 0; e < input.edgeCount; e++) if (!Number.isNaN(input.toOffset[e]!)) offsets[e] = input.toOffset[e]!;
  for (let v = 0; v < count; v++) {
    if (above.start[v + 1]! - above.start[v]! < 2) continue;
    const free: number[] = [];
    for (let i = above.start[v]!; i < above.start[v + 1]!; i++) {
      const e = segEdgeTo[above.item[i]!]!;
      if (e >= 0 && Number.isNaN(input.toOffset[e]!)) free.push(above.item[i]!);
    }
    if (free.length < 2) continue;
    free.sort((a, b) => position[segFrom[a]!]! - position[segFrom[b]!]! || a - b);
    const straight = free.findIndex((s) => weight[s]! >= 16);
    const room = portRoom(input, v);
    free.forEach((s, i) => (offsets[segEdgeTo[s]!] = portOffset(i, free.length, straight, room, room)));
  }
  return offsets;
}

interface Placing {
  readonly total: number;
  readonly count: number;
  readonly layers: readonly (readonly number[])[];
  readonly position: Int32Array;
  readonly left: Float64Array;
  readonly right: Float64Array;
  readonly above: Row;
  readonly below: Row;
  readonly segFrom: readonly number[];
  readonly segTo: readonly number[];
  readonly weight: Float64Array;
  readonly offsetFrom: Float64Array;
  readonly offsetTo: Float64Array;
  readonly fixedTop: boolean;
  readonly fixedBottom: boolean;
}

/**
 * Anchor x of every vertex. Sweeps move each layer to where its neighbours want it, by isotonic regression (pool
 * adjacent violators), so that whole runs of vertices give way together; then long chains are made straight.
 */
function assignX(p: Placing): Float64Array {
  const { total, count, layers, left, right, above, below, segFrom, segTo, weight, offsetFrom, offsetTo } = p;
  const x = new Float64Array(total);
  const gap = (a: number, b: number): number =>
    right[a]! + left[b]! + (a >= count && b >= count ? TRUNK_GAP - 2 : a >= count || b >= count ? TRUNK_GAP : NODE_GAP);
  let widest = 0;
  for (const layer of layers) {
    widest = Math.max(widest, layer.length);
    let at = 0;
    for (let i = 0; i < layer.length; i++) {
      if (i > 0) at += gap(layer[i - 1]!, layer[i]!);
      x[layer[i]!] = at;
    }
    for (const v of layer) x[v]! -= at / 2;
  }
  const isFixed = new Uint8Array(total);
  if (p.fixedTop) isFixed[layers[0]![0]!] = 1;
  if (p.fixedBottom) isFixed[layers[layers.length - 1]![0]!] = 1;
  for (let v = 0; v < count; v++) if (isFixed[v] === 1) x[v] = 0;

  const wish = new Float64Array(widest);
  const force = new Float64Array(widest);
  const shift = new Float64Array(widest);
  const poolAt = new Float64Array(widest);
  const poolWeight = new Float64Array(widest);
  const poolEnd = new Int32Array(widest);
  const candidates: number[] = [];

  /** Median of where the neighbours on one side want v, straight edges first; NaN without neighbours. */
  let pull = 0;
  const wanted = (v: number, row: Row, upwards: boolean): number => {
    const start = row.start[v]!;
    const end = row.start[v + 1]!;
    if (start === end) return NaN;
    let strongest = 0;
    for (let i = start; i < end; i++) strongest = Math.max(strongest, weight[row.item[i]!]!);
    candidates.length = 0;
    for (let i = start; i < end; i++) {
      const s = row.item[i]!;
      if (strongest >= 8 && weight[s]! < strongest) continue;
      candidates.push(
        upwards ? x[segFrom[s]!]! + offsetFrom[s]! - offsetTo[s]! : x[segTo[s]!]! + offsetTo[s]! - offsetFrom[s]!,
      );
    }
    pull = strongest;
    if (candidates.length === 1) return candidates[0]!;
    candidates.sort((a, b) => a - b);
    const half = candidates.length >> 1;
    return candidates.length % 2 === 1 ? candidates[half]! : (candidates[half - 1]! + candidates[half]!) / 2;
  };

  const settle = (layer: readonly number[], side: "up" | "down" | "both"): void => {
    const size = layer.length;
    if (size === 1 && isFixed[layer[0]!] === 1) return;
    for (let i = 0; i < size; i++) {
      const v = layer[i]!;
      shift[i] = i === 0 ? 0 : shift[i - 1]! + gap(layer[i - 1]!, v);
      let at = NaN;
      let strength = 0.1;
      if (side !== "down") {
        at = wanted(v, above, true);
        if (!Number.isNaN(at)) strength = pull;
      }
      if (side !== "up") {
        const low = wanted(v, below, false);
        if (!Number.isNaN(low)) {
          if (Number.isNaN(at)) {
            at = low;
            strength = pull;
          } else if (pull > strength) {
            at = low;
            strength = pull;
          } else if (pull === strength) at = (at + low) / 2;
        }
      }
      wish[i] = (Number.isNaN(at) ? x[v]! : at) - shift[i]!;
      force[i] = strength >= 64 ? 1e9 : strength >= 16 ? 1e3 : strength;
    }
    let pools = 0;
    for (let i = 0; i < size; i++) {
      let at = wish[i]!;
      let w = force[i]!;
      while (pools > 0 && poolAt[pools - 1]! > at) {
        pools--;
        at = (poolAt[pools]! * poolWeight[pools]! + at * w) / (poolWeight[pools]! + w);
        w += poolWeight[pools]!;
      }
      poolAt[pools] = at;
      poolWeight[pools] = w;
      poolEnd[pools++] = i;
    }
    for (let i = 0, pool = 0; i < size; i++) {
      if (i > poolEnd[pool]!) pool++;
      x[layer[i]!] = poolAt[pool]! + shift[i]!;
    }
  };

  if (widest > 1 || layers.length > 1) {
    const rounds = total < 5_000 ? 4 : total < 30_000 ? 3 : 2;
    for (let round = 0; round < rounds; round++) {
      for (let r = 0; r < layers.length; r++) settle(layers[r]!, r === 0 ? "down" : "up");
      for (let r = layers.length - 1; r >= 0; r--) settle(layers[r]!, r === layers.length - 1 ? "up" : "down");
    }
    for (let r = 0; r < layers.length; r++) settle(layers[r]!, r === 0 ? "down" : "up");
    straighten(p, x, gap, isFixed);
    for (let r = layers.length - 1; r >= 0; r--) settleLoose(layers[r]!);
    straighten(p, x, gap, isFixed);
  }

  /** Vertices without straight edges move between their neighbours, to the middle of what they are joined to. */
  function settleLoose(layer: readonly number[]): void {
    for (let i = 0; i < layer.length; i++) {
      const v = layer[i]!;
      if (isFixed[v] === 1 || v >= count) continue;
      const a = wanted(v, above, true);
      const strongAbove = Number.isNaN(a) ? 0 : pull;
      const b = wanted(v, below, false);
      const strongBelow = Number.isNaN(b) ? 0 : pull;
      if (strongAbove >= 8 || strongBelow >= 8) continue;
      let at = Number.isNaN(a) ? b : Number.isNaN(b) ? a : (a + b) / 2;
      if (Number.isNaN(at)) continue;
      if (i > 0) at = Math.max(at, x[layer[i - 1]!]! + gap(layer[i - 1]!, v));
      if (i + 1 < layer.length) {
        const limit = x[layer[i + 1]!]! - gap(v, layer[i + 1]!);
        if (limit < at) at = Math.max(limit, i > 0 ? x[layer[i - 1]!]! + gap(layer[i - 1]!, v) : -Infinity);
        if (limit < at) continue;
      }
      x[v] = at;
    }
  }

  for (let v = 0; v < total; v++) x[v] = Math.round(x[v]! * 2) / 2;
  return x;
}

/** Puts each chain (a trunk, or vertices on straight edges) on one line where its layers leave room for it. */
function straighten(
  p: Placing,
  x: Float64Array,
  gap: (a: number, b: number) => number,
  isFixed: Uint8Array,
): void {
  const { total, count, layers, position, above, below, segFrom, segTo, weight, offsetFrom, offsetTo } = p;
  const layerOf = new Int32Array(total);
  layers.forEach((layer, r) => {
    for (const v of layer) layerOf[v] = r;
  });
  const done = new Uint8Array(total);
  const strongest = (row: Row, v: number): number => {
    let found = -1;
    for (let i = row.start[v]!; i < row.start[v + 1]!; i++) {
      const s = row.item[i]!;
      if (weight[s]! >= 8 && (found < 0 || weight[s]! > weight[found]!)) found = s;
    }
    return found;
  };
  const strongBelow = (v: number): number => strongest(below, v);
  const strongAbove = (v: number): number => strongest(above, v);
  for (const layer of layers) {
    for (const head of layer) {
      if (done[head] === 1 || strongAbove(head) >= 0) continue;
      const chain: number[] = [head];
      const offset: number[] = [0];
      for (let s = strongBelow(head); s >= 0; s = strongBelow(segTo[s]!)) {
        offset.push(offset[offset.length - 1]! + offsetFrom[s]! - offsetTo[s]!);
        chain.push(segTo[s]!);
      }
      let at = 0;
      while (at < chain.length) {
        // Take as long a run as has a common interval.
        let low = -Infinity;
        let high = Infinity;
        let fixed = NaN;
        let end = at;
        for (; end < chain.length; end++) {
          const v = chain[end]!;
          const row = layers[layerOf[v]!]!;
          const i = position[v]!;
          let lo = i > 0 ? x[row[i - 1]!]! + gap(row[i - 1]!, v) - offset[end]! : -Infinity;
          let hi = i + 1 < row.length ? x[row[i + 1]!]! - gap(v, row[i + 1]!) - offset[end]! : Infinity;
          if (isFixed[v] === 1) lo = hi = x[v]! - offset[end]!;
          if (Math.max(low, lo) > Math.min(high, hi) + 0.01) break;
          low = Math.max(low, lo);
          high = Math.min(high, hi);
          if (isFixed[v] === 1) fixed = lo;
        }
        if (end === at) {
          done[chain[at]!] = 1;
          at++;
          continue;
        }
        const places = [];
        for (let k = at; k < end; k++) places.push(x[chain[k]!]! - offset[k]!);
        places.sort((a, b) => a - b);
        let target = places[places.length >> 1]!;
        if (chain[at]! >= count) {
          // A trunk: in line with its source, or else with its end, saves a bend.
          const first = above.start[chain[at]!]!;
          const last = below.start[chain[end - 1]!]!;
          const source = above.item[first];
          const sink = below.item[last];
          const fromX = source === undefined ? NaN : x[segFrom[source]!]! + offsetFrom[source]! - offset[at]!;
          const toX =
            sink === undefined ? NaN : x[segTo[sink]!]! + offsetTo[sink]! - offset[end - 1]!;
          if (fromX >= low && fromX <= high) target = fromX;
          else if (toX >= low && toX <= high) target = toX;
          else if (!Number.isNaN(fromX)) target = fromX;
        }
        if (!Number.isNaN(fixed)) target = fixed;
        target = Math.max(low, Math.min(high, target));
        for (let k = at; k < end; k++) {
          x[chain[k]!] = target + offset[k]!;
          done[chain[k]!] = 1;
        }
        at = end;
      }
    }
  }
}
