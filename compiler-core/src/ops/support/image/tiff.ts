import { unzlibSync } from "fflate";
import { blankRaster, ByteReader, DamagedImage, packedSample, type Raster, stretched, UnsupportedImage } from "./raster.ts";

export const isTiff = (bytes: Uint8Array): boolean =>
  (bytes[0] === 0x49 && bytes[1] === 0x49 && bytes[2] === 42 && bytes[3] === 0) || (bytes[0] === 0x4d && bytes[1] === 0x4d && bytes[2] === 0 && bytes[3] === 42);

const sizes: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4 };

/** LZW with codes of 9 to 12 bits, high bits first (TIFF 6.0, section 13). */
function unpackLzw(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  const prefix = new Uint16Array(4096);
  const suffix = new Uint8Array(4096);
  const lengths = new Uint16Array(4096).fill(1);
  for (let i = 0; i < 256; i++) suffix[i] = i;
  let at = 0;
  let bit = 0;
  let width = 9;
  let next = 258;
  let last = -1;
  /** writes the string of a code and gives its first byte */
  const write = (code: number): number => {
    let end = at + lengths[code]! - 1;
    at = end + 1;
    for (; lengths[code]! > 1; code = prefix[code]!) out[end--] = suffix[code]!;
    out[end] = suffix[code]!;
    return suffix[code]!;
  };
  const add = (from: number, byte: number): void => {
    if (next >= 4096) return;
    prefix[next] = from;
    suffix[next] = byte;
    lengths[next] = lengths[from]! + 1;
    next++;
  };
  const firstOf = (code: number): number => {
    while (lengths[code]! > 1) code = prefix[code]!;
    return suffix[code]!;
  };
  while (at < size && bit + width <= bytes.length * 8) {
    const byte = bit >> 3;
    const window = ((bytes[byte] ?? 0) << 16) | ((bytes[byte + 1] ?? 0) << 8) | (bytes[byte + 2] ?? 0);
    const code = (window >> (24 - width - (bit & 7))) & ((1 << width) - 1);
    bit += width;
    if (code === 257) break;
    if (code === 256) {
      width = 9;
      next = 258;
      last = -1;
      continue;
    }
    if (last >= 0) {
      if (code > next) throw new DamagedImage("its LZW codes are out of order");
      add(last, firstOf(code < next ? code : last));
    }
    write(code);
    last = code;
    if (next >= (1 << width) - 1 && width < 12) width++;
  }
  return out;
}

function unpackBits(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let to = 0;
  for (let at = 0; at < bytes.length && to < size; ) {
    const count = (bytes[at++]! << 24) >> 24;
    if (count >= 0) for (let i = 0; i <= count; i++) out[to++] = bytes[at++] ?? 0;
    else if (count !== -128) {
      out.fill(bytes[at++] ?? 0, to, to + 1 - count);
      to += 1 - count;
    }
  }
  return out;
}

/** Baseline TIFF (grey, palette and RGB; strips or tiles) with no compression, LZW, Deflate or PackBits; first image only. */
export function decodeTiff(bytes: Uint8Array): Raster {
  const reader = new ByteReader(bytes, bytes[0] === 0x4d);
  const tags = new Map<number, number[]>();
  const directory = reader.u32(4);
  for (let i = 0, count = reader.u16(directory); i < count; i++) {
    const at = directory + 2 + 12 * i;
    const kind = reader.u16(at + 2);
    const size = sizes[kind];
    if (!size) continue;
    const length = reader.u32(at + 4);
    const from = length * size <= 4 ? at + 8 : reader.u32(at + 8);
    if (from + length * size > bytes.length) throw new DamagedImage("a tag lies outside it");
    tags.set(reader.u16(at), Array.from({ length }, (_, j) => (size === 1 ? reader.u8(from + j) : size === 2 ? reader.u16(from + 2 * j) : reader.u32(from + 4 * j))));
  }
  const tag = (number: number, fallback: number): number => tags.get(number)?.[0] ?? fallback;
  const width = tag(256, 0);
  const height = tag(257, 0);
  const bits = tag(258, 1);
  const compression = tag(259, 1);
  const photometric = tag(262, 1);
  const lanes = tag(277, 1);
  const planar = tag(284, 1) === 2;
  const predictor = tag(317, 1);
  if (![1, 2, 4, 8, 16].includes(bits) || photometric > 3 || predictor > 2) throw new UnsupportedImage(`a TIFF of photometric kind ${photometric} with ${bits} bits a sample`);
  const raster = blankRaster(width, height, photometric >= 2 ? 3 : 1);
  const tiled = tags.has(322);
  const blockWidth = tiled ? tag(322, width) : width;
  const blockHeight = tiled ? tag(323, height) : Math.min(height, tag(278, height));
  if (!(blockWidth > 0 && blockHeight > 0)) throw new DamagedImage("its strips are empty");
  const across = Math.ceil(width / blockWidth);
  const down = Math.ceil(height / blockHeight);
  const offsets = tags.get(tiled ? 324 : 273) ?? [];
  const counts = tags.get(tiled ? 325 : 279) ?? [];
  const blockLanes = planar ? 1 : lanes;
  const stride = Math.ceil((blockWidth * blockLanes * bits) / 8);
  const palette = tags.get(320) ?? [];
  const place = (x: number, y: number, lane: number, sample: number): void => {
    const to = (y * width + x) * raster.channels;
    if (photometric === 3) {
      if (lane === 0) for (let c = 0; c < 3; c++) raster.samples[to + c] = (palette[c * (1 << bits) + sample] ?? 0) >> 8;
    } else if (lane < raster.channels) {
      const value = stretched(sample, bits);
      raster.samples[to + lane] = photometric === 0 ? 255 - value : value;
    }
  };
  for (let plane = 0; plane < (planar ? lanes : 1); plane++)
    for (let block = 0; block < across * down; block++) {
      const index = plane * across * down + block;
      const y0 = Math.floor(block / across) * blockHeight;
      const x0 = (block % across) * blockWidth;
      const rows = tiled ? blockHeight : Math.min(blockHeight, height - y0);
      const packed = bytes.subarray(offsets[index] ?? 0, (offsets[index] ?? 0) + (counts[index] ?? 0));
      const data = unpack(packed, compression, rows * stride);
      if (data.length < rows * stride) throw new DamagedImage("a strip ends early");
      if (predictor === 2) undoDifferences(data, rows, stride, blockLanes, bits, reader.bigEndian);
      // Samples of 16 bits are brought to high byte first.
      const swap = bits === 16 && !reader.bigEndian;
      for (let y = 0; y < rows && y0 + y < height; y++)
        for (let x = 0; x < blockWidth && x0 + x < width; x++)
          for (let lane = 0; lane < blockLanes; lane++)
            place(x0 + x, y0 + y, plane + lane, packedSample(data, y * stride + (swap ? 1 : 0), x * blockLanes + lane, bits));
    }
  return raster;
}

function unpack(bytes: Uint8Array, compression: number, size: number): Uint8Array {
  switch (compression) {
    case 1:
      return bytes.slice(0, size);
    case 5:
      return unpackLzw(bytes, size);
    case 8:
    case 32946:
      return unzlibSync(bytes);
    case 32773:
      return unpackBits(bytes, size);
    default:
      throw new UnsupportedImage(`a TIFF with compression ${compression}`);
  }
}

/** Horizontal differencing (TIFF 6.0, section 14) of samples of 8 and 16 bits. */
function undoDifferences(data: Uint8Array, rows: number, stride: number, lanes: number, bits: number, bigEndian: boolean): void {
  if (bits !== 8 && bits !== 16) throw new UnsupportedImage(`a TIFF with differences of ${bits} bits`);
  const low = bigEndian ? 1 : 0;
  for (let y = 0; y < rows; y++)
    for (let i = lanes; i < stride / (bits / 8); i++) {
      const at = y * stride + i * (bits / 8);
      if (bits === 8) data[at] = data[at]! + data[at - lanes]!;
      else {
        const before = at - 2 * lanes;
        const sum = data[at + low]! + data[before + low]! + 256 * (data[at + 1 - low]! + data[before + 1 - low]!);
        data[at + low] = sum & 255;
        data[at + 1 - low] = (sum >> 8) & 255;
      }
    }
}
