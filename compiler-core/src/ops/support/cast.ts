import { elementKind, elementTypes, type ElementType } from "../../ir/element-type.ts";
import { allocate, fromNumbers, isBigArray, isSmallFloat, type Tensor, toNumbers } from "../../ir/tensor.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";

export interface CastOptions {
  /** 8-bit floats: out of range becomes the largest finite value */
  readonly saturate: boolean;
  /** float8e8m0: "up", "down" or "nearest" */
  readonly round: string;
}

const plainCast: CastOptions = { saturate: true, round: "up" };

/** Converts elements by the rules of the Cast operator. */
export function castTensor(x: Tensor, to: ElementType, options: CastOptions = plainCast): Tensor {
  if (x.element === to) return x;
  if (Array.isArray(x.data)) return fromStrings(x.data, x.dims, to, options);
  if (elementKind(x.element) === "complex" || elementKind(to) === "complex") throw new GraphwrightError("element-type", `a cast from ${x.element} to ${to} is not defined.`);
  if (to === "string") return { element: "string", dims: x.dims, data: toStrings(x) };
  if (isBigArray(x.data) && (elementKind(to) === "int" || elementKind(to) === "uint")) return castBig(x, to);
  const numbers = toNumbers(x);
  if (to === "float8e8m0") return { element: to, dims: x.dims, data: Uint8Array.from(numbers, (v) => encodeScale(v, options)) };
  return fromNumbers(to, x.dims, numbers, options.saturate);
}

function castBig(x: Tensor, to: ElementType): Tensor {
  const source = x.data as BigInt64Array;
  const data = allocate(to, source.length);
  if (isBigArray(data)) for (let i = 0; i < source.length; i++) data[i] = source[i]!;
  else {
    const { bits, kind } = elementTypes[to];
    for (let i = 0; i < source.length; i++) data[i] = Number(kind === "int" ? BigInt.asIntN(bits, source[i]!) : BigInt.asUintN(bits, source[i]!));
  }
  return { element: to, dims: x.dims, data };
}

/** A power of two as its biased exponent (OCP Microscaling Formats 1.0, E8M0). */
function encodeScale(x: number, { saturate, round }: CastOptions): number {
  if (Number.isNaN(x)) return 255;
  const size = Math.abs(x);
  if (size === 0) return saturate ? 0 : 255;
  if (size === Infinity) return saturate ? 254 : 255;
  let exponent = Math.floor(Math.log2(size));
  if (2 ** exponent > size) exponent--;
  else if (2 ** (exponent + 1) <= size) exponent++;
  const mantissa = size / 2 ** exponent;
  if (round === "up" ? mantissa > 1 : round === "nearest" && mantissa >= 1.5) exponent++;
  const bits = exponent + 127;
  if (bits >= 0 && bits <= 254) return bits;
  return saturate ? Math.min(254, Math.max(0, bits)) : 255;
}

function fromStrings(texts: readonly string[], dims: readonly number[], to: ElementType, options: CastOptions): Tensor {
  const data = allocate(to, texts.length);
  if (isBigArray(data)) {
    for (const [i, text] of texts.entries()) data[i] = /^\s*[-+]?\d+\s*$/.test(text) ? BigInt(text.trim().replace(/^\+/, "")) : BigInt(Math.trunc(parse(text)));
    return { element: to, dims, data };
  }
  const numbers = texts.map(parse);
  return castTensor({ element: "float64", dims, data: Float64Array.from(numbers) }, to, options);
}

function parse(text: string): number {
  const plain = text.trim();
  if (/^[-+]?inf(inity)?$/i.test(plain)) return plain.startsWith("-") ? -Infinity : Infinity;
  if (/^[-+]?nan$/i.test(plain)) return NaN;
  const value = Number(plain);
  if (plain === "" || Number.isNaN(value)) throw new GraphwrightError("cast-text", `${JSON.stringify(text)} is not a number.`);
  return value;
}

function toStrings(x: Tensor): string[] {
  if (isBigArray(x.data)) return Array.from(x.data as BigInt64Array, String);
  const numbers = toNumbers(x);
  if (x.element === "bool") return Array.from(numbers, (v) => (v ? "True" : "False"));
  if (elementKind(x.element) !== "float") return Array.from(numbers, String);
  const single = x.element !== "float64";
  return Array.from(numbers, (v) => floatText(v, single && !isSmallFloat(x.element)));
}

/** The shortest decimal that reads back as the same number, written as NumPy does. */
function floatText(x: number, single: boolean): string {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x < 0 ? "-inf" : "inf";
  let digits = String(x);
  if (single) for (let precision = 1; precision <= 9; precision++) {
    const short = Number(x.toPrecision(precision));
    if (Math.fround(short) === x) {
      digits = String(short);
      break;
    }
  }
  const value = Number(digits);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    const [mantissa, exponent] = value.toExponential().split("e") as [string, string];
    return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
  }
  return Number.isInteger(value) ? `${Object.is(value, -0) ? "-0" : digits}.0` : digits;
}
