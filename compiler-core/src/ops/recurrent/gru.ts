import { defineOperator } from "../definition.ts";
import { gruLowering } from "../support/lower-recurrent.ts";
import { activationsOf, directionsOf, inferRecurrent, recurrentAttributes, recurrentCost, recurrentInputs, recurrentOutputs, recurrentProduct, recurrentVersions, runRecurrent } from "../support/recurrent.ts";
import { floats, int32 } from "../support/types.ts";
import { lacksAttribute } from "../support/versions.ts";

const defaults = ["Sigmoid", "Tanh"];

export const gru = defineOperator({
  domain: "",
  op: "GRU",
  versions: recurrentVersions([{ since: 3, change: "linear_before_reset; Y_h is optional" }]).map((version) =>
    version.since === 1 ? { ...version, ...lacksAttribute("linear_before_reset", 0) } : version,
  ),
  summary: "Gated recurrent units over sequences: one layer, one or two directions.",
  doc:
    "Gates in the order z (update), r (reset), h (candidate): z = f(X * Wz^T + H * Rz^T + b), r likewise, candidate = g(X * Wh^T + (r . H) * Rh^T + b), H' = (1 - z) . candidate + z . H. " +
    "With linear_before_reset the reset applies after the recurrence: r . (H * Rh^T + Rbh). Source: Cho et al. 2014.",
  family: "linear",
  inputs: recurrentInputs("3 * hidden"),
  outputs: recurrentOutputs,
  attributes: { ...recurrentAttributes, linear_before_reset: { kind: "int", doc: "1 to multiply by the reset gate after the recurrence instead of before it", fallback: 0 } },
  types: { T: floats, T1: int32 },
  infer: (context, node, attributes) => inferRecurrent(context, attributes, node.outputs.length),
  evaluate: (inputs, context) => {
    const functions = activationsOf(context.attributes, directionsOf(context.attributes).length, defaults);
    const linear = context.attributes.int("linear_before_reset") !== 0;
    return runRecurrent(inputs, context, 3, ({ hidden, r, rAt, b, bAt, direction }) => {
      const f = functions[2 * direction]!;
      const g = functions[2 * direction + 1]!;
      const inputBias = (gate: number, j: number): number => (b ? b[bAt + gate * hidden + j]! : 0);
      const recurrentBias = (gate: number, j: number): number => (b ? b[bAt + (3 + gate) * hidden + j]! : 0);
      const product = (gate: number, j: number, h: Float64Array): number => recurrentProduct(r, rAt + (gate * hidden + j) * hidden, h);
      const update = new Float64Array(hidden);
      const reset = new Float64Array(hidden);
      const masked = new Float64Array(hidden);
      const next = new Float64Array(hidden);
      return (gates, at, h) => {
        for (let j = 0; j < hidden; j++) {
          update[j] = f(gates[at + j]! + product(0, j, h) + inputBias(0, j) + recurrentBias(0, j));
          reset[j] = f(gates[at + hidden + j]! + product(1, j, h) + inputBias(1, j) + recurrentBias(1, j));
          masked[j] = reset[j]! * h[j]!;
        }
        for (let j = 0; j < hidden; j++) {
          const x = gates[at + 2 * hidden + j]! + inputBias(2, j);
          const candidate = g(x + (linear ? reset[j]! * (product(2, j, h) + recurrentBias(2, j)) : product(2, j, masked) + recurrentBias(2, j)));
          next[j] = (1 - update[j]!) * candidate + update[j]! * h[j]!;
        }
        h.set(next);
      };
    });
  },
  cost: recurrentCost,
  lower: gruLowering,
});
