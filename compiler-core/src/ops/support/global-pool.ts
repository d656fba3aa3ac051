import { elementCount, staticShape } from "../../ir/value-type.ts";
import type { OperatorDefinition } from "../definition.ts";
import { elementOfInput, rankedInput, tensorOutput } from "./infer.ts";
import { tensorAt } from "./numbers.ts";
import { type Fold, reduceNumbers } from "./reduction.ts";

/** Reduces all spatial dimensions of [N, C, ...spatial] to 1. */
export const globalPool = (fold: Fold | ((attributes: { int(name: string): number }) => Fold)): Pick<OperatorDefinition, "infer" | "evaluate" | "cost"> => ({
  infer: (context) => {
    const x = rankedInput(context, 0);
    return [tensorOutput(elementOfInput(context, 0), x ? x.shape.map((d, i) => (i < 2 ? d : 1)) : null)];
  },
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const spatial = x.dims.map((_, i) => i).slice(2);
    return [reduceNumbers(x, spatial, true, typeof fold === "function" ? fold(context.attributes) : fold)];
  },
  cost: ({ inputs }) => ({ flops: elementCount(staticShape(inputs[0]) ?? [0]) }),
});
