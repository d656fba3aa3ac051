import { blankRaster, ByteReader, DamagedImage, type Raster } from "./raster.ts";

export const isPnm = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1]! >= 0x31 && bytes[1]! <= 0x36;

/** Portable bit, grey and pixel maps, as text (P1 to P3) or binary (P4 to P6). */
export function decodePnm(bytes: Uint8Array): Raster {
  const reader = new ByteReader(bytes, true);
  const kind = bytes[1]! - 0x30;
  reader.at = 2;
  const isSpace = (c: number): boolean => c === 32 || (c >= 9 && c <= 13);
  const skip = (): number => {
    let c = reader.u8();
    while (isSpace(c) || c === 0x23) {
      if (c === 0x23) while (c !== 10) c = reader.u8();
      c = reader.u8();
    }
    return c;
  };
  const number = (): number => {
    let c = skip();
    let value = 0;
    if (c < 0x30 || c > 0x39) throw new DamagedImage("a number is missing");
    for (; c >= 0x30 && c <= 0x39; c = reader.at < bytes.length ? reader.u8() : 32) value = value * 10 + c - 0x30;
    return value;
  };
  const width = number();
  const height = number();
  const bitmap = kind === 1 || kind === 4;
  const most = bitmap ? 1 : number();
  if (most < 1 || most > 65535) throw new DamagedImage(`its largest sample is ${most}`);
  const raster = blankRaster(width, height, kind === 3 || kind === 6 ? 3 : 1);
  const { samples, channels } = raster;
  const scaled = (value: number): number => (most === 255 ? value : Math.round((Math.min(value, most) * 255) / most));
  if (kind === 4) {
    const stride = Math.ceil(width / 8);
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) samples[y * width + x] = (reader.u8(reader.at + y * stride + (x >> 3)) >> (7 - (x & 7))) & 1 ? 0 : 255;
    return raster;
  }
  for (let i = 0; i < width * height * channels; i++) {
    // Digits of a text bitmap need no space between them.
    if (kind === 1) samples[i] = skip() === 0x31 ? 0 : 255;
    else samples[i] = scaled(kind < 4 ? number() : most > 255 ? reader.u16() : reader.u8());
  }
  return raster;
}
