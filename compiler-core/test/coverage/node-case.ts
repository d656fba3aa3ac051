import fc from "fast-check";
import { type Attribute, type Attributes, float, int, ints, string } from "../../src/ir/attribute.ts";
import { elementKind, type ElementType } from "../../src/ir/element-type.ts";
import { fromNumbers, makeTensor, type Tensor } from "../../src/ir/tensor.ts";
import { findOperator, type Value } from "../../src/ops/index.ts";
import { Random } from "../../src/support/random.ts";

/** One node with values for its inputs: what inference says of it is held against what evaluation gives. */
export interface NodeCase {
  readonly op: string;
  readonly domain?: string;
  readonly inputs: readonly (Value | null)[];
  /** inputs whose elements decide the shape: constants where all shall be known */
  readonly constants?: readonly number[];
  readonly attributes?: Attributes;
  readonly outputs?: number;
  /** output dimensions depend on elements that no inference sees */
  readonly open?: boolean;
}

export type Generator = (draw: Draw) => NodeCase;

/** Gives a whole number from min to max, both included. */
export type Chooser = (min: number, max: number) => number;

/** Choices as arbitraries of fast-check, so that failing cases shrink. */
export const shrinking = (g: fc.GeneratorValue): Chooser => (min, max) => g(fc.integer, { min, max });

/** The same choices for the same seed. */
export function seeded(seed: number): Chooser {
  const random = new Random(seed);
  return (min, max) => min + random.below(max - min + 1);
}

/** Choices of one case. */
export class Draw {
  private readonly choose: Chooser;

  constructor(choose: Chooser) {
    this.choose = choose;
  }

  int(min: number, max: number): number {
    return this.choose(min, max);
  }

  bool(): boolean {
    return this.choose(0, 1) === 1;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)]!;
  }

  list<T>(count: number, each: (index: number) => T): T[] {
    return Array.from({ length: count }, (_, i) => each(i));
  }

  /** Sizes of a tensor. */
  dims(minRank: number, maxRank: number, min = 1, max = 4): number[] {
    return this.list(this.int(minRank, maxRank), () => this.int(min, max));
  }

  /** Dimensions that broadcast to `dims`: leading ones left out, some 1. */
  broadcastable(dims: readonly number[]): number[] {
    return dims.slice(this.int(0, dims.length)).map((d) => (this.int(0, 3) === 0 ? 1 : d));
  }

  permutation(count: number): number[] {
    const left = Array.from({ length: count }, (_, i) => i);
    return this.list(count, () => left.splice(this.int(0, left.length - 1), 1)[0]!);
  }

  /** Some of 0 .. count - 1, ascending. */
  subset(count: number, least = 0): number[] {
    const order = this.permutation(count);
    return order.slice(0, this.int(least, count)).sort((a, b) => a - b);
  }

  /** An axis, sometimes counted from the end. */
  axis(rank: number): number {
    return this.int(-rank, rank - 1);
  }

  /** Some axis with either sign. */
  signed(axis: number, rank: number): number {
    return this.bool() ? axis : axis - rank;
  }

  /** A tensor of small numbers; `range` bounds them. */
  tensor(element: ElementType, dims: readonly number[], range?: readonly [number, number]): Tensor {
    const random = new Random(this.int(0, 0xffff));
    const count = dims.reduce((a, b) => a * b, 1);
    if (element === "string") return makeTensor("string", dims, Array.from({ length: count }, () => random.pick(["", "a", "b", "cd"])));
    if (elementKind(element) === "complex") return makeTensor(element, dims);
    const [min, max] = range ?? (element === "bool" ? [0, 1] : elementKind(element) === "uint" ? [0, 3] : elementKind(element) === "int" ? [-2, 1] : [-2, 2]);
    const whole = elementKind(element) !== "float";
    return fromNumbers(element, dims, Float64Array.from({ length: count }, () => (whole ? min + random.below(max - min + 1) : min + (max - min) * random.uniform())));
  }

  float(dims: readonly number[], range?: readonly [number, number]): Tensor {
    return this.tensor("float32", dims, range);
  }

  /** An element type that the schema allows for a type variable. */
  element(op: string, variable = "T", domain = ""): ElementType {
    const types = findOperator(domain, op)?.types?.[variable] ?? [];
    const elements = types.filter((t) => t.startsWith("tensor(")).map((t) => t.slice(7, -1) as ElementType);
    return this.pick(elements.filter((e) => elementKind(e) !== "complex"));
  }
}

/** A vector of integers, or a scalar, that inference may see. */
export const vector = (values: readonly number[], element: ElementType = "int64"): Tensor => fromNumbers(element, [values.length], values);
export const number = (value: number, element: ElementType = "int64"): Tensor => fromNumbers(element, [], [value]);
export const is = { int, ints, float, string, flag: (value: boolean): Attribute => int(value ? 1 : 0) };
