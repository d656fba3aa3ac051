import { toNumbers, typeOfTensor } from "../../ir/tensor.ts";
import { unknownType, type ValueType, mapType, optionalType, sequenceType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { isTensor, type Value } from "../definition.ts";
import { tensorAt } from "./numbers.ts";

export type SequenceValue = Extract<Value, { kind: "sequence" }>;

export const sequence = (items: readonly Value[], of?: ValueType): SequenceValue => (of ? { kind: "sequence", items, of } : { kind: "sequence", items });

/** The input at `index` as a sequence. Throws "missing-input". */
export function sequenceAt(inputs: readonly (Value | null)[], index: number): SequenceValue {
  const value = inputs[index];
  if (value && "kind" in value && value.kind === "sequence") return value;
  const what = value ? (isTensor(value) ? "a tensor" : `of kind ${value.kind}`) : "not given";
  throw new GraphwrightError("missing-input", `input ${index} must be a sequence, but is ${what}.`);
}

/** A position input in 0..limit-1, counted from the end when negative. Throws "index-range". */
export function positionAt(inputs: readonly (Value | null)[], index: number, limit: number, fallback: number): number {
  const given = inputs[index] ? toNumbers(tensorAt(inputs, index))[0]! : fallback;
  const position = given < 0 ? given + limit : given;
  if (position >= 0 && position < limit) return position;
  throw new GraphwrightError("index-range", `the position ${given} lies outside a sequence of ${limit} places.`);
}

/** The type of a runtime value. */
export function typeOfValue(value: Value): ValueType {
  if (isTensor(value)) return typeOfTensor(value);
  switch (value.kind) {
    case "sequence":
      return sequenceType(value.items[0] ? typeOfValue(value.items[0]) : (value.of ?? unknownType));
    case "optional":
      return optionalType(value.value ? typeOfValue(value.value) : (value.of ?? unknownType));
    case "map": {
      const first = value.entries.values().next();
      return mapType(value.key, first.done ? unknownType : typeOfValue(first.value));
    }
    case "sparse":
      return typeOfTensor(value.values);
  }
}
