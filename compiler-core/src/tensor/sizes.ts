import { type Dim, dimAtoms, dimOperands } from "../ir/dim.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { mapExpressions, mapStatements, walkStatements, withBuffers } from "./build.ts";
import { add, floordiv, integer, max, min, mul, substitute, walkExpression } from "./expression.ts";
import type { Buffer, Expression, TensorProgram, Variable } from "./program.ts";
import { simplifyProgram } from "./schedule/primitive.ts";
import { intervalOf, Scope, simplify } from "./simplify.ts";

/** Sizes that are given at run time: variables that loop counts, shapes and indices of a program may mention. */

/** A value for each size. */
export type SizeValues = ReadonlyMap<Variable, number>;

/** The sizes that a program mentions, by name. */
export function sizesOf(program: TensorProgram): Variable[] {
  const found = new Set<Variable>();
  const look = (e: Expression): void => walkExpression(e, (x) => void (x.kind === "variable" && x.max !== undefined && found.add(x)));
  for (const p of program.parameters) p.shape?.forEach(look);
  walkStatements(program.body, (s) => {
    if (s.kind === "for" && s.count) look(s.count);
    else if (s.kind === "if") look(s.condition);
    else if (s.kind === "block") s.bindings.forEach(look);
    else if (s.kind === "store") [...s.indices, s.value].forEach(look);
  });
  return [...found].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A dimension as an expression; undefined where it mentions a symbol that is not among the sizes. */
export function sizeExpression(d: Dim, sizes: ReadonlyMap<string, Variable>): Expression | undefined {
  if (d === null) return undefined;
  if (typeof d === "number") return integer(d);
  let sum: Expression = integer(0);
  for (const { coefficient, atoms } of dimAtoms(d)) {
    let product: Expression = integer(coefficient);
    for (const atom of atoms) {
      const kind = /^(?:floor|min|max)(?=\()/.exec(atom)?.[0];
      let factor: Expression | undefined;
      if (kind === undefined) factor = sizes.get(atom.startsWith('"') ? (JSON.parse(atom) as string) : atom);
      else {
        const [a, b] = dimOperands(atom).map((x) => sizeExpression(x, sizes));
        if (a && b) factor = kind === "floor" ? floordiv(a, b) : kind === "min" ? min(a, b) : max(a, b);
      }
      if (!factor) return undefined;
      product = mul(factor, product);
    }
    sum = add(sum, product);
  }
  return simplify(sum);
}

/** The number that an expression over sizes is. */
export function sizeValue(e: Expression, values: SizeValues): number {
  const result = simplify(substitute(e, new Map([...values].map(([v, n]) => [v, integer(n)]))));
  if (result.kind !== "integer") throw new GraphwrightError("no-such-size", `an expression over sizes has no value: ${JSON.stringify(result)}`);
  return result.value;
}

/** The range of an expression over sizes. */
export const sizeRange = (e: Expression): { readonly low: number; readonly high: number } => intervalOf(e, Scope.empty);

/** The program for given sizes: loops, shapes and indices are numbers again. Memory of its own keeps the largest size. */
export function withSizes(program: TensorProgram, values: SizeValues): TensorProgram {
  const by = new Map<Variable, Expression>([...values].map(([v, n]) => [v, integer(n)]));
  const buffers = new Map<Buffer, Buffer>();
  for (const p of program.parameters) {
    if (!p.shape) continue;
    const { shape, ...rest } = p;
    buffers.set(p, { ...rest, dims: shape.map((e) => sizeValue(e, values)) });
  }
  const body = mapStatements(program.body, (s) => {
    const t = mapExpressions(s, (e) => substitute(e, by));
    if (t.kind !== "for" || !t.count) return t;
    const { count, ...rest } = t;
    return { ...rest, extent: sizeValue(count, values) };
  });
  return simplifyProgram({ ...program, parameters: program.parameters.map((p) => buffers.get(p) ?? p), body: withBuffers(body, buffers) });
}

/** Sizes to try a program at: small ones, those around the widths of vectors, and the largest; several sizes together each with its own. */
export function sampleSizes(sizes: readonly Variable[]): SizeValues[] {
  const lists = sizes.map((s) => {
    const most = s.max!;
    // Around the widths of vectors and tiles, between, and at the ends.
    const chosen = new Set([1, 2, 3, 5, 16, 19, most >> 1, most - 1, most]);
    return [...chosen].filter((n) => n >= 1 && n <= most).sort((a, b) => a - b);
  });
  const rounds = Math.max(1, ...lists.map((l) => l.length));
  const found = new Map<string, SizeValues>();
  // The second size runs through its list from another place: the two are rarely alike.
  for (let i = 0; i < rounds; i++) {
    const values = new Map(sizes.map((s, k) => [s, lists[k]![(i + 3 * k) % lists[k]!.length]!]));
    found.set([...values.values()].join(), values);
  }
  const corner = (pick: (l: readonly number[]) => number): void => {
    const values = new Map(sizes.map((s, k) => [s, pick(lists[k]!)]));
    found.set([...values.values()].join(), values);
  };
  corner((l) => l[0]!);
  corner((l) => l.at(-1)!);
  return [...found.values()];
}
