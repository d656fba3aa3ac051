import { type AxisSpec, nest, store } from "../../tensor/build.ts";
import { add, all, ge, integer, load, lt, mul, number, select, sub } from "../../tensor/expression.ts";
import type { Lowering, LoweringContext } from "../../tensor/lowering.ts";
import type { Buffer, Expression, Statement, Variable } from "../../tensor/program.ts";
import { broadcastIndices, inputOf, notLowered, outputOf, spatialAxes, zero } from "./lower-common.ts";

/** Convolutions and matrix products: blocks with reduce axes whose schedule is chosen by rule. */

export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** before the first element of each spatial dimension */
  readonly begin: readonly number[];
  /** after the last one; with ceil_mode the window may reach further */
  readonly end: readonly number[];
}

/** kernel_shape, strides, dilations, pads and auto_pad of Conv and the pools, for input and output spatial sizes. */
export function windowOf(context: LoweringContext, input: readonly number[], output: readonly number[], kernel: readonly number[]): Window {
  const a = context.attributes;
  const rank = input.length;
  const ones = new Array<number>(rank).fill(1);
  const strides = a.ints("strides") ?? ones;
  const dilations = a.ints("dilations") ?? ones;
  const mode = a.string("auto_pad", "NOTSET");
  const pads = a.ints("pads") ?? new Array<number>(2 * rank).fill(0);
  let begin = pads.slice(0, rank);
  let end = pads.slice(rank);
  if (mode !== "NOTSET" && mode !== "") {
    const total = input.map((size, d) => Math.max(0, (output[d]! - 1) * strides[d]! + (kernel[d]! - 1) * dilations[d]! + 1 - size));
    const small = total.map((t) => Math.floor(t / 2));
    begin = mode === "VALID" ? ones.map(() => 0) : mode === "SAME_LOWER" ? total.map((t, d) => t - small[d]!) : small;
    end = mode === "VALID" ? ones.map(() => 0) : total.map((t, d) => t - begin[d]!);
  }
  return { kernel, strides, dilations, begin, end };
}

const spatialNames = (rank: number): string[] => (rank === 2 ? ["oh", "ow"] : rank === 1 ? ["ow"] : Array.from({ length: rank }, (_, i) => `o${i}`));
const kernelNames = (rank: number): string[] => (rank === 2 ? ["kh", "kw"] : rank === 1 ? ["kw"] : Array.from({ length: rank }, (_, i) => `k${i}`));

export const windowNames = { spatial: spatialNames, kernel: kernelNames };

/** Convolution of any spatial rank, with groups. A padded input is copied first, so that the inner loops have no test. */
export const convLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const w = inputOf(context, 1);
    const bias = context.inputs[2];
    const y = outputOf(context);
    const [batch, channels, ...input] = x.dims as [number, number, ...number[]];
    const [outChannels, perGroup, ...kernel] = w.dims as [number, number, ...number[]];
    const output = y.dims.slice(2);
    const rank = input.length;
    const groups = context.attributes.int("group", 1);
    const { strides, dilations, begin } = windowOf(context, input, output, kernel);
    if (perGroup * groups !== channels || outChannels % groups !== 0)
      throw notLowered(context, `${groups} groups do not divide ${channels} input and ${outChannels} output channels`);
    const outPerGroup = outChannels / groups;

    const reach = output.map((size, d) => (size - 1) * strides[d]! + (kernel[d]! - 1) * dilations[d]! + 1);
    const statements: Statement[] = [];
    let source: Buffer = x;
    const padded = begin.some((b) => b > 0) || reach.some((r, d) => r > input[d]!);
    if (padded) {
      source = context.local("padded", x.element, [batch, channels, ...reach]);
      statements.push(
        ...nest("pad", spatialAxes(source.dims, ["n", "c", ...(rank === 2 ? ["h", "w"] : spatialNames(rank).map((s) => `p${s}`))]), (axes) => {
          const place = axes.slice(2).map((v, d) => sub(v, begin[d]!));
          const inside = all(place.flatMap((p, d) => [...(begin[d]! > 0 ? [ge(p, 0)] : []), ...(reach[d]! - begin[d]! > input[d]! ? [lt(p, input[d]!)] : [])]));
          return store(source, axes, select(inside, load(x, [axes[0]!, axes[1]!, ...place]), zero(x.element)));
        }),
      );
    }
    const axes: AxisSpec[] = [
      { name: "n", extent: batch },
      ...(groups > 1 ? [{ name: "g", extent: groups }] : []),
      { name: "oc", extent: outPerGroup },
      ...output.map((extent, d) => ({ name: spatialNames(rank)[d]!, extent })),
      { name: "ic", extent: perGroup, kind: "reduce" as const },
      ...kernel.map((extent, d) => ({ name: kernelNames(rank)[d]!, extent, kind: "reduce" as const })),
    ];
    const parts = (v: readonly Variable[]) => {
      const n = v[0]!;
      const at = groups > 1 ? 2 : 1;
      const g: Expression = groups > 1 ? v[1]! : integer(0);
      const oc = add(mul(g, outPerGroup), v[at]!);
      const space = v.slice(at + 1, at + 1 + rank);
      const ic = v[at + 1 + rank]!;
      const taps = v.slice(at + 2 + rank);
      return { n, g, oc, space, ic, taps };
    };
    statements.push(
      ...nest(
        "conv",
        axes,
        (v) => {
          const { n, g, oc, space, ic, taps } = parts(v);
          const place = space.map((s, d) => add(mul(s, strides[d]!), mul(taps[d]!, dilations[d]!)));
          const product = mul(load(source, [n, add(mul(g, perGroup), ic), ...place]), load(w, [oc, ic, ...taps]));
          return store(y, [n, oc, ...space], add(load(y, [n, oc, ...space]), product));
        },
        (v) => {
          const { n, oc, space } = parts(v);
          return store(y, [n, oc, ...space], bias ? load(bias, [oc]) : zero(y.element));
        },
      ),
    );
    return statements;
  },
};

/** alpha * A' * B' + beta * C. */
export const gemmLowering: Lowering = {
  build(context) {
    const a = inputOf(context, 0);
    const b = inputOf(context, 1);
    const c = context.inputs[2];
    const y = outputOf(context);
    const { attributes } = context;
    const transA = attributes.int("transA", 0) !== 0;
    const transB = attributes.int("transB", 0) !== 0;
    const alpha = attributes.float("alpha", 1);
    const beta = attributes.float("beta", 1);
    const [m, n] = y.dims as [number, number];
    const k = (transA ? a.dims[0] : a.dims[1]) as number;
    const scaled = (factor: number, e: Expression): Expression => (factor === 1 ? e : mul(number(y.element, factor), e));
    const start = (i: Expression, j: Expression): Expression =>
      c && beta !== 0 ? scaled(beta, load(c, broadcastIndices(c.dims, [i, j]))) : zero(y.element);
    const target = alpha === 1 ? y : context.local("product", y.element, [m, n]);
    const statements = [
      ...nest(
        "gemm",
        [{ name: "i", extent: m }, { name: "j", extent: n }, { name: "k", extent: k, kind: "reduce" }],
        ([i, j, p]) => store(target, [i!, j!], add(load(target, [i!, j!]), mul(load(a, transA ? [p!, i!] : [i!, p!]), load(b, transB ? [j!, p!] : [p!, j!])))),
        ([i, j]) => store(target, [i!, j!], alpha === 1 ? start(i!, j!) : zero(y.element)),
      ),
    ];
    if (alpha !== 1)
      statements.push(...nest("scale", spatialAxes([m, n], ["i", "j"]), ([i, j]) => store(y, [i!, j!], add(scaled(alpha, load(target, [i!, j!])), start(i!, j!)))));
    return statements;
  },
};

/** Matrix product of the last two dimensions, the others broadcast; vectors as in numpy.matmul. */
export const matMulLowering: Lowering = {
  build(context) {
    const a = inputOf(context, 0);
    const b = inputOf(context, 1);
    const y = outputOf(context);
    const rowVector = a.dims.length === 1;
    const columnVector = b.dims.length === 1;
    const batch = y.dims.slice(0, y.dims.length - (rowVector ? 0 : 1) - (columnVector ? 0 : 1));
    const k = a.dims[a.dims.length - 1]!;
    const axes: AxisSpec[] = [
      ...batch.map((extent, d) => ({ name: batch.length === 1 ? "b" : `b${d}`, extent })),
      ...(rowVector ? [] : [{ name: "i", extent: a.dims[a.dims.length - 2]! }]),
      ...(columnVector ? [] : [{ name: "j", extent: b.dims[b.dims.length - 1]! }]),
      { name: "k", extent: k, kind: "reduce" as const },
    ];
    const parts = (v: readonly Variable[]) => {
      const outer = v.slice(0, batch.length);
      const rest = v.slice(batch.length);
      const i = rowVector ? undefined : rest[0];
      const j = columnVector ? undefined : rest[rowVector ? 0 : 1];
      const p = v[v.length - 1]!;
      return { out: v.slice(0, y.dims.length), outer, i, j, p };
    };
    return nest(
      "matmul",
      axes,
      (v) => {
        const { out, outer, i, j, p } = parts(v);
        const left = load(a, rowVector ? [p] : [...broadcastIndices(a.dims.slice(0, -2), outer), i!, p]);
        const right = load(b, columnVector ? [p] : [...broadcastIndices(b.dims.slice(0, -2), outer), p, j!]);
        return store(y, out, add(load(y, out), mul(left, right)));
      },
      (v) => store(y, parts(v).out, zero(y.element)),
    );
  },
};
