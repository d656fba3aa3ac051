import type { ElementType } from "../../ir/element-type.ts";
import { buffer, loop, nest, store } from "../../tensor/build.ts";
import { add, all, div, ge, integer, load, lt, max, mul, number, select, sub, unary, binary, variable } from "../../tensor/expression.ts";
import type { Lowering, LoweringContext } from "../../tensor/lowering.ts";
import type { Axis, Block, Buffer, Expression, Statement, Variable } from "../../tensor/program.ts";
import { elementCount } from "../../ir/value-type.ts";
import { broadcastIndices, inputOf, normalizeAxis, onlyOutputs, outputOf, spatialAxes, zero } from "./lower-common.ts";

/** Batch normalization: one factor a channel, then scale and shift. In training the statistics are those of the batch. */
export const batchNormalizationLowering: Lowering = {
  build(context) {
    const training = context.attributes.int("training_mode", 0) !== 0;
    if (!training) onlyOutputs(context, 1);
    const [x, scale, bias, mean, variance] = [0, 1, 2, 3, 4].map((i) => inputOf(context, i)) as [Buffer, Buffer, Buffer, Buffer, Buffer];
    const y = outputOf(context);
    const epsilon = number(variance.element, context.attributes.float("epsilon", 1e-5));
    const channels = x.dims[1] ?? 1;
    const factor = context.local("factor", x.element, [channels]);
    const statistics: Statement[] = [];
    let [usedMean, usedVariance] = [mean, variance];
    if (training) {
      const type = x.element;
      const count = number(type, elementCount(x.dims) / channels);
      const rest = x.dims.flatMap((extent, d) => (d === 1 ? [] : [{ name: `r${d}`, extent, kind: "reduce" as const }]));
      const at = (v: readonly Variable[]): Expression[] => x.dims.map((_, d) => (d === 1 ? v[0]! : v[d === 0 ? 1 : d]!));
      const axis = { name: "c", extent: channels };
      const sums = context.local("sums", type, [channels]);
      const squares = context.local("squares", type, [channels]);
      usedMean = context.local("batch_mean", type, [channels]);
      usedVariance = context.local("batch_variance", type, [channels]);
      const momentum = number(type, context.attributes.float("momentum", 0.9));
      const rest1 = number(type, 1 - context.attributes.float("momentum", 0.9));
      const centred = (v: readonly Variable[]): Expression => sub(load(x, at(v)), load(usedMean, [v[0]!]));
      statistics.push(
        ...nest("channel_sum", [axis, ...rest], (v) => store(sums, [v[0]!], add(load(sums, [v[0]!]), load(x, at(v)))), ([c]) => store(sums, [c!], zero(type))),
        ...nest("channel_mean", [axis], ([c]) => store(usedMean, [c!], div(load(sums, [c!]), count))),
        ...nest("channel_squares", [axis, ...rest], (v) => store(squares, [v[0]!], add(load(squares, [v[0]!]), mul(centred(v), centred(v)))), ([c]) => store(squares, [c!], zero(type))),
        ...nest("channel_variance", [axis], ([c]) => store(usedVariance, [c!], div(load(squares, [c!]), count))),
      );
      for (const [index, [old, now]] of ([[mean, usedMean], [variance, usedVariance]] as const).entries()) {
        const running = context.outputs[index + 1];
        if (running) statistics.push(...nest("running", [axis], ([c]) => store(running, [c!], add(mul(load(old, [c!]), momentum), mul(load(now, [c!]), rest1)))));
      }
    }
    const [m, v2] = [usedMean, usedVariance];
    return [
      ...statistics,
      ...nest("factor", [{ name: "c", extent: channels }], ([c]) => store(factor, [c!], div(load(scale, [c!]), unary("sqrt", add(load(v2, [c!]), epsilon))))),
      ...nest("batchnorm", spatialAxes(y.dims), (v) => {
        const c = v[1] ?? integer(0);
        return store(y, v, add(mul(sub(load(x, v), load(m, [c])), load(factor, [c])), load(bias, [c])));
      }),
    ];
  },
};

/** A power of what no run makes negative. Quarters are roots, which processors have: a call of pow for each element takes ten times as long. */
function powerOfSum(base: Expression, exponent: number, type: ElementType): Expression {
  const root = unary("sqrt", base);
  if (exponent === 1) return base;
  if (exponent === 0.5) return root;
  return exponent === 0.75 ? mul(root, unary("sqrt", root)) : binary("pow", base, number(type, exponent));
}

/** Local response normalization across channels. */
export const lrnLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const { attributes } = context;
    const size = attributes.int("size");
    const before = Math.floor((size - 1) / 2);
    const c = (value: number): Expression => number(y.element, value);
    const squares = context.local("squares", y.element, y.dims);
    const channels = x.dims[1]!;
    const axes = spatialAxes(y.dims);
    const rank = y.dims.length;
    return [
      ...nest(
        "square_sum",
        [...axes, { name: "k", extent: size, kind: "reduce" }],
        (v) => {
          const out = v.slice(0, rank);
          const channel = sub(add(v[1]!, v[rank]!), before);
          const value = load(x, [v[0]!, channel, ...v.slice(2, rank)]);
          return store(squares, out, add(load(squares, out), select(all([ge(channel, 0), lt(channel, channels)]), mul(value, value), zero(y.element))));
        },
        (v) => store(squares, v.slice(0, rank), zero(y.element)),
      ),
      ...nest("normalize", axes, (v) => {
        const base = add(c(attributes.float("bias", 1)), mul(c(attributes.float("alpha", 1e-4) / size), load(squares, v)));
        return store(y, v, div(load(x, v), powerOfSum(base, attributes.float("beta", 0.75), y.element)));
      }),
    ];
  },
};

/** Elements of a row that are combined side by side: the widest vectors. */
const rowLanes = 16;

/**
 * Nests that share loops over the rows: for every point of the outer dimensions, steps over the row. Locals of a row
 * are scalars.
 */
class Rows {
  private readonly loops: { variable: Variable; extent: number }[];
  private readonly statements: Statement[] = [];

  constructor(outer: readonly { name: string; extent: number }[]) {
    this.loops = outer.map((o) => ({ variable: variable(o.name), extent: o.extent }));
  }

  scalar(name: string, element: Buffer["element"]): Buffer {
    const b = buffer(name, element, [], "local");
    this.statements.push({ kind: "allocate", buffer: b });
    return b;
  }

  /** A block over the row (`inner` axes); `body` sees outer and inner axes. */
  step(name: string, inner: readonly { name: string; extent: number; kind: Axis["kind"] }[], body: (outer: readonly Variable[], inner: readonly Variable[]) => Statement, init?: () => Statement): void {
    const outerAxes = this.loops.map((l) => variable(`v_${l.variable.name}`));
    const innerLoops = inner.map((a) => ({ variable: variable(a.name), extent: a.extent }));
    const innerAxes = inner.map((a) => variable(`v_${a.name}`));
    const block: Block = {
      kind: "block",
      name,
      axes: [
        ...this.loops.map((l, i) => ({ variable: outerAxes[i]!, extent: l.extent, kind: "spatial" as const })),
        ...inner.map((a, i) => ({ variable: innerAxes[i]!, extent: a.extent, kind: a.kind })),
      ],
      bindings: [...this.loops.map((l) => l.variable), ...innerLoops.map((l) => l.variable)],
      ...(init ? { init: [init()] } : {}),
      body: [body(outerAxes, innerAxes)],
    };
    this.statements.push(...innerLoops.reduceRight<readonly Statement[]>((b, l) => [loop(l.variable, l.extent, b)], [block]));
  }

  /**
   * Combines a term of each element of the row. Where lanes divide the last axis, each lane first combines what falls
   * to it (neighbouring elements are then one vector), and the lanes are combined at the end.
   */
  reduction(name: string, to: Buffer, axes: readonly { name: string; extent: number }[], combine: (a: Expression, b: Expression) => Expression, start: Expression, term: (outer: readonly Variable[], inner: readonly Expression[]) => Expression): void {
    const last = axes.at(-1);
    if (!last || to.element !== "float32" || last.extent % rowLanes !== 0 || last.extent < 2 * rowLanes) {
      this.step(name, kinds(axes, "reduce"), (o, r) => store(to, [], combine(load(to, []), term(o, r))), () => store(to, [], start));
      return;
    }
    const parts = buffer(`${name}_lanes`, to.element, [rowLanes], "local");
    const lane = { name: "lane", extent: rowLanes };
    this.statements.push({ kind: "allocate", buffer: parts });
    this.step(`${name}_start`, kinds([lane], "spatial"), (_, [l]) => store(parts, [l!], start));
    this.step(name, [...kinds([...axes.slice(0, -1), { name: last.name, extent: last.extent / rowLanes }], "reduce"), ...kinds([lane], "spatial")], (o, r) => {
      const l = r.at(-1)!;
      return store(parts, [l], combine(load(parts, [l]), term(o, [...r.slice(0, -2), add(mul(r.at(-2)!, rowLanes), l)])));
    });
    this.step(`${name}_join`, kinds([lane], "reduce"), (_, [l]) => store(to, [], combine(load(to, []), load(parts, [l!]))), () => store(to, [], start));
  }

  done(): readonly Statement[] {
    return this.loops.reduceRight<readonly Statement[]>((b, l) => [loop(l.variable, l.extent, b)], this.statements);
  }
}

const rowAxes = (dims: readonly number[], from: number) => dims.slice(from).map((extent, d) => ({ name: `r${d}`, extent }));
const kinds = (axes: readonly { name: string; extent: number }[], kind: Axis["kind"]) => axes.map((a) => ({ ...a, kind }));

/** exp(x - max) / sum along one axis, and its logarithm. */
export const softmaxLowering = (logarithm: boolean): Lowering => ({
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const type = y.element;
    const axis = normalizeAxis(context.attributes.int("axis", -1), x.dims.length);
    const rows = new Rows(x.dims.flatMap((extent, d) => (d === axis ? [] : [{ name: `i${d}`, extent }])));
    const row = [{ name: "r", extent: x.dims[axis]! }];
    const at = (outer: readonly Variable[], r: Expression): Expression[] => x.dims.map((_, d) => (d === axis ? r : outer[d < axis ? d : d - 1]!));
    const largest = rows.scalar("largest", type);
    const total = rows.scalar("total", type);
    rows.reduction("row_max", largest, row, max, number(type, -Infinity), (o, [r]) => load(x, at(o, r!)));
    if (!logarithm)
      rows.step("exponent", kinds(row, "spatial"), (o, [r]) => store(y, at(o, r!), unary("exp", sub(load(x, at(o, r!)), load(largest, [])))));
    const term = (o: readonly Variable[], r: Expression): Expression => (logarithm ? unary("exp", sub(load(x, at(o, r)), load(largest, []))) : load(y, at(o, r)));
    rows.reduction("row_sum", total, row, add, zero(type), (o, [r]) => term(o, r!));
    rows.step("normalize", kinds(row, "spatial"), (o, [r]) =>
      store(y, at(o, r!), logarithm ? sub(sub(load(x, at(o, r!)), load(largest, [])), unary("log", load(total, []))) : div(load(y, at(o, r!)), load(total, []))),
    );
    return rows.done();
  },
});

/** Mean and variance of each row, in two passes, then normalize, scale and shift. `rms` leaves the mean out. */
export const layerNormalizationLowering = (rms: boolean): Lowering => ({
  build(context) {
    const x = inputOf(context, 0);
    const scale = inputOf(context, 1);
    const bias = context.inputs[2];
    const y = outputOf(context);
    const [, meanOut, inverseOut] = context.outputs;
    const type = y.element;
    const axis = normalizeAxis(context.attributes.int("axis", -1), x.dims.length);
    const outer = x.dims.slice(0, axis).map((extent, d) => ({ name: `i${d}`, extent }));
    const row = rowAxes(x.dims, axis);
    const count = number(type, elementCount(x.dims.slice(axis)));
    const epsilon = number(type, context.attributes.float("epsilon", 1e-5));
    const rows = new Rows(outer);
    const sum = rms ? undefined : rows.scalar("sum", type);
    const mean = rms ? undefined : rows.scalar("mean", type);
    const spread = rows.scalar("spread", type);
    const deviation = rows.scalar("deviation", type);
    const centered = (o: readonly Variable[], r: readonly Expression[]): Expression => (mean ? sub(load(x, [...o, ...r]), load(mean, [])) : load(x, [...o, ...r]));
    if (sum && mean) {
      rows.reduction("row_sum", sum, row, add, zero(type), (o, r) => load(x, [...o, ...r]));
      rows.step("row_mean", [], () => store(mean, [], div(load(sum, []), count)));
    }
    rows.reduction("row_squares", spread, row, add, zero(type), (o, r) => mul(centered(o, r), centered(o, r)));
    rows.step("row_deviation", [], () => store(deviation, [], unary("sqrt", add(div(load(spread, []), count), epsilon))));
    rows.step("normalize", kinds(row, "spatial"), (o, r) => {
      const all = [...o, ...r];
      const unit = div(centered(o, r), load(deviation, []));
      const scaled = mul(unit, load(scale, broadcastIndices(scale.dims, all)));
      return store(y, all, bias ? add(scaled, load(bias, broadcastIndices(bias.dims, all))) : scaled);
    });
    const slice = (o: readonly Variable[]): Expression[] => [...o, ...row.map(() => integer(0))];
    if (meanOut && mean) rows.step("mean_out", [], (o) => store(meanOut, slice(o), load(mean, [])));
    if (inverseOut) rows.step("inverse_out", [], (o) => store(inverseOut, slice(o), div(number(type, 1), load(deviation, []))));
    return rows.done();
  },
});

/** Normalizes groups of channels of each sample, then scales and shifts each channel. */
export const groupNormalizationLowering: Lowering = {
  build(context) {
    const [x, scale, bias] = [0, 1, 2].map((i) => inputOf(context, i)) as [Buffer, Buffer, Buffer];
    const y = outputOf(context);
    const type = y.element;
    const groups = context.attributes.int("num_groups");
    const perGroup = x.dims[1]! / groups;
    const row = [{ name: "k", extent: perGroup }, ...rowAxes(x.dims, 2)];
    const count = number(type, elementCount(row.map((a) => a.extent)));
    const epsilon = number(type, context.attributes.float("epsilon", 1e-5));
    const rows = new Rows([{ name: "n", extent: x.dims[0]! }, { name: "g", extent: groups }]);
    const mean = rows.scalar("mean", type);
    const spread = rows.scalar("spread", type);
    const channel = (o: readonly Variable[], r: readonly Variable[]): Expression => add(mul(o[1]!, perGroup), r[0]!);
    const at = (o: readonly Variable[], r: readonly Variable[]): Expression[] => [o[0]!, channel(o, r), ...r.slice(1)];
    const centered = (o: readonly Variable[], r: readonly Variable[]): Expression => sub(load(x, at(o, r)), div(load(mean, []), count));
    rows.step("row_sum", kinds(row, "reduce"), (o, r) => store(mean, [], add(load(mean, []), load(x, at(o, r)))), () => store(mean, [], zero(type)));
    rows.step("row_squares", kinds(row, "reduce"), (o, r) => store(spread, [], add(load(spread, []), mul(centered(o, r), centered(o, r)))), () => store(spread, [], zero(type)));
    rows.step("normalize", kinds(row, "spatial"), (o, r) => {
      const unit = div(centered(o, r), unary("sqrt", add(div(load(spread, []), count), epsilon)));
      return store(y, at(o, r), add(mul(unit, load(scale, [channel(o, r)])), load(bias, [channel(o, r)])));
    });
    return rows.done();
  },
};

/** Divides each slice along an axis by its norm; a slice whose norm is 0 gives zeros. */
export const lpNormalizationLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const type = y.element;
    const axis = normalizeAxis(context.attributes.int("axis", -1), x.dims.length);
    const p = context.attributes.int("p", 2);
    const rows = new Rows(x.dims.flatMap((extent, d) => (d === axis ? [] : [{ name: `i${d}`, extent }])));
    const row = [{ name: "r", extent: x.dims[axis]! }];
    const at = (o: readonly Variable[], r: Variable): Expression[] => x.dims.map((_, d) => (d === axis ? r : o[d < axis ? d : d - 1]!));
    const norm = rows.scalar("norm", type);
    const size = (e: Expression): Expression => (p === 1 ? unary("abs", e) : mul(e, e));
    rows.step("row_norm", kinds(row, "reduce"), (o, [r]) => store(norm, [], add(load(norm, []), size(load(x, at(o, r!))))), () => store(norm, [], zero(type)));
    const whole = p === 1 ? load(norm, []) : unary("sqrt", load(norm, []));
    rows.step("divide", kinds(row, "spatial"), (o, [r]) => store(y, at(o, r!), select(binary("eq", load(norm, []), zero(type)), zero(type), div(load(x, at(o, r!)), whole))));
    return rows.done();
  },
};

/** Subtracts the mean and divides by the standard deviation over some axes. */
export const meanVarianceNormalizationLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const type = y.element;
    const axes = new Set((context.attributes.ints("axes") ?? [0, 2, 3]).map((a) => normalizeAxis(a, x.dims.length)));
    const outer = x.dims.flatMap((extent, d) => (axes.has(d) ? [] : [{ name: `i${d}`, extent }]));
    const row = x.dims.flatMap((extent, d) => (axes.has(d) ? [{ name: `r${d}`, extent }] : []));
    const kept = x.dims.map((_, d) => d).filter((d) => !axes.has(d));
    const reduced = x.dims.map((_, d) => d).filter((d) => axes.has(d));
    const count = number(type, elementCount(row.map((a) => a.extent)));
    const rows = new Rows(outer);
    const mean = rows.scalar("mean", type);
    const spread = rows.scalar("spread", type);
    const at = (o: readonly Variable[], r: readonly Variable[]): Expression[] => x.dims.map((_, d) => (axes.has(d) ? r[reduced.indexOf(d)]! : o[kept.indexOf(d)]!));
    const centered = (o: readonly Variable[], r: readonly Variable[]): Expression => sub(load(x, at(o, r)), div(load(mean, []), count));
    rows.step("row_sum", kinds(row, "reduce"), (o, r) => store(mean, [], add(load(mean, []), load(x, at(o, r)))), () => store(mean, [], zero(type)));
    rows.step("row_squares", kinds(row, "reduce"), (o, r) => store(spread, [], add(load(spread, []), mul(centered(o, r), centered(o, r)))), () => store(spread, [], zero(type)));
    rows.step("normalize", kinds(row, "spatial"), (o, r) => store(y, at(o, r), div(centered(o, r), add(unary("sqrt", div(load(spread, []), count)), number(type, 1e-9)))));
    return rows.done();
  },
};

/** Normalizes each channel of each sample by its own mean and variance. */
export const instanceNormalizationLowering: Lowering = {
  build(context: LoweringContext) {
    const [x, scale, bias] = [0, 1, 2].map((i) => inputOf(context, i)) as [Buffer, Buffer, Buffer];
    const y = outputOf(context);
    const type = y.element;
    const row = rowAxes(x.dims, 2);
    const count = number(type, elementCount(x.dims.slice(2)));
    const epsilon = number(type, context.attributes.float("epsilon", 1e-5));
    const rows = new Rows([{ name: "n", extent: x.dims[0]! }, { name: "c", extent: x.dims[1]! }]);
    const mean = rows.scalar("mean", type);
    const spread = rows.scalar("spread", type);
    const centered = (all: readonly Variable[]): Expression => sub(load(x, all), div(load(mean, []), count));
    rows.step("row_sum", kinds(row, "reduce"), (o, r) => store(mean, [], add(load(mean, []), load(x, [...o, ...r]))), () => store(mean, [], zero(type)));
    rows.step("row_squares", kinds(row, "reduce"), (o, r) => store(spread, [], add(load(spread, []), mul(centered([...o, ...r]), centered([...o, ...r])))), () => store(spread, [], zero(type)));
    rows.step("normalize", kinds(row, "spatial"), (o, r) => {
      const unit = div(centered([...o, ...r]), unary("sqrt", add(div(load(spread, []), count), epsilon)));
      return store(y, [...o, ...r], add(mul(unit, load(scale, [o[1]!])), load(bias, [o[1]!])));
    });
    return rows.done();
  },
};
