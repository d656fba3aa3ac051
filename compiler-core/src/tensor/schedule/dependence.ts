import { blocksIn, walkStatements } from "../build.ts";
import { keyOf, loadsOf, substitute, variablesOf } from "../expression.ts";
import type { Buffer, Expression, Loop, Statement, Store, Variable } from "../program.ts";

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

/** Names of the blocks that a loop contains. */
export const blockNames = (loop: Loop): string[] => blocksIn(loop.body).map((b) => b.name);
