import { type AxisSpec, loopsAround } from "../../tensor/build.ts";
import { add, eq, mul, number, select, sub, unary, variable } from "../../tensor/expression.ts";
import type { Block, Expression, Statement, Variable } from "../../tensor/program.ts";

/** What algorithms share that transform linearly, multiply and transform back (minimal filtering, Strassen's products). */

/** Row `index` of a constant matrix times a vector: a choice that is made once the loop over the rows is written out. */
export function row(matrix: readonly (readonly number[])[], index: Expression, vector: (i: number) => Expression): Expression {
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

export type Loop = Pick<AxisSpec, "name" | "extent">;

/** A loop that several nests share. */
export interface SharedLoop {
  readonly variable: Variable;
  readonly extent: number;
}

export const sharedLoops = (loops: readonly Loop[]): SharedLoop[] => loops.map((l) => ({ variable: variable(l.name), extent: l.extent }));

/** A block in loops of its own, inside loops that are there already: its axes are those of all of them. */
export function blockInside(name: string, around: readonly SharedLoop[], own: readonly AxisSpec[], body: (axes: readonly Variable[]) => Statement, init?: (axes: readonly Variable[]) => Statement): readonly Statement[] {
  const loops = sharedLoops(own);
  const axes = [...around.map((l) => ({ name: l.variable.name, extent: l.extent, kind: "spatial" as const })), ...own].map((a) => ({ variable: variable(`v_${a.name}`), extent: a.extent, kind: a.kind ?? ("spatial" as const) }));
  const variables = axes.map((a) => a.variable);
  const block: Block = { kind: "block", name, axes, bindings: [...around, ...loops].map((l) => l.variable), ...(init ? { init: [init(variables)] } : {}), body: [body(variables)] };
  return loopsAround(loops, [block]);
}
