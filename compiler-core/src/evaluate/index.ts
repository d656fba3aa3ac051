/**
 * Runs graphs with the operators' own evaluation: the reference that checks, folding and self-tests are judged by.
 * Values are freed after their last use; constants are read when a node needs them, so that memory stays bounded by
 * what is live.
 */
import type { Attributes } from "../ir/attribute.ts";
import { describeNode, fusedDomain, type FunctionDefinition, type Graph, type NodeId, type OperatorNode, type RegionId, rootRegion, type ValueRef } from "../ir/graph.ts";
import { captures, topologicalOrder } from "../ir/order.ts";
import { contradiction } from "../ir/merge-types.ts";
import { typeOfTensor, type Tensor } from "../ir/tensor.ts";
import { attributeReader, bindAttributes, findOperator, isTensor, type EvaluateContext, type Value } from "../ops/index.ts";
import { GraphwrightError, located } from "../support/diagnostic.ts";
import { silentTask, type Task } from "../support/task.ts";

export interface EvaluateOptions {
  readonly task?: Task;
  /** for operators that draw random numbers and carry no seed of their own */
  readonly seed?: number;
  /** values to compute instead of the region's outputs */
  readonly wanted?: readonly ValueRef[];
  /** sees every value of the outermost region as it is made */
  readonly keep?: (ref: ValueRef, value: Value) => void;
  /** gives values that bodies capture and that are not computed in this run */
  readonly outer?: (ref: ValueRef) => Value | null | undefined;
}

/** Calls nested deeper than this are taken for a recursive function, which ONNX forbids. */
const deepestCall = 64;

/**
 * Evaluates the root region. `inputs` are by parameter name; a parameter with a fallback may be left out.
 * Gives one value for each output of the region (or each of `wanted`), in order.
 * Throws "missing-input", "wrong-input", "no-evaluator", and whatever an operator says of its inputs, with the node.
 */
export function evaluateGraph(graph: Graph, inputs: ReadonlyMap<string, Value>, options: EvaluateOptions = {}): Value[] {
  const bound = new Map<NodeId, Value>();
  const names = new Set<string>();
  for (const id of graph.root.parameters) {
    const node = graph.node(id);
    const output = node.outputs[0]!;
    names.add(output.name);
    const given = inputs.get(output.name);
    if (given !== undefined) {
      const wrong = isTensor(given) ? contradiction(typeOfTensor(given), output.type) : undefined;
      if (wrong !== undefined) throw new GraphwrightError("wrong-input", `input ${JSON.stringify(output.name)}: ${wrong}.`, undefined, `The model takes ${output.type.text}.`);
      bound.set(id, given);
    } else if (node.kind === "parameter" && node.fallback) bound.set(id, node.fallback.tensor());
  }
  for (const name of inputs.keys())
    if (!names.has(name)) throw new GraphwrightError("wrong-input", `the model has no input ${JSON.stringify(name)}.`, undefined, `Its inputs are ${[...names].map((n) => JSON.stringify(n)).join(", ") || "none"}.`);
  return evaluateValues(graph, bound, options.wanted ?? graph.root.outputs.map((o) => o.value), options);
}

/**
 * Evaluates `wanted` values of one region from given values of any nodes (boundary values of a region of interest, or
 * parameters): what the given values cover is not computed again. Used to check a rewrite on its own region.
 */
export function evaluateValues(graph: Graph, given: ReadonlyMap<NodeId, Value | readonly (Value | null)[]>, wanted: readonly ValueRef[], options: EvaluateOptions = {}): Value[] {
  const run = new Run(graph, options);
  const frame: Frame = { values: new Map(), parent: undefined, bindings: {}, depth: 0 };
  for (const [id, value] of given) frame.values.set(id, Array.isArray(value) ? [...(value as readonly (Value | null)[])] : [value as Value]);
  const region = wanted.length === 0 ? rootRegion : graph.node(wanted[0]!.node).region;
  return run.values(region, frame, wanted, true);
}

/** Evaluates one node on given inputs, for constant folding. What its bodies capture comes from `outer`. */
export function evaluateNode(graph: Graph, node: OperatorNode, inputs: readonly (Value | null)[], options: EvaluateOptions = {}): readonly (Value | null)[] {
  const run = new Run(graph, options);
  return run.node(node, inputs, { values: new Map(), parent: undefined, bindings: {}, depth: 0 });
}

/** True when evaluation is implemented for the node's operator (a function call counts by its existence). */
export function canEvaluate(graph: Graph, node: OperatorNode): boolean {
  return node.domain === fusedDomain || findOperator(node.domain, node.op)?.evaluate !== undefined || graph.functionOf(node) !== undefined;
}

/** Values of one running region. */
interface Frame {
  readonly values: Map<NodeId, (Value | null)[]>;
  /** the region around a body, where captures are looked up */
  readonly parent: Frame | undefined;
  /** attributes of the function call this frame runs in */
  readonly bindings: Attributes;
  readonly depth: number;
}

/** What running a region needs to know beforehand; the same for every run of a loop body. */
interface Plan {
  readonly order: readonly NodeId[];
  /** how many uses each node's values have among the planned nodes */
  readonly uses: ReadonlyMap<NodeId, number>;
  /** producers in this region that each node needs: inputs and captures of its bodies, with repetition */
  readonly needs: ReadonlyMap<NodeId, readonly NodeId[]>;
}

class Run {
  private readonly graph: Graph;
  private readonly options: EvaluateOptions;
  private readonly task: Task;
  private readonly plans = new Map<string, Plan>();
  private readonly orders = new Map<RegionId, readonly NodeId[]>();

  constructor(graph: Graph, options: EvaluateOptions) {
    this.graph = graph;
    this.options = options;
    this.task = options.task ?? silentTask;
  }

  values(region: RegionId, frame: Frame, wanted: readonly ValueRef[], outermost = false): Value[] {
    const plan = this.plan(region, wanted, outermost ? frame : undefined);
    const left = new Map(plan.uses);
    for (const [done, id] of plan.order.entries()) {
      this.task.check();
      const node = this.graph.node(id);
      if (node.kind !== "operator") continue;
      if (outermost) this.task.progress(done / plan.order.length, describeNode(node));
      const inputs = node.inputs.map((input) => (input ? this.lookup(input, frame, node) : null));
      const outputs = this.node(node, inputs, frame);
      frame.values.set(id, [...outputs]);
      if (outermost && this.options.keep) for (const [output, value] of outputs.entries()) if (value !== null && value !== undefined) this.options.keep({ node: id, output }, value);
      for (const producer of plan.needs.get(id) ?? []) {
        const count = left.get(producer)! - 1;
        left.set(producer, count);
        if (count === 0) frame.values.delete(producer);
      }
    }
    return wanted.map((ref) => {
      const value = this.lookup(ref, frame, undefined);
      return value;
    });
  }

  node(node: OperatorNode, inputs: readonly (Value | null)[], frame: Frame): readonly (Value | null)[] {
    const bound = bindAttributes(node, frame.bindings);
    return located({ node: describeNode(node) }, () => {
      const body = node.regions["body"];
      if (node.domain === fusedDomain && body !== undefined) return this.body(body, inputs, frame, frame.bindings);
      const definition = findOperator(bound.domain, bound.op);
      const callee = this.graph.functionOf(bound);
      if (callee && (!definition?.evaluate || bound.domain !== "")) return this.call(callee, bound, inputs, frame);
      if (!definition?.evaluate) {
        const name = bound.domain === "" ? bound.op : `${bound.domain}.${bound.op}`;
        throw new GraphwrightError(
          "no-evaluator",
          definition ? `${name} cannot be evaluated here.` : `${name} is not a known operator, so it cannot be evaluated.`,
          undefined,
          "It is shown and carried through import and export as it is; everything that does not depend on it can be evaluated.",
        );
      }
      const context: EvaluateContext = {
        node: bound,
        attributes: attributeReader(bound, definition),
        task: this.task,
        outputCount: bound.outputs.length,
        wanted: (output) => output < bound.outputs.length && (bound.outputs[output]!.name !== "" || this.graph.usesOf(bound.id).some((use) => use.output === output)),
        runBody: (name, parameters) => {
          const region = bound.regions[name];
          if (region === undefined) throw new GraphwrightError("missing-body", `the body "${name}" is missing.`);
          return this.body(region, parameters, frame, frame.bindings);
        },
        seed: this.options.seed ?? 0,
      };
      return definition.evaluate(inputs, context);
    });
  }

  private body(region: RegionId, parameters: readonly (Value | null)[], parent: Frame, bindings: Attributes): Value[] {
    const record = this.graph.region(region);
    const values = new Map<NodeId, (Value | null)[]>();
    for (const [index, id] of record.parameters.entries()) values.set(id, [parameters[index] ?? null]);
    return this.values(region, { values, parent, bindings, depth: parent.depth }, record.outputs.map((o) => o.value));
  }

  private call(callee: FunctionDefinition, node: OperatorNode, inputs: readonly (Value | null)[], frame: Frame): Value[] {
    if (frame.depth >= deepestCall) throw new GraphwrightError("deep-calls", `calls of functions are nested more than ${deepestCall} deep: the function calls itself.`);
    const record = this.graph.region(callee.region);
    const values = new Map<NodeId, (Value | null)[]>();
    for (const [index, id] of record.parameters.entries()) values.set(id, [inputs[index] ?? null]);
    const bindings: Attributes = { ...callee.attributeDefaults, ...node.attributes };
    return this.values(callee.region, { values, parent: undefined, bindings, depth: frame.depth + 1 }, record.outputs.slice(0, Math.max(1, node.outputs.length)).map((o) => o.value));
  }

  private lookup(ref: ValueRef, frame: Frame, user: OperatorNode | undefined): Value {
    for (let at: Frame | undefined = frame; at; at = at.parent) {
      const values = at.values.get(ref.node);
      if (!values) continue;
      const value = values[ref.output];
      if (value !== null && value !== undefined) return value;
      // An omitted optional input of a function stays omitted inside it.
      if (user) return null as unknown as Value;
      break;
    }
    const outer = this.options.outer?.(ref);
    if (outer !== null && outer !== undefined) return outer;
    const node = this.graph.node(ref.node);
    if (node.kind === "constant") return located({ node: describeNode(node) }, (): Tensor => node.value.tensor());
    if (node.kind === "parameter" && node.fallback) return node.fallback.tensor();
    const name = node.outputs[ref.output]?.name ?? "";
    throw new GraphwrightError("missing-input", node.kind === "parameter" ? `no value was given for input ${JSON.stringify(name)}.` : `the value ${JSON.stringify(name)} was not computed.`, { node: describeNode(node) });
  }

  private order(region: RegionId): readonly NodeId[] {
    let order = this.orders.get(region);
    if (!order) {
      order = topologicalOrder(this.graph, region);
      this.orders.set(region, order);
    }
    return order;
  }

  /** The nodes that `wanted` depends on, producers first, without those whose values are given. */
  private plan(region: RegionId, wanted: readonly ValueRef[], given: Frame | undefined): Plan {
    const key = given ? "" : `${region}:${wanted.map((w) => `${w.node}.${w.output}`).join(",")}`;
    const known = given ? undefined : this.plans.get(key);
    if (known) return known;
    const needed = new Set<NodeId>();
    const needs = new Map<NodeId, NodeId[]>();
    const pending = wanted.map((ref) => ref.node);
    while (pending.length > 0) {
      const id = pending.pop()!;
      if (needed.has(id) || given?.values.has(id)) continue;
      const node = this.graph.node(id);
      if (node.region !== region) continue;
      needed.add(id);
      if (node.kind !== "operator") continue;
      const producers = node.inputs.flatMap((input) => (input ? [input.node] : []));
      producers.push(...captures(this.graph, id));
      needs.set(id, producers);
      pending.push(...producers);
    }
    const uses = new Map<NodeId, number>();
    for (const producers of needs.values()) for (const producer of producers) uses.set(producer, (uses.get(producer) ?? 0) + 1);
    // What is wanted is never freed.
    for (const ref of wanted) uses.set(ref.node, Number.POSITIVE_INFINITY);
    const plan = { order: this.order(region).filter((id) => needed.has(id)), uses, needs };
    if (!given) this.plans.set(key, plan);
    return plan;
  }
}
