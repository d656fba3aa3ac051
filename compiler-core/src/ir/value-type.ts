import { type Dim, dimsEqual, printDim } from "./dim.ts";
import type { ElementType } from "./element-type.ts";

/** Dimensions, outermost first; `null` when even the rank is unknown. */
export type Shape = readonly Dim[] | null;

export interface TensorType {
  readonly kind: "tensor" | "sparse";
  /** `null` when the element type is unknown */
  readonly element: ElementType | null;
  readonly shape: Shape;
  readonly text: string;
}

export interface SequenceType {
  readonly kind: "sequence" | "optional";
  readonly of: ValueType;
  readonly text: string;
}

export interface MapType {
  readonly kind: "map";
  readonly key: ElementType;
  readonly value: ValueType;
  readonly text: string;
}

export interface UnknownType {
  readonly kind: "unknown";
  readonly text: string;
}

/** The type of a value. Types are interned: equal types are the same object. `text` is the canonical text form. */
export type ValueType = TensorType | SequenceType | MapType | UnknownType;

const table = new Map<string, ValueType>();

function intern<T extends ValueType>(type: T): T {
  const known = table.get(type.text);
  if (known) return known as T;
  if ("shape" in type && type.shape) Object.freeze(type.shape);
  Object.freeze(type);
  table.set(type.text, type);
  return type;
}

export const unknownType: UnknownType = intern({ kind: "unknown", text: "?" });

const tensorText = (element: ElementType | null, shape: Shape): string =>
  (element ?? "?") + (shape === null ? "[*]" : `[${shape.map(printDim).join(", ")}]`);

/** float32[1, 3, N, N]; the rank may be unknown: float32[*]. */
export function tensorType(element: ElementType | null, shape: Shape): TensorType {
  return intern({ kind: "tensor", element, shape: shape && [...shape], text: tensorText(element, shape) });
}

export const sparseType = (element: ElementType | null, shape: Shape): TensorType =>
  intern({ kind: "sparse", element, shape: shape && [...shape], text: `sparse(${tensorText(element, shape)})` });

export const sequenceType = (of: ValueType): SequenceType => intern({ kind: "sequence", of, text: `seq(${of.text})` });
export const optionalType = (of: ValueType): SequenceType => intern({ kind: "optional", of, text: `optional(${of.text})` });
export const mapType = (key: ElementType, value: ValueType): MapType =>
  intern({ kind: "map", key, value, text: `map(${key}, ${value.text})` });

/** The tensor's shape, or null for an unknown rank or a value that is not a tensor. */
export const shapeOf = (type: ValueType | undefined): Shape => (type?.kind === "tensor" ? type.shape : null);
export const elementOf = (type: ValueType | undefined): ElementType | null => (type?.kind === "tensor" ? type.element : null);

/** The shape when every dimension is a known size, else undefined. */
export function staticShape(type: ValueType | undefined): readonly number[] | undefined {
  const shape = shapeOf(type);
  return shape !== null && shape.every((d): d is number => typeof d === "number") ? shape : undefined;
}

export const elementCount = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** True only when every dimension is proven equal. */
export const shapesEqual = (a: Shape, b: Shape): boolean =>
  a !== null && b !== null && a.length === b.length && a.every((d, i) => dimsEqual(d, b[i] as Dim));
