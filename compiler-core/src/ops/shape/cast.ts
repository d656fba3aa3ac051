import type { Dim } from "../../ir/dim.ts";
import { type ElementType, elementTypes, isElementType } from "../../ir/element-type.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { castTensor } from "../support/cast.ts";
import { codeOfElement, elementOfCode } from "../support/element-codes.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { tensorOutput } from "../support/infer.ts";
import { castLowering } from "../support/lower-elementwise.ts";
import { tensorAt } from "../support/numbers.ts";
import { castable, floats8, required, string, tensors } from "../support/types.ts";
import { lacksAttribute, type VersionSteps } from "../support/versions.ts";

/** Version 1 named the type, as "FLOAT". */
const names: Readonly<Record<string, ElementType>> = { FLOAT: "float32", DOUBLE: "float64" };
const typeByName: VersionSteps = {
  upgrade: (node) => {
    const to = node.attributes.to;
    if (to?.kind !== "string") return;
    const element = names[to.value] ?? to.value.toLowerCase();
    if (!isElementType(element)) throw new GraphwrightError("version-semantics", `Cast: "${to.value}" is not the name of an element type.`);
    node.attributes.to = { kind: "int", value: codeOfElement(element) };
  },
  downgrade: (node) => {
    const to = node.attributes.to;
    if (to?.kind !== "int") return undefined;
    const element = elementOfCode(Number(to.value));
    node.attributes.to = { kind: "string", value: Object.keys(names).find((name) => names[name] === element) ?? element.toUpperCase() };
    return undefined;
  },
};

/** A known element after the cast: sizes fit into 32 bits, other numbers must fit to be known still. */
function knownCast(d: Dim, to: ElementType): Dim {
  if (to === "bool") return typeof d === "number" ? (d === 0 ? 0 : 1) : null;
  const { kind, bits } = elementTypes[to];
  if (kind !== "int" && kind !== "uint") return null;
  if (typeof d !== "number") return bits >= 32 ? d : null;
  const [least, limit] = kind === "int" ? [-(2 ** (bits - 1)), 2 ** (bits - 1)] : [0, 2 ** bits];
  return d >= least && d < limit ? d : null;
}

export const cast = defineOperator({
  domain: "",
  op: "Cast",
  versions: [
    { since: 1, ...typeByName },
    { since: 6, change: "to is a number, not a name" },
    { since: 9, change: "more element types", allows: string },
    { since: 13, change: "more element types", allows: tensors("bfloat16"), ...lacksAttribute("saturate", 1) },
    { since: 19, change: "attribute saturate added; more element types", allows: floats8 },
    { since: 21, change: "more element types", allows: tensors("int4", "uint4") },
    { since: 23, change: "more element types", allows: tensors("float4e2m1"), ...lacksAttribute("round_mode", "up") },
    { since: 24, change: "attribute round_mode added; more element types", allows: tensors("float8e8m0") },
    { since: 25, change: "more element types", allows: tensors("int2", "uint2") },
    { since: 28 },
  ],
  summary: "Converts elements to another element type.",
  doc: "Floats to integers truncate towards zero, integers to narrower ones drop the upper bits, floats to narrower ones round to nearest even. Strings are read and written as decimal numbers.",
  family: "elementwise",
  inputs: [required("input", "T1", "input")],
  outputs: [required("output", "T2", "output")],
  attributes: {
    round_mode: { kind: "string", doc: "how the scale format rounds: up, down or nearest", fallback: "up" },
    saturate: { kind: "int", doc: "1 turns out-of-range values of 8-bit floats into the largest finite value", fallback: 1 },
    to: { kind: "int", doc: "element type as its ONNX number", required: true },
  },
  types: { T1: [...castable, ...tensors("string")], T2: [...castable, ...tensors("string")] },
  infer: (context, _node, attributes) => {
    const to = elementOfCode(attributes.int("to"));
    const known = context.known(0)?.map((d) => knownCast(d, to));
    return [tensorOutput(to, shapeOf(context.type(0)), known)];
  },
  evaluate: (inputs, { attributes }) => [
    castTensor(tensorAt(inputs, 0), elementOfCode(attributes.int("to")), { saturate: attributes.int("saturate") !== 0, round: attributes.string("round_mode") }),
  ],
  cost: costPerOutput(1),
  lower: castLowering,
});
