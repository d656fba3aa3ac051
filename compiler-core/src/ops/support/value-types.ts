import { dimsEqual } from "../../ir/dim.ts";
import { mapType, optionalType, sequenceType, sparseType, type TensorType, tensorType, unknownType, type ValueType } from "../../ir/value-type.ts";
import { optionalsOf, sequencesOf, tensors } from "./types.ts";

/** The tensor types of the first operator sets: no bfloat16, no types below 8 bits. */
export const firstTensors = tensors(
  "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "string", "complex64", "complex128",
);
export const firstSequences = sequencesOf(firstTensors);
export const withSequences = (types: readonly string[]): readonly string[] => [...types, ...sequencesOf(types)];
export const withSequencesAndOptionals = (types: readonly string[]): readonly string[] => [
  ...types,
  ...sequencesOf(types),
  ...optionalsOf(types),
  ...optionalsOf(sequencesOf(types)),
];

/**
 * What holds of a value that has one type or the other: dimensions that are not proven equal become unknown, and so
 * does the rank where the two differ. An unknown type leaves only the element type of the other, since both sides of
 * a branch and all turns of a loop must agree on it.
 */
export function joinTypes(a: ValueType, b: ValueType): ValueType {
  if (a === b) return a;
  if (a.kind === "unknown") return withoutShape(b);
  if (b.kind === "unknown") return withoutShape(a);
  if ((a.kind === "tensor" || a.kind === "sparse") && b.kind === a.kind) {
    const other = (b as TensorType).shape;
    const make = a.kind === "tensor" ? tensorType : sparseType;
    const element = a.element ?? b.element;
    if (a.shape === null || other === null || other.length !== a.shape.length) return make(element, null);
    return make(element, a.shape.map((d, i) => (dimsEqual(d, other[i]!) ? d : null)));
  }
  if (a.kind === "sequence" && b.kind === "sequence") return sequenceType(joinTypes(a.of, b.of));
  if (a.kind === "optional" && b.kind === "optional") return optionalType(joinTypes(a.of, b.of));
  if (a.kind === "map" && b.kind === "map") return mapType(a.key, joinTypes(a.value, b.value));
  // A value of one kind or another, as an optional that a loop's body replaces by its element.
  return unknownType;
}

export function withoutShape(type: ValueType): ValueType {
  switch (type.kind) {
    case "tensor":
      return tensorType(type.element, null);
    case "sparse":
      return sparseType(type.element, null);
    case "sequence":
      return sequenceType(withoutShape(type.of));
    case "optional":
      return optionalType(withoutShape(type.of));
    case "map":
      return mapType(type.key, withoutShape(type.value));
    case "unknown":
      return type;
  }
}
