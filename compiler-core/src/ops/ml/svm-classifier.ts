import { makeTensor } from "../../ir/tensor.ts";
import { type AttributeReader, defineOperator } from "../definition.ts";
import { argMax, binaryScores, featureMatrix, inferClassifier, labelsOf, postTransform, transformScores } from "../support/classical.ts";
import { tensorAt } from "../support/numbers.ts";
import { kernelOf, svmAttributes } from "../support/svm-kernel.ts";
import { required, tensors } from "../support/types.ts";

/** Probabilities of k classes from those of all pairs (Wu, Lin and Weng 2004, second method). `pairs` is k x k. */
function coupleProbabilities(k: number, pairs: Float64Array): number[] {
  const q = new Float64Array(k * k);
  for (let t = 0; t < k; t++)
    for (let j = 0; j < k; j++) {
      if (j === t) continue;
      q[t * k + t]! += pairs[j * k + t]! ** 2;
      q[t * k + j] = -pairs[j * k + t]! * pairs[t * k + j]!;
    }
  const p = new Array<number>(k).fill(1 / k);
  const qp = new Array<number>(k).fill(0);
  for (let turn = 0; turn < Math.max(100, k); turn++) {
    for (let t = 0; t < k; t++) qp[t] = p.reduce((sum, value, j) => sum + q[t * k + j]! * value, 0);
    let pqp = p.reduce((sum, value, t) => sum + value * qp[t]!, 0);
    if (Math.max(...qp.map((value) => Math.abs(value - pqp))) < 0.005 / k) break;
    for (let t = 0; t < k; t++) {
      const diff = (pqp - qp[t]!) / q[t * k + t]!;
      p[t]! += diff;
      pqp = (pqp + diff * (diff * q[t * k + t]! + 2 * qp[t]!)) / (1 + diff) ** 2;
      for (let j = 0; j < k; j++) {
        qp[j] = (qp[j]! + diff * q[t * k + j]!) / (1 + diff);
        p[j]! /= 1 + diff;
      }
    }
  }
  return p;
}

const pairCount = (classes: number): number => (classes * (classes - 1)) / 2;

function scoreCount(attributes: AttributeReader): number {
  const classes = labelsOf(attributes, "classlabels_ints", "classlabels_strings").count;
  const machine = (attributes.ints("vectors_per_class")?.length ?? 0) > 0;
  if (!machine || (attributes.floats("prob_a")?.length ?? 0) > 0) return Math.max(1, classes);
  return classes === 2 ? 2 : pairCount(classes);
}

export const svmClassifier = defineOperator({
  domain: "ai.onnx.ml",
  op: "SVMClassifier",
  versions: [{ since: 1 }],
  summary: "Support vector classification by votes over all pairs of classes, or by one linear function for each class.",
  doc:
    "With support vectors every pair of classes (i, j) has a decision value rho + sum of coefficients * kernel(x, vector); a positive one is a vote for i. Given prob_a and prob_b the scores are probabilities: " +
    "1 / (1 + exp(a * value + b)) for each pair, coupled as by Wu, Lin and Weng 2004.",
  family: "ml",
  inputs: [required("X", "T1", "features [N, F]")],
  outputs: [required("Y", "T2", "label of each sample [N]"), required("Z", "tensor(float32)", "scores: of classes, or of pairs of classes")],
  attributes: {
    classlabels_ints: { kind: "ints", doc: "labels of the classes, when they are integers" },
    classlabels_strings: { kind: "strings", doc: "labels of the classes, when they are strings" },
    ...svmAttributes,
    prob_a: { kind: "floats", doc: "slope of each pair's probability" },
    prob_b: { kind: "floats", doc: "offset of each pair's probability" },
    vectors_per_class: { kind: "ints", doc: "number of support vectors of each class" },
    ...postTransform,
  },
  types: { T1: tensors("float32", "float64", "int64", "int32"), T2: tensors("string", "int64") },
  infer: (context, _node, attributes) => inferClassifier(context, labelsOf(attributes, "classlabels_ints", "classlabels_strings"), scoreCount(attributes)),
  evaluate: (inputs, { attributes, task }) => {
    const x = featureMatrix(tensorAt(inputs, 0));
    const labels = labelsOf(attributes, "classlabels_ints", "classlabels_strings");
    const perClass = attributes.ints("vectors_per_class") ?? [];
    const total = perClass.reduce((a, b) => a + b, 0);
    const kernel = kernelOf(attributes, total === 0);
    const coefficients = attributes.floats("coefficients") ?? [];
    const vectors = attributes.floats("support_vectors") ?? [];
    const rho = attributes.floats("rho") ?? [];
    const probA = attributes.floats("prob_a") ?? [];
    const probB = attributes.floats("prob_b") ?? [];
    const transform = attributes.string("post_transform");
    const classes = Math.max(1, labels.count);
    const starts = perClass.map((_, i) => perClass.slice(0, i).reduce((a, b) => a + b, 0));
    const winners: number[] = [];
    const rows: number[][] = [];
    for (let n = 0; n < x.rows; n++) {
      task.check();
      const at = n * x.columns;
      let scores: number[];
      let votes: number[] | undefined;
      if (total === 0) scores = Array.from({ length: classes }, (_, c) => (rho[0] ?? 0) + kernel(x.numbers, at, coefficients, c * x.columns, x.columns));
      else {
        const kernels = Array.from({ length: total }, (_, v) => kernel(x.numbers, at, vectors, v * x.columns, x.columns));
        const counted = new Array<number>(classes).fill(0);
        scores = [];
        for (let i = 0; i < classes; i++)
          for (let j = i + 1; j < classes; j++) {
            let value = rho[scores.length] ?? 0;
            for (let v = starts[i]!; v < starts[i]! + perClass[i]!; v++) value += coefficients[(j - 1) * total + v]! * kernels[v]!;
            for (let v = starts[j]!; v < starts[j]! + perClass[j]!; v++) value += coefficients[i * total + v]! * kernels[v]!;
            scores.push(value);
            counted[value > 0 ? i : j]!++;
          }
        votes = counted;
      }
      const probable = total > 0 && probA.length > 0;
      if (probable) {
        const pairs = new Float64Array(classes * classes);
        let pair = 0;
        for (let i = 0; i < classes; i++)
          for (let j = i + 1; j < classes; j++, pair++) {
            const p = Math.min(1 - 1e-7, Math.max(1e-7, 1 / (1 + Math.exp(scores[pair]! * probA[pair]! + probB[pair]!))));
            pairs[i * classes + j] = p;
            pairs[j * classes + i] = 1 - p;
          }
        scores = coupleProbabilities(classes, pairs);
      }
      winners.push(argMax(votes ?? scores));
      rows.push(scores.length === 1 && labels.count === 2 ? binaryScores(scores[0]!, transform, false) : transformScores(scores, transform));
    }
    const width = rows[0]?.length ?? scoreCount(attributes);
    return [labels.output(winners), makeTensor("float32", [x.rows, width], Float32Array.from(rows.flat()))];
  },
});
