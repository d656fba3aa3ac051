import { makeTensor } from "../../ir/tensor.ts";
import { elementOf, shapeOf, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { tensorAt } from "../support/numbers.ts";
import { required, tensors } from "../support/types.ts";

export const categoryMapper = defineOperator({
  domain: "ai.onnx.ml",
  op: "CategoryMapper",
  versions: [{ since: 1 }],
  summary: "Turns strings into integers or integers into strings, by two lists of equal length.",
  family: "ml",
  inputs: [required("X", "T1", "strings or integers")],
  outputs: [required("Y", "T2", "their counterparts, shaped as X")],
  attributes: {
    cats_int64s: { kind: "ints", doc: "the integers" },
    cats_strings: { kind: "strings", doc: "the strings, in the same order" },
    default_int64: { kind: "int", doc: "what an unknown string becomes", fallback: -1 },
    default_string: { kind: "string", doc: "what an unknown integer becomes", fallback: "_Unused" },
  },
  types: { T1: tensors("string", "int64"), T2: tensors("string", "int64") },
  infer: (context) => {
    const element = elementOf(context.type(0));
    return [{ type: tensorType(element === null ? null : element === "string" ? "int64" : "string", shapeOf(context.type(0))) }];
  },
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const integers = attributes.ints("cats_int64s") ?? [];
    const texts = attributes.strings("cats_strings") ?? [];
    if (integers.length !== texts.length) throw new GraphwrightError("attribute-range", `${integers.length} integers and ${texts.length} strings are given: the lists must be equally long.`);
    if (Array.isArray(x.data)) {
      const table = new Map(texts.map((text, i) => [text, BigInt(integers[i]!)]));
      const otherwise = BigInt(attributes.int("default_int64"));
      return [makeTensor("int64", x.dims, BigInt64Array.from(x.data, (text) => table.get(text) ?? otherwise))];
    }
    const table = new Map(integers.map((integer, i) => [integer, texts[i]!]));
    const otherwise = attributes.string("default_string");
    return [makeTensor("string", x.dims, Array.from(x.data as BigInt64Array, (v) => table.get(Number(v)) ?? otherwise))];
  },
});
