import type { ElementType } from "../../ir/element-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { AttributeReader } from "../definition.ts";

/** Element types by the numbers of TensorProto.DataType, which attributes as `dtype` and `to` carry. */
const byCode: Readonly<Record<number, ElementType>> = {
  1: "float32",
  2: "uint8",
  3: "int8",
  4: "uint16",
  5: "int16",
  6: "int32",
  7: "int64",
  8: "string",
  9: "bool",
  10: "float16",
  11: "float64",
  12: "uint32",
  13: "uint64",
  14: "complex64",
  15: "complex128",
  16: "bfloat16",
  17: "float8e4m3fn",
  18: "float8e4m3fnuz",
  19: "float8e5m2",
  20: "float8e5m2fnuz",
  21: "uint4",
  22: "int4",
  23: "float4e2m1",
  24: "float8e8m0",
  25: "uint2",
  26: "int2",
};

/** The element type with this number. Throws "element-type" for a number that no element type has. */
export function elementOfCode(code: number): ElementType {
  const element = byCode[code];
  if (element) return element;
  throw new GraphwrightError("element-type", `${code} is not the number of an element type known here.`);
}

/** The element type of the attribute `dtype`; `own` when it is absent. Throws "element-type" as `elementOfCode` does. */
export function elementAsked<Own extends ElementType | null>(attributes: AttributeReader, own: Own): ElementType | Own {
  const code = attributes.optionalInt("dtype");
  return code === undefined ? own : elementOfCode(code);
}

export const codeOfElement = (element: ElementType): number => Number(Object.keys(byCode).find((code) => byCode[Number(code)] === element));
