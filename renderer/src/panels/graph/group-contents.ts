import type { NodeId } from "@graphwright/compiler-core";
import { rowMarks, rowsById, stringAt, usersOf } from "../../../../picture/src/index.ts";
import type { GroupContents, GroupValue } from "../../state/group-shown.ts";
import type { Drawn } from "./use-picture.ts";

/** What a drawn group holds at any depth; undefined where it is not drawn. */
export function groupContents({ table, layout, ids, region }: Drawn, group: string, title: string): GroupContents | undefined {
  const at = layout.groups.findIndex(({ id }) => id === group);
  if (at < 0) return undefined;
  const byId = rowsById(table);
  const inside = new Set<number>();
  ids.forEach((id, i) => {
    for (let g = layout.owner[i]!; g >= 0; g = layout.groups[g]!.parent) {
      if (g !== at) continue;
      const row = byId.get(id);
      if (row !== undefined && rowMarks[table.marks[row]!] !== "removed") inside.add(row);
      return;
    }
  });
  const rows = [...inside].sort((a, b) => a - b);
  const counts = new Map<string, number>();
  const inputs = new Map<string, { type: string; ends: Set<NodeId> }>();
  const outputs = new Map<string, { type: string; ends: Set<NodeId> }>();
  const meet = (values: typeof inputs, name: string, type: string, end: NodeId | undefined): void => {
    const value = values.get(name) ?? { type, ends: new Set() };
    values.set(name, value);
    if (end !== undefined) value.ends.add(end);
  };
  const users = usersOf(table);
  const results = table.regionViews.find(({ id }) => id === region)?.outputs ?? [];
  let weightBytes = 0;
  for (const row of rows) {
    const op = table.parts.find((each) => each.row === row)?.ops.join(" + ") ?? stringAt(table.strings, table.ops[row]!);
    counts.set(op, (counts.get(op) ?? 0) + 1);
    weightBytes += table.weightBytes[row]!;
    for (let input = table.inputStart[row]!; input < table.inputStart[row + 1]!; input++) {
      const from = byId.get(table.inputs.from[input]!);
      if (from !== undefined && !inside.has(from)) meet(inputs, stringAt(table.strings, table.inputs.names[input]!), stringAt(table.strings, table.inputs.types[input]!), table.ids[from]);
    }
    for (let k = users.start[row]!; k < users.start[row + 1]!; k++) {
      const user = users.rows[k]!;
      const input = users.inputs[k]!;
      if (!inside.has(user) && rowMarks[table.marks[user]!] !== "removed") meet(outputs, stringAt(table.strings, table.inputs.names[input]!), stringAt(table.strings, table.inputs.types[input]!), table.ids[user]);
    }
    for (const result of results) if (result.from === table.ids[row]) meet(outputs, result.name, result.type, undefined);
  }
  const listed = (values: typeof inputs): GroupValue[] => [...values].map(([name, { type, ends }]) => ({ name, type, ends: [...ends] }));
  return {
    title,
    nodes: rows.map((row) => table.ids[row]!),
    operators: [...counts].map(([op, count]) => ({ op, count })).sort((a, b) => b.count - a.count || (a.op < b.op ? -1 : 1)),
    weightBytes,
    inputs: listed(inputs),
    outputs: listed(outputs),
  };
}
