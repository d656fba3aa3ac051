import { unzlibSync } from "fflate";
import { blankRaster, ByteReader, DamagedImage, packedSample, type Raster, stretched } from "./raster.ts";

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
export const isPng = (bytes: Uint8Array): boolean => signature.every((byte, i) => bytes[i] === byte);

/** First column and row, and steps, of the seven passes of an interlaced image. */
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Undoes the filters of rows in place (PNG specification, section 9) and leaves each row behind its filter byte. */
function unfilter(data: Uint8Array, from: number, rows: number, stride: number, pixel: number): void {
  for (let y = 0; y < rows; y++) {
    const row = from + y * (stride + 1) + 1;
    const above = row - stride - 1;
    const kind = data[row - 1]!;
    for (let i = 0; i < stride; i++) {
      const a = i >= pixel ? data[row + i - pixel]! : 0;
      const b = y > 0 ? data[above + i]! : 0;
      const c = y > 0 && i >= pixel ? data[above + i - pixel]! : 0;
      let guess = 0;
      if (kind === 1) guess = a;
      else if (kind === 2) guess = b;
      else if (kind === 3) guess = (a + b) >> 1;
      else if (kind === 4) {
        const p = a + b - c;
        const [da, db, dc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
        guess = da <= db && da <= dc ? a : db <= dc ? b : c;
      } else if (kind !== 0) throw new DamagedImage(`it has a filter ${kind}`);
      data[row + i] = data[row + i]! + guess;
    }
  }
}

/** PNG of every colour type and depth, interlaced or not; transparency is left out. */
export function decodePng(bytes: Uint8Array): Raster {
  const reader = new ByteReader(bytes, true);
  const width = reader.u32(16);
  const height = reader.u32(20);
  const bits = reader.u8(24);
  const colour = reader.u8(25);
  const interlaced = reader.u8(28) === 1;
  const lanes = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[colour];
  if (lanes === undefined || ![1, 2, 4, 8, 16].includes(bits)) throw new DamagedImage(`it has colour type ${colour} with ${bits} bits`);
  const raster = blankRaster(width, height, colour === 0 || colour === 4 ? 1 : 3);
  const parts: Uint8Array[] = [];
  let palette: Uint8Array = new Uint8Array(0);
  for (reader.at = 8; reader.at + 8 <= bytes.length; ) {
    const length = reader.u32();
    const kind = String.fromCharCode(...bytes.subarray(reader.at, reader.at + 4));
    const content = bytes.subarray(reader.at + 4, reader.at + 4 + length);
    if (kind === "IDAT") parts.push(content);
    if (kind === "PLTE") palette = content;
    if (kind === "IEND") break;
    reader.at += 8 + length;
  }
  const packed = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (packed.set(part, at), at + part.length), 0);
  const data = unzlibSync(packed);
  let at = 0;
  for (const [x0, y0, dx, dy] of interlaced ? passes : [[0, 0, 1, 1] as const]) {
    const columns = Math.ceil((width - x0) / dx);
    const rows = Math.ceil((height - y0) / dy);
    if (columns <= 0 || rows <= 0) continue;
    const stride = Math.ceil((columns * lanes * bits) / 8);
    if (at + rows * (stride + 1) > data.length) throw new DamagedImage("its data end early");
    unfilter(data, at, rows, stride, Math.max(1, (lanes * bits) >> 3));
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++) {
        const row = at + y * (stride + 1) + 1;
        const to = ((y0 + y * dy) * width + x0 + x * dx) * raster.channels;
        if (colour === 3) {
          const entry = packedSample(data, row, x, bits) * 3;
          for (let c = 0; c < 3; c++) raster.samples[to + c] = palette[entry + c] ?? 0;
        } else for (let c = 0; c < raster.channels; c++) raster.samples[to + c] = stretched(packedSample(data, row, x * lanes + c, bits), bits);
      }
    at += rows * (stride + 1);
  }
  return raster;
}
