import { elementTypes } from "../../ir/element-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput, zipTensors } from "../support/elementwise.ts";
import { broadcastInputs, elementOfInput, tensorOutput } from "../support/infer.ts";
import { bitShiftLowering } from "../support/lower-elementwise.ts";
import { tensorAt } from "../support/numbers.ts";
import { integers, required, signedIntegers } from "../support/types.ts";

export const bitShift = defineOperator({
  domain: "",
  op: "BitShift",
  versions: [
    { since: 11 },
    { since: 28, change: "more element types", allows: signedIntegers },
  ],
  summary: "Shifts the bits of integers, element by element with broadcasting.",
  doc: "A right shift repeats the sign bit. A negative shift, or one of all bits and more, leaves only the sign: -1 or 0 to the right, 0 to the left.",
  family: "elementwise",
  inputs: [
    required("X", "T", "integers to shift"),
    required("Y", "T", "by how many bits"),
  ],
  outputs: [required("Z", "T", "the shifted integers")],
  attributes: {
    direction: { kind: "string", doc: "LEFT (towards higher bits) or RIGHT", required: true },
  },
  types: { T: integers },
  infer: (context, node) => [tensorOutput(elementOfInput(context, 0), broadcastInputs(context, node, [0, 1]))],
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const { bits, kind } = elementTypes[x.element];
    const direction = attributes.string("direction");
    if (direction !== "LEFT" && direction !== "RIGHT") throw new GraphwrightError("attribute-value", `direction must be LEFT or RIGHT, not "${direction}".`);
    const left = direction === "LEFT";
    const shift = (a: number, b: number): number => (b < 0 || b >= bits ? (!left && kind === "int" && a < 0 ? -1 : 0) : left ? a << b : kind === "int" ? a >> b : a >>> b);
    const shiftBig = (a: bigint, b: bigint): bigint => (b < 0n || b >= 64n ? (!left && a < 0n ? -1n : 0n) : left ? a << b : a >> b);
    return [zipTensors(x, tensorAt(inputs, 1), shift, shiftBig)];
  },
  cost: costPerOutput(1),
  lower: bitShiftLowering,
});
