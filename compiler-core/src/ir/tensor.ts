import { GraphwrightError } from "../support/diagnostic.ts";
import { byteSize, elementKind, type ElementType } from "./element-type.ts";
import { decodeSmallFloat, encodeSmallFloat, type SmallFloat } from "./small-float.ts";
import { elementCount, tensorType, type TensorType } from "./value-type.ts";

export type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array;
export type BigArray = BigInt64Array | BigUint64Array;
export type TensorData = NumericArray | BigArray | string[];

/**
 * A dense tensor, row-major. Storage by element type: the like-named typed array; float16 and bfloat16 as their bits
 * in a Uint16Array; 8-bit and 4-bit floats as their bits in a Uint8Array, one element a byte; int4/int2 in an
 * Int8Array and uint4/uint2 in a Uint8Array, one element a byte; bool as 0 or 1 in a Uint8Array; complex as
 * interleaved real and imaginary parts in a Float32Array or Float64Array of twice the length.
 */
export interface Tensor {
  readonly element: ElementType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

const smallFloats: ReadonlySet<ElementType> = new Set<ElementType>([
  "float16",
  "bfloat16",
  "float8e4m3fn",
  "float8e4m3fnuz",
  "float8e5m2",
  "float8e5m2fnuz",
  "float8e8m0",
  "float4e2m1",
]);

/** True for formats stored as bit patterns. */
export const isSmallFloat = (type: ElementType): type is SmallFloat & ElementType => smallFloats.has(type);

/** Zeroed storage for `count` elements. */
export function allocate(element: ElementType, count: number): TensorData {
  switch (element) {
    case "float32":
      return new Float32Array(count);
    case "float64":
      return new Float64Array(count);
    case "int8":
    case "int4":
    case "int2":
      return new Int8Array(count);
    case "int16":
      return new Int16Array(count);
    case "int32":
      return new Int32Array(count);
    case "int64":
      return new BigInt64Array(count);
    case "uint16":
    case "float16":
    case "bfloat16":
      return new Uint16Array(count);
    case "uint32":
      return new Uint32Array(count);
    case "uint64":
      return new BigUint64Array(count);
    case "complex64":
      return new Float32Array(2 * count);
    case "complex128":
      return new Float64Array(2 * count);
    case "string":
      return new Array<string>(count).fill("");
    default:
      return new Uint8Array(count);
  }
}

export function makeTensor(element: ElementType, dims: readonly number[], data?: TensorData): Tensor {
  const count = elementCount(dims);
  const storage = data ?? allocate(element, count);
  const expected = elementKind(element) === "complex" ? 2 * count : count;
  if (storage.length !== expected)
    throw new GraphwrightError("tensor-size", `a ${element}[${dims.join(", ")}] holds ${expected} values, not ${storage.length}.`);
  return { element, dims: Object.freeze([...dims]), data: storage };
}

export const typeOfTensor = (tensor: Tensor): TensorType => tensorType(tensor.element, tensor.dims);
export const tensorCount = (tensor: Tensor): number => elementCount(tensor.dims);
export const isBigArray = (data: TensorData): data is BigArray => data instanceof BigInt64Array || data instanceof BigUint64Array;

/**
 * The elements as JavaScript numbers (int64 beyond 2^53 rounds). Arrays that already hold plain numbers are returned
 * as they are, not copied. Not for strings and complex numbers.
 */
export function toNumbers(tensor: Tensor): NumericArray {
  const { element, data } = tensor;
  if (Array.isArray(data)) throw new GraphwrightError("not-numeric", "a tensor of strings has no numbers.");
  if (isBigArray(data)) {
    const numbers = new Float64Array(data.length);
    for (let i = 0; i < data.length; i++) numbers[i] = Number(data[i]);
    return numbers;
  }
  if (!isSmallFloat(element)) return data;
  const numbers = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) numbers[i] = decodeSmallFloat(element, data[i] as number);
  return numbers;
}

/**
 * A tensor of `element` from plain numbers: integers wrap as in C, floats round to nearest even, bool is "not zero".
 * `saturate` applies to the 8-bit floats.
 */
export function fromNumbers(element: ElementType, dims: readonly number[], numbers: ArrayLike<number>, saturate = false): Tensor {
  const count = numbers.length;
  const data = allocate(element, count);
  if (Array.isArray(data)) throw new GraphwrightError("not-numeric", "a tensor of strings cannot be made from numbers.");
  if (isBigArray(data)) for (let i = 0; i < count; i++) data[i] = toBigInt(numbers[i] as number);
  else if (isSmallFloat(element)) for (let i = 0; i < count; i++) data[i] = encodeSmallFloat(element, numbers[i] as number, saturate);
  else if (element === "bool") for (let i = 0; i < count; i++) data[i] = numbers[i] ? 1 : 0;
  else if (element === "int4") for (let i = 0; i < count; i++) data[i] = ((numbers[i] as number) << 28) >> 28;
  else if (element === "uint4") for (let i = 0; i < count; i++) data[i] = (numbers[i] as number) & 15;
  else if (element === "int2") for (let i = 0; i < count; i++) data[i] = ((numbers[i] as number) << 30) >> 30;
  else if (element === "uint2") for (let i = 0; i < count; i++) data[i] = (numbers[i] as number) & 3;
  else data.set(numbers);
  return { element, dims: Object.freeze([...dims]), data };
}

/** Truncates towards zero; not-a-number and infinities become the value C gives on x86 (the lowest int64). */
export function toBigInt(x: number): bigint {
  return Number.isFinite(x) ? BigInt(Math.trunc(x)) : -(1n << 63n);
}

export const scalar = (element: ElementType, value: number): Tensor => fromNumbers(element, [], [value]);

/** A one-dimensional int64 tensor: shapes, axes, pads. */
export const int64Vector = (values: readonly (number | bigint)[]): Tensor =>
  makeTensor("int64", [values.length], BigInt64Array.from(values, (v) => BigInt(v)));

/** One element; a 64-bit integer as it is. */
export function elementAt(tensor: Tensor, index: number): number | bigint {
  const { data } = tensor;
  return isBigArray(data) ? data[index]! : toNumbers(tensor)[index]!;
}

/** The integers of an int64 (or other numeric) tensor. */
export const toIntegers = (tensor: Tensor): number[] => Array.from(toNumbers(tensor));

/** Little-endian bytes as ONNX raw_data has them (4- and 2-bit types packed, low bits first). */
export function tensorBytes(tensor: Tensor): Uint8Array {
  const { element, data } = tensor;
  if (Array.isArray(data)) throw new GraphwrightError("no-raw-bytes", "strings have no raw bytes.");
  const perByte = element === "int4" || element === "uint4" || element === "float4e2m1" ? 2 : element === "int2" || element === "uint2" ? 4 : 1;
  if (perByte === 1) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const bits = 8 / perByte;
  const mask = (1 << bits) - 1;
  const packed = new Uint8Array(byteSize(element, data.length));
  for (let i = 0; i < data.length; i++)
    packed[Math.floor(i / perByte)]! |= (Number(data[i]) & mask) << (bits * (i % perByte));
  return packed;
}

/** The inverse of `tensorBytes`. Throws "tensor-size" when the byte count does not fit the dimensions. */
export function tensorFromBytes(element: ElementType, dims: readonly number[], bytes: Uint8Array): Tensor {
  const count = elementCount(dims);
  if (bytes.length !== byteSize(element, count))
    throw new GraphwrightError("tensor-size", `${element}[${dims.join(", ")}] takes ${byteSize(element, count)} bytes, but ${bytes.length} are there.`);
  const data = allocate(element, count);
  if (Array.isArray(data)) throw new GraphwrightError("no-raw-bytes", "strings have no raw bytes.");
  const perByte = element === "int4" || element === "uint4" || element === "float4e2m1" ? 2 : element === "int2" || element === "uint2" ? 4 : 1;
  if (perByte === 1) {
    if (bytes.byteOffset % data.BYTES_PER_ELEMENT === 0) {
      const Kind = data.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => NumericArray | BigArray;
      return { element, dims: Object.freeze([...dims]), data: new Kind(bytes.buffer, bytes.byteOffset, data.length) };
    }
    new Uint8Array(data.buffer).set(bytes);
    return { element, dims: Object.freeze([...dims]), data };
  }
  const bits = 8 / perByte;
  const signShift = element === "int4" || element === "int2" ? 32 - bits : 0;
  for (let i = 0; i < count; i++) {
    const raw = ((bytes[Math.floor(i / perByte)] as number) >>> (bits * (i % perByte))) & ((1 << bits) - 1);
    data[i] = signShift ? (raw << signShift) >> signShift : raw;
  }
  return { element, dims: Object.freeze([...dims]), data };
}

/** Equal type, dimensions and bits (so NaN equals NaN, and 0 differs from -0). */
export function tensorsIdentical(a: Tensor, b: Tensor): boolean {
  if (a.element !== b.element || a.dims.length !== b.dims.length || a.dims.some((d, i) => d !== b.dims[i])) return false;
  if (Array.isArray(a.data) || Array.isArray(b.data)) {
    const other = b.data;
    return (a.data as string[]).every((s, i) => s === other[i]);
  }
  const x = new Uint8Array(a.data.buffer, a.data.byteOffset, a.data.byteLength);
  const y = new Uint8Array(b.data.buffer, b.data.byteOffset, b.data.byteLength);
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false;
  return true;
}
