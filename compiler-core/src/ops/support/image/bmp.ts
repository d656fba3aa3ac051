import { blankRaster, ByteReader, DamagedImage, packedSample, type Raster, UnsupportedImage } from "./raster.ts";

export const isBmp = (bytes: Uint8Array): boolean => bytes[0] === 0x42 && bytes[1] === 0x4d;

/** Position and width of a colour in a pixel, from its mask. */
function field(mask: number): { shift: number; most: number } {
  if (mask === 0) return { shift: 0, most: 0 };
  const shift = 31 - Math.clz32(mask & -mask);
  return { shift, most: mask >>> shift };
}

/** Windows bitmap: 1, 4 and 8 bits with a palette, 16, 24 and 32 bits with or without masks; not run-length coded. */
export function decodeBmp(bytes: Uint8Array): Raster {
  const reader = new ByteReader(bytes, false);
  const start = reader.u32(10);
  const header = reader.u32(14);
  const core = header === 12;
  const width = core ? reader.u16(18) : reader.i32(18);
  const signedHeight = core ? reader.u16(20) : reader.i32(22);
  const bits = core ? reader.u16(24) : reader.u16(28);
  const compression = core ? 0 : reader.u32(30);
  if (compression !== 0 && compression !== 3) throw new UnsupportedImage("a compressed bitmap");
  if (![1, 4, 8, 16, 24, 32].includes(bits)) throw new DamagedImage(`it has ${bits} bits a pixel`);
  const height = Math.abs(signedHeight);
  const raster = blankRaster(width, height, 3);
  const stride = Math.ceil((width * bits) / 32) * 4;
  const paletteAt = 14 + header;
  const entry = core ? 3 : 4;
  const masks = compression === 3 ? [54, 58, 62].map((at) => reader.i32(at)) : bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff];
  const fields = masks.map(field);
  for (let y = 0; y < height; y++) {
    const row = start + (signedHeight < 0 ? y : height - 1 - y) * stride;
    if (row + Math.ceil((width * bits) / 8) > bytes.length) throw new DamagedImage("it ends early");
    for (let x = 0; x < width; x++) {
      const to = (y * width + x) * 3;
      if (bits <= 8) {
        const from = paletteAt + packedSample(bytes, row, x, bits) * entry;
        for (let c = 0; c < 3; c++) raster.samples[to + c] = reader.u8(from + 2 - c);
      } else if (bits === 24) for (let c = 0; c < 3; c++) raster.samples[to + c] = bytes[row + 3 * x + 2 - c]!;
      else {
        const pixel = bits === 16 ? reader.u16(row + 2 * x) : reader.u32(row + 4 * x);
        for (const [c, { shift, most }] of fields.entries()) raster.samples[to + c] = most === 0 ? 0 : Math.round((((pixel >>> shift) & most) * 255) / most);
      }
    }
  }
  return raster;
}
