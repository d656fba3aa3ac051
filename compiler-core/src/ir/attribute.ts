import type { Tensor } from "./tensor.ts";
import type { ValueType } from "./value-type.ts";

/** Integers are numbers where exact, else bigints. */
export type Int = number | bigint;

/**
 * An attribute of a node. `ref` stands for an attribute of the enclosing function: `of` is that attribute's name
 * (ref_attr_name in ONNX) and `name` the type of its value, as AttributeProto.AttributeType spells it.
 * Graph attributes are not here: a node's bodies are regions.
 */
export type Attribute =
  | { readonly kind: "int"; readonly value: Int }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  /** a string attribute whose bytes are not UTF-8 */
  | { readonly kind: "bytes"; readonly value: Uint8Array }
  | { readonly kind: "tensor"; readonly value: Tensor }
  | { readonly kind: "type"; readonly value: ValueType }
  | { readonly kind: "ints"; readonly value: readonly Int[] }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "tensors"; readonly value: readonly Tensor[] }
  | { readonly kind: "types"; readonly value: readonly ValueType[] }
  | { readonly kind: "sparse"; readonly values: Tensor; readonly indices: Tensor; readonly dims: readonly number[] }
  | { readonly kind: "ref"; readonly name: string; readonly of: string };

export type Attributes = Readonly<Record<string, Attribute>>;

export const noAttributes: Attributes = Object.freeze({});

export const int = (value: Int): Attribute => ({ kind: "int", value });
export const float = (value: number): Attribute => ({ kind: "float", value });
export const string = (value: string): Attribute => ({ kind: "string", value });
export const ints = (value: readonly Int[]): Attribute => ({ kind: "ints", value });
export const floats = (value: readonly number[]): Attribute => ({ kind: "floats", value });
export const strings = (value: readonly string[]): Attribute => ({ kind: "strings", value });
export const tensor = (value: Tensor): Attribute => ({ kind: "tensor", value });
