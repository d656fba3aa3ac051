import { isBigArray, makeTensor, toIntegers, toNumbers } from "../../ir/tensor.ts";
import { elementCount, shapeOf, staticShape } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { checkedAxis, elementOfInput, knownInts, tensorOutput } from "../support/infer.ts";
import { topKLowering } from "../support/lower-search.ts";
import { numberAt, tensorAt } from "../support/numbers.ts";
import { takeFlat } from "../support/scatter.ts";
import { int64, numbers, required, tensors, unsignedIntegers } from "../support/types.ts";
import { constantInts, lacksAttribute, setInput, steps, takeInt, type VersionSteps } from "../support/versions.ts";

/** `k` was an attribute; the input is a vector of one element. */
const intsOne: VersionSteps = {
  upgrade: (node, context) => {
    setInput(node, 1, constantInts(context, [takeInt(node, "k") ?? 0], "k"));
  },
  downgrade: (node, context) => {
    const k = context.constant(node.inputs[1]);
    if (!k) return "its k is computed, and the older version takes a constant";
    node.attributes.k = { kind: "int", value: toIntegers(k)[0]! };
    node.inputs.length = 1;
    return undefined;
  },
};

export const topK = defineOperator({
  domain: "",
  op: "TopK",
  versions: [
    { since: 1, ...intsOne },
    { since: 10, change: "k became an input", ...steps(lacksAttribute("largest", 1), lacksAttribute("sorted", 1)) },
    { since: 11, change: "attribute largest added; attribute sorted added; more element types", allows: [...unsignedIntegers, ...tensors("int8", "int16", "int32")] },
    { since: 24, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Takes the k largest or smallest elements along an axis, with their positions.",
  doc: "Of equal elements the one with the lower position comes first.",
  family: "reduction",
  inputs: [
    required("X", "T", "input"),
    required("K", "tensor(int64)", "how many, one element"),
  ],
  outputs: [
    required("Values", "T", "values"),
    required("Indices", "I", "their positions"),
  ],
  attributes: {
    axis: { kind: "int", doc: "dimension it works along; negative counts from the last", fallback: -1 },
    largest: { kind: "int", doc: "1 takes the largest, 0 the smallest", fallback: 1 },
    sorted: { kind: "int", doc: "1 returns them in order", fallback: 1 },
  },
  types: { T: numbers, I: int64 },
  infer: (context, _node, attributes) => {
    const shape = shapeOf(context.type(0));
    const k = context.known(1)?.[0] ?? knownInts(context, 1)?.[0] ?? null;
    const dims = shape ? shape.map((d, i) => (i === checkedAxis(attributes.int("axis"), shape.length) ? k : d)) : null;
    return [tensorOutput(elementOfInput(context, 0), dims), tensorOutput("int64", dims)];
  },
  evaluate: (inputs, { attributes, task }) => {
    const x = tensorAt(inputs, 0);
    const k = numberAt(inputs, 1);
    const axis = checkedAxis(attributes.int("axis"), x.dims.length);
    const size = x.dims[axis]!;
    if (k < 0 || k > size) throw new GraphwrightError("top-k", `k is ${k}, but the axis has ${size} entries.`);
    const values: ArrayLike<number | bigint> = isBigArray(x.data) ? x.data : toNumbers(x);
    const sign = attributes.int("largest") !== 0 ? 1 : -1;
    const inner = elementCount(x.dims.slice(axis + 1));
    const outer = elementCount(x.dims.slice(0, axis));
    const dims = x.dims.map((d, i) => (i === axis ? k : d));
    const positions = new BigInt64Array(outer * k * inner);
    const offsets = new Array<number>(positions.length);
    for (let o = 0; o < outer; o++) {
      task.check();
      for (let i = 0; i < inner; i++) {
        const base = o * size * inner + i;
        const order = Array.from({ length: size }, (_, at) => at).sort((a, b) => {
          const x1 = values[base + a * inner]!;
          const x2 = values[base + b * inner]!;
          return x1 === x2 ? a - b : sign * (x1 < x2 || Number.isNaN(x2) ? 1 : -1);
        });
        for (let n = 0; n < k; n++) {
          const to = (o * k + n) * inner + i;
          positions[to] = BigInt(order[n]!);
          offsets[to] = base + order[n]! * inner;
        }
      }
    }
    return [takeFlat(x, offsets, dims), makeTensor("int64", dims, positions)];
  },
  cost: ({ inputs }) => ({ flops: elementCount(staticShape(inputs[0]) ?? [0]) }),
  lower: topKLowering,
});
