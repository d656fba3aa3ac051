/**
 * Which group each node is drawn in. Scopes in the names come first; among siblings of one scope, and where names say
 * nothing, equal blocks that follow one another become a stack: "12 × encoder layer". A hierarchy is made of the first
 * step of a model and then kept: in later steps a node stays where it was, and what a rewrite made stands where that
 * came from, so that groups do not come and go while a person steps.
 */

import type { GraphTable, NodeId, RegionId } from "@graphwright/compiler-core";
import { scopePaths } from "./layout/scopes.ts";
import { blockKind, findRepeats, type BlockKind } from "./repeats.ts";
import { parameterKind, rowsById, stringAt } from "./table.ts";

/** A group that is not a scope of the model: a stack of equal blocks, or a block found by its structure. */
export interface BlockInfo {
  readonly role: "stack" | "block";
  /** A name from the scopes ("encoder layer"), or what the operators say. */
  readonly name?: string;
  readonly kind: BlockKind;
  /** Blocks of a stack; which of them a block is, from 1. */
  readonly number: number;
  /** What a person names together: a stack and its blocks. */
  readonly family: string;
}

export interface Hierarchy {
  /** Group path for each row of a table, "" at top level. */
  assign(table: GraphTable, rows: ArrayLike<number>): string[];
  /** By group path. */
  readonly blocks: ReadonlyMap<string, BlockInfo>;
  /** nodes of the region as opened */
  readonly size: number;
}

/** Fewer siblings than this are shown one by one. */
const smallestStack = 3;

/** Rows of a region that are drawn as nodes. */
export function rowsOfRegion(table: GraphTable, region: RegionId): Int32Array {
  const { regions } = table;
  let count = 0;
  for (let row = 0; row < regions.length; row++) if (regions[row] === region) count++;
  const rows = new Int32Array(count);
  for (let row = 0, at = 0; row < regions.length; row++) if (regions[row] === region) rows[at++] = row;
  return rows;
}

export function makeHierarchy(table: GraphTable, region: RegionId): Hierarchy {
  const rows = rowsOfRegion(table, region);
  const blocks = new Map<string, BlockInfo>();
  let paths = basePaths(table, rows);
  const plain = paths === undefined;
  paths ??= new Array<string>(rows.length).fill("");
  const insert = plain ? () => undefined : stackSiblings(table, rows, paths, blocks);
  if (plain) stackRuns(table, rows, paths, blocks);

  const byId = new Map<NodeId, string>();
  const byName = new Map<string, string>();
  rows.forEach((row, i) => {
    const path = paths[i]!;
    byId.set(table.ids[row]!, path);
  });
  /** Names are only needed for what later steps made. */
  const names = (): Map<string, string> => {
    if (byName.size > 0) return byName;
    rows.forEach((row, i) => {
      const name = stringAt(table.strings, table.names[row]!);
      if (name !== "") byName.set(name, paths[i]!);
      for (let o = table.outputStart[row]!; o < table.outputStart[row + 1]!; o++) {
        const value = stringAt(table.strings, table.outputs.names[o]!);
        if (value !== "") byName.set(value, paths[i]!);
      }
    });
    return byName;
  };

  return {
    blocks,
    size: rows.length,
    assign(other, otherRows) {
      if (other === table) {
        const position = new Int32Array(table.ids.length).fill(-1);
        rows.forEach((row, i) => (position[row] = i));
        return Array.from(otherRows, (row) => paths[position[row]!] ?? "");
      }
      const result: string[] = [];
      const unknown: number[] = [];
      for (let i = 0; i < otherRows.length; i++) {
        const path = byId.get(other.ids[otherRows[i]!]!);
        if (path === undefined) unknown.push(i);
        result.push(path ?? "");
      }
      for (const i of unknown) result[i] = placeOf(other, otherRows[i]!, names(), byId, insert);
      return result;
    },
  };
}

/** Where a node that a rewrite made belongs: where the value that it now makes was made, else by its own scope, else with its inputs. */
function placeOf(table: GraphTable, row: number, names: ReadonlyMap<string, string>, byId: ReadonlyMap<NodeId, string>, insert: (path: string) => string | undefined): string {
  for (let o = table.outputStart[row]!; o < table.outputStart[row + 1]!; o++) {
    const path = names.get(stringAt(table.strings, table.outputs.names[o]!));
    if (path !== undefined) return path;
  }
  const named = names.get(stringAt(table.strings, table.names[row]!));
  if (named !== undefined) return named;
  const scope = stringAt(table.strings, table.scopes[row]!);
  if (scope !== "") return insert(joinIndices(scope)) ?? joinIndices(scope);
  const index = rowsById(table);
  for (let k = table.inputStart[row]!; k < table.inputStart[row + 1]!; k++) {
    const from = index.get(table.inputs.from[k]!);
    if (from === undefined || table.kinds[from] === parameterKind) continue;
    const path = byId.get(table.ids[from]!);
    if (path !== undefined) return path;
  }
  return "";
}

/** Paths by the model's scopes, or by what its names have in common; undefined when they say nothing. */
function basePaths(table: GraphTable, rows: Int32Array): string[] | undefined {
  const cache = new Map<number, string>();
  let scoped = false;
  const paths: string[] = [];
  for (const row of rows) {
    const number = table.scopes[row]!;
    let path = cache.get(number);
    if (path === undefined) cache.set(number, (path = number === 0 ? "" : joinIndices(stringAt(table.strings, number))));
    if (path !== "") scoped = true;
    paths.push(path);
  }
  if (scoped) return paths;
  const found = scopePaths(Array.from(rows, (row) => (table.kinds[row] === parameterKind ? "" : stringAt(table.strings, table.names[row]!))));
  return found.some((path) => path !== "") ? found : undefined;
}

/** "layers/0/mlp" -> "layers.0/mlp": the layers are siblings. */
function joinIndices(scope: string): string {
  if (!/\/\d+(\/|$)/.test(scope)) return scope;
  const joined: string[] = [];
  for (const part of scope.split("/")) {
    if (/^\d+$/.test(part) && joined.length > 0) joined[joined.length - 1] += `.${part}`;
    else joined.push(part);
  }
  return joined.join("/");
}

const singular = (word: string): string => (/ies$/i.test(word) ? word.replace(/ies$/i, "y") : /[^s]s$/i.test(word) ? word.slice(0, -1) : word);
const vague = new Set(["", "model", "module", "net", "network", "main", "graph", "base_model", "features"]);

/** "model/encoder", "layers" -> "encoder layer". */
function stackName(parent: string, base: string): string {
  const own = singular(base.slice(base.lastIndexOf(".") + 1)).replaceAll("_", " ").trim();
  const above = parent.slice(parent.lastIndexOf("/") + 1).replace(/\.\d+$/, "");
  const word = own === "h" ? "layer" : own;
  return vague.has(above) || above.includes(word) ? word : `${singular(above).replaceAll("_", " ")} ${word}`;
}

/**
 * Numbered siblings with the same operators in the same order, three or more in a row, get a group around them. Changes
 * `paths`; gives the way from a scope path to the path in the hierarchy.
 */
function stackSiblings(table: GraphTable, rows: Int32Array, paths: string[], blocks: Map<string, BlockInfo>): (path: string) => string | undefined {
  interface Scope {
    readonly path: string;
    readonly parent: string;
    hash: number;
    count: number;
    readonly ops: Set<number>;
  }
  const scopes = new Map<string, Scope>();
  const chains = new Map<string, readonly Scope[]>();
  const chainOf = (path: string): readonly Scope[] => {
    let chain = chains.get(path);
    if (chain) return chain;
    const list: Scope[] = [];
    for (let end = path.indexOf("/"); ; end = path.indexOf("/", end + 1)) {
      const at = end < 0 ? path : path.slice(0, end);
      let scope = scopes.get(at);
      if (!scope) scopes.set(at, (scope = { path: at, parent: at.slice(0, Math.max(0, at.lastIndexOf("/"))), hash: 17, count: 0, ops: new Set() }));
      list.push(scope);
      if (end < 0) break;
    }
    chains.set(path, (chain = list));
    return chain;
  };
  rows.forEach((row, i) => {
    if (paths[i] === "") return;
    for (const scope of chainOf(paths[i]!)) {
      scope.hash = Math.imul(scope.hash ^ (table.ops[row]! + 1), 0x01000193) ^ (scope.hash >>> 15);
      scope.count++;
      scope.ops.add(table.ops[row]!);
    }
  });
  const siblings = new Map<string, Scope[]>();
  for (const scope of scopes.values()) {
    const numbered = /^(.*?)[._]?\d+$/.exec(scope.path.slice(scope.parent.length === 0 ? 0 : scope.parent.length + 1));
    if (!numbered || scope.count < 2) continue;
    const key = `${scope.parent}\n${numbered[1]}`;
    const list = siblings.get(key);
    if (list) list.push(scope);
    else siblings.set(key, [scope]);
  }
  /** scope path -> the stack's name, a further part of the path before its own */
  const stacked = new Map<string, string>();
  const stackInfos: { readonly parent: string; readonly part: string; readonly info: BlockInfo }[] = [];
  for (const [key, list] of siblings) {
    const [parent, base] = key.split("\n") as [string, string];
    for (let from = 0, to = 0; from < list.length; from = to) {
      while (to < list.length && list[to]!.hash === list[from]!.hash && list[to]!.count === list[from]!.count) to++;
      if (to - from < smallestStack) continue;
      const first = list[from]!.path;
      const part = `×${first.slice(parent === "" ? 0 : parent.length + 1)}`;
      const name = stackName(parent, base);
      for (let i = from; i < to; i++) stacked.set(list[i]!.path, part);
      const family = `${parent}\n${part}`;
      const kind = blockKind([...list[from]!.ops].map((op) => stringAt(table.strings, op)));
      stackInfos.push({ parent, part, info: { role: "stack", ...(name === "" ? {} : { name }), kind, number: to - from, family } });
    }
  }
  const rewritten = new Map<string, string>();
  const rewrite = (path: string): string => {
    const known = rewritten.get(path);
    if (known !== undefined) return known;
    let result = "";
    let original = "";
    for (const part of path.split("/")) {
      original = original === "" ? part : `${original}/${part}`;
      const stack = stacked.get(original);
      if (stack !== undefined) result = result === "" ? stack : `${result}/${stack}`;
      result = result === "" ? part : `${result}/${part}`;
    }
    rewritten.set(path, result);
    return result;
  };
  if (stacked.size === 0) return () => undefined;
  for (let i = 0; i < paths.length; i++) if (paths[i] !== "") paths[i] = rewrite(paths[i]!);
  for (const { parent, part, info } of stackInfos) blocks.set(`${parent === "" ? "" : `${rewrite(parent)}/`}${part}`, info);
  return rewrite;
}

/** Names say nothing: stacks of equal runs of nodes. */
function stackRuns(table: GraphTable, rows: Int32Array, paths: string[], blocks: Map<string, BlockInfo>): void {
  const sequenceRows = rows.filter((row) => table.kinds[row] !== parameterKind);
  const count = sequenceRows.length;
  const place = new Int32Array(table.ids.length).fill(-2);
  sequenceRows.forEach((row, i) => (place[row] = i));
  const index = rowsById(table);
  const inputStart = new Uint32Array(count + 1);
  const op = new Uint32Array(count);
  let inputs = 0;
  for (const row of sequenceRows) inputs += table.inputStart[row + 1]! - table.inputStart[row]!;
  const producers = new Int32Array(inputs);
  let at = 0;
  sequenceRows.forEach((row, i) => {
    op[i] = table.ops[row]!;
    for (let k = table.inputStart[row]!; k < table.inputStart[row + 1]!; k++, at++) {
      if (table.inputs.flags[k]! & 1) producers[at] = -1;
      else {
        const from = table.inputs.from[k]! < 0 ? undefined : index.get(table.inputs.from[k]!);
        producers[at] = from === undefined ? -2 : place[from]!;
      }
    }
    inputStart[i + 1] = at;
  });
  const pathOfPlace = new Array<string>(count).fill("");
  findRepeats({ count, op, inputStart, producers }).forEach((run, r) => {
    const stack = `×${r + 1}`;
    const kind = blockKind(Array.from({ length: run.length }, (_, i) => stringAt(table.strings, op[run.start + i]!)));
    blocks.set(stack, { role: "stack", kind, number: run.count, family: stack });
    for (let b = 0; b < run.count; b++) {
      const path = `${stack}/#${b + 1}`;
      blocks.set(path, { role: "block", kind, number: b + 1, family: stack });
      pathOfPlace.fill(path, run.start + b * run.length, run.start + (b + 1) * run.length);
    }
  });
  rows.forEach((row, i) => {
    if (place[row]! >= 0) paths[i] = pathOfPlace[place[row]!]!;
  });
}
