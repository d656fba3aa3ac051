import type { ElementType } from "../../ir/element-type.ts";
import { allocate, fromNumbers, isSmallFloat, makeTensor, type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementOf, shapeOf, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { type AttributeReader, defineOperator } from "../definition.ts";
import { tensorAt } from "../support/numbers.ts";
import { required, tensors } from "../support/types.ts";

/** A list given as `prefix`_tensor, _strings, _int64s or _floats. */
function listOf(attributes: AttributeReader, prefix: "keys" | "values"): Tensor {
  const tensor = attributes.tensor(`${prefix}_tensor`);
  if (tensor) return tensor;
  const texts = attributes.strings(`${prefix}_strings`);
  if (texts) return makeTensor("string", [texts.length], [...texts]);
  const integers = attributes.raw(`${prefix}_int64s`);
  if (integers?.kind === "ints") return makeTensor("int64", [integers.value.length], BigInt64Array.from(integers.value, BigInt));
  const floats = attributes.floats(`${prefix}_floats`);
  if (floats) return makeTensor("float32", [floats.length], Float32Array.from(floats));
  throw new GraphwrightError("missing-attribute", `the ${prefix} are given by none of ${prefix}_tensor, ${prefix}_strings, ${prefix}_int64s and ${prefix}_floats.`);
}

function defaultFor(attributes: AttributeReader, element: ElementType): Tensor {
  const tensor = attributes.tensor("default_tensor");
  if (tensor) return tensor;
  if (element === "string") return makeTensor("string", [], [attributes.string("default_string")]);
  if (element === "int64") return makeTensor("int64", [], BigInt64Array.of(BigInt(attributes.int("default_int64"))));
  return fromNumbers(element, [], [element.startsWith("int") ? attributes.int("default_int64") : attributes.float("default_float")]);
}

/** Elements in a form that a Map compares as the operator does: NaN equals NaN, and 0 equals -0. */
const keysOf = (tensor: Tensor): ArrayLike<string | number | bigint> => (isSmallFloat(tensor.element) ? toNumbers(tensor) : tensor.data);

export const labelEncoder = defineOperator({
  domain: "ai.onnx.ml",
  op: "LabelEncoder",
  versions: [
    {
      since: 1,
      upgrade: (node, context) => {
        const classes = node.attributes.classes_strings;
        if (classes?.kind !== "strings") return;
        const element = elementOf(context.type(node.inputs[0]));
        if (element === null) throw new GraphwrightError("version-semantics", "LabelEncoder: whether it encodes or decodes depends on its input's type, which is unknown.");
        delete node.attributes.classes_strings;
        const numbers = { kind: "ints", value: classes.value.map((_, i) => i) } as const;
        node.attributes[element === "string" ? "keys_strings" : "values_strings"] = classes;
        node.attributes[element === "string" ? "values_int64s" : "keys_int64s"] = numbers;
      },
      downgrade: (node) => {
        const encodes = node.attributes.keys_strings;
        const texts = encodes ?? node.attributes.values_strings;
        const numbers = encodes ? node.attributes.values_int64s : node.attributes.keys_int64s;
        if (texts?.kind !== "strings" || numbers?.kind !== "ints" || numbers.value.some((n, i) => Number(n) !== i)) return "version 1 numbers strings from 0 only";
        for (const name of ["keys_strings", "values_strings", "keys_int64s", "values_int64s", "default_float"]) delete node.attributes[name];
        node.attributes.classes_strings = texts;
        return undefined;
      },
    },
    {
      since: 2,
      change: "keys and values of any type",
      allows: tensors("float32"),
      downgrade: (node) => (Object.keys(node.attributes).some((name) => name.endsWith("_tensor")) ? "its tables are tensors" : undefined),
    },
    { since: 4, change: "tables as tensors", allows: tensors("float64", "int32", "int16") },
  ],
  summary: "Replaces every element by the value that a table gives for it.",
  doc: "Keys and values are two lists of equal length. Elements without a key become the default. Not-a-number is a key like any other.",
  family: "ml",
  inputs: [required("X", "T1", "elements to look up")],
  outputs: [required("Y", "T2", "their values, shaped as X")],
  attributes: {
    keys_tensor: { kind: "tensor", doc: "keys of any type" },
    keys_strings: { kind: "strings", doc: "keys, when they are strings" },
    keys_int64s: { kind: "ints", doc: "keys, when they are integers" },
    keys_floats: { kind: "floats", doc: "keys, when they are floats" },
    values_tensor: { kind: "tensor", doc: "values of any type" },
    values_strings: { kind: "strings", doc: "values, when they are strings" },
    values_int64s: { kind: "ints", doc: "values, when they are integers" },
    values_floats: { kind: "floats", doc: "values, when they are floats" },
    default_tensor: { kind: "tensor", doc: "default of any type, one element" },
    default_string: { kind: "string", doc: "default, when values are strings", fallback: "_Unused" },
    default_int64: { kind: "int", doc: "default, when values are integers", fallback: -1 },
    default_float: { kind: "float", doc: "default, when values are floats", fallback: -0 },
  },
  types: { T1: tensors("string", "int64", "float32", "int32", "int16", "float64"), T2: tensors("string", "int64", "float32", "int32", "int16", "float64") },
  infer: (context, _node, attributes) => [{ type: tensorType(listOf(attributes, "values").element, shapeOf(context.type(0))) }],
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const keys = listOf(attributes, "keys");
    const values = listOf(attributes, "values");
    if (keys.data.length !== values.data.length) throw new GraphwrightError("attribute-range", `${keys.data.length} keys and ${values.data.length} values are given: the lists must be equally long.`);
    const otherwise = defaultFor(attributes, values.element).data[0]!;
    const table = new Map<string | number | bigint, string | number | bigint>();
    const keyList = keysOf(keys);
    for (let i = 0; i < keyList.length; i++) table.set(comparable(keyList[i]!), values.data[i]!);
    const elements = keysOf(x);
    const out = allocate(values.element, elements.length);
    for (let i = 0; i < elements.length; i++) (out as (string | number | bigint)[])[i] = table.get(comparable(elements[i]!)) ?? otherwise;
    return [{ element: values.element, dims: x.dims, data: out }];
  },
});

/** Integers of different widths compare by their value. */
const comparable = (key: string | number | bigint): string | number | bigint => (typeof key === "bigint" && key >= -(2n ** 53n) && key <= 2n ** 53n ? Number(key) : key);
