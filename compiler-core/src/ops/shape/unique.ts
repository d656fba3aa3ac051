import { int64Vector, isBigArray, makeTensor, type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementCount, shapeOf, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { checkedAxis, elementOfInput, productOf, tensorOutput } from "../support/infer.ts";
import { tensorAt } from "../support/numbers.ts";
import { offsetsOf } from "../support/reduction.ts";
import { reshaped, stridesOf, takeAlong } from "../support/strides.ts";
import { optional, ordinary, required, tensors } from "../support/types.ts";

/** Slices are compared element by element, as tuples. */
function uniqueSlices(x: Tensor, axis: number, sorted: boolean): Tensor[] {
  const size = x.dims[axis]!;
  const strides = stridesOf(x.dims);
  const offsets = offsetsOf(x.dims.filter((_, i) => i !== axis), strides.filter((_, i) => i !== axis));
  const items: ArrayLike<number | bigint | string> = Array.isArray(x.data) || isBigArray(x.data) ? x.data : toNumbers(x);
  const step = strides[axis]!;
  const compare = (a: number, b: number): number => {
    for (const offset of offsets) {
      const u = items[a * step + offset]!;
      const v = items[b * step + offset]!;
      if (u === v) continue;
      if (u < v) return -1;
      if (u > v) return 1;
      // Not-a-number goes last; all are one value.
      if (Number.isNaN(u) !== Number.isNaN(v)) return Number.isNaN(u) ? 1 : -1;
    }
    return 0;
  };
  const order = Array.from({ length: size }, (_, i) => i).sort((a, b) => compare(a, b) || a - b);
  let groups: number[][] = [];
  for (const at of order) {
    const last = groups.at(-1);
    if (last && compare(last[0]!, at) === 0) last.push(at);
    else groups.push([at]);
  }
  if (!sorted) groups = groups.sort((a, b) => a[0]! - b[0]!);
  const inverse = new BigInt64Array(size);
  for (const [place, group] of groups.entries()) for (const at of group) inverse[at] = BigInt(place);
  const firsts = groups.map((group) => group[0]!);
  return [takeAlong(x, axis, firsts), int64Vector(firsts), makeTensor("int64", [size], inverse), int64Vector(groups.map((group) => group.length))];
}

export const unique = defineOperator({
  domain: "",
  op: "Unique",
  versions: [
    { since: 11 },
    { since: 28, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Gives each different element, or slice along an axis, once.",
  family: "shape",
  inputs: [required("X", "T", "input")],
  outputs: [
    required("Y", "T", "the different elements"),
    optional("indices", "tensor(int64)", "where each first occurs"),
    optional("inverse_indices", "tensor(int64)", "for each input element its place in Y"),
    optional("counts", "tensor(int64)", "how often each occurs"),
  ],
  attributes: {
    axis: { kind: "int", doc: "dimension of the slices; the flattened input when absent" },
    sorted: { kind: "int", doc: "1 sorts them, 0 keeps the order of first occurrence", fallback: 1 },
  },
  types: { T: ordinary },
  infer: (context, node, attributes) => {
    const shape = shapeOf(context.type(0));
    const axis = attributes.optionalInt("axis");
    const values = axis === undefined ? [null] : shape ? shape.map((d, i) => (i === checkedAxis(axis, shape.length) ? null : d)) : null;
    const all = axis === undefined ? (shape ? productOf(shape) : null) : shape ? shape[checkedAxis(axis, shape.length)]! : null;
    return [tensorOutput(elementOfInput(context, 0), values), tensorOutput("int64", [null]), tensorOutput("int64", [all]), tensorOutput("int64", [null])].slice(0, node.outputs.length);
  },
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const axis = attributes.optionalInt("axis");
    const source = axis === undefined ? reshaped(x, [elementCount(x.dims)]) : x;
    const along = axis === undefined ? 0 : checkedAxis(axis, x.dims.length);
    return uniqueSlices(source, along, attributes.int("sorted") !== 0);
  },
  cost: ({ inputs }) => ({ flops: elementCount(staticShape(inputs[0]) ?? [0]) }),
});
