import type { Attribute } from "../../ir/attribute.ts";
import { ConstantValue } from "../../ir/constant.ts";
import { describeNode, type Graph, isFused, type Node, type NodeId, type OperatorNode, type RegionId, type ValueRef } from "../../ir/graph.ts";
import { topologicalOrder } from "../../ir/order.ts";
import { type Tensor, typeOfTensor } from "../../ir/tensor.ts";
import { unknownType, type ValueType } from "../../ir/value-type.ts";
import { frozenOpset } from "../../importers/onnx/carried.ts";
import type { ConversionContext, RawNode } from "../../ops/definition.ts";
import { findOperator } from "../../ops/index.ts";
import { downgradeNode, lowestOpset, needsDowngrade, newestOpset, sameForm } from "../../ops/versions.ts";
import { type Diagnostic, GraphwrightError } from "../../support/diagnostic.ts";
import type { Task } from "../../support/task.ts";

/** A node as it will be written. Inputs are resolved through fused groups. */
export interface PlannedNode {
  readonly kind: "node";
  readonly id: NodeId;
  raw: RawNode;
  readonly overload: string;
  readonly doc: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** by attribute name */
  readonly bodies: ReadonlyMap<string, PlannedGraph>;
}

export interface PlannedConstant {
  readonly kind: "constant";
  readonly id: NodeId;
  readonly value: ConstantValue;
  readonly storage: "initializer" | "node";
  readonly name: string;
  readonly nodeName: string;
  readonly doc: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export type PlannedItem = PlannedNode | PlannedConstant;

export interface PlannedGraph {
  readonly region: RegionId;
  /** in the order in which they are written */
  items: PlannedItem[];
}

export type Opsets = Record<string, number>;

/**
 * Lays a graph out for writing: topological order, fused groups replaced by their bodies, operator-set versions
 * chosen, nodes brought to the form of those versions. Nothing in the graph changes: what is added gets ids of its own.
 */
export class Planner {
  readonly diagnostics: Diagnostic[] = [];
  readonly graph: Graph;
  private readonly task: Task;
  private readonly extra: (id: NodeId) => Readonly<Record<string, string>> | undefined;
  /** values of fused groups and of the parameters of their bodies, by what they stand for */
  private readonly aliases = new Map<NodeId, readonly (ValueRef | null)[]>();
  /** names that inner values take over from the outputs of a fused group */
  private readonly outerNames = new Map<NodeId, string[]>();
  private readonly inlined = new Set<NodeId>();
  private readonly added = new Map<NodeId, { readonly type: ValueType; readonly constant?: Tensor }>();
  private nextId: NodeId;
  private planned = 0;

  constructor(graph: Graph, task: Task, extra: (id: NodeId) => Readonly<Record<string, string>> | undefined = () => undefined) {
    this.graph = graph;
    this.extra = extra;
    this.task = task;
    this.nextId = graph.nodes.length;
  }

  /** What a value stands for once fused groups are gone; null for an omitted one. */
  resolve(ref: ValueRef | null | undefined): ValueRef | null {
    let at = ref ?? null;
    for (let alias = at && this.aliases.get(at.node); at && alias; alias = at && this.aliases.get(at.node)) at = alias[at.output] ?? null;
    return at;
  }

  /** The name a value asks for. */
  wantedName(item: PlannedItem, output: number): string {
    return this.outerNames.get(item.id)?.[output] ?? (item.kind === "constant" ? item.name : (item.raw.outputs[output] ?? ""));
  }

  /** True for a value inside a fused group whose name nobody outside knows: it gives way to others. */
  isInner(item: PlannedItem, output: number): boolean {
    return this.inlined.has(item.id) && this.outerNames.get(item.id)?.[output] === undefined;
  }

  typeOf(ref: ValueRef | null | undefined): ValueType {
    return (ref && this.added.get(ref.node)?.type) ?? this.graph.type(ref);
  }

  plan(region: RegionId): PlannedGraph {
    const items: PlannedItem[] = [];
    this.flatten(region, items);
    return { region, items };
  }

  private flatten(region: RegionId, items: PlannedItem[]): void {
    const { graph } = this;
    for (const id of topologicalOrder(graph, region)) {
      if ((++this.planned & 1023) === 0) this.task.check();
      const node = graph.node(id);
      if (node.kind === "parameter") continue;
      if (node.kind === "constant") {
        const { value, storage, doc, name } = node;
        items.push({ kind: "constant", id, value, storage, name: node.outputs[0]?.name ?? "", nodeName: name, doc, metadata: this.metadataOf(node) });
      } else if (isFused(node)) this.inline(node, items);
      else {
        const raw: RawNode = {
          op: node.op,
          domain: node.domain,
          name: node.name,
          inputs: node.inputs.map((input) => this.resolve(input)),
          attributes: node.attributes as Record<string, Attribute>,
          regions: node.regions as Record<string, RegionId>,
          outputs: node.outputs.map((output) => output.name),
        };
        const bodies = new Map(Object.entries(node.regions).map(([name, body]) => [name, this.plan(body)]));
        items.push({ kind: "node", id, raw, overload: node.overload, doc: node.doc, metadata: this.metadataOf(node), bodies });
      }
    }
  }

  private metadataOf(node: Node): Readonly<Record<string, string>> {
    const extra = this.extra(node.id);
    return extra ? { ...node.metadata, ...extra } : node.metadata;
  }

  private inline(node: OperatorNode, items: PlannedItem[]): void {
    const body = node.regions.body;
    if (body === undefined) throw new GraphwrightError("fused-body", "the fused group has no body.", { node: describeNode(node) });
    const region = this.graph.region(body);
    for (const [index, parameter] of region.parameters.entries()) this.aliases.set(parameter, [this.resolve(node.inputs[index])]);
    const first = items.length;
    this.flatten(body, items);
    for (const item of items.slice(first)) this.inlined.add(item.id);
    const results = region.outputs.map((output) => this.resolve(output.value));
    this.aliases.set(node.id, results);
    // Of two outputs that are the same value the first gives the name; an outer group is asked last and wins.
    for (const [index, output] of [...node.outputs.entries()].reverse()) {
      const ref = results[index];
      if (!ref || output.name === "" || !this.isInside(ref.node, body)) continue;
      const names = this.outerNames.get(ref.node) ?? [];
      names[ref.output] = output.name;
      this.outerNames.set(ref.node, names);
    }
  }

  /** True for a node of the body itself or of a fused group in it. */
  private isInside(id: NodeId, body: RegionId): boolean {
    const region = this.graph.find(id)?.region;
    return region !== undefined && this.graph.enclosing(region).includes(body);
  }

  /**
   * The operator-set versions to write: `base` where it holds every node, else the lowest that does. `asked` tells
   * the message that a person chose the version.
   */
  chooseOpsets(plan: PlannedGraph, base: Readonly<Opsets>, asked: boolean): Opsets {
    const opsets: Opsets = { ...base };
    const raised = new Map<string, { readonly node: string; readonly reason: string }>();
    const checked = new Map<string, boolean>();
    for (const node of allNodes(plan)) {
      const { raw } = node;
      if (frozenOpset(raw.domain) !== undefined) continue;
      const version = (opsets[raw.domain] ??= newestOpset(raw.domain) ?? 1);
      const key = `${raw.domain}/${raw.op}/${version}`;
      let needed = checked.get(key);
      if (needed === undefined) checked.set(key, (needed = needsDowngrade(raw.domain, raw.op, version)));
      if (!needed) continue;
      const lowest = lowestOpset(raw, version, this.context(() => {}));
      if (lowest.opset > version) {
        opsets[raw.domain] = lowest.opset;
        raised.set(raw.domain, { node: this.describe(node), reason: lowest.reason ?? "" });
      }
    }
    for (const [domain, { node, reason }] of raised)
      this.diagnostics.push({
        severity: asked && domain === "" ? "warning" : "info",
        code: "opset-raised",
        message: `operator set ${opsets[domain]} of ${domain || "ai.onnx"} is written instead of ${base[domain]}: ${reason}.`,
        where: { node },
      });
    for (const node of raised.size > 0 ? allNodes(plan) : []) {
      const { domain, op } = node.raw;
      if (!raised.has(domain) || findOperator(domain, op)) continue;
      this.diagnostics.push({
        severity: "warning",
        code: "opset-raised",
        message: `${op} is not known here: it is written for operator set ${opsets[domain]} of ${domain || "ai.onnx"} as it stood in ${base[domain]}.`,
        where: { node: this.describe(node) },
      });
    }
    return opsets;
  }

  /** Brings every node to the form of the operator sets. */
  lower(plan: PlannedGraph, opsets: Readonly<Opsets>): void {
    const items: PlannedItem[] = [];
    for (const item of plan.items) {
      if (item.kind === "node") {
        for (const body of item.bodies.values()) this.lower(body, opsets);
        this.lowerNode(item, opsets, items);
      }
      items.push(item);
    }
    plan.items = items;
  }

  private lowerNode(item: PlannedNode, opsets: Readonly<Opsets>, before: PlannedItem[]): void {
    const frozen = frozenOpset(item.raw.domain);
    if (frozen !== undefined) {
      if (!sameForm("", item.raw.op, frozen, opsets[""] ?? frozen))
        throw new GraphwrightError("opset", `${item.raw.op} as version ${frozen} has it cannot be written for operator set ${opsets[""]}.`, { node: this.describe(item) }, `Export for operator set ${frozen}.`);
      item.raw = { ...item.raw, domain: "" };
      return;
    }
    const version = opsets[item.raw.domain];
    if (version === undefined || !needsDowngrade(item.raw.domain, item.raw.op, version)) return;
    const { raw } = item;
    item.raw = { ...raw, inputs: [...raw.inputs], attributes: { ...raw.attributes }, regions: { ...raw.regions }, outputs: [...raw.outputs] };
    const problem = downgradeNode(
      item.raw,
      version,
      this.context((added) => {
        if (added.kind === "node") this.lowerNode(added, opsets, before);
        before.push(added);
      }),
    );
    if (problem) throw new GraphwrightError("opset", `${raw.op} cannot be written for operator set ${version}: ${problem.reason}.`, { node: this.describe(item) });
  }

  private context(add: (item: PlannedItem) => void): ConversionContext {
    const plain = { nodeName: "", doc: "", metadata: {}, overload: "", bodies: new Map<string, PlannedGraph>() };
    return {
      type: (ref) => this.typeOf(ref),
      constant: (ref) => (ref && this.added.get(ref.node)?.constant) ?? this.graph.constant(ref)?.tensor(),
      addConstant: (tensor, name) => {
        const id = this.nextId++;
        this.added.set(id, { type: typeOfTensor(tensor), constant: tensor });
        add({ ...plain, kind: "constant", id, value: ConstantValue.of(tensor), storage: "initializer", name });
        return { node: id, output: 0 };
      },
      addNode: (op, inputs, attributes, hint) => {
        const id = this.nextId++;
        this.added.set(id, { type: unknownType });
        add({ ...plain, kind: "node", id, raw: { op, domain: "", name: "", inputs, attributes: attributes ?? {}, regions: {}, outputs: [hint ?? op] } });
        return { node: id, output: 0 };
      },
    };
  }

  private describe(item: PlannedNode): string {
    const node = this.graph.find(item.id);
    return node ? describeNode(node) : item.raw.op;
  }
}

/** Every node of a plan, those of bodies included. */
export function* allNodes(plan: PlannedGraph): IterableIterator<PlannedNode> {
  for (const item of plan.items) {
    if (item.kind !== "node") continue;
    yield item;
    for (const body of item.bodies.values()) yield* allNodes(body);
  }
}
