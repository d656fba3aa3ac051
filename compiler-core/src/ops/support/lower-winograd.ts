import { buffer, loopsAround, nest, store } from "../../tensor/build.ts";
import { add, eq, load, mul, number, select, sub, unary, variable } from "../../tensor/expression.ts";
import type { Lowering } from "../../tensor/lowering.ts";
import type { Block, Buffer, Expression, Statement, Variable } from "../../tensor/program.ts";
import { inputOf, outputOf, zero } from "./lower-common.ts";
import { winogradOf } from "./winograd.ts";

/** Row `index` of a constant matrix times a vector: a choice that is made once the loop over the rows is written out. */
function row(matrix: readonly (readonly number[])[], index: Expression, vector: (i: number) => Expression): Expression {
  const product = (coefficients: readonly number[]): Expression => {
    let sum: Expression | undefined;
    for (const [i, c] of coefficients.entries()) {
      if (c === 0) continue;
      const size = Math.abs(c);
      const term = size === 1 ? vector(i) : mul(vector(i), number("float32", size));
      sum = sum === undefined ? (c < 0 ? unary("neg", term) : term) : c < 0 ? sub(sum, term) : add(sum, term);
    }
    return sum!;
  };
  const rows = matrix.map((coefficients) => product(coefficients));
  return rows.slice(0, -1).reduceRight((rest, r, i) => select(eq(index, i), r, rest), rows.at(-1)!);
}

interface Loop {
  readonly name: string;
  readonly extent: number;
}

/** Two steps over the same tiles: the first into a local of one tile, the second from there. */
function twoSteps(
  name: string,
  outer: readonly Loop[],
  temporary: Buffer,
  first: { readonly axes: readonly Loop[]; readonly body: (outer: readonly Variable[], inner: readonly Variable[]) => Statement },
  second: { readonly axes: readonly Loop[]; readonly body: (outer: readonly Variable[], inner: readonly Variable[]) => Statement },
): readonly Statement[] {
  const loops = outer.map((l) => ({ variable: variable(l.name), extent: l.extent }));
  const step = (suffix: string, { axes, body }: typeof first): readonly Statement[] => {
    const own = axes.map((a) => ({ variable: variable(a.name), extent: a.extent }));
    const variables = [...outer, ...axes].map((a) => variable(`v_${a.name}`));
    const block: Block = {
      kind: "block",
      name: `${name}_${suffix}`,
      axes: [...outer, ...axes].map((a, i) => ({ variable: variables[i]!, extent: a.extent, kind: "spatial" as const })),
      bindings: [...loops, ...own].map((l) => l.variable),
      body: [body(variables.slice(0, outer.length), variables.slice(outer.length))],
    };
    return loopsAround(own, [block]);
  };
  return loopsAround(loops, [{ kind: "allocate", buffer: temporary }, ...step("rows", first), ...step("columns", second)]);
}

export const winogradConvLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const u = inputOf(context, 1);
    const bias = context.inputs[2];
    const y = outputOf(context);
    const { outputs, size, input, output } = winogradOf(context.attributes.int("outputs", 4));
    const [batch, outer, height, width, lanes] = y.dims as [number, number, number, number, number];
    const [inner, depth] = [x.dims[1]!, x.dims[4]!];
    const [down, across] = [Math.ceil(height / outputs), Math.ceil(width / outputs)];
    const tiles = batch * down * across;
    const transformed = context.local("transformed", "float32", [size * size, tiles, inner, depth]);
    const products = context.local("products", "float32", [size * size, tiles, outer, lanes]);
    const tileOf = (n: Expression, ty: Expression, tx: Expression): Expression => add(mul(add(mul(n, down), ty), across), tx);

    const statements: Statement[] = [];
    const half = buffer("half", "float32", [size, size, depth], "local");
    statements.push(
      ...twoSteps(
        "input",
        [{ name: "n", extent: batch }, { name: "cb", extent: inner }, { name: "ty", extent: down }, { name: "tx", extent: across }],
        half,
        {
          axes: [{ name: "j", extent: size }, { name: "a", extent: size }, { name: "ci", extent: depth }],
          body: ([n, cb, ty, tx], [j, a, ci]) =>
            store(half, [a!, j!, ci!], row(input, a!, (i) => load(x, [n!, cb!, add(mul(ty!, outputs), i), add(mul(tx!, outputs), j!), ci!]))),
        },
        {
          axes: [{ name: "a", extent: size }, { name: "b", extent: size }, { name: "ci", extent: depth }],
          body: ([n, cb, ty, tx], [a, b, ci]) => store(transformed, [add(mul(a!, size), b!), tileOf(n!, ty!, tx!), cb!, ci!], row(input, b!, (j) => load(half, [a!, j, ci!]))),
        },
      ),
      ...nest(
        "product",
        [{ name: "e", extent: size * size }, { name: "t", extent: tiles }, { name: "ob", extent: outer }, { name: "oi", extent: lanes }, { name: "ib", extent: inner, kind: "reduce" }, { name: "ii", extent: depth, kind: "reduce" }],
        ([e, t, ob, oi, ib, ii]) => store(products, [e!, t!, ob!, oi!], add(load(products, [e!, t!, ob!, oi!]), mul(load(transformed, [e!, t!, ib!, ii!]), load(u, [e!, ob!, ib!, ii!, oi!])))),
        ([e, t, ob, oi]) => store(products, [e!, t!, ob!, oi!], zero("float32")),
      ),
    );
    // The last tiles may reach beyond the output: they store what lies inside.
    const parts = (extent: number): { readonly from: number; readonly tiles: number; readonly kept: number }[] => {
      const whole = Math.floor(extent / outputs);
      return [...(whole > 0 ? [{ from: 0, tiles: whole, kept: outputs }] : []), ...(extent % outputs > 0 ? [{ from: whole, tiles: 1, kept: extent % outputs }] : [])];
    };
    for (const v of parts(height))
      for (const h of parts(width)) {
        // Columns that no kept output uses are not computed.
        const columns = 1 + Math.max(...output.slice(0, h.kept).map((r) => r.findLastIndex((c) => c !== 0)));
        const sums = buffer("sums", "float32", [v.kept, columns, lanes], "local");
        statements.push(
          ...twoSteps(
            "output",
            [{ name: "n", extent: batch }, { name: "ob", extent: outer }, { name: "ty", extent: v.tiles }, { name: "tx", extent: h.tiles }],
            sums,
            {
              axes: [{ name: "j", extent: columns }, { name: "a", extent: v.kept }, { name: "oi", extent: lanes }],
              body: ([n, ob, ty, tx], [j, a, oi]) =>
                store(sums, [a!, j!, oi!], row(output.slice(0, v.kept), a!, (i) => load(products, [add(j!, i * size), tileOf(n!, add(ty!, v.from), add(tx!, h.from)), ob!, oi!]))),
            },
            {
              axes: [{ name: "a", extent: v.kept }, { name: "b", extent: h.kept }, { name: "oi", extent: lanes }],
              body: ([n, ob, ty, tx], [a, b, oi]) => {
                const sum = row(output.slice(0, h.kept), b!, (j) => load(sums, [a!, j, oi!]));
                return store(y, [n!, ob!, add(mul(add(ty!, v.from), outputs), a!), add(mul(add(tx!, h.from), outputs), b!), oi!], bias ? add(sum, load(bias, [ob!, oi!])) : sum);
              },
            },
          ),
        );
      }
    return statements;
  },
};
