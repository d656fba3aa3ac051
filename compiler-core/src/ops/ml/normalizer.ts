import { makeTensor } from "../../ir/tensor.ts";
import { shapeOf, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { featureMatrix } from "../support/classical.ts";
import { normalizerLowering } from "../support/lower-features.ts";
import { tensorAt } from "../support/numbers.ts";
import { required, tensors } from "../support/types.ts";

const norms: Readonly<Record<string, (row: readonly number[]) => number>> = {
  MAX: (row) => row.reduce((a, b) => Math.max(a, b), -Infinity),
  L1: (row) => row.reduce((a, b) => a + Math.abs(b), 0),
  L2: (row) => Math.sqrt(row.reduce((a, b) => a + b * b, 0)),
};

export const normalizer = defineOperator({
  domain: "ai.onnx.ml",
  op: "Normalizer",
  versions: [{ since: 1 }],
  summary: "Divides every row by its norm: its greatest element, the sum of magnitudes, or the Euclidean length.",
  doc: "A row whose norm is 0 stays as it is.",
  family: "ml",
  inputs: [required("X", "T", "features [N, F] or [F]")],
  outputs: [required("Y", "tensor(float32)", "rows of norm 1, shaped as X")],
  attributes: { norm: { kind: "string", doc: "MAX, L1 or L2", fallback: "MAX" } },
  types: { T: tensors("float32", "float64", "int64", "int32") },
  infer: (context) => [{ type: tensorType("float32", shapeOf(context.type(0))) }],
  evaluate: (inputs, { attributes }) => {
    const input = tensorAt(inputs, 0);
    const x = featureMatrix(input);
    const name = attributes.string("norm");
    const norm = norms[name];
    if (!norm) throw new GraphwrightError("attribute-range", `norm is "${name}", which is none of MAX, L1 and L2.`);
    const out = new Float32Array(x.rows * x.columns);
    for (let n = 0; n < x.rows; n++) {
      const row = Array.from({ length: x.columns }, (_, f) => x.numbers[n * x.columns + f]!);
      const size = norm(row);
      for (const [f, value] of row.entries()) out[n * x.columns + f] = size === 0 ? value : value / size;
    }
    return [makeTensor("float32", input.dims, out)];
  },
  cost: costPerOutput(3),
  lower: normalizerLowering,
});
