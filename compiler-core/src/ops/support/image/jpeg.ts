import { blankRaster, ByteReader, DamagedImage, type Raster, UnsupportedImage } from "./raster.ts";

/**
 * JPEG (ITU-T T.81) with Huffman coding, sequential or progressive, 8 bits, grey, YCbCr or RGB. Rounding is that of
 * the Independent JPEG Group's slow integer transform and its smooth ("fancy") chroma upsampling, which the operator's
 * specification asks for, so that samples are equal bit for bit.
 */
export const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

interface Component {
  readonly id: number;
  /** sampling factors */
  readonly h: number;
  readonly v: number;
  readonly quantization: number;
  /** blocks that hold samples, and blocks set aside (whole units of the interleaved scan) */
  readonly columns: number;
  readonly rows: number;
  readonly storedColumns: number;
  readonly coefficients: Int16Array;
  prediction: number;
  dc: HuffmanTable | undefined;
  ac: HuffmanTable | undefined;
}

interface HuffmanTable {
  /** by code length: largest code, and where its values begin less the first code */
  readonly largest: Int32Array;
  readonly offset: Int32Array;
  readonly values: Uint8Array;
}

const zigzag = ((): Uint8Array => {
  const order = new Uint8Array(64);
  let x = 0;
  let y = 0;
  for (let i = 0; i < 64; i++) {
    order[i] = y * 8 + x;
    const up = (x + y) % 2 === 0;
    if (up) {
      if (x === 7) y++;
      else if (y === 0) x++;
      else {
        x++;
        y--;
      }
    } else if (y === 7) x++;
    else if (x === 0) y++;
    else {
      x--;
      y++;
    }
  }
  return order;
})();

function huffmanTable(counts: Uint8Array, values: Uint8Array): HuffmanTable {
  const largest = new Int32Array(17).fill(-1);
  const offset = new Int32Array(17);
  let code = 0;
  let at = 0;
  for (let length = 1; length <= 16; length++) {
    offset[length] = at - code;
    code += counts[length - 1]!;
    at += counts[length - 1]!;
    if (counts[length - 1]! > 0) largest[length] = code - 1;
    code *= 2;
  }
  return { largest, offset, values };
}

/** Bits of a scan; stuffed zero bytes are left out, and zeros follow behind a marker. */
class BitReader {
  private readonly bytes: Uint8Array;
  at: number;
  private buffer = 0;
  private held = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  bit(): number {
    if (this.held === 0) {
      const byte = this.bytes[this.at];
      if (byte === undefined || (byte === 0xff && this.bytes[this.at + 1] !== 0)) this.buffer = 0;
      else {
        this.buffer = byte;
        this.at += byte === 0xff ? 2 : 1;
      }
      this.held = 8;
    }
    this.held--;
    return (this.buffer >> this.held) & 1;
  }

  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value = value * 2 + this.bit();
    return value;
  }

  /** A number of `count` bits whose first bit is its sign. */
  signed(count: number): number {
    if (count === 0) return 0;
    const value = this.bits(count);
    return value < 2 ** (count - 1) ? value - 2 ** count + 1 : value;
  }

  symbol(table: HuffmanTable | undefined): number {
    if (!table) throw new DamagedImage("a Huffman table is missing");
    let code = 0;
    for (let length = 1; length <= 16; length++) {
      code = code * 2 + this.bit();
      if (code <= table.largest[length]!) return table.values[code + table.offset[length]!] ?? 0;
    }
    throw new DamagedImage("a Huffman code is invalid");
  }

  /** Goes to the next marker and gives it, or leaves the place when there is none. */
  restart(): void {
    this.held = 0;
    const { bytes } = this;
    let at = this.at;
    while (at + 1 < bytes.length && !(bytes[at] === 0xff && bytes[at + 1]! >= 0xd0 && bytes[at + 1]! <= 0xd7)) at++;
    if (at + 1 < bytes.length) this.at = at + 2;
  }
}

/** What one scan codes: coefficients `from` to `to`, down to bit `low`; `high` is the bit before, 0 in a first scan. */
interface Band {
  readonly from: number;
  readonly to: number;
  readonly high: number;
  readonly low: number;
}

/** Reads the coefficients of one block; `run` counts blocks of a progressive scan that have none. */
function readBlock(reader: BitReader, component: Component, at: number, progressive: boolean, band: Band, run: { left: number }): void {
  const { coefficients } = component;
  const { from, to, high, low } = band;
  if (!progressive) {
    component.prediction += reader.signed(reader.symbol(component.dc));
    coefficients[at] = component.prediction;
    for (let k = 1; k < 64; k++) {
      const symbol = reader.symbol(component.ac);
      const size = symbol & 15;
      if (size === 0) {
        if (symbol !== 0xf0) return;
        k += 15;
        continue;
      }
      k += symbol >> 4;
      coefficients[at + zigzag[k & 63]!] = reader.signed(size);
    }
    return;
  }
  if (from === 0) {
    if (high === 0) {
      component.prediction += reader.signed(reader.symbol(component.dc));
      coefficients[at] = component.prediction << low;
    } else if (reader.bit()) coefficients[at]! |= 1 << low;
    return;
  }
  if (high === 0) {
    if (run.left > 0) {
      run.left--;
      return;
    }
    for (let k = from; k <= to; k++) {
      const symbol = reader.symbol(component.ac);
      const size = symbol & 15;
      const skip = symbol >> 4;
      if (size === 0) {
        if (skip < 15) {
          run.left = (1 << skip) - 1 + reader.bits(skip);
          return;
        }
        k += 15;
        continue;
      }
      k += skip;
      coefficients[at + zigzag[k & 63]!] = reader.signed(size) * (1 << low);
    }
    return;
  }
  refineBlock(reader, component, at, band, run);
}

/** One more bit of coefficients that are known, and the first bit of new ones. */
function refineBlock(reader: BitReader, component: Component, at: number, { from, to, low }: Band, run: { left: number }): void {
  const { coefficients } = component;
  const step = 1 << low;
  let k = from;
  const refine = (place: number): void => {
    if (reader.bit() && (coefficients[place]! & step) === 0) coefficients[place]! += coefficients[place]! > 0 ? step : -step;
  };
  if (run.left === 0)
    for (; k <= to; k++) {
      const symbol = reader.symbol(component.ac);
      let skip = symbol >> 4;
      let value = 0;
      if ((symbol & 15) !== 0) value = reader.bit() ? step : -step;
      else if (skip < 15) {
        run.left = (1 << skip) + reader.bits(skip);
        break;
      }
      for (; k <= to; k++) {
        const place = at + zigzag[k]!;
        if (coefficients[place] !== 0) refine(place);
        else if (skip-- === 0) {
          if (value !== 0) coefficients[place] = value;
          break;
        }
      }
    }
  if (run.left > 0) {
    for (; k <= to; k++) if (coefficients[at + zigzag[k]!] !== 0) refine(at + zigzag[k]!);
    run.left--;
  }
}

/** cos and sin products of the transform, times 2^13 (Loeffler, Ligtenberg and Moschytz 1989). */
const fixed = (x: number): number => Math.round(x * 8192);
const c = {
  a: fixed(0.541196100), b: fixed(1.847759065), d: fixed(0.765366865), e: fixed(1.175875602),
  f: fixed(0.298631336), g: fixed(2.053119869), h: fixed(3.072711026), i: fixed(1.501321110),
  j: fixed(0.899976223), k: fixed(2.562915447), l: fixed(1.961570560), m: fixed(0.390180644),
} as const;

/** One inverse transform of eight numbers, in place, at stride `step`; results are divided by 2^shift and rounded. */
function inverse8(x: Int32Array, at: number, step: number, shift: number): void {
  const v = (i: number): number => x[at + i * step]!;
  const z1 = (v(2) + v(6)) * c.a;
  const even2 = z1 - v(6) * c.b;
  const even3 = z1 + v(2) * c.d;
  const sum = (v(0) + v(4)) * 8192;
  const difference = (v(0) - v(4)) * 8192;
  const e0 = sum + even3;
  const e3 = sum - even3;
  const e1 = difference + even2;
  const e2 = difference - even2;
  const [o7, o5, o3, o1] = [v(7), v(5), v(3), v(1)];
  const z5 = (o7 + o3 + o5 + o1) * c.e;
  const za = -(o7 + o1) * c.j;
  const zb = -(o5 + o3) * c.k;
  const zc = z5 - (o7 + o3) * c.l;
  const zd = z5 - (o5 + o1) * c.m;
  const p0 = o7 * c.f + za + zc;
  const p1 = o5 * c.g + zb + zd;
  const p2 = o3 * c.h + zb + zc;
  const p3 = o1 * c.i + za + zd;
  const half = 2 ** (shift - 1);
  const scale = 2 ** -shift;
  const put = (i: number, value: number): void => {
    x[at + i * step] = Math.floor((value + half) * scale);
  };
  put(0, e0 + p3);
  put(7, e0 - p3);
  put(1, e1 + p2);
  put(6, e1 - p2);
  put(2, e2 + p1);
  put(5, e2 - p1);
  put(3, e3 + p0);
  put(4, e3 - p0);
}

interface Plane {
  readonly width: number;
  readonly height: number;
  readonly stride: number;
  readonly samples: Uint8Array;
}

function planeOf(component: Component, table: Uint16Array, width: number, height: number): Plane {
  const stride = component.storedColumns * 8;
  const samples = new Uint8Array(stride * component.rows * 8);
  const block = new Int32Array(64);
  for (let row = 0; row < component.rows; row++)
    for (let column = 0; column < component.columns; column++) {
      const at = (row * component.storedColumns + column) * 64;
      for (let i = 0; i < 64; i++) block[i] = component.coefficients[at + i]! * table[i]!;
      for (let i = 0; i < 8; i++) inverse8(block, i, 8, 11);
      for (let i = 0; i < 8; i++) inverse8(block, i * 8, 1, 18);
      for (let i = 0; i < 64; i++) samples[(row * 8 + (i >> 3)) * stride + column * 8 + (i & 7)] = Math.min(255, Math.max(0, block[i]! + 128));
    }
  return { width, height, stride, samples };
}

/** Brings a component to the image's size: linear interpolation for factors of 2, repetition for others. */
function upsampled(plane: Plane, across: number, down: number, width: number, height: number): Plane {
  if (across === 1 && down === 1) return plane;
  const samples = new Uint8Array(width * height);
  const smoothAcross = across === 2 && plane.width > 2;
  const smoothDown = down === 2 && (across === 1 || smoothAcross);
  const sums = new Int32Array(plane.width);
  for (let y = 0; y < height; y++) {
    const near = Math.floor(y / down);
    const lower = y % 2 === 1;
    const far = smoothDown ? Math.min(plane.height - 1, Math.max(0, near + (lower ? 1 : -1))) : near;
    for (let x = 0; x < plane.width; x++) {
      const sample = plane.samples[near * plane.stride + x]!;
      sums[x] = smoothDown ? 3 * sample + plane.samples[far * plane.stride + x]! : sample;
    }
    const to = y * width;
    if (smoothAcross && (down === 1 || smoothDown)) {
      // Sums carry a factor of 4 when rows are mixed too; the two halves of a sample round by different amounts.
      const shift = smoothDown ? 4 : 2;
      const [left, right] = smoothDown ? [8, 7] : [1, 2];
      for (let x = 0; x < width; x++) {
        const i = x >> 1;
        const edge = x % 2 === 0 ? i === 0 : i === plane.width - 1;
        const other = edge ? i : x % 2 === 0 ? i - 1 : i + 1;
        samples[to + x] = (3 * sums[i]! + sums[other]! + (x % 2 === 0 ? left! : right!)) >> shift;
      }
    } else if (smoothDown) for (let x = 0; x < width; x++) samples[to + x] = (sums[x]! + (lower ? 2 : 1)) >> 2;
    else for (let x = 0; x < width; x++) samples[to + x] = sums[Math.floor(x / across)]!;
  }
  return { width, height, stride: width, samples };
}

export function decodeJpeg(bytes: Uint8Array): Raster {
  const reader = new ByteReader(bytes, true);
  const quantization: Uint16Array[] = [];
  const tables = { dc: [] as HuffmanTable[], ac: [] as HuffmanTable[] };
  let components: Component[] = [];
  let width = 0;
  let height = 0;
  let progressive = false;
  let interval = 0;
  let transform: number | undefined;
  reader.at = 2;
  markers: for (;;) {
    let marker = reader.u8();
    while (marker !== 0xff) marker = reader.u8();
    while (marker === 0xff) marker = reader.u8();
    if (marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd8)) continue;
    if (marker === 0xd9) break;
    const end = reader.at + reader.u16(reader.at);
    reader.at += 2;
    switch (marker) {
      case 0xdb:
        while (reader.at < end) {
          const head = reader.u8();
          const table = new Uint16Array(64);
          for (let i = 0; i < 64; i++) table[zigzag[i]!] = head >> 4 ? reader.u16() : reader.u8();
          quantization[head & 15] = table;
        }
        break;
      case 0xc4:
        while (reader.at < end) {
          const head = reader.u8();
          const counts = bytes.slice(reader.at, reader.at + 16);
          const total = counts.reduce((a, b) => a + b, 0);
          reader.at += 16;
          (head >> 4 ? tables.ac : tables.dc)[head & 15] = huffmanTable(counts, bytes.slice(reader.at, reader.at + total));
          reader.at += total;
        }
        break;
      case 0xdd:
        interval = reader.u16();
        break;
      case 0xee:
        if (end - reader.at >= 12 && String.fromCharCode(...bytes.subarray(reader.at, reader.at + 5)) === "Adobe") transform = reader.u8(reader.at + 11);
        break;
      case 0xc0:
      case 0xc1:
      case 0xc2: {
        progressive = marker === 0xc2;
        if (reader.u8() !== 8) throw new UnsupportedImage("a JPEG of more than 8 bits");
        height = reader.u16();
        width = reader.u16();
        const count = reader.u8();
        if (count !== 1 && count !== 3) throw new UnsupportedImage(`a JPEG of ${count} components`);
        blankRaster(width, height, 1);
        const heads = Array.from({ length: count }, () => ({ id: reader.u8(), sampling: reader.u8(), quantization: reader.u8() }));
        const widest = Math.max(...heads.map((head) => head.sampling >> 4));
        const tallest = Math.max(...heads.map((head) => head.sampling & 15));
        components = heads.map(({ id, sampling, quantization: table }) => {
          const h = sampling >> 4;
          const v = sampling & 15;
          if (h < 1 || v < 1 || h > 4 || v > 4) throw new DamagedImage("a sampling factor is invalid");
          const storedColumns = Math.ceil(width / (8 * widest)) * h;
          const storedRows = Math.ceil(height / (8 * tallest)) * v;
          return {
            id, h, v, quantization: table,
            columns: Math.ceil((width * h) / (8 * widest)),
            rows: Math.ceil((height * v) / (8 * tallest)),
            storedColumns,
            coefficients: new Int16Array(storedColumns * storedRows * 64),
            prediction: 0, dc: undefined, ac: undefined,
          };
        });
        break;
      }
      case 0xda: {
        const scanned = Array.from({ length: reader.u8() }, () => {
          const id = reader.u8();
          const choice = reader.u8();
          const component = components.find((entry) => entry.id === id);
          if (!component) throw new DamagedImage("a scan names an unknown component");
          component.dc = tables.dc[choice >> 4];
          component.ac = tables.ac[choice & 15];
          return component;
        });
        const from = reader.u8();
        const to = reader.u8();
        const approximation = reader.u8();
        reader.at = readScan(bytes, end, scanned, components, width, height, progressive, { from, to: Math.min(63, to), high: approximation >> 4, low: approximation & 15 }, interval);
        continue markers;
      }
      default:
        if (marker >= 0xc3 && marker <= 0xcf) throw new UnsupportedImage("a lossless, hierarchical or arithmetic-coded JPEG");
    }
    reader.at = end;
    if (reader.at >= bytes.length) break;
  }
  if (components.length === 0) throw new DamagedImage("it has no frame");
  const widest = Math.max(...components.map((component) => component.h));
  const tallest = Math.max(...components.map((component) => component.v));
  const planes = components.map((component) => {
    const table = quantization[component.quantization];
    if (!table) throw new DamagedImage("a quantization table is missing");
    const plane = planeOf(component, table, Math.ceil((width * component.h) / widest), Math.ceil((height * component.v) / tallest));
    return upsampled(plane, widest / component.h, tallest / component.v, width, height);
  });
  const raster = blankRaster(width, height, components.length === 1 ? 1 : 3);
  const rgb = transform === 0 || (transform === undefined && String.fromCharCode(...components.map((component) => component.id)) === "RGB");
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const samples = planes.map((plane) => plane.samples[y * plane.stride + x]!);
      const out = planes.length === 3 && !rgb ? toRgb(samples[0]!, samples[1]! - 128, samples[2]! - 128) : samples;
      raster.samples.set(out, (y * width + x) * raster.channels);
    }
  return raster;
}

const clamp = (value: number): number => Math.min(255, Math.max(0, value));

/** YCbCr of ITU-R BT.601 at full range, in 16-bit fixed point. */
function toRgb(y: number, cb: number, cr: number): number[] {
  return [clamp(y + ((91881 * cr + 32768) >> 16)), clamp(y + ((-22554 * cb - 46802 * cr + 32768) >> 16)), clamp(y + ((116130 * cb + 32768) >> 16))];
}

/** Reads one scan and gives the place behind it. */
function readScan(bytes: Uint8Array, start: number, scanned: readonly Component[], all: readonly Component[], width: number, height: number, progressive: boolean, band: Band, interval: number): number {
  const reader = new BitReader(bytes, start);
  const run = { left: 0 };
  const widest = Math.max(...all.map((component) => component.h));
  const tallest = Math.max(...all.map((component) => component.v));
  const single = scanned.length === 1 ? scanned[0] : undefined;
  const across = single ? single.columns : Math.ceil(width / (8 * widest));
  const down = single ? single.rows : Math.ceil(height / (8 * tallest));
  for (const component of scanned) component.prediction = 0;
  for (let unit = 0; unit < across * down; unit++) {
    if (interval > 0 && unit > 0 && unit % interval === 0) {
      reader.restart();
      run.left = 0;
      for (const component of scanned) component.prediction = 0;
    }
    const row = Math.floor(unit / across);
    const column = unit % across;
    if (single) readBlock(reader, single, (row * single.storedColumns + column) * 64, progressive, band, run);
    else
      for (const component of scanned)
        for (let v = 0; v < component.v; v++)
          for (let h = 0; h < component.h; h++)
            readBlock(reader, component, ((row * component.v + v) * component.storedColumns + column * component.h + h) * 64, progressive, band, run);
  }
  return reader.at;
}
