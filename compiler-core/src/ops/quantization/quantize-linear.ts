import { toNumbers } from "../../ir/tensor.ts";
import { shapeOf, staticShape, elementCount, tensorType, elementOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { makeTensor } from "../../ir/tensor.ts";
import type { ElementType } from "../../ir/element-type.ts";
import { type AttributeReader, defineOperator, type OperatorVersion } from "../definition.ts";
import { elementOfCode } from "../support/element-codes.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { quantizeLinearLowering } from "../support/lower-quantization.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { quantized, rounderOf, scaleIndex } from "../support/quantization.ts";
import { floats8, optional, required, tensors } from "../support/types.ts";
import { lacksAttribute, setInput, steps } from "../support/versions.ts";

const targets = [...tensors("uint8", "int8"), ...floats8, ...tensors("uint16", "int16", "uint4", "int4", "float4e2m1", "uint2", "int2")];

/** Older versions take the output type from the zero point alone. */
const typeFromZeroPoint: Pick<OperatorVersion, "downgrade"> = {
  downgrade: (node, context) => {
    const attribute = node.attributes.output_dtype;
    delete node.attributes.output_dtype;
    const code = attribute?.kind === "int" ? Number(attribute.value) : 0;
    if (node.inputs[2] || code === 0 || code === 2) return undefined;
    const dims = staticShape(context.type(node.inputs[1]));
    if (!dims) return "its output type is given by an attribute, and the shape of the scale is unknown";
    setInput(node, 2, context.addConstant(makeTensor(elementOfCode(code), dims), `${node.outputs[0]}_zero_point`));
    return undefined;
  },
};

export const onlyOneScale: Pick<OperatorVersion, "downgrade"> = {
  downgrade: (node, context) => {
    const dims = staticShape(context.type(node.inputs[1]));
    if (!dims || elementCount(dims) !== 1) return "version 10 knows one scale for all elements only";
    delete node.attributes.axis;
    return undefined;
  },
};

function targetOf(attributes: AttributeReader, zeroPoint: ElementType | null | undefined): ElementType {
  const code = attributes.int("output_dtype");
  const asked = code === 0 ? undefined : elementOfCode(code);
  if (asked && zeroPoint && asked !== zeroPoint) throw new GraphwrightError("element-type", `output_dtype asks for ${asked}, but the zero point is ${zeroPoint}.`);
  return asked ?? zeroPoint ?? "uint8";
}

export const quantizeLinear = defineOperator({
  domain: "",
  op: "QuantizeLinear",
  versions: [
    { since: 10, ...onlyOneScale },
    { since: 13, change: "a scale for each entry of an axis", ...lacksAttribute("saturate", 1) },
    { since: 19, change: "8-bit floats", allows: [...floats8, ...tensors("float16", "bfloat16")], ...steps(lacksAttribute("block_size", 0), typeFromZeroPoint) },
    { since: 21, change: "blocks; output_dtype; 4- and 16-bit integers", allows: tensors("uint16", "int16", "uint4", "int4"), ...lacksAttribute("precision", 0) },
    { since: 23, change: "precision; the scale may have a type of its own", allows: tensors("float4e2m1") },
    { since: 24, change: "more element types", allows: tensors("float8e8m0") },
    { since: 25, change: "more element types", allows: tensors("uint2", "int2") },
    { since: 28, change: "6-bit floats (not supported here)" },
  ],
  summary: "Maps real numbers to a small type: y = saturate(round(x / scale) + zero point).",
  doc:
    "The scale is one number, a vector with one entry for each entry of `axis`, or has the shape of x with `axis` divided into blocks of `block_size`. " +
    "Integers round to nearest, ties to even, and clamp; floats round to the nearest value of the type. The division is done in `precision`, or in the type of the scale.",
  family: "quantization",
  inputs: [
    required("x", "T1", "what is quantized"),
    required("y_scale", "T2", "size of one step"),
    optional("y_zero_point", "T3", "what 0 maps to, shaped as the scale; its type is the output's"),
  ],
  outputs: [required("y", "T3", "quantized numbers, shaped as x")],
  attributes: {
    axis: { kind: "int", doc: "axis of the scale's entries or blocks", fallback: 1 },
    saturate: { kind: "int", doc: "8-bit floats: 1 to clamp numbers out of range, 0 to make them infinity or NaN", fallback: 1 },
    block_size: { kind: "int", doc: "entries of the axis that share a scale; 0 for none", fallback: 0 },
    output_dtype: { kind: "int", doc: "number of the output's element type; 0 to take the zero point's, or uint8", fallback: 0 },
    precision: { kind: "int", doc: "number of the type in which x is divided; 0 for the scale's", fallback: 0 },
  },
  types: { T1: tensors("float32", "float16", "bfloat16", "int32"), T2: tensors("float32", "float16", "bfloat16", "int32", "float8e8m0"), T3: targets },
  infer: (context, node, attributes) => [
    { type: tensorType(targetOf(attributes, node.inputs[2] ? (elementOf(context.type(2)) ?? undefined) : undefined), shapeOf(context.type(0))) },
  ],
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const scale = tensorAt(inputs, 1);
    const zeroPoint = optionalTensor(inputs, 2);
    const element = targetOf(attributes, zeroPoint?.element);
    const precision = attributes.int("precision");
    const work = precision !== 0 ? elementOfCode(precision) : scale.element === "float8e8m0" || scale.element === "int32" ? (x.element === "int32" ? "float32" : x.element) : scale.element;
    const round = rounderOf(work);
    const index = scaleIndex(scale.dims, x.dims, attributes.int("axis"), attributes.int("block_size"));
    const numbers = toNumbers(x);
    const scales = Float64Array.from(toNumbers(scale), round);
    const quotients = new Float64Array(numbers.length);
    for (let i = 0; i < quotients.length; i++) quotients[i] = round(round(numbers[i]!) / scales[index(i)]!);
    const zeros = zeroPoint && toNumbers(zeroPoint);
    return [quantized(element, x.dims, quotients, zeros ? (i) => zeros[index(i)]! : () => 0, attributes.int("saturate") !== 0)];
  },
  cost: costPerOutput(2),
  lower: quantizeLinearLowering,
});
