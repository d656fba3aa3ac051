import { makeTensor } from "../../ir/tensor.ts";
import { tensorType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { featureMatrix, postTransform, sampleCount, transformScores } from "../support/classical.ts";
import { tensorAt } from "../support/numbers.ts";
import { required, tensors } from "../support/types.ts";

export const linearRegressor = defineOperator({
  domain: "ai.onnx.ml",
  op: "LinearRegressor",
  versions: [{ since: 1 }],
  summary: "Computes targets as linear functions of the features.",
  doc: "Y = X * coefficients^T + intercepts.",
  family: "ml",
  inputs: [required("X", "T", "features [N, F] or [F]")],
  outputs: [required("Y", "tensor(float32)", "targets [N, targets]")],
  attributes: {
    coefficients: { kind: "floats", doc: "weights, target by target" },
    intercepts: { kind: "floats", doc: "what is added to each target; 0 when absent" },
    targets: { kind: "int", doc: "number of targets", fallback: 1 },
    ...postTransform,
  },
  types: { T: tensors("float32", "float64", "int64", "int32") },
  infer: (context, _node, attributes) => [{ type: tensorType("float32", [sampleCount(context), attributes.int("targets")]) }],
  evaluate: (inputs, { attributes }) => {
    const x = featureMatrix(tensorAt(inputs, 0));
    const weights = attributes.floats("coefficients") ?? [];
    const intercepts = attributes.floats("intercepts") ?? [];
    const targets = attributes.int("targets");
    const transform = attributes.string("post_transform");
    const out: number[] = [];
    for (let n = 0; n < x.rows; n++) {
      const row = Array.from({ length: targets }, (_, t) => {
        let sum = intercepts[t] ?? 0;
        for (let f = 0; f < x.columns; f++) sum += x.numbers[n * x.columns + f]! * (weights[t * x.columns + f] ?? 0);
        return sum;
      });
      out.push(...transformScores(row, transform));
    }
    return [makeTensor("float32", [x.rows, targets], Float32Array.from(out))];
  },
});
