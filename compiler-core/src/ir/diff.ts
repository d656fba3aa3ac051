import { PersistentVector } from "../support/persistent-vector.ts";
import type { Graph, Node, Region } from "./graph.ts";

export interface NodeChange {
  readonly before: Node;
  readonly after: Node;
  /** fields that differ: "inputs", "attributes", "outputs", "op", ... */
  readonly fields: readonly string[];
}

/** What differs between two versions of one model's graph. */
export interface GraphDiff {
  readonly added: readonly Node[];
  readonly removed: readonly Node[];
  readonly changed: readonly NodeChange[];
  readonly regions: readonly (readonly [before: Region | undefined, after: Region | undefined])[];
}

/**
 * Compares two versions of a timeline, in either direction, over any number of steps. The versions share every
 * chunk that no step between them touched, so the cost follows the net difference and not the graph or the path.
 */
export function diffGraphs(a: Graph, b: Graph): GraphDiff {
  const added: Node[] = [];
  const removed: Node[] = [];
  const changed: NodeChange[] = [];
  PersistentVector.difference(a.nodes, b.nodes, (id) => {
    const before = a.nodes.get(id);
    const after = b.nodes.get(id);
    if (before === after) return;
    if (!before) added.push(after as Node);
    else if (!after) removed.push(before);
    else {
      const fields = changedFields(before, after);
      if (fields.length > 0) changed.push({ before, after, fields });
    }
  });
  const regions: [Region | undefined, Region | undefined][] = [];
  PersistentVector.difference(a.regions, b.regions, (id) => {
    const before = a.regions.get(id);
    const after = b.regions.get(id);
    if (before !== after) regions.push([before, after]);
  });
  return { added, removed, changed, regions };
}

const same = (a: unknown, b: unknown): boolean => {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b);
  if (ArrayBuffer.isView(a)) return false;
  const x = a as Record<string, unknown>;
  const y = b as Record<string, unknown>;
  const keys = Object.keys(x);
  return keys.length === Object.keys(y).length && keys.every((k) => Object.hasOwn(y, k) && same(x[k], y[k]));
};

/** Names of the fields in which two records of one node differ. */
export function changedFields(before: Node, after: Node): string[] {
  const x = before as unknown as Record<string, unknown>;
  const y = after as unknown as Record<string, unknown>;
  return [...new Set([...Object.keys(x), ...Object.keys(y)])].filter((k) => !same(x[k], y[k]));
}
