import { type Attributes, noAttributes } from "../ir/attribute.ts";
import type { ConstantValue } from "../ir/constant.ts";
import { describeNode, type FunctionDefinition, type Graph, type Node, type NodeId, type OperatorNode, qualifiedOp, type RegionId, type ValueRef } from "../ir/graph.ts";
import { captures, topologicalOrder } from "../ir/order.ts";
import type { Tensor } from "../ir/tensor.ts";
import { attributeReader, bindAttributes, type EvaluateContext, findOperator, type Value } from "../ops/index.ts";
import { GraphwrightError, located } from "../support/diagnostic.ts";
import { CancelledError, silentTask, type Task } from "../support/task.ts";
import type { Accelerator } from "./accelerator.ts";
import { checkInputs } from "./schema-check.ts";

type Outputs = readonly (Value | null | undefined)[];

/** One activation of a region: the values computed so far, by node. Bodies look up captures through `outer`. */
interface Scope {
  readonly values: Map<NodeId, Outputs>;
  readonly outer: Scope | undefined;
  /** attributes of the enclosing function's call */
  readonly bindings: Attributes;
}

/** What has to run in a region for some wanted values, and when a value is no longer needed. */
interface Plan {
  readonly order: readonly OperatorNode[];
  /** producers whose values can go after the step of the same index */
  readonly released: readonly (readonly NodeId[])[];
}

export interface EvaluationOptions {
  readonly task?: Task;
  /** seed of operators that draw random numbers without a seed of their own */
  readonly seed?: number;
  /** called with every value an operator of the evaluated region computes, before it may be freed */
  readonly keep?: (ref: ValueRef, value: Value) => void;
  /** gives values that bodies capture and that are not computed in this evaluation */
  readonly outer?: (ref: ValueRef) => Value | null | undefined;
  /** asked first for every node with an operator of its own */
  readonly accelerator?: Accelerator;
}

/** Constants up to this size are kept once read: bodies of loops read them again and again. */
const constantCacheBytes = 1 << 20;
/** Calls nested deeper than this are taken for a recursive function, which ONNX forbids. */
const deepestCall = 64;

/** Runs regions of one graph. */
export class Evaluation {
  private readonly graph: Graph;
  private readonly task: Task;
  private readonly seed: number;
  private readonly keep: ((ref: ValueRef, value: Value) => void) | undefined;
  private readonly outer: ((ref: ValueRef) => Value | null | undefined) | undefined;
  private readonly accelerator: Accelerator | undefined;
  private readonly plans = new Map<RegionId, Plan>();
  private readonly constants = new Map<NodeId, Tensor>();
  private depth = 0;

  constructor(graph: Graph, options: EvaluationOptions = {}) {
    this.graph = graph;
    this.task = options.task ?? silentTask;
    this.seed = options.seed ?? 0;
    this.keep = options.keep;
    this.outer = options.outer;
    this.accelerator = options.accelerator;
  }

  /** Evaluates what `wanted` needs in a region, step by step; `given` holds parameters and any other known values. */
  *steps(region: RegionId, wanted: readonly ValueRef[], given: ReadonlyMap<NodeId, Outputs>): Generator<void, (Value | null)[]> {
    const scope: Scope = { values: new Map(given), outer: undefined, bindings: noAttributes };
    const plan = this.planFor(region, wanted, given);
    for (const [at, node] of plan.order.entries()) {
      this.task.progress(at / plan.order.length, `Evaluating ${describeNode(node)}`);
      this.step(plan, at, scope, this.keep);
      yield;
    }
    return wanted.map((ref) => this.valueOf(ref, scope));
  }

  /** Values of one node. */
  node(node: OperatorNode, inputs: readonly (Value | null)[]): readonly (Value | null)[] {
    return this.evaluateNode(node, inputs, { values: new Map(), outer: undefined, bindings: noAttributes });
  }

  private runRegion(region: RegionId, parameters: readonly (Value | null)[], outer: Scope | undefined, bindings: Attributes): Value[] {
    const record = this.graph.region(region);
    const values = new Map<NodeId, Outputs>(record.parameters.map((id, index) => [id, [parameters[index] ?? null]]));
    const scope: Scope = { values, outer, bindings };
    let plan = this.plans.get(region);
    if (!plan) {
      plan = this.planFor(region, record.outputs.map((o) => o.value), values);
      this.plans.set(region, plan);
    }
    for (let at = 0; at < plan.order.length; at++) this.step(plan, at, scope, undefined);
    return record.outputs.map((output) => this.valueOf(output.value, scope) as Value);
  }

  private step(plan: Plan, at: number, scope: Scope, keep: ((ref: ValueRef, value: Value) => void) | undefined): void {
    this.task.check();
    const node = plan.order[at]!;
    const inputs = node.inputs.map((ref) => (ref ? this.valueOf(ref, scope) : null));
    const outputs = this.evaluateNode(node, inputs, scope);
    const given = scope.values.get(node.id);
    scope.values.set(node.id, given ? outputs.map((value, index) => given[index] ?? value) : outputs);
    if (keep) for (const [index, value] of outputs.entries()) if (value) keep({ node: node.id, output: index }, value);
    for (const id of plan.released[at]!) scope.values.delete(id);
  }

  private evaluateNode(original: OperatorNode, inputs: readonly (Value | null)[], scope: Scope): readonly (Value | null)[] {
    const where = { node: describeNode(original) };
    const definition = findOperator(original.domain, original.op);
    const callee = definition ? undefined : this.graph.functionOf(original);
    return located(where, () => {
      const node = bindAttributes(original, scope.bindings);
      if (callee) return this.call(callee, node, inputs);
      if (!definition?.evaluate) throw noEvaluator(node, !!definition);
      checkInputs(definition, inputs);
      const accelerated = this.accelerator?.run(node, inputs);
      if (accelerated) return accelerated;
      const context: EvaluateContext = {
        node,
        attributes: attributeReader(node, definition),
        task: this.task,
        outputCount: node.outputs.length,
        wanted: (output) => (node.outputs[output]?.name ?? "") !== "",
        runBody: (name, parameters) => {
          const region = node.regions[name];
          if (region === undefined) throw new GraphwrightError("missing-attribute", `the body "${name}" is missing.`);
          return this.runRegion(region, parameters, scope, scope.bindings);
        },
        seed: this.seed,
      };
      try {
        return definition.evaluate(inputs, context);
      } catch (error) {
        if (error instanceof GraphwrightError || error instanceof CancelledError) throw error;
        throw new GraphwrightError("evaluation-failed", `the evaluation stopped: ${(error as Error).message}.`, undefined, "The inputs may not be what the operator expects, or memory ran out.");
      }
    });
  }

  private call(callee: FunctionDefinition, node: OperatorNode, inputs: readonly (Value | null)[]): Value[] {
    for (const name of callee.attributeNames)
      if (!node.attributes[name]) throw new GraphwrightError("missing-attribute", `the function ${qualifiedOp(node)} needs the attribute "${name}".`);
    if (this.depth >= deepestCall) throw new GraphwrightError("recursive-function", `the function ${qualifiedOp(node)} calls itself.`);
    this.depth++;
    try {
      return this.runRegion(callee.region, inputs, undefined, { ...callee.attributeDefaults, ...node.attributes });
    } finally {
      this.depth--;
    }
  }

  private valueOf(ref: ValueRef, scope: Scope): Value | null {
    for (let at: Scope | undefined = scope; at; at = at.outer) {
      const value = at.values.get(ref.node)?.[ref.output];
      if (value !== undefined) return value;
    }
    const captured = this.outer?.(ref);
    if (captured !== undefined && captured !== null) return captured;
    const producer = this.graph.node(ref.node);
    if (producer.kind === "constant") return this.read(producer.id, producer.value);
    if (producer.kind === "parameter" && producer.fallback) return this.read(producer.id, producer.fallback);
    throw new GraphwrightError("no-value", `the value ${JSON.stringify(producer.outputs[ref.output]?.name ?? "")} is not known here.`, { node: describeNode(producer) });
  }

  private read(id: NodeId, constant: ConstantValue): Tensor {
    const cached = this.constants.get(id);
    if (cached) return cached;
    const tensor = constant.tensor();
    if (constant.bytes <= constantCacheBytes) this.constants.set(id, tensor);
    return tensor;
  }

  private planFor(region: RegionId, wanted: readonly ValueRef[], given: ReadonlyMap<NodeId, Outputs>): Plan {
    const { graph } = this;
    const needed = new Set<NodeId>();
    const sources = new Map<NodeId, readonly NodeId[]>();
    const pending: ValueRef[] = [...wanted];
    const need = (node: Node): void => {
      if (node.region !== region || node.kind !== "operator" || needed.has(node.id)) return;
      needed.add(node.id);
      const captured = Object.keys(node.regions).length > 0 ? captures(graph, node.id) : [];
      const known = (ref: ValueRef): boolean => given.get(ref.node)?.[ref.output] !== undefined;
      sources.set(node.id, [...node.inputs.filter((i) => i !== null).map((i) => i.node), ...captured]);
      for (const input of node.inputs) if (input && !known(input)) pending.push(input);
      for (const id of captured) if (!given.has(id)) need(graph.node(id));
    };
    while (pending.length > 0) {
      const ref = pending.pop()!;
      if (given.get(ref.node)?.[ref.output] === undefined) need(graph.node(ref.node));
    }
    const order = topologicalOrder(graph, region).filter((id) => needed.has(id)).map((id) => graph.operator(id)!);
    const lastUse = new Map<NodeId, number>();
    for (const [at, node] of order.entries()) {
      // Values that nothing needs go at once.
      if (!lastUse.has(node.id)) lastUse.set(node.id, at);
      for (const id of sources.get(node.id)!) lastUse.set(id, at);
    }
    for (const ref of wanted) lastUse.delete(ref.node);
    const released: NodeId[][] = order.map(() => []);
    for (const [id, at] of lastUse) if (graph.node(id).region === region) released[at]!.push(id);
    return { order, released };
  }
}

function noEvaluator(node: OperatorNode, known: boolean): GraphwrightError {
  const op = qualifiedOp(node);
  return known
    ? new GraphwrightError("no-evaluator", `the operator ${op} has no evaluation here.`, undefined, "The model can be shown, rewritten and exported, but not run through this node.")
    : new GraphwrightError(
        "no-evaluator",
        `the operator ${op} is not known, so the model cannot be run through it.`,
        undefined,
        "Give the model a function of that name that says what it computes, or ask only for values that do not need it.",
      );
}
