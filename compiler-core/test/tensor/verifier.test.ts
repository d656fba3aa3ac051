import { describe, expect, test } from "vitest";
import { buffer, makeProgram, nest, store } from "../../src/tensor/build.ts";
import { add, integer, floordiv, floormod, load, lt, mul, number, select, variable } from "../../src/tensor/expression.ts";
import type { Statement, Store, Variable } from "../../src/tensor/program.ts";
import { stagesOf } from "../../src/tensor/stages.ts";
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

  test("remainders that begin behind whole groups make a whole with what lies before, and a gap among them is found", () => {
    // 2 * j + 1 and 2 * j + 2 beside a first and a last column.
    const bordered = (from: number): string[] =>
      codes(
        ...nest("odd", grid(4, 2), ([i, j]) => store(y, [i!, add(mul(j!, 2), 1)], one)),
        ...nest("even", grid(4, 2), ([i, j]) => store(y, [i!, add(mul(j!, 2), from)], one)),
        ...[0, 5].flatMap((column) => nest(`border_${column}`, [{ name: "i", extent: 4 }], ([i]) => store(y, [i!, integer(column)], one))),
      );
    expect(bordered(2)).toEqual([]);
    expect(bordered(0)).toEqual(["not-covered"]);
    expect(bordered(3)).toEqual(["not-covered"]);
  });

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

  /** the first loop of the nest, run by threads */
  const shared = (statements: readonly Statement[], depth = 0): Statement[] =>
    statements.map((s) => (s.kind !== "for" ? s : depth === 0 ? { ...s, mode: "parallel" } : { ...s, body: shared(s.body, depth - 1) }));
  const races = (body: readonly Statement[], depth = 0, out = y): string[] => verifyProgram(makeProgram("p", [x, out], shared(body, depth))).map((d) => d.code);
  const ring = buffer("y", "float32", [8], "output");
  test("threads that fill rows of their own", () => expect(races(nest("fill", grid(), ([i, j]) => store(y, [i!, j!], one)))).toEqual([]));
  test("threads that share a loop inside another one", () => expect(races(nest("fill", grid(), ([i, j]) => store(y, [i!, j!], one)), 1)).toEqual([]));
  test("threads that write the same elements", () =>
    expect(races(nest("fill", [...grid(), { name: "k", extent: 8 }], ([i, j, k]) => store(y, [i!, j!], load(x, [k!]))), 2)).toEqual(["race"]));
  test("threads whose elements overlap", () =>
    expect(races(nest("fill", [{ name: "i", extent: 4 }, { name: "j", extent: 5 }], ([i, j]) => store(ring, [add(i!, j!)], one)), 0, ring)).toEqual(["race"]));
  test("threads that share a loop whose elements another loop moves by less than all of it", () =>
    expect(races(nest("fill", [{ name: "i", extent: 4 }, { name: "j", extent: 5 }], ([i, j]) => store(ring, [add(i!, j!)], one)), 1, ring)).toEqual(["race"]));
  test("threads that share the positions of an image with a border, inside a loop over channels", () => {
    const image = buffer("y", "float32", [3, 6, 8], "output");
    const at = (rows: number) => (c: Variable, p: Variable): Store => store(image, [c, add(floordiv(p, rows), 1), add(floormod(p, rows), 1)], one);
    const inside = (rows: number): string[] => races(nest("fill", [{ name: "c", extent: 3 }, { name: "p", extent: 24 }], ([c, p]) => at(rows)(c!, p!)), 1, image);
    expect(inside(6)).not.toContain("race");
    // A remainder by more than the quotient's: neighbouring positions are the same element.
    const torn = nest("fill", [{ name: "c", extent: 3 }, { name: "p", extent: 24 }], ([c, p]) => store(image, [c!, floordiv(p!, 6), floormod(floordiv(p!, 2), 6)], one));
    expect(races(torn, 1, image)).toContain("race");
  });
  test("stages: a border is no reason to wait, what reads all of it is; the same rows of two nests are one thread's", () => {
    const [image, rows] = [buffer("y", "float32", [6, 8], "output"), buffer("z", "float32", [6], "output")];
    const inside = nest("inside", [{ name: "p", extent: 24 }], ([p]) => store(image, [add(floordiv(p!, 6), 1), add(floormod(p!, 6), 1)], one));
    const top = nest("top", [{ name: "j", extent: 8 }], ([j]) => store(image, [zero, j!], one));
    const read = (index: (i: Variable) => Variable | number): readonly Statement[] => nest("read", [{ name: "i", extent: 6 }], ([i]) => store(rows, [i!], load(image, [index(i!), zero])));
    const fill = nest("fill", [{ name: "i", extent: 6 }, { name: "j", extent: 8 }], ([i, j]) => store(image, [i!, j!], one));
    const stages = (...body: readonly Statement[]): number[] => stagesOf(makeProgram("p", [image, rows], body)).map((s) => s.length);
    expect(stages(...shared(inside), ...top)).toEqual([2]);
    expect(stages(...shared(fill), ...shared(read((i) => i)))).toEqual([2]);
    expect(stages(...shared(fill), ...shared(read(() => 0)))).toEqual([1, 1]);
    expect(stages(...fill, ...top)).toEqual([]);
    const batch: Statement = { kind: "for", variable: variable("n"), extent: 1, mode: "serial", body: [...shared(inside), ...top] };
    expect(stages(batch)).toEqual([2]);
  });
  test("threads that read what another one writes", () => {
    const [first, rest] = [nest("first", [{ name: "k", extent: 1 }], () => store(ring, [zero], one)), nest("rest", [{ name: "k", extent: 7 }], ([k]) => store(ring, [add(k!, 1)], load(ring, [k!])))];
    expect(verifyProgram(makeProgram("p", [ring], [...first, ...rest]))).toEqual([]);
    expect(verifyProgram(makeProgram("p", [ring], [...first, ...shared(rest)])).map((d) => d.code)).toEqual(["race"]);
  });
  test("threads that use one local", () => {
    const t = buffer("t", "float32", [1], "local");
    const body = (inside: boolean): Statement[] => {
      const [loop] = nest("fill", [{ name: "k", extent: 8 }], ([k]) => store(ring, [k!], load(x, [k!]))) as [Statement & { kind: "for" }];
      const through: Statement[] = [...nest("keep", [], () => store(t, [zero], load(x, [loop.variable]))), ...nest("give", [], () => store(ring, [loop.variable], load(t, [zero])))];
      const allocate: Statement = { kind: "allocate", buffer: t };
      return inside ? [{ ...loop, body: [allocate, ...through] }] : [allocate, { ...loop, body: through }];
    };
    expect(races(body(true), 0, ring)).toEqual([]);
    expect(races(body(false), 0, ring)).toEqual(["race"]);
  });
  test("threads that share a sum", () =>
    expect(races(nest("sum", [{ name: "k", extent: 8, kind: "reduce" }, { name: "i", extent: 8 }], ([k, i]) => store(ring, [i!], add(load(ring, [i!]), load(x, [k!]))), ([i]) => store(ring, [i!], one)), 0, ring)).toContain("race"));
});
