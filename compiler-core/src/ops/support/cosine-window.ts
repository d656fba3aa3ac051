import type { Dim } from "../../ir/dim.ts";
import { fromNumbers } from "../../ir/tensor.ts";
import { tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { OperatorDefinition } from "../definition.ts";
import { elementOfCode } from "./element-codes.ts";
import { knownInts } from "./infer.ts";
import { numberAt } from "./numbers.ts";
import { indices, numbers, required } from "./types.ts";
import { cosineWindowLowering } from "./lower-signal.ts";

/** A window that is a sum of cosines: w[n] = sum over k of (-1)^k a[k] cos(2 pi k n / N). */
export const cosineWindow = (coefficients: readonly number[]): Pick<OperatorDefinition, "domain" | "versions" | "family" | "inputs" | "outputs" | "attributes" | "types" | "infer" | "evaluate" | "lower"> => ({
  domain: "",
  versions: [{ since: 17 }],
  family: "linear",
  inputs: [required("size", "T1", "scalar: length of the window")],
  outputs: [required("output", "T2", "the window [size]")],
  attributes: {
    output_datatype: { kind: "int", doc: "number of the element type", fallback: 1 },
    periodic: { kind: "int", doc: "1 for a period of N = size, as spectra need; 0 for N = size - 1, a symmetric window", fallback: 1 },
  },
  types: { T1: indices, T2: numbers },
  infer: (context, _node, attributes) => {
    const size: Dim = context.known(0)?.[0] ?? knownInts(context, 0)?.[0] ?? null;
    return [{ type: tensorType(elementOfCode(attributes.int("output_datatype")), [size]) }];
  },
  evaluate: (inputs, { attributes }) => {
    const size = numberAt(inputs, 0);
    if (!(size >= 0)) throw new GraphwrightError("attribute-range", `a window of length ${size} is not defined.`);
    const period = attributes.int("periodic") !== 0 ? size : size - 1;
    const values = new Float64Array(size);
    for (let n = 0; n < size; n++) values[n] = coefficients.reduce((sum, a, k) => sum + (k % 2 === 0 ? a : -a) * Math.cos((2 * Math.PI * k * n) / period), 0);
    return [fromNumbers(elementOfCode(attributes.int("output_datatype")), [size], values)];
  },
  lower: cosineWindowLowering(coefficients),
});
