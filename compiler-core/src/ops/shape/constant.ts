import { makeTensor, type Tensor, toIntegers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { type AttributeReader, defineOperator } from "../definition.ts";
import { denseTensor } from "../support/indexing.ts";
import { tensorOutput } from "../support/infer.ts";
import { everything, floats8, required, tensors } from "../support/types.ts";
import { lacksAttribute, steps } from "../support/versions.ts";

function constantValue(attributes: AttributeReader): Tensor {
  const tensor = attributes.tensor("value");
  if (tensor) return tensor;
  const sparse = attributes.raw("sparse_value");
  if (sparse?.kind === "sparse") return denseTensor(sparse.values, sparse.indices, sparse.dims);
  const int = attributes.raw("value_int");
  if (int?.kind === "int") return makeTensor("int64", [], BigInt64Array.of(BigInt(int.value)));
  const ints = attributes.raw("value_ints");
  if (ints?.kind === "ints") return makeTensor("int64", [ints.value.length], BigInt64Array.from(ints.value, BigInt));
  const float = attributes.optionalFloat("value_float");
  if (float !== undefined) return makeTensor("float32", [], Float32Array.of(float));
  const floats = attributes.floats("value_floats");
  if (floats) return makeTensor("float32", [floats.length], Float32Array.from(floats));
  if (attributes.has("value_string")) return makeTensor("string", [], [attributes.string("value_string")]);
  const strings = attributes.strings("value_strings");
  if (strings) return makeTensor("string", [strings.length], [...strings]);
  throw new GraphwrightError("missing-attribute", "one of the value attributes is required.");
}

export const constantOperator = defineOperator({
  domain: "",
  op: "Constant",
  versions: [
    { since: 1 },
    { since: 9, change: "more element types", allows: tensors("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "string", "complex64", "complex128"), ...lacksAttribute("sparse_value", undefined) },
    { since: 11, change: "attribute sparse_value added", ...steps(lacksAttribute("value_float", undefined), lacksAttribute("value_floats", undefined), lacksAttribute("value_int", undefined), lacksAttribute("value_ints", undefined), lacksAttribute("value_string", undefined), lacksAttribute("value_strings", undefined)) },
    { since: 12, change: "attribute value_float added; attribute value_floats added; attribute value_int added; attribute value_ints added; attribute value_string added; attribute value_strings added" },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
    { since: 19, change: "more element types", allows: floats8 },
    { since: 21, change: "more element types", allows: tensors("int4", "uint4") },
    { since: 23, change: "more element types", allows: tensors("float4e2m1") },
    { since: 24, change: "more element types", allows: tensors("float8e8m0") },
    { since: 25, change: "more element types", allows: tensors("int2", "uint2") },
  ],
  summary: "Gives a fixed value.",
  family: "shape",
  inputs: [],
  outputs: [required("output", "T", "the value")],
  attributes: {
    sparse_value: { kind: "sparse", doc: "a sparse tensor, given dense" },
    value: { kind: "tensor", doc: "a tensor" },
    value_float: { kind: "float", doc: "a scalar float32" },
    value_floats: { kind: "floats", doc: "a vector of float32" },
    value_int: { kind: "int", doc: "a scalar int64" },
    value_ints: { kind: "ints", doc: "a vector of int64" },
    value_string: { kind: "string", doc: "a scalar string" },
    value_strings: { kind: "strings", doc: "a vector of strings" },
  },
  types: { T: everything },
  infer: (_context, _node, attributes) => {
    const value = constantValue(attributes);
    return [tensorOutput(value.element, value.dims, value.element === "int64" && value.dims.length <= 1 && elementCount(value.dims) <= 64 ? toIntegers(value) : undefined)];
  },
  evaluate: (_inputs, { attributes }) => [constantValue(attributes)],
  cost: () => ({ flops: 0 }),
});
