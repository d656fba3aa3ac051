import { addDims, type Dim, mulDims, subDims } from "../../ir/dim.ts";
import { makeTensor, toIntegers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { type AttributeReader, defineOperator } from "../definition.ts";
import { checkedIndices } from "../support/indexing.ts";
import { elementOfInput, knownInts, rankedInput, tensorOutput, unknownShape } from "../support/infer.ts";
import { maxUnpoolLowering } from "../support/lower-indexing.ts";
import { optionalInts, tensorAt } from "../support/numbers.ts";
import { padTensor } from "../support/padding.ts";
import { writeFlat } from "../support/scatter.ts";
import { floats, int64, optional, required, tensors } from "../support/types.ts";
import { windowAttributes } from "../support/window.ts";

function unpooled(shape: readonly Dim[], attributes: AttributeReader): Dim[] {
  const window = windowAttributes(attributes, attributes.ints("kernel_shape") ?? []);
  return shape.map((d, i) => {
    if (i < 2) return d;
    const k = i - 2;
    return addDims(mulDims(subDims(d, 1), window.strides[k]!), window.kernel[k]! - window.begins[k]! - window.ends[k]!);
  });
}

export const maxUnpool = defineOperator({
  domain: "",
  op: "MaxUnpool",
  versions: [
    { since: 9 },
    { since: 11 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Puts the elements of a max pooling back where they came from; zeros elsewhere.",
  family: "pooling",
  inputs: [
    required("X", "T1", "pooled elements"),
    required("I", "T2", "where each came from, counted through the flattened result"),
    optional("output_shape", "T2", "size of the result"),
  ],
  outputs: [required("output", "T1", "the unpooled tensor")],
  attributes: {
    kernel_shape: { kind: "ints", doc: "window size by spatial dimension", required: true },
    pads: { kind: "ints", doc: "padding: beginnings of all spatial dimensions, then ends" },
    strides: { kind: "ints", doc: "step of the window by spatial dimension; 1 when absent" },
  },
  types: { T1: floats, T2: int64 },
  infer: (context, _node, attributes) => {
    const x = rankedInput(context, 0);
    const given = context.known(2) ?? knownInts(context, 2);
    if (given) return [tensorOutput(elementOfInput(context, 0), given)];
    if (!x || context.type(2).kind === "tensor") return [tensorOutput(elementOfInput(context, 0), x ? unknownShape(x.shape.length) : null)];
    return [tensorOutput(elementOfInput(context, 0), unpooled(x.shape, attributes))];
  },
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const places = toIntegers(tensorAt(inputs, 1));
    const inner = unpooled(x.dims, attributes) as number[];
    const out = writeFlat(makeTensor(x.element, inner), checkedIndices(places, elementCount(inner)), x, "none");
    const target = optionalInts(inputs, 2);
    // Places count within the size that the window gives; a larger target adds zeros at the ends.
    return [target ? padTensor(out, inner.map(() => 0), target.map((d, i) => d - inner[i]!), "constant", undefined) : out];
  },
  cost: () => ({ flops: 0 }),
  lower: maxUnpoolLowering,
});
