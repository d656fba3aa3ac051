import { buffer, loopsAround, store } from "../../tensor/build.ts";
import { add, load, mul, variable } from "../../tensor/expression.ts";
import type { Lowering } from "../../tensor/lowering.ts";
import type { Buffer, Expression, Statement, Variable } from "../../tensor/program.ts";
import { inputOf, outputOf, zero } from "./lower-common.ts";
import { blockInside, type Loop, row, type SharedLoop, sharedLoops } from "./lower-transforms.ts";
import { type SecondCache, secondCache, winogradOf, winogradStrips } from "./winograd.ts";

interface Step {
  readonly axes: readonly Loop[];
  readonly body: (shared: readonly Variable[], outer: readonly Variable[], inner: readonly Variable[]) => Statement;
}

/** Two steps over the same tiles: the first into a local of one tile, the second from there. */
function twoSteps(name: string, shared: readonly SharedLoop[], outer: readonly Loop[], temporary: Buffer, first: Step, second: Step): readonly Statement[] {
  const loops = sharedLoops(outer);
  const [a, b] = [shared.length, shared.length + outer.length];
  const step = (suffix: string, { axes, body }: Step): readonly Statement[] => blockInside(`${name}_${suffix}`, [...shared, ...loops], axes, (v) => body(v.slice(0, a), v.slice(a, b), v.slice(b)));
  return loopsAround(loops, [{ kind: "allocate", buffer: temporary }, ...step("rows", first), ...step("columns", second)]);
}

/** Strips of rows of tiles one after the other, where all tiles together leave the second cache; rows of tiles that are left over afterwards. */
export const lowerWinogradConv = (near: SecondCache): Lowering => ({
  build(context) {
    const x = inputOf(context, 0);
    const u = inputOf(context, 1);
    const bias = context.inputs[2];
    const y = outputOf(context);
    const { outputs, size, input, output } = winogradOf(context.attributes.int("outputs", 4));
    const [batch, outer, height, width, lanes] = y.dims as [number, number, number, number, number];
    const [inner, depth] = [x.dims[1]!, x.dims[4]!];
    const [down, across] = [Math.ceil(height / outputs), Math.ceil(width / outputs)];
    const strips = winogradStrips({ outputs, height, width, inputs: inner * depth, features: outer * lanes }, near);

    /** The rows of tiles from `from` on: `rows` of them, or as many for each strip of the loops `shared`, the first of which has memory of its own. */
    const tileRows = (from: number, rows: number, shared: readonly SharedLoop[]): readonly Statement[] => {
      const images = shared.length > 0 ? 1 : batch;
      const tiles = images * rows * across;
      const [, group, strip] = shared;
      const memory = group ? [group.extent] : [];
      const own = (s: readonly Variable[]): readonly Variable[] => s.slice(1, 1 + memory.length);
      const transformed = context.local("transformed", "float32", [...memory, size * size, tiles, inner, depth]);
      const products = context.local("products", "float32", [...memory, size * size, tiles, outer, lanes]);
      const imageOf = (s: readonly Variable[], n: Expression): Expression => s[0] ?? n;
      const tileOf = (n: Expression, ty: Expression, tx: Expression): Expression => add(mul(images > 1 ? add(mul(n, rows), ty) : ty, across), tx);
      const rowOf = (s: readonly Variable[], ty: Expression): Expression => (s.length > 0 ? add(mul(add(mul(s[1]!, strip!.extent), s[2]!), rows), ty) : add(ty, from));
      const half = buffer("half", "float32", [size, size, depth], "local");
      const statements: Statement[] = [
        ...twoSteps(
          "input",
          shared,
          [{ name: "n", extent: images }, { name: "cb", extent: inner }, { name: "ty", extent: rows }, { name: "tx", extent: across }],
          half,
          {
            axes: [{ name: "j", extent: size }, { name: "a", extent: size }, { name: "ci", extent: depth }],
            body: (s, [n, cb, ty, tx], [j, a, ci]) =>
              store(half, [a!, j!, ci!], row(input, a!, (i) => load(x, [imageOf(s, n!), cb!, add(mul(rowOf(s, ty!), outputs), i), add(mul(tx!, outputs), j!), ci!]))),
          },
          {
            axes: [{ name: "a", extent: size }, { name: "b", extent: size }, { name: "ci", extent: depth }],
            body: (s, [n, cb, ty, tx], [a, b, ci]) => store(transformed, [...own(s), add(mul(a!, size), b!), tileOf(n!, ty!, tx!), cb!, ci!], row(input, b!, (j) => load(half, [a!, j, ci!]))),
          },
        ),
        ...blockInside(
          "product",
          shared,
          [{ name: "e", extent: size * size }, { name: "t", extent: tiles }, { name: "ob", extent: outer }, { name: "oi", extent: lanes }, { name: "ib", extent: inner, kind: "reduce" }, { name: "ii", extent: depth, kind: "reduce" }],
          (v) => {
            const [g, [e, t, ob, oi, ib, ii]] = [own(v.slice(0, shared.length)), v.slice(shared.length)];
            const to = [...g, e!, t!, ob!, oi!];
            return store(products, to, add(load(products, to), mul(load(transformed, [...g, e!, t!, ib!, ii!]), load(u, [e!, ob!, ib!, ii!, oi!]))));
          },
          (v) => store(products, [...own(v.slice(0, shared.length)), ...v.slice(shared.length, shared.length + 4)], zero("float32")),
        ),
      ];
      // The last tiles may reach beyond the output: they store what lies inside.
      const parts = (start: number, end: number, extent: number): { readonly from: number; readonly tiles: number; readonly kept: number }[] => {
        const whole = Math.min(end, Math.floor(extent / outputs));
        return [...(whole > start ? [{ from: start, tiles: whole - start, kept: outputs }] : []), ...(end > whole ? [{ from: whole, tiles: end - whole, kept: extent % outputs }] : [])];
      };
      for (const v of shared.length > 0 ? [{ from: 0, tiles: rows, kept: outputs }] : parts(from, from + rows, height))
        for (const h of parts(0, across, width)) {
          // Columns that no kept output uses are not computed.
          const columns = 1 + Math.max(...output.slice(0, h.kept).map((r) => r.findLastIndex((c) => c !== 0)));
          const sums = buffer("sums", "float32", [v.kept, columns, lanes], "local");
          statements.push(
            ...twoSteps(
              "output",
              shared,
              [{ name: "n", extent: images }, { name: "ob", extent: outer }, { name: "ty", extent: v.tiles }, { name: "tx", extent: h.tiles }],
              sums,
              {
                axes: [{ name: "j", extent: columns }, { name: "a", extent: v.kept }, { name: "oi", extent: lanes }],
                body: (s, [n, ob, ty, tx], [j, a, oi]) =>
                  store(sums, [a!, j!, oi!], row(output.slice(0, v.kept), a!, (i) => load(products, [...own(s), add(j!, i * size), tileOf(n!, add(ty!, v.from - from), add(tx!, h.from)), ob!, oi!]))),
              },
              {
                axes: [{ name: "a", extent: v.kept }, { name: "b", extent: h.kept }, { name: "oi", extent: lanes }],
                body: (s, [n, ob, ty, tx], [a, b, oi]) => {
                  const sum = row(output.slice(0, h.kept), b!, (j) => load(sums, [a!, j, oi!]));
                  return store(y, [imageOf(s, n!), ob!, add(mul(shared.length > 0 ? rowOf(s, ty!) : add(ty!, v.from), outputs), a!), add(mul(add(tx!, h.from), outputs), b!), oi!], bias ? add(sum, load(bias, [ob!, oi!])) : sum);
                },
              },
            ),
          );
        }
      return statements;
    };

    if (!strips) return tileRows(0, down, []);
    const shared = [{ name: "n", extent: batch }, { name: "g", extent: strips.groups }, { name: "s", extent: strips.strips }].map((l) => ({ variable: variable(l.name), extent: l.extent }));
    const done = strips.groups * strips.strips * strips.rows;
    return [...loopsAround(shared, tileRows(0, strips.rows, shared)), ...(done < down ? tileRows(done, down - done, []) : [])];
  },
});

export const winogradConvLowering = lowerWinogradConv(secondCache);
