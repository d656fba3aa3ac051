import { fromNumbers, toNumbers } from "../../ir/tensor.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput, zipTensors } from "../support/elementwise.ts";
import { checkedAxis, sameAsInput } from "../support/infer.ts";
import { lpNormalizationLowering } from "../support/lower-normalization.ts";
import { tensorAt } from "../support/numbers.ts";
import { reduceNumbers } from "../support/reduction.ts";
import { floats, required, tensors } from "../support/types.ts";

export const lpNormalization = defineOperator({
  domain: "",
  op: "LpNormalization",
  versions: [
    { since: 1 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Divides each slice along an axis by its p-norm.",
  doc: "A slice whose norm is 0 gives zeros.",
  family: "normalization",
  inputs: [required("input", "T", "input")],
  outputs: [required("output", "T", "output")],
  attributes: {
    axis: { kind: "int", doc: "dimension it works along; negative counts from the last", fallback: -1 },
    p: { kind: "int", doc: "order of the norm", fallback: 2 },
  },
  types: { T: floats },
  infer: sameAsInput,
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const axis = checkedAxis(attributes.int("axis"), x.dims.length);
    const p = attributes.int("p");
    if (p !== 1 && p !== 2) throw new GraphwrightError("attribute-value", `p must be 1 or 2, not ${p}.`);
    const wide = { ...x, element: "float64" as const, data: Float64Array.from(toNumbers(x)) };
    const norms = reduceNumbers(wide, [axis], true, p === 1 ? { start: 0, step: (sum, v) => sum + Math.abs(v) } : { start: 0, step: (sum, v) => sum + v * v, finish: Math.sqrt });
    return [fromNumbers(x.element, x.dims, toNumbers(zipTensors(wide, norms, (v, norm) => (norm === 0 ? 0 : v / norm))))];
  },
  cost: costPerOutput(3),
  lower: lpNormalizationLowering,
});
