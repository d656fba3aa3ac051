import type { ConstantValue } from "../../ir/constant.ts";
import type { Delta } from "../../ir/delta.ts";
import type { ConstantNode, Graph, Node, NodeId, OperatorNode } from "../../ir/graph.ts";
import { tensorBytes, tensorsIdentical } from "../../ir/tensor.ts";
import { hashString } from "../../support/random.ts";

/**
 * What matching asks of a whole graph: names in use, nodes alike, constants alike. Built when first asked and kept
 * up to date by deltas, so that a run of rewrites does not scan the graph again for each of them.
 */
export class GraphIndex {
  private graph: Graph;
  private names: Map<string, number> | undefined;
  private outputNames: Set<string> | undefined;
  private nodes: Map<string, Set<NodeId>> | undefined;
  private constants: Map<string, SameType> | undefined;

  constructor(graph: Graph) {
    this.graph = graph;
  }

  /** Follows a commit from the version the index stands at. */
  advance(graph: Graph, delta: Delta): void {
    this.graph = graph;
    if (this.outputNames) for (const [, region] of delta.regions) for (const output of region?.outputs ?? []) this.outputNames.add(output.name);
    for (const node of delta.removed) this.drop(node);
    for (const [before] of delta.updated) this.drop(before);
    for (const [, after] of delta.updated) this.enter(after);
    for (const node of delta.added) this.enter(node);
  }

  /** How many values of the graph and its bodies have this name. */
  countName(name: string): number {
    this.names ??= this.countNames();
    return this.names.get(name) ?? 0;
  }

  /** Names of the outputs of the graph and of all bodies there have been: rewrites never change them. */
  isOutputName(name: string): boolean {
    this.outputNames ??= new Set([...this.graph.regions].flatMap((region) => region?.outputs.map((o) => o.name) ?? []));
    return this.outputNames.has(name);
  }

  /** Operator nodes with the operator and inputs of `node`, itself included. */
  nodesLike(node: OperatorNode): ReadonlySet<NodeId> {
    if (!this.nodes) {
      this.nodes = new Map();
      for (const each of this.graph) if (each.kind === "operator") add(this.nodes, nodeKey(each), each.id);
    }
    return this.nodes.get(nodeKey(node)) ?? none;
  }

  /** Constants of the type and bits of `node`, itself included. Reads weights only where two have one type. */
  constantsLike(node: ConstantNode): readonly NodeId[] {
    if (!this.constants) {
      this.constants = new Map();
      for (const each of this.graph) if (each.kind === "constant") this.enterConstant(each);
    }
    const sameType = this.constants.get(node.value.type.text);
    if (!sameType || sameType.size < 2) return [node.id];
    // Told apart by content only now.
    sameType.byContent ??= this.sortByContent(sameType.ids);
    const alike = sameType.byContent.get(`${contentHash(node.value)}`) ?? none;
    return [...alike].filter((id) => id === node.id || sameBits((this.graph.node(id) as ConstantNode).value, node.value));
  }

  private sortByContent(ids: ReadonlySet<NodeId>): Map<string, Set<NodeId>> {
    const sorted = new Map<string, Set<NodeId>>();
    for (const id of ids) add(sorted, `${contentHash((this.graph.node(id) as ConstantNode).value)}`, id);
    return sorted;
  }

  private enterConstant(node: ConstantNode): void {
    const { text } = node.value.type;
    let sameType = this.constants!.get(text);
    if (!sameType) this.constants!.set(text, (sameType = new SameType()));
    sameType.ids.add(node.id);
    if (sameType.byContent) add(sameType.byContent, `${contentHash(node.value)}`, node.id);
  }

  private dropConstant(node: ConstantNode): void {
    const sameType = this.constants!.get(node.value.type.text);
    sameType?.ids.delete(node.id);
    sameType?.byContent?.get(`${contentHash(node.value)}`)?.delete(node.id);
  }

  private countNames(): Map<string, number> {
    const names = new Map<string, number>();
    const count = (name: string): void => {
      if (name !== "") names.set(name, (names.get(name) ?? 0) + 1);
    };
    for (const node of this.graph) for (const output of node.outputs) count(output.name);
    return names;
  }

  private enter(node: Node): void {
    if (this.names) for (const { name } of node.outputs) if (name !== "") this.names.set(name, (this.names.get(name) ?? 0) + 1);
    if (this.nodes && node.kind === "operator") add(this.nodes, nodeKey(node), node.id);
    if (this.constants && node.kind === "constant") this.enterConstant(node);
  }

  private drop(node: Node): void {
    if (this.names)
      for (const { name } of node.outputs) {
        const count = (this.names.get(name) ?? 0) - 1;
        if (count > 0) this.names.set(name, count);
        else this.names.delete(name);
      }
    if (this.nodes && node.kind === "operator") this.nodes.get(nodeKey(node))?.delete(node.id);
    if (this.constants && node.kind === "constant") this.dropConstant(node);
  }
}

/** Constants of one type. */
class SameType {
  readonly ids = new Set<NodeId>();
  /** by hash of the elements, once somebody asked */
  byContent: Map<string, Set<NodeId>> | undefined;

  get size(): number {
    return this.ids.size;
  }
}

const none: ReadonlySet<NodeId> = new Set();

function add(map: Map<string, Set<NodeId>>, key: string, id: NodeId): void {
  const set = map.get(key);
  if (set) set.add(id);
  else map.set(key, new Set([id]));
}

/** Positional: an omitted input is not the same as a later one. */
function nodeKey(node: OperatorNode): string {
  const inputs = node.inputs.map((i) => (i ? `${i.node}:${i.output}` : "_")).join(",");
  return `${node.region}/${node.domain}/${node.op}/${node.overload}/${inputs}`;
}

const hashes = new WeakMap<ConstantValue, number>();

function contentHash(value: ConstantValue): number {
  let hash = hashes.get(value);
  if (hash === undefined) {
    const tensor = value.tensor();
    if (Array.isArray(tensor.data)) hash = hashString(tensor.data.join("\u0000"));
    else {
      const bytes = tensorBytes(tensor);
      hash = 0x811c9dc5;
      for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
    }
    hashes.set(value, hash);
  }
  return hash;
}

/** Same type (assumed equal) and bits. */
export function sameBits(a: ConstantValue, b: ConstantValue): boolean {
  if (a === b) return true;
  if (a.blob && b.blob && a.blob.source === b.blob.source && a.blob.offset === b.blob.offset && a.blob.length === b.blob.length) return true;
  return contentHash(a) === contentHash(b) && tensorsIdentical(a.tensor(), b.tensor());
}
