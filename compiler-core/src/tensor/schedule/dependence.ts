import { blocksIn, walkStatements } from "../build.ts";
import { add, keyOf, loadsOf, mul, substitute, variablesOf } from "../expression.ts";
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

/** A loop and the loops around it, outermost first. */
export interface NestedLoop {
  readonly loop: Loop;
  readonly around: readonly Loop[];
}

interface Touch {
  readonly indices: readonly Expression[];
  readonly scope: Scope;
  readonly writes: boolean;
}

/** Every access of a statement to memory that it does not allocate, over the loops around and in it. */
function touchesOf(statement: Statement, around: readonly Loop[]): Map<Buffer, Touch[]> {
  const own = new Set<Buffer>();
  const touched = new Map<Buffer, Touch[]>();
  const outer = around.reduce((scope, l) => scope.with(l.variable, l.extent), Scope.empty);
  walkStatements([statement], (s, inside) => {
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
  for (const b of own) touched.delete(b);
  return touched;
}

/**
 * Sums that differ wherever two of the accesses touch different elements by them: one for each dimension, one for two
 * neighbouring dimensions that are quotient and remainder of a fused loop, and the position as a whole.
 */
function* coordinatesOf(buffer: Buffer, touches: readonly Touch[]): Iterable<Linear[]> {
  const along = (d: number): Linear[] => touches.map((t) => linearOf(t.indices[d]!, t.scope));
  for (const d of buffer.dims.keys()) yield along(d);
  for (let d = 0; d + 1 < buffer.dims.length; d++) {
    const inner = along(d + 1);
    const by = inner[0]!.terms.flatMap(({ atom, coefficient }) => (coefficient === 1 && atom.kind === "binary" && atom.op === "floormod" && atom.right.kind === "integer" ? atom.right.value : []))[0];
    if (by === undefined) continue;
    const ranges = inner.map((x, i) => intervalOfLinear(x, touches[i]!.scope));
    // In a window of that size the remainder and the quotient belong to one sum.
    if (Math.max(...ranges.map((r) => r.high)) - Math.min(...ranges.map((r) => r.low)) < by) yield touches.map((t) => linearOf(add(mul(t.indices[d]!, by), t.indices[d + 1]!), t.scope));
  }
  yield touches.map((t) => linearOf(fromLinear(linearOf(flatOffset(buffer, t.indices), t.scope)), t.scope));
}

/**
 * Why iterations of a loop may not run at the same time, or undefined when each touches elements of its own in every
 * buffer that the loop writes: along one coordinate the loop moves every access by more than all other loops together do.
 * The loops around count among those: threads that share the loop do not wait for each other between iterations of a loop
 * around it. Several loops of one extent are judged as one, whose iteration runs that iteration of each.
 */
export const racesOf = (...loops: readonly NestedLoop[]): Race | undefined => conflictOf(loops, () => true);

/** Which buffer keeps iterations of two loops of one extent from running as those of one loop: what both touch, in different iterations the same. */
export function conflictBetween(a: NestedLoop, b: NestedLoop): string | undefined {
  const [ofA, ofB] = [touchesOf(a.loop, a.around), touchesOf(b.loop, b.around)];
  return conflictOf([a, b], (buffer) => ofA.has(buffer) && ofB.has(buffer))?.detail;
}

function conflictOf(loops: readonly NestedLoop[], matters: (buffer: Buffer) => boolean): Race | undefined {
  if (loops[0]!.loop.extent <= 1) return undefined;
  const v = loops[0]!.loop.variable;
  const touched = new Map<Buffer, Touch[]>();
  for (const { loop, around } of loops)
    for (const [buffer, touches] of touchesOf(loop, around)) {
      const renamed = loop.variable === v ? touches : touches.map((t) => ({ ...t, indices: t.indices.map((i) => substitute(i, new Map([[loop.variable, v]]))), scope: t.scope.with(v, loop.extent) }));
      touched.set(buffer, [...(touched.get(buffer) ?? []), ...renamed]);
    }
  /** Do the offsets of different iterations lie apart? */
  const apart = (offsets: readonly Linear[], touches: readonly Touch[]): boolean => {
    let step: number | undefined;
    let low = Infinity;
    let high = -Infinity;
    for (const [i, offset] of offsets.entries()) {
      if (offset.terms.some((t) => t.atom !== v && (variablesOf(t.atom).has(v) || loadsOf(t.atom).length > 0))) return false;
      const moved = offset.terms.find((t) => t.atom === v)?.coefficient ?? 0;
      if (moved === 0 || (step !== undefined && moved !== step)) return false;
      step = moved;
      const range = intervalOfLinear({ constant: offset.constant, terms: offset.terms.filter((t) => t.atom !== v) }, touches[i]!.scope);
      low = Math.min(low, range.low);
      high = Math.max(high, range.high);
    }
    return step !== undefined && high - low < Math.abs(step);
  };
  for (const [buffer, accesses] of touched) {
    if (!matters(buffer) || !accesses.some((a) => a.writes)) continue;
    const along = (list: readonly Touch[]): boolean => {
      for (const offsets of coordinatesOf(buffer, list)) if (apart(offsets, list)) return true;
      return false;
    };
    if (along(accesses)) continue;
    const shared = !along(accesses.filter((a) => a.writes));
    return shared
      ? { condition: "own-elements", detail: `iterations of ${v.name} are not proven to write elements of their own of ${buffer.name}` }
      : { condition: "no-carried-dependence", detail: `an iteration of ${v.name} may read what another one writes to ${buffer.name}` };
  }
  return undefined;
}

/** Do two statements touch no element that one of them writes? */
export function areIndependent(a: Statement, b: Statement): boolean {
  const [ofA, ofB] = [touchesOf(a, []), touchesOf(b, [])];
  for (const [buffer, first] of ofA)
    for (const x of first)
      for (const y of ofB.get(buffer) ?? []) {
        if (!x.writes && !y.writes) continue;
        let apart = false;
        for (const [p, q] of coordinatesOf(buffer, [x, y])) {
          const [r, s] = [intervalOfLinear(p!, x.scope), intervalOfLinear(q!, y.scope)];
          apart ||= r.high < s.low || s.high < r.low;
        }
        if (!apart) return false;
      }
  return true;
}

/** Names of the blocks that a loop contains. */
export const blockNames = (loop: Loop): string[] => blocksIn(loop.body).map((b) => b.name);
