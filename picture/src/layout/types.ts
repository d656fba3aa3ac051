/**
 * What the layout engine takes and gives. Lengths are CSS pixels, y grows downwards.
 *
 * The result is columnar (typed arrays) so that a worker can transfer a 50,000-node layout without copying it.
 */

export type NodeKey = number | string;

export interface LayoutNode {
  readonly id: NodeKey;
  readonly width: number;
  readonly height: number;
  /** Scope path, outermost first, separated by "/": "block1/conv". Absent or empty: top level. */
  readonly group?: string;
  /** Topological rank hint: ties in the picture are broken by it. */
  readonly order: number;
  /** Operator name; only used to recognise equal groups. */
  readonly op?: string;
  /** A constant: drawn as a small chip beside each of its consumers instead of as a node. */
  readonly chip?: boolean;
  /** Width of a reference tag to this node. Default 84. */
  readonly tagWidth?: number;
}

export interface LayoutEdge {
  readonly id: NodeKey;
  readonly from: NodeKey;
  /** Index of the producer's output. Edges with equal `from` and `fromPort` carry one value and share one trunk. */
  readonly fromPort: number;
  readonly to: NodeKey;
  /** Index of the consumer's input. */
  readonly toPort: number;
}

export interface LayoutOptions {
  readonly direction: "down";
  /** A value with more visible consumers than this, in distant layers, becomes reference tags. Default 8. */
  readonly tagFanOut?: number;
  /** How many ranks the consumers must span for that. Default 8. */
  readonly tagSpan?: number;
  /** A node or group that keeps its previous place exactly; everything is moved with it. */
  readonly anchor?: NodeKey;
}

export interface LayoutGraph {
  readonly nodes: readonly LayoutNode[];
  readonly edges: readonly LayoutEdge[];
  /** Group ids drawn open. Every other group is drawn as one box. */
  readonly expanded: ReadonlySet<string> | "all";
  /** Titles of groups, by path, that are not the last part of the path. */
  readonly titles?: ReadonlyMap<string, string>;
  /** Groups drawn even where they hold nearly all of what is around them. */
  readonly kept?: { has(path: string): boolean };
  readonly options: LayoutOptions;
}

/** What a layout may remember of the one before it. */
export interface LayoutHistory {
  readonly previous?: PreviousLayout;
  /** New node id -> ids in the previous layout that it came from. Unchanged ids need no entry. */
  readonly lineage?: ReadonlyMap<NodeKey, readonly NodeKey[]>;
}

/** The part of a layout that the next one looks at. */
export interface PreviousLayout {
  readonly nodes: { readonly ids: readonly NodeKey[]; readonly rects: Float64Array };
  readonly groups: readonly PlacedGroup[];
}

export interface Bounds {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedGroup extends Bounds {
  /** Scope path; the second and later parts of a scope that had to be split end in "~2", "~3". */
  readonly id: string;
  readonly title: string;
  readonly expanded: boolean;
  /** Nesting depth, 0 at top level. */
  readonly depth: number;
  /** Index in `groups` of the enclosing open group, or -1. */
  readonly parent: number;
  /** Nodes inside, chips not counted, at any depth. */
  readonly nodeCount: number;
  /** Equal for groups with the same operators in the same order and the same edges. */
  readonly signature: number;
  /** How many groups in the same parent have this signature, and which of them this is (from 1). */
  readonly repeat: { readonly count: number; readonly index: number };
}

/**
 * Boxes are numbered: index i < nodes.ids.length is a node, i - nodes.ids.length is a group.
 */
export interface LayoutResult {
  readonly nodes: {
    readonly ids: readonly NodeKey[];
    /** x, y, width, height for each node. */
    readonly rects: Float64Array;
    /** Index in `groups` of the open group around it, or -1. */
    readonly groups: Int32Array;
  };
  readonly groups: readonly PlacedGroup[];
  readonly edges: {
    /** The first of the input edges drawn by this route. */
    readonly ids: readonly NodeKey[];
    readonly from: Int32Array;
    readonly fromPort: Int32Array;
    readonly to: Int32Array;
    readonly toPort: Int32Array;
    /** Route i is points offsets[i] .. offsets[i + 1], each x then y in `points`. See `routePath`. */
    readonly offsets: Uint32Array;
    readonly points: Float64Array;
  };
  /** Constants and reference tags beside their consumers. */
  readonly chips: {
    /** The constant, or the producer of the tagged value. */
    readonly ids: readonly NodeKey[];
    /** Box they are attached to. */
    readonly hosts: Int32Array;
    readonly ports: Int32Array;
    /** Output of `ids` that is referred to. */
    readonly fromPorts: Int32Array;
    readonly rects: Float64Array;
    /** 1 for a reference tag, 0 for a constant. */
    readonly reference: Uint8Array;
    /** How many chips this one stands for besides itself ("+3"), usually 0. */
    readonly more: Int32Array;
  };
  /** For each input node: index in `groups` of the innermost drawn group it is in, or -1. */
  readonly owner: Int32Array;
  readonly bounds: Bounds;
}

export const CHIP_HEIGHT = 17;
export const GROUP_TITLE_HEIGHT = 26;
export const GROUP_PADDING = 14;
/** At the ends where edges cross the border. */
export const GROUP_PORT_PADDING = 4;
/** Vertical room between layers: an arrow and a shape label fit in it. */
export const LAYER_GAP = 38;
/** The same between a group's border and its first or last layer. */
export const PORT_GAP = 24;
/** Room kept free inside a group's right border for the label of an edge. */
export const LABEL_ROOM = 100;
/** Room below a layer of height `above`, over one of height `below`; ports have no height. */
export const layerGap = (above: number, below: number): number =>
  above === 0 || below === 0 ? PORT_GAP : LAYER_GAP;
