import { makeTensor } from "../../ir/tensor.ts";
import { elementCount, shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { elementOfInput, tensorOutput } from "../support/infer.ts";
import { triluLowering } from "../support/lower-indexing.ts";
import { numberAt, tensorAt } from "../support/numbers.ts";
import { optional, ordinary, required } from "../support/types.ts";

export const trilu = defineOperator({
  domain: "",
  op: "Trilu",
  versions: [{ since: 14 }],
  summary: "Keeps the upper or lower triangle of each matrix and zeroes the rest.",
  family: "shape",
  inputs: [
    required("input", "T", "input"),
    optional("k", "tensor(int64)", "diagonal at which the triangle starts: 0 main, positive above, negative below"),
  ],
  outputs: [required("output", "T", "output")],
  attributes: {
    upper: { kind: "int", doc: "1 keeps the upper triangle, 0 the lower", fallback: 1 },
  },
  types: { T: ordinary },
  infer: (context) => [tensorOutput(elementOfInput(context, 0), shapeOf(context.type(0)))],
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    if (x.dims.length < 2) throw new GraphwrightError("trilu", "the input must have at least two dimensions.");
    const upper = attributes.int("upper") !== 0;
    const k = inputs[1] ? numberAt(inputs, 1) : 0;
    const [rows, columns] = x.dims.slice(-2) as [number, number];
    const out = makeTensor(x.element, x.dims);
    const target = out.data as { [i: number]: unknown };
    const source = x.data as ArrayLike<unknown>;
    const matrices = elementCount(x.dims.slice(0, -2));
    const width = x.element === "complex64" || x.element === "complex128" ? 2 : 1;
    for (let m = 0; m < matrices; m++)
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++)
          if (upper ? j - i >= k : j - i <= k) for (let w = 0; w < width; w++) {
            const at = ((m * rows + i) * columns + j) * width + w;
            target[at] = source[at];
          }
    return [out];
  },
  cost: () => ({ flops: 0 }),
  lower: triluLowering,
});
