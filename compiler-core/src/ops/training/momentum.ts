import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { momentumLowering } from "../support/lower-optimizer.ts";
import { inferOptimizer, optimizerBase, optimizerCost, optimizerInputs, optimizerOutputs, runOptimizer } from "../support/optimizer.ts";

export const momentum = defineOperator({
  ...optimizerBase,
  op: "Momentum",
  summary: "One update of stochastic gradient descent with momentum.",
  doc:
    "g = gradient + norm_coefficient * x; v' = alpha v + b g, b being beta when T > 0, else 1; standard: x' = x - R v'; nesterov: x' = x - R (g + alpha v'). Source: Sutskever et al. 2013.",
  inputs: optimizerInputs("their momentums"),
  outputs: optimizerOutputs("the new momentums"),
  attributes: {
    alpha: { kind: "float", doc: "how much of the momentum stays", required: true },
    beta: { kind: "float", doc: "how much of the gradient enters, from the second update on", required: true },
    mode: { kind: "string", doc: "standard or nesterov", required: true },
    norm_coefficient: { kind: "float", doc: "weight of the penalty 0.5 * |x|^2", required: true },
  },
  infer: inferOptimizer(3),
  evaluate: (inputs, { attributes }) => {
    const alpha = attributes.float("alpha");
    const beta = attributes.float("beta");
    const norm = attributes.float("norm_coefficient");
    const mode = attributes.string("mode");
    if (mode !== "standard" && mode !== "nesterov") throw new GraphwrightError("attribute-range", `mode is "${mode}", which is neither standard nor nesterov.`);
    return runOptimizer(inputs, 3, (rate, count) => (x, gradient, [v]) => {
      const g = gradient + norm * x;
      const next = alpha * v! + (count > 0 ? beta : 1) * g;
      return [x - rate * (mode === "standard" ? next : g + alpha * next), next];
    });
  },
  cost: optimizerCost(3),
  lower: momentumLowering,
});
