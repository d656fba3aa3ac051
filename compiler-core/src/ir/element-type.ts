/** Element types of tensors, by the names used in the text IR. Sizes are in bits of storage in a file. */
export const elementTypes = {
  float32: { bits: 32, kind: "float" },
  float64: { bits: 64, kind: "float" },
  float16: { bits: 16, kind: "float" },
  bfloat16: { bits: 16, kind: "float" },
  float8e4m3fn: { bits: 8, kind: "float" },
  float8e4m3fnuz: { bits: 8, kind: "float" },
  float8e5m2: { bits: 8, kind: "float" },
  float8e5m2fnuz: { bits: 8, kind: "float" },
  float8e8m0: { bits: 8, kind: "float" },
  float4e2m1: { bits: 4, kind: "float" },
  int8: { bits: 8, kind: "int" },
  int16: { bits: 16, kind: "int" },
  int32: { bits: 32, kind: "int" },
  int64: { bits: 64, kind: "int" },
  uint8: { bits: 8, kind: "uint" },
  uint16: { bits: 16, kind: "uint" },
  uint32: { bits: 32, kind: "uint" },
  uint64: { bits: 64, kind: "uint" },
  int4: { bits: 4, kind: "int" },
  uint4: { bits: 4, kind: "uint" },
  int2: { bits: 2, kind: "int" },
  uint2: { bits: 2, kind: "uint" },
  bool: { bits: 8, kind: "bool" },
  string: { bits: 0, kind: "string" },
  complex64: { bits: 64, kind: "complex" },
  complex128: { bits: 128, kind: "complex" },
} as const satisfies Record<string, { bits: number; kind: string }>;

export type ElementType = keyof typeof elementTypes;
export type ElementKind = (typeof elementTypes)[ElementType]["kind"];

export function isElementType(name: string): name is ElementType {
  return Object.hasOwn(elementTypes, name);
}

export const elementKind = (type: ElementType): ElementKind => elementTypes[type].kind;
export const isFloat = (type: ElementType): boolean => elementTypes[type].kind === "float";
export const isInteger = (type: ElementType): boolean => elementTypes[type].kind === "int" || elementTypes[type].kind === "uint";

/** Bytes that `count` packed elements take in a file (4- and 2-bit types are packed); 0 for strings. */
export const byteSize = (type: ElementType, count: number): number => Math.ceil((elementTypes[type].bits * count) / 8);
