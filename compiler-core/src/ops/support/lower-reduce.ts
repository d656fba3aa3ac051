import { type ElementType, elementKind, elementTypes, isFloat } from "../../ir/element-type.ts";
import { elementCount } from "../../ir/value-type.ts";
import { nest, store } from "../../tensor/build.ts";
import { add, cast, div, integer, load, max, min, mul, number, select, sub, unary } from "../../tensor/expression.ts";
import type { Lowering, LoweringContext } from "../../tensor/lowering.ts";
import type { Buffer, Expression, Statement, Variable } from "../../tensor/program.ts";
import { inFloats } from "./lower-elementwise.ts";
import { axisNames, inputOf, integersOf, normalizeAxis, outputOf, spatialAxes } from "./lower-common.ts";

export type ReduceOp = "sum" | "mean" | "max" | "min" | "prod" | "l1" | "l2" | "sum-square" | "log-sum";

interface ReduceRule {
  readonly start: (type: ElementType) => number;
  readonly element?: (x: Expression) => Expression;
  readonly combine: (a: Expression, b: Expression) => Expression;
  readonly finish?: (total: Expression, count: number, type: ElementType) => Expression;
}

const extreme = (type: ElementType, sign: 1 | -1): number => {
  const { bits } = elementTypes[type];
  const kind = elementKind(type);
  if (kind === "float") return sign * Infinity;
  if (kind === "bool") return sign > 0 ? 1 : 0;
  if (kind === "uint") return sign > 0 ? 2 ** bits - 1 : 0;
  return sign > 0 ? 2 ** (bits - 1) - 1 : -(2 ** (bits - 1));
};

const rules: Readonly<Record<ReduceOp, ReduceRule>> = {
  sum: { start: () => 0, combine: add },
  mean: { start: () => 0, combine: add, finish: (t, n, type) => div(t, number(type, n)) },
  max: { start: (type) => extreme(type, -1), combine: max },
  min: { start: (type) => extreme(type, 1), combine: min },
  prod: { start: () => 1, combine: mul },
  l1: { start: () => 0, element: (x) => unary("abs", x), combine: add },
  l2: { start: () => 0, element: (x) => mul(x, x), combine: add, finish: (t, _, type) => inFloats("sqrt", t, type) },
  "sum-square": { start: () => 0, element: (x) => mul(x, x), combine: add },
  "log-sum": { start: () => 0, combine: add, finish: (t, _, type) => inFloats("log", t, type) },
};

/** Reduces `axes` of x into y (whose dimensions are x's with the axes 1 or gone). */
export function reduceNests(context: LoweringContext, x: Buffer, y: Buffer, axes: readonly number[], keep: boolean, op: ReduceOp): readonly Statement[] {
  const rule = rules[op];
  const rank = x.dims.length;
  const names = axisNames(rank);
  const reduced = new Set(axes);
  const kept = x.dims.map((_, d) => d).filter((d) => !reduced.has(d));
  const spec = [
    ...kept.map((d) => ({ name: names[d]!, extent: x.dims[d]! })),
    ...[...reduced].sort((a, b) => a - b).map((d) => ({ name: names[d]!, extent: x.dims[d]!, kind: "reduce" as const })),
  ];
  const count = elementCount([...reduced].map((d) => x.dims[d]!));
  const place = (v: readonly Variable[]): Expression[] => {
    const out: Expression[] = [];
    for (let d = 0; d < rank; d++) {
      if (!reduced.has(d)) out.push(v[kept.indexOf(d)]!);
      else if (keep) out.push(integer(0));
    }
    return out;
  };
  const from = (v: readonly Variable[]): Expression[] => {
    const order = [...kept, ...[...reduced].sort((a, b) => a - b)];
    return x.dims.map((_, d) => v[order.indexOf(d)]!);
  };
  const target = rule.finish ? context.local("total", y.element, y.dims) : y;
  const element = rule.element ?? ((e: Expression) => e);
  const statements = [
    ...nest(
      `reduce_${op.replace("-", "_")}`,
      spec,
      (v) => store(target, place(v), rule.combine(load(target, place(v)), element(load(x, from(v))))),
      (v) => store(target, place(v), number(y.element, rule.start(y.element))),
    ),
  ];
  if (rule.finish) {
    const { finish } = rule;
    statements.push(
      ...nest("finish", kept.map((d) => ({ name: names[d]!, extent: x.dims[d]! })), (v) => store(y, place(v), finish(load(target, place(v)), count, y.element))),
    );
  }
  return statements;
}

/** The axes a node reduces: all where it names none, or undefined where each element is then reduced by itself. */
function axesOf(context: LoweringContext, rank: number): { readonly asked: readonly number[] | undefined; readonly keep: boolean } {
  const given = integersOf(context, 1, "axes") ?? context.attributes.ints("axes") ?? [];
  const keep = context.attributes.int("keepdims", 1) !== 0;
  if (given.length > 0) return { asked: [...new Set(given.map((a) => normalizeAxis(a, rank)))], keep };
  return { asked: context.attributes.int("noop_with_empty_axes", 0) === 0 ? Array.from({ length: rank }, (_, d) => d) : undefined, keep };
}

/** log(sum(exp(x))) by way of the largest element, so that no exponential overflows. */
export const reduceLogSumExpLowering: Lowering = {
  compileTimeInputs: [1],
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const { asked, keep } = axesOf(context, x.dims.length);
    if (!asked) return nest("copy", spatialAxes(x.dims), (v) => store(y, v, load(x, v)));
    const axes = new Set(asked);
    const kept = x.dims.map((extent, d) => (axes.has(d) ? 1 : extent));
    // Integers, which older operator sets allow, are summed as real numbers and cut to an integer in the end.
    const type = isFloat(x.element) ? x.element : "float64";
    const top = context.local("top", type, kept);
    const sums = context.local("sums", type, kept);
    const real = (v: readonly Variable[]): Expression => cast(type, load(x, from(v)));
    const names = x.dims.map((_, d) => `i${d}`);
    const out = x.dims.map((extent, d) => ({ name: names[d]!, extent })).filter((_, d) => !axes.has(d));
    const spec = [...out, ...[...axes].sort((a, b) => a - b).map((d) => ({ name: names[d]!, extent: x.dims[d]!, kind: "reduce" as const }))];
    const order = [...x.dims.keys()].filter((d) => !axes.has(d)).concat([...axes].sort((a, b) => a - b));
    const from = (v: readonly Variable[]): Expression[] => x.dims.map((_, d) => v[order.indexOf(d)]!);
    const place = (v: readonly Variable[]): Expression[] => x.dims.map((_, d) => (axes.has(d) ? integer(0) : v[order.indexOf(d)]!));
    const finite = (v: readonly Variable[]): Expression => select(unary("isinf", load(top, place(v))), number(type, 0), load(top, place(v)));
    return [
      ...nest("largest", spec, (v) => store(top, place(v), max(load(top, place(v)), real(v))), (v) => store(top, place(v), number(type, extreme(type, -1)))),
      ...nest("exponents", spec, (v) => store(sums, place(v), add(load(sums, place(v)), unary("exp", sub(real(v), finite(v))))), (v) => store(sums, place(v), number(type, 0))),
      ...nest("logarithm", out, (v) => store(y, keep ? place(v) : v, cast(y.element, add(finite(v), unary("log", load(sums, place(v))))))),
    ];
  },
};

/** Reduce operators: axes as a compile-time input (or attribute), keepdims, noop_with_empty_axes. */
export const reduceLowering = (op: ReduceOp): Lowering => ({
  compileTimeInputs: [1],
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const { asked, keep } = axesOf(context, x.dims.length);
    if (!asked) {
      // Each element is reduced by itself.
      const { element = (e: Expression) => e, finish = (e: Expression) => e } = rules[op];
      return nest("copy", spatialAxes(x.dims), (v) => store(y, v, finish(element(load(x, v)), 1, y.element)));
    }
    return reduceNests(context, x, y, asked, keep, op);
  },
});

