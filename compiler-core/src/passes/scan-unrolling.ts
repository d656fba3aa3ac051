import { int } from "../ir/attribute.ts";
import { ConstantValue } from "../ir/constant.ts";
import type { NodeId, ValueRef } from "../ir/graph.ts";
import { int64Vector } from "../ir/tensor.ts";
import { defineRewrite } from "./definition.ts";
import { replaceOutputs } from "./support/inline-region.ts";
import { budgetPrecondition, requireBudget, stack, unroll } from "./support/unrolling.ts";

const untouched = `graph @main(%x: float32[N, 4], %h: float32[4]) -> (%y: float32[4]) {
  %y = Scan(%h, %x) {num_scan_inputs = 1} body (%s: float32[4], %v: float32[4]) { %t = Add(%s, %v) return %t }
  return %y
}`;

export const scanUnrolling = defineRewrite({
  name: "scan-unrolling",
  title: "Scan unrolling",
  summary: "Writes a Scan over a known length as so many copies of its body, one after the other.",
  why: "Rewrites do not look across the border of a body, and each turn of a loop copies what it carries; the slices become views of the scanned input.",
  exactness: "exact",
  roots: ["Scan"],
  preconditions: [
    { name: "one sequence", doc: "It is not the form of version 8, which runs over a batch of sequences of their own lengths." },
    { name: "known length", doc: "The scan inputs have the same known length along their scan axes, of at least 1." },
    budgetPrecondition,
  ],
  match(root, context, options) {
    const body = root.regions["body"];
    if (body === undefined) return undefined;
    const attributes = context.attributes(root);
    const scans = attributes.int("num_scan_inputs");
    const states = root.inputs.length - scans;
    if (!context.require("one sequence", attributes.int("batched", 0) === 0, () => (attributes.int("batched", 0) === 0 ? "it is" : "it is the form of version 8, with a batch axis"))) return undefined;
    const given = attributes.ints("scan_input_axes");
    const axes: number[] = [];
    let length: number | undefined;
    for (let scan = 0; scan < scans; scan++) {
      const shape = context.shape(root.inputs[states + scan]);
      const axis = given?.[scan] ?? 0;
      const size = shape?.at(axis);
      const known = typeof size === "number" && size > 0 && (length === undefined || size === length);
      if (!context.require("known length", known, () => `the scan input ${context.describe(root.inputs[states + scan]!)} is ${context.type(root.inputs[states + scan]).text}`)) return undefined;
      length = size as number;
      axes.push(axis < 0 ? axis + shape!.length : axis);
    }
    if (length === undefined) return undefined;
    if (!requireBudget(context, options, body, length)) return undefined;
    return { nodes: [root.id], bindings: { body, length, axes, states } };
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { body, length, axes, states } = match.bindings as { body: number; length: number; axes: readonly number[]; states: number };
    const attributes = context.attributes(root);
    const reversedInputs = attributes.ints("scan_input_directions");
    const at = { region: root.region, order: root.order };
    const parameters = context.graph.region(body).parameters;
    const slices = axes.map((axis, scan) => {
      const ref = root.inputs[states + scan]!;
      const base = context.graph.valueName(ref) || `scanned_${scan}`;
      const constant = (name: string, values: readonly number[]): ValueRef => rewriter.addConstant({ value: ConstantValue.of(int64Vector(values)), name: context.freshName(`${base}_${name}`), ...at });
      const sizes = length > 1 ? constant("sizes", Array.from({ length }, () => 1)) : undefined;
      const split = sizes && rewriter.addNode({ op: "Split", inputs: [ref, sizes], attributes: { axis: int(axis) }, outputs: Array.from({ length }, (_, i) => context.freshName(`${base}_part_${i}`)), ...at });
      const squeezed = constant("axis", [axis]);
      const parts = Array.from({ length }, (_, i) => ({ node: rewriter.addNode({ op: "Squeeze", inputs: [split === undefined ? ref : { node: split, output: i }, squeezed], outputs: [context.freshName(`${base}_${i}`)], ...at }), output: 0 }));
      rewriter.derive("replace", [root.id], [...(sizes && split !== undefined ? [sizes.node, split] : []), squeezed.node, ...parts.map((part) => part.node)]);
      return reversedInputs?.[scan] === 1 ? parts.reverse() : parts;
    });
    const results = unroll(rewriter, context, root, body, length, (turn, before) => {
      const values = new Map<NodeId, ValueRef>();
      for (const [i, id] of parameters.entries()) values.set(id, i >= states ? slices[i - states]![turn]! : before ? before[i]! : root.inputs[i]!);
      return values;
    });
    const outputAxes = attributes.ints("scan_output_axes");
    const reversedOutputs = attributes.ints("scan_output_directions");
    replaceOutputs(rewriter, context, root, (output) => {
      if (output < states) return results.at(-1)![output]!;
      const turns = results.map((result) => result[output]!);
      if (reversedOutputs?.[output - states] === 1) turns.reverse();
      return stack(rewriter, context, root, output, turns, outputAxes?.[output - states] ?? 0);
    });
  },
  examples: [
    {
      title: "A running sum, from the end, with every partial sum",
      before: `graph @main(%x: float32[2, 4], %h: float32[4]) -> (%y: float32[4], %ys: float32[4, 2]) {
  %y, %ys = Scan(%h, %x) {num_scan_inputs = 1, scan_input_directions = [1], scan_output_axes = [1]} body (%s: float32[4], %v: float32[4]) { %t = Add(%s, %v) return %t, %t }
  return %y, %ys
}`,
      after: `graph @main(%x: float32[2, 4], %h: float32[4]) -> (%y: float32[4], %ys: float32[4, 2]) {
  %x_sizes = constant int64[2] [1, 1]
  %x_part_0, %x_part_1 = Split(%x, %x_sizes) {axis = 0}
  %x_axis = constant int64[1] [0]
  %x_0 = Squeeze(%x_part_0, %x_axis)
  %x_1 = Squeeze(%x_part_1, %x_axis)
  %t = Add(%h, %x_1)
  %y = Add(%t, %x_0)
  %ys_axes = constant int64[1] [1]
  %ys_slice = Unsqueeze(%t, %ys_axes)
  %ys_slice_1 = Unsqueeze(%y, %ys_axes)
  %ys = Concat(%ys_slice, %ys_slice_1) {axis = 1}
  return %y, %ys
}`,
    },
    { title: "A length that is open", fails: "known length", before: untouched, after: untouched },
    {
      title: "More turns than the budget allows",
      fails: "within budget",
      options: { unrolledOperators: 3 },
      before: `graph @main(%x: float32[2, 4], %h: float32[4]) -> (%y: float32[4]) {
  %y = Scan(%h, %x) {num_scan_inputs = 1} body (%s: float32[4], %v: float32[4]) { %t = Add(%s, %v) %u = Neg(%t) return %u }
  return %y
}`,
      after: `graph @main(%x: float32[2, 4], %h: float32[4]) -> (%y: float32[4]) {
  %y = Scan(%h, %x) {num_scan_inputs = 1} body (%s: float32[4], %v: float32[4]) { %t = Add(%s, %v) %u = Neg(%t) return %u }
  return %y
}`,
    },
  ],
});
