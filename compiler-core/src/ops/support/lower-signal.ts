import { toNumbers } from "../../ir/tensor.ts";
import { nest, store } from "../../tensor/build.ts";
import { add, cast, floormod, integer, load, mul, number, select, eq, binary, sub, unary } from "../../tensor/expression.ts";
import type { Lowering, LoweringContext } from "../../tensor/lowering.ts";
import type { Buffer, Expression, Variable } from "../../tensor/program.ts";
import { inputOf, integersOf, normalizeAxis, notLowered, outputOf, spatialAxes, zero } from "./lower-common.ts";

/** Transforms as sums over a table of one turn: exact in the sizes that models use, and without a library. */

/** exp(-2 pi i k / n) for k < n, as two tables. */
function turn(context: LoweringContext, type: Buffer["element"], n: number): { cos: Buffer; sin: Buffer } {
  const angles = Array.from({ length: n }, (_, k) => (2 * Math.PI * k) / n);
  return { cos: context.table("cosines", type, [n], angles.map(Math.cos)), sin: context.table("sines", type, [n], angles.map((a) => -Math.sin(a))) };
}

export const dftLowering: Lowering = {
  compileTimeInputs: [1, 2],
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const type = y.element;
    const rank = x.dims.length;
    const lanes = x.dims[rank - 1]!;
    const inverse = context.attributes.int("inverse", 0) !== 0;
    const onesided = context.attributes.int("onesided", 0) !== 0;
    const axis = normalizeAxis(integersOf(context, 2, "axis")?.[0] ?? -2, rank);
    const size = x.dims[axis]!;
    const length = integersOf(context, 1, "length")?.[0] ?? (inverse && onesided ? 2 * (size - 1) : size);
    // Onesided inverse transforms give half of the bins; the others are their conjugates.
    const mirrored = inverse && onesided;
    const given = mirrored ? Math.min(size, Math.floor(length / 2) + 1) : Math.min(size, length);
    const { cos, sin } = turn(context, type, length);
    const names = x.dims.map((_, d) => `i${d}`);
    const spec = [...spatialAxes(y.dims, names), { name: "t", extent: given, kind: "reduce" as const }];
    const sums = inverse ? context.local("sums", type, y.dims) : y;
    const term = (v: readonly Variable[]): Expression => {
      const t = v[rank]!;
      const part = v[rank - 1]!;
      const at = (lane: number): Expression[] => v.slice(0, rank).map((e, d) => (d === axis ? t : d === rank - 1 ? integer(lane) : e));
      const place = floormod(mul(v[axis]!, t), length);
      const re = load(x, at(0));
      const im = lanes === 2 ? load(x, at(1)) : undefined;
      const c = load(cos, [place]);
      const s = inverse ? unary("neg", load(sin, [place])) : load(sin, [place]);
      const real = im ? sub(mul(re, c), mul(im, s)) : mul(re, c);
      if (mirrored) {
        // A bin and its conjugate add up to twice the real part; bin 0 and the middle one stand alone.
        const alone = length % 2 === 0 ? binary("or", eq(t, 0), eq(t, length / 2)) : eq(t, 0);
        return select(alone, mul(re, c), mul(number(type, 2), real));
      }
      const imaginary = im ? add(mul(re, s), mul(im, c)) : mul(re, s);
      return y.dims[rank - 1] === 1 ? real : select(eq(part, 0), real, imaginary);
    };
    const out = (v: readonly Variable[]): readonly Variable[] => v.slice(0, rank);
    return [
      ...nest("dft", spec, (v) => store(sums, out(v), add(load(sums, out(v)), term(v))), (v) => store(sums, out(v), zero(type))),
      ...(inverse ? nest("scale", spatialAxes(y.dims, names), (v) => store(y, v, mul(load(sums, v), number(type, 1 / length)))) : []),
    ];
  },
};

export const stftLowering: Lowering = {
  compileTimeInputs: [1, 3],
  build(context) {
    const x = inputOf(context, 0);
    const window = context.inputs[2];
    const y = outputOf(context);
    const type = y.element;
    const [, size, lanes] = x.dims as [number, number, number];
    const step = integersOf(context, 1, "frame step")![0]!;
    const length = integersOf(context, 3, "frame length")?.[0] ?? window?.dims[0] ?? size;
    const { cos, sin } = turn(context, type, length);
    return nest(
      "stft",
      [...spatialAxes(y.dims, ["b", "f", "k", "part"]), { name: "t", extent: length, kind: "reduce" }],
      (v) => {
        const [b, f, k, part, t] = v as unknown as readonly [Variable, Variable, Variable, Variable, Variable];
        const at = add(mul(f, step), t);
        const factor = window ? load(window, [t]) : undefined;
        const lane = (i: number): Expression => (factor ? mul(load(x, [b, at, integer(i)]), factor) : load(x, [b, at, integer(i)]));
        const place = floormod(mul(k, t), length);
        const [c, s] = [load(cos, [place]), load(sin, [place])];
        const real = lanes === 2 ? sub(mul(lane(0), c), mul(lane(1), s)) : mul(lane(0), c);
        const imaginary = lanes === 2 ? add(mul(lane(0), s), mul(lane(1), c)) : mul(lane(0), s);
        return store(y, [b, f, k, part], add(load(y, [b, f, k, part]), select(eq(part, 0), real, imaginary)));
      },
      (v) => store(y, v.slice(0, 4), zero(type)),
    );
  },
};

/** Values that scalar inputs known at compile time decide, as a table. */
export const tableLowering = (inputs: number, values: (scalars: readonly number[]) => ArrayLike<number>): Lowering => ({
  compileTimeInputs: Array.from({ length: inputs }, (_, i) => i),
  build(context) {
    const y = outputOf(context);
    const scalars = Array.from({ length: inputs }, (_, i) => {
      const given = context.constant(i);
      if (!given) throw notLowered(context, `its input ${i} is computed at run time`);
      return toNumbers(given)[0]!;
    });
    const table = context.table("values", y.element === "float64" ? "float64" : "float32", y.dims, Array.from(values(scalars)));
    return nest("table", spatialAxes(y.dims), (v) => store(y, v, cast(y.element, load(table, v))));
  },
});

/** A sum of cosines as a table: its length is known at compile time. */
export const cosineWindowLowering = (coefficients: readonly number[]): Lowering => ({
  compileTimeInputs: [0],
  build(context) {
    const y = outputOf(context);
    const size = y.dims[0]!;
    const period = context.attributes.int("periodic", 1) !== 0 ? size : size - 1;
    const values = Array.from({ length: size }, (_, n) => coefficients.reduce((sum, a, k) => sum + (k % 2 === 0 ? a : -a) * Math.cos((2 * Math.PI * k * n) / period), 0));
    const type = y.element === "float64" ? "float64" : "float32";
    const table = context.table("window", type, [size], values);
    return nest("window", spatialAxes(y.dims), ([i]) => store(y, [i!], cast(y.element, load(table, [i!]))));
  },
});
