import { describe, expect, test } from "vitest";
import { Random } from "../../src/support/random.ts";
import { add, all, cast, floordiv, floormod, ge, integer, load, lt, max, min, mul, number, select, sub, variable } from "../../src/tensor/expression.ts";
import { buffer } from "../../src/tensor/build.ts";
import { printExpression } from "../../src/tensor/printer.ts";
import type { Expression, Variable } from "../../src/tensor/program.ts";
import { decide, intervalOf, Scope, simplify } from "../../src/tensor/simplify.ts";

const [i, j, f] = [variable("i"), variable("j"), variable("f")];
const scope = Scope.empty.with(i, 8).with(j, 4).with(f, 32);
const to = (e: Expression, s = scope): string => printExpression(simplify(e, s));

describe("index expressions", () => {
  test.each<[string, Expression, string]>([
    ["sums are collected", add(add(i, 3), sub(mul(i, 2), 1)), "i * 3 + 2"],
    ["differences cancel", sub(add(mul(i, 4), j), mul(i, 4)), "j"],
    ["a division drops what is below the divisor", floordiv(add(mul(i, 4), j), 4), "i"],
    ["a remainder keeps just that", floormod(add(mul(i, 4), j), 4), "j"],
    ["quotient and remainder make the whole", add(mul(floordiv(f, 4), 4), floormod(f, 4)), "f"],
    ["digits of a fused loop make the whole", add(add(mul(floordiv(f, 16), 16), mul(floormod(floordiv(f, 4), 4), 4)), floormod(f, 4)), "f"],
    ["a fused loop over two dimensions of three makes the whole", add(add(mul(floordiv(f, 16), 16), mul(floordiv(floormod(f, 16), 4), 4)), floormod(f, 4)), "f"],
    ["division of a division", floordiv(floordiv(f, 2), 3), "f // 6"],
    ["constants pass through a division", floordiv(add(mul(i, 4), 9), 4), "i + 2"],
    ["a common factor leaves a remainder", floormod(add(mul(i, 6), 3), 4), "(i * 3 + 1) % 2 * 2 + 1"],
    ["minimum of ordered operands", min(i, 7), "i"],
    ["maximum of ordered operands", max(sub(i, 8), 0), "0"],
    ["a decided condition disappears", select(lt(add(i, j), 11), i, j), "i"],
    ["an open one stays", select(lt(i, 5), i, j), "select(i < 5, i, j)"],
    ["inside a branch its condition holds", select(lt(i, 5), min(i, 4), j), "select(i < 5, i, j)"],
  ])("%s", (_, before, after) => expect(to(before)).toBe(after));

  test("floating-point arithmetic is left as it is", () => {
    const x = buffer("x", "float32", [8], "input");
    expect(to(add(add(load(x, [add(i, 0)]), number("float32", 0)), load(x, [i])))).toBe("x[i] + 0.0 + x[i]");
  });

  test("conditions narrow the range of the same sum, whatever its order", () => {
    const inside = scope.assume(all([ge(add(sub(j, 2), i), 0), lt(sub(add(i, j), 2), 6)]));
    expect(intervalOf(sub(add(i, j), 2), inside)).toEqual({ low: 0, high: 5 });
    expect(decide(lt(sub(add(j, i), 3), 5), inside)).toBe(true);
  });

  test("a clamped load is in range whatever was loaded", () => {
    const index = buffer("index", "int64", [4], "input");
    const raw = cast("index", load(index, [j]));
    expect(intervalOf(min(max(raw, 0), 9), scope)).toEqual({ low: 0, high: 9 });
  });

  test("random expressions keep their value and stay in their interval", () => {
    const random = new Random(7);
    const make = (depth: number): Expression => {
      if (depth === 0) return random.pick<() => Expression>([() => i, () => j, () => f, () => integer(random.below(9) - 2)])();
      const a = make(depth - 1);
      const positive = integer(1 + random.below(6));
      return random.pick<() => Expression>([
        () => add(a, make(depth - 1)), () => sub(a, make(depth - 1)), () => mul(a, random.below(5)),
        () => floordiv(a, positive), () => floormod(a, positive), () => min(a, make(depth - 1)), () => max(a, make(depth - 1)),
        () => select(lt(a, make(depth - 1)), make(depth - 1), a),
      ])();
    };
    for (let round = 0; round < 400; round++) {
      const e = make(1 + random.below(4));
      const simple = simplify(e, scope);
      const range = intervalOf(e, scope);
      for (let sample = 0; sample < 12; sample++) {
        const at = new Map<Variable, number>([[i, random.below(8)], [j, random.below(4)], [f, random.below(32)]]);
        const value = evaluate(e, at);
        expect(evaluate(simple, at) === value, `${printExpression(e)}  ->  ${printExpression(simple)} is no longer ${value}`).toBe(true);
        expect(value >= range.low && value <= range.high, `${printExpression(e)} is ${value}, outside ${range.low}..${range.high}`).toBe(true);
      }
    }
  });
});

function evaluate(e: Expression, at: ReadonlyMap<Variable, number>): number {
  switch (e.kind) {
    case "variable": return at.get(e)!;
    case "integer":
    case "number": return e.value;
    case "select": return evaluate(e.condition, at) ? evaluate(e.then, at) : evaluate(e.otherwise, at);
    case "binary": {
      const a = evaluate(e.left, at);
      const b = evaluate(e.right, at);
      switch (e.op) {
        case "add": return a + b;
        case "sub": return a - b;
        case "mul": return a * b;
        case "floordiv": return Math.floor(a / b);
        case "floormod": return a - b * Math.floor(a / b);
        case "min": return Math.min(a, b);
        case "max": return Math.max(a, b);
        case "lt": return a < b ? 1 : 0;
        default: throw new Error(`no ${e.op}`);
      }
    }
    default: throw new Error(`no ${e.kind}`);
  }
}
