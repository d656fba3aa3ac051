import { elementTypes, type ElementType } from "../ir/element-type.ts";
import { allocate, makeTensor, type Tensor, tensorBytes, tensorFromBytes, type TensorData } from "../ir/tensor.ts";
import { elementCount } from "../ir/value-type.ts";
import { GraphwrightError } from "../support/diagnostic.ts";

/**
 * NumPy's .npy files, versions 1 to 3: magic, header length, a Python dictionary {descr, fortran_order, shape}, data.
 * Source: "NumPy Enhancement Proposal 1" and numpy.lib.format. Objects (pickles) are refused; the dictionary is read
 * by a small parser, never evaluated.
 */
const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const largestHeader = 64 * 1024;

/** NumPy's kind and size, little-endian, by our element type. */
const descriptors = {
  bool: "|b1",
  int8: "|i1",
  int16: "<i2",
  int32: "<i4",
  int64: "<i8",
  uint8: "|u1",
  uint16: "<u2",
  uint32: "<u4",
  uint64: "<u8",
  float16: "<f2",
  float32: "<f4",
  float64: "<f8",
  complex64: "<c8",
  complex128: "<c16",
} as const satisfies Partial<Record<ElementType, string>>;

const elements = new Map<string, ElementType>(Object.entries(descriptors).map(([element, code]) => [code.slice(1), element as ElementType]));

/** Throws GraphwrightError "npy" with the file name and the byte that is wrong. */
export function readNpy(bytes: Uint8Array, name = "array.npy"): Tensor {
  const fail = (message: string, offset: number): GraphwrightError => new GraphwrightError("npy", message, { file: name, offset }, "Save the array again with numpy.save.");
  if (bytes.length < 10 || magic.some((byte, i) => bytes[i] !== byte)) throw fail("this is no .npy file.", 0);
  const major = bytes[6] as number;
  if (major < 1 || major > 3) throw fail(`version ${major} of the format is not known.`, 6);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) throw fail("the file ends within its header.", bytes.length);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > largestHeader || start + length > bytes.length) throw fail(`the header says it is ${length} bytes long.`, 8);
  const header = readHeader(new TextDecoder().decode(bytes.subarray(start, start + length)));
  if (typeof header === "string") throw fail(header, start);

  const { descr, fortran, shape } = header;
  const order = descr[0];
  if (/^[<>|=][OV]/.test(descr)) throw fail("arrays of Python objects are not read.", start);
  const unicode = /^[<>|=]U(\d+)$/.exec(descr);
  const fixed = /^[<>|=]S(\d+)$/.exec(descr);
  const element = elements.get(descr.slice(1));
  if (!element && !unicode && !fixed) throw fail(`the type ${JSON.stringify(descr)} is not known here.`, start);
  const count = elementCount(shape);
  const itemBytes = unicode ? 4 * Number(unicode[1]) : fixed ? Number(fixed[1]) : elementTypes[element as ElementType].bits / 8;
  const data = bytes.subarray(start + length);
  if (itemBytes === 0 && count > largestHeader) throw fail(`${count} strings without characters are damage.`, start);
  if (!Number.isSafeInteger(count) || data.length < count * itemBytes) throw fail(`the shape [${shape.join(", ")}] takes ${count * itemBytes} bytes, but ${data.length} are there.`, start + length);
  const big = order === ">";
  const body = data.subarray(0, count * itemBytes);
  let tensor: Tensor;
  if (unicode || fixed) tensor = makeTensor("string", shape, readStrings(body, count, itemBytes, unicode !== null, big));
  else {
    const complex = (element as ElementType).startsWith("complex");
    // The data must not stay tied to the caller's buffer.
    const own = big ? swapped(body, complex ? itemBytes / 2 : itemBytes) : body.slice();
    tensor = tensorFromBytes(element as ElementType, shape, own);
  }
  return fortran && shape.length > 1 ? fromFortran(tensor) : tensor;
}

/** Version 1.0, C order. bfloat16 and the 8-bit and smaller types have no NumPy type: convert them first. */
export function writeNpy(tensor: Tensor): Uint8Array<ArrayBuffer> {
  const shape = `(${tensor.dims.join(", ")}${tensor.dims.length === 1 ? "," : ""})`;
  const { descr, data } = encode(tensor);
  let header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  header += `${" ".repeat((64 - ((10 + header.length + 1) % 64)) % 64)}\n`;
  const bytes = new Uint8Array(10 + header.length + data.length);
  bytes.set(magic);
  bytes[6] = 1;
  bytes[8] = header.length & 0xff;
  bytes[9] = header.length >>> 8;
  bytes.set(new TextEncoder().encode(header), 10);
  bytes.set(data, 10 + header.length);
  return bytes;
}

function encode(tensor: Tensor): { descr: string; data: Uint8Array } {
  if (tensor.element === "string") {
    const texts = (tensor.data as string[]).map((text) => Array.from(text, (c) => c.codePointAt(0) as number));
    const width = Math.max(1, ...texts.map((text) => text.length));
    const points = new Uint32Array(texts.length * width);
    for (const [index, text] of texts.entries()) points.set(text, index * width);
    return { descr: `<U${width}`, data: new Uint8Array(points.buffer) };
  }
  const descr = (descriptors as Partial<Record<ElementType, string>>)[tensor.element];
  if (descr === undefined) throw new GraphwrightError("npy", `NumPy has no type for ${tensor.element}.`, undefined, "Write a .pb file, or convert the tensor to float32.");
  return { descr, data: tensorBytes(tensor) };
}

interface Header {
  readonly descr: string;
  readonly fortran: boolean;
  readonly shape: number[];
}

/** The three entries in any order, or what is wrong. */
function readHeader(text: string): Header | string {
  const descr = /['"]descr['"]\s*:\s*['"]([^'"]*)['"]/.exec(text)?.[1];
  const fortran = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /['"]shape['"]\s*:\s*\(([^()]*)\)/.exec(text)?.[1];
  if (descr === undefined) return /['"]descr['"]\s*:\s*\[/.test(text) ? "arrays of records are not read." : "the header has no descr.";
  if (fortran === undefined || shape === undefined) return "the header has no fortran_order or no shape.";
  const dims = shape.split(",").map((part) => part.trim()).filter((part) => part !== "");
  if (dims.some((part) => !/^\d+L?$/.test(part) || !Number.isSafeInteger(Number.parseInt(part, 10)))) return `(${shape}) is no shape.`;
  return { descr, fortran: fortran === "True", shape: dims.map((part) => Number.parseInt(part, 10)) };
}

function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const copy = bytes.slice();
  for (let at = 0; at + size <= copy.length; at += size) copy.subarray(at, at + size).reverse();
  return copy;
}

function readStrings(bytes: Uint8Array, count: number, itemBytes: number, unicode: boolean, big: boolean): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const texts: string[] = [];
  for (let i = 0; i < count; i++) {
    let text = "";
    for (let at = i * itemBytes; at < (i + 1) * itemBytes; at += unicode ? 4 : 1) {
      const point = unicode ? view.getUint32(at, !big) : view.getUint8(at);
      if (point > 0x10ffff) throw new GraphwrightError("npy", "a string holds a code point beyond Unicode.");
      text += String.fromCodePoint(point);
    }
    texts.push(text.replace(/\0+$/, ""));
  }
  return texts;
}

/** The first index runs fastest in Fortran order. */
function fromFortran(tensor: Tensor): Tensor {
  const { dims } = tensor;
  const count = elementCount(dims);
  const parts = tensor.element.startsWith("complex") ? 2 : 1;
  const from = tensor.data as unknown as ArrayLike<unknown>;
  const data: TensorData = allocate(tensor.element, count);
  const to = data as unknown as { [index: number]: unknown };
  const index = new Array<number>(dims.length).fill(0);
  const strides = dims.map((_, axis) => elementCount(dims.slice(0, axis)));
  for (let at = 0; at < count; at++) {
    let source = 0;
    for (let axis = 0; axis < dims.length; axis++) source += (index[axis] as number) * (strides[axis] as number);
    for (let part = 0; part < parts; part++) to[at * parts + part] = from[source * parts + part];
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (dims[axis] as number)) break;
      index[axis] = 0;
    }
  }
  return { element: tensor.element, dims, data };
}
