import { defineOperator } from "../definition.ts";
import { adagradLowering } from "../support/lower-optimizer.ts";
import { inferOptimizer, optimizerBase, optimizerCost, optimizerInputs, optimizerOutputs, runOptimizer } from "../support/optimizer.ts";

export const adagrad = defineOperator({
  ...optimizerBase,
  op: "Adagrad",
  summary: "One update of the Adagrad optimizer.",
  doc: "g = gradient + norm_coefficient * x; h' = h + g^2; x' = x - R / (1 + T * decay_factor) * g / (sqrt(h') + epsilon). Source: Duchi et al. 2011.",
  inputs: optimizerInputs("their sums of squared gradients"),
  outputs: optimizerOutputs("the new sums"),
  attributes: {
    decay_factor: { kind: "float", doc: "how fast the rate falls with T", fallback: 0 },
    epsilon: { kind: "float", doc: "keeps the divisor from 0", fallback: 1e-6 },
    norm_coefficient: { kind: "float", doc: "weight of the penalty 0.5 * |x|^2", fallback: 0 },
  },
  infer: inferOptimizer(3),
  evaluate: (inputs, { attributes }) => {
    const decay = attributes.float("decay_factor");
    const epsilon = attributes.float("epsilon");
    const norm = attributes.float("norm_coefficient");
    return runOptimizer(inputs, 3, (rate, count) => {
      const step = rate / (1 + count * decay);
      return (x, gradient, [h]) => {
        const g = gradient + norm * x;
        const sum = h! + g * g;
        return [x - (step * g) / (Math.sqrt(sum) + epsilon), sum];
      };
    });
  },
  cost: optimizerCost(4),
  lower: adagradLowering,
});
