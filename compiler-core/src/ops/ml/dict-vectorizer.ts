import { makeTensor } from "../../ir/tensor.ts";
import { elementOf, tensorType } from "../../ir/value-type.ts";
import { isTensor, defineOperator } from "../definition.ts";
import { mapAt, scalarOf } from "../support/maps.ts";
import { required, tensors } from "../support/types.ts";

export const dictVectorizer = defineOperator({
  domain: "ai.onnx.ml",
  op: "DictVectorizer",
  versions: [{ since: 1 }],
  summary: "Turns a map into a row of values, in the order of a vocabulary of keys.",
  doc: "A key that the map lacks gives 0 or an empty string.",
  family: "ml",
  inputs: [required("X", "T1", "the map")],
  outputs: [required("Y", "T2", "values [1, keys]")],
  attributes: {
    int64_vocabulary: { kind: "ints", doc: "the keys, when they are integers" },
    string_vocabulary: { kind: "strings", doc: "the keys, when they are strings" },
  },
  types: {
    T1: ["map(string, int64)", "map(int64, string)", "map(int64, float32)", "map(int64, float64)", "map(string, float32)", "map(string, float64)"],
    T2: tensors("int64", "float32", "float64", "string"),
  },
  infer: (context, _node, attributes) => {
    const type = context.type(0);
    const count = (attributes.strings("string_vocabulary") ?? attributes.ints("int64_vocabulary"))?.length ?? null;
    return [{ type: tensorType(type.kind === "map" ? elementOf(type.value) : null, [1, count]) }];
  },
  evaluate: (inputs, { attributes, node }) => {
    const { entries } = mapAt(inputs, 0);
    const keys: (string | bigint)[] = [...(attributes.strings("string_vocabulary") ?? attributes.ints("int64_vocabulary")?.map(BigInt) ?? [])];
    const values = keys.map((key) => scalarOf(entries.get(key)));
    const [first] = entries.values();
    const element = first && isTensor(first) ? first.element : (elementOf(node.outputs[0]?.type) ?? "float32");
    const dims = [1, keys.length];
    if (element === "string") return [makeTensor("string", dims, values.map((value) => String(value ?? "")))];
    if (element === "int64") return [makeTensor("int64", dims, BigInt64Array.from(values, (value) => BigInt(value ?? 0)))];
    const numbers = values.map((value) => Number(value ?? 0));
    return [makeTensor(element, dims, element === "float64" ? Float64Array.from(numbers) : Float32Array.from(numbers))];
  },
});
