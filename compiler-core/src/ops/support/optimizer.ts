import { type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import type { InferContext, InferredOutput } from "../../ir/type-rules.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { CostContext, OperatorDefinition, ParameterInfo, Value } from "../definition.ts";
import { finished, numberAt, tensorAt } from "./numbers.ts";
import { int64, required, tensors, variadic } from "./types.ts";

/**
 * Optimizers of ai.onnx.preview.training: inputs are the rate R, the update count T, then all tensors to optimize, all
 * gradients and all states, group by group; outputs are the new tensors and states.
 */
export const optimizerInputs = (states: string): readonly ParameterInfo[] => [
  required("R", "T1", "scalar: the learning rate"),
  required("T", "T2", "scalar: how many updates were made before"),
  variadic("inputs", "T3", `all tensors to optimize, then their gradients, then ${states}`),
];
export const optimizerOutputs = (states: string): readonly ParameterInfo[] => [variadic("outputs", "T3", `the new tensors, then ${states}`)];
const optimizerTypes = { T1: tensors("float32", "float64"), T2: int64, T3: tensors("float32", "float64") };

/** Outputs are typed as the tensors and the states that they replace; `groups` counts tensors, gradients and states. */
export const inferOptimizer = (groups: number) => (context: InferContext, node: { readonly inputs: readonly unknown[]; readonly outputs: readonly unknown[] }): readonly InferredOutput[] => {
  const count = Math.floor((node.inputs.length - 2) / groups);
  return node.outputs.map((_, i) => ({ type: context.type(2 + (i < count ? i : i + count)) }));
};

/** New tensor and states of one element. */
export type Update = (x: number, gradient: number, states: readonly number[]) => readonly number[];

export function runOptimizer(inputs: readonly (Value | null)[], groups: number, makeUpdate: (rate: number, count: number) => Update): (Value | null)[] {
  const count = (inputs.length - 2) / groups;
  if (!Number.isInteger(count)) throw new GraphwrightError("missing-input", `${inputs.length - 2} tensors cannot be divided into ${groups} equal groups.`);
  const update = makeUpdate(numberAt(inputs, 0), numberAt(inputs, 1));
  const outputs: Tensor[][] = Array.from({ length: groups - 1 }, () => []);
  for (let i = 0; i < count; i++) {
    const members = Array.from({ length: groups }, (_, g) => tensorAt(inputs, 2 + g * count + i));
    const numbers = members.map(toNumbers);
    const size = numbers[0]!.length;
    const results = outputs.map(() => new Float64Array(size));
    const states = new Array<number>(groups - 2).fill(0);
    for (let e = 0; e < size; e++) {
      for (let s = 0; s < states.length; s++) states[s] = numbers[s + 2]![e]!;
      const next = update(numbers[0]![e]!, numbers[1]![e]!, states);
      for (const [g, result] of results.entries()) result[e] = next[g]!;
    }
    for (const [g, result] of results.entries()) outputs[g]!.push(finished(members[0]!.element, members[0]!.dims, result));
  }
  return outputs.flat();
}

export const optimizerCost = (each: number) => ({ outputs }: CostContext): { flops: number } => ({
  flops: each * outputs.reduce((sum, type) => sum + elementCount(staticShape(type) ?? [0]), 0),
});

export const optimizerBase: Pick<OperatorDefinition, "domain" | "versions" | "family" | "types"> = {
  domain: "ai.onnx.preview.training",
  versions: [{ since: 1 }],
  family: "training",
  types: optimizerTypes,
};
