import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PersistentVector } from "../../src/support/persistent-vector.ts";
import {
  addDims, ceilDivDims, decodeSmallFloat, dimsDiffer, dimsEqual, encodeSmallFloat, floorDivDims, fromNumbers, maxDims, minDims, mulDims, parseDim, printDim,
  subDims, symbol, tensorBytes, tensorFromBytes, tensorsIdentical, toNumbers, type Dim, type ElementType, type SmallFloat,
} from "../../src/ir/index.ts";

describe("dimensions", () => {
  const N = symbol("N");
  const M = symbol("M");
  test.each<[Dim, string]>([
    [addDims(N, N), "2*N"],
    [subDims(addDims(N, 3), N), "3"],
    [mulDims(addDims(N, 1), subDims(N, 1)), "N*N - 1"],
    [floorDivDims(mulDims(N, 4), 2), "2*N"],
    [floorDivDims(addDims(N, 1), 2), "floor((N + 1)/2)"],
    [floorDivDims(mulDims(mulDims(N, M), 8), mulDims(M, 4)), "2*N"],
    [ceilDivDims(N, 2), "floor((N + 1)/2)"],
    [maxDims(N, 1), "max(1, N)"],
    [maxDims(N, minDims(16, N)), "N"],
    [minDims(maxDims(M, N), N), "N"],
    [minDims(16, minDims(N, 16)), "min(16, N)"],
    [maxDims(maxDims(N, M), M), "max(M, N)"],
    [addDims(N, null), "?"],
    [symbol("batch size"), '"batch size"'],
  ])("%o prints as %s", (dim, text) => {
    expect(printDim(dim)).toBe(text);
    if (dim !== null) expect(parseDim(text)).toBe(dim);
  });

  test("equal names are equal, unknowns never are; a constant difference proves two dimensions different", () => {
    expect(dimsEqual(symbol("N"), symbol("N"))).toBe(true);
    expect(dimsEqual(null, null)).toBe(false);
    expect(dimsDiffer(N, M)).toBe(false);
    expect(dimsDiffer(N, addDims(N, 1))).toBe(true);
    expect(dimsDiffer(null, 3)).toBe(false);
  });

  test("arithmetic on symbols agrees with arithmetic on numbers", () => {
    const evaluate = (d: Dim, n: number): number => {
      if (typeof d === "number") return d;
      // Bind the symbol by reading the text back with its name replaced: the parser folds numbers.
      return parseDim(d!.text.replace(/\bN\b/g, `(${n})`)) as number;
    };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.array(fc.tuple(fc.constantFrom("+", "-", "*", "/", "^"), fc.integer({ min: 1, max: 7 })), { maxLength: 6 }), (n, steps) => {
        let dim: Dim = N;
        let number = n;
        for (const [op, k] of steps) {
          if (op === "+") [dim, number] = [addDims(dim, k), number + k];
          else if (op === "-") [dim, number] = [subDims(dim, k), number - k];
          else if (op === "*") [dim, number] = [mulDims(dim, k), number * k];
          else if (op === "/") [dim, number] = [floorDivDims(dim, k), Math.floor(number / k)];
          else [dim, number] = [addDims(mulDims(dim, dim), k), number * number + k];
          if (Math.abs(number) > 1e12) return;
        }
        expect(evaluate(dim, n)).toBe(number);
        expect(parseDim(printDim(dim))).toBe(dim);
      }),
    );
  });
});

describe("small floats", () => {
  const sizes: [SmallFloat, number][] = [
    ["float16", 16], ["bfloat16", 16], ["float8e4m3fn", 8], ["float8e4m3fnuz", 8], ["float8e5m2", 8], ["float8e5m2fnuz", 8], ["float4e2m1", 4], ["float8e8m0", 8],
  ];
  test.each(sizes)("%s: every bit pattern survives decode and encode", (type, bits) => {
    for (let pattern = 0; pattern < 1 << bits; pattern++) {
      const value = decodeSmallFloat(type, pattern);
      const again = encodeSmallFloat(type, value);
      if (Number.isNaN(value)) expect(decodeSmallFloat(type, again)).toBeNaN();
      else expect(again).toBe(pattern);
    }
  });

  test.each(sizes.filter(([type]) => type !== "float8e8m0"))("%s: rounding picks the nearest, ties to even", (type, bits) => {
    const values = Array.from({ length: 1 << (bits - 1) }, (_, i) => decodeSmallFloat(type, i)).filter(Number.isFinite);
    for (let i = 0; i + 1 < values.length; i += Math.max(1, values.length >> 8)) {
      const [low, high] = [values[i]!, values[i + 1]!];
      const middle = (low + high) / 2;
      expect(decodeSmallFloat(type, encodeSmallFloat(type, middle))).toBe(i % 2 === 0 ? low : high);
      expect(decodeSmallFloat(type, encodeSmallFloat(type, low + (high - low) * 0.4))).toBe(low);
      expect(decodeSmallFloat(type, encodeSmallFloat(type, -(low + (high - low) * 0.6)))).toBe(-high);
    }
  });

  test.each<[SmallFloat, number, boolean, number]>([
    ["float8e4m3fn", 1000, true, 448],
    ["float8e4m3fn", 1000, false, NaN],
    ["float8e5m2", 1e6, false, Infinity],
    ["float8e5m2", Infinity, true, 57344],
    ["float8e4m3fnuz", -1e6, true, -240],
    ["float16", 65520, false, Infinity],
    ["float4e2m1", 100, false, 6],
    ["bfloat16", 3.39e38, false, 3.3895313892515355e38],
  ])("%s of %d, saturate %s, is %d", (type, value, saturate, expected) => {
    expect(decodeSmallFloat(type, encodeSmallFloat(type, value, saturate))).toBe(expected);
  });
});

test.each<ElementType>(["float32", "float16", "bfloat16", "int4", "uint4", "int2", "uint2", "float4e2m1", "int64", "uint8", "bool", "complex64"])("%s: bytes round trip", (element) => {
  const values = Array.from({ length: element.startsWith("complex") ? 14 : 7 }, (_, i) => (element === "bool" ? i % 2 : i % 4));
  const tensor = element === "complex64" ? { element, dims: [7], data: Float32Array.from(values) } : fromNumbers(element, [7], values);
  const again = tensorFromBytes(element, [7], tensorBytes(tensor));
  expect(tensorsIdentical(tensor, again)).toBe(true);
  if (element !== "complex64") expect(Array.from(toNumbers(again))).toEqual(Array.from(toNumbers(tensor)));
});

test("integers wrap as in C when made from numbers", () => {
  expect(Array.from(fromNumbers("int8", [2], [200, -129]).data as Int8Array)).toEqual([-56, 127]);
  expect(Array.from(fromNumbers("int4", [3], [7, 8, -9]).data as Int8Array)).toEqual([7, -8, 7]);
  expect(Array.from(fromNumbers("uint64", [1], [-1]).data as BigUint64Array)).toEqual([18446744073709551615n]);
});

test("persistent vector agrees with an array under any edits, and old versions stay", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3000 }), fc.array(fc.tuple(fc.nat(), fc.integer()), { maxLength: 60 }), (size, edits) => {
      const model = Array.from({ length: size }, (_, i) => i);
      let vector = PersistentVector.from(model);
      const first = vector;
      const copy = [...model];
      for (const [at, value] of edits) {
        if (model.length === 0 || at % 5 === 0) {
          vector = vector.push(value);
          model.push(value);
        } else {
          vector = vector.set(at % model.length, value);
          model[at % model.length] = value;
        }
      }
      expect([...vector]).toEqual(model);
      expect([...first]).toEqual(copy);
      const touched: number[] = [];
      PersistentVector.difference(first, vector, (i) => touched.push(i));
      const expected = model.map((_, i) => i).filter((i) => i >= copy.length || model[i] !== copy[i]);
      expect(touched).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});
