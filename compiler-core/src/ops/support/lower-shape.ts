import { elementAt, toNumbers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { flatten, unflatten } from "../../tensor/access.ts";
import { nest, store } from "../../tensor/build.ts";
import { add, all, eq, floordiv, floormod, ge, integer, load, lt, max, min, mul, number, select, sub } from "../../tensor/expression.ts";
import type { Lowering, LoweringContext, View } from "../../tensor/lowering.ts";
import type { Buffer, Expression, Statement } from "../../tensor/program.ts";
import { axisNames, broadcastIndices, inputOf, integersOf, normalizeAxis, notLowered, onlyOutputs, outputOf, spatialAxes, zero } from "./lower-common.ts";

/** Same elements under another shape: Reshape, Flatten, Squeeze, Unsqueeze, Identity, Dropout. */
export const viewLowering = (options: { readonly compileTimeInputs?: readonly number[] } = {}): Lowering => ({
  ...options,
  views: () => [{ part: { output: 0 }, whole: { input: 0 }, offset: 0 }],
  build(context) {
    onlyOutputs(context, 1);
    const x = inputOf(context, 0);
    const y = outputOf(context);
    return nest("copy", spatialAxes(y.dims), (v) => store(y, v, load(x, unflatten(flatten(v, y.dims), x.dims))));
  },
});

/** Dropout in a model that is only run is the identity; its training_mode input must say so. */
export const dropoutLowering: Lowering = {
  ...viewLowering({ compileTimeInputs: [1, 2] }),
  build(context) {
    const training = context.inputs[2];
    const mode = training ? context.constant(2) : undefined;
    if (training && (!mode || Number(mode.data[0]) !== 0)) throw notLowered(context, "training_mode is on, or computed at run time");
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const mask = context.outputs[1];
    return [
      ...nest("copy", spatialAxes(y.dims), (v) => store(y, v, load(x, v))),
      ...(mask ? nest("mask", spatialAxes(mask.dims), (v) => store(mask, v, number("bool", 1))) : []),
    ];
  },
};

/** Where the parts of a row-major array lie along an axis, when each is one piece of it (all outer dimensions 1). */
function partOffsets(whole: readonly number[], axis: number, sizes: readonly number[]): number[] | undefined {
  if (elementCount(whole.slice(0, axis)) !== 1) return undefined;
  const stride = elementCount(whole.slice(axis + 1));
  let at = 0;
  return sizes.map((size) => {
    const offset = at * stride;
    at += size;
    return offset;
  });
}

export const concatLowering: Lowering = {
  views(context): View[] {
    const y = outputOf(context);
    const axis = normalizeAxis(context.attributes.int("axis"), y.dims.length);
    const parts = context.inputs.map((_, i) => inputOf(context, i));
    const offsets = partOffsets(y.dims, axis, parts.map((p) => p.dims[axis]!));
    return offsets ? parts.map((_, i) => ({ part: { input: i }, whole: { output: 0 }, offset: offsets[i]! })) : [];
  },
  build(context) {
    const y = outputOf(context);
    const axis = normalizeAxis(context.attributes.int("axis"), y.dims.length);
    const statements: Statement[] = [];
    let at = 0;
    for (const i of context.inputs.keys()) {
      const x = inputOf(context, i);
      const from = at;
      statements.push(...nest(`concat_${i}`, spatialAxes(x.dims), (v) => store(y, v.map((e, d) => (d === axis ? add(e, from) : e)), load(x, v))));
      at += x.dims[axis]!;
    }
    return statements;
  },
};

export const splitLowering: Lowering = {
  compileTimeInputs: [1],
  views(context): View[] {
    const x = inputOf(context, 0);
    const axis = normalizeAxis(context.attributes.int("axis", 0), x.dims.length);
    const offsets = partOffsets(x.dims, axis, context.outputs.map((_, i) => context.outputType(i).shape![axis] as number));
    return offsets ? context.outputs.flatMap((o, i) => (o ? [{ part: { output: i }, whole: { input: 0 }, offset: offsets[i]! }] : [])) : [];
  },
  build(context) {
    const x = inputOf(context, 0);
    const axis = normalizeAxis(context.attributes.int("axis", 0), x.dims.length);
    let at = 0;
    return context.outputs.flatMap((y, i) => {
      const from = at;
      at += context.outputType(i).shape![axis] as number;
      return y ? nest(`split_${i}`, spatialAxes(y.dims), (v) => store(y, v, load(x, v.map((e, d) => (d === axis ? add(e, from) : e))))) : [];
    });
  },
};

export const transposeLowering: Lowering = {
  views(context): View[] {
    // Moving only dimensions of size 1 moves no element.
    const dims = inputOf(context, 0).dims;
    const moved = permutation(context).filter((d) => dims[d] !== 1);
    return moved.every((d, i) => i === 0 || moved[i - 1]! < d) ? [{ part: { output: 0 }, whole: { input: 0 }, offset: 0 }] : [];
  },
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const perm = permutation(context);
    return nest("transpose", spatialAxes(y.dims, axisNames(y.dims.length).map((_, i) => `i${i}`)), (v) => store(y, v, load(x, x.dims.map((_, d) => v[perm.indexOf(d)]!))));
  },
};

const permutation = (context: LoweringContext): number[] => context.attributes.ints("perm") ?? inputOf(context, 0).dims.map((_, d) => d).reverse();

/** starts, ends, axes and steps must be known at compile time. */
export const sliceLowering: Lowering = {
  compileTimeInputs: [1, 2, 3, 4],
  views(context): View[] {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const { start, step } = sliceRanges(context, x);
    const cut = x.dims.findIndex((extent, d) => y.dims[d] !== extent || step[d] !== 1);
    if (cut < 0) return [{ part: { output: 0 }, whole: { input: 0 }, offset: 0 }];
    if (step[cut] !== 1 || elementCount(x.dims.slice(0, cut)) !== 1 || x.dims.some((extent, d) => d > cut && (y.dims[d] !== extent || step[d] !== 1))) return [];
    return [{ part: { output: 0 }, whole: { input: 0 }, offset: start[cut]! * elementCount(x.dims.slice(cut + 1)) }];
  },
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const { start, step } = sliceRanges(context, x);
    return nest("slice", spatialAxes(y.dims), (v) => store(y, v, load(x, v.map((e, d) => add(mul(e, step[d]!), start[d]!)))));
  },
};

function sliceRanges(context: LoweringContext, x: Buffer): { start: number[]; step: number[] } {
  const starts = integersOf(context, 1, "starts")!;
  const rank = x.dims.length;
  const axes = (integersOf(context, 3, "axes") ?? starts.map((_, i) => i)).map((a) => normalizeAxis(a, rank));
  const steps = integersOf(context, 4, "steps") ?? starts.map(() => 1);
  const start = x.dims.map(() => 0);
  const step = x.dims.map(() => 1);
  for (const [i, axis] of axes.entries()) {
    const extent = x.dims[axis]!;
    const from = starts[i]! < 0 ? starts[i]! + extent : starts[i]!;
    step[axis] = steps[i]!;
    start[axis] = steps[i]! > 0 ? Math.min(Math.max(from, 0), extent) : Math.min(Math.max(from, 0), extent - 1);
  }
  return { start, step };
}

/** Pads (negative ones crop) in the modes constant, reflect, edge and wrap; pads are known at compile time. */
export const padLowering: Lowering = {
  compileTimeInputs: [1, 3],
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const rank = x.dims.length;
    const mode = context.attributes.string("mode", "constant");
    const pads = integersOf(context, 1, "pads") ?? context.attributes.ints("pads") ?? [];
    const axes = (integersOf(context, 3, "axes") ?? x.dims.map((_, d) => d)).map((a) => normalizeAxis(a, rank));
    const before = x.dims.map(() => 0);
    for (const [i, axis] of axes.entries()) before[axis] = pads[i]!;
    const fill = context.inputs[2];
    const after = y.dims.map((d, i) => d - before[i]! - x.dims[i]!);
    const zeros = !fill || (context.constant(2) !== undefined && toNumbers(context.constant(2)!)[0] === 0);
    if (mode === "constant" && zeros && [...before, ...after].every((n) => n >= 0)) {
      // The inside by itself, so that whatever computes it can store it there, then the border's strips.
      const axes = spatialAxes(x.dims);
      const strips = x.dims.flatMap((_, d) =>
        ([[0, before[d]!], [before[d]! + x.dims[d]!, after[d]!]] as const).flatMap(([from, count]) =>
          count === 0
            ? []
            : nest(
                "border",
                axes.map((a, i) => ({ name: a.name, extent: i === d ? count : i < d ? x.dims[i]! : y.dims[i]! })),
                (v) => store(y, v.map((e, i) => add(e, i === d ? from : i < d ? before[i]! : 0)), zero(y.element)),
              ),
        ),
      );
      return [...nest("pad", axes, (v) => store(y, v.map((e, i) => add(e, before[i]!)), load(x, v))), ...strips];
    }
    return nest("pad", spatialAxes(y.dims), (v) => {
      const place = v.map((e, d) => sub(e, before[d]!));
      if (mode === "constant") {
        const inside = all(place.flatMap((p, d) => [ge(p, 0), lt(p, x.dims[d]!)]));
        return store(y, v, select(inside, load(x, place), fill ? load(fill, fill.dims.map(() => 0)) : zero(x.element)));
      }
      const folded = place.map((p, d): Expression => {
        const n = x.dims[d]!;
        if (mode === "edge") return min(max(p, 0), n - 1);
        if (mode === "wrap") return floormod(p, n);
        if (mode !== "reflect") throw notLowered(context, `the padding mode ${JSON.stringify(mode)} is not known`);
        if (n === 1) return integer(0);
        const q = floormod(p, 2 * (n - 1));
        return select(lt(q, n), q, sub(2 * (n - 1), q));
      });
      return store(y, v, load(x, folded));
    });
  },
};

/** Crops or pads axes around their middle to sizes that are known at compile time. */
export const centerCropPadLowering: Lowering = {
  compileTimeInputs: [1],
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    // Cropping drops the smaller half in front, padding adds it there.
    const shift = x.dims.map((size, d) => (y.dims[d]! < size ? Math.floor((size - y.dims[d]!) / 2) : -Math.floor((y.dims[d]! - size) / 2)));
    return nest("center", spatialAxes(y.dims, y.dims.map((_, d) => `i${d}`)), (v) => {
      const place = v.map((e, d) => add(e, shift[d]!));
      return store(y, v, select(all(place.flatMap((p, d) => [ge(p, 0), lt(p, x.dims[d]!)])), load(x, place), zero(y.element)));
    });
  },
};

/** Repeats elements to a larger shape. */
export const expandLowering: Lowering = {
  compileTimeInputs: [1],
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    return nest("expand", spatialAxes(y.dims), (v) => store(y, v, load(x, broadcastIndices(x.dims, v))));
  },
};

/** Repeats the whole tensor along its dimensions. */
export const tileLowering: Lowering = {
  compileTimeInputs: [1],
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    return nest("tile", spatialAxes(y.dims), (v) => store(y, v, load(x, v.map((e, d) => floormod(e, x.dims[d]!)))));
  },
};

/** Moves channel blocks to space. */
export const depthToSpaceLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const b = context.attributes.int("blocksize");
    const crd = context.attributes.string("mode", "DCR") === "CRD";
    const channels = y.dims[1]!;
    return nest("depth_to_space", spatialAxes(y.dims), ([n, c, h, w]) => {
      const i = floormod(h!, b);
      const j = floormod(w!, b);
      const from = crd ? add(add(mul(c!, b * b), mul(i, b)), j) : add(mul(add(mul(i, b), j), channels), c!);
      return store(y, [n!, c!, h!, w!], load(x, [n!, from, floordiv(h!, b), floordiv(w!, b)]));
    });
  },
};

/** Moves space to channel blocks. */
export const spaceToDepthLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const b = context.attributes.int("blocksize");
    const crd = context.attributes.string("mode", "DCR") === "CRD";
    const channels = x.dims[1]!;
    return nest("space_to_depth", spatialAxes(y.dims), ([n, c, h, w]) => {
      const block = crd ? floormod(c!, b * b) : floordiv(c!, channels);
      const from = crd ? floordiv(c!, b * b) : floormod(c!, channels);
      return store(y, [n!, c!, h!, w!], load(x, [n!, from, add(mul(h!, b), floordiv(block, b)), add(mul(w!, b), floormod(block, b))]));
    });
  },
};

/** One value everywhere: ConstantOfShape. The shape is known at compile time. */
export const fillLowering: Lowering = {
  compileTimeInputs: [0],
  build(context) {
    const y = outputOf(context);
    const value = context.attributes.tensor("value");
    const fill = number(y.element, value ? elementAt(value, 0) : 0);
    return nest("fill", spatialAxes(y.dims), (v) => store(y, v, fill));
  },
};

/** The sizes of the input, which are known at compile time: Shape and Size. */
export const shapeLowering = (of: "shape" | "size"): Lowering => ({
  compileTimeInputs: [0],
  build(context) {
    const y = outputOf(context);
    const dims = inputDims(context);
    if (of === "size") return nest("size", [], () => store(y, [], number(y.element, elementCount(dims))));
    const from = context.attributes.int("start", 0);
    const first = Math.min(Math.max(from < 0 ? from + dims.length : from, 0), dims.length);
    return nest("shape", spatialAxes(y.dims), ([i]) =>
      store(y, [i!], dims.slice(first, first + y.dims[0]!).reduceRight<Expression>((rest, d, at) => select(eq(i!, at), number(y.element, d), rest), number(y.element, 0))),
    );
  },
});

function inputDims(context: LoweringContext): readonly number[] {
  const shape = context.inputType(0).shape;
  if (!shape || shape.some((d) => typeof d !== "number")) throw notLowered(context, "the shape of its input is not static");
  return shape as readonly number[];
}
