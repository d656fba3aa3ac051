import type { Delta } from "../../ir/delta.ts";
import { type Graph, type Node, type NodeId, type OperatorNode, sameValue, type ValueRef } from "../../ir/graph.ts";
import { captures } from "../../ir/order.ts";
import { toNumbers } from "../../ir/tensor.ts";

/** One pair of values that must be equal: in the graph before and in the graph after. */
export interface ValuePair {
  readonly name: string;
  readonly before: ValueRef;
  readonly after: ValueRef;
}

/** The part of a graph that a step rewrote: what to compute on both sides, and from what. */
export interface StepRegion {
  readonly pairs: readonly ValuePair[];
  /** operator nodes that are computed; every other value is drawn */
  readonly inBefore: ReadonlySet<NodeId>;
  readonly inAfter: ReadonlySet<NodeId>;
  /** values that both sides take as given */
  readonly boundary: readonly ValueRef[];
}

export const keyOf = (ref: ValueRef): string => `${ref.node}:${ref.output}`;

/** Where a value went, through every replacement of the step. */
function destination(delta: Delta, ref: ValueRef): ValueRef {
  let at = ref;
  for (const [from, to] of delta.replaced) if (sameValue(from, at)) at = to;
  return at;
}

/** A node that does something else afterwards, not only use what replaced its inputs. */
function changed(delta: Delta, before: Node, after: Node): boolean {
  if (before.kind !== "operator" || after.kind !== "operator") return false;
  if (before.op !== after.op || before.domain !== after.domain || before.attributes !== after.attributes || before.regions !== after.regions) return true;
  return before.inputs.length !== after.inputs.length || before.inputs.some((ref, i) => !sameValue(ref && destination(delta, ref), after.inputs[i]));
}

export function stepRegion(before: Graph, after: Graph, delta: Delta): StepRegion {
  const edited = delta.updated.filter(([old, now]) => changed(delta, old, now)).map(([old]) => old.id);
  const isOperator = (graph: Graph, id: NodeId): boolean => graph.operator(id) !== undefined;
  const inBefore = new Set([...delta.matched, ...delta.removed.map((n) => n.id), ...edited].filter((id) => isOperator(before, id)));
  const inAfter = new Set([...inBefore, ...delta.added.map((n) => n.id)].filter((id) => isOperator(after, id)));
  const pairs: ValuePair[] = [];
  const seen = new Set<string>();
  const pair = (from: ValueRef, to: ValueRef): void => {
    if (seen.has(keyOf(from)) || !before.has(from.node) || !after.has(to.node)) return;
    seen.add(keyOf(from));
    pairs.push({ name: before.valueName(from) || keyOf(from), before: from, after: to });
  };
  for (const [from] of delta.replaced) if (before.find(from.node) && before.usesOfValue(from).length > 0) pair(from, destination(delta, from));
  for (const id of edited)
    for (const output of before.node(id).outputs.keys()) {
      const ref = { node: id, output };
      if (before.usesOfValue(ref).length > 0) pair(ref, ref);
    }
  for (const id of witnesses(before, after, inBefore)) {
    inBefore.add(id);
    inAfter.add(id);
  }
  const boundary = new Map<string, ValueRef>();
  const collect = (graph: Graph, inside: ReadonlySet<NodeId>, starts: readonly ValueRef[]): void => {
    const pending = [...starts];
    const visited = new Set<NodeId>();
    while (pending.length > 0) {
      const ref = pending.pop() as ValueRef;
      const node = graph.node(ref.node);
      if (node.kind === "constant") continue;
      if (!inside.has(ref.node)) boundary.set(keyOf(ref), ref);
      else if (!visited.has(ref.node)) {
        visited.add(ref.node);
        for (const input of node.inputs) if (input) pending.push(input);
        pending.push(...capturedValues(graph, node as OperatorNode));
      }
    }
  };
  collect(before, inBefore, pairs.map((p) => p.before));
  collect(after, inAfter, pairs.map((p) => p.after));
  return { pairs, inBefore, inAfter, boundary: [...boundary.values()] };
}

/** Operators that hand elements on, and those that give nothing below zero. */
const handing = new Set(["Expand", "Reshape", "Flatten", "Unsqueeze", "Squeeze", "Identity", "Cast", "Transpose", "Slice", "MaxPool", "AveragePool", "GlobalAveragePool"]);
const nonnegative = new Set(["Relu", "Sigmoid", "HardSigmoid", "Softmax", "Softplus", "Abs", "Exp", "Sqrt", "Clip"]);

/**
 * Nodes before the region that its values owe a property to on which rewrites rely, the same on both sides: a choice
 * with an infinite constant (a mask), and what keeps the data of a pooling above zero; with what hands it on.
 */
function witnesses(before: Graph, after: Graph, inside: ReadonlySet<NodeId>): NodeId[] {
  const found: NodeId[] = [];
  const infinite = (ref: ValueRef | null | undefined): boolean => {
    const constant = before.constant(ref);
    return constant !== undefined && constant.count <= 64 && constant.type.element !== "string" && Array.from(toNumbers(constant.tensor())).some((v) => !Number.isFinite(v));
  };
  for (const id of inside) {
    const pools = before.operator(id)?.op === "Pad" || before.operator(id)?.op === "MaxPool";
    for (const ref of before.node(id).inputs) {
      const way: NodeId[] = [];
      for (let at = ref && !inside.has(ref.node) ? before.operator(ref.node) : undefined; at && way.length < 4; at = at.inputs[0] ? before.operator(at.inputs[0].node) : undefined) {
        if (at.domain !== "" || after.find(at.id) !== at) break;
        way.push(at.id);
        if (handing.has(at.op)) continue;
        if ((at.op === "Where" && at.inputs.slice(1).some(infinite)) || (pools && nonnegative.has(at.op))) found.push(...way);
        break;
      }
    }
  }
  return found;
}

/** Values of enclosing graphs that a node's bodies use, at any depth. */
export function capturedValues(graph: Graph, node: OperatorNode): ValueRef[] {
  if (Object.keys(node.regions).length === 0) return [];
  const producers = new Set(captures(graph, node.id));
  const found = new Map<string, ValueRef>();
  const pending = Object.values(node.regions);
  while (pending.length > 0) {
    const region = pending.pop()!;
    const note = (ref: ValueRef | null): void => {
      if (ref && producers.has(ref.node)) found.set(keyOf(ref), ref);
    };
    for (const output of graph.region(region).outputs) note(output.value);
    for (const id of graph.members(region)) {
      const inner = graph.node(id);
      inner.inputs.forEach(note);
      if (inner.kind === "operator") pending.push(...Object.values(inner.regions));
    }
  }
  return [...found.values()];
}
