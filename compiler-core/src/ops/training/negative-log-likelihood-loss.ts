import { toNumbers } from "../../ir/tensor.ts";
import { defineOperator } from "../definition.ts";
import { inferLoss, likelihoodLoss, lossAttributes } from "../support/loss.ts";
import { negativeLogLikelihoodLowering } from "../support/lower-loss.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { floats, indices, optional, required, tensors } from "../support/types.ts";

export const negativeLogLikelihoodLoss = defineOperator({
  domain: "",
  op: "NegativeLogLikelihoodLoss",
  versions: [{ since: 12 }, { since: 13, change: "clearer words on reduction" }, { since: 22, change: "more element types", allows: tensors("bfloat16") }],
  summary: "Minus the logarithm of the target's probability, weighted and reduced.",
  doc: "loss = -input[n, target[n, ...], ...] * weight[target]. The mean divides by the sum of the weights of the targets that count.",
  family: "training",
  inputs: [
    required("input", "T", "logarithms of probabilities [N, C, ...]"),
    required("target", "Tind", "class numbers [N, ...]"),
    optional("weight", "T", "weight of each class [C]; 1 when omitted"),
  ],
  outputs: [required("loss", "T", "scalar; with reduction none [N, ...]")],
  attributes: lossAttributes,
  types: { T: floats, Tind: indices },
  infer: (context, node, attributes) => [inferLoss(context, node, attributes)],
  evaluate: (inputs, context) => {
    const input = tensorAt(inputs, 0);
    return [likelihoodLoss(toNumbers(input), input, tensorAt(inputs, 1), optionalTensor(inputs, 2), context)];
  },
  lower: negativeLogLikelihoodLowering,
});
