import { toNumbers } from "../../ir/tensor.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { inferLoss, likelihoodLoss, lossAttributes } from "../support/loss.ts";
import { softmaxCrossEntropyLowering } from "../support/lower-loss.ts";
import { finished, optionalTensor, tensorAt } from "../support/numbers.ts";
import { floats, indices, optional, required, tensors } from "../support/types.ts";

export const softmaxCrossEntropyLoss = defineOperator({
  domain: "",
  op: "SoftmaxCrossEntropyLoss",
  versions: [{ since: 12 }, { since: 13, change: "more element types", allows: tensors("bfloat16") }],
  summary: "Cross entropy of scores and target classes: softmax, logarithm and weighted likelihood in one.",
  doc: "log_prob = log softmax of the scores over the classes; loss = -log_prob[n, label, ...] * weights[label]. The mean divides by the sum of the weights of the labels that count.",
  family: "training",
  inputs: [
    required("scores", "T", "unnormalised scores [N, C, ...]"),
    required("labels", "Tind", "class numbers [N, ...]"),
    optional("weights", "T", "weight of each class [C]; 1 when omitted"),
  ],
  outputs: [required("output", "T", "scalar; with reduction none [N, ...]"), optional("log_prob", "T", "logarithms of the probabilities, shaped as scores")],
  attributes: lossAttributes,
  types: { T: floats, Tind: indices },
  infer: (context, node, attributes) => [inferLoss(context, node, attributes), { type: context.type(0) }].slice(0, node.outputs.length),
  evaluate: (inputs, context) => {
    const scores = tensorAt(inputs, 0);
    const x = toNumbers(scores);
    const classes = scores.dims[1] ?? 1;
    const inner = elementCount(scores.dims.slice(2));
    const logarithms = new Float64Array(x.length);
    for (let n = 0; n < (scores.dims[0] ?? 1); n++)
      for (let i = 0; i < inner; i++) {
        const at = (c: number): number => (n * classes + c) * inner + i;
        let top = -Infinity;
        for (let c = 0; c < classes; c++) top = Math.max(top, x[at(c)]!);
        let sum = 0;
        for (let c = 0; c < classes; c++) sum += Math.exp(x[at(c)]! - top);
        for (let c = 0; c < classes; c++) logarithms[at(c)] = x[at(c)]! - top - Math.log(sum);
      }
    const loss = likelihoodLoss(logarithms, scores, tensorAt(inputs, 1), optionalTensor(inputs, 2), context);
    return context.outputCount > 1 ? [loss, finished(scores.element, scores.dims, logarithms)] : [loss];
  },
  cost: ({ inputs }) => ({ flops: 5 * elementCount(staticShape(inputs[0]) ?? [0]) }),
  lower: softmaxCrossEntropyLowering,
});
