/**
 * The tree of drawn boxes: nodes, closed groups, open groups. Scopes that would make the picture cyclic are split into
 * convex parts, so that at every level the boxes form a DAG.
 */

export interface BoxTree {
  /** Boxes 0 .. nodeCount-1 are the nodes (drawn or not); groups follow. */
  readonly nodeCount: number;
  readonly groups: GroupBox[];
  /** Parent box (an open group) of each box, -1 at top level. Only meaningful for drawn boxes. */
  readonly parent: Int32Array;
  readonly depth: Int32Array;
  /** For each node the box that is drawn for it: itself or a closed group. -1 for chips. */
  readonly drawn: Int32Array;
  /** Drawn boxes of each container in order; the first entry is the top level, then open groups by index. */
  readonly children: Map<number, number[]>;
}

export interface GroupBox {
  readonly id: string;
  readonly title: string;
  readonly expanded: boolean;
  /** Member nodes at any depth, in order. */
  readonly members: readonly number[];
}

export interface BoxInput {
  readonly nodeCount: number;
  readonly path: (node: number) => string;
  /** Chips are in no box. */
  readonly isChip: Uint8Array;
  /** Node indices in drawing order. */
  readonly order: readonly number[];
  /** Outgoing edges in compressed rows. */
  readonly outStart: Int32Array;
  readonly outTo: Int32Array;
  readonly isExpanded: (groupId: string) => boolean;
  /** A title other than the last part of the path. */
  readonly titleOf?: (path: string) => string | undefined;
  /** Scopes that are drawn even where they hold nearly all of their parent. */
  readonly isKept?: (path: string) => boolean;
}

interface Scope {
  readonly name: string;
  readonly path: string;
  readonly depth: number;
  readonly ancestors: readonly number[];
}

const MAX_DEPTH = 24;
/** A scope that holds nearly all of its parent says nothing: its content is shown in the parent instead. */
const DOMINANT = 0.9;
/** In a tangle of more groups than this the smaller ones are dissolved instead of split. */
const MAX_SPLIT = 32;

function internScopes(input: BoxInput): { scopes: Scope[]; scopeOf: Int32Array } {
  const scopes: Scope[] = [{ name: "", path: "", depth: 0, ancestors: [0] }];
  const byPath = new Map<string, number>([["", 0]]);
  const scopeOf = new Int32Array(input.nodeCount);
  for (const node of input.order) {
    const path = input.path(node);
    let scope = byPath.get(path);
    if (scope === undefined) {
      let at = 0;
      let prefix = "";
      for (const name of path.split("/").filter((part) => part !== "").slice(0, MAX_DEPTH)) {
        prefix = prefix === "" ? name : `${prefix}/${name}`;
        let next = byPath.get(prefix);
        if (next === undefined) {
          next = scopes.length;
          const parent = scopes[at]!;
          scopes.push({ name, path: prefix, depth: parent.depth + 1, ancestors: [...parent.ancestors, next] });
          byPath.set(prefix, next);
        }
        at = next;
      }
      byPath.set(path, at);
      scope = at;
    }
    scopeOf[node] = scope;
  }
  return { scopes, scopeOf };
}

export function buildBoxes(input: BoxInput): BoxTree {
  const { nodeCount, outStart, outTo } = input;
  const { scopes, scopeOf } = internScopes(input);
  const groups: GroupBox[] = [];
  const parentList: number[] = [];
  const depthList: number[] = [];
  const drawn = new Int32Array(nodeCount).fill(-1);
  const nodeParent = new Int32Array(nodeCount).fill(-1);
  const nodeDepth = new Int32Array(nodeCount);
  const children = new Map<number, number[]>();

  /** How many levels of its scope path each node has already entered. */
  const level = new Int32Array(nodeCount);
  /** Container that the node is currently assigned to, as a counter. */
  const inside = new Int32Array(nodeCount).fill(-1);
  const childOf = new Int32Array(nodeCount);

  interface Pending {
    readonly box: number;
    readonly depth: number;
    readonly suffix: string;
    readonly members: readonly number[];
  }
  const pending: Pending[] = [
    { box: -1, depth: 0, suffix: "", members: input.order.filter((node) => input.isChip[node] === 0) },
  ];
  let counter = 0;

  while (pending.length > 0) {
    const container = pending.pop()!;
    const { members } = container;
    const mark = counter++;
    for (const node of members) inside[node] = mark;
    const nextScope = (node: number): number => {
      const ancestors = scopes[scopeOf[node]!]!.ancestors;
      return level[node]! + 1 < ancestors.length ? ancestors[level[node]! + 1]! : -1;
    };

    // Partition by the next scope; enter scopes that say nothing until the partition is stable.
    const parts = new Map<number, number[]>();
    for (let pass = 0; pass <= MAX_DEPTH; pass++) {
      parts.clear();
      for (const node of members) {
        const scope = nextScope(node);
        if (scope < 0) continue;
        const list = parts.get(scope);
        if (list === undefined) parts.set(scope, [node]);
        else list.push(node);
      }
      let changed = false;
      for (const list of parts.values()) {
        if (list.length > 1 && (list.length < members.length * DOMINANT || input.isKept?.(scopes[nextScope(list[0]!)]!.path) === true)) continue;
        for (const node of list) {
          if (list.length === 1) level[node] = scopes[scopeOf[node]!]!.depth;
          else level[node]!++;
        }
        changed = true;
      }
      if (!changed) break;
    }

    const pieces = convexParts(members, parts, { inside, mark, childOf, outStart, outTo });
    const listed: number[] = [];
    const groupAt = new Map<number, number>();
    const named = new Map<string, Set<number>>();
    for (const { scope } of pieces) {
      const { name } = scopes[scope]!;
      named.set(name, (named.get(name) ?? new Set<number>()).add(scope));
    }
    for (const piece of pieces) {
      const scope = scopes[piece.scope]!;
      const suffix = piece.part > 1 ? `${container.suffix}~${piece.part}` : container.suffix;
      const id = scope.path + suffix;
      const expanded = input.isExpanded(id);
      const box = nodeCount + groups.length;
      // The path is only needed where two scopes of this level end in one name.
      const title = input.titleOf?.(scope.path) ?? (named.get(scope.name)!.size > 1 ? scope.path : scope.name);
      groups.push({ id, title: piece.part > 1 ? `${title} (${piece.part})` : title, expanded, members: piece.members });
      parentList.push(container.box);
      depthList.push(container.depth);
      for (const node of piece.members) {
        groupAt.set(node, box);
        level[node] = scope.depth;
        if (!expanded) drawn[node] = box;
      }
      if (expanded) {
        pending.push({ box, depth: container.depth + 1, suffix, members: piece.members });
      }
    }
    const seen = new Set<number>();
    for (const node of members) {
      const box = groupAt.get(node);
      if (box === undefined) {
        drawn[node] = node;
        nodeParent[node] = container.box;
        nodeDepth[node] = container.depth;
        listed.push(node);
      } else if (!seen.has(box)) {
        seen.add(box);
        listed.push(box);
      }
    }
    children.set(container.box, listed);
  }

  const parent = new Int32Array(nodeCount + groups.length);
  const depth = new Int32Array(nodeCount + groups.length);
  parent.set(nodeParent);
  depth.set(nodeDepth);
  parent.set(parentList, nodeCount);
  depth.set(depthList, nodeCount);
  return { nodeCount, groups, parent, depth, drawn, children };
}

interface Piece {
  readonly scope: number;
  /** 1 for the first or only part. */
  readonly part: number;
  readonly members: readonly number[];
}

interface Region {
  readonly inside: Int32Array;
  readonly mark: number;
  readonly childOf: Int32Array;
  readonly outStart: Int32Array;
  readonly outTo: Int32Array;
}

/** Groups of one container, split where contracting them would make a cycle. */
function convexParts(members: readonly number[], parts: Map<number, number[]>, region: Region): Piece[] {
  if (parts.size === 0) return [];
  const { childOf } = region;
  const scopeIds = [...parts.keys()];
  // Children: groups first, then loose nodes.
  for (const node of members) childOf[node] = -1;
  scopeIds.forEach((scope, index) => {
    for (const node of parts.get(scope)!) childOf[node] = index;
  });
  let childCount = scopeIds.length;
  for (const node of members) if (childOf[node]! < 0) childOf[node] = childCount++;

  const component = stronglyConnected(childCount, contractedEdges(members, childCount, region));
  const tangled = new Map<number, number[]>();
  const sizes = new Map<number, number>();
  for (let child = 0; child < childCount; child++) {
    sizes.set(component[child]!, (sizes.get(component[child]!) ?? 0) + 1);
  }
  scopeIds.forEach((_, index) => {
    if (sizes.get(component[index]!)! > 1) {
      const list = tangled.get(component[index]!);
      if (list === undefined) tangled.set(component[index]!, [index]);
      else list.push(index);
    }
  });

  const pieces: Piece[] = [];
  const inTangle = new Set<number>([...tangled.values()].flat());
  scopeIds.forEach((scope, index) => {
    if (!inTangle.has(index)) pieces.push({ scope, part: 1, members: parts.get(scope)! });
  });
  for (const [id, groupIndices] of tangled) {
    const nodes = members.filter((node) => component[childOf[node]!] === id);
    pieces.push(...splitTangle(nodes, groupIndices, scopeIds, region));
  }
  return pieces;
}

function contractedEdges(
  members: readonly number[],
  childCount: number,
  { inside, mark, childOf, outStart, outTo }: Region,
): { start: Int32Array; to: Int32Array } {
  const start = new Int32Array(childCount + 1);
  const each = (visit: (a: number, b: number) => void): void => {
    for (const node of members) {
      for (let e = outStart[node]!; e < outStart[node + 1]!; e++) {
        const to = outTo[e]!;
        if (inside[to] === mark && childOf[to] !== childOf[node]) visit(childOf[node]!, childOf[to]!);
      }
    }
  };
  each((a) => start[a + 1]!++);
  for (let i = 0; i < childCount; i++) start[i + 1]! += start[i]!;
  const fill = start.slice();
  const to = new Int32Array(start[childCount]!);
  each((a, b) => (to[fill[a]!++] = b));
  return { start, to };
}

/** Tarjan's strongly connected components without recursion; component number for each vertex. */
function stronglyConnected(count: number, { start, to }: { start: Int32Array; to: Int32Array }): Int32Array {
  const index = new Int32Array(count).fill(-1);
  const low = new Int32Array(count);
  const component = new Int32Array(count).fill(-1);
  const cursor = new Int32Array(count);
  const stack: number[] = [];
  const path: number[] = [];
  let next = 0;
  let components = 0;
  for (let root = 0; root < count; root++) {
    if (index[root]! >= 0) continue;
    path.push(root);
    while (path.length > 0) {
      const v = path[path.length - 1]!;
      if (index[v]! < 0) {
        index[v] = low[v] = next++;
        cursor[v] = start[v]!;
        stack.push(v);
      }
      if (cursor[v]! < start[v + 1]!) {
        const w = to[cursor[v]!++]!;
        if (index[w]! < 0) path.push(w);
        else if (component[w]! < 0) low[v] = Math.min(low[v]!, index[w]!);
        continue;
      }
      path.pop();
      const below = path[path.length - 1];
      if (below !== undefined) low[below] = Math.min(low[below]!, low[v]!);
      if (low[v] === index[v]) {
        let w: number;
        do {
          w = stack.pop()!;
          component[w] = components;
        } while (w !== v);
        components++;
      }
    }
  }
  return component;
}

/**
 * Splits the groups of a tangle, the largest first. A group's part number at a node is the largest number of times a
 * path to that node has left the group and come back; equal numbers form a convex part. Contracting the parts of one
 * group keeps the graph acyclic, and the next group is split on the contracted graph.
 */
function splitTangle(
  nodes: readonly number[],
  groupIndices: readonly number[],
  scopeIds: readonly number[],
  region: Region,
): Piece[] {
  const { childOf, outStart, outTo, inside, mark } = region;
  const local = new Map<number, number>();
  nodes.forEach((node, i) => local.set(node, i));
  const count = nodes.length;
  const edgeFrom: number[] = [];
  const edgeTo: number[] = [];
  nodes.forEach((node, i) => {
    for (let e = outStart[node]!; e < outStart[node + 1]!; e++) {
      const to = inside[outTo[e]!] === mark ? local.get(outTo[e]!) : undefined;
      if (to !== undefined) {
        edgeFrom.push(i);
        edgeTo.push(to);
      }
    }
  });
  /** Contracted unit that each node belongs to. */
  const unit = new Int32Array(count);
  for (let i = 0; i < count; i++) unit[i] = i;
  const wanted = new Set(groupIndices);
  const sized = new Map<number, number[]>();
  nodes.forEach((node, i) => {
    const child = childOf[node]!;
    if (!wanted.has(child)) return;
    const list = sized.get(child);
    if (list === undefined) sized.set(child, [i]);
    else list.push(i);
  });
  const largest = [...sized].sort((a, b) => b[1].length - a[1].length || a[0] - b[0]).slice(0, MAX_SPLIT);

  const pieces: Piece[] = [];
  for (const [child, groupMembers] of largest) {
    const isMember = new Uint8Array(count);
    for (const i of groupMembers) isMember[unit[i]!] = 1;
    const phase = new Int32Array(count);
    const reached = isMember.slice();
    const ok = eachInTopologicalOrder(count, unit, edgeFrom, edgeTo, (from, to) => {
      const step = isMember[to] === 1 && isMember[from] === 0 && reached[from] === 1 ? 1 : 0;
      phase[to] = Math.max(phase[to]!, phase[from]! + step);
      if (reached[from] === 1) reached[to] = 1;
    });
    if (!ok) continue;
    const byPhase = new Map<number, number[]>();
    for (const i of groupMembers) {
      const list = byPhase.get(phase[unit[i]!]!);
      if (list === undefined) byPhase.set(phase[unit[i]!]!, [i]);
      else list.push(i);
    }
    let part = 0;
    for (const [, list] of [...byPhase].sort((a, b) => a[0] - b[0])) {
      if (list.length < 2) continue;
      part++;
      for (const i of list) unit[i] = list[0]!;
      pieces.push({ scope: scopeIds[child]!, part, members: list.map((i) => nodes[i]!) });
    }
  }
  return pieces;
}

/** Visits the edges between units, sources first. False when the units form a cycle (only if the input has one). */
function eachInTopologicalOrder(
  count: number,
  unit: Int32Array,
  from: readonly number[],
  to: readonly number[],
  visit: (from: number, to: number) => void,
): boolean {
  const degree = new Int32Array(count);
  const start = new Int32Array(count + 1);
  for (let e = 0; e < from.length; e++) {
    const a = unit[from[e]!]!;
    const b = unit[to[e]!]!;
    if (a === b) continue;
    degree[b]!++;
    start[a + 1]!++;
  }
  for (let i = 0; i < count; i++) start[i + 1]! += start[i]!;
  const fill = start.slice();
  const targets = new Int32Array(start[count]!);
  for (let e = 0; e < from.length; e++) {
    const a = unit[from[e]!]!;
    const b = unit[to[e]!]!;
    if (a !== b) targets[fill[a]!++] = b;
  }
  const queue: number[] = [];
  for (let i = 0; i < count; i++) if (unit[i] === i && degree[i] === 0) queue.push(i);
  let units = 0;
  for (let i = 0; i < count; i++) if (unit[i] === i) units++;
  for (let head = 0; head < queue.length; head++) {
    const a = queue[head]!;
    for (let e = start[a]!; e < start[a + 1]!; e++) {
      const b = targets[e]!;
      visit(a, b);
      if (--degree[b]! === 0) queue.push(b);
    }
  }
  return queue.length === units;
}
