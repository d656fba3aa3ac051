import { type ElementType, elementKind, elementTypes, isInteger } from "../../ir/element-type.ts";
import { type AxisSpec, nest, step, store } from "../../tensor/build.ts";
import { add, all, cast, div, floordiv, ge, integer, load, lt, max, min, mul, number, select, sub, unary, binary } from "../../tensor/expression.ts";
import type { Lowering, LoweringContext } from "../../tensor/lowering.ts";
import type { Buffer, Expression, Statement, Variable } from "../../tensor/program.ts";
import { broadcastIndices, inputOf, normalizeAxis, notLowered, outputOf, spatialAxes } from "./lower-common.ts";
import { windowNames, windowOf } from "./lower-contraction.ts";
import { integerRange } from "./quantization.ts";

/** Quantized numbers: integers with a scale and a zero point. */

const isSmallFloat = (element: ElementType): boolean => elementKind(element) === "float" && elementTypes[element].bits < 32;

/** The value as a narrower float type holds it. */
const roundedAs = (element: ElementType, e: Expression): Expression => (isSmallFloat(element) ? cast("float32", cast(element, e)) : e);

/** Place of an element's scale (or zero point): one for all, one an entry of an axis, or one a block of entries. */
function scalePlace(scale: readonly number[], dims: readonly number[], axisAttribute: number, blockSize: number, v: readonly Expression[]): Expression[] {
  if (scale.every((d) => d === 1)) return scale.map(() => integer(0));
  const axis = dims.length === 1 ? 0 : normalizeAxis(axisAttribute, dims.length);
  if (scale.length === 1 && blockSize === 0) return [v[axis]!];
  const size = blockSize || Math.ceil(dims[axis]! / scale[axis]!);
  return v.map((e, d) => (d === axis ? floordiv(e, size) : e));
}

/** round(quotient) + zero point within the range of an integer type; not-a-number gives the lowest. */
function toQuantized(quotient: Expression, zeroPoint: Expression | undefined, element: ElementType, wide: "float32" | "float64" = "float32"): Expression {
  const [low, high] = integerRange(element);
  const rounded = unary("round", quotient);
  const moved = zeroPoint ? add(rounded, cast(wide, zeroPoint)) : rounded;
  return cast(element, select(binary("gt", moved, number(wide, low)), min(moved, number(wide, high)), number(wide, low)));
}

export const quantizeLinearLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const scale = inputOf(context, 1);
    const zero = context.inputs[2];
    const y = outputOf(context);
    const { attributes } = context;
    const target = context.outputType(0).element!;
    if (!isInteger(target) && attributes.int("saturate", 1) === 0) throw notLowered(context, `it converts to ${target} without saturation`);
    const precision = attributes.int("precision", 0);
    if (precision !== 0 && precision !== 1) throw notLowered(context, "it asks for a precision other than float32");
    const scaleType = context.inputType(1).element!;
    const work: ElementType = precision === 1 ? "float32" : scaleType === "float8e8m0" || scaleType === "int32" ? context.inputType(0).element! : scaleType;
    const wide = work === "int32" ? "float32" : work;
    return nest("quantize", spatialAxes(y.dims), (v) => {
      const place = scalePlace(scale.dims, x.dims, attributes.int("axis", 1), attributes.int("block_size", 0), v);
      const quotient = roundedAs(wide, div(roundedAs(wide, cast("float32", load(x, v))), cast("float32", load(scale, place))));
      const offset = zero ? load(zero, place) : undefined;
      return store(y, v, isInteger(target) ? toQuantized(quotient, offset, target) : offset ? add(quotient, offset) : quotient);
    });
  },
};

/** An element brought back to a real number. */
export function dequantized(x: Expression, element: ElementType, scale: Expression, zero: Expression | undefined): Expression {
  if (!isInteger(element)) return mul(zero ? sub(x, zero) : x, scale);
  // Differences of 8- and 16-bit integers are exact in 32 bits.
  const moved = zero ? sub(cast("int32", x), cast("int32", zero)) : x;
  return mul(cast("float32", moved), scale);
}

export const dequantizeLinearLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const scale = inputOf(context, 1);
    const zero = context.inputs[2];
    const y = outputOf(context);
    const { attributes } = context;
    return nest("dequantize", spatialAxes(y.dims), (v) => {
      const place = scalePlace(scale.dims, x.dims, attributes.int("axis", 1), attributes.int("block_size", 0), v);
      return store(y, v, dequantized(load(x, v), x.element, load(scale, place), zero ? load(zero, place) : undefined));
    });
  },
};

/** Lanes of the widest vectors. */
const rangeLanes = 16;

/** Scale and zero point from the range of the data, which always holds 0. */
export const dynamicQuantizeLinearLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const [y, scaleOut, zeroOut] = context.outputs;
    const low = context.local("low", "float32", []);
    const high = context.local("high", "float32", []);
    const scale = scaleOut ?? context.local("scale", "float32", []);
    const zero = zeroOut ?? context.local("zero", "uint8", []);
    const reduce = spatialAxes(x.dims).map((a) => ({ ...a, kind: "reduce" as const }));
    const f = (value: number): Expression => number("float32", value);
    const last = x.dims.at(-1) ?? 1;
    // Each lane finds the extreme of what falls to it: neighbouring elements are one vector.
    const extreme = (name: string, to: Buffer, of: typeof min): readonly Statement[] => {
      if (last % rangeLanes !== 0) return nest(name, reduce, (v) => store(to, [], of(load(to, []), load(x, v))), () => store(to, [], f(0)));
      const parts = context.local(`${name}_lanes`, "float32", [rangeLanes]);
      const rows = [...reduce.slice(0, -1), { name: "b", extent: last / rangeLanes, kind: "reduce" as const }];
      return [
        ...nest(name, [...rows, { name: "lane", extent: rangeLanes }], (v) => store(parts, [v.at(-1)!], of(load(parts, [v.at(-1)!]), load(x, [...v.slice(0, -2), add(mul(v.at(-2)!, rangeLanes), v.at(-1)!)]))), (v) => store(parts, [v.at(-1)!], f(0))),
        ...nest(`${name}_join`, [{ name: "lane", extent: rangeLanes, kind: "reduce" }], ([l]) => store(to, [], of(load(to, []), load(parts, [l!]))), () => store(to, [], f(0))),
      ];
    };
    return [
      ...extreme("lowest", low, min),
      ...extreme("highest", high, max),
      step("scale", scale, [], select(binary("eq", load(high, []), load(low, [])), f(1), div(sub(load(high, []), load(low, [])), f(255)))),
      step("zero_point", zero, [], cast("uint8", min(max(unary("round", div(unary("neg", load(low, [])), load(scale, []))), f(0)), f(255)))),
      ...(y ? nest("quantize", spatialAxes(y.dims), (v) => store(y, v, toQuantized(div(load(x, v), load(scale, [])), load(zero, []), "uint8"))) : []),
    ];
  },
};

/** Sums of products of integers less their zero points: convolution. The padding is what stands for 0. */
function integerConvolution(context: LoweringContext, x: Buffer, xZero: Buffer | null | undefined, w: Buffer, wZero: Buffer | null | undefined, target: Buffer): readonly Statement[] {
  const [batch, channels, ...input] = x.dims as [number, number, ...number[]];
  const [outChannels, perGroup, ...kernel] = w.dims as [number, number, ...number[]];
  const output = target.dims.slice(2);
  const rank = input.length;
  const groups = context.attributes.int("group", 1);
  const { strides, dilations, begin } = windowOf(context, input, output, kernel);
  if (perGroup * groups !== channels || outChannels % groups !== 0) throw notLowered(context, `${groups} groups do not divide ${channels} input and ${outChannels} output channels`);
  const outPerGroup = outChannels / groups;
  const reach = output.map((size, d) => (size - 1) * strides[d]! + (kernel[d]! - 1) * dilations[d]! + 1);
  const centred = context.local("centred", "int16", [batch, channels, ...reach]);
  const names = ["n", "c", ...windowNames.spatial(rank).map((s) => `p${s}`)];
  const zeroOf = (b: Buffer | null | undefined, at: Expression): Expression | undefined => (b ? load(b, b.dims.map((d) => (d === 1 ? integer(0) : at))) : undefined);
  const less = (e: Expression, zero: Expression | undefined, type: "int16" | "int32"): Expression => (zero ? sub(cast(type, e), cast(type, zero)) : cast(type, e));
  const axes: AxisSpec[] = [
    { name: "n", extent: batch },
    ...(groups > 1 ? [{ name: "g", extent: groups }] : []),
    { name: "oc", extent: outPerGroup },
    ...output.map((extent, d) => ({ name: windowNames.spatial(rank)[d]!, extent })),
    { name: "ic", extent: perGroup, kind: "reduce" as const },
    ...kernel.map((extent, d) => ({ name: windowNames.kernel(rank)[d]!, extent, kind: "reduce" as const })),
  ];
  const first = groups > 1 ? 2 : 1;
  const place = (v: readonly Variable[]): Expression[] => [v[0]!, groups > 1 ? add(mul(v[1]!, outPerGroup), v[2]!) : v[1]!, ...v.slice(first + 1, first + 1 + rank)];
  return [
    ...nest("centre", spatialAxes(centred.dims, names), (v) => {
      const at = v.slice(2).map((e, d) => sub(e, begin[d]!));
      const inside = all(at.flatMap((p, d) => [ge(p, 0), lt(p, input[d]!)]));
      return store(centred, v, select(inside, less(load(x, [v[0]!, v[1]!, ...at]), zeroOf(xZero, integer(0)), "int16"), number("int16", 0)));
    }),
    ...nest(
      "conv",
      axes,
      (v) => {
        const out = place(v);
        const ic = v[first + 1 + rank]!;
        const taps = v.slice(first + 2 + rank);
        const from = v.slice(first + 1, first + 1 + rank).map((s, d) => add(mul(s, strides[d]!), mul(taps[d]!, dilations[d]!)));
        const channel = groups > 1 ? add(mul(v[1]!, perGroup), ic) : ic;
        const product = mul(cast("int32", load(centred, [v[0]!, channel, ...from])), less(load(w, [out[1]!, ic, ...taps]), zeroOf(wZero, out[1]!), "int32"));
        return store(target, out, add(load(target, out), product));
      },
      (v) => store(target, place(v), number("int32", 0)),
    ),
  ];
}

const eightBits = (context: LoweringContext, ...buffers: readonly Buffer[]): void => {
  for (const b of buffers) if (!isInteger(b.element) || elementTypes[b.element].bits !== 8) throw notLowered(context, `it works on ${b.element}: only 8-bit integers are lowered`);
};

export const convIntegerLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const w = inputOf(context, 1);
    eightBits(context, x, w);
    return integerConvolution(context, x, context.inputs[2], w, context.inputs[3], outputOf(context));
  },
};

export const qlinearConvLowering: Lowering = {
  build(context) {
    const [x, xScale, xZero, w, wScale, wZero, yScale, yZero] = Array.from({ length: 8 }, (_, i) => inputOf(context, i)) as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, Buffer];
    const bias = context.inputs[8];
    const y = outputOf(context);
    eightBits(context, x, w, y);
    const sums = context.local("sums", "int32", y.dims);
    const first = (b: Buffer): Expression => load(b, b.dims.map(() => integer(0)));
    return [
      ...integerConvolution(context, x, xZero, w, wZero, sums),
      ...nest("requantize", spatialAxes(y.dims, ["n", "c", ...windowNames.spatial(y.dims.length - 2)]), (v) => {
        const perChannel = load(wScale, wScale.dims.map((d) => (d === 1 ? integer(0) : v[1]!)));
        const factor = div(mul(first(xScale), perChannel), first(yScale));
        const sum = bias ? add(load(sums, v), load(bias, [v[1]!])) : load(sums, v);
        // The product of an exact sum and a float factor, rounded once.
        const scaled = cast("float32", mul(cast("float64", sum), cast("float64", factor)));
        return store(y, v, toQuantized(scaled, first(yZero), y.element));
      }),
    ];
  },
};

/** A scale or zero point for all elements, for each row or column, or in the shape of the matrix. */
function spreadPlace(b: Buffer, at: readonly Expression[], axis: -1 | -2): Expression[] {
  if (b.dims.every((d) => d === 1)) return b.dims.map(() => integer(0));
  if (b.dims.length === 1) return [at[axis === -2 && at.length > 1 ? at.length - 2 : at.length - 1]!];
  return broadcastIndices(b.dims, at);
}

/** Sums of products of matrices of integers less their zero points. */
function integerProduct(a: Buffer, aZero: Buffer | null | undefined, b: Buffer, bZero: Buffer | null | undefined, target: Buffer): readonly Statement[] {
  const row = a.dims.length > 1;
  const column = b.dims.length > 1;
  const batch = target.dims.slice(0, target.dims.length - (row ? 1 : 0) - (column ? 1 : 0));
  const axes: AxisSpec[] = [
    ...batch.map((extent, d) => ({ name: `b${d}`, extent })),
    ...(row ? [{ name: "i", extent: a.dims[a.dims.length - 2]! }] : []),
    ...(column ? [{ name: "j", extent: b.dims[b.dims.length - 1]! }] : []),
    { name: "k", extent: a.dims[a.dims.length - 1]!, kind: "reduce" as const },
  ];
  const less = (x: Buffer, at: readonly Expression[], zero: Buffer | null | undefined, axis: -1 | -2): Expression =>
    zero ? sub(cast("int32", load(x, at)), cast("int32", load(zero, spreadPlace(zero, at, axis)))) : cast("int32", load(x, at));
  return nest(
    "matmul",
    axes,
    (v) => {
      const out = v.slice(0, target.dims.length);
      const outer = v.slice(0, batch.length);
      const k = v[v.length - 1]!;
      const i = row ? v[batch.length] : undefined;
      const j = column ? v[batch.length + (row ? 1 : 0)] : undefined;
      const left = i ? [...broadcastIndices(a.dims.slice(0, -2), outer), i, k] : [k];
      const right = j ? [...broadcastIndices(b.dims.slice(0, -2), outer), k, j] : [k];
      return store(target, out, add(load(target, out), mul(less(a, left, aZero, -2), less(b, right, bZero, -1))));
    },
    (v) => store(target, v.slice(0, target.dims.length), number("int32", 0)),
  );
}

export const matMulIntegerLowering: Lowering = {
  build(context) {
    const a = inputOf(context, 0);
    const b = inputOf(context, 1);
    eightBits(context, a, b);
    return integerProduct(a, context.inputs[2], b, context.inputs[3], outputOf(context));
  },
};

export const qlinearMatMulLowering: Lowering = {
  build(context) {
    const [a, aScale, aZero, b, bScale, bZero, yScale, yZero] = Array.from({ length: 8 }, (_, i) => inputOf(context, i)) as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, Buffer];
    const y = outputOf(context);
    eightBits(context, a, b, y);
    for (const [scale, of, axis] of [[aScale, a, -1], [bScale, b, -2]] as const)
      if (scale.dims.length > 1 && scale.dims[scale.dims.length + axis] !== 1 && scale.dims.some((d) => d !== 1)) throw notLowered(context, `a scale of shape [${scale.dims.join(", ")}] changes within the sums over [${of.dims.join(", ")}]`);
    const sums = context.local("sums", "int32", y.dims);
    return [
      ...integerProduct(a, aZero, b, bZero, sums),
      ...nest("requantize", spatialAxes(y.dims, y.dims.map((_, d) => `i${d}`)), (v) => {
        const wide = (s: Buffer, axis: -1 | -2): Expression => cast("float64", load(s, spreadPlace(s, v, axis)));
        const real = div(mul(mul(cast("float64", load(sums, v)), wide(aScale, -2)), wide(bScale, -1)), wide(yScale, -2));
        return store(y, v, toQuantized(cast("float32", real), load(yZero, spreadPlace(yZero, v, -2)), y.element));
      }),
    ];
  },
};
