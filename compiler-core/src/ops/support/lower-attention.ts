import { forEach, nest, step, store } from "../../tensor/build.ts";
import { add, all, binary, cast, div, eq, floordiv, floormod, ge, integer, load, lt, max, min, mul, number, select, sub, unary } from "../../tensor/expression.ts";
import type { Lowering, LoweringContext } from "../../tensor/lowering.ts";
import type { Buffer, Expression, Statement, Variable } from "../../tensor/program.ts";
import { broadcastIndices, forAll, inputOf, notLowered, outputOf, spatialAxes, zero } from "./lower-common.ts";
import { scalar } from "./lower-search.ts";

/** Attention and its kin. Heads may be packed in the last dimension: [batch, length, heads * size]. */

interface Heads {
  readonly dims: readonly [batch: number, heads: number, length: number, size: number];
  /** indices of the buffer at [batch, head, position, feature] */
  at(b: Expression, h: Expression, i: Expression, d: Expression): Expression[];
}

function headsOf(context: LoweringContext, x: Buffer, heads: number): Heads {
  if (x.dims.length === 4) return { dims: x.dims as unknown as Heads["dims"], at: (b, h, i, d) => [b, h, i, d] };
  const [batch, length, hidden] = x.dims as [number, number, number];
  if (x.dims.length !== 3 || heads <= 0 || hidden % heads !== 0) throw notLowered(context, `[${x.dims.join(", ")}] cannot be cut into ${heads} heads`);
  const size = hidden / heads;
  return { dims: [batch, heads, length, size], at: (b, h, i, d) => [b, i, add(mul(h, size), d)] };
}

export const attentionLowering: Lowering = {
  build(context) {
    const { attributes } = context;
    const [queries, newKeys, newValues] = [0, 1, 2].map((i) => inputOf(context, i)) as [Buffer, Buffer, Buffer];
    const mask = context.inputs[3];
    const pastKeys = context.inputs[4];
    const pastValues = context.inputs[5];
    const lengths = context.inputs[6];
    const y = outputOf(context);
    const [, presentKeys, presentValues, kept] = context.outputs;
    const q = headsOf(context, queries, attributes.int("q_num_heads", 0));
    const k = headsOf(context, newKeys, attributes.int("kv_num_heads", 0));
    const v = headsOf(context, newValues, attributes.int("kv_num_heads", 0));
    const type = queries.element;
    const [batch, heads, length, size] = q.dims;
    const [, keyHeads, fresh] = k.dims;
    const width = v.dims[3];
    const past = pastKeys ? pastKeys.dims[2]! : 0;
    const total = past + fresh;
    if (heads % keyHeads !== 0) throw notLowered(context, `${heads} query heads cannot share ${keyHeads} key heads evenly`);
    const group = heads / keyHeads;
    const statements: Statement[] = [];

    /** Past and new entries one after another, where there is a past or somebody asks for both. */
    const whole = (name: string, given: Buffer, form: Heads, old: Buffer | null | undefined, present: Buffer | null | undefined, features: number): Heads & { of: Buffer } => {
      if (!old && !present) return { ...form, of: given };
      const joined = present ?? context.local(name, given.element, [batch, keyHeads, total, features]);
      const axes = spatialAxes(joined.dims, ["b", "h", "j", "d"]);
      if (old) statements.push(...nest(`${name}_past`, [axes[0]!, axes[1]!, { name: "j", extent: past }, axes[3]!], ([b, h, j, d]) => store(joined, [b!, h!, j!, d!], load(old, [b!, h!, j!, d!]))));
      statements.push(...nest(`${name}_new`, [axes[0]!, axes[1]!, { name: "j", extent: fresh }, axes[3]!], ([b, h, j, d]) => store(joined, [b!, h!, add(j!, past), d!], load(given, form.at(b!, h!, j!, d!)))));
      return { dims: [batch, keyHeads, total, features], at: (b, h, j, d) => [b, h, j, d], of: joined };
    };
    const keys = whole("keys", newKeys, k, pastKeys, presentKeys, size);
    const values = whole("values", newValues, v, pastValues, presentValues, width);
    const scoreDims = [batch, heads, length, total];
    const scoreAxes = spatialAxes(scoreDims, ["b", "h", "i", "j"]);
    const factor = number(type, attributes.optionalFloat("scale") ?? 1 / Math.sqrt(size));
    const mode = attributes.int("qk_matmul_output_mode", 0);
    const keep = (at: number, name: string): Buffer => (kept && mode === at ? kept : context.local(name, type, scoreDims));

    const products = context.local("products", type, scoreDims);
    const keyHead = (h: Expression): Expression => (group === 1 ? h : floordiv(h, group));
    statements.push(
      ...nest(
        "scores",
        [...scoreAxes, { name: "d", extent: size, kind: "reduce" }],
        ([b, h, i, j, d]) => store(products, [b!, h!, i!, j!], add(load(products, [b!, h!, i!, j!]), mul(load(queries, q.at(b!, h!, i!, d!)), load(keys.of, keys.at(b!, keyHead(h!), j!, d!))))),
        ([b, h, i, j]) => store(products, [b!, h!, i!, j!], zero(type)),
      ),
    );
    const scaled = keep(0, "scaled");
    statements.push(...nest("scale", scoreAxes, (at) => store(scaled, at, mul(load(products, at), factor))));
    const softcap = attributes.float("softcap", 0);
    let capped = scaled;
    if (softcap > 0 || (kept && mode === 1)) {
      capped = keep(1, "capped");
      const cap = number(type, softcap);
      statements.push(...nest("cap", scoreAxes, (at) => store(capped, at, softcap > 0 ? mul(unary("tanh", div(load(scaled, at), cap)), cap) : load(scaled, at))));
    }
    const causal = attributes.int("is_causal", 0) !== 0;
    const left = attributes.int("left_window_size", -1);
    const right = attributes.int("right_window_size", -1);
    const masked = keep(2, "masked");
    statements.push(
      ...nest("mask", scoreAxes, (at) => {
        const [b, , i, j] = at as readonly [Variable, Variable, Variable, Variable];
        const ready = lengths ? cast("index", load(lengths, [b])) : undefined;
        const offset: Expression = pastKeys ? integer(past) : ready ? sub(ready, length) : integer(0);
        const distance = sub(add(i, offset), j);
        const conditions: Expression[] = [];
        if (causal) conditions.push(ge(distance, 0));
        if (left >= 0) conditions.push(binary("le", distance, integer(left)));
        if (right >= 0) conditions.push(ge(distance, -right));
        if (ready) conditions.push(lt(j, ready));
        let score = load(capped, at);
        if (mask) {
          const reach = mask.dims[mask.dims.length - 1] ?? 1;
          if (reach < total) conditions.push(lt(j, reach));
          // A mask may be shorter than the keys; its last dimension is then not broadcast.
          const place = broadcastIndices(mask.dims, [...at.slice(0, 3), reach < total ? min(j, Math.max(reach - 1, 0)) : j].slice(4 - mask.dims.length));
          const value = load(mask, place);
          if (mask.element === "bool") conditions.push(value);
          else score = add(score, cast(type, value));
        }
        return store(masked, at, conditions.length === 0 ? score : select(all(conditions), score, number(type, -Infinity)));
      }),
    );
    const rows = spatialAxes(scoreDims.slice(0, 3), ["b", "h", "i"]);
    const along = { name: "j", extent: total, kind: "reduce" as const };
    const top = context.local("top", type, scoreDims.slice(0, 3));
    const sums = context.local("sums", type, scoreDims.slice(0, 3));
    const exponents = context.local("exponents", type, scoreDims);
    const weights = keep(3, "weights");
    const row = (at: readonly Variable[]): readonly Variable[] => at.slice(0, 3);
    const nothing = number(type, -Infinity);
    statements.push(
      ...nest("row_max", [...rows, along], (at) => store(top, row(at), max(load(top, row(at)), load(masked, at))), (at) => store(top, row(at), nothing)),
      // A query that attends no key has weights of 0.
      ...nest("exponent", scoreAxes, (at) => store(exponents, at, select(binary("eq", load(masked, at), nothing), zero(type), unary("exp", sub(load(masked, at), load(top, row(at))))))),
      ...nest("row_sum", [...rows, along], (at) => store(sums, row(at), add(load(sums, row(at)), load(exponents, at))), (at) => store(sums, row(at), zero(type))),
      ...nest("weights", scoreAxes, (at) => store(weights, at, select(binary("eq", load(sums, row(at)), zero(type)), zero(type), div(load(exponents, at), load(sums, row(at)))))),
    );
    const packed = y.dims.length === 3;
    const out = (at: readonly Expression[]): Expression[] => (packed ? [at[0]!, at[2]!, add(mul(at[1]!, width), at[3]!)] : at.slice(0, 4));
    statements.push(
      ...nest(
        "combine",
        [...spatialAxes([batch, heads, length, width], ["b", "h", "i", "m"]), along],
        (at) => store(y, out(at), add(load(y, out(at)), mul(load(weights, [at[0]!, at[1]!, at[2]!, at[4]!]), load(values.of, values.at(at[0]!, keyHead(at[1]!), at[4]!, at[3]!))))),
        (at) => store(y, out(at), zero(type)),
      ),
    );
    return statements;
  },
};

export const rotaryEmbeddingLowering: Lowering = {
  build(context) {
    const [x, cosines, sines] = [0, 1, 2].map((i) => inputOf(context, i)) as [Buffer, Buffer, Buffer];
    const positions = context.inputs[3];
    const y = outputOf(context);
    const form = headsOf(context, x, context.attributes.int("num_heads", 0));
    const [batch, heads, length, size] = form.dims;
    const rotated = context.attributes.int("rotary_embedding_dim", 0) || size;
    const half = rotated / 2;
    const interleaved = context.attributes.int("interleaved", 0) !== 0;
    return nest("rotate", spatialAxes([batch, heads, length, size], ["b", "h", "t", "d"]), ([b, h, t, d]) => {
      const pair = interleaved ? floordiv(d!, 2) : select(lt(d!, half), d!, sub(d!, half));
      const first = interleaved ? eq(floormod(d!, 2), 0) : lt(d!, half);
      const clamped = min(max(pair, 0), half - 1);
      const angle = (cache: Buffer): Expression =>
        positions ? load(cache, [min(max(cast("index", load(positions, [b!, t!])), 0), cache.dims[0]! - 1), clamped]) : load(cache, cache.dims.length === 3 ? [b!, t!, clamped] : [add(mul(b!, length), t!), clamped]);
      const value = (i: Expression): Expression => load(x, form.at(b!, h!, t!, i));
      const other = interleaved ? [min(add(d!, 1), size - 1), max(sub(d!, 1), 0)] : [min(add(d!, half), size - 1), max(sub(d!, half), 0)];
      const turned = select(first, sub(mul(angle(cosines), value(d!)), mul(angle(sines), value(other[0]!))), add(mul(angle(sines), value(other[1]!)), mul(angle(cosines), value(d!))));
      return store(y, form.at(b!, h!, t!, d!), rotated === size ? turned : select(lt(d!, rotated), turned, value(d!)));
    });
  },
};

/** A recurrence over a matrix of state for every head, token after token. */
export const linearAttentionLowering: Lowering = {
  build(context) {
    const { attributes } = context;
    const [query, key, value] = [0, 1, 2].map((i) => inputOf(context, i)) as [Buffer, Buffer, Buffer];
    const [, , , past, decay, beta] = context.inputs;
    const y = outputOf(context);
    const heads = attributes.int("q_num_heads");
    const kvHeads = attributes.int("kv_num_heads");
    const rule = attributes.string("update_rule", "gated_delta");
    if ((rule.startsWith("gated")) !== !!decay || rule.endsWith("delta") !== !!beta) throw notLowered(context, `the rule ${rule} does not go with the inputs given`);
    const group = heads / kvHeads;
    const type = query.element;
    const [batch, length] = query.dims as [number, number];
    const size = query.dims[2]! / heads;
    const width = value.dims[2]! / kvHeads;
    const state = context.outputs[1] ?? context.local("state", type, [batch, kvHeads, size, width]);
    const write = context.local("write", type, [width]);
    const scale = number(type, attributes.float("scale", 0) || 1 / Math.sqrt(size));
    const perKey = decay ? decay.dims[2] !== kvHeads : false;
    return [
      ...nest("first_state", spatialAxes(state.dims, ["b", "h", "d", "m"]), (v) => store(state, v, past ? load(past, v) : zero(type))),
      ...forAll(
        [batch, length, kvHeads],
        ([b, t, h]) => {
          const keyAt = (d: Expression): Expression => load(key, [b!, t!, add(mul(h!, size), d)]);
          const at = (d: Expression, m: Expression): Expression[] => [b!, h!, d, m];
          const sum = scalar("sum", type);
          const statements: Statement[] = [sum.allocate];
          if (decay)
            statements.push(
              forEach("d", size, (d) => [
                forEach("m", width, (m) => [step("decay", state, at(d, m), mul(load(state, at(d, m)), unary("exp", load(decay, [b!, t!, perKey ? add(mul(h!, size), d) : h!]))))]),
              ]),
            );
          statements.push(
            forEach("m", width, (m) => {
              const fresh = load(value, [b!, t!, add(mul(h!, width), m)]);
              if (!beta) return [step("write", write, [m], fresh)];
              const rate = load(beta, [b!, t!, beta.dims[2] === 1 ? integer(0) : h!]);
              return [sum.set(zero(type)), forEach("d", size, (d) => [sum.set(add(sum.get, mul(load(state, at(d, m)), keyAt(d))))]), step("write", write, [m], mul(rate, sub(fresh, sum.get)))];
            }),
            forEach("d", size, (d) => [forEach("m", width, (m) => [step("update", state, at(d, m), add(load(state, at(d, m)), mul(keyAt(d), load(write, [m]))))])]),
            forEach("g", group, (g) => [
              forEach("m", width, (m) => {
                const head = add(mul(h!, group), g);
                return [
                  sum.set(zero(type)),
                  forEach("d", size, (d) => [sum.set(add(sum.get, mul(load(query, [b!, t!, add(mul(head, size), d)]), load(state, at(d, m)))))]),
                  step("read", y, [b!, t!, add(mul(head, width), m)], mul(scale, sum.get)),
                ];
              }),
            ]),
          );
          return statements;
        },
        ["b", "t", "h"],
      ),
    ];
  },
};

/** Depthwise convolution that looks back only; what lies before the input comes from the state. */
export const causalConvLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const w = inputOf(context, 1);
    const bias = context.inputs[2];
    const past = context.inputs[3];
    const [y, state] = context.outputs;
    const [batch, channels, length] = x.dims as [number, number, number];
    const taps = w.dims[2]!;
    const type = x.element;
    const entry = (n: Expression, c: Expression, at: Expression): Expression =>
      taps === 1 ? load(x, [n, c, at]) : select(lt(at, taps - 1), past ? load(past, [n, c, min(max(at, 0), taps - 2)]) : zero(type), load(x, [n, c, min(max(sub(at, taps - 1), 0), length - 1)]));
    const sums = context.local("sums", type, x.dims);
    const silu = context.attributes.string("activation", "none") !== "none";
    const statements: Statement[] = [];
    if (state) statements.push(...nest("state", spatialAxes(state.dims, ["n", "c", "k"]), ([n, c, k]) => store(state, [n!, c!, k!], entry(n!, c!, add(k!, length)))));
    if (y)
      statements.push(
        ...nest(
          "causal_conv",
          [{ name: "n", extent: batch }, { name: "c", extent: channels }, { name: "t", extent: length }, { name: "k", extent: taps, kind: "reduce" }],
          ([n, c, t, k]) => store(sums, [n!, c!, t!], add(load(sums, [n!, c!, t!]), mul(entry(n!, c!, add(t!, k!)), load(w, [c!, integer(0), k!])))),
          ([n, c, t]) => store(sums, [n!, c!, t!], bias ? load(bias, [c!]) : zero(type)),
        ),
        ...nest("activation", spatialAxes(y.dims, ["n", "c", "t"]), (v) => store(y, v, silu ? div(load(sums, v), add(number(type, 1), unary("exp", unary("neg", load(sums, v))))) : load(sums, v))),
      );
    return statements;
  },
};

/** New entries written into a cache along its sequence axis, each batch entry at its own place. */
export const tensorScatterLowering: Lowering = {
  build(context) {
    const cache = inputOf(context, 0);
    const update = inputOf(context, 1);
    const indices = context.inputs[2];
    const y = outputOf(context);
    const raw = context.attributes.int("axis", -2);
    const axis = raw < 0 ? raw + cache.dims.length : raw;
    const capacity = cache.dims[axis]!;
    const circular = context.attributes.string("mode", "linear") === "circular";
    return [
      ...nest("copy", spatialAxes(y.dims, y.dims.map((_, d) => `d${d}`)), (v) => store(y, v, load(cache, v))),
      ...forAll(update.dims, (v) => {
        const at = indices ? add(cast("index", load(indices, [v[0]!])), v[axis]!) : v[axis]!;
        const place = circular ? floormod(at, capacity) : min(max(at, 0), capacity - 1);
        return [step("write", y, v.map((e, d) => (d === axis ? place : e)), load(update, v))];
      }),
    ];
  },
};

