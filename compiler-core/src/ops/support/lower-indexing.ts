import { elementTypes } from "../../ir/element-type.ts";
import { elementAt } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { flatten, unflatten } from "../../tensor/access.ts";
import { nest, step, store } from "../../tensor/build.ts";
import { add, all, binary, cast, div, eq, floordiv, floormod, ge, integer, load, lt, max, min, mul, number, select, sub } from "../../tensor/expression.ts";
import type { Lowering, LoweringContext } from "../../tensor/lowering.ts";
import type { BinaryOp, Buffer, Expression, Statement } from "../../tensor/program.ts";
import { forAll, inputOf, integersOf, normalizeAxis, notLowered, outputOf, spatialAxes, zero } from "./lower-common.ts";
import { windowNames, windowOf } from "./lower-contraction.ts";

/** Places that data decide: gathers and scatters; and those that the indices themselves decide. An index outside its axis is clamped, so that no input reaches other memory. */

/** An index that data give: negative ones count from the end. */
export function dataIndex(e: Expression, extent: number): Expression {
  const raw = cast("index", e);
  return min(max(select(lt(raw, 0), add(raw, extent), raw), 0), Math.max(0, extent - 1));
}

/** Picks slices along an axis. */
export const gatherLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const indices = inputOf(context, 1);
    const y = outputOf(context);
    const axis = normalizeAxis(context.attributes.int("axis", 0), x.dims.length);
    const rank = indices.dims.length;
    return nest("gather", spatialAxes(y.dims), (v) => {
      const at = dataIndex(load(indices, v.slice(axis, axis + rank)), x.dims[axis]!);
      return store(y, v, load(x, [...v.slice(0, axis), at, ...v.slice(axis + rank)]));
    });
  },
};

export const gatherElementsLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const indices = inputOf(context, 1);
    const y = outputOf(context);
    const axis = normalizeAxis(context.attributes.int("axis", 0), x.dims.length);
    return nest("gather_elements", spatialAxes(y.dims), (v) => store(y, v, load(x, v.map((e, d) => (d === axis ? dataIndex(load(indices, v), x.dims[d]!) : e)))));
  },
};

export const gatherNdLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const indices = inputOf(context, 1);
    const y = outputOf(context);
    const batch = context.attributes.int("batch_dims", 0);
    const tuple = indices.dims[indices.dims.length - 1]!;
    const outer = indices.dims.length - 1;
    return nest("gather_nd", spatialAxes(y.dims, y.dims.map((_, d) => `i${d}`)), (v) => {
      const place = [
        ...v.slice(0, batch),
        ...Array.from({ length: tuple }, (_, k) => dataIndex(load(indices, [...v.slice(0, outer), integer(k)]), x.dims[batch + k]!)),
        ...v.slice(outer),
      ];
      return store(y, v, load(x, place));
    });
  },
};

const joins: Readonly<Record<string, BinaryOp>> = { add: "add", mul: "mul", max: "max", min: "min" };
/** The sum of two truths is a truth. */
const joinsOfTruths: Readonly<Record<string, BinaryOp>> = { add: "or", mul: "and", max: "or", min: "and" };

/** What stands at a place once an update has joined it. */
function joined(context: LoweringContext, y: Buffer, place: readonly Expression[], update: Expression): Expression {
  const reduction = context.attributes.string("reduction", "none");
  if (reduction === "none") return update;
  const op = (y.element === "bool" ? joinsOfTruths : joins)[reduction];
  if (!op) throw notLowered(context, `the reduction ${JSON.stringify(reduction)} is not known`);
  return binary(op, load(y, place), update);
}

const copyOf = (x: Buffer, y: Buffer): readonly Statement[] => nest("copy", spatialAxes(y.dims, y.dims.map((_, d) => `d${d}`)), (v) => store(y, v, load(x, v)));

export const scatterElementsLowering: Lowering = {
  build(context) {
    const [x, indices, updates] = [0, 1, 2].map((i) => inputOf(context, i)) as [Buffer, Buffer, Buffer];
    const y = outputOf(context);
    const axis = normalizeAxis(context.attributes.int("axis", 0), x.dims.length);
    return [
      ...copyOf(x, y),
      ...forAll(indices.dims, (v) => {
        const place = v.map((e, d) => (d === axis ? dataIndex(load(indices, v), x.dims[d]!) : e));
        return [step("scatter", y, place, joined(context, y, place, load(updates, v)))];
      }),
    ];
  },
};

export const scatterNdLowering: Lowering = {
  build(context) {
    const [x, indices, updates] = [0, 1, 2].map((i) => inputOf(context, i)) as [Buffer, Buffer, Buffer];
    const y = outputOf(context);
    const tuple = indices.dims[indices.dims.length - 1]!;
    const outer = indices.dims.length - 1;
    return [
      ...copyOf(x, y),
      ...forAll(updates.dims, (v) => {
        const place = [...Array.from({ length: tuple }, (_, k) => dataIndex(load(indices, [...v.slice(0, outer), integer(k)]), x.dims[k]!)), ...v.slice(outer)];
        return [step("scatter", y, place, joined(context, y, place, load(updates, v)))];
      }),
    ];
  },
};

/** An index outside of what 32 bits hold stays outside of every axis where it is cut to them, as WebAssembly does. */
function farOff(index: Expression, element: Buffer["element"]): Expression {
  const { kind, bits } = elementTypes[element];
  if (bits < 32 || (bits === 32 && kind === "int")) return index;
  const below = min(index, number(element, 2 ** 31 - 128));
  return kind === "uint" ? below : max(below, number(element, -(2 ** 31)));
}

/** The depth is known at compile time; an index outside it gives off-values only. */
export const oneHotLowering: Lowering = {
  compileTimeInputs: [1],
  build(context) {
    const indices = inputOf(context, 0);
    const values = inputOf(context, 2);
    const y = outputOf(context);
    const axis = normalizeAxis(context.attributes.int("axis", -1), y.dims.length);
    const depth = y.dims[axis]!;
    return nest("one_hot", spatialAxes(y.dims, y.dims.map((_, d) => `i${d}`)), (v) => {
      const raw = cast("index", farOff(load(indices, v.filter((_, d) => d !== axis)), indices.element));
      const at = select(lt(raw, 0), add(raw, depth), raw);
      return store(y, v, select(eq(at, v[axis]!), load(values, [1]), load(values, [0])));
    });
  },
};

export const triluLowering: Lowering = {
  compileTimeInputs: [1],
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const k = integersOf(context, 1, "diagonal")?.[0] ?? 0;
    const upper = context.attributes.int("upper", 1) !== 0;
    return nest("trilu", spatialAxes(y.dims, y.dims.map((_, d) => `i${d}`)), (v) => {
      const diagonal = sub(v[v.length - 1]!, v[v.length - 2]!);
      return store(y, v, select(upper ? ge(diagonal, k) : lt(diagonal, k + 1), load(x, v), zero(y.element)));
    });
  },
};

export const eyeLikeLowering: Lowering = {
  compileTimeInputs: [],
  build(context) {
    const y = outputOf(context);
    const k = context.attributes.int("k", 0);
    return nest("eye", spatialAxes(y.dims, ["i", "j"]), ([i, j]) => store(y, [i!, j!], select(eq(sub(j!, i!), k), number(y.element, 1), zero(y.element))));
  },
};

/** The number of steps is known at compile time. */
export const rangeLowering: Lowering = {
  compileTimeInputs: [0, 1, 2],
  build(context) {
    const y = outputOf(context);
    const [start, , delta] = [0, 1, 2].map((i) => {
      const t = context.constant(i);
      if (!t) throw notLowered(context, "its bounds are computed at run time");
      return elementAt(t, 0);
    }) as [number | bigint, number | bigint, number | bigint];
    return nest("range", spatialAxes(y.dims), ([i]) => store(y, [i!], add(number(y.element, start), mul(cast(y.element, i!), number(y.element, delta)))));
  },
};

export const reverseSequenceLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const lengths = inputOf(context, 1);
    const y = outputOf(context);
    const batch = context.attributes.int("batch_axis", 1);
    const time = context.attributes.int("time_axis", 0);
    const extent = x.dims[time]!;
    return nest("reverse", spatialAxes(y.dims, y.dims.map((_, d) => `i${d}`)), (v) => {
      const length = min(max(cast("index", load(lengths, [v[batch]!])), 0), extent);
      const t = v[time]!;
      const from = select(lt(t, length), max(sub(sub(length, 1), t), 0), t);
      return store(y, v, load(x, v.map((e, d) => (d === time ? from : e))));
    });
  },
};

export const maxUnpoolLowering: Lowering = {
  compileTimeInputs: [2],
  build(context) {
    const x = inputOf(context, 0);
    const places = inputOf(context, 1);
    const y = outputOf(context);
    const kernel = context.attributes.ints("kernel_shape")!;
    const strides = context.attributes.ints("strides") ?? kernel.map(() => 1);
    const pads = context.attributes.ints("pads") ?? kernel.flatMap(() => [0, 0]);
    const inner = x.dims.map((size, d) => (d < 2 ? size : (size - 1) * strides[d - 2]! + kernel[d - 2]! - pads[d - 2]! - pads[d - 2 + kernel.length]!));
    return [
      ...nest("clear", spatialAxes(y.dims, y.dims.map((_, d) => `d${d}`)), (v) => store(y, v, zero(y.element))),
      ...forAll(x.dims, (v) => {
        // Places count within the size that the window gives.
        const at = unflatten(min(max(cast("index", load(places, v)), 0), elementCount(inner) - 1), inner);
        return [step("unpool", y, at.map((e, d) => min(e, y.dims[d]! - 1)), load(x, v))];
      }),
    ];
  },
};

/** Each element of the image is the sum of the taps that were cut from it. */
export const col2imLowering: Lowering = {
  compileTimeInputs: [1, 2],
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const image = y.dims.slice(2);
    const block = integersOf(context, 2, "block shape")!;
    const rank = image.length;
    const { strides, dilations, begin, end } = windowOf(context, image, image, block);
    const counts = image.map((size, d) => Math.floor((size + begin[d]! + end[d]! - (block[d]! - 1) * dilations[d]! - 1) / strides[d]!) + 1);
    const taps = elementCount(block);
    const names = windowNames.spatial(rank);
    return nest(
      "fold_columns",
      [...spatialAxes(y.dims, ["n", "c", ...names]), ...block.map((extent, d) => ({ name: windowNames.kernel(rank)[d]!, extent, kind: "reduce" as const }))],
      (v) => {
        const out = v.slice(0, 2 + rank);
        const tap = v.slice(2 + rank);
        const reach = image.map((_, d) => sub(add(v[2 + d]!, begin[d]!), mul(tap[d]!, dilations[d]!)));
        const inside = all(reach.flatMap((r, d) => [ge(r, 0), lt(r, counts[d]! * strides[d]!), ...(strides[d]! > 1 ? [eq(floormod(r, strides[d]!), 0)] : [])]));
        const row = add(mul(v[1]!, taps), flatten(tap, block));
        const column = flatten(reach.map((r, d) => floordiv(r, strides[d]!)), counts);
        return store(y, out, add(load(y, out), select(inside, load(x, [v[0]!, row, min(max(column, 0), elementCount(counts) - 1)]), zero(y.element))));
      },
      (v) => store(y, v.slice(0, 2 + rank), zero(y.element)),
    );
  },
};

/** Keeps entries that a condition chooses; the condition is known at compile time, since it decides the shape. */
export const compressLowering: Lowering = {
  compileTimeInputs: [1],
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const chosen = integersOf(context, 1, "conditions")!.flatMap((c, i) => (c ? [i] : []));
    const axis = context.attributes.optionalInt("axis");
    const table = context.table("chosen", "int32", [chosen.length], chosen);
    if (axis === undefined) return nest("compress", spatialAxes(y.dims), ([i]) => store(y, [i!], load(x, unflatten(cast("index", load(table, [i!])), x.dims))));
    const along = normalizeAxis(axis, x.dims.length);
    return nest("compress", spatialAxes(y.dims), (v) => store(y, v, load(x, v.map((e, d) => (d === along ? cast("index", load(table, [e])) : e)))));
  },
};

export const affineGridLowering: Lowering = {
  compileTimeInputs: [1],
  build(context) {
    const theta = inputOf(context, 0);
    const y = outputOf(context);
    const type = y.element;
    const aligned = context.attributes.int("align_corners", 0) !== 0;
    const spatial = y.dims.slice(1, -1);
    const rank = spatial.length;
    const place = (i: Expression, size: number): Expression => {
      const at = cast(type, i);
      if (aligned) return size === 1 ? number(type, 0) : sub(div(mul(number(type, 2), at), number(type, size - 1)), number(type, 1));
      return sub(div(add(mul(number(type, 2), at), number(type, 1)), number(type, size)), number(type, 1));
    };
    return nest("affine_grid", spatialAxes(y.dims, ["n", ...spatial.map((_, d) => `s${d}`), "row"]), (v) => {
      const n = v[0]!;
      const row = v[v.length - 1]!;
      // Coordinates go x, y, z: the last dimension first.
      const point = spatial.map((size, d) => place(v[1 + d]!, size)).reverse();
      const sums = point.map((p, k) => mul(load(theta, [n, row, integer(k)]), p));
      return store(y, v, sums.reduce(add, load(theta, [n, row, integer(rank)])));
    });
  },
};
