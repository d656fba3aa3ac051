import { defineOperator } from "../definition.ts";
import { adamLowering } from "../support/lower-optimizer.ts";
import { inferOptimizer, optimizerBase, optimizerCost, optimizerInputs, optimizerOutputs, runOptimizer } from "../support/optimizer.ts";

export const adam = defineOperator({
  ...optimizerBase,
  op: "Adam",
  summary: "One update of the Adam optimizer.",
  doc:
    "g = gradient + norm_coefficient * x; v' = alpha v + (1 - alpha) g; h' = beta h + (1 - beta) g^2; r = R * sqrt(1 - beta^T) / (1 - alpha^T) when T > 0, else R; " +
    "x' = (x - r v' / (sqrt(h') + epsilon)) * (1 - norm_coefficient_post). Source: Kingma and Ba 2015.",
  inputs: optimizerInputs("their averaged gradients, then their averaged squared gradients"),
  outputs: optimizerOutputs("the new averages of both kinds"),
  attributes: {
    alpha: { kind: "float", doc: "how much of the averaged gradient stays", fallback: 0.9 },
    beta: { kind: "float", doc: "how much of the averaged squared gradient stays", fallback: 0.999 },
    epsilon: { kind: "float", doc: "keeps the divisor from 0", fallback: 1e-6 },
    norm_coefficient: { kind: "float", doc: "weight of the penalty 0.5 * |x|^2", fallback: 0 },
    norm_coefficient_post: { kind: "float", doc: "how much the result shrinks after the update", fallback: 0 },
  },
  infer: inferOptimizer(4),
  evaluate: (inputs, { attributes }) => {
    const alpha = attributes.float("alpha");
    const beta = attributes.float("beta");
    const epsilon = attributes.float("epsilon");
    const norm = attributes.float("norm_coefficient");
    const post = attributes.float("norm_coefficient_post");
    return runOptimizer(inputs, 4, (rate, count) => {
      const step = count > 0 ? (rate * Math.sqrt(1 - beta ** count)) / (1 - alpha ** count) : rate;
      return (x, gradient, [v, h]) => {
        const g = gradient + norm * x;
        const mean = alpha * v! + (1 - alpha) * g;
        const square = beta * h! + (1 - beta) * g * g;
        return [(1 - post) * (x - (step * mean) / (Math.sqrt(square) + epsilon)), mean, square];
      };
    });
  },
  cost: optimizerCost(4),
  lower: adamLowering,
});
