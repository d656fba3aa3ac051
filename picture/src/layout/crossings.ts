/**
 * Order of vertices inside their layers: sweeps by the barycentre of the neighbours, then exchanges of adjacent
 * vertices (Sugiyama, Tagawa, Toda 1981; Gansner et al. 1993). Crossings are counted with an accumulator tree
 * (Barth, Mutzel, Jünger 2002).
 */

export interface LayeredGraph {
  readonly layers: number[][];
  /** Position of each vertex in its layer; kept in step with `layers`. */
  readonly position: Int32Array;
  /** Neighbours one layer up and one layer down, in compressed rows. */
  readonly upStart: Int32Array;
  readonly up: Int32Array;
  readonly downStart: Int32Array;
  readonly down: Int32Array;
}

function place(graph: LayeredGraph): void {
  for (const layer of graph.layers) for (let i = 0; i < layer.length; i++) graph.position[layer[i]!] = i;
}

function countBetween(graph: LayeredGraph, upper: number, tree: Int32Array): number {
  const { layers, downStart, down, position } = graph;
  const size = layers[upper + 1]!.length;
  if (size < 2 || layers[upper]!.length < 2) return 0;
  tree.fill(0, 0, size + 1);
  let crossings = 0;
  let seen = 0;
  const row: number[] = [];
  for (const v of layers[upper]!) {
    row.length = 0;
    for (let e = downStart[v]!; e < downStart[v + 1]!; e++) row.push(position[down[e]!]!);
    if (row.length > 1) row.sort((a, b) => a - b);
    for (const at of row) {
      let notRight = 0;
      for (let i = at + 1; i > 0; i -= i & -i) notRight += tree[i]!;
      crossings += seen - notRight;
    }
    for (const at of row) for (let i = at + 1; i <= size; i += i & -i) tree[i]!++;
    seen += row.length;
  }
  return crossings;
}

function countCrossings(graph: LayeredGraph): number {
  let widest = 0;
  for (const layer of graph.layers) widest = Math.max(widest, layer.length);
  const tree = new Int32Array(widest + 2);
  let total = 0;
  for (let r = 0; r + 1 < graph.layers.length; r++) total += countBetween(graph, r, tree);
  return total;
}

function sweep(graph: LayeredGraph, downwards: boolean, key: Float64Array): void {
  const { layers, position } = graph;
  const start = downwards ? graph.upStart : graph.downStart;
  const neighbours = downwards ? graph.up : graph.down;
  for (let step = 1; step < layers.length; step++) {
    const layer = layers[downwards ? step : layers.length - 1 - step]!;
    if (layer.length < 2) continue;
    const scale = layers[downwards ? step - 1 : layers.length - step]!.length / layer.length;
    for (const v of layer) {
      let sum = 0;
      for (let e = start[v]!; e < start[v + 1]!; e++) sum += position[neighbours[e]!]!;
      const degree = start[v + 1]! - start[v]!;
      key[v] = degree > 0 ? sum / degree : position[v]! * scale;
    }
    layer.sort((a, b) => key[a]! - key[b]! || position[a]! - position[b]!);
    for (let i = 0; i < layer.length; i++) position[layer[i]!] = i;
  }
}

/** Crossings between the edges of a and b towards one side, a left of b, minus those when they are exchanged. */
function gain(a: number, b: number, start: Int32Array, neighbours: Int32Array, position: Int32Array): number {
  let difference = 0;
  for (let i = start[a]!; i < start[a + 1]!; i++) {
    const pa = position[neighbours[i]!]!;
    for (let j = start[b]!; j < start[b + 1]!; j++) {
      const pb = position[neighbours[j]!]!;
      if (pa > pb) difference++;
      else if (pa < pb) difference--;
    }
  }
  return difference;
}

function exchangeNeighbours(graph: LayeredGraph, passes: number): void {
  const { layers, position } = graph;
  for (let pass = 0; pass < passes; pass++) {
    let improved = false;
    for (const layer of layers) {
      for (let i = 0; i + 1 < layer.length; i++) {
        const a = layer[i]!;
        const b = layer[i + 1]!;
        const better =
          gain(a, b, graph.upStart, graph.up, position) + gain(a, b, graph.downStart, graph.down, position);
        if (better <= 0) continue;
        layer[i] = b;
        layer[i + 1] = a;
        position[b] = i;
        position[a] = i + 1;
        improved = true;
      }
    }
    if (!improved) return;
  }
}

/** Reorders the layers in place. The order given is kept unless another has strictly fewer crossings. */
export function reduceCrossings(graph: LayeredGraph): number {
  place(graph);
  let best = countCrossings(graph);
  if (best === 0) return 0;
  const size = graph.position.length;
  const rounds = size < 2_000 ? 12 : size < 20_000 ? 6 : 3;
  const exchange = graph.down.length < 60_000;
  const key = new Float64Array(size);
  let kept = graph.layers.map((layer) => layer.slice());
  let stale = 0;
  for (let round = 0; round < rounds && best > 0 && stale < 4; round++) {
    sweep(graph, round % 2 === 0, key);
    if (exchange) exchangeNeighbours(graph, size < 2_000 ? 4 : 1);
    const crossings = countCrossings(graph);
    if (crossings < best) {
      best = crossings;
      kept = graph.layers.map((layer) => layer.slice());
      stale = 0;
    } else stale++;
  }
  kept.forEach((layer, r) => (graph.layers[r] = layer));
  place(graph);
  return best;
}
