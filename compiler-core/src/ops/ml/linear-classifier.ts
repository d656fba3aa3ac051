import { makeTensor } from "../../ir/tensor.ts";
import { defineOperator } from "../definition.ts";
import { argMax, binaryScores, featureMatrix, inferClassifier, labelsOf, postTransform, transformScores } from "../support/classical.ts";
import { tensorAt } from "../support/numbers.ts";
import { required, tensors } from "../support/types.ts";

export const linearClassifier = defineOperator({
  domain: "ai.onnx.ml",
  op: "LinearClassifier",
  versions: [{ since: 1 }],
  summary: "Scores every class by a linear function of the features and names the best.",
  doc: "scores = X * coefficients^T + intercepts. One row of coefficients with two labels is a binary classifier: its score s gives the scores 1 - s and s, or the logistic function of -s and s.",
  family: "ml",
  inputs: [required("X", "T1", "features [N, F] or [F]")],
  outputs: [required("Y", "T2", "label of each sample [N]"), required("Z", "tensor(float32)", "scores [N, classes]")],
  attributes: {
    classlabels_ints: { kind: "ints", doc: "labels of the classes, when they are integers" },
    classlabels_strings: { kind: "strings", doc: "labels of the classes, when they are strings" },
    coefficients: { kind: "floats", doc: "weights, class by class", required: true },
    intercepts: { kind: "floats", doc: "what is added to each score; 0 when absent" },
    multi_class: { kind: "int", doc: "how the model was trained: 0 one class against the rest, 1 multinomial; changes nothing", fallback: 0 },
    ...postTransform,
  },
  types: { T1: tensors("float32", "float64", "int64", "int32"), T2: tensors("string", "int64") },
  infer: (context, _node, attributes) => {
    const labels = labelsOf(attributes, "classlabels_ints", "classlabels_strings");
    return inferClassifier(context, labels, labels.count >= 2 ? labels.count : null);
  },
  evaluate: (inputs, { attributes }) => {
    const x = featureMatrix(tensorAt(inputs, 0));
    const weights = attributes.floats("coefficients") ?? [];
    const intercepts = attributes.floats("intercepts") ?? [];
    const labels = labelsOf(attributes, "classlabels_ints", "classlabels_strings");
    const transform = attributes.string("post_transform");
    const classes = Math.floor(weights.length / x.columns);
    const winners: number[] = [];
    const scores: number[] = [];
    let width = classes;
    for (let n = 0; n < x.rows; n++) {
      const raw = Array.from({ length: classes }, (_, c) => {
        let sum = intercepts[c] ?? 0;
        for (let f = 0; f < x.columns; f++) sum += x.numbers[n * x.columns + f]! * weights[c * x.columns + f]!;
        return sum;
      });
      const binary = classes === 1 && labels.count === 2;
      const row = binary ? binaryScores(raw[0]!, transform, true) : transformScores(raw, transform);
      width = row.length;
      winners.push(classes === 1 ? (raw[0]! > 0 ? 1 : 0) : argMax(raw));
      scores.push(...row);
    }
    return [labels.output(winners), makeTensor("float32", [x.rows, width], Float32Array.from(scores))];
  },
});
