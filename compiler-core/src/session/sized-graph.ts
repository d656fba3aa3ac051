import { type Dim, dimSymbols, SymbolicDim } from "../ir/dim.ts";
import type { Graph, Node, NodeId, OperatorNode } from "../ir/graph.ts";
import type { Timeline } from "../ir/timeline.ts";
import type { SizedGraph } from "../bundle/lower-graph.ts";
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

/** Primes at or below a bound, the largest first: sizes without a common factor with anything in the model. Where those run out, primes beyond it. */
function primesNear(bound: number, count: number, taken: Set<number>): number[] {
  const found: number[] = [];
  const take = (n: number): void => {
    if (found.length >= count || taken.has(n) || !isPrime(n)) return;
    taken.add(n);
    found.push(n);
  };
  for (let n = Math.max(bound, 19); n > 4; n--) take(n);
  for (let n = Math.max(bound, 19) + 1; found.length < count; n++) take(n);
  return found;
}

const attributeInts = (node: OperatorNode, name: string): readonly number[] => {
  const a = node.attributes[name];
  return a?.kind === "ints" ? a.value.map(Number) : a?.kind === "int" ? [Number(a.value)] : [];
};
const tileOf = (node: OperatorNode): number => attributeInts(node, "outputs")[0]!;

/** The symbols of a graph's inputs. */
export function inputSymbols(graph: Graph): string[] {
  const found = new Set<string>();
  for (const id of graph.root.parameters) {
    const type = graph.node(id).outputs[0]!.type;
    if (type.kind === "tensor") for (const d of type.shape ?? []) for (const name of dimSymbols(d)) found.add(name);
  }
  return [...found];
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
  const dimensions = new Set<Dim>();
  for (const node of base)
    for (const { type, known } of node.outputs) for (const d of [...(type.kind === "tensor" ? (type.shape ?? []) : []), ...(known ?? [])]) if (d instanceof SymbolicDim) dimensions.add(d);
  // No number twice: a number in a program then tells the size that it comes from.
  const taken = new Set<number>();
  const lists = sizes.map((s) => primesNear(s.max, sampleCount, taken));
  // What is worth its price is decided at the largest sizes, for all.
  const filtering = new Map<NodeId, number>();
  for (const { delta } of (await choose(specialize(base, { sizes: new Map(sizes.map((s) => [s.name, s.max])) }).graph)).steps)
    for (const made of delta?.rewrite === "winograd-convolution" ? delta.added : []) if (made.kind === "operator" && made.op === "WinogradConv") filtering.set(delta!.matched[0]!, tileOf(made));
  const sample = async (): Promise<SizedGraph["samples"]> => {
    const made: { graph: Graph; values: ReadonlyMap<string, number> }[] = [];
    for (let i = 0; i < sampleCount; i++) {
      task.check();
      task.progress(i / sampleCount, "kernels for sizes of run time");
      const values = new Map(sizes.map((s, k) => [s.name, lists[k]![i]!]));
      made.push({ graph: (await choose(specialize(base, { sizes: values }).graph, { winogradAt: filtering })).head.graph, values });
    }
    return made;
  };
  let samples = await sample();
  // Tiles of images whose height or width is a size of the run would not be whole: those convolutions are direct.
  const images = (n: Node): string => (n.kind === "operator" && n.op === "WinogradConv" ? attributeInts(n, "size").join() : "");
  if (samples.some(({ graph: g }) => [...g].map(images).join(" ") !== [...samples[0]!.graph].map(images).join(" "))) {
    filtering.clear();
    samples = await sample();
  }
  const outline = (g: Graph): string => [...g].map((n) => `${n.id} ${n.kind === "operator" ? n.op : n.kind}`).join();
  if (samples.some((s) => outline(s.graph) !== outline(samples[0]!.graph)))
    throw new GraphwrightError("not-lowered", "the model cannot be built: its best kernels differ with the size.", undefined, "Nothing was written. Bind a size (build --fix N=1), or skip the rewrite that decides by it.");
  return { graph: samples[0]!.graph, sized: { sizes, samples, dimensions: [...dimensions] } };
}
