import { type Dim, dimAtoms, dimOperands, dimSymbols, SymbolicDim } from "../ir/dim.ts";
import type { Graph, NodeId, OperatorNode } from "../ir/graph.ts";
import { inputSymbols } from "../ir/input-symbols.ts";
import type { Timeline } from "../ir/timeline.ts";
import type { SizedGraph } from "../bundle/lower-graph.ts";
import type { TensorType } from "../ir/value-type.ts";
import type { RewriteOptions } from "../passes/definition.ts";
import { specialize } from "../passes/specialize.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { Task } from "../support/task.ts";

/** Largest size that a person may ask for: offsets and numbers of elements stay exact. */
const largest = 2 ** 24;
/** Samples from which a program for all sizes is made: two give a line, the others must lie on it. */
const sampleCount = 4;

const isPrime = (n: number): boolean => {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return n > 1;
};

/** Samples are of this size at least where the model takes it: smaller numbers stand for much else in programs. */
const leastSample = 19;

/** Primes at or below a bound, the largest first: sizes without a common factor with anything in the model. Where those run out, primes beyond it. */
function primesNear(bound: number, count: number, taken: Set<number>, least = leastSample): number[] {
  const found: number[] = [];
  const take = (n: number): void => {
    if (found.length >= count || taken.has(n) || !isPrime(n)) return;
    taken.add(n);
    found.push(n);
  };
  for (let n = Math.max(bound, least); n > 4; n--) take(n);
  for (let n = Math.max(bound, least) + 1; found.length < count; n++) take(n);
  return found;
}

/**
 * Numbers at a distance from each other, so that what divides sizes (strides of convolutions) gives a number of its own for each, and
 * with different remainders by powers of two: else a size and its rounding to an even one would look the same.
 */
function mixedSamples(bound: number, count: number, distance: number, taken: Set<number>): number[] {
  const found: number[] = [];
  let at = Math.max(bound - count * distance, distance) + 1;
  for (const factor of [1, 2, 1, 4, 1, 8].slice(0, count)) {
    while (taken.has(at) || at % factor !== 0 || !isPrime(at / factor)) at++;
    taken.add(at);
    found.push(at);
    at += distance;
  }
  return found.reverse();
}

function integerOf(node: OperatorNode, name: string): number {
  const a = node.attributes[name];
  return a?.kind === "int" ? Number(a.value) : 0;
}

/** Products that were halved, by their nodes: the axis of the rows, from the end, and how many it has. */
function halvedRows({ steps }: Timeline): ReadonlyMap<NodeId, { readonly axis: number; readonly extent: number }> {
  const found = new Map<NodeId, { axis: number; extent: number }>();
  for (const { graph, delta } of steps)
    for (const made of delta?.rewrite === "strassen-product" ? delta.added : []) {
      if (made.kind !== "operator" || made.op !== "StrassenMatMul") continue;
      const axis = integerOf(made, "axis");
      const type = graph.type({ node: made.id, output: 0 });
      const extent = type.kind === "tensor" ? type.shape?.at(axis) : undefined;
      if (typeof extent === "number") found.set(delta!.matched[0]!, { axis, extent });
    }
  return found;
}

/** Sizes for the samples: near the bounds, or so far apart that every dimension of the model has a value of its own in each. */
function chooseSamples(sizes: SizedGraph["sizes"], dimensions: readonly Dim[]): ReadonlyMap<string, number>[] {
  const divided = dimensions.some((d) => d !== null && `${d}`.includes("floor("));
  const count = divided ? sampleCount + 1 : sampleCount;
  const table = (lists: readonly (readonly number[])[]): ReadonlyMap<string, number>[] => Array.from({ length: count }, (_, i) => new Map(sizes.map((s, k) => [s.name, lists[k]![i]!])));
  const telling = (values: readonly ReadonlyMap<string, number>[]): boolean => dimensions.every((d) => new Set(values.map((v) => dimValue(d, v))).size === values.length);
  // No number twice: a number in a program then tells the size that it comes from.
  const taken = new Set<number>();
  const near = table(sizes.map((s) => primesNear(s.max, count, taken)));
  if (!divided && telling(near)) return near;
  for (let distance = 8; distance <= 256; distance *= 2) {
    const used = new Set<number>();
    const apart = table(sizes.map((s) => mixedSamples(s.max, count, distance, used)));
    if (telling(apart)) return apart;
  }
  return near;
}

/** Sizes that do not exceed their bounds, as far as there are primes: the first choose first. */
function smallSamples(sizes: SizedGraph["sizes"]): ReadonlyMap<string, number>[] {
  const taken = new Set<number>();
  const lists = new Map(sizes.map((s) => [s.name, primesNear(s.max, sampleCount, taken, Math.min(s.max, leastSample))]));
  return Array.from({ length: sampleCount }, (_, i) => new Map(sizes.map(({ name }) => [name, lists.get(name)![i]!])));
}

/** Sizes at which a node is looked at by itself, where nothing bounds them. */
const usualSizes = 64;

/**
 * The graph as it is at a few sizes of its symbols, for the programs of single nodes: first at usual ones, then at small ones, which
 * models take that hold a table for each position. Empty: its inputs have no symbols.
 */
export function sampledGraphs(graph: Graph): readonly SizedGraph[] {
  const symbols = openSizes(graph).sort((a, b) => Number(a.batch) - Number(b.batch)).map(({ name }) => ({ name, max: usualSizes }));
  if (symbols.length === 0) return [];
  const dimensions = symbolicDimensions(graph);
  const at = (values: ReadonlyMap<string, number>): SizedGraph["samples"][number] => ({ graph: specialize(graph, { sizes: values }).graph, values });
  return [chooseSamples(symbols, dimensions), smallSamples(symbols.map(({ name }) => ({ name, max: 13 })))].map((values) => ({ sizes: symbols, samples: values.map(at), checks: [], dimensions }));
}

function symbolicDimensions(graph: Graph): readonly Dim[] {
  const dimensions = new Set<Dim>();
  for (const node of graph)
    for (const { type, known } of node.outputs) for (const d of [...(type.kind === "tensor" ? (type.shape ?? []) : []), ...(known ?? [])]) if (d instanceof SymbolicDim) dimensions.add(d);
  return [...dimensions];
}

/** Is a shape not known? */
const hasOpen = (graph: Graph): boolean => [...graph].some((n) => n.kind === "operator" && n.outputs.some(({ type }) => type.kind === "tensor" && (type.shape ?? [null]).some((d) => typeof d !== "number")));

/** Throws "not-lowered" for a bound at which shapes contradict each other and below which they do not: a table has fewer rows than that. */
function refuseBeyond(sizes: SizedGraph["sizes"], at: (given: ReadonlyMap<string, number>) => Graph): void {
  if (!hasOpen(at(new Map(sizes.map((s) => [s.name, s.max]))))) return;
  for (const { name, max } of sizes) {
    const fits = (n: number): boolean => !hasOpen(at(new Map(sizes.map((s) => [s.name, s.name === name ? n : 1]))));
    if (fits(max) || !fits(1)) continue;
    let [low, high] = [1, max];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (fits(middle)) low = middle;
      else high = middle;
    }
    throw new GraphwrightError("not-lowered", `the model cannot be built: at ${name} = ${max} its shapes contradict each other, as from ${high} on.`, undefined, `Nothing was written. Give a bound that the model takes (build --max ${name}=${low}).`);
  }
}

/** Is a value that is computed empty, or of a shape that is not known? */
const hasEmpty = (graph: Graph): boolean => [...graph].some((n) => n.kind === "operator" && n.outputs.some(({ type }) => type.kind === "tensor" && (type.shape ?? [null]).some((d) => typeof d !== "number" || d < 1)));

/** A dimension at given sizes; undefined for a symbol that has none. */
function dimValue(d: Dim, sizes: ReadonlyMap<string, number>): number | undefined {
  if (d === null || typeof d === "number") return d ?? undefined;
  let sum = 0;
  for (const { coefficient, atoms } of dimAtoms(d)) {
    let product = coefficient;
    for (const atom of atoms) {
      const kind = /^(?:floor|min|max)(?=\()/.exec(atom)?.[0];
      const [a, b] = kind === undefined ? [] : dimOperands(atom).map((x) => dimValue(x, sizes));
      const value = kind === undefined ? sizes.get(atom.startsWith('"') ? (JSON.parse(atom) as string) : atom) : a === undefined || b === undefined ? undefined : kind === "floor" ? Math.floor(a / b) : kind === "min" ? Math.min(a, b) : Math.max(a, b);
      if (value === undefined) return undefined;
      product *= value;
    }
    sum += product;
  }
  return sum;
}

/** The symbols of a graph's inputs, and which of them is nothing but a first dimension. */
export function openSizes(graph: Graph): { readonly name: string; readonly batch: boolean }[] {
  const found = new Map<string, boolean>();
  for (const id of graph.root.parameters) {
    const type = graph.node(id).outputs[0]!.type;
    if (type.kind === "tensor") for (const [axis, d] of (type.shape ?? []).entries()) for (const name of dimSymbols(d)) found.set(name, (found.get(name) ?? true) && axis === 0);
  }
  return [...found].map(([name, batch]) => ({ name, batch }));
}

/**
 * The graph with sizes that are given at run time, each up to its bound, as `kernels` makes it for a few sizes: the same
 * nodes, whose programs then are generalized. A bound of 1 fixes the size. Throws "no-such-size" and "usage".
 */
export async function sizedGraph(graph: Graph, bounds: Readonly<Record<string, number>>, choose: (graph: Graph, options?: Partial<RewriteOptions>) => Promise<Timeline>, task: Task): Promise<{ readonly graph: Graph; readonly sized: SizedGraph | undefined }> {
  const symbols = inputSymbols(graph);
  for (const [name, max] of Object.entries(bounds)) {
    if (!symbols.includes(name)) throw new GraphwrightError("no-such-size", `no input has a dimension ${JSON.stringify(name)}.`, undefined, symbols.length > 0 ? `The inputs have ${symbols.map((s) => JSON.stringify(s)).join(", ")}.` : "Every size of the inputs is fixed already.");
    if (!Number.isInteger(max) || max < 1 || max > largest) throw new GraphwrightError("usage", `the bound of ${name} is ${max}, and must be an integer from 1 to ${largest}.`);
  }
  const open = symbols.filter((s) => bounds[s] === undefined);
  if (open.length > 0) throw new GraphwrightError("not-lowered", `the model cannot be built: the size ${open.map((s) => JSON.stringify(s)).join(", ")} has no bound.`, undefined, `Nothing was written. Give a bound (build --max ${open[0]}=8) or fix the size (build --fix ${open[0]}=1).`);
  const ones = new Map(symbols.filter((s) => bounds[s] === 1).map((s) => [s, 1]));
  const base = ones.size > 0 ? specialize(graph, { sizes: ones }).graph : graph;
  const sizes = symbols.filter((s) => bounds[s]! > 1).map((name) => ({ name, max: bounds[name]! }));
  if (sizes.length === 0) return { graph: (await choose(base)).head.graph, sized: undefined };
  const dimensions = symbolicDimensions(base);
  let values = chooseSamples(sizes, dimensions);
  // Images of any size: tiles of minimal filtering would not be whole, and padding is what the model declares.
  const images = [...base].some((n) => n.kind === "operator" && /Conv/.test(n.op) && base.type(n.inputs[0]).kind === "tensor" && ((base.type(n.inputs[0]) as TensorType).shape ?? []).slice(2).some((d) => typeof d !== "number"));
  const at = (given: ReadonlyMap<string, number>): Graph => specialize(base, { sizes: given }).graph;
  const most = new Map(sizes.map((s) => [s.name, s.max]));
  refuseBeyond(sizes, at);
  // What is worth its price is decided at the largest sizes, for all.
  const filtering = new Map<NodeId, number>();
  const halved = new Map<NodeId, number>();
  if (!images) {
    const largest = await choose(at(most));
    for (const { delta } of largest.steps)
      for (const made of delta?.rewrite === "winograd-convolution" ? delta.added : []) if (made.kind === "operator" && made.op === "WinogradConv") filtering.set(delta!.matched[0]!, integerOf(made, "outputs"));
    // Rows that are as many at other sizes are as many at all of them.
    const rows = halvedRows(largest);
    const other = values.find((given) => sizes.every((s) => given.get(s.name) !== s.max));
    if (rows.size > 0 && other) for (const [id, { axis, extent }] of halvedRows(await choose(at(other)))) if (rows.get(id)?.axis === axis && rows.get(id)?.extent === extent) halved.set(id, axis);
  }
  // A loop whose turns a size decides stays one: unrolled, it would have other nodes for each size.
  let loops: Partial<RewriteOptions> = {};
  const sample = async (given: ReadonlyMap<string, number>): Promise<SizedGraph["samples"][number]> => ({ graph: (await choose(at(given), { winogradAt: filtering, strassenAt: halved, ...(images ? { wholePads: true } : {}), ...loops })).head.graph, values: given });
  const outline = (g: Graph): string => [...g].map((n) => `${n.id} ${n.kind === "operator" ? n.op : n.kind}`).join();
  const chooseAll = async (): Promise<SizedGraph["samples"][number][]> => {
    const made: SizedGraph["samples"][number][] = [];
    for (const [i, given] of values.entries()) {
      task.check();
      task.progress(i / (values.length + 2), "kernels for sizes of run time");
      made.push(await sample(given));
    }
    return made;
  };
  const unlike = (list: typeof samples): boolean => list.some((s) => outline(s.graph) !== outline(list[0]!.graph));
  let samples: SizedGraph["samples"][number][] = await chooseAll();
  // A table with a row for each position has none for samples beyond a small bound.
  if (sizes.some((s) => s.max < leastSample) && (unlike(samples) || samples.some((s) => symbolicDimensions(s.graph).length > 0))) {
    const batches = new Set(openSizes(base).filter((s) => s.batch).map((s) => s.name));
    values = smallSamples([...sizes].sort((a, b) => Number(batches.has(a.name)) - Number(batches.has(b.name)) || b.max - a.max));
    samples = await chooseAll();
  }
  if (unlike(samples) && [...base].some((n) => n.kind === "operator" && (n.op === "Loop" || n.op === "Scan"))) {
    loops = { unrolledOperators: 0 };
    samples = await chooseAll();
  }
  // Sizes unlike the samples: even ones, that divide the model's own numbers.
  const checks = [await sample(most), await sample(new Map(sizes.map((s) => [s.name, Math.max(2, 2 * Math.ceil(s.max / 4))])))];
  const least = await sample(new Map(sizes.map((s) => [s.name, 1]))).catch((error: unknown) => {
    if (error instanceof GraphwrightError) return undefined;
    throw error;
  });
  // The smallest sizes too, where the model takes them and has the same kernels there.
  if (least && outline(least.graph) === outline(samples[0]!.graph) && !hasEmpty(least.graph)) checks.push(least);
  if (unlike(samples))
    throw new GraphwrightError("not-lowered", "the model cannot be built: its best kernels differ with the size.", undefined, "Nothing was written. Bind a size (build --fix N=1), or skip the rewrite that decides by it.");
  return { graph: samples[0]!.graph, sized: { sizes, samples, checks, dimensions } };
}
