import { nest, store } from "../../tensor/build.ts";
import { add, cast, div, eq, load, max, min, mul, number, select, sub, unary } from "../../tensor/expression.ts";
import type { Lowering, LoweringContext } from "../../tensor/lowering.ts";
import type { Buffer, Expression, Statement, Variable } from "../../tensor/program.ts";
import { inputOf, notLowered, outputOf, zero } from "./lower-common.ts";

/** Losses of scores [N, C, ...] and targets [N, ...]. */

/** Minus the logarithm at the target, times its weight, reduced. A target outside the classes is clamped to them. */
function likelihood(context: LoweringContext, logarithms: Buffer, target: Buffer, weight: Buffer | null | undefined, y: Buffer): readonly Statement[] {
  const type = y.element;
  const classes = logarithms.dims[1]!;
  const dims = target.dims;
  const axes = dims.map((extent, d) => ({ name: d === 0 ? "n" : `i${d}`, extent }));
  const ignored = context.attributes.optionalInt("ignore_index");
  const reduction = context.attributes.string("reduction", "mean");
  const at = (v: readonly Variable[]): Expression => min(max(cast("index", load(target, v)), 0), classes - 1);
  const counts = (v: readonly Variable[], e: Expression): Expression => (ignored === undefined ? e : select(eq(cast("index", load(target, v)), ignored), zero(type), e));
  const factor = (v: readonly Variable[]): Expression => counts(v, weight ? load(weight, [at(v)]) : number(type, 1));
  const loss = (v: readonly Variable[]): Expression => {
    const picked = unary("neg", load(logarithms, [v[0]!, at(v), ...v.slice(1)]));
    return counts(v, weight ? mul(picked, load(weight, [at(v)])) : picked);
  };
  if (reduction === "none") return nest("loss", axes, (v) => store(y, v, loss(v)));
  if (reduction !== "sum" && reduction !== "mean") throw notLowered(context, `the reduction ${JSON.stringify(reduction)} is not known`);
  const reduce = axes.map((a) => ({ ...a, kind: "reduce" as const }));
  const total = reduction === "mean" ? context.local("total", type, []) : y;
  const sum = nest("loss", reduce, (v) => store(total, [], add(load(total, []), loss(v))), () => store(total, [], zero(type)));
  if (reduction === "sum") return sum;
  const weights = context.local("weights", type, []);
  return [
    ...sum,
    ...nest("weight_sum", reduce, (v) => store(weights, [], add(load(weights, []), factor(v))), () => store(weights, [], zero(type))),
    ...nest("mean", [], () => store(y, [], div(load(total, []), load(weights, [])))),
  ];
}

export const negativeLogLikelihoodLowering: Lowering = {
  build: (context) => likelihood(context, inputOf(context, 0), inputOf(context, 1), context.inputs[2], outputOf(context)),
};

export const softmaxCrossEntropyLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const type = y.element;
    const outer = x.dims.filter((_, d) => d !== 1);
    const axes = outer.map((extent, d) => ({ name: d === 0 ? "n" : `i${d}`, extent }));
    const classes = { name: "c", extent: x.dims[1]!, kind: "reduce" as const };
    const top = context.local("top", type, outer);
    const sums = context.local("sums", type, outer);
    const logarithms = context.outputs[1] ?? context.local("logarithms", type, x.dims);
    const at = (v: readonly Variable[], c: Expression): Expression[] => [v[0]!, c, ...v.slice(1, outer.length)];
    const place = (v: readonly Variable[]): Expression[] => v.slice(0, outer.length);
    const last = (v: readonly Variable[]): Expression => v[outer.length]!;
    return [
      ...nest("largest", [...axes, classes], (v) => store(top, place(v), max(load(top, place(v)), load(x, at(v, last(v))))), (v) => store(top, place(v), number(type, -Infinity))),
      ...nest("exponents", [...axes, classes], (v) => store(sums, place(v), add(load(sums, place(v)), unary("exp", sub(load(x, at(v, last(v))), load(top, place(v)))))), (v) => store(sums, place(v), zero(type))),
      ...nest("log_prob", [axes[0]!, { ...classes, kind: "spatial" as const }, ...axes.slice(1)], (v) => {
        const o = [v[0]!, ...v.slice(2)];
        return store(logarithms, v, sub(sub(load(x, v), load(top, o)), unary("log", load(sums, o))));
      }),
      ...likelihood(context, logarithms, inputOf(context, 1), context.inputs[2], y),
    ];
  },
};

