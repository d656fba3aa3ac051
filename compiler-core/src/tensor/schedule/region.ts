import { loadsOf, variablesOf } from "../expression.ts";
import type { Expression, Variable } from "../program.ts";
import { fromLinear, intervalOfLinear, type Linear, linearOf, type Scope } from "../simplify.ts";

/** What one index takes while the loops inside run: `base` (of the loops outside) and from there `extent` elements. */
export interface Span {
  readonly base: Expression;
  readonly extent: number;
  /** the index less `base`, by loops inside: from 0 to `extent` - 1 */
  readonly offset: (index: Expression) => Expression;
  /** every element from `base` on is taken, none is left out */
  readonly dense: boolean;
}

/**
 * The span that holds what several indices take while the loops `inside` run, or why there is none: data decide the
 * index, loops inside and outside stand in one division or remainder, or the indices have different bases.
 */
export function spanOf(indices: readonly Expression[], inside: ReadonlySet<Variable>, scope: Scope): Span | string {
  let outer: Linear | undefined;
  let low = Infinity;
  let high = -Infinity;
  let dense = true;
  for (const index of indices) {
    if (loadsOf(index).length > 0) return "data decide the index";
    const parts = partsOf(linearOf(index, scope), inside);
    if (!parts) return "loops inside and outside stand in one division or remainder of an index";
    if (outer && !same(outer, parts.outer)) return "the indices have no common base";
    outer = parts.outer;
    const range = intervalOfLinear(parts.inner, scope);
    if (!Number.isFinite(range.low) || !Number.isFinite(range.high)) return "an index has no bounds";
    low = Math.min(low, range.low);
    high = Math.max(high, range.high);
    dense &&= isDense(parts.inner, scope);
  }
  if (!outer) return "nothing is read";
  const base = fromLinear({ constant: low, terms: outer.terms });
  return {
    base,
    extent: high - low + 1,
    dense: dense && indices.length === 1,
    offset: (index) => {
      const { inner } = partsOf(linearOf(index, scope), inside)!;
      return fromLinear({ constant: inner.constant - low, terms: inner.terms });
    },
  };
}

/** The sum in what loops inside move, with the constant, and the rest. */
function partsOf(sum: Linear, inside: ReadonlySet<Variable>): { inner: Linear; outer: Linear } | undefined {
  const inner: Linear["terms"][number][] = [];
  const outer: Linear["terms"][number][] = [];
  for (const term of sum.terms) {
    const variables = [...variablesOf(term.atom)];
    const moved = variables.filter((v) => inside.has(v)).length;
    if (moved > 0 && moved < variables.length) return undefined;
    (moved > 0 ? inner : outer).push(term);
  }
  return { inner: { constant: sum.constant, terms: inner }, outer: { constant: 0, terms: outer } };
}

const same = (a: Linear, b: Linear): boolean => {
  const difference = new Map(a.terms.map((t) => [t.atom, t.coefficient]));
  return a.terms.length === b.terms.length && b.terms.every((t) => difference.get(t.atom) === t.coefficient);
};

/** Do independent loops in a sum take every value between its ends? Strides that fill one another, as digits do. */
function isDense(sum: Linear, scope: Scope): boolean {
  let covered = 1;
  for (const { atom, coefficient } of [...sum.terms].sort((a, b) => a.coefficient - b.coefficient)) {
    if (atom.kind !== "variable" || coefficient < 0 || coefficient > covered) return false;
    const { low, high } = scope.range(atom);
    covered += coefficient * (high - low);
  }
  return true;
}
