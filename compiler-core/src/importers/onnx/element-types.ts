import type { ElementType } from "../../ir/element-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { TensorProto_DataType as DataType } from "./onnx_pb.ts";

const numbers = {
  float32: DataType.FLOAT,
  uint8: DataType.UINT8,
  int8: DataType.INT8,
  uint16: DataType.UINT16,
  int16: DataType.INT16,
  int32: DataType.INT32,
  int64: DataType.INT64,
  string: DataType.STRING,
  bool: DataType.BOOL,
  float16: DataType.FLOAT16,
  float64: DataType.DOUBLE,
  uint32: DataType.UINT32,
  uint64: DataType.UINT64,
  complex64: DataType.COMPLEX64,
  complex128: DataType.COMPLEX128,
  bfloat16: DataType.BFLOAT16,
  float8e4m3fn: DataType.FLOAT8E4M3FN,
  float8e4m3fnuz: DataType.FLOAT8E4M3FNUZ,
  float8e5m2: DataType.FLOAT8E5M2,
  float8e5m2fnuz: DataType.FLOAT8E5M2FNUZ,
  uint4: DataType.UINT4,
  int4: DataType.INT4,
  float4e2m1: DataType.FLOAT4E2M1,
  float8e8m0: DataType.FLOAT8E8M0,
  uint2: DataType.UINT2,
  int2: DataType.INT2,
} as const satisfies Record<ElementType, number>;

const names = new Map<number, ElementType>(Object.entries(numbers).map(([name, number]) => [number, name as ElementType]));

/** Our name of a TensorProto.DataType, or undefined for 0 and for numbers that we do not know. */
export const elementTypeOf = (dataType: number): ElementType | undefined => names.get(dataType);

export const dataTypeOf = (element: ElementType): DataType => numbers[element];

/** Throws "element-type" for a number that is no element type we know. */
export function requireElementType(dataType: number): ElementType {
  const element = names.get(dataType);
  if (element) return element;
  const name = Object.entries(DataType).find(([, number]) => number === dataType)?.[0];
  throw new GraphwrightError(
    "element-type",
    dataType === 0 ? "the element type is missing." : `the element type ${dataType}${name ? ` (${name})` : ""} is not known here.`,
  );
}
