import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { type Tensor, tensorBytes } from "../../ir/tensor.ts";
import type { ValueType } from "../../ir/value-type.ts";
import { isTensor, type Value } from "../../ops/definition.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { dataTypeOf, requireElementType } from "./element-types.ts";
import {
  type MapProto,
  MapProtoSchema,
  type OptionalProto,
  OptionalProto_DataType,
  OptionalProtoSchema,
  type SequenceProto,
  SequenceProto_DataType,
  SequenceProtoSchema,
  type SparseTensorProto,
  SparseTensorProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from "./onnx_pb.ts";
import { decodeText, encodeText } from "./text.ts";
import { noContext, readSparse, readTensor } from "./tensor-proto.ts";

/** Values within values; deeper is damage. */
const deepest = 32;

/**
 * Reads a value as the onnx project's test data store it: TensorProto, SequenceProto, OptionalProto, MapProto or
 * SparseTensorProto, told apart by `expected`; a tensor where nothing is expected. Throws GraphwrightError
 * "damaged-file" and what a tensor's own fields give.
 */
export function readValueFile(bytes: Uint8Array, expected?: ValueType): Value {
  switch (expected?.kind) {
    case "sequence":
      return sequence(parse(SequenceProtoSchema, bytes), expected.of, 0);
    case "optional":
      return optionalFile(bytes, expected.of);
    case "map":
      return map(parse(MapProtoSchema, bytes), 0);
    case "sparse":
      return sparse(parse(SparseTensorProtoSchema, bytes));
    default:
      return tensor(parse(TensorProtoSchema, bytes));
  }
}

/** Bytes of the message that holds a value; undoes `readValueFile`. */
export function writeValueFile(value: Value, name = ""): Uint8Array {
  if (isTensor(value)) return toBinary(TensorProtoSchema, tensorProto(value, name));
  switch (value.kind) {
    case "sequence":
      return toBinary(SequenceProtoSchema, sequenceProto(value, name));
    case "optional":
      return toBinary(OptionalProtoSchema, optionalProto(value, name));
    case "map":
      return toBinary(MapProtoSchema, mapProto(value, name));
    case "sparse":
      return toBinary(SparseTensorProtoSchema, sparseProto(value, name));
  }
}

// ---- reading

function parse<T extends Message>(schema: GenMessage<T>, bytes: Uint8Array): T {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    throw new GraphwrightError("damaged-file", `the bytes are no ${schema.name} (${(error as Error).message}).`);
  }
}

const tensor = (proto: TensorProto | undefined): Tensor => {
  if (!proto) throw incomplete("tensor");
  return readTensor(proto, noContext);
};

const sparse = (proto: SparseTensorProto | undefined): Value => {
  if (!proto) throw incomplete("sparse tensor");
  return { kind: "sparse", ...readSparse(proto, noContext) };
};

const incomplete = (what: string): GraphwrightError => new GraphwrightError("damaged-file", `the ${what} that the file announces is missing.`);

function tooDeep(depth: number): void {
  if (depth > deepest) throw new GraphwrightError("damaged-file", `values are nested more than ${deepest} deep.`);
}

function sequence(proto: SequenceProto | undefined, of: ValueType | undefined, depth: number): Value {
  tooDeep(depth);
  if (!proto) throw incomplete("sequence");
  return { kind: "sequence", items: sequenceItems(proto, depth), ...(of ? { of } : {}) };
}

function sequenceItems(proto: SequenceProto, depth: number): Value[] {
  switch (proto.elemType) {
    case SequenceProto_DataType.SPARSE_TENSOR:
      return proto.sparseTensorValues.map(sparse);
    case SequenceProto_DataType.SEQUENCE:
      return proto.sequenceValues.map((item) => sequence(item, undefined, depth + 1));
    case SequenceProto_DataType.MAP:
      return proto.mapValues.map((item) => map(item, depth + 1));
    case SequenceProto_DataType.OPTIONAL:
      return proto.optionalValues.map((item) => optional(item, undefined, depth + 1));
    default:
      return proto.tensorValues.map(tensor);
  }
}

/** Some cases store a present optional as the value itself. */
function optionalFile(bytes: Uint8Array, of: ValueType): Value {
  const proto = parse(OptionalProtoSchema, bytes);
  try {
    if (!proto.$unknown) return optional(proto, of, 0);
  } catch (error) {
    if (!(error instanceof GraphwrightError)) throw error;
  }
  return { kind: "optional", value: readValueFile(bytes, of), of };
}

function optional(proto: OptionalProto | undefined, of: ValueType | undefined, depth: number): Value {
  tooDeep(depth);
  if (!proto) throw incomplete("optional");
  const value = optionalContent(proto, of, depth);
  return { kind: "optional", value, ...(of ? { of } : {}) };
}

function optionalContent(proto: OptionalProto, of: ValueType | undefined, depth: number): Value | null {
  switch (proto.elemType) {
    // An empty optional may still say what it would hold.
    case OptionalProto_DataType.TENSOR:
      return proto.tensorValue ? tensor(proto.tensorValue) : null;
    case OptionalProto_DataType.SPARSE_TENSOR:
      return proto.sparseTensorValue ? sparse(proto.sparseTensorValue) : null;
    case OptionalProto_DataType.SEQUENCE:
      return proto.sequenceValue ? sequence(proto.sequenceValue, of?.kind === "sequence" ? of.of : undefined, depth + 1) : null;
    case OptionalProto_DataType.MAP:
      return proto.mapValue ? map(proto.mapValue, depth + 1) : null;
    case OptionalProto_DataType.OPTIONAL:
      return proto.optionalValue ? optional(proto.optionalValue, of?.kind === "optional" ? of.of : undefined, depth + 1) : null;
    default:
      return null;
  }
}

function map(proto: MapProto | undefined, depth: number): Value {
  tooDeep(depth);
  if (!proto) throw incomplete("map");
  const key = requireElementType(proto.keyType);
  const keys: (string | bigint)[] = key === "string" ? proto.stringKeys.map(decodeText) : proto.keys;
  const values = proto.values ? sequenceItems(proto.values, depth + 1) : [];
  if (keys.length !== values.length) throw new GraphwrightError("damaged-file", `a map has ${keys.length} keys and ${values.length} values.`);
  return { kind: "map", key, entries: new Map(keys.map((name, index) => [name, values[index] as Value])) };
}

// ---- writing

function tensorProto(value: Tensor, name = ""): TensorProto {
  return create(TensorProtoSchema, {
    dims: value.dims.map(BigInt),
    dataType: dataTypeOf(value.element),
    ...(name === "" ? {} : { name }),
    ...(value.element === "string" ? { stringData: (value.data as string[]).map(encodeText) } : { rawData: tensorBytes(value) }),
  });
}

type OfKind<K> = Extract<Value, { kind: K }>;

const sparseProto = (value: OfKind<"sparse">, name = ""): SparseTensorProto =>
  create(SparseTensorProtoSchema, { values: tensorProto(value.values, name), indices: tensorProto(value.indices), dims: value.dims.map(BigInt) });

function sequenceProto(value: { readonly items: readonly Value[] }, name = ""): SequenceProto {
  const kinds = new Set(value.items.map((item) => (isTensor(item) ? "tensor" : item.kind)));
  if (kinds.size > 1) throw new GraphwrightError("mixed-sequence", `a sequence holds values of one kind, not ${[...kinds].join(" and ")}.`);
  const header = name === "" ? {} : { name };
  const items = value.items as readonly never[];
  switch ([...kinds][0]) {
    case "sparse":
      return create(SequenceProtoSchema, { ...header, elemType: SequenceProto_DataType.SPARSE_TENSOR, sparseTensorValues: items.map((item) => sparseProto(item)) });
    case "sequence":
      return create(SequenceProtoSchema, { ...header, elemType: SequenceProto_DataType.SEQUENCE, sequenceValues: items.map((item) => sequenceProto(item)) });
    case "map":
      return create(SequenceProtoSchema, { ...header, elemType: SequenceProto_DataType.MAP, mapValues: items.map((item) => mapProto(item)) });
    case "optional":
      return create(SequenceProtoSchema, { ...header, elemType: SequenceProto_DataType.OPTIONAL, optionalValues: items.map((item) => optionalProto(item)) });
    default:
      return create(SequenceProtoSchema, { ...header, elemType: SequenceProto_DataType.TENSOR, tensorValues: items.map((item) => tensorProto(item)) });
  }
}

function optionalProto(value: OfKind<"optional">, name = ""): OptionalProto {
  const header = name === "" ? {} : { name };
  const inner = value.value;
  if (inner === null) return create(OptionalProtoSchema, header);
  if (isTensor(inner)) return create(OptionalProtoSchema, { ...header, elemType: OptionalProto_DataType.TENSOR, tensorValue: tensorProto(inner) });
  switch (inner.kind) {
    case "sparse":
      return create(OptionalProtoSchema, { ...header, elemType: OptionalProto_DataType.SPARSE_TENSOR, sparseTensorValue: sparseProto(inner) });
    case "sequence":
      return create(OptionalProtoSchema, { ...header, elemType: OptionalProto_DataType.SEQUENCE, sequenceValue: sequenceProto(inner) });
    case "map":
      return create(OptionalProtoSchema, { ...header, elemType: OptionalProto_DataType.MAP, mapValue: mapProto(inner) });
    case "optional":
      return create(OptionalProtoSchema, { ...header, elemType: OptionalProto_DataType.OPTIONAL, optionalValue: optionalProto(inner) });
  }
}

function mapProto(value: OfKind<"map">, name = ""): MapProto {
  const keys = [...value.entries.keys()];
  return create(MapProtoSchema, {
    ...(name === "" ? {} : { name }),
    keyType: dataTypeOf(value.key),
    ...(value.key === "string" ? { stringKeys: keys.map((key) => encodeText(`${key}`)) } : { keys: keys.map(BigInt) }),
    values: sequenceProto({ items: [...value.entries.values()] }),
  });
}
