import type { Diagnostic } from "../support/diagnostic.ts";
import { Heap } from "../support/heap.ts";
import type { VectorBuilder } from "../support/persistent-vector.ts";
import { type Attributes, noAttributes } from "./attribute.ts";
import type { ConstantValue } from "./constant.ts";
import type { Delta, DeltaLabel, ProvenanceEntry } from "./delta.ts";
import type { Dim } from "./dim.ts";
import {
  describeNode,
  Graph,
  type ConstantNode,
  type ModelInfo,
  type Node,
  type NodeId,
  type NodeOutput,
  type OperatorNode,
  type ParameterNode,
  type Region,
  type RegionId,
  type RegionOutput,
  rootRegion,
  sameValue,
  type Use,
  type ValueRef,
} from "./graph.ts";
import { contradiction, mergeTypes } from "./merge-types.ts";
import { toNumbers } from "./tensor.ts";
import type { InferContext, InferredOutput, TypeRules } from "./type-rules.ts";
import { longList, sameUse, type Uses, UseTable } from "./use-list.ts";
import { unknownType, type ValueType } from "./value-type.ts";

export interface OperatorSpec {
  readonly op: string;
  readonly domain?: string;
  readonly overload?: string;
  readonly inputs: readonly (ValueRef | null)[];
  readonly attributes?: Attributes;
  /** output names; types are inferred, and what is given here fills in what inference leaves open */
  readonly outputs: readonly (string | { readonly name: string; readonly type?: ValueType })[];
  readonly name?: string;
  readonly doc?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly regions?: Readonly<Record<string, RegionId>>;
  readonly region?: RegionId;
  /** defaults to the end; a rewrite passes the order of the node it replaces */
  readonly order?: number;
}

export interface ConstantSpec {
  readonly value: ConstantValue;
  readonly name: string;
  readonly storage?: "initializer" | "node";
  readonly nodeName?: string;
  readonly doc?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly region?: RegionId;
  readonly order?: number;
}

export interface ParameterSpec {
  readonly name: string;
  readonly type: ValueType;
  readonly region?: RegionId;
  readonly fallback?: ConstantValue;
  readonly doc?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export type NodePatch = Partial<Pick<OperatorNode, "op" | "domain" | "attributes" | "name" | "doc" | "metadata" | "order">> & {
  readonly inputs?: readonly (ValueRef | null)[];
  readonly outputs?: readonly NodeOutput[];
};

/** Elements of larger integer constants are not followed by shape arithmetic. */
const knownLimit = 64;

/**
 * The only way to change a graph. Collects edits on a base version; `commit` gives the new version and the delta.
 * Reads (`node`, `type`, `usesOf`, ...) see the edits made so far. Types of new and affected nodes are inferred as
 * edits are made. A rewriter that is dropped without `commit` has changed nothing.
 */
export class Rewriter {
  readonly base: Graph;
  readonly diagnostics: Diagnostic[] = [];
  private readonly rules: TypeRules | undefined;
  private readonly nodes: VectorBuilder<Node | undefined>;
  private readonly uses: VectorBuilder<Uses | undefined>;
  private readonly regions: VectorBuilder<Region | undefined>;
  private readonly touched = new Set<NodeId>();
  private readonly touchedRegions = new Set<RegionId>();
  /** use lists that this rewriter made itself and may change in place */
  private readonly ownUses = new Set<NodeId>();
  /** nodes to infer again; the queue gives them producers first and may hold some that are done */
  private readonly stale = new Set<NodeId>();
  private readonly queue = new Heap<Queued>((a, b) => a.order < b.order || (a.order === b.order && a.id < b.id));
  private readonly replaced: [ValueRef, ValueRef][] = [];
  private readonly provenance: ProvenanceEntry[] = [];
  private info: ModelInfo;
  private nextOrder: number | undefined;

  constructor(base: Graph, rules?: TypeRules) {
    this.base = base;
    this.rules = rules;
    this.nodes = base.nodes.builder();
    this.uses = base.uses.builder();
    this.regions = base.regions.builder();
    this.info = base.info;
  }

  // ---- reading the edited state

  find(id: NodeId): Node | undefined {
    return this.nodes.get(id);
  }

  node(id: NodeId): Node {
    const node = this.nodes.get(id);
    if (!node) throw new RangeError(`no node ${id}`);
    return node;
  }

  operator(id: NodeId): OperatorNode | undefined {
    const node = this.nodes.get(id);
    return node?.kind === "operator" ? node : undefined;
  }

  region(id: RegionId): Region {
    const region = this.regions.get(id);
    if (!region) throw new RangeError(`no region ${id}`);
    return region;
  }

  type(ref: ValueRef | null | undefined): ValueType {
    return ref ? (this.nodes.get(ref.node)?.outputs[ref.output]?.type ?? unknownType) : unknownType;
  }

  constant(ref: ValueRef | null | undefined): ConstantValue | undefined {
    const node = ref ? this.nodes.get(ref.node) : undefined;
    return node?.kind === "constant" ? node.value : undefined;
  }

  usesOf(id: NodeId): readonly Use[] {
    const uses = this.uses.get(id) ?? [];
    return uses instanceof UseTable ? uses.toArray() : uses;
  }

  isUsed(id: NodeId): boolean {
    return (this.uses.get(id)?.length ?? 0) > 0;
  }

  usesOfValue(ref: ValueRef): readonly Use[] {
    return this.usesOf(ref.node).filter((use) => use.output === ref.output);
  }

  /** Elements of a small integer value as dimensions, where they are known. */
  known(ref: ValueRef | null | undefined): readonly Dim[] | undefined {
    const node = ref ? this.nodes.get(ref.node) : undefined;
    if (!node || !ref) return undefined;
    if (node.kind !== "constant") return node.outputs[ref.output]?.known;
    const { element, shape } = node.value.type;
    if ((element !== "int64" && element !== "int32") || shape === null || shape.length > 1 || node.value.count > knownLimit) return undefined;
    return Array.from(toNumbers(node.value.tensor()));
  }

  // ---- adding

  addParameter(spec: ParameterSpec): ValueRef {
    const region = spec.region ?? rootRegion;
    const id = this.insert({
      kind: "parameter",
      region,
      name: "",
      inputs: [],
      outputs: [{ name: spec.name, type: spec.type }],
      doc: spec.doc ?? "",
      metadata: spec.metadata ?? noMetadata,
      order: -1,
      ...(spec.fallback ? { fallback: spec.fallback } : {}),
    });
    const record = this.region(region);
    this.writeRegion({ ...record, parameters: [...record.parameters, id] });
    return { node: id, output: 0 };
  }

  addConstant(spec: ConstantSpec): ValueRef {
    const id = this.insert({
      kind: "constant",
      region: spec.region ?? rootRegion,
      name: spec.nodeName ?? "",
      inputs: [],
      outputs: [{ name: spec.name, type: spec.value.type }],
      doc: spec.doc ?? "",
      metadata: spec.metadata ?? noMetadata,
      order: spec.order ?? this.takeOrder(),
      value: spec.value,
      storage: spec.storage ?? "initializer",
    });
    return { node: id, output: 0 };
  }

  /** Adds an operator node (or call, or fused group) and infers its types. Its inputs must exist. */
  addNode(spec: OperatorSpec): NodeId {
    for (const input of spec.inputs) if (input && !this.nodes.get(input.node)) throw new RangeError(`${spec.op}: no producer ${input.node}`);
    const id = this.insert({
      kind: "operator",
      region: spec.region ?? rootRegion,
      name: spec.name ?? "",
      inputs: spec.inputs,
      outputs: spec.outputs.map((o) => (typeof o === "string" ? { name: o, type: unknownType } : { name: o.name, type: o.type ?? unknownType })),
      doc: spec.doc ?? "",
      metadata: spec.metadata ?? noMetadata,
      order: spec.order ?? this.takeOrder(),
      domain: spec.domain ?? "",
      op: spec.op,
      overload: spec.overload ?? "",
      attributes: spec.attributes ?? noAttributes,
      regions: spec.regions ?? noRegions,
    });
    for (const region of Object.values(spec.regions ?? noRegions)) this.writeRegion({ ...this.region(region), owner: id });
    this.infer(id);
    return id;
  }

  /** A new empty region, to be given to `addNode` or to a function. */
  addRegion(name = "", doc = ""): RegionId {
    const id = this.regions.length;
    this.regions.push(undefined);
    this.writeRegion({ id, owner: null, name, doc, parameters: [], outputs: [] });
    return id;
  }

  /** Names a region and its documentation (importers). */
  describeRegion(id: RegionId, name: string, doc: string): void {
    this.writeRegion({ ...this.region(id), name, doc });
  }

  addOutput(region: RegionId, output: { name: string; value: ValueRef; declared?: ValueType; doc?: string }): void {
    const record = this.region(region);
    const entry: RegionOutput = { name: output.name, value: output.value, declared: output.declared ?? unknownType, doc: output.doc ?? "" };
    this.addUse(output.value, { kind: "result", output: output.value.output, region, index: record.outputs.length });
    this.writeRegion({ ...record, outputs: [...record.outputs, entry] });
  }

  /** Leaves a region without outputs, for looking at other values of it. */
  clearOutputs(region: RegionId): void {
    const record = this.region(region);
    for (const [index, output] of record.outputs.entries()) this.dropUse(output.value, { kind: "result", output: output.value.output, region, index });
    this.writeRegion({ ...record, outputs: [] });
  }

  setInfo(info: ModelInfo): void {
    const functions = info.functions === this.info.functions ? [] : info.functions;
    this.info = info;
    // Calls that were added before their function was known get their types now.
    if (functions.length === 0) return;
    const names = new Set(functions.map((f) => `${f.domain}:${f.name}`));
    for (let id = 0; id < this.nodes.length; id++) {
      const node = this.nodes.get(id);
      if (node?.kind === "operator" && names.has(`${node.domain}:${node.op}`)) this.markStale(id);
    }
  }

  // ---- changing

  /** Changes fields of a node in place (same id). Types downstream are inferred again at commit. */
  update(id: NodeId, patch: NodePatch): void {
    const before = this.node(id);
    if (patch.inputs) {
      for (const [index, input] of before.inputs.entries())
        if (input && !sameValue(input, patch.inputs[index])) this.dropUse(input, { kind: "input", output: input.output, user: id, index });
      for (const [index, input] of patch.inputs.entries())
        if (input && !sameValue(input, before.inputs[index])) this.addUse(input, { kind: "input", output: input.output, user: id, index });
    }
    this.write({ ...before, ...patch } as Node);
    this.markStale(id);
  }

  setInput(id: NodeId, index: number, ref: ValueRef | null): void {
    const inputs = [...this.node(id).inputs];
    while (inputs.length <= index) inputs.push(null);
    inputs[index] = ref;
    this.update(id, { inputs });
  }

  /** Makes every user of `from` (nodes and region outputs) use `to`. Region output names stay. */
  replaceUses(from: ValueRef, to: ValueRef, except?: NodeId): void {
    for (const use of this.usesOfValue(from)) {
      if (use.kind === "input") {
        if (use.user !== except) this.setInput(use.user, use.index, to);
      } else this.setOutput(use.region, use.index, to);
    }
    this.replaced.push([from, to]);
  }

  setOutput(region: RegionId, index: number, value: ValueRef): void {
    const record = this.region(region);
    const before = record.outputs[index];
    if (!before) throw new RangeError(`region ${region} has no output ${index}`);
    this.dropUse(before.value, { kind: "result", output: before.value.output, region, index });
    this.addUse(value, { kind: "result", output: value.output, region, index });
    const outputs = [...record.outputs];
    outputs[index] = { ...before, value };
    this.writeRegion({ ...record, outputs });
  }

  /** Removes a node (and its bodies). Throws when something still uses it. */
  remove(id: NodeId): void {
    const node = this.node(id);
    if (this.isUsed(id)) throw new RangeError(`${describeNode(node)} is still used`);
    this.removeUnchecked(node);
  }

  /**
   * Removes those of `candidates` that nothing uses, and then whatever only they used. Parameters stay.
   * Returns the removed ids.
   */
  removeDead(candidates: Iterable<NodeId>): NodeId[] {
    const removed: NodeId[] = [];
    const pending = [...candidates];
    while (pending.length > 0) {
      const id = pending.pop() as NodeId;
      const node = this.nodes.get(id);
      if (!node || node.kind === "parameter" || this.isUsed(id)) continue;
      const sources = this.sourcesOf(node);
      this.removeUnchecked(node);
      removed.push(id);
      pending.push(...sources);
    }
    return removed;
  }

  /** Records how new nodes came from old ones; what is not recorded comes from the whole match. */
  derive(kind: ProvenanceEntry["kind"], from: readonly NodeId[], to: readonly NodeId[]): void {
    this.provenance.push({ kind, from: [...from], to: [...to] });
  }

  /** The new version and its delta. The rewriter must not be used afterwards. */
  commit(label: DeltaLabel): { graph: Graph; delta: Delta } {
    this.inferStale();
    const added: Node[] = [];
    const removed: Node[] = [];
    const updated: [Node, Node][] = [];
    for (const id of this.touched) {
      const before = this.base.nodes.get(id);
      const after = this.nodes.get(id);
      if (before === after) continue;
      if (!before) added.push(after as Node);
      else if (!after) removed.push(before);
      else updated.push([before, after]);
    }
    const regions: [Region | undefined, Region | undefined][] = [];
    for (const id of this.touchedRegions) {
      const before = this.base.regions.get(id);
      const after = this.regions.get(id);
      if (before !== after) regions.push([before, after]);
    }
    const graph = new Graph(this.nodes.freeze(), this.uses.freeze(), this.regions.freeze(), this.info);
    const delta: Delta = {
      ...label,
      added,
      removed,
      updated,
      regions,
      replaced: this.replaced,
      provenance: this.completeProvenance(label, added, removed),
      ...(this.info === this.base.info ? {} : { info: [this.base.info, this.info] as const }),
    };
    return { graph, delta };
  }

  // ---- inside

  private completeProvenance(label: DeltaLabel, added: readonly Node[], removed: readonly Node[]): ProvenanceEntry[] {
    const recorded = new Set(this.provenance.flatMap((entry) => entry.to));
    const gone = new Set(this.provenance.flatMap((entry) => entry.from));
    const from = label.matched.filter((id) => this.base.has(id));
    const entries = [...this.provenance];
    // A body's parameter is a name for what is passed in: it comes from nothing.
    const orphans = added.filter((node) => node.kind !== "parameter" && !recorded.has(node.id)).map((node) => node.id);
    if (orphans.length > 0 && from.length > 0)
      entries.push({ kind: from.length > orphans.length ? "fuse" : from.length < orphans.length ? "split" : "replace", from, to: orphans });
    // A removed node becomes what its values were replaced by; with no replacement it was eliminated.
    const left = removed.filter((node) => !gone.has(node.id) && !(orphans.length > 0 && from.includes(node.id)));
    for (const node of left) {
      const heirs = new Set(this.replaced.filter(([old]) => old.node === node.id).map(([, now]) => now.node));
      entries.push({ kind: "eliminate", from: [node.id], to: [...heirs].filter((id) => this.nodes.get(id)) });
    }
    return entries;
  }

  private sourcesOf(node: Node): NodeId[] {
    const sources = node.inputs.filter((i): i is ValueRef => i !== null).map((i) => i.node);
    if (node.kind === "operator")
      for (const region of Object.values(node.regions))
        for (const inner of this.membersOf(region)) {
          const record = this.node(inner);
          sources.push(...this.sourcesOf(record).filter((id) => this.nodes.get(id)?.region !== region));
        }
    return sources;
  }

  /** Nodes directly in a region, in the edited state. Bodies are small beside the graph: scanned from ids. */
  private membersOf(region: RegionId): NodeId[] {
    const members: NodeId[] = this.base.regions.get(region) ? this.base.members(region).filter((id) => this.nodes.get(id)?.region === region) : [];
    for (let id = this.base.nodes.length; id < this.nodes.length; id++) if (this.nodes.get(id)?.region === region) members.push(id);
    return members;
  }

  private removeUnchecked(node: Node): void {
    if (node.kind === "operator")
      for (const region of Object.values(node.regions)) {
        for (const [index, output] of this.region(region).outputs.entries())
          this.dropUse(output.value, { kind: "result", output: output.value.output, region, index });
        // Users come after producers in a body; removing from the end keeps use lists short.
        for (const inner of this.membersOf(region).reverse()) this.removeUnchecked(this.node(inner));
        this.regions.set(region, undefined);
        this.touchedRegions.add(region);
      }
    if (node.kind === "parameter") {
      const record = this.regions.get(node.region);
      if (record) this.writeRegion({ ...record, parameters: record.parameters.filter((id) => id !== node.id) });
    }
    for (const [index, input] of node.inputs.entries()) if (input) this.dropUse(input, { kind: "input", output: input.output, user: node.id, index });
    this.nodes.set(node.id, undefined);
    this.uses.set(node.id, undefined);
    this.touched.add(node.id);
    this.stale.delete(node.id);
  }

  private takeOrder(): number {
    this.nextOrder ??= this.nodes.length;
    return this.nextOrder++;
  }

  private insert(record: Omit<ParameterNode, "id"> | Omit<ConstantNode, "id"> | Omit<OperatorNode, "id">): NodeId {
    const id = this.nodes.length;
    const node = Object.freeze({ id, ...record }) as Node;
    this.nodes.push(node);
    this.uses.push(undefined);
    this.touched.add(id);
    for (const [index, input] of node.inputs.entries()) if (input) this.addUse(input, { kind: "input", output: input.output, user: id, index });
    return id;
  }

  private write(node: Node): void {
    this.nodes.set(node.id, Object.freeze(node));
    this.touched.add(node.id);
  }

  private writeRegion(region: Region): void {
    this.regions.set(region.id, Object.freeze(region));
    this.touchedRegions.add(region.id);
  }

  private addUse(ref: ValueRef, use: Use): void {
    const uses = this.uses.get(ref.node);
    if (uses instanceof UseTable) this.uses.set(ref.node, uses.with(use));
    else if (uses && uses.length >= longList) this.uses.set(ref.node, UseTable.of(uses).with(use));
    else this.ownUsesOf(ref.node, uses).push(use);
  }

  private dropUse(ref: ValueRef, use: Use): void {
    const uses = this.uses.get(ref.node);
    if (!uses) return;
    if (uses instanceof UseTable) {
      this.uses.set(ref.node, uses.without(use));
      return;
    }
    const own = this.ownUsesOf(ref.node, uses);
    const at = own.findIndex((each) => sameUse(each, use));
    if (at >= 0) own.splice(at, 1);
  }

  private ownUsesOf(id: NodeId, uses: readonly Use[] | undefined): Use[] {
    if (uses && this.ownUses.has(id)) return uses as Use[];
    const copy = uses ? [...uses] : [];
    this.uses.set(id, copy);
    this.ownUses.add(id);
    return copy;
  }

  private markStale(id: NodeId): void {
    if (this.stale.has(id)) return;
    this.stale.add(id);
    this.queue.push({ id, order: this.node(id).order });
  }

  private inferStale(): void {
    // Producers first: one pass over each affected node in the common case.
    for (let next = this.queue.pop(); next; next = this.queue.pop()) if (this.stale.delete(next.id)) this.infer(next.id);
  }

  private comesBefore(a: NodeId, b: NodeId): boolean {
    const x = this.node(a).order;
    const y = this.node(b).order;
    return x < y || (x === y && a < b);
  }

  private infer(id: NodeId): void {
    const node = this.operator(id);
    if (!node || !this.rules) return;
    const inferred = this.rules.infer(node, this.contextFor(node));
    let changed = false;
    const outputs = node.outputs.map((output, index): NodeOutput => {
      const result = inferred[index];
      if (!result) return output;
      const wrong = contradiction(result.type, output.type);
      if (wrong !== undefined && !this.base.has(id))
        this.diagnostics.push({
          severity: "warning",
          code: "type-contradiction",
          message: `the model declares ${output.type.text} for ${JSON.stringify(output.name)}, but ${node.op} gives ${result.type.text}: ${wrong}.`,
          where: { node: describeNode(node) },
        });
      const type = wrong === undefined ? mergeTypes(result.type, output.type) : result.type;
      const known = result.known;
      if (type === output.type && sameKnown(known, output.known)) return output;
      changed = true;
      return known ? { name: output.name, type, known } : { name: output.name, type };
    });
    if (!changed) return;
    const current = this.node(id) as OperatorNode;
    this.write({ ...current, outputs });
    for (const use of this.usesOf(id)) if (use.kind === "input") this.markStale(use.user);
    else this.markOwner(use.region);
  }

  /** A body's result changed its type: the node that owns the body is inferred again. */
  private markOwner(region: RegionId): void {
    const owner = this.regions.get(region)?.owner;
    if (owner !== null && owner !== undefined && this.nodes.get(owner)) this.markStale(owner);
  }

  private contextFor(node: OperatorNode): InferContext {
    return {
      type: (index) => this.type(node.inputs[index]),
      constant: (index) => this.constant(node.inputs[index]),
      known: (index) => this.known(node.inputs[index]),
      typeOf: (ref) => this.type(ref),
      inferBody: (region, parameters) => this.inferBody(region, parameters),
      opset: this.info.opsets[node.domain] ?? 1,
      report: (diagnostic) => {
        this.diagnostics.push({ ...diagnostic, where: { node: describeNode(node), ...diagnostic.where } });
      },
      graph: {
        node: (id) => this.node(id),
        region: (id) => this.region(id),
        members: (id) => this.membersOf(id).sort((a, b) => (this.comesBefore(a, b) ? -1 : 1)),
        functionOf: (call) => this.info.functions.find((f) => f.domain === call.domain && f.name === call.op && f.overload === call.overload),
      },
    };
  }

  private inferBody(id: RegionId, parameters: readonly InferredOutput[]): readonly InferredOutput[] {
    const region = this.region(id);
    let changed = false;
    for (const [index, parameter] of region.parameters.entries()) {
      const given = parameters[index];
      const node = this.node(parameter);
      const output = node.outputs[0] as NodeOutput;
      if (!given) continue;
      const type = mergeTypes(given.type, output.type);
      if (type === output.type && sameKnown(given.known, output.known)) continue;
      this.write({ ...node, outputs: [given.known ? { name: output.name, type, known: given.known } : { name: output.name, type }] } as Node);
      changed = true;
    }
    if (changed) {
      const members = this.membersOf(id).sort((a, b) => (this.comesBefore(a, b) ? -1 : 1));
      for (const member of members) {
        this.stale.delete(member);
        this.infer(member);
      }
    }
    return region.outputs.map((output) => {
      const known = this.known(output.value);
      return known ? { type: this.type(output.value), known } : { type: this.type(output.value) };
    });
  }
}

interface Queued {
  readonly id: NodeId;
  readonly order: number;
}

const noMetadata: Readonly<Record<string, string>> = Object.freeze({});
const noRegions: Readonly<Record<string, RegionId>> = Object.freeze({});

function sameKnown(a: readonly Dim[] | undefined, b: readonly Dim[] | undefined): boolean {
  return a === b || (!!a && !!b && a.length === b.length && a.every((d, i) => d === b[i]));
}

