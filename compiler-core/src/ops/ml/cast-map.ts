import { makeTensor } from "../../ir/tensor.ts";
import { tensorType } from "../../ir/value-type.ts";
import type { ElementType } from "../../ir/element-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { type AttributeReader, defineOperator } from "../definition.ts";
import { mapAt, scalarOf } from "../support/maps.ts";
import { required, tensors } from "../support/types.ts";

const elements: Readonly<Record<string, ElementType>> = { TO_FLOAT: "float32", TO_STRING: "string", TO_INT64: "int64" };

function elementFrom(attributes: AttributeReader): ElementType {
  const name = attributes.string("cast_to");
  const element = elements[name];
  if (!element) throw new GraphwrightError("attribute-range", `cast_to is "${name}", which is none of TO_FLOAT, TO_STRING and TO_INT64.`);
  return element;
}

export const castMap = defineOperator({
  domain: "ai.onnx.ml",
  op: "CastMap",
  versions: [{ since: 1 }],
  summary: "Turns a map with integer keys into a row of its values.",
  doc: "DENSE gives the values by rising key; SPARSE puts each value at the place that its key names, among max_map places.",
  family: "ml",
  inputs: [required("X", "T1", "the map")],
  outputs: [required("Y", "T2", "its values [1, count]")],
  attributes: {
    cast_to: { kind: "string", doc: "type of the row: TO_FLOAT, TO_STRING or TO_INT64", fallback: "TO_FLOAT" },
    map_form: { kind: "string", doc: "DENSE or SPARSE", fallback: "DENSE" },
    max_map: { kind: "int", doc: "length of the row when SPARSE", fallback: 1 },
  },
  types: { T1: ["map(int64, string)", "map(int64, float32)"], T2: tensors("string", "float32", "int64") },
  infer: (_context, _node, attributes) => [{ type: tensorType(elementFrom(attributes), [1, attributes.string("map_form") === "SPARSE" ? attributes.int("max_map") : null]) }],
  evaluate: (inputs, { attributes }) => {
    const { entries } = mapAt(inputs, 0);
    const element = elementFrom(attributes);
    const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([key, value]) => [Number(key), scalarOf(value)!] as const);
    let values: (string | number | bigint | undefined)[] = sorted.map(([, value]) => value);
    if (attributes.string("map_form") === "SPARSE") {
      values = new Array<undefined>(attributes.int("max_map")).fill(undefined);
      for (const [key, value] of sorted) {
        if (key < 0 || key >= values.length) throw new GraphwrightError("index-range", `the key ${key} lies outside a row of ${values.length} places.`);
        values[key] = value;
      }
    }
    const dims = [1, values.length];
    if (element === "string") return [makeTensor("string", dims, values.map((value) => (value === undefined ? "" : String(value))))];
    const numbers = values.map((value) => {
      const number = value === undefined ? 0 : Number(value);
      if (Number.isNaN(number) && value !== "nan" && typeof value === "string") throw new GraphwrightError("element-type", `the value ${JSON.stringify(value)} is not a number.`);
      return number;
    });
    if (element === "int64") return [makeTensor("int64", dims, BigInt64Array.from(numbers, (value) => BigInt(Math.trunc(value))))];
    return [makeTensor("float32", dims, Float32Array.from(numbers))];
  },
});
