import { makeTensor, toNumbers } from "../../ir/tensor.ts";
import { shapeOf, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { tensorAt } from "../support/numbers.ts";
import { required, tensors } from "../support/types.ts";

export const oneHotEncoder = defineOperator({
  domain: "ai.onnx.ml",
  op: "OneHotEncoder",
  versions: [{ since: 1 }],
  summary: "Replaces every element by a row that is 1 at the place of its category and 0 elsewhere.",
  family: "ml",
  inputs: [required("X", "T", "categories")],
  outputs: [required("Y", "tensor(float32)", "the shape of X with one more axis, as long as the list of categories")],
  attributes: {
    cats_int64s: { kind: "ints", doc: "the categories, when they are numbers" },
    cats_strings: { kind: "strings", doc: "the categories, when they are strings" },
    zeros: { kind: "int", doc: "1 to give zeros for an unknown category, 0 to refuse it", fallback: 1 },
  },
  types: { T: tensors("string", "int64", "int32", "float32", "float64") },
  infer: (context, _node, attributes) => {
    const shape = shapeOf(context.type(0));
    const count = attributes.ints("cats_int64s")?.length ?? attributes.strings("cats_strings")?.length ?? 0;
    return [{ type: tensorType("float32", shape && [...shape, count]) }];
  },
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const categories: readonly (string | number)[] = attributes.ints("cats_int64s") ?? attributes.strings("cats_strings") ?? [];
    const places = new Map(categories.map((category, i) => [category, i]));
    const elements: ArrayLike<string | number> = Array.isArray(x.data) ? x.data : Array.from(toNumbers(x), Math.trunc);
    const out = new Float32Array(elements.length * categories.length);
    for (let i = 0; i < elements.length; i++) {
      const place = places.get(elements[i]!);
      if (place !== undefined) out[i * categories.length + place] = 1;
      else if (attributes.int("zeros") === 0) throw new GraphwrightError("index-range", `${JSON.stringify(elements[i])} is none of the categories.`);
    }
    return [makeTensor("float32", [...x.dims, categories.length], out)];
  },
});
