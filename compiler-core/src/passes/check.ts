import type { Delta } from "../ir/delta.ts";
import { isFloat } from "../ir/element-type.ts";
import type { Graph, NodeId, NodeOutput, OperatorNode, ValueRef } from "../ir/graph.ts";
import { fromNumbers, isSmallFloat, type Tensor, toNumbers } from "../ir/tensor.ts";
import { shapeOf } from "../ir/value-type.ts";
import { type Accelerator, evaluateGraph, evaluateNode } from "../evaluate/index.ts";
import { isTensor, type Value } from "../ops/definition.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { Random } from "../support/random.ts";
import { silentTask, type Task } from "../support/task.ts";
import type { Exactness, RewriteDefinition } from "./definition.ts";
import { rewrites } from "./index.ts";
import { compareValues, type Difference, epsilonOf, nudge } from "./check/compare.ts";
import { type DrawMode, drawValue, integerRanges, sizesOf } from "./check/draw.ts";
import { capturedValues, keyOf, stepRegion, type StepRegion } from "./check/region.ts";

export type Verdict = "identical" | "rounding" | "different" | "not-checked";

/**
 * What a numerical comparison found.
 * - identical: the same bits on every input tried (NaN equals NaN whatever its payload; `note` says where a zero changes its sign)
 * - rounding: unequal by no more than reordered floating-point operations explain
 * - different: another function, or other bits after a rewrite that keeps them all
 * - not-checked: `note` says why
 */
export interface CheckReport {
  readonly verdict: Verdict;
  readonly maxAbs: number;
  readonly maxRel: number;
  readonly maxUlp: number;
  /** where the largest error stands; a and b are the values before and after */
  readonly worst?: { readonly output: string; readonly index: readonly number[]; readonly a: number; readonly b: number };
  /** input sets that both sides were evaluated on */
  readonly runs: number;
  readonly note: string;
}

export interface CheckOptions {
  /** input sets to try; default 4 for a step, 3 for whole models */
  readonly seeds?: number;
  readonly task?: Task;
  /** first seed; the same seed draws the same inputs */
  readonly seed?: number;
  /** evaluates heavy nodes faster, on both sides alike */
  readonly accelerator?: Accelerator;
}

type Fast = Pick<CheckOptions, "accelerator">;
type Values = Map<string, Value | null>;

/** Thrown by an evaluation that cannot be done; the reason is for the note. */
class NotEvaluated extends Error {}

const reasonOf = (error: unknown): string => {
  if (error instanceof NotEvaluated || error instanceof GraphwrightError) return error.message;
  throw error;
};

/** Cancelled with the task, but leaves progress to the caller. */
const quietly = (task: Task): Task => ({ check: () => task.check(), progress: () => {}, pause: () => task.pause() });

// ---- evaluation of a region

interface RegionRun {
  readonly values: Values;
  /** sum over the computed nodes of 1 + the terms that one output element sums */
  readonly terms: number;
  /** 2^-digits of the coarsest floating-point type that was computed */
  readonly epsilon: number;
}

function evaluateRegion(graph: Graph, inside: ReadonlySet<NodeId>, wanted: readonly ValueRef[], given: ReadonlyMap<string, Value>, task: Task, seed: number, fast: Fast): RegionRun {
  const values: Values = new Map(given);
  const quiet = quietly(task);
  let terms = 1;
  let epsilon = 0;
  const valueOf = (ref: ValueRef): Value | null => {
    const known = values.get(keyOf(ref));
    if (known !== undefined) return known;
    const node = graph.node(ref.node);
    if (node.kind === "constant") {
      const value = node.value.tensor();
      values.set(keyOf(ref), value);
      return value;
    }
    if (node.kind !== "operator" || !inside.has(node.id)) throw new NotEvaluated(`${graph.valueName(ref)} is not given`);
    const inputs = node.inputs.map((input) => (input ? valueOf(input) : null));
    for (const outer of capturedValues(graph, node)) valueOf(outer);
    task.check();
    const outputs = evaluateNode(graph, node, inputs, { ...fast, seed, task: quiet, outer: (outer) => values.get(keyOf(outer)) });
    for (const [output, value] of outputs.entries()) {
      values.set(keyOf({ node: node.id, output }), value);
      if (value && isTensor(value)) epsilon = Math.max(epsilon, epsilonOf(value.element));
    }
    terms += 1 + summedTerms(node, inputs, outputs);
    return values.get(keyOf(ref)) ?? null;
  };
  for (const ref of wanted) valueOf(ref);
  return { values, terms, epsilon };
}

const countOf = (value: Value | null | undefined): number => (value && isTensor(value) ? value.dims.reduce((a, b) => a * b, 1) : 0);

/** How many terms one element of the output sums, as far as rounding goes. */
function summedTerms(node: OperatorNode, inputs: readonly (Value | null)[], outputs: readonly (Value | null)[]): number {
  const [a, b] = inputs;
  switch (node.op) {
    case "Conv":
      return b && isTensor(b) ? countOf(b) / Math.max(1, b.dims[0]!) : 1;
    case "ConvTranspose":
      return b && isTensor(b) ? countOf(b) / Math.max(1, b.dims[1]!) : 1;
    case "MatMul":
    case "Gemm":
      return a && isTensor(a) ? Math.max(1, ...a.dims.slice(-2)) : 1;
    default: {
      const ratio = Math.max(...inputs.map(countOf), 1) / Math.max(1, countOf(outputs[0]));
      const lastAxis = a && isTensor(a) ? (a.dims.at(-1) ?? 1) : 1;
      return Math.max(1, ratio, /Norm|Softmax|Attention|Fused|LSTM|GRU|RNN/.test(node.op) ? lastAxis : 1);
    }
  }
}

// ---- verdict

interface Finding {
  readonly name: string;
  readonly difference: Difference;
  readonly verdict: "identical" | "rounding" | "different";
}

/** Reordering n additions moves a sum by about sqrt(n) units in the last place; 8 leaves room for the constant factor. */
const slack = 8;

/**
 * Rounding or not: |a - b| <= 8 * epsilon * sqrt(terms) * max|a|, also channel by channel, where `terms` counts the additions on the way; and
 * where numbers cancel, what moving every input by one unit in the last place does to the original itself (four
 * times that, since constants round too).
 */
function judge(name: string, a: Value | null, b: Value | null, epsilon: number, terms: number, noise: () => number): Finding {
  const difference = compareValues(a, b);
  if (difference.identical || difference.zeroSigns) return { name, difference, verdict: "identical" };
  if (difference.mismatch !== undefined) return { name, difference, verdict: "different" };
  const share = slack * epsilon * Math.sqrt(terms);
  const within = difference.maxAbs <= share * difference.scale && channelShare(a, b) <= share;
  const rounding = within || difference.maxAbs <= 4 * noise();
  return { name, difference, verdict: rounding ? "rounding" : "different" };
}

/**
 * The largest error of a channel (axis 1) as a share of that channel's largest value: channels whose scales differ a
 * thousandfold must not be held against the largest of them. 0 where there are no channels.
 */
function channelShare(a: Value | null, b: Value | null): number {
  if (!a || !b || !isFloatTensor(a) || !isTensor(b) || a.dims.length < 3 || a.dims[1]! < 2) return 0;
  const [x, y] = [toNumbers(a), toNumbers(b)];
  const channels = a.dims[1]!;
  const inner = a.dims.slice(2).reduce((p, d) => p * d, 1);
  const scales = new Float64Array(channels);
  const errors = new Float64Array(channels);
  for (let i = 0; i < x.length; i++) {
    const c = Math.floor(i / inner) % channels;
    const size = Math.abs(x[i]!);
    if (size < Infinity) scales[c] = Math.max(scales[c]!, size);
    const error = Math.abs(x[i]! - y[i]!);
    if (error < Infinity) errors[c] = Math.max(errors[c]!, error);
  }
  return errors.reduce((most, error, c) => (error === 0 ? most : Math.max(most, error / scales[c]!)), 0);
}

/** What an approximating rewrite allows itself counts as rounding; more is another function. */
function approximately(finding: Finding, { share, steps = 0 }: NonNullable<RewriteDefinition["tolerance"]>): Finding {
  const { difference } = finding;
  if (finding.verdict !== "different" || difference.mismatch !== undefined) return finding;
  return difference.maxAbs <= Math.max(share * difference.scale, steps) ? { ...finding, verdict: "rounding" } : finding;
}

const toleranceText = ({ share, steps }: NonNullable<RewriteDefinition["tolerance"]>): string =>
  [share > 0 ? `${(100 * share).toPrecision(2)}% of the largest value` : "", steps === undefined ? "" : steps === 1 ? "1 quantization step" : `${steps} quantization steps`].filter((part) => part !== "").join(" or ");

const rank = { identical: 0, rounding: 1, different: 2 } as const;

function report(findings: readonly Finding[], runs: number, notes: readonly string[]): CheckReport {
  const verdict = findings.reduce<Finding["verdict"]>((worst, f) => (rank[f.verdict] > rank[worst] ? f.verdict : worst), "identical");
  const share = (f: Finding): number => rank[f.verdict] * 2 + (f.difference.maxAbs === Infinity ? 1 : f.difference.maxAbs / (1 + f.difference.maxAbs));
  const worst = findings.filter((f) => f.difference.worst).reduce<Finding | undefined>((x, f) => (!x || share(f) > share(x) ? f : x), undefined);
  const max = (pick: (d: Difference) => number): number => findings.reduce((m, f) => Math.max(m, pick(f.difference)), 0);
  const said = [...notes];
  const bad = findings.find((f) => f.verdict === "different");
  if (bad) {
    const at = bad.difference.worst;
    said.unshift(`${bad.name}: ${bad.difference.mismatch ?? `off by ${bad.difference.maxAbs.toPrecision(3)} (${bad.difference.maxUlp.toPrecision(3)} units in the last place)`}${at ? ` at [${at.index.join(", ")}]` : ""}`);
  }
  if (findings.some((f) => f.difference.zeroSigns)) said.push("some zeros change their sign");
  return {
    verdict,
    maxAbs: max((d) => d.maxAbs),
    maxRel: max((d) => d.maxRel),
    maxUlp: max((d) => d.maxUlp),
    ...(worst ? { worst: { output: worst.name, ...worst.difference.worst! } } : {}),
    runs,
    note: said.join("; "),
  };
}

const notChecked = (note: string): CheckReport => ({ verdict: "not-checked", maxAbs: 0, maxRel: 0, maxUlp: 0, runs: 0, note });

const modesFor = (exactness: Exactness | undefined): readonly DrawMode[] => (exactness === "exact" ? ["ties", "special", "negative", "flat"] : exactness === "approximates" ? ["normal", "ties"] : ["normal", "ties", "wide", "negative"]);

// ---- one step

/** Sizes at least this large are made smaller for a region check, when the region lets them. */
const manyElements = 1 << 15;

/** Shrinks large spatial extents alike, so that strides still fit; undefined when there is nothing to shrink. */
function smallerSizes(outputs: readonly NodeOutput[]): ((size: number) => number) | undefined {
  const sizes = new Set<number>();
  let largest = 0;
  for (const { type } of outputs) {
    const shape = shapeOf(type);
    if (!shape) continue;
    largest = Math.max(largest, shape.reduce<number>((product, d) => product * (typeof d === "number" ? d : 1), 1));
    if (shape.length >= 3) for (const d of shape.slice(2)) if (typeof d === "number" && d >= 12) sizes.add(d);
  }
  if (largest < manyElements || sizes.size === 0) return undefined;
  const divisor = [64, 32, 16, 8, 4, 2].find((k) => [...sizes].every((d) => d % k === 0 && d / k >= 4));
  if (divisor !== undefined) return (size) => (sizes.has(size) ? size / divisor : size);
  return sizes.size === 1 ? (size) => (sizes.has(size) ? 8 + (size % 4) : size) : undefined;
}

/**
 * Evaluates what a step rewrote, before and after, on drawn inputs at its edges and with its real constants, and
 * compares. Symbolic sizes take several values; large spatial extents are made smaller where the region allows it.
 */
export function checkStep(before: Graph, after: Graph, delta: Delta, { seeds = 4, task = silentTask, seed = 1, ...fast }: CheckOptions = {}): CheckReport {
  const region = stepRegion(before, after, delta);
  if (region.pairs.length === 0) return { ...notChecked("no value was replaced, so nothing can differ"), verdict: "identical" };
  const outputs = region.boundary.map((ref): NodeOutput => (before.find(ref.node) ?? after.node(ref.node)).outputs[ref.output]!);
  const rewrite = rewrites.find((r) => r.name === delta.rewrite);
  const exactness = rewrite?.exactness;
  const allowed = rewrite?.tolerance;
  const shrink = smallerSizes(outputs);
  let reduced: CheckReport | undefined;
  if (shrink) {
    reduced = checkRegion(before, after, region, outputs, modesFor(exactness), seeds, seed, task, fast, exactness === "exact", shrink, allowed);
    if (reduced.verdict === "identical" || reduced.verdict === "rounding") return { ...reduced, note: ["at smaller spatial sizes", ...(reduced.note ? [reduced.note] : [])].join("; ") };
  }
  const full = checkRegion(before, after, region, outputs, modesFor(exactness), seeds, seed, task, fast, exactness === "exact", undefined, allowed);
  return full.verdict === "not-checked" && reduced && reduced.verdict !== "not-checked" ? reduced : full;
}

function checkRegion(
  before: Graph,
  after: Graph,
  region: StepRegion,
  outputs: readonly NodeOutput[],
  modes: readonly DrawMode[],
  seeds: number,
  seed: number,
  task: Task,
  fast: Fast,
  exact: boolean,
  shrink?: (size: number) => number,
  allowed?: RewriteDefinition["tolerance"],
): CheckReport {
  const findings: Finding[] = [];
  let runs = 0;
  let reason = "";
  const unknown = outputs.some(({ type }) => shapeOf(type)?.includes(null));
  for (let run = 0; run < seeds; run++) {
    // Sizes that are not known differ first: where that is illegal they are the same.
    for (const [apart, integers] of [...(unknown ? [[true, integerRanges[0]] as const] : []), ...integerRanges.map((range) => [false, range] as const)]) {
      const random = new Random(seed * 7919 + run);
      const draw = { mode: modes[run % modes.length]!, random, integers, size: sizesOf(run, shrink, apart) };
      const given = new Map<string, Value>();
      for (const [i, ref] of region.boundary.entries()) {
        const value = drawValue(outputs[i]!, draw);
        if (typeof value === "string") return notChecked(value);
        given.set(keyOf(ref), value);
      }
      for (const [key, target] of drawTargets(before, region, given)) given.set(key, target);
      let old: RegionRun;
      try {
        old = evaluateRegion(before, region.inBefore, region.pairs.map((p) => p.before), given, task, run, fast);
      } catch (error) {
        // The drawn sizes or indices may be illegal here: others are tried.
        reason = reasonOf(error);
        continue;
      }
      let now: RegionRun;
      try {
        now = evaluateRegion(after, region.inAfter, region.pairs.map((p) => p.after), given, task, run, fast);
      } catch (error) {
        const said = reasonOf(error);
        if (error instanceof NotEvaluated) return notChecked(said);
        return { ...notChecked(`the original can be evaluated, the result cannot: ${said}`), verdict: "different", runs: runs + 1 };
      }
      runs++;
      const epsilon = Math.max(old.epsilon, now.epsilon);
      const terms = Math.max(old.terms, now.terms);
      let nudged: RegionRun | undefined;
      for (const { name, before: a, after: b } of region.pairs) {
        const noise = (): number => {
          nudged ??= evaluateRegion(before, region.inBefore, region.pairs.map((p) => p.before), nudgeAll(given, random), task, run, fast);
          return compareValues(old.values.get(keyOf(a)) ?? null, nudged.values.get(keyOf(a)) ?? null).maxAbs;
        };
        const finding = judge(name, old.values.get(keyOf(a)) ?? null, now.values.get(keyOf(b)) ?? null, epsilon, terms, noise);
        findings.push(allowed ? approximately(finding, allowed) : exact && finding.verdict === "rounding" ? { ...finding, verdict: "different" } : finding);
      }
      break;
    }
  }
  return runs === 0 ? notChecked(`could not be evaluated: ${reason}`) : report(findings, runs, allowed ? [`the rewrite approximates: it may be off by ${toleranceText(allowed)}`] : []);
}

/**
 * Shapes for a Reshape or Expand that is given its data and its shape: numbers drawn at random are hardly ever legal
 * but where they change nothing. A Reshape gets the sizes in reverse, an Expand a 3 for each 1.
 */
function* drawTargets(graph: Graph, { inBefore }: StepRegion, given: ReadonlyMap<string, Value>): Generator<[string, Tensor]> {
  for (const id of inBefore) {
    const node = graph.operator(id);
    const [data, shape] = node?.inputs ?? [];
    if (!node || node.domain !== "" || (node.op !== "Reshape" && node.op !== "Expand") || !data || !shape) continue;
    const [x, drawn] = [given.get(keyOf(data)), given.get(keyOf(shape))];
    if (!x || !drawn || !isTensor(x) || !isTensor(drawn) || drawn.element !== "int64" || drawn.data.length !== x.dims.length) continue;
    yield [keyOf(shape), fromNumbers("int64", drawn.dims, node.op === "Reshape" ? [...x.dims].reverse() : x.dims.map((d) => (d === 1 ? 3 : d)))];
  }
}

function nudgeAll<K>(values: ReadonlyMap<K, Value>, random: Random): Map<K, Value> {
  return new Map([...values].map(([key, value]) => [key, isTensor(value) ? nudge(value, () => random.below(2) === 0) : value]));
}

// ---- whole models

const isFloatTensor = (value: Value): value is Tensor => isTensor(value) && (isFloat(value.element) || isSmallFloat(value.element));

/**
 * Compares two models on drawn inputs. Inputs and outputs must agree by name and order. Inputs with a default take it
 * in every run but the second. Throws CancelledError.
 */
export async function checkModels(a: Graph, b: Graph, { seeds = 3, task = silentTask, seed = 1, ...fast }: CheckOptions = {}): Promise<CheckReport> {
  const names = (graph: Graph): { inputs: string[]; outputs: string[] } => ({
    inputs: graph.root.parameters.map((id) => graph.node(id).outputs[0]!.name),
    outputs: graph.root.outputs.map((o) => o.name),
  });
  const x = names(a);
  const y = names(b);
  for (const kind of ["inputs", "outputs"] as const)
    if (x[kind].join("\n") !== y[kind].join("\n")) return { ...notChecked(`${kind === "inputs" ? "the inputs differ" : "the outputs differ"}: ${x[kind].join(", ")} and ${y[kind].join(", ")}`), verdict: "different" };
  const findings: Finding[] = [];
  const quiet = quietly(task);
  let runs = 0;
  let reason = "";
  for (let run = 0; run < seeds; run++) {
    await task.pause();
    task.progress(run / seeds, `Comparing, input set ${run + 1} of ${seeds}`);
    for (const integers of integerRanges) {
      const random = new Random(seed * 104729 + run);
      const draw = { mode: (["normal", "ties", "wide", "negative"] as const)[run % 4]!, random, integers, size: sizesOf(run) };
      const given = new Map<string, Value>();
      for (const id of a.root.parameters) {
        const node = a.node(id);
        const output = node.outputs[0]!;
        const fallback = node.kind === "parameter" && run !== 1 ? node.fallback : undefined;
        const value = fallback ? fallback.tensor() : drawValue(output, draw);
        if (typeof value === "string") return notChecked(value);
        given.set(output.name, value);
      }
      let old: readonly Value[];
      try {
        old = evaluateGraph(a, given, { ...fast, task: quiet, seed: run });
      } catch (error) {
        reason = reasonOf(error);
        continue;
      }
      let now: readonly Value[];
      try {
        now = evaluateGraph(b, given, { ...fast, task: quiet, seed: run });
      } catch (error) {
        return { ...notChecked(`the first model can be evaluated, the second cannot: ${reasonOf(error)}`), verdict: "different", runs: runs + 1 };
      }
      runs++;
      const terms = modelTerms(a);
      let nudged: readonly Value[] | undefined;
      for (const [i, name] of x.outputs.entries()) {
        const value = old[i] ?? null;
        const epsilon = value && isFloatTensor(value) ? epsilonOf(value.element) : 0;
        const noise = (): number => {
          nudged ??= evaluateGraph(a, nudgeAll(given, random), { ...fast, task: quiet, seed: run });
          return compareValues(value, nudged[i] ?? null).maxAbs;
        };
        findings.push(judge(name, value, now[i] ?? null, epsilon, terms, noise));
      }
      break;
    }
  }
  return runs === 0 ? notChecked(`could not be evaluated: ${reason}`) : report(findings, runs, []);
}

/** Additions on the way through a model: the sum over its linear operators of the terms that each output sums. */
function modelTerms(graph: Graph): number {
  let terms = 1;
  for (const node of graph) {
    if (node.kind !== "operator") continue;
    terms += 1;
    const weight = node.op === "Conv" || node.op === "ConvTranspose" || node.op === "Gemm" || node.op === "MatMul" ? shapeOf(graph.type(node.inputs[1])) : null;
    if (weight?.every((d): d is number => typeof d === "number")) terms += weight.reduce((p, d) => p * d, 1) / Math.max(1, weight[0]!);
  }
  return terms;
}
