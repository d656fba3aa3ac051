import { blocksIn, walkStatements } from "../build.ts";
import { keyOf, loadsOf, substitute, variablesOf } from "../expression.ts";
import { flatOffset } from "../access.ts";
import type { Buffer, Expression, Loop, Statement, Store, Variable } from "../program.ts";
import { fromLinear, intervalOfLinear, type Linear, linearOf, Scope } from "../simplify.ts";

/**
 * Why the iterations of statements are not free to change their order, or undefined when they are: a buffer written
 * in them is read at another place than where the same store writes (a reduction reads just what it writes).
 */
export function carriedDependence(body: readonly Statement[]): string | undefined {
  const stores: Store[] = [];
  const allocated = new Set<Buffer>();
  walkStatements(body, (s) => {
    if (s.kind === "store") stores.push(s);
    else if (s.kind === "allocate") allocated.add(s.buffer);
  });
  const written = new Map<Buffer, Set<string>>();
  for (const s of stores) {
    const places = written.get(s.buffer) ?? new Set<string>();
    places.add(s.indices.map(keyOf).join());
    written.set(s.buffer, places);
  }
  for (const s of stores)
    for (const load of [...loadsOf(s.value), ...s.indices.flatMap(loadsOf)]) {
      const places = written.get(load.buffer);
      if (!places || allocated.has(load.buffer)) continue;
      if (load.buffer !== s.buffer || load.indices.map(keyOf).join() !== s.indices.map(keyOf).join())
        return `${load.buffer.name} is written and read at different places`;
    }
  return undefined;
}

/**
 * Why iterations of a loop may write the same element, or undefined when each writes elements of its own: a store at
 * a place that the loop does not move, or that data decide. Updates of reductions are judged by their axes.
 */
export function sharedElements(body: readonly Statement[], variable: Variable): string | undefined {
  let found: string | undefined;
  const own = new Set<Buffer>();
  walkStatements(body, (s) => void (s.kind === "allocate" && own.add(s.buffer)));
  walkStatements(body, (s, around) => {
    if (s.kind !== "store" || own.has(s.buffer)) return;
    const block = around.find((a) => a.kind === "block");
    const bindings = new Map(block?.axes.map((a, i) => [a.variable, block.bindings[i] as Expression]) ?? []);
    const indices = s.indices.map((i) => substitute(i, bindings));
    // One index that the loop moves, and data do not, keeps the iterations apart.
    if (indices.some((i) => variablesOf(i).has(variable) && loadsOf(i).length === 0)) return;
    if (indices.some((i) => loadsOf(i).length > 0)) found ??= `data decide where ${s.buffer.name} is written`;
    else found ??= `every iteration writes the same element of ${s.buffer.name}`;
  });
  return found;
}

/** What keeps the iterations of a loop from running at the same time. */
export interface Race {
  readonly condition: "own-elements" | "no-carried-dependence";
  readonly detail: string;
}

/**
 * Why iterations of a loop may not run at the same time, or undefined when each touches elements of its own in every
 * buffer that the loop writes: in one dimension (or in the position as a whole) the loop moves every access by more than
 * all other loops together do. The loops around count among those: threads that share the loop do not wait for
 * each other between iterations of a loop around it.
 */
export function racesOf(loop: Loop, around: readonly Loop[]): Race | undefined {
  if (loop.extent <= 1) return undefined;
  const v = loop.variable;
  const own = new Set<Buffer>();
  const touched = new Map<Buffer, { indices: readonly Expression[]; scope: Scope; writes: boolean }[]>();
  const outer = around.reduce((scope, l) => scope.with(l.variable, l.extent), Scope.empty);
  walkStatements([loop], (s, inside) => {
    if (s.kind === "allocate") own.add(s.buffer);
    if (s.kind !== "store" && s.kind !== "if") return;
    let scope = outer;
    let by = new Map<Variable, Expression>();
    for (const a of inside) {
      if (a.kind === "for") scope = scope.with(a.variable, a.extent);
      if (a.kind === "block") by = new Map([...by, ...a.axes.map((x, i) => [x.variable, substitute(a.bindings[i] as Expression, by)] as const)]);
    }
    const note = (buffer: Buffer, indices: readonly Expression[], writes: boolean): void => {
      touched.set(buffer, [...(touched.get(buffer) ?? []), { indices: indices.map((i) => substitute(i, by)), scope, writes }]);
    };
    if (s.kind === "store") note(s.buffer, s.indices, true);
    for (const l of s.kind === "store" ? [...loadsOf(s.value), ...s.indices.flatMap(loadsOf)] : loadsOf(s.condition)) note(l.buffer, l.indices, false);
  });
  /** Do the offsets of different iterations lie apart? */
  const apart = (offsets: readonly { readonly offset: Linear; readonly scope: Scope }[]): boolean => {
    let step: number | undefined;
    let low = Infinity;
    let high = -Infinity;
    for (const { offset, scope } of offsets) {
      if (offset.terms.some((t) => t.atom !== v && (variablesOf(t.atom).has(v) || loadsOf(t.atom).length > 0))) return false;
      const moved = offset.terms.find((t) => t.atom === v)?.coefficient ?? 0;
      if (moved === 0 || (step !== undefined && moved !== step)) return false;
      step = moved;
      const range = intervalOfLinear({ constant: offset.constant, terms: offset.terms.filter((t) => t.atom !== v) }, scope);
      low = Math.min(low, range.low);
      high = Math.max(high, range.high);
    }
    return step !== undefined && high - low < Math.abs(step);
  };
  for (const [buffer, accesses] of touched) {
    if (own.has(buffer) || !accesses.some((a) => a.writes)) continue;
    const along = (list: typeof accesses): boolean =>
      buffer.dims.some((_, d) => apart(list.map((a) => ({ offset: linearOf(a.indices[d]!, a.scope), scope: a.scope })))) ||
      apart(list.map((a) => ({ offset: linearOf(fromLinear(linearOf(flatOffset(buffer, a.indices), a.scope)), a.scope), scope: a.scope })));
    if (along(accesses)) continue;
    const stores = accesses.filter((a) => a.writes);
    const shared = !along(stores);
    return shared
      ? { condition: "own-elements", detail: `iterations of ${v.name} are not proven to write elements of their own of ${buffer.name}` }
      : { condition: "no-carried-dependence", detail: `an iteration of ${v.name} may read what another one writes to ${buffer.name}` };
  }
  return undefined;
}

/** Names of the blocks that a loop contains. */
export const blockNames = (loop: Loop): string[] => blocksIn(loop.body).map((b) => b.name);
