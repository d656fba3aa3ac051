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
  private nodes: Map<string, IdList> | undefined;
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

  /** Operator nodes with the operator and inputs of `node`, itself included, ascending. */
  nodesLike(node: OperatorNode): readonly NodeId[] {
    if (!this.nodes) {
      this.nodes = new Map();
      for (const each of this.graph) if (each.kind === "operator") add(this.nodes, nodeKey(each), each.id);
    }
    return this.nodes.get(nodeKey(node)) ?? [];
  }

  /**
   * Other constants of the type and bits of `node`, ascending. Found one by one, so that asking for the first of
   * thousands costs what one costs. Looks at weights only where two have one type.
   */
  *constantsLike(node: ConstantNode): IterableIterator<NodeId> {
    if (!this.constants) {
      this.constants = new Map();
      for (const each of this.graph) if (each.kind === "constant") this.enterConstant(each);
    }
    const sameType = this.constants.get(node.value.type.text);
    if (!sameType || sameType.ids.size < 2) return;
    // Told apart by content only now.
    sameType.byContent ??= this.sortByContent(sameType.ids);
    for (const id of sameType.byContent.get(contentKey(node.value)) ?? [])
      if (id !== node.id && sameBits((this.graph.node(id) as ConstantNode).value, node.value)) yield id;
  }

  private sortByContent(ids: ReadonlySet<NodeId>): Map<number, IdList> {
    const sorted = new Map<number, IdList>();
    for (const id of ids) add(sorted, contentKey((this.graph.node(id) as ConstantNode).value), id);
    return sorted;
  }

  private enterConstant(node: ConstantNode): void {
    const { text } = node.value.type;
    let sameType = this.constants!.get(text);
    if (!sameType) this.constants!.set(text, (sameType = { ids: new Set(), byContent: undefined }));
    sameType.ids.add(node.id);
    if (sameType.byContent) add(sameType.byContent, contentKey(node.value), node.id);
  }

  private dropConstant(node: ConstantNode): void {
    const sameType = this.constants!.get(node.value.type.text);
    sameType?.ids.delete(node.id);
    if (sameType?.byContent) drop(sameType.byContent, contentKey(node.value), node.id);
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
    if (this.nodes && node.kind === "operator") drop(this.nodes, nodeKey(node), node.id);
    if (this.constants && node.kind === "constant") this.dropConstant(node);
  }
}

/** Constants of one type. */
interface SameType {
  readonly ids: Set<NodeId>;
  /** by key of the elements, once somebody asked */
  byContent: Map<number, IdList> | undefined;
}

/** Ascending. */
type IdList = NodeId[];

/** Where `id` is or belongs. */
function placeOf(ids: readonly NodeId[], id: NodeId): number {
  let low = 0;
  for (let high = ids.length; low < high; ) {
    const middle = (low + high) >> 1;
    if ((ids[middle] as number) < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

function add<Key>(map: Map<Key, IdList>, key: Key, id: NodeId): void {
  const ids = map.get(key);
  if (!ids) map.set(key, [id]);
  else if (id > (ids.at(-1) ?? -1)) ids.push(id);
  else {
    const at = placeOf(ids, id);
    if (ids[at] !== id) ids.splice(at, 0, id);
  }
}

function drop<Key>(map: Map<Key, IdList>, key: Key, id: NodeId): void {
  const ids = map.get(key);
  if (!ids) return;
  const at = placeOf(ids, id);
  if (ids[at] !== id) return;
  if (ids.length === 1) map.delete(key);
  else ids.splice(at, 1);
}

/** Positional: an omitted input is not the same as a later one. */
function nodeKey(node: OperatorNode): string {
  const inputs = node.inputs.map((i) => (i ? `${i.node}:${i.output}` : "_")).join(",");
  return `${node.region}/${node.domain}/${node.op}/${node.overload}/${inputs}`;
}

/** Larger constants are told apart by samples first, so that most weights are never read whole. */
const sampledBytes = 4096;
const sampleBytes = 64;
const sampleCount = 8;

const keys = new WeakMap<ConstantValue, number>();
const hashes = new WeakMap<ConstantValue, number>();

const mix = (hash: number, word: number): number => Math.imul(hash ^ word, 0x01000193) ^ (hash >>> 15);

function hashBytes(bytes: Uint8Array, seed = 0x811c9dc5): number {
  let hash = seed;
  const words = bytes.byteOffset % 4 === 0 ? bytes.length >> 2 : 0;
  const view = new Int32Array(bytes.buffer, words > 0 ? bytes.byteOffset : 0, words);
  for (let i = 0; i < words; i++) hash = mix(hash, view[i] as number);
  for (let i = 4 * words; i < bytes.length; i++) hash = mix(hash, bytes[i] as number);
  return hash;
}

/** A number that is equal for equal bits; of a large constant only samples are read. */
function contentKey(value: ConstantValue): number {
  let key = keys.get(value);
  if (key === undefined) {
    if (value.bytes <= sampledBytes) key = contentHash(value);
    else {
      key = value.bytes;
      const { blob } = value;
      const bytes = blob ? undefined : tensorBytes(value.tensor());
      // Whole elements, so that words are read alike from memory and from a file.
      for (let i = 0; i < sampleCount; i++) {
        const at = Math.floor(((value.bytes - sampleBytes) / (sampleCount - 1)) * i) & ~7;
        const sample = blob ? blob.source.read(blob.offset + at, sampleBytes) : bytes!.subarray(at, at + sampleBytes);
        key = hashBytes(sample.slice(), key);
      }
    }
    keys.set(value, key);
  }
  return key;
}

function contentHash(value: ConstantValue): number {
  let hash = hashes.get(value);
  if (hash === undefined) {
    const tensor = value.tensor();
    hash = Array.isArray(tensor.data) ? hashString(tensor.data.join("\u0000")) : hashBytes(tensorBytes(tensor).slice());
    hashes.set(value, hash);
  }
  return hash;
}

/** Same type (assumed equal) and bits. */
export function sameBits(a: ConstantValue, b: ConstantValue): boolean {
  if (a === b) return true;
  if (a.blob && b.blob && a.blob.source === b.blob.source && a.blob.offset === b.blob.offset && a.blob.length === b.blob.length) return true;
  return contentKey(a) === contentKey(b) && contentHash(a) === contentHash(b) && tensorsIdentical(a.tensor(), b.tensor());
}
