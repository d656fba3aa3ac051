/** A decoded image: 8-bit samples, row by row, 1 (grey) or 3 (red, green, blue) to a pixel. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly samples: Uint8Array;
}

/** Larger images than this are taken for damage: no memory is set aside for them. */
const mostPixels = 1 << 28;

/** Thrown for bytes that are no valid image; the operator then gives an empty result, as its specification has it. */
export class DamagedImage extends Error {}
/** Thrown for valid images of a kind that has no decoder here. */
export class UnsupportedImage extends Error {}

export function blankRaster(width: number, height: number, channels: 1 | 3): Raster {
  if (!(width > 0 && height > 0 && width * height <= mostPixels)) throw new DamagedImage(`its size is ${width} by ${height}`);
  return { width, height, channels, samples: new Uint8Array(width * height * channels) };
}

/** Reads numbers from bytes; throws DamagedImage behind their end. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly bigEndian: boolean;
  at = 0;

  constructor(bytes: Uint8Array, bigEndian: boolean) {
    this.bytes = bytes;
    this.bigEndian = bigEndian;
  }

  u8(at = this.at++): number {
    const value = this.bytes[at];
    if (value === undefined) throw new DamagedImage("it ends early");
    return value;
  }

  u16(at?: number): number {
    const from = at ?? this.at;
    if (at === undefined) this.at += 2;
    const a = this.u8(from);
    const b = this.u8(from + 1);
    return this.bigEndian ? a * 256 + b : b * 256 + a;
  }

  u32(at?: number): number {
    const from = at ?? this.at;
    if (at === undefined) this.at += 4;
    const a = this.u16(from);
    const b = this.u16(from + 2);
    return this.bigEndian ? a * 65536 + b : b * 65536 + a;
  }

  i32(at?: number): number {
    return this.u32(at) | 0;
  }
}

/** Sample `index` of a row of packed samples of 1, 2, 4, 8 or 16 bits, first sample in the high bits. */
export function packedSample(bytes: Uint8Array, row: number, index: number, bits: number): number {
  if (bits === 8) return bytes[row + index] ?? 0;
  if (bits === 16) return bytes[row + 2 * index] ?? 0;
  const bit = index * bits;
  return ((bytes[row + (bit >> 3)] ?? 0) >> (8 - bits - (bit & 7))) & ((1 << bits) - 1);
}

/** Stretches a sample of few bits to 0..255; 16-bit samples come as their upper byte. */
export const stretched = (sample: number, bits: number): number => (bits >= 8 ? sample : Math.round((sample * 255) / ((1 << bits) - 1)));
