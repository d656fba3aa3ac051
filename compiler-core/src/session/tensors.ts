/** Tensors for looking at: constants, and values that a run kept, as planes of numbers and compared element by element. */
import type { Graph, NodeId, ValueRef } from "../ir/graph.ts";
import { describeNode } from "../ir/graph.ts";
import { elementKind } from "../ir/element-type.ts";
import { isBigArray, tensorCount, type Tensor, toNumbers } from "../ir/tensor.ts";
import type { StepId } from "../ir/timeline.ts";
import { isTensor, type Value } from "../ops/index.ts";
import { compareValues } from "../passes/check/compare.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { Task } from "../support/task.ts";
import type { KeptValueView, MetricView, TensorComparison, TensorPart, TensorPartParams, TensorRef } from "./protocol.ts";

/** Bytes of values that one run may keep when nothing else is asked for. */
export const keptBytesLimit = 256 * 1024 * 1024;
/** Runs whose values a model keeps: of the two steps that are compared, and the last one before. */
const keptRuns = 3;
/** elements of one part: a window's screen has fewer */
const partLimit = 1 << 20;

export interface KeptRun {
  readonly step: StepId;
  readonly values: ReadonlyMap<NodeId, ReadonlyMap<number, Value>>;
}

/** Values of the last runs of one model. */
export class KeptRuns {
  private readonly runs = new Map<number, KeptRun>();
  private last = 0;

  add(run: KeptRun): number {
    this.runs.set(++this.last, run);
    for (const id of this.runs.keys()) if (id <= this.last - keptRuns) this.runs.delete(id);
    return this.last;
  }

  find(id: number): KeptRun {
    const run = this.runs.get(id);
    if (!run) throw new GraphwrightError("no-such-run", "the values of this run are not kept any more.", undefined, "Run the model again.");
    return run;
  }
}

/** Collects what a run computes, in its order, up to a limit of memory; what is left out is listed without its elements. */
export class Keeper {
  private readonly graph: Graph;
  private readonly limit: number;
  private readonly kept = new Map<NodeId, Map<number, Value>>();
  readonly views: KeptValueView[] = [];
  bytes = 0;
  droppedBytes = 0;

  constructor(graph: Graph, limit: number) {
    this.graph = graph;
    this.limit = limit;
  }

  keep({ node, output }: ValueRef, value: Value): void {
    const name = this.graph.node(node).outputs[output]?.name ?? "";
    if (!isTensor(value) || name === "") return;
    const bytes = Array.isArray(value.data) ? value.data.reduce((sum, text) => sum + text.length, 0) : value.data.byteLength;
    const fits = this.bytes + bytes <= this.limit;
    this.views.push({ node, output, name, type: `${value.element}[${value.dims.join(", ")}]`, dims: value.dims, bytes, kept: fits });
    if (!fits) {
      this.droppedBytes += bytes;
      return;
    }
    this.bytes += bytes;
    let outputs = this.kept.get(node);
    if (!outputs) this.kept.set(node, (outputs = new Map<number, Value>()));
    outputs.set(output, value);
  }

  run(step: StepId): KeptRun {
    return { step, values: this.kept };
  }
}

/** The tensor that a reference names. Throws "not-a-constant", "no-such-run", "no-value". */
export function tensorOf(graph: Graph, runs: KeptRuns, { node, output = 0, run }: TensorRef): { readonly name: string; readonly tensor: Tensor } {
  if (run === undefined) {
    const record = graph.node(node);
    const constant = record.kind === "constant" ? record.value : record.kind === "parameter" ? record.fallback : undefined;
    if (!constant) throw new GraphwrightError("not-a-constant", "only constants have values before a run.", { node: describeNode(record) });
    return { name: record.outputs[0]!.name, tensor: constant.tensor() };
  }
  const value = runs.find(run).values.get(node)?.get(output);
  if (!isTensor(value)) throw new GraphwrightError("no-value", "the run did not keep this value.", graph.has(node) ? { node: describeNode(graph.node(node)) } : undefined, "A run keeps values up to a limit of memory.");
  return { name: graph.has(node) ? (graph.node(node).outputs[output]?.name ?? "") : "", tensor: value };
}

/**
 * A plane of a tensor: `rows` and `columns` are ranges of two axes (null: an axis of length 1), `fixed` gives the index
 * on every other axis. With steps above 1 each number stands for a block, and is the one of largest magnitude in it.
 */
export function tensorPart(tensor: Tensor, { rowAxis, columnAxis, fixed, rows, columns, rowStep = 1, columnStep = 1 }: Omit<TensorPartParams, "tensor">, task: Task): TensorPart {
  const { dims } = tensor;
  const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((a, b) => a * b, 1));
  const axisOk = (axis: number | null): boolean => axis === null || (Number.isInteger(axis) && axis >= 0 && axis < dims.length);
  if (!axisOk(rowAxis) || !axisOk(columnAxis) || (rowAxis !== null && rowAxis === columnAxis)) throw new GraphwrightError("usage", "rows and columns are two different axes of the tensor.");
  const size = (axis: number | null): number => (axis === null ? 1 : dims[axis]!);
  const clip = ([from, to]: readonly [number, number], axis: number | null): [number, number] => [Math.max(0, Math.min(from, size(axis))), Math.max(0, Math.min(to, size(axis)))];
  const [r0, r1] = clip(rows, rowAxis);
  const [c0, c1] = clip(columns, columnAxis);
  const [height, width] = [Math.max(0, Math.ceil((r1 - r0) / rowStep)), Math.max(0, Math.ceil((c1 - c0) / columnStep))];
  if (height * width > partLimit) throw new GraphwrightError("usage", `at most ${partLimit} elements are given at once.`);
  let offset = 0;
  for (const [axis, extent] of dims.entries()) {
    if (axis === rowAxis || axis === columnAxis) continue;
    const index = fixed[axis] ?? 0;
    if (!(index >= 0 && index < extent)) throw new GraphwrightError("usage", `index ${index} lies outside of axis ${axis}, which has ${extent} elements.`);
    offset += index * strides[axis]!;
  }
  const [rowStride, columnStride] = [rowAxis === null ? 0 : strides[rowAxis]!, columnAxis === null ? 0 : strides[columnAxis]!];
  const base = { rows: [r0, r1], columns: [c0, c1], height, width } as const;
  const { data } = tensor;
  const kind = elementKind(tensor.element);
  // Strings, complex numbers and integers beyond 2^53 are given as texts.
  if (Array.isArray(data) || kind === "complex" || isBigArray(data)) {
    const at = (flat: number): string => (Array.isArray(data) ? JSON.stringify(data[flat]) : kind === "complex" ? `${String(data[2 * flat])} + ${String(data[2 * flat + 1])}i` : String(data[flat]));
    const texts: string[] = [];
    for (let r = r0; r < r1; r += rowStep) for (let c = c0; c < c1; c += columnStep) texts.push(at(offset + r * rowStride + c * columnStride));
    const values = isBigArray(data) ? Float64Array.from(texts, Number) : new Float64Array(0);
    return { ...base, values, texts };
  }
  const numbers = toNumbers(tensor);
  const values = new Float64Array(height * width);
  let next = 0;
  for (let r = r0; r < r1; r += rowStep) {
    if ((r & 0xff) === 0) task.check();
    for (let c = c0; c < c1; c += columnStep) {
      let best = numbers[offset + r * rowStride + c * columnStride] as number;
      if (rowStep > 1 || columnStep > 1)
        for (let i = r; i < Math.min(r1, r + rowStep); i++)
          for (let j = c; j < Math.min(c1, c + columnStep); j++) {
            const v = numbers[offset + i * rowStride + j * columnStride] as number;
            // Not-a-number wins: it must not get lost in a block.
            if (Number.isNaN(v) || Math.abs(v) > Math.abs(best)) best = v;
          }
      values[next++] = best;
    }
  }
  return { ...base, values };
}

/** How two tensors differ: the numbers of a check, how many elements, and the distribution of the differences. */
export function compareTensors(a: Tensor, b: Tensor, task: Task): TensorComparison {
  const difference = compareValues(a, b);
  const { identical, maxAbs, maxRel, maxUlp, worst, mismatch } = difference;
  const base = { identical, maxAbs, maxRel, maxUlp, ...(worst ? { worst } : {}), ...(mismatch === undefined ? {} : { mismatch }), count: tensorCount(a) };
  if (tensorCount(a) !== tensorCount(b) || Array.isArray(a.data) || Array.isArray(b.data) || elementKind(a.element) === "complex") return { ...base, differing: identical ? 0 : tensorCount(a) };
  const [p, q] = [toNumbers(a), toNumbers(b)];
  let differing = 0;
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < p.length; i++) {
    if ((i & 0xfffff) === 0) task.check();
    const gap = (q[i] as number) - (p[i] as number);
    if (gap !== 0 && !(Number.isNaN(p[i] as number) && Number.isNaN(q[i] as number))) differing++;
    if (!Number.isFinite(gap)) continue;
    if (gap < low) low = gap;
    if (gap > high) high = gap;
  }
  if (!(high > low)) return { ...base, differing };
  const bins = 48;
  const counts = new Array<number>(bins).fill(0);
  const width = (high - low) / bins;
  for (let i = 0; i < p.length; i++) {
    const gap = (q[i] as number) - (p[i] as number);
    if (Number.isFinite(gap)) counts[Math.min(bins - 1, Math.floor((gap - low) / width))]!++;
  }
  return { ...base, differing, histogram: { low, high, counts } };
}


/** The largest absolute difference of each node's values between two runs, matched by the values' names; not-a-number where only one side has it, and infinities, count as the largest of the others. */
export function runErrors(graphs: { graph(step: StepId): Graph }, a: KeptRun, b: KeptRun, task: Pick<Task, "check">): MetricView {
  const nameOf = (run: KeptRun, node: NodeId, output: number): string => graphs.graph(run.step).find(node)?.outputs[output]?.name ?? "";
  const before = new Map<string, Tensor>();
  for (const [node, outputs] of a.values) for (const [output, value] of outputs) if (isTensor(value)) before.set(nameOf(a, node, output), value);
  const found = new Map<NodeId, number>();
  let largest = 0;
  for (const [node, outputs] of b.values) {
    for (const [output, value] of outputs) {
      task.check();
      const other = before.get(nameOf(b, node, output));
      if (!other || !isTensor(value)) continue;
      const { maxAbs, mismatch } = compareValues(other, value);
      if (mismatch !== undefined) continue;
      if (Number.isFinite(maxAbs)) largest = Math.max(largest, maxAbs);
      found.set(node, Math.max(found.get(node) ?? 0, Number.isNaN(maxAbs) ? Infinity : maxAbs));
    }
  }
  return { nodes: Int32Array.from(found.keys()), values: Float64Array.from(found.values(), (value) => (Number.isFinite(value) ? value : Math.max(largest, 1))) };
}
