import { fromNumbers, toNumbers } from "../../ir/tensor.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { mapNumbers, zipTensors } from "../support/elementwise.ts";
import { reduceLogSumExpLowering } from "../support/lower-reduce.ts";
import { optionalInts, tensorAt } from "../support/numbers.ts";
import { inferReduction, reducedDims, reduceNumbers, reductionAxes } from "../support/reduction.ts";
import { optional, required, tensors, wideNumbers } from "../support/types.ts";
import { intsBecomeInput, lacksAttribute, steps } from "../support/versions.ts";

export const reduceLogSumExp = defineOperator({
  domain: "",
  op: "ReduceLogSumExp",
  versions: [
    { since: 1 },
    { since: 11 },
    { since: 13, change: "more element types", allows: tensors("bfloat16"), ...steps(intsBecomeInput("axes", 1), lacksAttribute("noop_with_empty_axes", 0)) },
    { since: 18, change: "axes became an input; attribute noop_with_empty_axes added" },
    { since: 28, change: "floats only: integers of older sets are still taken" },
  ],
  summary: "Logarithm of the sum of exponentials over the given axes.",
  family: "reduction",
  inputs: [
    required("data", "T", "input"),
    optional("axes", "tensor(int64)", "dimensions it works along; negative counts from the last"),
  ],
  outputs: [required("reduced", "T", "the reduced tensor")],
  attributes: {
    keepdims: { kind: "int", doc: "1 keeps reduced dimensions as 1", fallback: 1 },
    noop_with_empty_axes: { kind: "int", doc: "1 leaves the input as it is when axes are absent or empty; 0 reduces everything", fallback: 0 },
  },
  types: { T: wideNumbers },
  infer: inferReduction,
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const { axes, keep } = reductionAxes(x, optionalInts(inputs, 1), context.attributes);
    const wide = { ...x, element: "float64" as const, data: Float64Array.from(toNumbers(x)) };
    // The largest element is taken out first, so that no exponential overflows.
    const tops = mapNumbers(reduceNumbers(wide, axes, true, { start: -Infinity, step: Math.max }), (top) => (Number.isFinite(top) ? top : 0));
    const sums = reduceNumbers(zipTensors(wide, tops, (v, top) => Math.exp(v - top)), axes, true, { start: 0, step: (sum, v) => sum + v });
    const result = zipTensors(sums, tops, (sum, top) => Math.log(sum) + top);
    return [fromNumbers(x.element, reducedDims(x.dims, new Set(axes), keep) as number[], toNumbers(result))];
  },
  cost: ({ inputs }) => ({ flops: 5 * elementCount(staticShape(inputs[0]) ?? [0]) }),
  lower: reduceLogSumExpLowering,
});
