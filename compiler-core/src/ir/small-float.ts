/**
 * Conversions of the float formats that JavaScript has no array for. Values round to nearest, ties to even.
 * Sources: IEEE 754-2019 (binary16); bfloat16 as the upper half of binary32; "FP8 formats for deep learning"
 * (Micikevicius et al. 2022) and the ONNX "Float stored in 8 bits" page for e4m3fn, e4m3fnuz, e5m2, e5m2fnuz;
 * OCP Microscaling Formats 1.0 for e8m0 and e2m1.
 */
const floatView = new Float32Array(1);
const bitsView = new Uint32Array(floatView.buffer);

interface Format {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /** "ieee": all-ones exponent is inf/nan; "fn": no inf, all-ones is nan; "fnuz": no inf, no -0, nan is 0x80; "finite": neither */
  readonly special: "ieee" | "fn" | "fnuz" | "finite";
}

const formats = {
  float16: { exponentBits: 5, mantissaBits: 10, bias: 15, special: "ieee" },
  float8e4m3fn: { exponentBits: 4, mantissaBits: 3, bias: 7, special: "fn" },
  float8e4m3fnuz: { exponentBits: 4, mantissaBits: 3, bias: 8, special: "fnuz" },
  float8e5m2: { exponentBits: 5, mantissaBits: 2, bias: 15, special: "ieee" },
  float8e5m2fnuz: { exponentBits: 5, mantissaBits: 2, bias: 16, special: "fnuz" },
  float4e2m1: { exponentBits: 2, mantissaBits: 1, bias: 1, special: "finite" },
} as const satisfies Record<string, Format>;

export type SmallFloat = keyof typeof formats | "bfloat16" | "float8e8m0";

function decodeBits(format: Format, bits: number): number {
  const { exponentBits, mantissaBits, bias, special } = format;
  const signShift = exponentBits + mantissaBits;
  const sign = (bits >>> signShift) & 1 ? -1 : 1;
  const exponentMask = (1 << exponentBits) - 1;
  const mantissaMask = (1 << mantissaBits) - 1;
  const exponent = (bits >>> mantissaBits) & exponentMask;
  const mantissa = bits & mantissaMask;
  if (special === "ieee" && exponent === exponentMask) return mantissa === 0 ? sign * Infinity : NaN;
  if (special === "fn" && exponent === exponentMask && mantissa === mantissaMask) return NaN;
  if (special === "fnuz" && bits === 1 << signShift) return NaN;
  if (exponent === 0) return sign * mantissa * 2 ** (1 - bias - mantissaBits);
  return sign * (1 + mantissa / (mantissaMask + 1)) * 2 ** (exponent - bias);
}

/** Largest finite value's bit pattern (without sign). */
function maxFiniteBits(format: Format): number {
  const all = (1 << (format.exponentBits + format.mantissaBits)) - 1;
  switch (format.special) {
    case "ieee":
      return all - (1 << format.mantissaBits);
    case "fn":
      return all - 1;
    case "fnuz":
    case "finite":
      return all;
  }
}

const roundHalfEven = (x: number): number => {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
};

function encodeBits(format: Format, value: number, saturate: boolean): number {
  const { exponentBits, mantissaBits, bias, special } = format;
  const signBit = 1 << (exponentBits + mantissaBits);
  const negative = value < 0 || Object.is(value, -0);
  const sign = negative ? signBit : 0;
  const overflow = (): number => {
    if (saturate || special === "finite") return sign | maxFiniteBits(format);
    if (special === "ieee") return sign | (((1 << exponentBits) - 1) << mantissaBits);
    return special === "fn" ? sign | (signBit - 1) : signBit;
  };
  if (Number.isNaN(value)) {
    if (special === "ieee") return (((1 << exponentBits) - 1) << mantissaBits) | (1 << (mantissaBits - 1));
    if (special === "fn") return signBit - 1;
    // "fnuz" has its not-a-number there; a format without one takes -0, as ONNX has it.
    return signBit;
  }
  const magnitude = Math.abs(value);
  if (magnitude === Infinity) return overflow();
  if (magnitude === 0) return special === "fnuz" ? 0 : sign;
  let exponent = Math.floor(Math.log2(magnitude));
  if (2 ** exponent > magnitude) exponent--;
  else if (2 ** (exponent + 1) <= magnitude) exponent++;
  const lowest = 1 - bias;
  const scaleExponent = Math.max(exponent, lowest) - mantissaBits;
  const units = roundHalfEven(magnitude / 2 ** scaleExponent);
  // `units` counts steps of 2^scaleExponent; adding the biased exponent lets a carry move into it by itself.
  const bits = exponent < lowest ? units : ((exponent + bias) << mantissaBits) + (units - (1 << mantissaBits));
  if (bits > maxFiniteBits(format)) return overflow();
  return special === "fnuz" && bits === 0 ? 0 : sign | bits;
}

const tables = new Map<SmallFloat, Float64Array>();

function table(type: keyof typeof formats): Float64Array {
  let entries = tables.get(type);
  if (!entries) {
    const format = formats[type];
    entries = new Float64Array(1 << (1 + format.exponentBits + format.mantissaBits));
    for (let i = 0; i < entries.length; i++) entries[i] = decodeBits(format, i);
    tables.set(type, entries);
  }
  return entries;
}

/** The number that a bit pattern stands for. */
export function decodeSmallFloat(type: SmallFloat, bits: number): number {
  if (type === "bfloat16") {
    bitsView[0] = bits << 16;
    return floatView[0] as number;
  }
  if (type === "float8e8m0") return bits === 0xff ? NaN : 2 ** (bits - 127);
  return table(type)[bits] as number;
}

/**
 * The bit pattern nearest to `value`. With `saturate`, values out of range become the largest finite number;
 * without, infinity or NaN as the format has it.
 */
export function encodeSmallFloat(type: SmallFloat, value: number, saturate = false): number {
  if (type === "bfloat16") {
    floatView[0] = value;
    const bits = bitsView[0] as number;
    if (Number.isNaN(value)) return ((bits >>> 16) & 0xffff) | 0x40;
    return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
  }
  if (type === "float8e8m0") {
    if (Number.isNaN(value) || value < 0) return 0xff;
    if (value === 0) return 0;
    return Math.min(254, Math.max(0, roundHalfEven(Math.log2(value)) + 127));
  }
  return encodeBits(formats[type], value, saturate);
}
