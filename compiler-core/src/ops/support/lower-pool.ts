import type { ElementType } from "../../ir/element-type.ts";
import { elementKind, elementTypes } from "../../ir/element-type.ts";
import { nest, store } from "../../tensor/build.ts";
import { add, all, cast, div, ge, integer, load, lt, max, min, mul, number, select, sub } from "../../tensor/expression.ts";
import type { Lowering, LoweringContext } from "../../tensor/lowering.ts";
import type { Expression, Variable } from "../../tensor/program.ts";
import { inputOf, onlyOutputs, outputOf, spatialAxes, zero } from "./lower-common.ts";
import { windowNames, windowOf } from "./lower-contraction.ts";
import { reduceNests } from "./lower-reduce.ts";

/** The smallest value: what the maximum of nothing starts from. */
export function lowest(type: ElementType): number {
  const { bits } = elementTypes[type];
  const kind = elementKind(type);
  return kind === "float" ? -Infinity : kind === "int" ? -(2 ** (bits - 1)) : 0;
}

function poolAxes(context: LoweringContext) {
  const x = inputOf(context, 0);
  const y = outputOf(context);
  const input = x.dims.slice(2);
  const output = y.dims.slice(2);
  const rank = input.length;
  const kernel = context.attributes.ints("kernel_shape")!;
  const window = windowOf(context, input, output, kernel);
  const names = ["n", "c", ...windowNames.spatial(rank)];
  const outer = spatialAxes(y.dims, names);
  const taps = kernel.map((extent, d) => ({ name: windowNames.kernel(rank)[d]!, extent, kind: "reduce" as const }));
  const place = (v: readonly Variable[]): Expression[] =>
    input.map((_, d) => sub(add(mul(v[2 + d]!, window.strides[d]!), mul(v[2 + rank + d]!, window.dilations[d]!)), window.begin[d]!));
  /** is the place inside the input? */
  const inside = (at: readonly Expression[]): Expression => all(at.flatMap((p, d) => [ge(p, 0), lt(p, input[d]!)]));
  return { x, y, input, rank, kernel, window, outer, taps, place, inside };
}

export const maxPoolLowering: Lowering = {
  build(context) {
    onlyOutputs(context, 1);
    const { x, y, rank, outer, taps, place, inside } = poolAxes(context);
    const floor = number(y.element, lowest(y.element));
    return nest(
      "maxpool",
      [...outer, ...taps],
      (v) => {
        const at = place(v);
        const out = v.slice(0, 2 + rank);
        return store(y, out, max(load(y, out), select(inside(at), load(x, [v[0]!, v[1]!, ...at]), floor)));
      },
      (v) => store(y, v.slice(0, 2 + rank), floor),
    );
  },
};

/** The mean over each window; pads count unless count_include_pad is 0, what ceil_mode adds never does. */
export const averagePoolLowering: Lowering = {
  build(context) {
    onlyOutputs(context, 1);
    const { x, y, input, rank, kernel, window, outer, taps, place, inside } = poolAxes(context);
    const includePad = context.attributes.int("count_include_pad", 0) !== 0;
    const total = context.local("total", y.element, y.dims);
    const counts = (v: readonly Variable[]): Expression => {
      let product: Expression = integer(1);
      for (let d = 0; d < rank; d++) {
        const start = sub(mul(v[2 + d]!, window.strides[d]!), window.begin[d]!);
        const step = window.dilations[d]!;
        const low = includePad ? -window.begin[d]! : 0;
        const high = includePad ? input[d]! + window.end[d]! : input[d]!;
        // Taps t with low <= start + t*step < high.
        const first = max(integer(0), ceilDiv(sub(integer(low), start), step));
        const last = min(integer(kernel[d]!), ceilDiv(sub(integer(high), start), step));
        product = mul(product, sub(last, first));
      }
      return product;
    };
    return [
      ...nest(
        "pool_sum",
        [...outer, ...taps],
        (v) => {
          const at = place(v);
          const out = v.slice(0, 2 + rank);
          return store(total, out, add(load(total, out), select(inside(at), load(x, [v[0]!, v[1]!, ...at]), zero(y.element))));
        },
        (v) => store(total, v.slice(0, 2 + rank), zero(y.element)),
      ),
      ...nest("average", outer, (v) => store(y, v, div(load(total, v), cast(y.element, counts(v))))),
    ];
  },
};

const ceilDiv = (a: Expression, by: number): Expression =>
  by === 1 ? a : { kind: "binary", op: "floordiv", left: add(a, by - 1), right: integer(by) };

export const globalAveragePoolLowering: Lowering = {
  build: (context) => {
    const x = inputOf(context, 0);
    return reduceNests(context, x, outputOf(context), x.dims.slice(2).map((_, d) => d + 2), true, "mean");
  },
};

export const globalMaxPoolLowering: Lowering = {
  build: (context) => {
    const x = inputOf(context, 0);
    return reduceNests(context, x, outputOf(context), x.dims.slice(2).map((_, d) => d + 2), true, "max");
  },
};
