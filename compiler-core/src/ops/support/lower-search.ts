import type { ElementType } from "../../ir/element-type.ts";
import { isFloat } from "../../ir/element-type.ts";
import { buffer, forEach, step, when } from "../../tensor/build.ts";
import { and, binary, cast, eq, integer, load, max, min, number, or, select, sub, unary } from "../../tensor/expression.ts";
import type { Lowering } from "../../tensor/lowering.ts";
import type { Buffer, Expression, Statement, Variable } from "../../tensor/program.ts";
import { forAll, inputOf, normalizeAxis, outputOf, zero } from "./lower-common.ts";

/** What runs in order along an axis: searches, running sums, sorted choices. */

/** A scalar that lives in the statements around it. */
export function scalar(name: string, element: ElementType): { readonly of: Buffer; readonly allocate: Statement; readonly get: Expression; set(value: Expression): Statement } {
  const of = buffer(name, element, [], "local");
  return { of, allocate: { kind: "allocate", buffer: of }, get: load(of, []), set: (value) => step(`set_${name}`, of, [], value) };
}

/** Does `value` come before `top`? A not-a-number counts as the largest. */
function beats(value: Expression, top: Expression, largest: boolean, element: ElementType): Expression {
  const plain = binary(largest ? "gt" : "lt", value, top);
  if (!isFloat(element)) return plain;
  const [odd, other] = largest ? [value, top] : [top, value];
  return or(plain, and(unary("isnan", odd), unary("not", unary("isnan", other))));
}

const without = (dims: readonly number[], axis: number): number[] => dims.filter((_, d) => d !== axis);
const withAxis = (outer: readonly Expression[], axis: number, at: Expression): Expression[] => [...outer.slice(0, axis), at, ...outer.slice(axis)];

/** ArgMax and ArgMin. */
export const argLowering = (largest: boolean): Lowering => ({
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const axis = normalizeAxis(context.attributes.int("axis", 0), x.dims.length);
    const keep = context.attributes.int("keepdims", 1) !== 0;
    const last = context.attributes.int("select_last_index", 0) !== 0;
    return forAll(without(x.dims, axis), (outer) => {
      const top = scalar("top", x.element);
      const best = scalar("best", "int64");
      const out = keep ? withAxis(outer, axis, integer(0)) : outer;
      return [
        top.allocate,
        best.allocate,
        top.set(load(x, withAxis(outer, axis, integer(0)))),
        best.set(number("int64", 0)),
        forEach("k", x.dims[axis]!, (k) => {
          const value = load(x, withAxis(outer, axis, k));
          // A not-a-number, once found, stays: only the first one counts.
          const plain = binary(largest ? "gt" : "lt", value, top.get);
          const better = isFloat(x.element) ? or(plain, and(unary("isnan", value), unary("not", unary("isnan", top.get)))) : plain;
          return [when(last ? or(better, eq(value, top.get)) : better, [top.set(value), best.set(cast("int64", k))])];
        }),
        step("arg", y, out, best.get),
      ];
    });
  },
});

/** K rounds over the axis, each taking the best element that is left. */
export const topKLowering: Lowering = {
  compileTimeInputs: [1],
  build(context) {
    const x = inputOf(context, 0);
    const values = context.outputs[0];
    const indices = context.outputs[1];
    const dims = (values ?? indices)!.dims;
    const axis = normalizeAxis(context.attributes.int("axis", -1), x.dims.length);
    const largest = context.attributes.int("largest", 1) !== 0;
    const size = x.dims[axis]!;
    const taken = context.local("taken", "bool", [size]);
    return forAll(without(x.dims, axis), (outer) => {
      const best = scalar("best", "int64");
      const found = scalar("found", "bool");
      const at = (i: Expression): Expression[] => withAxis(outer, axis, i);
      const place = min(max(cast("index", best.get), 0), Math.max(0, size - 1));
      return [
        forEach("i", size, (i) => [step("clear", taken, [i], number("bool", 0))]),
        forEach("r", dims[axis]!, (r) => [
          best.allocate,
          found.allocate,
          best.set(number("int64", 0)),
          found.set(number("bool", 0)),
          forEach("k", size, (k) => [
            when(unary("not", load(taken, [k])), [when(or(unary("not", found.get), beats(load(x, at(k)), load(x, at(place)), largest, x.element)), [best.set(cast("int64", k)), found.set(number("bool", 1))])]),
          ]),
          step("take", taken, [place], number("bool", 1)),
          ...(values ? [step("value", values, at(r), load(x, at(place)))] : []),
          ...(indices ? [step("index", indices, at(r), best.get)] : []),
        ]),
      ];
    });
  },
};

/** CumSum and CumProd: the axis is known at compile time. */
export const cumulateLowering = (op: "add" | "mul"): Lowering => ({
  compileTimeInputs: [1],
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const given = context.constant(1);
    const axis = normalizeAxis(given && !Array.isArray(given.data) ? Number(given.data[0]) : context.attributes.int("axis", 0), x.dims.length);
    const exclusive = context.attributes.int("exclusive", 0) !== 0;
    const reverse = context.attributes.int("reverse", 0) !== 0;
    const size = x.dims[axis]!;
    return forAll(without(x.dims, axis), (outer) => {
      const sum = scalar("sum", x.element);
      return [
        sum.allocate,
        sum.set(number(x.element, op === "add" ? 0 : 1)),
        forEach("k", size, (k) => {
          const at = withAxis(outer, axis, reverse ? sub(size - 1, k) : k);
          const next = sum.set(binary(op, sum.get, load(x, at)));
          const write = step("running", y, at, sum.get);
          return exclusive ? [write, next] : [next, write];
        }),
      ];
    });
  },
});

/** One at the first largest element along the axis, zero elsewhere. */
export const hardmaxLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const axis = normalizeAxis(context.attributes.int("axis", -1), x.dims.length);
    return forAll(without(x.dims, axis), (outer) => {
      const best = scalar("best", "int64");
      const place = min(max(cast("index", best.get), 0), Math.max(0, x.dims[axis]! - 1));
      return [
        best.allocate,
        best.set(number("int64", 0)),
        forEach("k", x.dims[axis]!, (k) => [when(beats(load(x, withAxis(outer, axis, k)), load(x, withAxis(outer, axis, place)), true, x.element), [best.set(cast("int64", k))])]),
        forEach("j", x.dims[axis]!, (j) => [step("hardmax", y, withAxis(outer, axis, j), select(eq(cast("index", best.get), j), number(y.element, 1), zero(y.element)))]),
      ];
    });
  },
};

/** Determinants by elimination with row exchange, one matrix after another. */
export const detLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const n = x.dims[x.dims.length - 1]!;
    const type = x.element;
    const m = context.local("matrix", type, [n, n]);
    return forAll(x.dims.slice(0, -2), (outer) => {
      const det = scalar("det", type);
      const pivot = scalar("pivot", "int64");
      const factor = scalar("factor", type);
      const kept = scalar("kept", type);
      const row = min(max(cast("index", pivot.get), 0), Math.max(0, n - 1));
      return [
        det.allocate,
        pivot.allocate,
        factor.allocate,
        kept.allocate,
        forEach("i", n, (i) => [forEach("j", n, (j) => [step("copy", m, [i, j], load(x, [...outer, i, j]))])]),
        det.set(number(type, 1)),
        forEach("k", n, (k: Variable) => [
          pivot.set(cast("int64", k)),
          forEach("p", n, (p) => [when(and(binary("gt", p, k), binary("gt", unary("abs", load(m, [p, k])), unary("abs", load(m, [row, k])))), [pivot.set(cast("int64", p))])]),
          when(binary("ne", cast("index", pivot.get), k), [
            forEach("j", n, (j) => [kept.set(load(m, [k, j])), step("exchange", m, [k, j], load(m, [row, j])), step("exchange", m, [row, j], kept.get)]),
            det.set(unary("neg", det.get)),
          ]),
          det.set(binary("mul", det.get, load(m, [k, k]))),
          when(binary("ne", load(m, [k, k]), number(type, 0)), [
            forEach("i", n, (i) => [
              when(binary("gt", i, k), [
                factor.set(binary("div", load(m, [i, k]), load(m, [k, k]))),
                forEach("j", n, (j) => [step("eliminate", m, [i, j], sub(load(m, [i, j]), binary("mul", factor.get, load(m, [k, j]))))]),
              ]),
            ]),
          ]),
        ]),
        step("determinant", y, outer, det.get),
      ];
    });
  },
};
