import { isFieldSet } from "@bufbuild/protobuf";
import type { Attribute, Int } from "../../ir/attribute.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { type AttributeProto, AttributeProto_AttributeType as Type, AttributeProtoSchema, type GraphProto } from "./onnx_pb.ts";
import { decodeText, decodeUtf8 } from "./text.ts";
import { readSparse, readTensor, type TensorContext } from "./tensor-proto.ts";
import { readType } from "./type-proto.ts";

/** An attribute, or the graphs that become the node's bodies. */
export type ReadAttribute = { readonly attribute: Attribute } | { readonly graphs: readonly GraphProto[]; readonly list: boolean };

export const toInt = (value: bigint): Int => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};

const scalarFields = [
  ["f", Type.FLOAT],
  ["i", Type.INT],
  ["s", Type.STRING],
  ["t", Type.TENSOR],
  ["g", Type.GRAPH],
  ["sparseTensor", Type.SPARSE_TENSOR],
  ["tp", Type.TYPE_PROTO],
] as const;
const listFields = [
  ["floats", Type.FLOATS],
  ["ints", Type.INTS],
  ["strings", Type.STRINGS],
  ["tensors", Type.TENSORS],
  ["graphs", Type.GRAPHS],
  ["sparseTensors", Type.SPARSE_TENSORS],
  ["typeProtos", Type.TYPE_PROTOS],
] as const;

/** Files of the first IR versions leave the type out: the field that is filled tells. */
function typeOf(proto: AttributeProto): Type {
  if (proto.type !== Type.UNDEFINED) return proto.type;
  for (const [field, type] of scalarFields) if (isFieldSet(proto, AttributeProtoSchema.field[field])) return type;
  for (const [field, type] of listFields) if (proto[field].length > 0) return type;
  return Type.UNDEFINED;
}

/** Throws "attribute" for one whose type is missing or unknown. */
export function readAttribute(proto: AttributeProto, context: TensorContext): ReadAttribute {
  if (proto.refAttrName !== "") return { attribute: { kind: "ref", name: refKind(proto.type), of: proto.refAttrName } };
  const type = typeOf(proto);
  switch (type) {
    case Type.FLOAT:
      return { attribute: { kind: "float", value: proto.f } };
    case Type.INT:
      return { attribute: { kind: "int", value: toInt(proto.i) } };
    case Type.STRING: {
      const text = decodeUtf8(proto.s);
      return { attribute: text === undefined ? { kind: "bytes", value: proto.s } : { kind: "string", value: text } };
    }
    case Type.TENSOR:
      if (!proto.t) break;
      return { attribute: { kind: "tensor", value: readTensor(proto.t, context) } };
    case Type.GRAPH:
      if (!proto.g) break;
      return { graphs: [proto.g], list: false };
    case Type.FLOATS:
      return { attribute: { kind: "floats", value: proto.floats } };
    case Type.INTS:
      return { attribute: { kind: "ints", value: proto.ints.map(toInt) } };
    case Type.STRINGS:
      return { attribute: { kind: "strings", value: proto.strings.map(decodeText) } };
    case Type.TENSORS:
      return { attribute: { kind: "tensors", value: proto.tensors.map((t) => readTensor(t, context)) } };
    case Type.GRAPHS:
      return { graphs: proto.graphs, list: true };
    case Type.TYPE_PROTO:
      if (!proto.tp) break;
      return { attribute: { kind: "type", value: readType(proto.tp) } };
    case Type.TYPE_PROTOS:
      return { attribute: { kind: "types", value: proto.typeProtos.map((t) => readType(t)) } };
    case Type.SPARSE_TENSOR:
      if (!proto.sparseTensor) break;
      return { attribute: { kind: "sparse", ...readSparse(proto.sparseTensor, context) } };
    default:
      throw new GraphwrightError("attribute", `the attribute "${proto.name}" has the type ${type}, which cannot be read.`);
  }
  throw new GraphwrightError("attribute", `the attribute "${proto.name}" has no value.`);
}

/** Kind of the value that a reference stands for, by the names of AttributeProto.AttributeType. */
const refKind = (type: Type): string => Object.entries(Type).find(([, number]) => number === type)?.[0] ?? "UNDEFINED";
