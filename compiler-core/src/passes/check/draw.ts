import { type Dim, dimSymbols, parseDim } from "../../ir/dim.ts";
import { elementKind, type ElementType } from "../../ir/element-type.ts";
import type { NodeOutput } from "../../ir/graph.ts";
import { fromNumbers, makeTensor, type Tensor } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import type { Value } from "../../ops/definition.ts";
import type { Random } from "../../support/random.ts";

/**
 * Kinds of numbers that inputs are drawn from. Inputs in [0, 1) alone hide everything that goes wrong below zero.
 * - normal: standard normal
 * - ties: small multiples of 0.5, so that equal values, both zeros and boundaries occur
 * - wide: both signs, magnitudes from 1e-4 to 1e4
 * - flat: rows where functions saturate, rows of neighbours in the last place: unequal numbers that become equal
 * - negative: below zero and small, all of them; conditions are false: padding and constants show, whole rows are masked
 * - special: as ties, with NaN, infinities, -0 and subnormals among them
 */
export type DrawMode = "normal" | "ties" | "wide" | "flat" | "negative" | "special";

/** How integers are drawn. Where they serve as indices or sizes most ranges are illegal, so several are tried. */
export const integerRanges = [
  [-8, 8],
  [0, 3],
  [0, 1],
  [1, 1],
  [0, 0],
] as const;

export interface Draw {
  readonly mode: DrawMode;
  readonly random: Random;
  readonly integers: readonly [low: number, high: number];
  readonly size: (dim: Dim) => number;
}

/**
 * Sizes for the symbols of one run. Equal symbols get equal sizes, unequal symbols mostly unequal ones, and runs differ
 * (1 broadcasts where 3 does not). What is unknown gets one size for all, or with `apart` each time another.
 */
export function sizesOf(run: number, replace: (size: number) => number = (size) => size, apart = false): (dim: Dim) => number {
  let unknowns = 0;
  const sizes = new Map<string, number>();
  const base = [2, 1, 3, 5][run % 4]!;
  const sizeOf = (name: string): number => {
    let size = sizes.get(name);
    if (size === undefined) {
      size = base + (run % 4 === 1 ? 0 : sizes.size);
      sizes.set(name, size);
    }
    return size;
  };
  return (dim) => {
    if (dim === null) return apart ? base + (unknowns++ % 4) : base;
    if (typeof dim === "number") return replace(dim);
    let { text } = dim;
    for (const name of dimSymbols(dim)) {
      const size = `${sizeOf(name)}`;
      text = text.replaceAll(JSON.stringify(name), size).replace(new RegExp(`(?<![A-Za-z0-9_."])${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![A-Za-z0-9_."])`, "g"), size);
    }
    const size = parseDim(text);
    return typeof size === "number" ? size : base;
  };
}

const specials = [NaN, Infinity, -Infinity, -0, 0, 1e-40, -1e-40];

function drawFloat({ mode, random }: Draw, row: number): number {
  switch (mode) {
    case "normal":
      return random.normal();
    case "wide":
      return (random.below(2) === 0 ? -1 : 1) * 10 ** (8 * random.uniform() - 4);
    case "flat":
      // Row by row: where functions saturate, and neighbours of 0 and of 1.
      if (row % 2 === 0) return (random.below(4) === 0 ? -1 : 1) * (100 + random.below(8));
      return row % 4 === 1 ? random.below(64) * 1e-9 : 1 + random.below(4) * 2 ** -23;
    case "negative":
      return -1e-3 * (0.01 + Math.abs(random.normal()));
    case "special":
      if (random.below(6) === 0) return random.pick(specials);
      return (random.below(17) - 8) / 2;
    default: {
      const value = (random.below(17) - 8) / 2;
      return value === 0 && random.below(2) === 0 ? -0 : value;
    }
  }
}

const words = ["", "a", "b", "ab", "zwölf", "漢"];

function drawTensor(element: ElementType, dims: readonly number[], draw: Draw): Tensor {
  const count = elementCount(dims);
  const { random } = draw;
  const width = dims.at(-1) ?? 1;
  const numbers = (make: (row: number) => number): Tensor => fromNumbers(element, dims, Float64Array.from({ length: count }, (_, i) => make(Math.floor(i / width))), true);
  switch (elementKind(element)) {
    case "float":
      return numbers((row) => drawFloat(draw, row));
    case "bool":
      return numbers(() => (draw.mode === "negative" ? 0 : random.below(2)));
    case "string":
      return makeTensor(element, dims, Array.from({ length: count }, () => random.pick(words)));
    case "complex":
      return makeTensor(element, dims, element === "complex64" ? Float32Array.from({ length: 2 * count }, () => drawFloat(draw, 0)) : Float64Array.from({ length: 2 * count }, () => drawFloat(draw, 0)));
    default: {
      const [low, high] = draw.integers;
      // Numbers of eight bits are quantized values, not indices: all of them come.
      if (low < 0 && (element === "int8" || element === "uint8")) return numbers(() => random.below(256) - (element === "int8" ? 128 : 0));
      const from = elementKind(element) === "uint" ? Math.max(0, low) : low;
      return numbers(() => from + random.below(Math.max(from, high) - from + 1));
    }
  }
}

/** A value for an edge of this type, or the reason why none can be drawn. */
export function drawValue(output: NodeOutput, draw: Draw): Value | string {
  const { type, known } = output;
  if (type.kind === "optional" || type.kind === "sequence") {
    const inner = drawValue({ name: output.name, type: type.of }, draw);
    if (typeof inner === "string") return inner;
    return type.kind === "sequence" ? { kind: "sequence", items: [inner, inner], of: type.of } : { kind: "optional", value: inner, of: type.of };
  }
  if (type.kind !== "tensor" || type.element === null) return `the type of ${output.name || "a value"} is ${type.text}`;
  const dims = (type.shape ?? [2, 3, 4]).map(draw.size);
  if (dims.some((d) => d < 0)) return `a dimension of ${output.name} would be negative`;
  if (known && known.length === elementCount(dims)) return fromNumbers(type.element, dims, known.map((d) => (d === null ? 1 : draw.size(d))));
  return drawTensor(type.element, dims, draw);
}
