import { isInteger } from "../../ir/element-type.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput, zipTensors } from "../support/elementwise.ts";
import { broadcastInputs, elementOfInput, tensorOutput } from "../support/infer.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { tensorAt } from "../support/numbers.ts";
import { numbers, required, tensors } from "../support/types.ts";

export const mod = defineOperator({
  domain: "",
  op: "Mod",
  versions: [
    { since: 10 },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
    { since: 28, change: "floats also with fmod = 0" },
  ],
  summary: "Remainder of a division, element by element with broadcasting.",
  doc: "With fmod = 0 the quotient is floored and the remainder has the sign of B; with fmod = 1 the quotient is truncated and the remainder has the sign of A.",
  family: "elementwise",
  inputs: [
    required("A", "T", "dividend"),
    required("B", "T", "divisor"),
  ],
  outputs: [required("C", "T", "result")],
  attributes: {
    fmod: { kind: "int", doc: "0 floors the quotient, 1 truncates it", fallback: 0 },
  },
  types: { T: numbers },
  infer: (context, node) => [tensorOutput(elementOfInput(context, 0), broadcastInputs(context, node, [0, 1]))],
  evaluate: (inputs, { attributes }) => {
    const truncates = attributes.int("fmod") !== 0;
    const a = tensorAt(inputs, 0);
    const integral = isInteger(a.element);
    const remainder = (x: number, y: number): number => (integral && y === 0 ? 0 : x % y);
    const floored = (x: number, y: number): number => {
      const rest = remainder(x, y);
      if (rest === 0) return y < 0 || Object.is(y, -0) ? -0 : 0;
      return rest < 0 === y < 0 ? rest : Number.isFinite(y) ? rest + y : y;
    };
    const bigRemainder = (x: bigint, y: bigint): bigint => (y === 0n ? 0n : x % y);
    const bigFloored = (x: bigint, y: bigint): bigint => {
      const rest = bigRemainder(x, y);
      return rest !== 0n && rest < 0n !== y < 0n ? rest + y : rest;
    };
    return [zipTensors(a, tensorAt(inputs, 1), truncates ? remainder : floored, truncates ? bigRemainder : bigFloored)];
  },
  cost: costPerOutput(2),
  lower: elementwiseLowering(activations.mod),
});
