import { expect } from "vitest";
import { buffer, makeProgram, nest, store } from "../../src/tensor/build.ts";
import { add, load, max, mul, number } from "../../src/tensor/expression.ts";
import { interpret } from "../../src/tensor/interpreter.ts";
import { printProgram } from "../../src/tensor/printer.ts";
import type { TensorProgram } from "../../src/tensor/program.ts";
import { verifyProgram } from "../../src/tensor/verifier.ts";
import { inputsFor, worstDifference } from "./lowered.ts";

/** y = relu(a * b) with a[rows, depth] and b[depth, columns]: a product into a local, then an elementwise block. */
export function product(rows = 6, columns = 9, depth = 5): TensorProgram {
  const a = buffer("a", "float32", [rows, depth], "input");
  const b = buffer("b", "float32", [depth, columns], "input");
  const y = buffer("y", "float32", [rows, columns], "output");
  const t = buffer("t", "float32", [rows, columns], "local");
  return makeProgram("product", [a, b, y], [
    { kind: "allocate", buffer: t },
    ...nest(
      "matmul",
      [{ name: "i", extent: rows }, { name: "j", extent: columns }, { name: "k", extent: depth, kind: "reduce" }],
      ([i, j, k]) => store(t, [i!, j!], add(load(t, [i!, j!]), mul(load(a, [i!, k!]), load(b, [k!, j!])))),
      ([i, j]) => store(t, [i!, j!], number("float32", 0)),
    ),
    ...nest("relu", [{ name: "m", extent: rows }, { name: "n", extent: columns }], ([m, n]) => store(y, [m!, n!], max(load(t, [m!, n!]), number("float32", 0)))),
  ]);
}

/** The transformed program is sound and gives the same values. `tolerance`: where loops of a split reduction were reordered. */
export function sameMeaning(before: TensorProgram, after: TensorProgram, tolerance = 0): void {
  expect(verifyProgram(after), printProgram(after).text).toEqual([]);
  const inputs = inputsFor(before);
  expect(worstDifference(interpret(before, inputs)[0]!, interpret(after, inputs)[0]!)).toBeLessThanOrEqual(tolerance);
}

/** Lines of a program's body. */
export const body = (program: TensorProgram): string[] => printProgram(program).text.trimEnd().split("\n").slice(1).map((l) => l.slice(2));
