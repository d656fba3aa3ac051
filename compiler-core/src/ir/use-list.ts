import { PersistentIdMap } from "../support/persistent-id-map.ts";
import type { Use } from "./graph.ts";

/**
 * Uses of a node that very many others use, as of a scalar that half the graph multiplies by. A plain list would be
 * copied whole by every step that adds or drops one use; here a step copies one path.
 */
export class UseTable {
  readonly length: number;
  /** by the node that uses it */
  private readonly byUser: PersistentIdMap<readonly Use[]>;
  /** uses by outputs of regions */
  private readonly results: readonly Use[];

  private constructor(length: number, byUser: PersistentIdMap<readonly Use[]>, results: readonly Use[]) {
    this.length = length;
    this.byUser = byUser;
    this.results = results;
  }

  static of(uses: readonly Use[]): UseTable {
    let table = new UseTable(0, PersistentIdMap.empty(), []);
    for (const use of uses) table = table.with(use);
    return table;
  }

  with(use: Use): UseTable {
    if (use.kind === "result") return new UseTable(this.length + 1, this.byUser, [...this.results, use]);
    return new UseTable(this.length + 1, this.byUser.with(use.user, [...(this.byUser.get(use.user) ?? []), use]), this.results);
  }

  without(use: Use): UseTable {
    const list = use.kind === "result" ? this.results : (this.byUser.get(use.user) ?? []);
    const left = list.filter((each) => !sameUse(each, use));
    if (left.length === list.length) return this;
    if (use.kind === "result") return new UseTable(this.length - 1, this.byUser, left);
    return new UseTable(this.length - 1, left.length === 0 ? this.byUser.without(use.user) : this.byUser.with(use.user, left), this.results);
  }

  isResult(output: number): boolean {
    return this.results.some((use) => use.output === output);
  }

  /** All uses, by ascending user, results last. Costs their number: asked twice in a row it is worked out once. */
  toArray(): readonly Use[] {
    let found = recent.find((entry) => entry.table === this);
    if (!found) {
      found = { table: this, uses: [...[...this.byUser.values()].flat(), ...this.results] };
      recent.unshift(found);
      recent.length = Math.min(recent.length, 4);
    }
    return found.uses;
  }
}

const recent: { table: UseTable; uses: readonly Use[] }[] = [];

/** Uses of one node: a list while there are few. */
export type Uses = readonly Use[] | UseTable;

/** Longer lists become tables. */
export const longList = 64;

export const sameUse = (a: Use, b: Use): boolean =>
  a.output === b.output && a.index === b.index && (a.kind === "input" ? b.kind === "input" && a.user === b.user : b.kind === "result" && a.region === b.region);
