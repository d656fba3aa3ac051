/**
 * Hierarchical layered layout. Boxes are found from the scopes and from what is expanded; each level is laid out from
 * the inside out, open groups being boxes with ports for their parent; routes are put together across the levels.
 */

import { buildBoxes, type BoxTree } from "./boxes.ts";
import { BlockCache, layoutLevel, type LevelLayout } from "./level.ts";
import {
  CHIP_HEIGHT,
  GROUP_PADDING,
  GROUP_PORT_PADDING,
  GROUP_TITLE_HEIGHT,
  LABEL_ROOM,
  type Bounds,
  type LayoutGraph,
  type LayoutHistory,
  type LayoutResult,
  type NodeKey,
  type PlacedGroup,
  type PreviousLayout,
} from "./types.ts";

const CHIP_GAP = 3;
const CHIP_STUB = 12;
const CHIP_COLUMNS = 3;
const TAG_WIDTH = 84;
const CHIP_MAX_WIDTH = 128;
const PORT_HALF_WIDTH = 5;

export const closedGroupSize = (title: string): { width: number; height: number } => ({
  // At least as wide as a note of its nodes and what is fused: the marks of a step stand beside the title.
  width: Math.max(184, Math.min(280, Math.round(title.length * 7.2) + 76)),
  height: 48,
});

interface Value {
  readonly source: number;
  readonly port: number;
  /** Edge indices. */
  readonly edges: number[];
}

interface Chip {
  readonly node: number;
  readonly host: number;
  readonly fromPort: number;
  readonly toPort: number;
  readonly reference: boolean;
}

/** One level while it is being described. Vertices are boxes (>= 0) or ports (-1 - port number). */
interface Level {
  readonly box: number;
  readonly vertices: number[];
  readonly from: number[];
  readonly to: number[];
  readonly value: number[];
  /** The port inside an open group that an edge meets, or -1. */
  readonly fromPort: number[];
  readonly toPort: number[];
  layout?: LevelLayout;
  /** From the group's top to its content. */
  top: number;
  x: number;
  y: number;
}

/** Lays out graphs one after the other; what they have in common is laid out once. */
export class LayoutEngine {
  readonly cache = new BlockCache();

  layout(graph: LayoutGraph, history: LayoutHistory = {}): LayoutResult {
    return layoutGraph(graph, history, this.cache);
  }
}

/** @throws {Error} when an edge names a node that is not in the graph, or two nodes have one id. */
export function layoutGraph(graph: LayoutGraph, history: LayoutHistory = {}, cache = new BlockCache()): LayoutResult {
  const { nodes, edges } = graph;
  const nodeCount = nodes.length;
  const indexOf = new Map<NodeKey, number>();
  nodes.forEach((node, i) => indexOf.set(node.id, i));
  if (indexOf.size !== nodeCount) throw new Error(`Layout: ${nodeCount - indexOf.size} node ids are used twice.`);
  const edgeFrom = new Int32Array(edges.length);
  const edgeTo = new Int32Array(edges.length);
  edges.forEach((edge, e) => {
    const from = indexOf.get(edge.from);
    const to = indexOf.get(edge.to);
    if (from === undefined || to === undefined) {
      throw new Error(`Layout: edge ${edge.id} joins ${edge.from} to ${edge.to}, and one of them is not in the graph.`);
    }
    edgeFrom[e] = from;
    edgeTo[e] = to;
  });

  let sorted = true;
  for (let i = 1; i < nodeCount && sorted; i++) sorted = nodes[i - 1]!.order <= nodes[i]!.order;
  const order = nodes.map((_, i) => i);
  if (!sorted) order.sort((a, b) => nodes[a]!.order - nodes[b]!.order || a - b);

  // A chip must have a consumer to sit beside.
  const isChip = new Uint8Array(nodeCount);
  for (let e = 0; e < edges.length; e++) if (nodes[edgeFrom[e]!]!.chip === true) isChip[edgeFrom[e]!] = 1;
  for (let e = 0; e < edges.length; e++) isChip[edgeTo[e]!] = 0;

  const { start: outStart, item: outEdge } = compressedRows(nodeCount, edgeFrom);
  const outTo = outEdge.map((e) => edgeTo[e]!);

  const { expanded } = graph;
  const tree = buildBoxes({
    nodeCount,
    path: (node) => nodes[node]!.group ?? "",
    isChip,
    order,
    outStart,
    outTo,
    isExpanded: expanded === "all" ? () => true : (id) => expanded.has(id),
    ...(graph.titles ? { titleOf: (path: string) => graph.titles!.get(path) } : {}),
    ...(graph.kept ? { isKept: (path: string) => graph.kept!.has(path) } : {}),
  });
  const boxCount = nodeCount + tree.groups.length;

  // Values with many distant consumers become tags.
  const values = collectValues(graph, order, outStart, outEdge);
  const { chips, drawnValues } = separateTags(graph, tree, values, { edgeFrom, edgeTo, isChip, outStart, outTo, order });

  // Box sizes. Chips stand at the right of their host.
  const left = new Float64Array(boxCount);
  const right = new Float64Array(boxCount);
  const height = new Float64Array(boxCount);
  const bodyHeight = new Float64Array(boxCount);
  for (let i = 0; i < nodeCount; i++) {
    // What is inside a closed group needs no size, and finding one means measuring text.
    if (tree.drawn[i] !== i) continue;
    const node = nodes[i]!;
    left[i] = right[i] = node.width / 2;
    height[i] = bodyHeight[i] = node.height;
  }
  tree.groups.forEach((group, g) => {
    if (group.expanded) return;
    const size = closedGroupSize(group.title);
    left[nodeCount + g] = right[nodeCount + g] = size.width / 2;
    height[nodeCount + g] = bodyHeight[nodeCount + g] = size.height;
  });
  const chipPlaces = placeChips(graph, chips, left, right, height);

  // Levels and their edges.
  const levels = new Map<number, Level>();
  for (const [box, vertices] of tree.children) {
    levels.set(box, { box, vertices: vertices.slice(), from: [], to: [], value: [], fromPort: [], toPort: [], top: 0, x: 0, y: 0 });
  }
  const routes = joinLevels(tree, levels, drawnValues, edgeTo);

  // Inside out.
  const previousX = previousCentres(graph, history, tree);
  const localOf = new Int32Array(boxCount);
  const portLocal = new Int32Array(routes.portCount);
  const portX = new Float64Array(routes.portCount);
  const boxesInside = [...levels.values()].sort((a, b) => depthOf(tree, b.box) - depthOf(tree, a.box));
  for (const level of boxesInside) {
    const count = level.vertices.length;
    const pin = new Uint8Array(count);
    const vLeft = new Float64Array(count);
    const vRight = new Float64Array(count);
    const vHeight = new Float64Array(count);
    const seed = previousX === undefined ? undefined : new Float64Array(count).fill(NaN);
    level.vertices.forEach((vertex, i) => {
      if (vertex < 0) {
        const port = -1 - vertex;
        portLocal[port] = i;
        pin[i] = routes.portIsIn[port] === 1 ? 1 : 2;
        vLeft[i] = vRight[i] = PORT_HALF_WIDTH;
        return;
      }
      localOf[vertex] = i;
      vLeft[i] = left[vertex]!;
      vRight[i] = right[vertex]!;
      vHeight[i] = height[vertex]!;
      if (seed !== undefined) seed[i] = previousX![vertex]!;
    });
    const edgeCount = level.from.length;
    const from = new Int32Array(edgeCount);
    const to = new Int32Array(edgeCount);
    const fromOffset = new Float64Array(edgeCount).fill(NaN);
    const toOffset = new Float64Array(edgeCount).fill(NaN);
    for (let e = 0; e < edgeCount; e++) {
      const a = level.from[e]!;
      const b = level.to[e]!;
      from[e] = a < 0 ? portLocal[-1 - a]! : localOf[a]!;
      to[e] = b < 0 ? portLocal[-1 - b]! : localOf[b]!;
      if (a < 0) fromOffset[e] = 0;
      else if (level.fromPort[e]! >= 0) fromOffset[e] = portX[level.fromPort[e]!]!;
      if (b < 0) toOffset[e] = 0;
      else if (level.toPort[e]! >= 0) toOffset[e] = portX[level.toPort[e]!]!;
    }
    level.layout = layoutLevel(
      {
        count,
        left: vLeft,
        right: vRight,
        height: vHeight,
        pin,
        edgeCount,
        from,
        to,
        fromOffset,
        toOffset,
        value: Int32Array.from(level.value),
        ...(seed === undefined ? {} : { seed }),
      },
      cache,
    );
    if (level.box >= 0) {
      // The group's anchor is the inner x = 0, so that its spine goes on in the parent.
      const { minX, maxX, height: inner } = level.layout;
      const titleWidth = Math.min(32, tree.groups[level.box - nodeCount]!.title.length) * 7 + 64;
      // Edges that come in stay clear of the title.
      let firstPort = Infinity;
      let hasOut = false;
      level.vertices.forEach((vertex, i) => {
        if (vertex >= 0) return;
        if (pin[i] === 1) firstPort = Math.min(firstPort, level.layout!.x[i]!);
        else hasOut = true;
      });
      left[level.box] = Math.max(-minX + GROUP_PADDING, titleWidth - firstPort);
      let labelEnd = -Infinity;
      for (let e = 0; e < edgeCount; e++) {
        if (level.from[e]! >= 0) labelEnd = Math.max(labelEnd, level.layout.x[from[e]!]! + LABEL_ROOM);
      }
      right[level.box] = Math.max(maxX + GROUP_PADDING, titleWidth - left[level.box]!, labelEnd);
      level.top = GROUP_TITLE_HEIGHT + (firstPort === Infinity ? GROUP_PADDING / 2 : GROUP_PORT_PADDING);
      const bottom = hasOut ? GROUP_PORT_PADDING : GROUP_PADDING;
      height[level.box] = bodyHeight[level.box] = inner + level.top + bottom;
      level.vertices.forEach((vertex, i) => {
        if (vertex < 0) portX[-1 - vertex] = level.layout!.x[i]!;
      });
    }
  }

  // Outside in: absolute places.
  const boxX = new Float64Array(boxCount);
  const boxY = new Float64Array(boxCount);
  for (let k = boxesInside.length - 1; k >= 0; k--) {
    const level = boxesInside[k]!;
    const { layout } = level;
    if (layout === undefined) continue;
    if (level.box >= 0) {
      level.x = boxX[level.box]!;
      level.y = boxY[level.box]! + level.top;
    }
    level.vertices.forEach((vertex, i) => {
      if (vertex < 0) return;
      boxX[vertex] = level.x + layout.x[i]!;
      boxY[vertex] = level.y + layout.y[i]!;
    });
  }

  return assemble();

  function assemble(): LayoutResult {
    const drawnNodes = order.filter((i) => tree.drawn[i] === i);
    const n = drawnNodes.length;
    const slotOf = new Int32Array(boxCount).fill(-1);
    drawnNodes.forEach((i, slot) => (slotOf[i] = slot));
    for (let g = 0; g < tree.groups.length; g++) slotOf[nodeCount + g] = n + g;

    const shift = alignment();
    const rects = new Float64Array(n * 4);
    const groupOf = new Int32Array(n).fill(-1);
    drawnNodes.forEach((i, slot) => {
      const { width, height: own } = nodes[i]!;
      rects[slot * 4] = boxX[i]! - width / 2 + shift.x;
      rects[slot * 4 + 1] = boxY[i]! + (height[i]! - own) / 2 + shift.y;
      rects[slot * 4 + 2] = width;
      rects[slot * 4 + 3] = own;
      if (tree.parent[i]! >= 0) groupOf[slot] = tree.parent[i]! - nodeCount;
    });
    const groups = placeGroups(shift);

    const points: number[] = [];
    const count = routes.from.length;
    const offsets = new Uint32Array(count + 1);
    for (let r = 0; r < count; r++) {
      const begin = points.length;
      for (let s = routes.stepStart[r]!; s < routes.stepStart[r + 1]!; s++) {
        const level = levels.get(routes.stepLevel[s]!)!;
        // A port of a group is met at the group's border: cross its padding and title.
        level.layout!.route(routes.stepEdge[s]!, level.x + shift.x, level.y + shift.y, points);
      }
      dropCollinear(points, begin);
      // Routes end on the cards, which may be lower than the boxes that also hold their chips.
      const a = routes.from[r]!;
      const b = routes.to[r]!;
      points[begin + 1]! -= (height[a]! - bodyHeight[a]!) / 2;
      points[points.length - 1]! += (height[b]! - bodyHeight[b]!) / 2;
      offsets[r + 1] = points.length / 2;
    }
    const chipRects = new Float64Array(chipPlaces.length * 4);
    chipPlaces.forEach((chip, i) => {
      const host = chip.host;
      chipRects[i * 4] = boxX[host]! + chip.dx + shift.x;
      chipRects[i * 4 + 1] = boxY[host]! + height[host]! / 2 + chip.dy + shift.y;
      chipRects[i * 4 + 2] = chip.width;
      chipRects[i * 4 + 3] = CHIP_HEIGHT;
    });
    const owner = new Int32Array(nodeCount).fill(-1);
    for (let i = 0; i < nodeCount; i++) {
      const box = tree.drawn[i]!;
      if (box >= nodeCount) owner[i] = box - nodeCount;
      else if (box >= 0 && tree.parent[box]! >= 0) owner[i] = tree.parent[box]! - nodeCount;
    }
    const pointArray = Float64Array.from(points);
    return {
      nodes: { ids: drawnNodes.map((i) => nodes[i]!.id), rects, groups: groupOf },
      groups,
      edges: {
        ids: routes.edge.map((e) => edges[e]!.id),
        from: Int32Array.from(routes.from, (box) => slotOf[box]!),
        fromPort: Int32Array.from(routes.edge, (e) => edges[e]!.fromPort),
        to: Int32Array.from(routes.to, (box) => slotOf[box]!),
        toPort: Int32Array.from(routes.edge, (e) => edges[e]!.toPort),
        offsets,
        points: pointArray,
      },
      chips: {
        ids: chipPlaces.map((chip) => nodes[chip.node]!.id),
        hosts: Int32Array.from(chipPlaces, (chip) => slotOf[chip.host]!),
        ports: Int32Array.from(chipPlaces, (chip) => chip.toPort),
        fromPorts: Int32Array.from(chipPlaces, (chip) => chip.fromPort),
        rects: chipRects,
        reference: Uint8Array.from(chipPlaces, (chip) => (chip.reference ? 1 : 0)),
        more: Int32Array.from(chipPlaces, (chip) => chip.more),
      },
      owner,
      bounds: boundsOf(rects, groups, chipRects, pointArray),
    };
  }

  function placeGroups(shift: { x: number; y: number }): PlacedGroup[] {
    const opCodes = new Map<string, number>();
    const position = new Int32Array(nodeCount).fill(-1);
    const signatures = tree.groups.map(({ members }) => {
      let hash = 17;
      members.forEach((node, i) => (position[node] = i));
      members.forEach((node, i) => {
        const op = nodes[node]!.op ?? "";
        let code = opCodes.get(op);
        if (code === undefined) {
          code = 7;
          for (let k = 0; k < op.length; k++) code = Math.imul(code ^ op.charCodeAt(k), 0x01000193);
          opCodes.set(op, code);
        }
        hash = Math.imul(hash ^ code, 0x01000193);
        for (let e = outStart[node]!; e < outStart[node + 1]!; e++) {
          const to = position[outTo[e]!]!;
          if (to >= 0) hash = Math.imul(hash ^ (to - i), 0x01000193) ^ (hash >>> 15);
        }
      });
      for (const node of members) position[node] = -1;
      return hash;
    });
    const counts = new Map<string, number>();
    const keyOf = (g: number): string => `${tree.parent[nodeCount + g]} ${tree.groups[g]!.members.length} ${signatures[g]}`;
    tree.groups.forEach((_, g) => counts.set(keyOf(g), (counts.get(keyOf(g)) ?? 0) + 1));
    const soFar = new Map<string, number>();
    return tree.groups.map((group, g) => {
      const box = nodeCount + g;
      const key = keyOf(g);
      soFar.set(key, (soFar.get(key) ?? 0) + 1);
      // A closed group's box may also hold tags at its right.
      const width = group.expanded ? left[box]! + right[box]! : closedGroupSize(group.title).width;
      return {
        id: group.id,
        title: group.title,
        expanded: group.expanded,
        x: boxX[box]! - (group.expanded ? left[box]! : width / 2) + shift.x,
        y: boxY[box]! + (height[box]! - bodyHeight[box]!) / 2 + shift.y,
        width,
        height: bodyHeight[box]!,
        depth: tree.depth[box]!,
        parent: tree.parent[box]! < 0 ? -1 : tree.parent[box]! - nodeCount,
        nodeCount: group.members.length,
        signature: signatures[g]!,
        repeat: { count: counts.get(key)!, index: soFar.get(key)! },
      };
    });
  }

  /** How far to move everything so that the anchor, or else most of what was there before, keeps its column. */
  function alignment(): { x: number; y: number } {
    const { previous } = history;
    if (previous === undefined) return { x: 0, y: 0 };
    const { anchor } = graph.options;
    const centreNow = (box: number): { x: number; y: number } => ({
      x: boxX[box]!,
      y: boxY[box]! + (height[box]! - bodyHeight[box]!) / 2,
    });
    if (anchor !== undefined) {
      const before = previousPlace(previous, anchor, history.lineage);
      const node = indexOf.get(anchor);
      const group = tree.groups.findIndex((g) => g.id === anchor);
      const box = node !== undefined && tree.drawn[node]! >= 0 ? tree.drawn[node]! : group >= 0 ? nodeCount + group : -1;
      if (before !== undefined && box >= 0) {
        const now = centreNow(box);
        const middle = tree.groups[box - nodeCount]?.expanded === true ? (right[box]! - left[box]!) / 2 : 0;
        return { x: before.x - now.x - middle, y: before.y - now.y };
      }
    }
    const moves: number[] = [];
    const ids = new Map<NodeKey, number>();
    previous.nodes.ids.forEach((id, slot) => ids.set(id, slot));
    for (const i of order) {
      const slot = ids.get(nodes[i]!.id);
      if (slot === undefined || tree.drawn[i] !== i) continue;
      moves.push(previous.nodes.rects[slot * 4]! + previous.nodes.rects[slot * 4 + 2]! / 2 - boxX[i]!);
    }
    if (moves.length === 0) return { x: 0, y: 0 };
    moves.sort((a, b) => a - b);
    return { x: moves[moves.length >> 1]!, y: 0 };
  }
}

function compressedRows(count: number, keys: Int32Array): { start: Int32Array; item: Int32Array } {
  const start = new Int32Array(count + 1);
  for (const key of keys) start[key + 1]!++;
  for (let i = 0; i < count; i++) start[i + 1]! += start[i]!;
  const fill = start.slice();
  const item = new Int32Array(keys.length);
  for (let i = 0; i < keys.length; i++) item[fill[keys[i]!]!++] = i;
  return { start, item };
}

const depthOf = (tree: BoxTree, box: number): number => (box < 0 ? -1 : tree.depth[box]!);

function collectValues(
  graph: LayoutGraph,
  order: readonly number[],
  outStart: Int32Array,
  outEdge: Int32Array,
): Value[] {
  const values: Value[] = [];
  for (const source of order) {
    const first = values.length;
    for (let k = outStart[source]!; k < outStart[source + 1]!; k++) {
      const e = outEdge[k]!;
      const port = graph.edges[e]!.fromPort;
      let at = first;
      while (at < values.length && values[at]!.port !== port) at++;
      if (at < values.length) values[at]!.edges.push(e);
      else values.push({ source, port, edges: [e] });
    }
  }
  return values;
}

interface Indexed {
  readonly edgeFrom: Int32Array;
  readonly edgeTo: Int32Array;
  readonly isChip: Uint8Array;
  readonly outStart: Int32Array;
  readonly outTo: Int32Array;
  readonly order: readonly number[];
}

/** Constants and values with very many users get chips at their consumers; the rest are drawn as edges. */
function separateTags(
  graph: LayoutGraph,
  tree: BoxTree,
  values: readonly Value[],
  { edgeTo, isChip, outStart, outTo, order }: Indexed,
): { chips: Chip[]; drawnValues: Value[] } {
  const fanOut = graph.options.tagFanOut ?? 8;
  const span = graph.options.tagSpan ?? 8;
  const chips: Chip[] = [];
  const drawnValues: Value[] = [];
  let rank: Int32Array | undefined;
  const hosts = new Set<number>();
  for (const value of values) {
    const constant = isChip[value.source] === 1;
    let tagged = constant;
    if (!constant && value.edges.length > fanOut) {
      hosts.clear();
      for (const e of value.edges) if (tree.drawn[edgeTo[e]!] !== tree.drawn[value.source]) hosts.add(tree.drawn[edgeTo[e]!]!);
      if (hosts.size > fanOut) {
        rank ??= depths(graph.nodes.length, order, outStart, outTo);
        let low = Infinity;
        let high = -Infinity;
        for (const e of value.edges) {
          low = Math.min(low, rank[edgeTo[e]!]!);
          high = Math.max(high, rank[edgeTo[e]!]!);
        }
        tagged = high - low > span;
      }
    }
    if (!tagged) {
      drawnValues.push(value);
      continue;
    }
    hosts.clear();
    for (const e of value.edges) {
      const host = tree.drawn[edgeTo[e]!]!;
      // Inside a closed group: a constant belongs to it; a tag shows once at the group.
      if (host < 0 || host === tree.drawn[value.source]) continue;
      if (host >= tree.nodeCount) {
        if (constant || hosts.has(host)) continue;
        hosts.add(host);
      }
      chips.push({
        node: value.source,
        host,
        fromPort: value.port,
        toPort: graph.edges[e]!.toPort,
        reference: !constant,
      });
    }
  }
  return { chips, drawnValues };
}

/** Longest path from a source to each node. */
function depths(count: number, order: readonly number[], outStart: Int32Array, outTo: Int32Array): Int32Array {
  const depth = new Int32Array(count);
  const waiting = new Int32Array(count);
  for (const to of outTo) waiting[to]!++;
  const queue = order.filter((v) => waiting[v] === 0);
  for (let head = 0; head < queue.length; head++) {
    const v = queue[head]!;
    for (let k = outStart[v]!; k < outStart[v + 1]!; k++) {
      const w = outTo[k]!;
      depth[w] = Math.max(depth[w]!, depth[v]! + 1);
      if (--waiting[w]! === 0) queue.push(w);
    }
  }
  return depth;
}

interface ChipPlace extends Chip {
  /** From the host's anchor, and from the middle of its height. */
  readonly dx: number;
  readonly dy: number;
  readonly width: number;
  readonly more: number;
}

/** Columns of chips at the right of each host, in input order; widens the hosts' boxes. */
function placeChips(
  graph: LayoutGraph,
  chips: readonly Chip[],
  left: Float64Array,
  right: Float64Array,
  height: Float64Array,
): ChipPlace[] {
  const byHost = new Map<number, Chip[]>();
  for (const chip of chips) {
    const list = byHost.get(chip.host);
    if (list === undefined) byHost.set(chip.host, [chip]);
    else list.push(chip);
  }
  const places: ChipPlace[] = [];
  for (const [host, list] of byHost) {
    list.sort((a, b) => a.toPort - b.toPort);
    const rowCount = Math.max(2, Math.floor(height[host]! / (CHIP_HEIGHT + CHIP_GAP)));
    const shown = list.slice(0, rowCount * CHIP_COLUMNS);
    const hidden = list.length - shown.length;
    let x = left[host]! + CHIP_STUB;
    for (let first = 0; first < shown.length; first += rowCount) {
      const column = shown.slice(first, first + rowCount);
      const widths = column.map(({ node, reference }) =>
        reference ? (graph.nodes[node]!.tagWidth ?? TAG_WIDTH) : Math.min(CHIP_MAX_WIDTH, graph.nodes[node]!.width),
      );
      const tall = column.length * CHIP_HEIGHT + (column.length - 1) * CHIP_GAP;
      column.forEach((chip, i) => {
        places.push({
          ...chip,
          dx: x,
          dy: -tall / 2 + i * (CHIP_HEIGHT + CHIP_GAP),
          width: widths[i]!,
          more: hidden > 0 && first + i === shown.length - 1 ? hidden : 0,
        });
      });
      height[host] = Math.max(height[host]!, tall);
      x += Math.max(...widths) + 6;
    }
    right[host] = x - 6;
  }
  return places;
}

interface Routes {
  readonly from: number[];
  readonly to: number[];
  readonly edge: number[];
  /** Steps of route r: stepStart[r] .. stepStart[r + 1]; each an edge of a level. */
  readonly stepStart: number[];
  readonly stepLevel: number[];
  readonly stepEdge: number[];
  readonly portIsIn: number[];
  readonly portCount: number;
}

/** Splits each value's way to each consumer into edges of levels, with ports on the borders of open groups. */
function joinLevels(tree: BoxTree, levels: Map<number, Level>, values: readonly Value[], edgeTo: Int32Array): Routes {
  const boxes = tree.parent.length;
  const routes: Routes & { portCount: number } = {
    from: [],
    to: [],
    edge: [],
    stepStart: [0],
    stepLevel: [],
    stepEdge: [],
    portIsIn: [],
    portCount: 0,
  };
  // Per value: has the box been reached, and by which edge of its level; ports of open groups.
  const reachedBy = new Int32Array(boxes).fill(-1);
  const reachedEdge = new Int32Array(boxes);
  const inPort = new Int32Array(boxes);
  const inPortOf = new Int32Array(boxes).fill(-1);
  const outPort = new Int32Array(boxes);
  const outPortOf = new Int32Array(boxes).fill(-1);
  const outEdge = new Int32Array(boxes);

  const addPort = (box: number, isIn: boolean): number => {
    const port = routes.portCount++;
    routes.portIsIn.push(isIn ? 1 : 0);
    const { vertices } = levels.get(box)!;
    vertices.push(-1 - port);
    return port;
  };
  const addEdge = (level: Level, from: number, fromPort: number, to: number, toPort: number, value: number): number => {
    level.from.push(from);
    level.to.push(to);
    level.fromPort.push(fromPort);
    level.toPort.push(toPort);
    level.value.push(value);
    return level.from.length - 1;
  };

  const climb: number[] = [];
  const descend: number[] = [];
  values.forEach((value, v) => {
    const a = tree.drawn[value.source]!;
    for (const e of value.edges) {
      const b = tree.drawn[edgeTo[e]!]!;
      if (a === b || a < 0 || b < 0) continue;
      if (reachedBy[b] === v) continue;
      // Common container: climb from both ends.
      climb.length = 0;
      descend.length = 0;
      let ca = a;
      let cb = b;
      while (tree.depth[ca]! > tree.depth[cb]!) {
        ca = tree.parent[ca]!;
        climb.push(ca);
      }
      while (tree.depth[cb]! > tree.depth[ca]!) {
        descend.push(cb);
        cb = tree.parent[cb]!;
      }
      while (tree.parent[ca] !== tree.parent[cb]) {
        ca = tree.parent[ca]!;
        climb.push(ca);
        descend.push(cb);
        cb = tree.parent[cb]!;
      }
      // Out of the open groups around the source.
      let from = a;
      let port = -1;
      for (const group of climb) {
        if (outPortOf[group] !== v) {
          outPortOf[group] = v;
          outPort[group] = addPort(group, false);
          outEdge[group] = addEdge(levels.get(group)!, from, port, -1 - outPort[group]!, -1, v);
        }
        routes.stepLevel.push(group);
        routes.stepEdge.push(outEdge[group]!);
        from = group;
        port = outPort[group]!;
      }
      // Across, then into the open groups around the consumer.
      descend.reverse();
      let container = tree.parent[cb]!;
      let target = cb;
      for (let step = 0; ; step++) {
        const open = step < descend.length;
        if (reachedBy[target] !== v) {
          reachedBy[target] = v;
          if (open) {
            inPortOf[target] = v;
            inPort[target] = addPort(target, true);
          }
          reachedEdge[target] = addEdge(levels.get(container)!, from, port, target, open ? inPort[target]! : -1, v);
        }
        routes.stepLevel.push(container);
        routes.stepEdge.push(reachedEdge[target]!);
        if (!open) break;
        from = -1 - inPort[target]!;
        port = -1;
        container = target;
        target = descend[step]!;
      }
      routes.from.push(a);
      routes.to.push(b);
      routes.edge.push(e);
      routes.stepStart.push(routes.stepLevel.length);
    }
  });
  return routes;
}

/** Removes repeated points and points inside vertical runs, from `begin` on. */
function dropCollinear(points: number[], begin: number): void {
  let write = begin + 2;
  for (let i = begin + 2; i < points.length; i += 2) {
    const px = points[i]!;
    const py = points[i + 1]!;
    if (px === points[write - 2] && py === points[write - 1]) continue;
    if (write >= begin + 4 && px === points[write - 2] && px === points[write - 4]) points[write - 1] = py;
    else {
      points[write++] = px;
      points[write++] = py;
    }
  }
  points.length = write;
  if (write === begin + 2) points.push(points[begin]!, points[begin + 1]!);
}

/** Centre x and top y of a node or group in a layout. */
function previousPlace(
  previous: PreviousLayout,
  id: NodeKey,
  lineage: LayoutHistory["lineage"],
): { x: number; y: number } | undefined {
  for (const candidate of [id, ...(lineage?.get(id) ?? [])]) {
    const slot = previous.nodes.ids.indexOf(candidate);
    if (slot >= 0) {
      const { rects } = previous.nodes;
      return { x: rects[slot * 4]! + rects[slot * 4 + 2]! / 2, y: rects[slot * 4 + 1]! };
    }
    const group = previous.groups.find((g) => g.id === candidate);
    if (group !== undefined) return { x: group.x + group.width / 2, y: group.y };
  }
  return undefined;
}

/** Previous x of each box, through lineage where the id is new; NaN where nothing is known. */
function previousCentres(graph: LayoutGraph, { previous, lineage }: LayoutHistory, tree: BoxTree): Float64Array | undefined {
  if (previous === undefined) return undefined;
  const at = new Map<NodeKey, number>();
  previous.nodes.ids.forEach((id, i) => at.set(id, previous.nodes.rects[i * 4]! + previous.nodes.rects[i * 4 + 2]! / 2));
  const groupAt = new Map(previous.groups.map((group) => [group.id, group.x + group.width / 2]));
  const centres = new Float64Array(tree.parent.length).fill(NaN);
  graph.nodes.forEach((node, i) => {
    const own = at.get(node.id);
    if (own !== undefined) {
      centres[i] = own;
      return;
    }
    let sum = 0;
    let known = 0;
    for (const origin of lineage?.get(node.id) ?? []) {
      const x = at.get(origin);
      if (x === undefined) continue;
      sum += x;
      known++;
    }
    if (known > 0) centres[i] = sum / known;
  });
  tree.groups.forEach((group, g) => {
    const own = groupAt.get(group.id);
    if (own !== undefined) {
      centres[tree.nodeCount + g] = own;
      return;
    }
    let sum = 0;
    let known = 0;
    for (const member of group.members) {
      if (Number.isNaN(centres[member]!)) continue;
      sum += centres[member]!;
      known++;
    }
    if (known > 0) centres[tree.nodeCount + g] = sum / known;
  });
  return centres;
}

function boundsOf(
  rects: Float64Array,
  groups: readonly PlacedGroup[],
  chips: Float64Array,
  points: Float64Array,
): Bounds {
  let minX = Infinity;
  let minY = Infinity;
  let maxX = -Infinity;
  let maxY = -Infinity;
  const add = (x: number, y: number, width: number, height: number): void => {
    minX = Math.min(minX, x);
    minY = Math.min(minY, y);
    maxX = Math.max(maxX, x + width);
    maxY = Math.max(maxY, y + height);
  };
  for (const array of [rects, chips]) {
    for (let i = 0; i < array.length; i += 4) add(array[i]!, array[i + 1]!, array[i + 2]!, array[i + 3]!);
  }
  for (const group of groups) add(group.x, group.y, group.width, group.height);
  for (let i = 0; i < points.length; i += 2) add(points[i]!, points[i + 1]!, 0, 0);
  if (minX === Infinity) return { x: 0, y: 0, width: 0, height: 0 };
  return { x: minX, y: minY, width: maxX - minX, height: maxY - minY };
}
