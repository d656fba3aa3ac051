import { type Accelerator, evaluateGraph } from "../evaluate/index.ts";
import { readNpy, writeNpy } from "../importers/npy.ts";
import { readValueFile } from "../importers/onnx/tensor-file.ts";
import type { Graph } from "../ir/graph.ts";
import { elementKind, isElementType } from "../ir/element-type.ts";
import { fromNumbers, toNumbers, type Tensor } from "../ir/tensor.ts";
import { byteSize } from "../ir/element-type.ts";
import { elementCount, elementOf } from "../ir/value-type.ts";
import { isTensor, type Value } from "../ops/index.ts";
import { drawValue, sizesOf } from "../passes/check/draw.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { hashString, Random } from "../support/random.ts";
import type { Task } from "../support/task.ts";
import type { RunInput, RunOutput, RunResult, TensorView } from "./protocol.ts";
import { tensorView } from "./tensor-view.ts";
import type { Keeper } from "./tensors.ts";

/** elements of an output that the window gets as numbers */
const shownValues = 4096;

/** A value for each input that was not given: standard normal, the same for the same seed; symbolic sizes are 1. */
export function drawInputs(graph: Graph, given: ReadonlyMap<string, Value>, seed: number): Map<string, Value> {
  const inputs = new Map(given);
  for (const id of graph.root.parameters) {
    const node = graph.node(id);
    const output = node.outputs[0]!;
    if (inputs.has(output.name) || (node.kind === "parameter" && node.fallback)) continue;
    const value = drawValue(output, { mode: "normal", random: new Random(seed ^ hashString(output.name)), integers: [0, 3], size: sizesOf(1) });
    if (typeof value === "string") throw new GraphwrightError("cannot-draw", `no value can be drawn for input ${JSON.stringify(output.name)}: ${value}.`, undefined, "Give a value for it.");
    inputs.set(output.name, value);
  }
  return inputs;
}

function readInput(name: string, given: RunInput, graph: Graph): Value {
  const parameter = graph.root.parameters.map((id) => graph.node(id).outputs[0]!).find((o) => o.name === name);
  if (!("format" in given)) return fromNumbers(elementOf(parameter?.type) ?? "float32", given.dims, given.data);
  if (given.format === "npy") return readNpy(given.bytes, name);
  return readValueFile(given.bytes, parameter?.type);
}

export const bytesOf = (tensor: Tensor): number => byteSize(tensor.element, elementCount(tensor.dims));

function valueView(name: string, value: Value, task: Task): TensorView & { readonly dims: readonly number[] } {
  if (isTensor(value)) return { ...tensorView(name, value, bytesOf(value), task), dims: value.dims };
  const describe = (v: Value): string => {
    if (isTensor(v)) return `${v.element}[${v.dims.join(", ")}]`;
    switch (v.kind) {
      case "sequence":
        return `seq of ${v.items.length}`;
      case "optional":
        return v.value === null ? "none" : `optional(${describe(v.value)})`;
      case "map":
        return `map of ${v.entries.size}`;
      case "sparse":
        return `sparse ${v.values.element}[${v.dims.join(", ")}]`;
    }
  };
  const items = value.kind === "sequence" ? value.items.map(describe) : value.kind === "map" ? [...value.entries].map(([k, v]) => `${k}: ${describe(v)}`) : [];
  return { name, type: describe(value), bytes: 0, count: items.length, sample: items.slice(0, 64), dims: [] };
}

export function runGraph(graph: Graph, params: { readonly seed: number; readonly inputs?: Readonly<Record<string, RunInput>>; readonly npy?: boolean }, task: Task, clock: () => number, accelerator?: Accelerator, keeper?: Keeper): RunResult {
  const given = new Map(Object.entries(params.inputs ?? {}).map(([name, input]) => [name, readInput(name, input, graph)] as const));
  const inputs = drawInputs(graph, given, params.seed);
  if (keeper) for (const id of graph.root.parameters) {
    const value = inputs.get(graph.node(id).outputs[0]!.name);
    if (value) keeper.keep({ node: id, output: 0 }, value);
  }
  const began = clock();
  const values = evaluateGraph(graph, inputs, { task, seed: params.seed, ...(accelerator ? { accelerator } : {}), ...(keeper ? { keep: (ref, value) => keeper.keep(ref, value) } : {}) });
  const milliseconds = clock() - began;
  const outputs = graph.root.outputs.map((output, index): RunOutput => {
    const value = values[index]!;
    const view = valueView(output.name, value, task);
    const numeric = isTensor(value) && isElementType(value.element) && !["string", "complex"].includes(elementKind(value.element));
    const npy = params.npy && isTensor(value) ? writeNpy(value) : undefined;
    return { ...view, values: numeric ? Array.from(toNumbers(value).subarray(0, shownValues)) : [], ...(npy ? { npy } : {}) };
  });
  return { inputs: [...inputs].map(([name, value]) => ({ ...valueView(name, value, task), drawn: !given.has(name) })), outputs, milliseconds };
}
