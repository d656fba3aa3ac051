import { PersistentVector } from "../support/persistent-vector.ts";
import type { Attributes } from "./attribute.ts";
import type { ConstantValue } from "./constant.ts";
import type { Dim } from "./dim.ts";
import { type Uses, UseTable } from "./use-list.ts";
import { unknownType, type ValueType } from "./value-type.ts";

/** Dense, never reused, unique over all regions of a graph. */
export type NodeId = number;
export type RegionId = number;

/** The outermost region. */
export const rootRegion: RegionId = 0;

/** An edge's source: one output of a node. */
export interface ValueRef {
  readonly node: NodeId;
  readonly output: number;
}

export interface NodeOutput {
  /** the value's name in the model; "" for an optional output that is left out */
  readonly name: string;
  readonly type: ValueType;
  /** the elements of a small integer tensor (rank 0 or 1) where shape arithmetic is known, as dimensions */
  readonly known?: readonly Dim[];
}

interface NodeBase {
  readonly id: NodeId;
  readonly region: RegionId;
  /** the node's name; may be "" */
  readonly name: string;
  readonly inputs: readonly (ValueRef | null)[];
  readonly outputs: readonly NodeOutput[];
  readonly doc: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** where the node stands among others that could come first; new nodes take the place of what they replace */
  readonly order: number;
}

/** A region's input. Its one output is the value. */
export interface ParameterNode extends NodeBase {
  readonly kind: "parameter";
  /** the value taken when the caller gives none (an ONNX initializer that is also an input, IR version >= 4) */
  readonly fallback?: ConstantValue;
}

/** A value known at compile time. `storage` says how the model wrote it, so that export can write it so again. */
export interface ConstantNode extends NodeBase {
  readonly kind: "constant";
  readonly value: ConstantValue;
  readonly storage: "initializer" | "node";
}

/** An operator, a call of a model-local function, or a fused group (domain "graphwright", op "Fused"). */
export interface OperatorNode extends NodeBase {
  readonly kind: "operator";
  /** "" is ai.onnx */
  readonly domain: string;
  readonly op: string;
  readonly overload: string;
  readonly attributes: Attributes;
  /** bodies, by attribute name: If has then_branch and else_branch, a fused group has body */
  readonly regions: Readonly<Record<string, RegionId>>;
}

/** Nodes are frozen: only the Rewriter makes new ones. */
export type Node = ParameterNode | ConstantNode | OperatorNode;

export interface RegionOutput {
  /** the output's name, which rewrites never change */
  readonly name: string;
  readonly value: ValueRef;
  /** the type that the model declares; the value's own inferred type may say more */
  readonly declared: ValueType;
  readonly doc: string;
}

/**
 * A graph or subgraph: parameters in order and outputs in order. Nodes inside may use values of enclosing regions
 * directly (captures); the body of a fused group or function uses only its parameters.
 */
export interface Region {
  readonly id: RegionId;
  /** the node whose body this is, or null for the root and for function bodies */
  readonly owner: NodeId | null;
  readonly name: string;
  readonly doc: string;
  readonly parameters: readonly NodeId[];
  readonly outputs: readonly RegionOutput[];
}

/** A model-local function (FunctionProto): a named body that nodes call by domain and name. */
export interface FunctionDefinition {
  readonly domain: string;
  readonly name: string;
  readonly overload: string;
  readonly doc: string;
  /** attributes without a default, by name */
  readonly attributeNames: readonly string[];
  readonly attributeDefaults: Attributes;
  readonly region: RegionId;
  readonly opsets: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What a model file says besides its graph. */
export interface ModelInfo {
  readonly format: string;
  readonly irVersion: number;
  /** operator-set versions that the file imports, by domain ("" is ai.onnx) */
  readonly opsets: Readonly<Record<string, number>>;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly domain: string;
  readonly modelVersion: number;
  readonly doc: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly functions: readonly FunctionDefinition[];
  /**
   * What the source format says that nothing else here can hold, by a key of its importer; the exporter of the same
   * format writes it back.
   */
  readonly carried?: Readonly<Record<string, Uint8Array>>;
}

export const emptyModelInfo: ModelInfo = {
  format: "graphwright",
  irVersion: 10,
  opsets: { "": 21 },
  producerName: "",
  producerVersion: "",
  domain: "",
  modelVersion: 0,
  doc: "",
  metadata: {},
  functions: [],
};

/** A use of one of a node's outputs: by a node's input, or by a region's output list. */
export type Use =
  | { readonly kind: "input"; readonly output: number; readonly user: NodeId; readonly index: number }
  | { readonly kind: "result"; readonly output: number; readonly region: RegionId; readonly index: number };

export const fusedDomain = "graphwright";
export const fusedOp = "Fused" as const;
export const isFused = (node: Node): node is OperatorNode & { readonly op: typeof fusedOp } => node.kind === "operator" && node.domain === fusedDomain && node.op === fusedOp;

export const sameValue = (a: ValueRef | null | undefined, b: ValueRef | null | undefined): boolean =>
  a === b || (!!a && !!b && a.node === b.node && a.output === b.output);

/** "Conv", or "com.microsoft.Gelu" outside ai.onnx. */
export const qualifiedOp = (node: OperatorNode): string => (node.domain === "" ? node.op : `${node.domain}.${node.op}`);

/** What a person reads for a node in messages. */
export function describeNode(node: Node): string {
  const label = node.kind === "operator" ? qualifiedOp(node) : node.kind;
  const name = node.name || node.outputs.find((o) => o.name !== "")?.name || `#${node.id}`;
  return `${name} (${label})`;
}

/**
 * One version of a model's graph. Immutable; every version made by a Rewriter shares what did not change.
 */
export class Graph {
  /** by id; undefined where a node was removed */
  readonly nodes: PersistentVector<Node | undefined>;
  /** uses of each node's outputs, by id */
  readonly uses: PersistentVector<Uses | undefined>;
  readonly regions: PersistentVector<Region | undefined>;
  readonly info: ModelInfo;

  /** @internal graphs are made by `emptyGraph` and by the Rewriter */
  constructor(
    nodes: PersistentVector<Node | undefined>,
    uses: PersistentVector<Uses | undefined>,
    regions: PersistentVector<Region | undefined>,
    info: ModelInfo,
  ) {
    this.nodes = nodes;
    this.uses = uses;
    this.regions = regions;
    this.info = info;
  }

  has(id: NodeId): boolean {
    return this.nodes.get(id) !== undefined;
  }

  find(id: NodeId): Node | undefined {
    return this.nodes.get(id);
  }

  /** The node with this id. Throws when it is not in this version. */
  node(id: NodeId): Node {
    const node = this.nodes.get(id);
    if (!node) throw new RangeError(`no node ${id} in this step`);
    return node;
  }

  /** The operator node with this id, or undefined for anything else. */
  operator(id: NodeId): OperatorNode | undefined {
    const node = this.nodes.get(id);
    return node?.kind === "operator" ? node : undefined;
  }

  region(id: RegionId): Region {
    const region = this.regions.get(id);
    if (!region) throw new RangeError(`no region ${id} in this step`);
    return region;
  }

  get root(): Region {
    return this.region(rootRegion);
  }

  producer(ref: ValueRef): Node {
    return this.node(ref.node);
  }

  /** The type of a value; unknown for an omitted one. */
  type(ref: ValueRef | null | undefined): ValueType {
    return ref ? (this.nodes.get(ref.node)?.outputs[ref.output]?.type ?? unknownType) : unknownType;
  }

  valueName(ref: ValueRef): string {
    return this.node(ref.node).outputs[ref.output]?.name ?? "";
  }

  /** All uses of a node's outputs. Costs their number where a node has very many; `useCount` does not. */
  usesOf(id: NodeId): readonly Use[] {
    const uses = this.uses.get(id) ?? noUses;
    return uses instanceof UseTable ? uses.toArray() : uses;
  }

  useCount(id: NodeId): number {
    return this.uses.get(id)?.length ?? 0;
  }

  usesOfValue(ref: ValueRef): readonly Use[] {
    return this.usesOf(ref.node).filter((use) => use.output === ref.output);
  }

  /** Whether the value is an output of a region. */
  isResult(ref: ValueRef): boolean {
    const uses = this.uses.get(ref.node) ?? noUses;
    return uses instanceof UseTable ? uses.isResult(ref.output) : uses.some((use) => use.kind === "result" && use.output === ref.output);
  }

  /** The only use of a value, if there is exactly one. */
  soleUse(ref: ValueRef): Use | undefined {
    const uses = this.uses.get(ref.node) ?? noUses;
    if (uses.length === 1) return this.usesOf(ref.node)[0]!.output === ref.output ? this.usesOf(ref.node)[0] : undefined;
    // One output with as many uses as a table holds has more than one use, unless the node has other outputs.
    if (uses instanceof UseTable && this.nodes.get(ref.node)?.outputs.length === 1) return undefined;
    const [use, other] = this.usesOfValue(ref);
    return other ? undefined : use;
  }

  /** The compile-time value of `ref` (a constant; a parameter's fallback is not one: the caller may override it). */
  constant(ref: ValueRef | null | undefined): ConstantValue | undefined {
    if (!ref) return undefined;
    const node = this.nodes.get(ref.node);
    return node?.kind === "constant" ? node.value : undefined;
  }

  *[Symbol.iterator](): IterableIterator<Node> {
    for (const node of this.nodes) if (node) yield node;
  }

  /** Ids of the nodes that lie directly in a region, ascending. O(nodes) for a version not asked lately. */
  members(region: RegionId): readonly NodeId[] {
    let index = recentMembers.find((entry) => entry.graph === this)?.members;
    if (!index) {
      index = new Map<RegionId, NodeId[]>();
      for (const node of this) {
        const list = index.get(node.region);
        if (list) list.push(node.id);
        else index.set(node.region, [node.id]);
      }
      recentMembers.unshift({ graph: this, members: index });
      recentMembers.length = Math.min(recentMembers.length, 4);
    }
    return index.get(region) ?? [];
  }

  /** The region and those that enclose it, innermost first. */
  enclosing(region: RegionId): RegionId[] {
    const chain: RegionId[] = [];
    for (let at: RegionId | null = region; at !== null; ) {
      chain.push(at);
      const owner: NodeId | null = this.region(at).owner;
      at = owner === null ? null : this.node(owner).region;
    }
    return chain;
  }

  functionOf(node: OperatorNode): FunctionDefinition | undefined {
    return this.info.functions.find((f) => f.domain === node.domain && f.name === node.op && f.overload === node.overload);
  }
}

const noUses: readonly Use[] = [];
/** Kept for a few versions only: an index on each step of a long timeline would outweigh the graphs themselves. */
const recentMembers: { graph: Graph; members: Map<RegionId, NodeId[]> }[] = [];

export function emptyGraph(info: Partial<ModelInfo> = {}, name = "main"): Graph {
  const root: Region = { id: rootRegion, owner: null, name, doc: "", parameters: [], outputs: [] };
  return new Graph(
    PersistentVector.empty(),
    PersistentVector.empty(),
    PersistentVector.from<Region | undefined>([root]),
    { ...emptyModelInfo, ...info },
  );
}
