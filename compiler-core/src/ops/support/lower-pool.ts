import type { ElementType } from "../../ir/element-type.ts";
import { elementKind, elementTypes, isFloat } from "../../ir/element-type.ts";
import { elementCount } from "../../ir/value-type.ts";
import { forEach, nest, step, store, when } from "../../tensor/build.ts";
import { add, all, binary, cast, div, ge, integer, load, lt, max, min, mul, number, or, select, sub, unary } from "../../tensor/expression.ts";
import type { Lowering, LoweringContext } from "../../tensor/lowering.ts";
import type { Buffer, Expression, Statement, Variable } from "../../tensor/program.ts";
import { forAll, inputOf, onlyOutputs, outputOf, spatialAxes, zero } from "./lower-common.ts";
import { windowNames, windowOf } from "./lower-contraction.ts";
import { scalar } from "./lower-search.ts";
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

/** With the places of the largest elements: one window after another. */
function maxPoolWithIndices(context: LoweringContext, indices: Buffer): readonly Statement[] {
  const { x, y, rank, taps, place, inside } = poolAxes(context);
  const columns = context.attributes.int("storage_order", 0) === 1;
  const spatial = x.dims.slice(2);
  const names = ["n", "c", ...windowNames.spatial(rank)];
  const flat = (at: readonly Expression[]): Expression => {
    const order = columns ? [...at.keys()].reverse() : [...at.keys()];
    return order.reduce<Expression>((sum, d) => add(mul(sum, spatial[d]!), at[d]!), integer(0));
  };
  return forAll(
    y.dims,
    (v) => {
      const top = scalar("top", y.element);
      const best = scalar("best", "int64");
      return [
        top.allocate,
        best.allocate,
        top.set(number(y.element, lowest(y.element))),
        // None yet: the first element is taken even where it is the lowest value.
        best.set(number("int64", -1)),
        ...forAll(
          taps.map((t) => t.extent),
          (tap) => {
            const at = place([...v, ...tap]);
            const value = load(x, [v[0]!, v[1]!, ...at]);
            const plane = add(mul(v[0]!, x.dims[1]!), v[1]!);
            return [when(inside(at), [when(or(lt(best.get, number("int64", 0)), or(binary("gt", value, top.get), isFloat(x.element) ? unary("isnan", value) : number("bool", 0))), [top.set(value), best.set(cast("int64", add(mul(plane, elementCount(spatial)), flat(at))))])])];
          },
          taps.map((t) => t.name),
        ),
        step("largest", y, v, top.get),
        step("place", indices, v, best.get),
      ];
    },
    names,
  );
}

/** The norm of each window: sums of powers, then the root. */
export const lpPoolLowering: Lowering = {
  build(context) {
    const { x, y, rank, outer, taps, place, inside } = poolAxes(context);
    const p = context.attributes.int("p", 2);
    const total = context.local("total", y.element, y.dims);
    const power = (e: Expression): Expression => (p === 2 ? mul(e, e) : p === 1 ? unary("abs", e) : binary("pow", unary("abs", e), number(y.element, p)));
    const root = (e: Expression): Expression => (p === 2 ? unary("sqrt", e) : p === 1 ? e : binary("pow", e, number(y.element, 1 / p)));
    return [
      ...nest(
        "power_sum",
        [...outer, ...taps],
        (v) => {
          const at = place(v);
          const out = v.slice(0, 2 + rank);
          return store(total, out, add(load(total, out), select(inside(at), power(load(x, [v[0]!, v[1]!, ...at])), zero(y.element))));
        },
        (v) => store(total, v.slice(0, 2 + rank), zero(y.element)),
      ),
      ...nest("root", outer, (v) => store(y, v, root(load(total, v)))),
    ];
  },
};

export const globalLpPoolLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const p = context.attributes.int("p", 2);
    const total = context.local("total", y.element, y.dims);
    const at = (v: readonly Variable[]): Expression[] => [v[0]!, v[1]!, ...x.dims.slice(2).map(() => integer(0))];
    const names = x.dims.slice(2).map((_, d) => `r${d}`);
    const power = (e: Expression): Expression => (p === 2 ? mul(e, e) : p === 1 ? unary("abs", e) : binary("pow", unary("abs", e), number(y.element, p)));
    const outer = [{ name: "n", extent: x.dims[0]! }, { name: "c", extent: x.dims[1]! }];
    return [
      ...nest("power_sum", [...outer, ...names.map((name, d) => ({ name, extent: x.dims[d + 2]!, kind: "reduce" as const }))], (v) => store(total, at(v), add(load(total, at(v)), power(load(x, v)))), (v) => store(total, at(v), zero(y.element))),
      ...nest("root", outer, (v) => store(y, at(v), p === 2 ? unary("sqrt", load(total, at(v))) : p === 1 ? load(total, at(v)) : binary("pow", load(total, at(v)), number(y.element, 1 / p)))),
    ];
  },
};

/** The largest element of each cell of a grid over each region; regions are data. */
export const maxRoiPoolLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const rois = inputOf(context, 1);
    const y = outputOf(context);
    const type = y.element;
    const [batches, , height, width] = x.dims as [number, number, number, number];
    const [rows, columns] = y.dims.slice(2) as [number, number];
    const scale = number(type, context.attributes.float("spatial_scale", 1));
    // Half away from zero.
    const rounded = (e: Expression): Expression => select(binary("lt", e, number(type, 0)), unary("neg", unary("floor", add(unary("neg", e), number(type, 0.5)))), unary("floor", add(e, number(type, 0.5))));
    return forAll(
      y.dims,
      ([r, c, i, j]) => {
        const edges = ["x1", "y1", "x2", "y2"].map((name) => scalar(name, type));
        const [x1, y1, x2, y2] = edges.map((e) => e.get) as [Expression, Expression, Expression, Expression];
        const limits = ["top", "bottom", "left", "right"].map((name) => scalar(name, type));
        const [top, bottom, left, right] = limits.map((e) => e.get) as [Expression, Expression, Expression, Expression];
        const best = scalar("best", type);
        const one = number(type, 1);
        const cell = (from: Expression, to: Expression, count: number): Expression => div(max(add(sub(to, from), one), one), number(type, count));
        const clamped = (e: Expression, size: number): Expression => min(max(e, number(type, 0)), number(type, size));
        const edge = (at: Expression, size: Expression, from: Expression, up: boolean, extent: number): Expression => clamped(add(unary(up ? "ceil" : "floor", mul(cast(type, at), size)), from), extent);
        const batch = min(max(cast("index", load(rois, [r!, integer(0)])), 0), batches - 1);
        return [
          ...edges.map((e) => e.allocate),
          ...limits.map((e) => e.allocate),
          best.allocate,
          ...edges.map((e, k) => e.set(rounded(mul(load(rois, [r!, integer(k + 1)]), scale)))),
          limits[0]!.set(edge(i!, cell(y1, y2, rows), y1, false, height)),
          limits[1]!.set(edge(add(i!, 1), cell(y1, y2, rows), y1, true, height)),
          limits[2]!.set(edge(j!, cell(x1, x2, columns), x1, false, width)),
          limits[3]!.set(edge(add(j!, 1), cell(x1, x2, columns), x1, true, width)),
          best.set(select(binary("and", binary("gt", bottom, top), binary("gt", right, left)), number(type, -Infinity), number(type, 0))),
          forEach("h", height, (h) => [
            when(binary("and", binary("ge", cast(type, h), top), binary("lt", cast(type, h), bottom)), [
              forEach("w", width, (w) => [when(binary("and", binary("ge", cast(type, w), left), binary("lt", cast(type, w), right)), [best.set(max(best.get, load(x, [batch, c!, h, w])))])]),
            ]),
          ]),
          step("roi_pool", y, [r!, c!, i!, j!], best.get),
        ];
      },
      ["r", "c", "i", "j"],
    );
  },
};

export const maxPoolLowering: Lowering = {
  build(context) {
    if (context.outputs[1]) return maxPoolWithIndices(context, context.outputs[1]);
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
