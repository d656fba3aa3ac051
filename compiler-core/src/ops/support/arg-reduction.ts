import { isBigArray, makeTensor, toNumbers } from "../../ir/tensor.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import type { OperatorDefinition } from "../definition.ts";
import { checkedAxis, rankedInput, tensorOutput } from "./infer.ts";
import { tensorAt } from "./numbers.ts";
import { reducedDims } from "./reduction.ts";

/** ArgMax and ArgMin: `better` says whether an element beats the best so far. */
export const argReduction = (better: (x: number | bigint, best: number | bigint) => boolean): Pick<OperatorDefinition, "infer" | "evaluate" | "cost"> => ({
  infer: (context, _node, attributes) => {
    const x = rankedInput(context, 0);
    if (!x) return [tensorOutput("int64", null)];
    const axis = checkedAxis(attributes.int("axis"), x.shape.length);
    return [tensorOutput("int64", reducedDims(x.shape, new Set([axis]), attributes.int("keepdims") !== 0))];
  },
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const axis = checkedAxis(attributes.int("axis"), x.dims.length);
    const last = attributes.int("select_last_index", 0) !== 0;
    const values: ArrayLike<number | bigint> = isBigArray(x.data) ? x.data : toNumbers(x);
    const size = x.dims[axis]!;
    const inner = elementCount(x.dims.slice(axis + 1));
    const outer = elementCount(x.dims.slice(0, axis));
    const out = new BigInt64Array(outer * inner);
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < inner; i++) {
        const start = o * size * inner + i;
        let best = 0;
        for (let k = 1; k < size; k++) {
          const value = values[start + k * inner]!;
          const top = values[start + best * inner]!;
          if (better(value, top) || (last && value === top) || (Number.isNaN(value) && !Number.isNaN(top))) best = k;
        }
        out[o * inner + i] = BigInt(best);
      }
    return [makeTensor("int64", reducedDims(x.dims, new Set([axis]), attributes.int("keepdims") !== 0) as number[], out)];
  },
  cost: ({ inputs }) => ({ flops: elementCount(staticShape(inputs[0]) ?? [0]) }),
});
