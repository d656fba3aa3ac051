import { create } from "@bufbuild/protobuf";
import type { Attribute } from "../../ir/attribute.ts";
import { type Tensor, tensorBytes } from "../../ir/tensor.ts";
import { dataTypeOf } from "../../importers/onnx/element-types.ts";
import {
  type AttributeProto,
  AttributeProto_AttributeType as Type,
  AttributeProtoSchema,
  type SparseTensorProto,
  SparseTensorProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TypeProtoSchema,
} from "../../importers/onnx/onnx_pb.ts";
import { encodeText } from "../../importers/onnx/text.ts";
import { writeType } from "../../importers/onnx/type-proto.ts";

/** A tensor as a whole message: raw_data, or string_data for strings. */
function writeTensor(tensor: Tensor, name = ""): TensorProto {
  return create(TensorProtoSchema, {
    dims: tensor.dims.map(BigInt),
    dataType: dataTypeOf(tensor.element),
    ...(name === "" ? {} : { name }),
    ...(tensor.element === "string" ? { stringData: (tensor.data as string[]).map(encodeText) } : { rawData: tensorBytes(tensor) }),
  });
}

export function writeSparse(attribute: { values: Tensor; indices: Tensor; dims: readonly number[] }, name = ""): SparseTensorProto {
  return create(SparseTensorProtoSchema, {
    values: writeTensor(attribute.values, name),
    indices: writeTensor(attribute.indices),
    dims: attribute.dims.map(BigInt),
  });
}

export function writeAttribute(name: string, attribute: Attribute): AttributeProto {
  const make = (fields: Parameters<typeof create<typeof AttributeProtoSchema>>[1]): AttributeProto => create(AttributeProtoSchema, { name, ...fields });
  switch (attribute.kind) {
    case "int":
      return make({ type: Type.INT, i: BigInt(attribute.value) });
    case "float":
      return make({ type: Type.FLOAT, f: attribute.value });
    case "string":
      return make({ type: Type.STRING, s: encodeText(attribute.value) });
    case "bytes":
      return make({ type: Type.STRING, s: attribute.value });
    case "tensor":
      return make({ type: Type.TENSOR, t: writeTensor(attribute.value) });
    case "type":
      return make({ type: Type.TYPE_PROTO, tp: writeType(attribute.value) ?? create(TypeProtoSchema) });
    case "ints":
      return make({ type: Type.INTS, ints: attribute.value.map(BigInt) });
    case "floats":
      return make({ type: Type.FLOATS, floats: [...attribute.value] });
    case "strings":
      return make({ type: Type.STRINGS, strings: attribute.value.map(encodeText) });
    case "tensors":
      return make({ type: Type.TENSORS, tensors: attribute.value.map((t) => writeTensor(t)) });
    case "types":
      return make({ type: Type.TYPE_PROTOS, typeProtos: attribute.value.map((t) => writeType(t) ?? create(TypeProtoSchema)) });
    case "sparse":
      return make({ type: Type.SPARSE_TENSOR, sparseTensor: writeSparse(attribute) });
    case "ref":
      return make({ type: (Type as Readonly<Record<string, Type>>)[attribute.name] ?? Type.UNDEFINED, refAttrName: attribute.of });
  }
}
