import { describe, expect, test } from "vitest";
import { buffer, makeProgram, nest, store } from "../../src/tensor/build.ts";
import { add, floordiv, floormod, load, lt, mul, number, select } from "../../src/tensor/expression.ts";
import type { Statement } from "../../src/tensor/program.ts";
import { verifyProgram } from "../../src/tensor/verifier.ts";

const x = buffer("x", "float32", [8], "input");
const y = buffer("y", "float32", [4, 6], "output");
const codes = (...body: readonly Statement[]): string[] => verifyProgram(makeProgram("p", [x, y], body)).map((d) => d.code);
const one = number("float32", 1);
const zero = { kind: "integer", value: 0 } as const;
const grid = (rows = 4, columns = 6) => [{ name: "i", extent: rows }, { name: "j", extent: columns }];

describe("the verifier of programs", () => {
  test("a sound program", () => expect(codes(...nest("fill", grid(), ([i, j]) => store(y, [i!, j!], one)))).toEqual([]));
  test("one loop over both dimensions", () => expect(codes(...nest("fill", [{ name: "f", extent: 24 }], ([f]) => store(y, [floordiv(f!, 6), floormod(f!, 6)], one)))).toEqual([]));

  test("an access outside a buffer", () => expect(codes(...nest("fill", grid(), ([i, j]) => store(y, [i!, j!], load(x, [add(i!, j!)]))))).toEqual(["out-of-bounds"]));
  test("the same access behind a condition", () =>
    expect(codes(...nest("fill", grid(), ([i, j]) => store(y, [i!, j!], select(lt(add(i!, j!), 8), load(x, [add(i!, j!)]), one))))).toEqual([]));

  test("a row is missing", () => expect(codes(...nest("fill", grid(3), ([i, j]) => store(y, [i!, j!], one)))).toEqual(["not-covered"]));
  test("every other column is missing", () => expect(codes(...nest("fill", grid(4, 3), ([i, j]) => store(y, [i!, mul(j!, 2)], one)))).toEqual(["not-covered"]));
  test("only the diagonal is written", () => {
    const square = buffer("y", "float32", [4, 4], "output");
    const body = nest("fill", [{ name: "i", extent: 4 }], ([i]) => store(square, [i!, i!], one));
    expect(verifyProgram(makeProgram("p", [square], body)).map((d) => d.code)).toEqual(["coverage-unproven"]);
  });
  test("two halves make a whole", () =>
    expect(codes(...nest("left", grid(4, 2), ([i, j]) => store(y, [i!, j!], one)), ...nest("right", grid(4, 4), ([i, j]) => store(y, [i!, add(j!, 2)], one)))).toEqual([]));
  test("remainders inside groups make a whole", () =>
    expect(
      codes(
        ...nest("main", [...grid(4, 2), { name: "k", extent: 2 }], ([i, g, k]) => store(y, [i!, add(mul(g!, 3), k!)], one)),
        ...nest("rest", grid(4, 2), ([i, g]) => store(y, [i!, add(mul(g!, 3), 2)], one)),
      ),
    ).toEqual([]));

  const row = buffer("y", "float32", [1, 20], "output");
  const groupsAndRest = (from: number, count: number): string[] =>
    verifyProgram(
      makeProgram("p", [row], [
        ...nest("main", [{ name: "g", extent: 2 }, { name: "k", extent: 6 }], ([g, k]) => store(row, [zero, add(mul(g!, 8), k!)], one)),
        ...nest("rest", [{ name: "g", extent: 2 }, { name: "k", extent: 2 }], ([g, k]) => store(row, [zero, add(add(mul(g!, 8), k!), 6)], one)),
        ...nest("last", [{ name: "k", extent: count }], ([k]) => store(row, [zero, add(k!, from)], one)),
      ]),
    ).map((d) => d.message);
  test("remainders inside groups, and a last group that is not full, make a whole", () => {
    expect(groupsAndRest(16, 4)).toEqual([]);
    expect(groupsAndRest(13, 7)).toEqual([]);
    expect(groupsAndRest(3, 17)).toEqual([]);
    expect(groupsAndRest(16, 3)).toEqual(["p: element [0, 19] of y is never written."]);
    expect(groupsAndRest(17, 3)).toEqual(["p: element [0, 16] of y is never written."]);
  });

  const update = (init: boolean): readonly Statement[] =>
    nest("sum", [...grid(), { name: "k", extent: 8, kind: "reduce" }], ([i, j, k]) => store(y, [i!, j!], add(load(y, [i!, j!]), load(x, [k!]))), init ? ([i, j]) => store(y, [i!, j!], one) : undefined);
  test("a reduction", () => expect(codes(...update(true))).toEqual([]));
  test("a reduction that starts from nothing", () => expect(codes(...update(false))).toContain("reduction-init"));
  test("a reduce axis that chooses the element", () =>
    expect(codes(...nest("bad", [{ name: "i", extent: 4 }, { name: "j", extent: 6, kind: "reduce" }], ([i, j]) => store(y, [i!, j!], add(load(y, [i!, j!]), one)), ([i]) => store(y, [i!, { kind: "integer", value: 0 }], one)))).toContain("reduce-axis-written"));

  test("a local that is read first", () => {
    const t = buffer("t", "float32", [8], "local");
    expect(codes({ kind: "allocate", buffer: t }, ...nest("fill", grid(), ([i, j]) => store(y, [i!, j!], load(t, [i!]))))).toEqual(["read-before-write"]);
  });
  test("an input that is written", () => expect(codes(...nest("bad", [{ name: "k", extent: 8 }], ([k]) => store(x, [k!], one)), ...nest("fill", grid(), ([i, j]) => store(y, [i!, j!], one)))).toEqual(["writes-input"]));
});
