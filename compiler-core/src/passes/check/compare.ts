import { elementKind, type ElementType, isFloat } from "../../ir/element-type.ts";
import { isSmallFloat, type Tensor, toNumbers } from "../../ir/tensor.ts";
import { isTensor, type Value } from "../../ops/definition.ts";

/** Digits of the significand after the point, and the exponent of the smallest normal number. */
const formats: Partial<Record<ElementType, { digits: number; least: number }>> = {
  float64: { digits: 52, least: -1022 },
  float32: { digits: 23, least: -126 },
  float16: { digits: 10, least: -14 },
  bfloat16: { digits: 7, least: -126 },
  complex64: { digits: 23, least: -126 },
  complex128: { digits: 52, least: -1022 },
  float8e4m3fn: { digits: 3, least: -6 },
  float8e4m3fnuz: { digits: 3, least: -7 },
  float8e5m2: { digits: 2, least: -14 },
  float8e5m2fnuz: { digits: 2, least: -15 },
  float4e2m1: { digits: 1, least: 0 },
};

/** 2^-digits of a floating-point type; 0 for others. */
export const epsilonOf = (element: ElementType): number => {
  const format = formats[element];
  return format ? 2 ** -format.digits : 0;
};

/** Distance from `x` to the next number of the type; 1 for integers. */
export function unitInLastPlace(element: ElementType, x: number): number {
  const format = formats[element];
  if (!format) return 1;
  const size = Math.abs(x);
  if (!Number.isFinite(size)) return Infinity;
  const exponent = size === 0 ? format.least : Math.max(format.least, Math.floor(Math.log2(size)));
  return 2 ** (exponent - format.digits);
}

export interface Difference {
  /** equal bits, not counting payloads of NaN */
  readonly identical: boolean;
  /** equal but for the sign of zeros */
  readonly zeroSigns: boolean;
  readonly maxAbs: number;
  readonly maxRel: number;
  readonly maxUlp: number;
  readonly worst?: { readonly index: readonly number[]; readonly a: number; readonly b: number };
  /** largest finite magnitude in a */
  readonly scale: number;
  /** what differs beyond numbers: type, shape, NaN or infinity on one side, a string */
  readonly mismatch?: string;
}

const same: Difference = { identical: true, zeroSigns: false, maxAbs: 0, maxRel: 0, maxUlp: 0, scale: 0 };

const unequal = (mismatch: string): Difference => ({ ...same, identical: false, maxAbs: Infinity, maxRel: Infinity, maxUlp: Infinity, mismatch });

function indexOf(flat: number, dims: readonly number[]): number[] {
  const index: number[] = [];
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    index.unshift(flat % dims[axis]!);
    flat = Math.floor(flat / dims[axis]!);
  }
  return index;
}

/** 64-bit integers, exactly: as numbers those beyond 2^53 would round. */
function compareIntegers(a: Tensor, other: BigInt64Array): Difference {
  const data = a.data as BigInt64Array;
  let largest = 0n;
  let at = -1;
  let scale = 0;
  for (let i = 0; i < data.length; i++) {
    const [p, q] = [data[i]!, other[i]!];
    scale = Math.max(scale, Math.abs(Number(p)));
    const gap = p > q ? p - q : q - p;
    if (gap > largest) {
      largest = gap;
      at = i;
    }
  }
  if (at < 0) return { ...same, scale };
  const [p, q, gap] = [Number(data[at]), Number(other[at]), Number(largest)];
  return { identical: false, zeroSigns: false, maxAbs: gap, maxRel: gap / Math.max(Math.abs(p), Math.abs(q)), maxUlp: gap, scale, worst: { index: indexOf(at, a.dims), a: p, b: q } };
}

/** Element by element. NaN equals NaN, and an infinity equals itself. */
export function compareTensors(a: Tensor, b: Tensor): Difference {
  if (a.element !== b.element || a.dims.length !== b.dims.length || a.dims.some((d, i) => d !== b.dims[i]))
    return unequal(`${a.element}[${a.dims.join(", ")}] became ${b.element}[${b.dims.join(", ")}]`);
  if (Array.isArray(a.data) || Array.isArray(b.data)) {
    const at = (a.data as string[]).findIndex((s, i) => s !== (b.data as string[])[i]);
    return at < 0 ? same : unequal(`string ${at} differs`);
  }
  if (a.data instanceof BigInt64Array || a.data instanceof BigUint64Array) {
    return compareIntegers(a, b.data as BigInt64Array);
  }
  const x = elementKind(a.element) === "complex" ? (a.data as Float64Array) : toNumbers(a);
  const y = elementKind(b.element) === "complex" ? (b.data as Float64Array) : toNumbers(b);
  let maxAbs = 0;
  let maxRel = 0;
  let maxUlp = 0;
  let scale = 0;
  let at = -1;
  let zeroSigns = false;
  let mismatch: string | undefined;
  for (let i = 0; i < x.length; i++) {
    const p = x[i]!;
    const q = y[i]!;
    const size = Math.abs(p);
    if (size > scale && size < Infinity) scale = size;
    if (p === q) {
      if (p === 0 && !Object.is(p, q)) zeroSigns = true;
      continue;
    }
    if (p !== p && q !== q) continue;
    const abs = Math.abs(p - q);
    if (!(abs < Infinity)) {
      mismatch ??= `${p} became ${q}`;
      if (maxAbs < Infinity) at = i;
      maxAbs = maxRel = maxUlp = Infinity;
      continue;
    }
    const larger = Math.max(size, Math.abs(q));
    if (abs > maxAbs) {
      maxAbs = abs;
      at = i;
    }
    maxRel = Math.max(maxRel, abs / larger);
    maxUlp = Math.max(maxUlp, abs / unitInLastPlace(a.element, larger));
  }
  return {
    identical: at < 0 && !zeroSigns,
    zeroSigns: at < 0 && zeroSigns,
    maxAbs,
    maxRel,
    maxUlp,
    scale,
    ...(at < 0 ? {} : { worst: { index: indexOf(elementKind(a.element) === "complex" ? at >> 1 : at, a.dims), a: x[at]!, b: y[at]! } }),
    ...(mismatch === undefined ? {} : { mismatch }),
  };
}

/** Compares values of any kind; of several tensors in a sequence, the one that differs most. */
export function compareValues(a: Value | null, b: Value | null): Difference {
  if (a === null || b === null) return a === b ? same : unequal("a value is missing on one side");
  if (isTensor(a)) return isTensor(b) ? compareTensors(a, b) : unequal("a tensor became another kind of value");
  if (isTensor(b) || a.kind !== b.kind) return unequal(`a ${a.kind} became another kind of value`);
  if (a.kind === "optional" && b.kind === "optional") return compareValues(a.value, b.value);
  if (a.kind === "sequence" && b.kind === "sequence") {
    if (a.items.length !== b.items.length) return unequal(`a sequence of ${a.items.length} became one of ${b.items.length}`);
    return a.items.map((item, i) => compareValues(item, b.items[i]!)).reduce((x, y) => (x.identical || y.maxAbs > x.maxAbs ? y : x), same);
  }
  if (a.kind === "map" && b.kind === "map") {
    if (a.entries.size !== b.entries.size) return unequal("a map has other keys");
    return [...a.entries].map(([key, value]) => (b.entries.has(key) ? compareValues(value, b.entries.get(key)!) : unequal(`a map lost the key ${key}`))).reduce((x, y) => (x.identical || y.maxAbs > x.maxAbs ? y : x), same);
  }
  if (a.kind === "sparse" && b.kind === "sparse") {
    const indices = compareTensors(a.indices, b.indices);
    return indices.identical ? compareTensors(a.values, b.values) : unequal("a sparse tensor has other indices");
  }
  return unequal("values of unlike kinds");
}

/** The tensor with every floating-point element moved by one unit in the last place, up or down at random. */
export function nudge(tensor: Tensor, up: () => boolean): Tensor {
  const { element, data } = tensor;
  if (!isFloat(element) || Array.isArray(data) || data instanceof BigInt64Array || data instanceof BigUint64Array) return tensor;
  // Small floats are stored as bit patterns whose neighbours are neighbouring numbers.
  if (isSmallFloat(element)) return { ...tensor, data: (data as Uint16Array).map((bits) => (up() ? bits ^ 1 : bits)) };
  const moved = data.slice() as Float32Array;
  for (let i = 0; i < moved.length; i++) {
    const x = moved[i]!;
    if (Number.isFinite(x) && x !== 0) moved[i] = x + (up() ? 1 : -1) * unitInLastPlace(element, x);
  }
  return { ...tensor, data: moved };
}
