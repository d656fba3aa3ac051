import { defineOperator } from "../definition.ts";
import { rnnLowering } from "../support/lower-recurrent.ts";
import { activationsOf, directionsOf, inferRecurrent, recurrentAttributes, recurrentCost, recurrentInputs, recurrentOutputs, recurrentProduct, recurrentVersions, runRecurrent } from "../support/recurrent.ts";
import { floats, int32 } from "../support/types.ts";

const defaults = ["Tanh"];

export const rnn = defineOperator({
  domain: "",
  op: "RNN",
  versions: recurrentVersions(),
  summary: "Simple recurrent network over sequences: one layer, one or two directions.",
  doc: "H[t] = f(X[t] * W^T + H[t-1] * R^T + Wb + Rb), f being Tanh unless `activations` says otherwise.",
  family: "linear",
  inputs: recurrentInputs("hidden"),
  outputs: recurrentOutputs,
  attributes: recurrentAttributes,
  types: { T: floats, T1: int32 },
  infer: (context, node, attributes) => inferRecurrent(context, attributes, node.outputs.length),
  evaluate: (inputs, context) => {
    const functions = activationsOf(context.attributes, directionsOf(context.attributes).length, defaults);
    return runRecurrent(inputs, context, 1, ({ hidden, r, rAt, b, bAt, direction }) => {
      const f = functions[direction]!;
      const next = new Float64Array(hidden);
      return (gates, at, h) => {
        for (let j = 0; j < hidden; j++) {
          const bias = b ? b[bAt + j]! + b[bAt + hidden + j]! : 0;
          next[j] = f(gates[at + j]! + recurrentProduct(r, rAt + j * hidden, h) + bias);
        }
        h.set(next);
      };
    });
  },
  cost: recurrentCost,
  lower: rnnLowering,
});
