import { type AxisSpec, nest, store } from "../../tensor/build.ts";
import { add, all, ge, load, lt, mul, select, sub } from "../../tensor/expression.ts";
import type { Lowering, LoweringContext } from "../../tensor/lowering.ts";
import type { Expression, Statement, Variable } from "../../tensor/program.ts";
import { elementCount } from "../../ir/value-type.ts";
import { inputOf, notLowered, outputOf, spatialAxes, zero } from "./lower-common.ts";
import { windowNames } from "./lower-contraction.ts";

/** Where the first element of the result lies in the full one. */
function begins(context: LoweringContext, input: readonly number[], output: readonly number[], kernel: readonly number[], strides: readonly number[], dilations: readonly number[]): number[] {
  const { attributes } = context;
  const mode = attributes.string("auto_pad", "NOTSET");
  const pads = attributes.ints("pads") ?? input.flatMap(() => [0, 0]);
  const extra = attributes.ints("output_padding") ?? input.map(() => 0);
  const explicit = (mode === "NOTSET" || mode === "") && !attributes.ints("output_shape")?.length;
  return input.map((size, d) => {
    if (explicit) return pads[d]!;
    if (mode === "VALID") return 0;
    const total = Math.max(0, (size - 1) * strides[d]! + extra[d]! + (kernel[d]! - 1) * dilations[d]! + 1 - output[d]!);
    const half = Math.floor(total / 2);
    return mode === "SAME_UPPER" ? half : total - half;
  });
}

/** Taps of one axis that reach the outputs of one phase: output `stride * q + phase` draws on input `q - shift`. */
interface Phase {
  /** outputs of the phase */
  readonly first: number;
  readonly count: number;
  /** the tap and how far back its input lies */
  readonly taps: readonly { readonly tap: number; readonly shift: number }[];
}

/**
 * A transposed convolution in phases: with stride s the outputs o of equal remainder (o + begin) mod s draw on the same
 * taps, so that each phase is a small plain convolution and no product with an inserted zero is computed.
 */
export const convTransposeLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const w = inputOf(context, 1);
    const bias = context.inputs[2];
    const y = outputOf(context);
    const [batch, channels, ...input] = x.dims as [number, number, ...number[]];
    const [filterChannels, outPerGroup, ...kernel] = w.dims as [number, number, ...number[]];
    const output = y.dims.slice(2);
    const rank = input.length;
    const groups = context.attributes.int("group", 1);
    if (filterChannels !== channels || channels % groups !== 0) throw notLowered(context, `${channels} input channels do not fit filters for ${filterChannels} in ${groups} groups`);
    const perGroup = channels / groups;
    const strides = context.attributes.ints("strides") ?? input.map(() => 1);
    const dilations = context.attributes.ints("dilations") ?? input.map(() => 1);
    const begin = begins(context, input, output, kernel, strides, dilations);
    const phases = input.map((_, d): Phase[] =>
      Array.from({ length: Math.min(strides[d]!, output[d]!) }, (_, first) => ({
        first,
        count: Math.ceil((output[d]! - first) / strides[d]!),
        taps: Array.from({ length: kernel[d]! }, (_, tap) => tap)
          .filter((tap) => (((first + begin[d]! - tap * dilations[d]!) % strides[d]!) + strides[d]!) % strides[d]! === 0)
          .map((tap) => ({ tap, shift: (tap * dilations[d]! - first - begin[d]!) / strides[d]! })),
      })),
    );
    const combine = (d: number): Phase[][] => (d === rank ? [[]] : phases[d]!.flatMap((p) => combine(d + 1).map((rest) => [p, ...rest])));
    const names = windowNames.spatial(rank);
    // Inputs that taps reach beyond the ends: a copy with zeros there keeps tests out of the inner loops.
    const low = phases.map((list) => Math.max(0, ...list.flatMap((p) => p.taps.map((t) => t.shift))));
    const high = phases.map((list, d) => Math.max(0, ...list.flatMap((p) => p.taps.map((t) => p.count - 1 - t.shift - (input[d]! - 1)))));
    const statements: Statement[] = [];
    let source = x;
    if (low.some((l) => l > 0) || high.some((h) => h > 0)) {
      source = context.local("padded", x.element, [batch, channels, ...input.map((size, d) => size + low[d]! + high[d]!)]);
      const padded = source;
      statements.push(
        ...nest("pad", spatialAxes(padded.dims, ["n", "c", ...names.map((n) => `p${n}`)]), (v) => {
          const place = v.slice(2).map((e, d) => sub(e, low[d]!));
          const inside = all(place.flatMap((p, d) => [...(low[d]! > 0 ? [ge(p, 0)] : []), ...(high[d]! > 0 ? [lt(p, input[d]!)] : [])]));
          return store(padded, v, select(inside, load(x, [v[0]!, v[1]!, ...place]), zero(x.element)));
        }),
      );
    }
    for (const [index, phase] of combine(0).entries()) {
      const taps = phase.map((p) => p.taps.length);
      const axes: AxisSpec[] = [{ name: "n", extent: batch }, { name: "g", extent: groups }, { name: "oc", extent: outPerGroup }, ...phase.map((p, d) => ({ name: names[d]!, extent: p.count }))];
      const place = (v: readonly Variable[]): Expression[] => [v[0]!, add(mul(v[1]!, outPerGroup), v[2]!), ...phase.map((p, d) => add(mul(v[3 + d]!, strides[d]!), p.first))];
      const start = (v: readonly Variable[]): Expression => (bias ? load(bias, [place(v)[1]!]) : zero(y.element));
      if (elementCount(taps) === 0) {
        statements.push(...nest(`phase_${index}`, axes, (v) => store(y, place(v), start(v))));
        continue;
      }
      // Taps and shifts of a phase are evenly spaced: the stride and the dilation decide by how much.
      const along = phase.map((p) => ({ tap: p.taps[0]!.tap, tapStep: p.taps.length > 1 ? p.taps[1]!.tap - p.taps[0]!.tap : 1, shift: p.taps[0]!.shift, shiftStep: p.taps.length > 1 ? p.taps[1]!.shift - p.taps[0]!.shift : 1 }));
      statements.push(
        ...nest(
          `phase_${index}`,
          [...axes, { name: "ic", extent: perGroup, kind: "reduce" }, ...taps.map((extent, d) => ({ name: windowNames.kernel(rank)[d]!, extent, kind: "reduce" as const }))],
          (v) => {
            const out = place(v);
            const ic = add(mul(v[1]!, perGroup), v[3 + rank]!);
            const k = v.slice(4 + rank);
            const from = along.map((a, d) => add(sub(v[3 + d]!, mul(k[d]!, a.shiftStep)), (source === x ? 0 : low[d]!) - a.shift));
            const tap = along.map((a, d) => add(mul(k[d]!, a.tapStep), a.tap));
            return store(y, out, add(load(y, out), mul(load(source, [v[0]!, ic, ...from]), load(w, [ic, v[2]!, ...tap]))));
          },
          (v) => store(y, place(v), start(v)),
        ),
      );
    }
    return statements;
  },
};

