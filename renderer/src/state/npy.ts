/** The NumPy array format (numpy.lib.format, versions 1 to 3), numeric arrays in C order. */

export interface NpyArray {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

const readers: Readonly<Record<string, { readonly size: number; readonly read: (view: DataView, at: number, little: boolean) => number }>> = {
  f4: { size: 4, read: (view, at, little) => view.getFloat32(at, little) },
  f8: { size: 8, read: (view, at, little) => view.getFloat64(at, little) },
  i1: { size: 1, read: (view, at) => view.getInt8(at) },
  u1: { size: 1, read: (view, at) => view.getUint8(at) },
  b1: { size: 1, read: (view, at) => view.getUint8(at) },
  i2: { size: 2, read: (view, at, little) => view.getInt16(at, little) },
  u2: { size: 2, read: (view, at, little) => view.getUint16(at, little) },
  i4: { size: 4, read: (view, at, little) => view.getInt32(at, little) },
  u4: { size: 4, read: (view, at, little) => view.getUint32(at, little) },
  i8: { size: 8, read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  u8: { size: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
};

/** Reads an array as float32. Throws an Error that says what is wrong with the file. */
export function parseNpy(bytes: Uint8Array): NpyArray {
  const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
  if (bytes.length < 12 || magic.some((byte, index) => bytes[index] !== byte)) throw new Error("This is not a .npy file: it does not start with \\x93NUMPY.");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6]! >= 2;
  const start = wide ? 12 : 10;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const header = new TextDecoder().decode(bytes.subarray(start, start + length));
  const descr = /'descr':\s*'([<>|=])(\w+)'/.exec(header);
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header);
  const reader = descr ? readers[descr[2]!] : undefined;
  if (!descr || !shape || !reader) throw new Error(`The array's type or shape is not supported: ${header.trim()}`);
  if (/'fortran_order':\s*True/.test(header)) throw new Error("The array is in Fortran order: save it with numpy.ascontiguousarray.");
  const dims = shape[1]!.split(",").map((each) => each.trim()).filter(Boolean).map(Number);
  const count = dims.reduce((product, dim) => product * dim, 1);
  const offset = start + length;
  if (bytes.length < offset + count * reader.size) throw new Error(`The file ends early: ${count * reader.size} bytes of data are needed, ${bytes.length - offset} are there.`);
  const little = descr[1] !== ">";
  const data = Float32Array.from({ length: count }, (_, index) => reader.read(view, offset + index * reader.size, little));
  return { dims, data };
}
