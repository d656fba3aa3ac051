import { toNumbers } from "../../ir/tensor.ts";
import { defineOperator } from "../definition.ts";
import { lstmLowering } from "../support/lower-recurrent.ts";
import { optionalTensor } from "../support/numbers.ts";
import { activationsOf, directionsOf, inferRecurrent, recurrentAttributes, recurrentCost, recurrentInputs, recurrentOutputs, recurrentProduct, recurrentVersions, runRecurrent } from "../support/recurrent.ts";
import { floats, int32, optional } from "../support/types.ts";

const defaults = ["Sigmoid", "Tanh", "Tanh"];

export const lstm = defineOperator({
  domain: "",
  op: "LSTM",
  versions: recurrentVersions(),
  summary: "Long short-term memory over sequences: one layer, one or two directions.",
  doc:
    "Gates in the order i (input), o (output), f (forget), c (cell): i = f(X * Wi^T + H * Ri^T + Pi . C + b), f likewise, c = g(X * Wc^T + H * Rc^T + b), C' = f . C + i . c, " +
    "o = f(X * Wo^T + H * Ro^T + Po . C' + b), H' = o . h(C'). The peepholes P come in the order i, o, f. With input_forget the forget gate is 1 - i. Source: Hochreiter and Schmidhuber 1997; Gers and Schmidhuber 2000.",
  family: "linear",
  inputs: [
    ...recurrentInputs("4 * hidden"),
    optional("initial_c", "T", "cell state before the first step, shaped as initial_h; 0 when omitted"),
    optional("P", "T", "peephole weights [directions, 3 * hidden]; 0 when omitted"),
  ],
  outputs: [...recurrentOutputs, optional("Y_c", "T", "cell state after the last step, shaped as initial_h")],
  attributes: { ...recurrentAttributes, input_forget: { kind: "int", doc: "1 to couple the input and forget gates", fallback: 0 } },
  types: { T: floats, T1: int32 },
  infer: (context, node, attributes) => inferRecurrent(context, attributes, node.outputs.length),
  evaluate: (inputs, context) => {
    // The clip is for gates; ONNX Runtime does not clip the cell state on its way out either.
    const functions = activationsOf(context.attributes, directionsOf(context.attributes).length, defaults, 2);
    const coupled = context.attributes.int("input_forget") !== 0;
    const peepholes = optionalTensor(inputs, 7);
    const p = peepholes && toNumbers(peepholes);
    return runRecurrent(inputs, context, 4, ({ hidden, r, rAt, b, bAt, direction }) => {
      const [f, g, h1] = functions.slice(3 * direction) as [(x: number) => number, (x: number) => number, (x: number) => number];
      const peephole = (gate: number, j: number): number => (p ? p[direction * 3 * hidden + gate * hidden + j]! : 0);
      const nextH = new Float64Array(hidden);
      return (gates, at, h, c) => {
        const sum = (gate: number, j: number): number => {
          const row = gate * hidden + j;
          return gates[at + row]! + recurrentProduct(r, rAt + row * hidden, h) + (b ? b[bAt + row]! + b[bAt + 4 * hidden + row]! : 0);
        };
        for (let j = 0; j < hidden; j++) {
          const input = f(sum(0, j) + peephole(0, j) * c[j]!);
          const forget = coupled ? 1 - input : f(sum(2, j) + peephole(2, j) * c[j]!);
          const cell = forget * c[j]! + input * g(sum(3, j));
          const output = f(sum(1, j) + peephole(1, j) * cell);
          c[j] = cell;
          nextH[j] = output * h1(cell);
        }
        h.set(nextH);
      };
    });
  },
  cost: recurrentCost,
  lower: lstmLowering,
});
