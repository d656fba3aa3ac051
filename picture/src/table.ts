/** Reading the compiler's tables. */

import type { GraphTable, Mark, NodeId, NodeKind, StringColumn } from "@graphwright/compiler-core";

export const stringAt = ({ text, ends }: StringColumn, number: number): string => (number === 0 ? "" : text.slice(ends[number - 1], ends[number]));

/** `GraphTable.kinds` and `.marks` are indices in these. */
export const nodeKinds: readonly NodeKind[] = ["parameter", "operator", "fused"];
export const rowMarks: readonly (Mark | undefined)[] = [undefined, "added", "removed", "changed", "unchanged"];
export const parameterKind = 0;
export const fusedKind = 2;
/** Flags of an input. */
export const isConstantInput = 1;
export const isCapturedInput = 2;
export const hasScalar = 4;

/** Rows by id, worked out once for each table. */
const indices = new WeakMap<GraphTable, Map<NodeId, number>>();

export function rowsById(table: GraphTable): ReadonlyMap<NodeId, number> {
  let index = indices.get(table);
  if (!index) {
    index = new Map();
    for (let row = 0; row < table.ids.length; row++) index.set(table.ids[row]!, row);
    indices.set(table, index);
  }
  return index;
}

/** The first input that uses a constant, for constants, which have no rows. */
const constantUses = new WeakMap<GraphTable, Map<NodeId, number>>();

export function constantInputs(table: GraphTable): ReadonlyMap<NodeId, number> {
  let uses = constantUses.get(table);
  if (!uses) {
    uses = new Map();
    const { from, flags } = table.inputs;
    for (let input = 0; input < from.length; input++) if (flags[input]! & isConstantInput && !uses.has(from[input]!)) uses.set(from[input]!, input);
    constantUses.set(table, uses);
  }
  return uses;
}

/** Rows that use each row's values, in compressed rows. */
const userTables = new WeakMap<GraphTable, { readonly start: Uint32Array; readonly rows: Uint32Array; readonly inputs: Uint32Array }>();

export function usersOf(table: GraphTable): { readonly start: Uint32Array; readonly rows: Uint32Array; readonly inputs: Uint32Array } {
  let users = userTables.get(table);
  if (!users) {
    const byId = rowsById(table);
    const { from } = table.inputs;
    const count = table.ids.length;
    const producers = new Int32Array(from.length);
    const start = new Uint32Array(count + 1);
    for (let input = 0; input < from.length; input++) {
      const row = from[input]! < 0 ? undefined : byId.get(from[input]!);
      producers[input] = row ?? -1;
      if (row !== undefined) start[row + 1]!++;
    }
    for (let row = 0; row < count; row++) start[row + 1]! += start[row]!;
    const fill = start.slice();
    const rows = new Uint32Array(start[count]!);
    const inputs = new Uint32Array(start[count]!);
    for (let row = 0; row < count; row++) {
      for (let input = table.inputStart[row]!; input < table.inputStart[row + 1]!; input++) {
        const producer = producers[input]!;
        if (producer < 0) continue;
        inputs[fill[producer]!] = input;
        rows[fill[producer]!++] = row;
      }
    }
    users = { start, rows, inputs };
    userTables.set(table, users);
  }
  return users;
}
