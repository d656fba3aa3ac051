import { nest, store } from "../../tensor/build.ts";
import { add, binary, cast, div, integer, load, max, mul, number, select, sub, unary } from "../../tensor/expression.ts";
import type { Lowering, LoweringContext } from "../../tensor/lowering.ts";
import type { Buffer, Expression, Variable } from "../../tensor/program.ts";
import { inputOf, notLowered, outputOf, spatialAxes, zero } from "./lower-common.ts";
import { dataIndex } from "./lower-indexing.ts";

/** Classical operators on features (ai.onnx.ml) that are plain arithmetic. */

const names = (b: Buffer): string[] => b.dims.map((_, d) => `i${d}`);
/** One number for all features, or one for each: a constant or a table. */
const perFeature = (context: LoweringContext, name: string, values: readonly number[], feature: Expression): Expression =>
  values.length === 1 ? number("float32", values[0]!) : load(context.table(name, "float32", [values.length], values), [feature]);

export const binarizerLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const threshold = number("float32", context.attributes.float("threshold", 0));
    return nest("binarize", spatialAxes(y.dims, names(y)), (v) => store(y, v, select(binary("gt", cast("float32", load(x, v)), threshold), number(y.element, 1), zero(y.element))));
  },
};

export const scalerLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const offset = context.attributes.floats("offset") ?? [0];
    const scale = context.attributes.floats("scale") ?? [1];
    return nest("scaler", spatialAxes(y.dims, names(y)), (v) => {
      const feature = v[v.length - 1] ?? integer(0);
      return store(y, v, mul(sub(cast("float32", load(x, v)), perFeature(context, "offset", offset, feature)), perFeature(context, "scale", scale, feature)));
    });
  },
};

export const imputerLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const { attributes } = context;
    const whole = x.element.startsWith("int");
    const values = whole ? attributes.ints("imputed_value_int64s") : attributes.floats("imputed_value_floats");
    if (!values || values.length === 0) throw notLowered(context, "no imputed values are given");
    const replaced = whole ? attributes.int("replaced_value_int64", 0) : attributes.float("replaced_value_float", 0);
    if (whole && ![...values, replaced].every(Number.isSafeInteger)) throw notLowered(context, "its values are beyond 2^53, where they are not exact");
    return nest("impute", spatialAxes(y.dims, names(y)), (v) => {
      const value = load(x, v);
      const hit = Number.isNaN(replaced) ? unary("isnan", value) : binary("eq", value, number(x.element, replaced));
      const other = values.length === 1 ? number(x.element, values[0]!) : load(context.table("imputed", x.element, [values.length], values), [v[v.length - 1] ?? integer(0)]);
      return store(y, v, select(hit, other, value));
    });
  },
};

/** Picks entries along the last axis; a vector counts as a matrix of one row. */
export const arrayFeatureExtractorLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const places = inputOf(context, 1);
    const y = outputOf(context);
    const extent = x.dims[x.dims.length - 1]!;
    const flat = (e: Expression): Expression[] => places.dims.map((_, i) => (i === places.dims.length - 1 ? e : integer(0)));
    if (places.dims.slice(0, -1).some((d) => d !== 1)) throw notLowered(context, "its places are not one vector");
    return nest("extract", spatialAxes(y.dims, names(y)), (v) => {
      const at = dataIndex(load(places, flat(v[v.length - 1]!)), extent);
      return store(y, v, load(x, x.dims.length === 1 ? [at] : [...v.slice(0, -1), at]));
    });
  },
};

export const normalizerLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const y = outputOf(context);
    const kind = context.attributes.string("norm", "MAX");
    const outer = x.dims.slice(0, -1);
    const norm = context.local("norm", "float32", outer);
    const spec = spatialAxes(x.dims, names(x)).map((a, d) => (d === x.dims.length - 1 ? { ...a, kind: "reduce" as const } : a));
    const at = (v: readonly Variable[]): readonly Variable[] => v.slice(0, outer.length);
    const value = (v: readonly Variable[]): Expression => cast("float32", load(x, v));
    const join = (old: Expression, e: Expression): Expression => (kind === "MAX" ? max(old, e) : add(old, kind === "L1" ? unary("abs", e) : mul(e, e)));
    return [
      ...nest("norm", spec, (v) => store(norm, at(v), join(load(norm, at(v)), value(v))), (v) => store(norm, at(v), number("float32", kind === "MAX" ? -Infinity : 0))),
      ...nest("divide", spatialAxes(y.dims, names(y)), (v) => {
        const size = kind === "L2" ? unary("sqrt", load(norm, at(v))) : load(norm, at(v));
        return store(y, v, select(binary("eq", load(norm, at(v)), number("float32", 0)), value(v), div(value(v), size)));
      }),
    ];
  },
};
