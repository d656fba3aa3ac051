import { type Dim, dimsDiffer } from "../../ir/dim.ts";
import { toNumbers, type Tensor } from "../../ir/tensor.ts";
import type { InferredOutput } from "../../ir/type-rules.ts";
import { shapeOf, staticShape, tensorType, unknownType, type ValueType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { rankOf } from "../../tensor/control.ts";
import { type AttributeReader, defineOperator, type EvaluateContext, type Value } from "../definition.ts";
import { bodyOf, carriedTypes, controlVersions, stackedType, stackTurns } from "../support/bodies.ts";
import { checkedAxis, normalAxis, reportConflict } from "../support/infer.ts";
import { entryAt, sliceAlong, stackTensors, concatTensors } from "../support/join-tensors.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { mapNumbers } from "../support/elementwise.ts";
import { everything, int64, variadic } from "../support/types.ts";

interface Layout {
  readonly states: number;
  readonly scans: number;
  /** 1 when the node has the form of version 8: a sequence_lens input first, and a batch axis before all others */
  readonly batched: boolean;
  /** index of the first state among the node's inputs */
  readonly first: number;
  inputAxis(scan: number): number;
  inputReversed(scan: number): boolean;
  outputAxis(scan: number): number;
  outputReversed(scan: number): boolean;
}

function layoutOf(inputCount: number, attributes: Pick<AttributeReader, "int" | "ints">): Layout {
  const batched = attributes.int("batched", 0) === 1;
  const first = batched ? 1 : 0;
  const scans = attributes.int("num_scan_inputs");
  const states = inputCount - first - scans;
  if (scans < 0 || states < 0) throw new GraphwrightError("attribute-range", `num_scan_inputs is ${scans}, but the node has ${inputCount} inputs.`);
  const inputAxes = attributes.ints("scan_input_axes");
  const inputDirections = attributes.ints(batched ? "directions" : "scan_input_directions");
  const outputAxes = attributes.ints("scan_output_axes");
  const outputDirections = attributes.ints("scan_output_directions");
  return {
    states,
    scans,
    batched,
    first,
    inputAxis: (scan) => inputAxes?.[scan] ?? 0,
    inputReversed: (scan) => inputDirections?.[scan] === 1,
    outputAxis: (scan) => outputAxes?.[scan] ?? 0,
    outputReversed: (scan) => outputDirections?.[scan] === 1,
  };
}

const withoutAxis = (type: ValueType, axis: number): ValueType => {
  const shape = shapeOf(type);
  if (type.kind !== "tensor" || shape === null) return type;
  const at = normalAxis(axis, shape.length);
  return at === undefined ? tensorType(type.element, null) : tensorType(type.element, shape.filter((_, i) => i !== at));
};

const withBatch = (type: ValueType, batch: Dim): ValueType => (type.kind === "tensor" && type.shape ? tensorType(type.element, [batch, ...type.shape]) : type);

/** Runs the body over all slices; `states` and `scans` are without a batch axis. */
function scanOnce(states: readonly Value[], scans: readonly Tensor[], length: number, layout: Layout, context: EvaluateContext): { states: readonly Value[]; turns: Value[][] } {
  const turns: Value[][] = Array.from({ length: Math.max(0, context.outputCount - layout.states) }, () => []);
  let carried = states;
  const axes = scans.map((tensor, i) => checkedAxis(layout.inputAxis(i), tensor.dims.length, "scan_input_axes"));
  for (let turn = 0; turn < length; turn++) {
    context.task.check();
    const slices = scans.map((tensor, i) => entryAt(tensor, axes[i]!, layout.inputReversed(i) ? length - 1 - turn : turn));
    const results = context.runBody("body", [...carried, ...slices]);
    carried = results.slice(0, layout.states);
    for (const [i, list] of turns.entries()) {
      const result = results[layout.states + i]!;
      if (layout.outputReversed(i)) list.unshift(result);
      else list.push(result);
    }
  }
  return { states: carried, turns };
}

/** Puts zeros after a stacked result, so that shorter sequences of a batch are as long as the longest. */
function padded(tensor: Tensor, length: number): Tensor {
  const missing = length - tensor.dims[0]!;
  if (missing === 0) return tensor;
  const blank = mapNumbers(sliceAlong(tensor, 0, 0, Math.min(1, tensor.dims[0]!)), () => 0);
  return concatTensors([tensor, ...Array.from({ length: missing }, () => blank)], 0);
}

export const scan = defineOperator({
  domain: "",
  op: "Scan",
  versions: controlVersions(
    [
      {
        since: 8,
        upgrade: (node) => {
          node.attributes.batched = { kind: "int", value: 1 };
        },
      },
      {
        since: 9,
        change: "no batch axis and no sequence_lens; axes and directions of outputs",
      },
      { since: 11, change: "negative axes" },
    ],
    false,
  ).map((version) =>
    version.since === 8
      ? {
          ...version,
          downgrade: (node) => {
            const batched = node.attributes.batched;
            if (batched?.kind !== "int" || Number(batched.value) !== 1) return "version 8 knows only batches of sequences";
            delete node.attributes.batched;
            return undefined;
          },
        }
      : version,
  ),
  summary: "Runs a body once for every slice of its scan inputs, carries states from slice to slice, and stacks what each turn gives.",
  doc:
    "Inputs: the initial states, then the scan inputs, all equally long along their scan axes. Outputs: the last states, then the scan outputs. " +
    "The body takes the states and one slice of each scan input (without the scan axis) and gives the next states and one slice of each scan output. " +
    "A node of version 8 works on a batch of such scans at once; it keeps that form here, marked by `batched`, with the input sequence_lens first.",
  family: "control",
  inputs: [variadic("initial_state_and_scan_inputs", "V", "states before the first slice, then the scan inputs")],
  outputs: [variadic("final_state_and_scan_outputs", "V", "states after the last slice, then the scan outputs")],
  attributes: {
    body: { kind: "graph", doc: "what is done with one slice", required: true },
    num_scan_inputs: { kind: "int", doc: "how many of the inputs are scanned", required: true },
    scan_input_axes: { kind: "ints", doc: "axis along which each scan input is cut; 0 when absent" },
    scan_input_directions: { kind: "ints", doc: "1 to go through a scan input from its end" },
    scan_output_axes: { kind: "ints", doc: "axis along which each scan output is stacked; 0 when absent" },
    scan_output_directions: { kind: "ints", doc: "1 to put the first slice of a scan output at its end" },
    batched: { kind: "int", doc: "1 for the form of version 8, which cannot be said in the newer form", fallback: 0 },
    directions: { kind: "ints", doc: "version 8: 1 to go through a scan input from its end" },
  },
  types: { V: everything, I: int64 },
  infer: (context, node, attributes) => {
    const region = bodyOf(node, "body");
    const layout = layoutOf(node.inputs.length, attributes);
    const inputType = (index: number): ValueType => (layout.batched ? withoutAxis(context.type(index), 0) : context.type(index));
    const states = Array.from({ length: layout.states }, (_, i) => inputType(layout.first + i));
    let length: Dim = null;
    let lengthFrom = -1;
    const slices = Array.from({ length: layout.scans }, (_, i) => {
      const index = layout.first + layout.states + i;
      const type = inputType(index);
      const shape = shapeOf(type);
      const axis = shape ? normalAxis(layout.inputAxis(i), shape.length) : undefined;
      const extent = shape && axis !== undefined ? shape[axis]! : null;
      if (extent !== null) {
        if (dimsDiffer(length, extent)) reportConflict(context, node, lengthFrom, index, `the scan inputs are ${length} and ${extent} long`);
        if (length === null || typeof extent === "number") {
          length = extent;
          lengthFrom = index;
        }
      }
      return withoutAxis(type, layout.inputAxis(i));
    });
    const around = (carried: readonly ValueType[]): InferredOutput[] => [...carried, ...slices].map((type) => ({ type }));
    const types = carriedTypes(context, region, states, around, (all) => all.slice(0, layout.states));
    const results = context.inferBody(region, around(types));
    const batch: Dim = layout.batched ? (shapeOf(context.type(layout.first))?.[0] ?? null) : null;
    return node.outputs.map((_, i) => {
      const type = i < layout.states ? types[i]! : stackedType(results[i]?.type ?? unknownType, length, layout.outputAxis(i - layout.states));
      return { type: layout.batched ? withBatch(type, batch) : type };
    });
  },
  control: ({ node, attributes, inputType }) => {
    const layout = layoutOf(node.inputs.length, attributes);
    if (layout.batched) throw new GraphwrightError("not-lowered", "cannot be lowered: it scans a batch of sequences, as operator set 8 has it.", undefined, "Unroll it, or write it in operator set 9 or newer.");
    const axisOf = (scan: number): number => checkedAxis(layout.inputAxis(scan), rankOf(inputType(layout.states + scan)), "scan_input_axes");
    const first = staticShape(inputType(layout.states));
    if (layout.scans === 0 || !first) throw new GraphwrightError("not-lowered", layout.scans === 0 ? "cannot be lowered: it scans no input." : `cannot be lowered: the shape of its first scan input is not static (${inputType(layout.states).text}).`);
    return {
      kind: "turns",
      body: "body",
      limit: { count: first[axisOf(0)]! },
      states: Array.from({ length: layout.states }, (_, i) => ({ input: i, parameter: i, result: i, output: i })),
      slices: Array.from({ length: layout.scans }, (_, i) => ({ input: layout.states + i, parameter: layout.states + i, axis: axisOf(i), reversed: layout.inputReversed(i) })),
      stacks: node.outputs.slice(layout.states).map((_, i) => ({ result: layout.states + i, output: layout.states + i, axis: layout.outputAxis(i), reversed: layout.outputReversed(i) })),
    };
  },
  evaluate: (inputs, context) => {
    const layout = layoutOf(inputs.length, context.attributes);
    const states = inputs.slice(layout.first, layout.first + layout.states);
    const scans = Array.from({ length: layout.scans }, (_, i) => tensorAt(inputs, layout.first + layout.states + i));
    const lengthOf = (tensor: Tensor, scanIndex: number, offset: number): number =>
      tensor.dims[offset + checkedAxis(layout.inputAxis(scanIndex), tensor.dims.length - offset, "scan_input_axes")]!;
    const offset = layout.batched ? 1 : 0;
    const length = scans[0] ? lengthOf(scans[0], 0, offset) : 0;
    for (const [i, tensor] of scans.entries())
      if (lengthOf(tensor, i, offset) !== length) throw new GraphwrightError("shape-contradiction", `the scan inputs are ${length} and ${lengthOf(tensor, i, offset)} long.`);
    const declared = (i: number): ValueType | undefined => context.node.outputs[layout.states + i]?.type;
    if (!layout.batched) {
      const done = scanOnce(states.map((value) => value!), scans, length, layout, context);
      return [...done.states, ...done.turns.map((list, i) => stackTurns(list, declared(i), layout.outputAxis(i)))];
    }
    const lengths = optionalTensor(inputs, 0);
    const batch = (scans[0] ?? tensorAt(inputs, 1)).dims[0]!;
    const runs = Array.from({ length: batch }, (_, b) => {
      const own = lengths ? toNumbers(lengths)[b]! : length;
      const parts = scans.map((tensor) => sliceAlong(entryAt(tensor, 0, b), 0, 0, own));
      return scanOnce(states.map((_, i) => entryAt(tensorAt(states, i), 0, b)), parts, own, layout, context);
    });
    return context.node.outputs.map((_, i) => {
      if (i < layout.states) return stackTensors(runs.map((run) => tensorAt(run.states, i)), 0);
      return stackTensors(runs.map((run) => padded(stackTurns(run.turns[i - layout.states]!, declared(i - layout.states)), length)), 0);
    });
  },
});
