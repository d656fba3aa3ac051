import type { ParameterInfo } from "../definition.ts";

/** Named sets of tensor types for schemas, by the element names of the IR. */
export const tensors = (...elements: readonly string[]): readonly string[] => elements.map((e) => `tensor(${e})`);

const floatNames = ["float16", "float32", "float64", "bfloat16"] as const;
const intNames = ["int8", "int16", "int32", "int64"] as const;
const uintNames = ["uint8", "uint16", "uint32", "uint64"] as const;
const float8Names = ["float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz"] as const;
const complexNames = ["complex64", "complex128"] as const;
const smallNames = [...float8Names, "float8e8m0", "float4e2m1", "int4", "uint4", "int2", "uint2"] as const;

export const floats = tensors(...floatNames);
export const floats8 = tensors(...float8Names);
export const signedIntegers = tensors(...intNames);
export const unsignedIntegers = tensors(...uintNames);
export const integers = [...signedIntegers, ...unsignedIntegers];
/** every number with arithmetic of its own: floats of 16 bits and more, integers of 8 bits and more */
export const numbers = [...floats, ...integers];
export const wideNumbers = [...floats, ...tensors("int32", "int64", "uint32", "uint64")];
export const signedNumbers = [...floats, ...signedIntegers];
export const indices = tensors("int32", "int64");
export const int64 = tensors("int64");
export const int32 = tensors("int32");
export const bool = tensors("bool");
export const string = tensors("string");
export const bytes = tensors("int8", "uint8");
/** numbers, bool, string and complex: what data movement takes */
export const ordinary = [...numbers, ...bool, ...string, ...tensors(...complexNames)];
/** the same before bfloat16 came */
export const classic = ordinary.filter((t) => t !== "tensor(bfloat16)");
/** every element type */
export const everything = [...ordinary, ...tensors(...smallNames)];
/** every element type but string and complex */
export const castable = [...numbers, ...bool, ...tensors(...smallNames)];
/** sequences of the given tensor types: seq(tensor(float32)) */
export const sequencesOf = (types: readonly string[]): readonly string[] => types.map((t) => `seq(${t})`);
export const optionalsOf = (types: readonly string[]): readonly string[] => types.map((t) => `optional(${t})`);

/** Formal inputs and outputs. */
export const required = (name: string, type: string, doc: string): ParameterInfo => ({ name, type, doc });
export const optional = (name: string, type: string, doc: string): ParameterInfo => ({ name, type, doc, presence: "optional" });
export const variadic = (name: string, type: string, doc: string): ParameterInfo => ({ name, type, doc, presence: "variadic" });
