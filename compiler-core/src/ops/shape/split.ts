import { ceilDivDims, type Dim, mulDims, subDims } from "../../ir/dim.ts";
import { toIntegers } from "../../ir/tensor.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { checkedAxis, elementOfInput, knownInts, tensorOutput } from "../support/infer.ts";
import { sliceAlong } from "../support/join-tensors.ts";
import { splitLowering } from "../support/lower-shape.ts";
import { optionalInts, tensorAt } from "../support/numbers.ts";
import { optional, ordinary, required, tensors, variadic } from "../support/types.ts";
import { intAttribute, intsBecomeInput, type VersionSteps } from "../support/versions.ts";

/** Version 1 took the sizes as an attribute or as an input. */
const partsByInput: VersionSteps = {
  upgrade: (node, context) => {
    const sizes = node.inputs[1] ? context.constant(node.inputs[1]) : undefined;
    if (node.inputs[1] && !sizes) throw new GraphwrightError("version-semantics", "Split: computed sizes of version 1 have no form in version 2.");
    if (sizes) node.attributes.split = { kind: "ints", value: toIntegers(sizes) };
    node.inputs.length = Math.min(node.inputs.length, 1);
  },
};

/** Without sizes, older versions cut into as many equal parts as there are outputs. */
const countsOutputs: VersionSteps = {
  upgrade: (node) => {
    if (!node.inputs[1]) node.attributes.num_outputs = { kind: "int", value: node.outputs.length };
  },
  downgrade: (node, context) => {
    const count = node.attributes.num_outputs;
    delete node.attributes.num_outputs;
    if (node.inputs[1] || count === undefined) return undefined;
    const axis = intAttribute(node, "axis", 0);
    const size = shapeOf(context.type(node.inputs[0]))?.at(axis);
    if (typeof size !== "number" || size % node.outputs.length !== 0) return "its parts may differ in size";
    return undefined;
  },
};

/** Sizes of the first `taken` of equal parts; the last part takes what is left. */
function evenParts(size: Dim, parts: number, taken: number): Dim[] {
  const part = ceilDivDims(size, parts);
  const last = subDims(size, mulDims(part, parts - 1));
  return Array.from({ length: Math.min(parts, taken) }, (_, i) => (i < parts - 1 ? part : typeof last === "number" ? Math.max(0, last) : last));
}

export const split = defineOperator({
  domain: "",
  op: "Split",
  versions: [
    { since: 1, ...partsByInput },
    { since: 2, change: "split is an attribute only", allows: tensors("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "string", "complex64", "complex128"), ...intsBecomeInput("split", 1) },
    { since: 11, ...intsBecomeInput("split", 1) },
    { since: 13, change: "split became an input; more element types", allows: tensors("bfloat16"), ...countsOutputs },
    { since: 18, change: "attribute num_outputs added" },
  ],
  summary: "Cuts a tensor along an axis into several.",
  family: "shape",
  inputs: [
    required("input", "T", "input"),
    optional("split", "tensor(int64)", "size of each part; equal parts when absent"),
  ],
  outputs: [variadic("outputs", "T", "the parts")],
  attributes: {
    axis: { kind: "int", doc: "dimension it works along; negative counts from the last", fallback: 0 },
    num_outputs: { kind: "int", doc: "number of equal parts; the last may be smaller" },
  },
  types: { T: ordinary },
  infer: (context, node, attributes) => {
    const element = elementOfInput(context, 0);
    const shape = shapeOf(context.type(0));
    const count = node.outputs.length;
    if (!shape) return node.outputs.map(() => tensorOutput(element, null));
    const axis = checkedAxis(attributes.int("axis"), shape.length);
    const sizes: readonly Dim[] | undefined = node.inputs[1] ? context.known(1) ?? knownInts(context, 1) : evenParts(shape[axis]!, attributes.optionalInt("num_outputs") ?? count, count);
    const known = context.known(0);
    let at = 0;
    return node.outputs.map((_, i) => {
      const size = sizes?.[i] ?? null;
      const part = known && shape.length === 1 && typeof size === "number" ? known.slice(at, at + size) : undefined;
      at += typeof size === "number" ? size : NaN;
      return tensorOutput(element, shape.map((d, k) => (k === axis ? size : d)), Number.isNaN(at) ? undefined : part);
    });
  },
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const axis = checkedAxis(context.attributes.int("axis"), x.dims.length);
    const size = x.dims[axis]!;
    const sizes = optionalInts(inputs, 1) ?? (evenParts(size, context.attributes.optionalInt("num_outputs") ?? context.outputCount, context.outputCount) as number[]);
    if (sizes.some((s) => s < 0) || sizes.reduce((a, b) => a + b, 0) !== size) throw new GraphwrightError("split", `the parts [${sizes.join(", ")}] do not add up to ${size}.`);
    if (sizes.length < context.outputCount) throw new GraphwrightError("split", `${sizes.length} parts do not fill ${context.outputCount} outputs.`);
    let at = 0;
    return sizes.slice(0, context.outputCount).map((part) => {
      at += part;
      return sliceAlong(x, axis, at - part, part);
    });
  },
  cost: () => ({ flops: 0 }),
  lower: splitLowering,
});
