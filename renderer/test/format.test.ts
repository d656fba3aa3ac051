import { expect, test } from "vitest";
import * as format from "../src/design/format.ts";

test("three digits and a unit", () => {
  expect([0, 7, 999, 1000, 3481600, 4123456789].map((value) => format.si(value))).toEqual(["0", "7", "999", "1.00 k", "3.48 M", "4.12 G"]);
  expect(format.si(999_600)).toBe("1.00 M");
  expect([0, 1023, 1024, 7549747, 2 ** 40].map(format.bytes)).toEqual(["0 B", "1023 B", "1.00 KiB", "7.20 MiB", "1.00 TiB"]);
});

test("signs, thousands and extremes", () => {
  expect(format.signed(-12)).toBe("−12");
  expect(format.signed(1234567)).toBe("+1\u2009234\u2009567");
  expect(format.signed(0)).toBe("0");
  expect([NaN, Infinity, -Infinity, 0, -3, 1 / 3, 1e-9, 123456789].map(format.number)).toEqual(["NaN", "∞", "−∞", "0", "−3", "0.33333", "1.000e−9", "1.235e8"]);
  expect([2.4e-7, 0.00912, 0.0123, 29.3, 9_930, 1.68e7, 0, Infinity].map(format.error)).toEqual(["2.4e−7", "9.1e−3", "0.012", "29", "9900", "1.7e7", "0", "∞"]);
  expect([[3e6, 0], [3e6, 2], [0, 5]].map(([flops, flopsUnknown]) => format.costFlops({ flops: flops!, flopsUnknown: flopsUnknown! }))).toEqual(["3.00 MFLOP", "≥ 3.00 MFLOP", "—"]);
});
