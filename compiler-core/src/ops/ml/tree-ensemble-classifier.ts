import { makeTensor } from "../../ir/tensor.ts";
import { defineOperator } from "../definition.ts";
import { argMax, binaryScores, featureMatrix, inferClassifier, labelsOf, postTransform, transformScores } from "../support/classical.ts";
import { tensorAt } from "../support/numbers.ts";
import { aggregate, floatsOrTensor, noDoubleAttributes, readForest, treeAttributes } from "../support/trees.ts";
import { required, tensors } from "../support/types.ts";

export const treeEnsembleClassifier = defineOperator({
  domain: "ai.onnx.ml",
  op: "TreeEnsembleClassifier",
  versions: [{ since: 1, ...noDoubleAttributes }, { since: 3, change: "attributes in double precision" }, { since: 5, change: "discouraged: TreeEnsemble takes its place" }],
  summary: "The class with the highest sum of votes over many decision trees.",
  doc:
    "When all votes of a two-class ensemble are for one class, their sum s decides alone: if no vote is negative, the scores are 1 - s and s, and s > 0.5 wins; else they are -s and s, and s > 0 wins. LOGISTIC gives the logistic function of -s and s.",
  family: "ml",
  inputs: [required("X", "T1", "features [N, F]")],
  outputs: [required("Y", "T2", "label of each sample [N]"), required("Z", "tensor(float32)", "scores [N, classes]")],
  attributes: {
    ...treeAttributes,
    classlabels_int64s: { kind: "ints", doc: "labels of the classes, when they are integers" },
    classlabels_strings: { kind: "strings", doc: "labels of the classes, when they are strings" },
    class_treeids: { kind: "ints", doc: "tree of each vote" },
    class_nodeids: { kind: "ints", doc: "leaf of each vote" },
    class_ids: { kind: "ints", doc: "class of each vote" },
    class_weights: { kind: "floats", doc: "weight of each vote" },
    class_weights_as_tensor: { kind: "tensor", doc: "the weights in double precision" },
    ...postTransform,
  },
  types: { T1: tensors("float32", "float64", "int64", "int32"), T2: tensors("string", "int64") },
  infer: (context, _node, attributes) => {
    const labels = labelsOf(attributes, "classlabels_int64s", "classlabels_strings");
    return inferClassifier(context, labels, labels.count >= 2 ? labels.count : null);
  },
  evaluate: (inputs, { attributes, task }) => {
    const x = featureMatrix(tensorAt(inputs, 0));
    const forest = readForest(attributes, "class");
    const labels = labelsOf(attributes, "classlabels_int64s", "classlabels_strings");
    const base = floatsOrTensor(attributes, "base_values");
    const transform = attributes.string("post_transform");
    const voted = new Set(attributes.ints("class_ids"));
    const weights = floatsOrTensor(attributes, "class_weights");
    const positive = Array.from(weights).every((weight) => weight >= 0);
    const binary = voted.size === 1 && labels.count <= 2;
    const winners: number[] = [];
    const rows: number[][] = [];
    for (let n = 0; n < x.rows; n++) {
      task.check();
      const votes = forest.votes(x.numbers, n * x.columns);
      if (binary) {
        const [only] = voted as Set<number>;
        const score = aggregate(votes, only! + 1, "SUM")[only!]! + (base[base.length === 2 ? 1 : 0] ?? 0);
        winners.push(score > (positive ? 0.5 : 0) ? 1 : 0);
        rows.push(binaryScores(score, transform, positive));
      } else {
        const scores = aggregate(votes, Math.max(labels.count, ...voted) + (labels.count === 0 ? 1 : 0), "SUM").map((score, c) => score + (base[c] ?? 0));
        winners.push(argMax(scores));
        rows.push(transformScores(scores, transform));
      }
    }
    return [labels.output(winners), makeTensor("float32", [x.rows, rows[0]?.length ?? labels.count], Float32Array.from(rows.flat()))];
  },
});
