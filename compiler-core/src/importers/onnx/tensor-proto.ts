import { ConstantValue } from "../../ir/constant.ts";
import { byteSize, elementTypes, type ElementType } from "../../ir/element-type.ts";
import { allocate, isBigArray, makeTensor, tensorFromBytes, type Tensor } from "../../ir/tensor.ts";
import { tensorType } from "../../ir/value-type.ts";
import type { BlobRef, SiblingFiles } from "../../support/blob.ts";
import { GraphwrightError, located } from "../../support/diagnostic.ts";
import { requireElementType } from "./element-types.ts";
import { externalBlob } from "./external-data.ts";
import { type SparseTensorProto, type TensorProto, TensorProto_DataLocation } from "./onnx_pb.ts";
import type { LazyData } from "./skim.ts";
import { decodeText } from "./text.ts";

/** Where a tensor's elements may lie besides the message itself. */
export interface TensorContext {
  /** name of the model file */
  readonly file: string;
  readonly lazy: ReadonlyMap<TensorProto, LazyData>;
  readonly siblings?: SiblingFiles;
}

export const noContext: TensorContext = { file: "", lazy: new Map() };

/** What messages call a tensor. */
const label = (proto: TensorProto): string => (proto.name === "" ? "tensor" : `tensor ${JSON.stringify(proto.name)}`);

/** Throws "bad-dimension" for negative sizes and for shapes with more elements than can be counted. */
function readDims(dims: readonly bigint[]): number[] {
  let count = 1;
  let zero = false;
  return dims.map((dim, axis) => {
    const size = Number(dim);
    if (size < 0) throw new GraphwrightError("bad-dimension", `dimension ${axis} is ${dim}.`);
    if (size === 0) zero = true;
    else count *= size;
    if (!Number.isSafeInteger(size) || (!zero && !Number.isSafeInteger(16 * count)))
      throw new GraphwrightError("bad-dimension", `the shape [${dims.join(", ")}] has more elements than any tensor.`);
    return size;
  });
}

/**
 * The value of a TensorProto; large data stays in its file. Throws GraphwrightError "tensor-size", "element-type",
 * "bad-dimension", "external-data" with the tensor's name.
 */
export function readConstant(proto: TensorProto, context: TensorContext): ConstantValue {
  return located({ file: context.file, field: label(proto) }, () => {
    const element = requireElementType(proto.dataType);
    const dims = readDims(proto.dims);
    if (proto.segment) throw new GraphwrightError("segmented-tensor", "it is stored in segments, which no known tool writes.");
    const blob = blobOf(proto, element, dims, context);
    if (blob) {
      const expected = byteSize(element, count(dims));
      if (blob.length !== expected)
        throw new GraphwrightError("tensor-size", `${element}[${dims.join(", ")}] takes ${expected} bytes, but ${blob.length} are there.`, {
          file: blob.source.name,
          offset: blob.offset,
        });
      return ConstantValue.at(tensorType(element, dims), blob);
    }
    return ConstantValue.of(readInline(proto, element, dims));
  });
}

/** The elements of a TensorProto, read now. */
export const readTensor = (proto: TensorProto, context: TensorContext): Tensor => readConstant(proto, context).tensor();

export function readSparse(proto: SparseTensorProto, context: TensorContext): { values: Tensor; indices: Tensor; dims: number[] } {
  if (!proto.values || !proto.indices) throw new GraphwrightError("sparse-tensor", "a sparse tensor lacks its values or its indices.", { file: context.file });
  return { values: readTensor(proto.values, context), indices: readTensor(proto.indices, context), dims: readDims(proto.dims) };
}

const count = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

function blobOf(proto: TensorProto, element: ElementType, dims: readonly number[], context: TensorContext): BlobRef | undefined {
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    if (element === "string") throw new GraphwrightError("external-data", "strings cannot lie in another file.");
    return externalBlob(proto, byteSize(element, count(dims)), context.siblings);
  }
  const lazy = context.lazy.get(proto);
  if (!lazy) return undefined;
  if (element === "string") throw new GraphwrightError("tensor-size", "a tensor of strings has its elements in string_data.");
  if (lazy.field === "raw_data") return lazy.blob;
  const fits = lazy.field === "float_data" ? element === "float32" || element === "complex64" : element === "float64" || element === "complex128";
  if (!fits) throw new GraphwrightError("tensor-size", `the elements of a ${element} tensor do not lie in ${lazy.field}.`);
  return lazy.blob;
}

/** Elements that the message itself holds. */
function readInline(proto: TensorProto, element: ElementType, dims: readonly number[]): Tensor {
  if (proto.rawData.length > 0) {
    if (element === "string") throw new GraphwrightError("tensor-size", "a tensor of strings has its elements in string_data, not in raw_data.");
    return tensorFromBytes(element, dims, proto.rawData);
  }
  if (element === "string") return makeTensor(element, dims, proto.stringData.map(decodeText));
  const field = typedField(proto, element);
  const packed = elementTypes[element].bits < 8 ? 8 / elementTypes[element].bits : 1;
  const parts = element === "complex64" || element === "complex128" ? 2 : 1;
  const expected = packed > 1 ? Math.ceil(count(dims) / packed) : parts * count(dims);
  if (field.values.length !== expected)
    throw new GraphwrightError("tensor-size", `${element}[${dims.join(", ")}] takes ${expected} entries in ${field.name}, but ${field.values.length} are there.`);
  if (packed > 1) return tensorFromBytes(element, dims, Uint8Array.from(field.values as number[]));
  const data = allocate(element, expected / parts);
  if (isBigArray(data)) for (let i = 0; i < expected; i++) data[i] = BigInt(field.values[i] as bigint);
  else if (!Array.isArray(data)) for (let i = 0; i < expected; i++) data[i] = Number(field.values[i]);
  return makeTensor(element, dims, data);
}

function typedField(proto: TensorProto, element: ElementType): { name: string; values: readonly (number | bigint)[] } {
  switch (element) {
    case "float32":
    case "complex64":
      return { name: "float_data", values: proto.floatData };
    case "float64":
    case "complex128":
      return { name: "double_data", values: proto.doubleData };
    case "int64":
      return { name: "int64_data", values: proto.int64Data };
    case "uint32":
    case "uint64":
      return { name: "uint64_data", values: proto.uint64Data };
    default:
      return { name: "int32_data", values: proto.int32Data };
  }
}
