import { GraphwrightError } from "../../support/diagnostic.ts";
import { isTensor, type Value } from "../definition.ts";

export type MapValue = Extract<Value, { kind: "map" }>;

/** The input at `index` as a map. Throws "missing-input". */
export function mapAt(inputs: readonly (Value | null)[], index: number): MapValue {
  const value = inputs[index];
  if (value && !isTensor(value) && value.kind === "map") return value;
  throw new GraphwrightError("missing-input", `input ${index} must be a map, but is ${value ? (isTensor(value) ? "a tensor" : `of kind ${value.kind}`) : "not given"}.`);
}

/** The one element that a map's value holds. */
export function scalarOf(value: Value | undefined): string | number | bigint | undefined {
  if (value === undefined) return undefined;
  if (isTensor(value) && value.data.length === 1) return value.data[0];
  throw new GraphwrightError("element-type", "the values of the map must be single elements.");
}
