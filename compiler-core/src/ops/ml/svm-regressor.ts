import { makeTensor } from "../../ir/tensor.ts";
import { tensorType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { featureMatrix, postTransform, sampleCount, transformScores } from "../support/classical.ts";
import { tensorAt } from "../support/numbers.ts";
import { kernelOf, svmAttributes } from "../support/svm-kernel.ts";
import { required, tensors } from "../support/types.ts";

export const svmRegressor = defineOperator({
  domain: "ai.onnx.ml",
  op: "SVMRegressor",
  versions: [{ since: 1 }],
  summary: "Support vector regression, or the sign of a one-class machine.",
  doc: "y = rho + sum over support vectors of coefficient * kernel(x, vector); without support vectors the coefficients are a linear function. With one_class the output is 1 for positive values, else -1.",
  family: "ml",
  inputs: [required("X", "T", "features [N, F]")],
  outputs: [required("Y", "tensor(float32)", "targets [N, 1]")],
  attributes: {
    ...svmAttributes,
    n_supports: { kind: "int", doc: "number of support vectors", fallback: 0 },
    one_class: { kind: "int", doc: "1 for a one-class machine", fallback: 0 },
    ...postTransform,
  },
  types: { T: tensors("float32", "float64", "int64", "int32") },
  infer: (context) => [{ type: tensorType("float32", [sampleCount(context), 1]) }],
  evaluate: (inputs, { attributes }) => {
    const x = featureMatrix(tensorAt(inputs, 0));
    const count = attributes.int("n_supports");
    const kernel = kernelOf(attributes, count === 0);
    const coefficients = attributes.floats("coefficients") ?? [];
    const vectors = attributes.floats("support_vectors") ?? [];
    const rho = attributes.floats("rho")?.[0] ?? 0;
    const oneClass = attributes.int("one_class") !== 0;
    const transform = attributes.string("post_transform");
    const out = new Float32Array(x.rows);
    for (let n = 0; n < x.rows; n++) {
      let sum = rho;
      if (count === 0) sum += kernel(x.numbers, n * x.columns, coefficients, 0, x.columns);
      for (let j = 0; j < count; j++) sum += coefficients[j]! * kernel(x.numbers, n * x.columns, vectors, j * x.columns, x.columns);
      out[n] = oneClass ? (sum > 0 ? 1 : -1) : transformScores([sum], transform)[0]!;
    }
    return [makeTensor("float32", [x.rows, 1], out)];
  },
});
