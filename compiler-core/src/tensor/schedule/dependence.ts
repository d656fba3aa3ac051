import { blocksIn, walkStatements } from "../build.ts";
import { keyOf, loadsOf } from "../expression.ts";
import type { Buffer, Loop, Statement, Store } from "../program.ts";

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

/** Names of the blocks that a loop contains. */
export const blockNames = (loop: Loop): string[] => blocksIn(loop.body).map((b) => b.name);
