import { type AxisSpec, nest, store } from "../../tensor/build.ts";
import { add, binary, cast, floordiv, floormod, integer, load, lt, max, min, mul, number, select, sub, unary } from "../../tensor/expression.ts";
import type { Lowering } from "../../tensor/lowering.ts";
import type { Buffer, Expression, Statement, Variable } from "../../tensor/program.ts";
import { isInteger } from "../../ir/element-type.ts";
import { elementCount } from "../../ir/value-type.ts";
import { inputOf, outputOf, spatialAxes, zero } from "./lower-common.ts";
import { integerRange } from "./quantization.ts";

/** Loop nests over channels in blocks; see blocked.ts for the layouts. */

const layoutAxes = (dims: readonly number[]): string[] => (dims.length === 5 ? ["n", "cb", "h", "w", "ci"] : dims.map((_, d) => `i${d}`));

export const blockChannelsLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const channels = x.dims[1]!;
    const block = y.dims.at(-1)!;
    return nest("block", spatialAxes(y.dims, layoutAxes(y.dims)), (v) => {
      const c = add(mul(v[1]!, block), v.at(-1)!);
      const value = load(x, [v[0]!, c, ...v.slice(2, -1)]);
      return store(y, v, channels % block === 0 ? value : select(lt(c, channels), value, zero(y.element)));
    });
  },
  // With one place a channel, whole blocks are the channels as they are.
  views: (context) => samePlaces(inputOf(context, 0).dims, outputOf(context).dims),
};

export const unblockChannelsLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const block = x.dims.at(-1)!;
    const names = y.dims.length === 4 ? ["n", "c", "h", "w"] : y.dims.map((_, d) => `i${d}`);
    return nest("unblock", spatialAxes(y.dims, names), (v) => store(y, v, load(x, [v[0]!, floordiv(v[1]!, block), ...v.slice(2), floormod(v[1]!, block)])));
  },
  views: (context) => samePlaces(outputOf(context).dims, inputOf(context, 0).dims),
};

/** Channels of the parts one after the other, each run of lanes that stays together at once. */
export const concatChannelsLowering: Lowering = {
  build(context) {
    const y = outputOf(context);
    const [batch, , ...rest] = y.dims as [number, number, ...number[]];
    const block = rest.at(-1)!;
    const space = rest.slice(0, -1);
    const counts = context.attributes.ints("channels")!;
    const statements: Statement[] = [];
    const lanes = (name: string, extent: number, value: (v: readonly Variable[]) => { readonly to: readonly Expression[]; readonly from: Expression }): void => {
      const axes = [{ name: "n", extent: batch }, ...space.map((size, d) => ({ name: space.length === 2 ? ["h", "w"][d]! : `s${d}`, extent: size })), { name: "l", extent }];
      statements.push(...nest(name, axes, (v) => { const { to, from } = value(v); return store(y, to, from); }));
    };
    const at = (v: readonly Variable[], channel: number): Expression[] => [v[0]!, integer(Math.floor(channel / block)), ...v.slice(1, -1), add(v.at(-1)!, channel % block)];
    let begin = 0;
    for (const [i, count] of counts.entries()) {
      const x = inputOf(context, i);
      for (let c = 0; c < count; ) {
        const [from, to] = [c, begin + c];
        const run = Math.min(count - from, block - (from % block), block - (to % block));
        lanes(`part_${i}`, run, (v) => ({ to: at(v, to), from: load(x, at(v, from)) }));
        c += run;
      }
      begin += count;
    }
    // Lanes beyond the channels are numbers too.
    if (begin % block > 0) lanes("rest", block - (begin % block), (v) => ({ to: at(v, begin), from: zero(y.element) }));
    return statements;
  },
};

function samePlaces(plain: readonly number[], blocked: readonly number[]) {
  const same = elementCount(plain.slice(2)) === 1 && elementCount(plain) === elementCount(blocked);
  return same ? [{ part: { output: 0 }, whole: { input: 0 }, offset: 0 } as const] : [];
}

/** Lanes that are worth vectors of their own. */
const narrowest = 4;
/** Blocks whose lanes are computed together where the last is not full: more would take too many registers for each row. */
const mostJoined = 3;

const reduce = (name: string, extent: number): AxisSpec => ({ name, extent, kind: "reduce" });
/** Where in the padded input a tap of the window meets an output. */
const tapPlace = (o: Variable, stride: number, k: Variable, dilation: number): Expression => add(mul(o, stride), mul(k, dilation));

/** Convolution with the output's channels in blocks; the form of the filters says how the input lies. */
export const blockedConvLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const w = inputOf(context, 1);
    const bias = context.inputs[2];
    const y = outputOf(context);
    const blocks = y.dims[1]!;
    const [sh, sw] = (context.attributes.ints("strides") ?? [1, 1]) as [number, number];
    const [dh, dw] = (context.attributes.ints("dilations") ?? [1, 1]) as [number, number];
    const out = spatialAxes(y.dims, ["n", "ob", "oh", "ow", "oi"]);
    const begin = (to: readonly Expression[]) => store(y, to, bias ? load(bias, [to[1]!, to[4]!]) : zero(y.element));
    const update = (to: readonly Expression[], product: Expression) => store(y, to, add(load(y, to), product));
    if (w.dims.length === 4) {
      const [, kh, kw] = w.dims as [number, number, number];
      return nest(
        "depthwise",
        [...out, reduce("kh", kh), reduce("kw", kw)],
        (v) => {
          const [n, ob, oh, ow, oi, a, b] = v as [Variable, Variable, Variable, Variable, Variable, Variable, Variable];
          return update(v.slice(0, 5), mul(load(x, [n, ob, tapPlace(oh, sh, a, dh), tapPlace(ow, sw, b, dw), oi]), load(w, [ob, a, b, oi])));
        },
        (v) => begin(v.slice(0, 5)),
      );
    }
    const plain = w.dims.length === 5;
    const [, inner, kh, kw] = w.dims as [number, number, number, number];
    const block = w.dims.at(-1)!;
    const group = context.attributes.int("group", 1);
    const perGroup = blocks / group;
    const channels = context.attributes.int("input_channels", inner * block);
    // Lanes that hold no channel are not multiplied.
    const ragged = !plain && channels < inner * block;
    const taps = [reduce("kh", kh), reduce("kw", kw)];
    const terms = plain ? [reduce("ic", inner), ...taps] : ragged ? [...taps, reduce("ic", channels)] : [reduce("ib", inner), ...taps, reduce("ii", block)];
    const product = (to: readonly Expression[], oh: Variable, ow: Variable, v: readonly Variable[]): Expression => {
      const [n, ob, , , oi] = to as [Expression, Expression, Expression, Expression, Expression];
      const at = (a: Variable, b: Variable): Expression[] => [tapPlace(oh, sh, a, dh), tapPlace(ow, sw, b, dw)];
      if (plain) {
        const [ic, a, b] = v as [Variable, Variable, Variable];
        return mul(load(x, [n, ic, ...at(a, b)]), load(w, [ob, ic, a, b, oi]));
      }
      if (ragged) {
        const [a, b, ic] = v as [Variable, Variable, Variable];
        const [ib, ii] = [floordiv(ic, block), floormod(ic, block)];
        return mul(load(x, [n, ib, ...at(a, b), ii]), load(w, [ob, ib, a, b, ii, oi]));
      }
      const [ib, a, b, ii] = v as [Variable, Variable, Variable, Variable];
      const from: Expression = group === 1 ? ib : add(mul(floordiv(ob, perGroup), inner), ib);
      return mul(load(x, [n, from, ...at(a, b), ii]), load(w, [ob, ib, a, b, ii, oi]));
    };
    const blocksFrom = (count: number): readonly Statement[] => nest("conv", [...out.map((a, d) => (d === 1 ? { ...a, extent: count } : a)), ...terms], (v) => update(v.slice(0, 5), product(v.slice(0, 5), v[2]!, v[3]!, v.slice(5))), (v) => begin(v.slice(0, 5)));
    const half = block / 2;
    const left = context.attributes.int("channels", blocks * block) % block;
    if (left === 0 || left > half || half < narrowest) return blocksFrom(blocks);
    // Of a last block that is at most half full, half the lanes are computed: beside those of blocks before it, so that each element is loaded once.
    const joined = blocks <= mostJoined ? blocks : 2;
    const from = blocks - joined;
    const [n, , h, width] = out as [AxisSpec, AxisSpec, AxisSpec, AxisSpec];
    const lanesAt = (v: readonly Variable[]): Expression[] => [v[0]!, add(floordiv(v[3]!, block), from), v[1]!, v[2]!, floormod(v[3]!, block)];
    return [
      ...(from > 0 ? blocksFrom(from) : []),
      ...nest(from > 0 ? "conv_last" : "conv", [n, h, width, { name: "oc", extent: joined * block - half }, ...terms], (v) => update(lanesAt(v), product(lanesAt(v), v[1]!, v[2]!, v.slice(4))), (v) => begin(lanesAt(v))),
      ...nest("lanes", [n, h, width, { name: "oi", extent: half }], (v) => store(y, [v[0]!, integer(blocks - 1), v[1]!, v[2]!, add(v[3]!, half)], zero(y.element))),
    ];
  },
};

/** Sums of products of 8-bit integers in 32, then in steps of the result: dot products of four neighbouring channels, or one filter a channel. */
export const blockedQLinearConvLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const w = inputOf(context, 1);
    const bias = inputOf(context, 2);
    const scale = context.inputs[3];
    const y = outputOf(context);
    const blocks = y.dims[1]!;
    const [sh, sw] = (context.attributes.ints("strides") ?? [1, 1]) as [number, number];
    const [dh, dw] = (context.attributes.ints("dilations") ?? [1, 1]) as [number, number];
    const shift = context.attributes.int("shift", 0);
    const out = spatialAxes(y.dims, ["n", "ob", "oh", "ow", "oi"]);
    const sums = scale ? context.local("sums", "int32", y.dims) : y;
    const wide = (e: Expression): Expression => cast("int32", e);
    const moved = (e: Expression): Expression => (shift === 0 ? wide(e) : add(wide(e), number("int32", shift)));
    const first = (v: readonly Variable[]) => store(sums, v.slice(0, 5), load(bias, [v[1]!, v[4]!]));
    const update = (v: readonly Variable[], product: Expression) => store(sums, v.slice(0, 5), add(load(sums, v.slice(0, 5)), product));
    const depthwise = w.dims.length === 4;
    const [kh, kw] = (depthwise ? w.dims.slice(1) : w.dims.slice(2)) as [number, number];
    const inner = w.dims[1]!;
    const perGroup = blocks / context.attributes.int("group", 1);
    const products = depthwise
      ? nest(
          "depthwise",
          [...out, reduce("kh", kh), reduce("kw", kw)],
          (v) => {
            const [n, ob, oh, ow, oi, a, b] = v as [Variable, Variable, Variable, Variable, Variable, Variable, Variable];
            return update(v, mul(moved(load(x, [n, ob, tapPlace(oh, sh, a, dh), tapPlace(ow, sw, b, dw), oi])), wide(load(w, [ob, a, b, oi]))));
          },
          first,
        )
      : nest(
          "conv",
          [...out, reduce("ib", inner), reduce("kh", kh), reduce("kw", kw), reduce("iq", w.dims[4]!), reduce("i4", w.dims[6]!)],
          (v) => {
            const [n, ob, oh, ow, oi, ib, a, b, iq, i4] = v as [Variable, Variable, Variable, Variable, Variable, Variable, Variable, Variable, Variable, Variable];
            const from: Expression = perGroup === blocks ? ib : add(mul(floordiv(ob, perGroup), inner), ib);
            const channel = add(mul(iq, w.dims[6]!), i4);
            return update(v, mul(moved(load(x, [n, from, tapPlace(oh, sh, a, dh), tapPlace(ow, sw, b, dw), channel])), wide(load(w, [ob, ib, a, b, iq, oi, i4]))));
          },
          first,
        );
    if (!scale) return products;
    const zeroPoint = context.attributes.int("zero", 0);
    const [low, high] = integerRange(y.element);
    const f = (value: number): Expression => number("float32", value);
    return [
      ...products,
      // Clamped, then rounded: the bounds are integers, and no number is too large to be rounded fast.
      ...nest("requantize", out, (v) => {
        const real = mul(cast("float32", load(sums, v)), load(scale, [v[1]!, v[4]!]));
        const rounded = unary("round", min(max(real, f(low - zeroPoint)), f(high - zeroPoint)));
        return store(y, v, cast(y.element, zeroPoint === 0 ? rounded : add(rounded, f(zeroPoint))));
      }),
    ];
  },
};

/** A matrix product by a constant factor in panels of columns: [ceil(N / b), K, b]. */
export const packedMatMulLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const w = inputOf(context, 1);
    const bias = context.inputs[2];
    const y = outputOf(context);
    const [panels, depth, block] = w.dims as [number, number, number];
    const columns = y.dims.at(-1)!;
    const outer = spatialAxes(y.dims.slice(0, -1), y.dims.length === 2 ? ["i"] : y.dims.slice(0, -1).map((_, d) => `i${d}`));
    const rank = outer.length;
    const part = (from: number, count: number, lanes: number, suffix: string) =>
      nest(
        `matmul${suffix}`,
        [...outer, { name: "jb", extent: count }, { name: "ji", extent: lanes }, { name: "k", extent: depth, kind: "reduce" }],
        (v) => {
          const rows = v.slice(0, rank);
          const jb = add(v[rank]!, from);
          const at = [...rows, add(mul(jb, block), v[rank + 1]!)];
          return store(y, at, add(load(y, at), mul(load(x, [...rows, v[rank + 2]!]), load(w, [jb, v[rank + 2]!, v[rank + 1]!]))));
        },
        (v) => {
          const column = add(mul(add(v[rank]!, from), block), v[rank + 1]!);
          return store(y, [...v.slice(0, rank), column], bias ? load(bias, [column]) : zero(y.element));
        },
      );
    const whole = Math.floor(columns / block);
    return [...(whole > 0 ? part(0, whole, block, "") : []), ...(whole < panels ? part(whole, 1, columns % block, "_rest") : [])];
  },
};

/** A stored weight as float32; kernels take the expression in where they read the weight. */
export const widenWeightLowering: Lowering = {
  build(context) {
    const w = inputOf(context, 0);
    const [, scale, zero] = context.inputs;
    const y = outputOf(context);
    const stored = context.inputType(0).element!;
    const [offset, block] = [context.attributes.int("offset", 0), context.attributes.int("block", 0)];
    const halves = context.attributes.int("bits", 8) === 4;
    const along = y.dims.length - 2;
    return nest("widen", spatialAxes(y.dims), (v) => {
      const place = (b: Buffer): Expression[] => b.dims.map((d, i) => (d === 1 ? integer(0) : i === along && block > 0 ? floordiv(v[i]!, block) : v[i]!));
      const scaled = (e: Expression): Expression => (scale ? mul(e, load(scale, place(scale))) : e);
      if (!isInteger(stored)) return store(y, v, scaled(cast("float32", load(w, v))));
      const int = (value: number): Expression => number("int32", value);
      const byte = cast("int32", load(w, halves ? v.map((e, i) => (i === along ? floordiv(e, 2) : e)) : v));
      // A shift that the written-out loop over the two halves decides, not a choice between them.
      const plain = halves ? binary("bitand", binary("shr", byte, cast("int32", mul(floormod(v[along]!, 2), 4))), int(15)) : byte;
      const moved = offset === 0 ? plain : sub(plain, int(offset));
      return store(y, v, scaled(cast("float32", zero ? sub(moved, cast("int32", load(zero, place(zero)))) : moved)));
    });
  },
};
