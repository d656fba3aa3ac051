import { isInteger } from "../../ir/element-type.ts";
import { toIntegers, toNumbers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { forEach, nest, step, store } from "../../tensor/build.ts";
import { add, all, and, binary, cast, div, eq, floordiv, integer, load, max, min, mul, number, or, select, sub, unary } from "../../tensor/expression.ts";
import type { Lowering, LoweringContext } from "../../tensor/lowering.ts";
import type { Buffer, Expression, Statement, Variable } from "../../tensor/program.ts";
import { forAll, inputOf, normalizeAxis, notLowered, outputOf, spatialAxes, zero } from "./lower-common.ts";
import { windowNames, windowOf } from "./lower-contraction.ts";
import { scalar } from "./lower-search.ts";
import { integerRange } from "./quantization.ts";
import { type AxisPlan, fitSizes, planAxis } from "./resize.ts";

/** Sampling between elements: Resize by tables made at compile time, the others at places that data give. */

/** The source index of each output index, as a division where it is one. */
function sourceIndex(context: LoweringContext, indices: readonly number[], at: Expression, name: string): Expression {
  for (let factor = 1; factor <= 16; factor++) if (indices.every((index, i) => index === Math.floor(i / factor))) return floordiv(at, factor);
  const step = indices.length > 1 ? indices[1]! - indices[0]! : 1;
  if (indices.every((index, i) => index === indices[0]! + i * step)) return add(mul(at, step), indices[0]!);
  return cast("index", load(context.table(name, "int32", [indices.length], indices), [at]));
}

export const resizeLowering: Lowering = {
  compileTimeInputs: [1, 2, 3],
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const { attributes } = context;
    const rank = x.dims.length;
    const axes = attributes.ints("axes")?.map((axis) => normalizeAxis(axis, rank)) ?? x.dims.map((_, d) => d);
    const input = axes.map((axis) => x.dims[axis]!);
    const early = (index: number, what: string) => {
      if (!context.inputs[index]) return undefined;
      const t = context.constant(index);
      if (!t) throw notLowered(context, `its ${what} are computed at run time`);
      return t;
    };
    const scalesInput = early(2, "scales");
    const sizesInput = early(3, "sizes");
    const roi = early(1, "region of interest");
    let scales: number[];
    let sizes: number[];
    if (sizesInput && elementCount(sizesInput.dims) > 0) ({ sizes, scales } = fitSizes(input, toIntegers(sizesInput), attributes.string("keep_aspect_ratio_policy", "stretch")));
    else if (scalesInput && elementCount(scalesInput.dims) > 0) {
      scales = Array.from(toNumbers(scalesInput));
      sizes = input.map((size, i) => Math.floor(size * scales[i]!));
    } else throw notLowered(context, "neither scales nor sizes are given");
    const region = roi ? Array.from(toNumbers(roi)) : [];
    const plans = axes.map((_, i) => planAxis(input[i]!, sizes[i]!, scales[i]!, [region[i] ?? 0, region[i + axes.length] ?? 1], attributes));
    const crops = attributes.string("coordinate_transformation_mode", "half_pixel") === "tf_crop_and_resize";
    const moves = axes
      .map((axis, i) => ({ axis, plan: plans[i]! }))
      .filter(({ axis, plan }) => crops || plan.taps.length !== x.dims[axis] || plan.taps.some((tap, at) => tap.indices.length !== 1 || tap.indices[0] !== at));
    const names = x.dims.map((_, d) => (rank === 4 ? ["n", "c", "h", "w"][d]! : `i${d}`));
    const outside = (v: readonly Expression[], value: Expression): Expression => {
      if (!crops) return value;
      const flags = moves.filter(({ plan }) => plan.outside.length > 0);
      return flags.reduce((e, { axis, plan }) => {
        const flag = context.table(`outside_${axis}`, "int32", [plan.taps.length], plan.taps.map((_, i) => (plan.outside.includes(i) ? 1 : 0)));
        return select(eq(cast("index", load(flag, [v[axis]!])), 1), number(y.element, attributes.float("extrapolation_value", 0)), e);
      }, value);
    };
    if (moves.length === 0) return nest("resize", spatialAxes(y.dims, names), (v) => store(y, v, load(x, v)));
    if (attributes.string("mode", "nearest") === "nearest") {
      const tables = new Map(moves.map(({ axis, plan }) => [axis, plan.taps.map((tap) => tap.indices[0]!)]));
      return nest("resize", spatialAxes(y.dims, names), (v) => {
        const place = v.map((e, d) => (tables.has(d) ? sourceIndex(context, tables.get(d)!, e, `source_${d}`) : e));
        return store(y, v, outside(v, load(x, place)));
      });
    }
    // One axis after the other, in float.
    const work = x.element === "float64" ? "float64" : "float32";
    const statements: Statement[] = [];
    let from = x;
    for (const [m, { axis, plan }] of moves.entries()) {
      const dims = from.dims.map((d, i) => (i === axis ? plan.taps.length : d));
      const to = m === moves.length - 1 && !crops && !isInteger(y.element) ? y : context.local(`along_${axis}`, work, dims);
      statements.push(...blend(context, from, to, axis, plan, names));
      from = to;
    }
    if (from === y) return statements;
    const last = from;
    const range = isInteger(y.element) && y.element !== "int64" && y.element !== "uint64" ? integerRange(y.element) : undefined;
    statements.push(
      ...nest("finish", spatialAxes(y.dims, names), (v) => {
        const value = load(last, v);
        const clamped = range ? min(max(value, number(work, range[0])), number(work, range[1])) : value;
        return store(y, v, outside(v, cast(y.element, clamped)));
      }),
    );
    return statements;
  },
};

/** Weighted sums along one axis; places with fewer taps than others get weights of 0. */
function blend(context: LoweringContext, from: Buffer, to: Buffer, axis: number, plan: AxisPlan, names: readonly string[]): readonly Statement[] {
  const size = from.dims[axis]!;
  const count = Math.max(...plan.taps.map((t) => t.indices.length), 1);
  const pad = <T>(list: readonly T[], filler: T): T[] => Array.from({ length: count }, (_, i) => list[i] ?? filler);
  const indices = context.table(`taps_${axis}`, "int32", [plan.taps.length, count], plan.taps.flatMap((t) => pad(t.indices, Math.min(t.indices[0] ?? 0, size - 1))));
  const weights = context.table(`weights_${axis}`, to.element, [plan.taps.length, count], plan.taps.flatMap((t) => pad(t.weights, 0)));
  return nest(
    `resize_${axis}`,
    [...spatialAxes(to.dims, names), { name: "k", extent: count, kind: "reduce" }],
    (v) => {
      const out = v.slice(0, to.dims.length);
      const k = v[to.dims.length]!;
      const place = out.map((e, d) => (d === axis ? cast("index", load(indices, [e, k])) : e));
      return store(to, out, add(load(to, out), mul(load(weights, [out[axis]!, k]), cast(to.element, load(from, place)))));
    },
    (v) => store(to, v.slice(0, to.dims.length), zero(to.element)),
  );
}

/** A float as an index within 0 .. extent - 1. */
const clampedIndex = (e: Expression, extent: number): Expression => min(max(cast("index", e), 0), Math.max(0, extent - 1));

/** Keys 1981, as a function of the distance (not negative), with parameter a. */
function cubic(t: Expression, a: number): Expression {
  const c = (v: number): Expression => number("float64", v);
  const near = add(mul(mul(sub(mul(c(a + 2), t), c(a + 3)), t), t), c(1));
  const far = sub(mul(mul(add(mul(sub(t, c(5)), t), c(8)), t), c(a)), c(4 * a));
  return select(binary("le", t, c(1)), near, select(binary("lt", t, c(2)), far, c(0)));
}

/** Places are computed in double: rounding must not move a place that lies just between two elements. */
export const gridSampleLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const grid = inputOf(context, 1);
    const y = outputOf(context);
    const [batch, channels, ...spatial] = x.dims as [number, number, ...number[]];
    const rank = spatial.length;
    const output = grid.dims.slice(1, -1);
    const aligned = context.attributes.int("align_corners", 0) !== 0;
    const mode = { bilinear: "linear", bicubic: "cubic" }[context.attributes.string("mode", "linear")] ?? context.attributes.string("mode", "linear");
    const padding = context.attributes.string("padding_mode", "zeros");
    if (!["linear", "nearest", "cubic"].includes(mode) || !["zeros", "border", "reflection"].includes(padding)) throw notLowered(context, `it samples by ${mode} with ${padding}`);
    const c = (v: number): Expression => number("float64", v);
    const reflect = (at: Expression, low: number, high: number): Expression => {
      const range = high - low;
      if (range <= 0) return c(low);
      const below = binary("lt", at, c(low));
      const away = select(below, sub(c(low), at), sub(at, c(high)));
      const turns = unary("floor", div(away, c(range)));
      const rest = sub(away, mul(turns, c(range)));
      const even = binary("eq", binary("fmod", turns, c(2)), c(0));
      // From below it comes back rising, from above falling; each turn changes that.
      return select(or(and(below, even), and(unary("not", below), unary("not", even))), add(c(low), rest), sub(c(high), rest));
    };
    const taps = mode === "nearest" ? 1 : mode === "linear" ? 2 : 4;
    return forAll(
      [batch, ...output],
      (v) => {
        const statements: Statement[] = [];
        const places = spatial.map((size, d) => {
          // Along a dimension of one element there is nothing to choose.
          if (size === 1 && mode === "nearest" && padding !== "zeros") return [{ index: integer(0), weight: c(1) }];
          const low = aligned ? 0 : -0.5;
          const high = aligned ? size - 1 : size - 0.5;
          const at = scalar(`at_${d}`, "float64");
          const base = scalar(`base_${d}`, "float64");
          statements.push(at.allocate);
          // The grid names the last dimension first.
          const given = cast("float64", load(grid, [...v, integer(rank - 1 - d)]));
          const moved = add(given, c(1));
          const raw = aligned ? mul(div(moved, c(2)), c(size - 1)) : div(sub(mul(moved, c(size)), c(1)), c(2));
          statements.push(at.set(mode === "nearest" ? unary("round", raw) : raw));
          if (mode !== "cubic" && padding !== "zeros") {
            const out = or(binary("lt", at.get, c(low)), binary("gt", at.get, c(high)));
            statements.push(at.set(select(out, padding === "border" ? min(max(at.get, c(0)), c(size - 1)) : reflect(at.get, low, high), at.get)));
          }
          if (mode !== "nearest") statements.push(base.allocate, base.set(unary("floor", at.get)));
          const part = sub(at.get, base.get);
          const along = Array.from({ length: taps }, (_, k) => {
            const index = scalar(`index_${d}_${k}`, "int64");
            const weight = scalar(`weight_${d}_${k}`, "float64");
            statements.push(weight.allocate, ...(size > 1 ? [index.allocate] : []));
            const place = mode === "nearest" ? at.get : add(base.get, c(mode === "cubic" ? k - 1 : k));
            const share = mode === "nearest" ? c(1) : mode === "linear" ? (k === 0 ? sub(c(1), part) : part) : cubic(unary("abs", sub(part, c(k - 1))), -0.75);
            const inside = and(binary("ge", place, c(0)), binary("lt", place, c(size)));
            const elsewhere = padding === "border" ? min(max(place, c(0)), c(size - 1)) : padding === "reflection" ? unary("trunc", reflect(place, low, high)) : c(0);
            if (size > 1) statements.push(index.set(cast("int64", select(inside, place, elsewhere))));
            statements.push(weight.set(padding === "zeros" ? select(inside, share, c(0)) : share));
            return { index: size > 1 ? clampedIndex(index.get, size) : integer(0), weight: weight.get };
          });
          return along;
        });
        statements.push(
          forEach("c", channels, (channel) => {
            const corners: Expression[] = [];
            const visit = (d: number, at: readonly Expression[], weight: Expression | undefined): void => {
              if (d === rank) {
                const value = cast("float64", load(x, [v[0]!, channel, ...at]));
                corners.push(weight ? select(binary("eq", weight, c(0)), c(0), mul(weight, value)) : value);
                return;
              }
              for (const tap of places[d]!) visit(d + 1, [...at, tap.index], weight ? mul(weight, tap.weight) : tap.weight);
            };
            visit(0, [], undefined);
            return [step("sample", y, [v[0]!, channel, ...v.slice(1)], cast(y.element, corners.reduce(add)))];
          }),
        );
        return statements;
      },
      ["n", ...output.map((_, d) => `o${d}`)],
    );
  },
};

/** Regions of interest, sampled at a fixed number of places in each cell. */
export const roiAlignLowering: Lowering = {
  build(context) {
    const [x, rois, batches] = [0, 1, 2].map((i) => inputOf(context, i)) as [Buffer, Buffer, Buffer];
    const y = outputOf(context);
    const { attributes } = context;
    const ratio = attributes.int("sampling_ratio", 0);
    if (ratio <= 0) throw notLowered(context, "sampling_ratio is 0: the number of samples depends on the regions");
    const [batchSize, channels, height, width] = x.dims as [number, number, number, number];
    const [count, , rows, columns] = y.dims as [number, number, number, number];
    const scale = attributes.float("spatial_scale", 1);
    const shifted = attributes.string("coordinate_transformation_mode", "half_pixel") === "half_pixel";
    const largest = attributes.string("mode", "avg") === "max";
    const c = (v: number): Expression => number("float64", v);
    return forAll(
      [count, rows, columns],
      ([r, i, j]) => {
        const edges = ["x1", "y1", "x2", "y2"].map((name) => scalar(name, "float64"));
        const names = ["at_y", "at_x", "part_y", "part_x"];
        const parts = names.map((name) => scalar(name, "float64"));
        const indices = ["top", "bottom", "left", "right"].map((name) => scalar(name, "int64"));
        const inside = scalar("inside", "bool");
        const box = (k: number): Expression => sub(mul(cast("float64", load(rois, [r!, integer(k)])), c(scale)), c(shifted ? 0.5 : 0));
        const cell = (from: Expression, to: Expression, cells: number): Expression => {
          const span = sub(to, from);
          return div(shifted ? span : max(span, c(1)), c(cells));
        };
        const [x1, y1, x2, y2] = edges.map((e) => e.get) as [Expression, Expression, Expression, Expression];
        const batch = min(max(cast("index", load(batches, [r!])), 0), batchSize - 1);
        const place = (start: Expression, at: Expression, sample: Expression, size: Expression): Expression =>
          add(start, mul(add(cast("float64", at), div(add(cast("float64", sample), c(0.5)), c(ratio))), size));
        const along = (at: Expression, low: number, high: number, part: number, size: number): Statement[] => [
          indices[low]!.set(cast("int64", min(unary("floor", max(at, c(0))), c(size - 1)))),
          indices[high]!.set(cast("int64", min(add(unary("floor", max(at, c(0))), c(1)), c(size - 1)))),
          parts[part]!.set(select(binary("ge", unary("floor", max(at, c(0))), c(size - 1)), c(0), sub(max(at, c(0)), unary("floor", max(at, c(0)))))),
        ];
        const [atY, atX, partY, partX] = parts.map((e) => e.get) as [Expression, Expression, Expression, Expression];
        const index = (k: number): Expression => clampedIndex(indices[k]!.get, k < 2 ? height : width);
        return [
          ...edges.map((e) => e.allocate),
          ...edges.map((e, k) => e.set(box(k))),
          forEach("c", channels, (channel) => [step("begin", y, [r!, channel, i!, j!], number(y.element, largest ? -Infinity : 0))]),
          forEach("a", ratio, (a) => [
            forEach("b", ratio, (b) => [
              ...parts.map((e) => e.allocate),
              ...indices.map((e) => e.allocate),
              inside.allocate,
              parts[0]!.set(place(y1, i!, a, cell(y1, y2, rows))),
              parts[1]!.set(place(x1, j!, b, cell(x1, x2, columns))),
              inside.set(and(and(binary("ge", atY, c(-1)), binary("le", atY, c(height))), and(binary("ge", atX, c(-1)), binary("le", atX, c(width))))),
              ...along(atY, 0, 1, 2, height),
              ...along(atX, 2, 3, 3, width),
              forEach("c", channels, (channel) => {
                const one = c(1);
                const shares = [mul(sub(one, partY), sub(one, partX)), mul(sub(one, partY), partX), mul(partY, sub(one, partX)), mul(partY, partX)];
                const terms = [[0, 2], [0, 3], [1, 2], [1, 3]].map(([u, w], k) => mul(cast("float64", load(x, [batch, channel, index(u!), index(w!)])), shares[k]!));
                const target = [r!, channel, i!, j!];
                const value = select(inside.get, largest ? terms.reduce((p, q) => max(p, q)) : terms.reduce(add), c(0));
                const old = load(y, target);
                return [step("sample", y, target, largest ? max(old, cast(y.element, value)) : add(old, cast(y.element, value)))];
              }),
            ]),
          ]),
          ...(largest ? [] : [forEach("c", channels, (channel) => [step("mean", y, [r!, channel, i!, j!], div(load(y, [r!, channel, i!, j!]), number(y.element, ratio * ratio)))])]),
        ];
      },
      ["r", "i", "j"],
    );
  },
};

/** Convolution whose taps are moved by data: samples first, then a plain product with the filters. */
export const deformConvLowering: Lowering = {
  build(context) {
    const [x, w, offset] = [0, 1, 2].map((i) => inputOf(context, i)) as [Buffer, Buffer, Buffer];
    const bias = context.inputs[3];
    const mask = context.inputs[4];
    const y = outputOf(context);
    const type = y.element;
    const [batch, channels, ...input] = x.dims as [number, number, ...number[]];
    const [features, perGroup, ...kernel] = w.dims as [number, number, ...number[]];
    const output = y.dims.slice(2);
    const rank = input.length;
    const groups = context.attributes.int("group", 1);
    const offsetGroups = context.attributes.int("offset_group", 1);
    const perOffset = channels / offsetGroups;
    const outPerGroup = features / groups;
    const { strides, dilations, begin } = windowOf(context, input, output, kernel);
    const taps = elementCount(kernel);
    const samples = context.local("samples", type, [batch, channels, ...kernel, ...output]);
    const flat = (indices: readonly Expression[], dims: readonly number[]): Expression => indices.reduce<Expression>((at, e, d) => add(mul(at, dims[d]!), e), integer(0));
    const sampling = forAll(
      [batch, offsetGroups, ...kernel, ...output],
      (v) => {
        const [n, g] = v as readonly [Variable, Variable];
        const tap = v.slice(2, 2 + rank);
        const at = v.slice(2 + rank);
        const statements: Statement[] = [];
        const axes = input.map((size, d) => {
          const point = scalar(`point_${d}`, type);
          const base = scalar(`base_${d}`, type);
          statements.push(point.allocate, base.allocate);
          const row = add(mul(add(mul(g, taps), flat(tap, kernel)), rank), d);
          const fixed = cast(type, sub(add(mul(at[d]!, strides[d]!), mul(tap[d]!, dilations[d]!)), begin[d]!));
          statements.push(point.set(add(fixed, load(offset, [n, row, ...at]))), base.set(unary("floor", point.get)));
          const part = sub(point.get, base.get);
          return [0, 1].map((up) => {
            const place = add(base.get, number(type, up));
            const inside = and(binary("ge", place, zero(type)), binary("lt", place, number(type, size)));
            return { inside, index: clampedIndex(place, size), weight: up ? part : sub(number(type, 1), part) };
          });
        });
        const factor = mask ? load(mask, [n, add(mul(g, taps), flat(tap, kernel)), ...at]) : undefined;
        statements.push(
          forEach("c", perOffset, (c) => {
            const channel = add(mul(g, perOffset), c);
            const corners: Expression[] = [];
            for (let corner = 0; corner < 1 << rank; corner++) {
              const picks = axes.map((axis, d) => axis[(corner >> d) & 1]!);
              corners.push(select(all(picks.map((p) => p.inside)), mul(load(x, [n, channel, ...picks.map((p) => p.index)]), picks.map((p) => p.weight).reduce(mul)), zero(type)));
            }
            const value = corners.reduce(add);
            return [step("sample", samples, [n, channel, ...tap, ...at], factor ? mul(value, factor) : value)];
          }),
        );
        return statements;
      },
      ["n", "g", ...kernel.map((_, d) => `k${d}`), ...output.map((_, d) => `o${d}`)],
    );
    const place = (v: readonly Variable[]): Expression[] => [v[0]!, add(mul(v[1]!, outPerGroup), v[2]!), ...v.slice(3, 3 + rank)];
    return [
      ...sampling,
      ...nest(
        "deform_conv",
        [
          { name: "n", extent: batch },
          { name: "g", extent: groups },
          { name: "oc", extent: outPerGroup },
          ...output.map((extent, d) => ({ name: windowNames.spatial(rank)[d]!, extent })),
          { name: "ic", extent: perGroup, kind: "reduce" as const },
          ...kernel.map((extent, d) => ({ name: windowNames.kernel(rank)[d]!, extent, kind: "reduce" as const })),
        ],
        (v) => {
          const out = place(v);
          const ic = v[3 + rank]!;
          const tap = v.slice(4 + rank);
          return store(y, out, add(load(y, out), mul(load(samples, [v[0]!, add(mul(v[1]!, perGroup), ic), ...tap, ...out.slice(2)]), load(w, [out[1]!, ic, ...tap]))));
        },
        (v) => store(y, place(v), bias ? load(bias, [place(v)[1]!]) : zero(type)),
      ),
    ];
  },
};
