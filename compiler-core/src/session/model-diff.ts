/**
 * What differs between two models, or between two steps of one. Nodes of models that share no history are matched by
 * name, then by the names of the values they make, then by structure: from each pair outwards, along edges that lead to
 * nodes of one operator on both sides. Steps of one model are compared by id, as their union is marked.
 */
import { diffGraphs } from "../ir/diff.ts";
import { printAttribute } from "../ir/printer.ts";
import { describeNode, qualifiedOp, type Graph, type Node, type NodeId, type OperatorNode, type ParameterNode } from "../ir/graph.ts";
import type { ConstantValue } from "../ir/constant.ts";
import { toNumbers } from "../ir/tensor.ts";
import type { Task } from "../support/task.ts";
import type { DiffNode, ModelDiff, NodeDifference } from "./protocol.ts";
import { insideFused } from "./cost.ts";
import { isDrawn, nodesInOrder } from "./views.ts";

type Drawn = OperatorNode | ParameterNode;
const kindOf = (node: Drawn): string => (node.kind === "parameter" ? "Input" : qualifiedOp(node));
const checkEvery = 512;

const drawn = (graph: Graph): Drawn[] => nodesInOrder(graph).filter((node): node is Drawn => isDrawn(node) && !insideFused(graph, node));

export async function diffModels(a: Graph, b: Graph, task: Task): Promise<ModelDiff> {
  const [nodesA, nodesB] = [drawn(a), drawn(b)];
  const forward = new Map<number, number>();
  const back = new Map<number, number>();
  const work: (readonly [number, number])[] = [];
  const pair = (x: Drawn, y: Drawn): void => {
    if (forward.has(x.id) || back.has(y.id)) return;
    forward.set(x.id, y.id);
    back.set(y.id, x.id);
    work.push([x.id, y.id]);
  };
  /** Pairs of nodes that are alone with a key on both sides. */
  const pairBy = (keysOf: (node: Drawn) => readonly string[]): void => {
    const index = (nodes: readonly Drawn[], done: ReadonlyMap<number, number>): Map<string, Drawn | null> => {
      const found = new Map<string, Drawn | null>();
      for (const node of nodes) if (!done.has(node.id)) for (const key of keysOf(node)) found.set(key, found.has(key) ? null : node);
      return found;
    };
    const others = index(nodesB, back);
    for (const [key, x] of index(nodesA, forward)) {
      const y = others.get(key);
      if (x && y) pair(x, y);
    }
  };
  pairBy((node) => (node.name === "" ? [] : [`${kindOf(node)} ${node.name}`]));
  pairBy((node) => node.outputs.flatMap(({ name }) => (name === "" ? [] : [`${kindOf(node)} ${name}`])));
  // What makes the same output of the model, whatever it is called.
  const [outA, outB] = [a.region(0).outputs, b.region(0).outputs];
  outA.forEach((output, i) => {
    const other = outB.find(({ name }) => name === output.name) ?? outB[i];
    const [x, y] = [a.find(output.value.node), other && b.find(other.value.node)];
    if (x && y && isDrawn(x) && isDrawn(y) && kindOf(x) === kindOf(y)) pair(x, y);
  });
  const usersOf = (graph: Graph, id: number): { readonly node: Drawn; readonly key: string }[] =>
    graph.usesOf(id).flatMap((use) => {
      if (use.kind === "result") return [];
      const user = graph.find(use.user);
      return user && isDrawn(user) && !insideFused(graph, user) ? [{ node: user, key: `${kindOf(user)} ${use.output} ${use.index}` }] : [];
    });
  const spread = (): void => {
    for (let at = work.pop(); at; at = work.pop()) {
      const [x, y] = [a.node(at[0]), b.node(at[1])];
      x.inputs.forEach((ref, i) => {
        const other = y.inputs[i];
        const [from, to] = [ref && a.find(ref.node), other && b.find(other.node)];
        if (ref && other && from && to && isDrawn(from) && isDrawn(to) && kindOf(from) === kindOf(to) && ref.output === other.output) pair(from, to);
      });
      const left = usersOf(a, x.id).filter(({ node }) => !forward.has(node.id));
      const right = usersOf(b, y.id).filter(({ node }) => !back.has(node.id));
      for (const { node, key } of left) {
        const [only, ...more] = right.filter((each) => each.key === key);
        if (only && more.length === 0 && left.filter((each) => each.key === key).length === 1) pair(node, only.node);
      }
    }
  };
  spread();
  // Values that kept their name while another operator makes them.
  pairBy((node) => node.outputs.flatMap(({ name }) => (name === "" ? [] : [name])));
  spread();

  return differences(a, nodesA, b, nodesB, forward, back, () => true, task);
}

/** What differs between two steps of one model: nodes that keep their id are the same. */
export async function diffSteps(a: Graph, b: Graph, task: Task): Promise<ModelDiff> {
  const [nodesA, nodesB] = [drawn(a), drawn(b)];
  const same = new Map(nodesA.flatMap(({ id }) => (b.find(id) ? [[id, id] as const] : [])));
  const touched = new Set(diffGraphs(a, b).changed.map(({ after }) => after.id));
  return differences(a, nodesA, b, nodesB, same, same, (id) => touched.has(id), task);
}

async function differences(a: Graph, nodesA: readonly Drawn[], b: Graph, nodesB: readonly Drawn[], forward: ReadonlyMap<NodeId, NodeId>, back: ReadonlyMap<NodeId, NodeId>, mayDiffer: (id: NodeId) => boolean, task: Task): Promise<ModelDiff> {
  const name = (graph: Graph, node: Node): string => node.name || node.outputs[0]?.name || describeNode(graph.node(node.id));
  const view = (graph: Graph, node: Drawn): DiffNode => ({ id: node.id, op: kindOf(node), name: name(graph, node) });
  const changed: ModelDiff["changed"][number][] = [];
  const comparisons = new Map<ConstantValue, Map<ConstantValue, NodeDifference["elements"]>>();
  for (const [i, x] of nodesA.entries()) {
    if (i % checkEvery === 0) {
      task.progress(i / nodesA.length, "");
      task.check();
      await task.pause();
    }
    const id = forward.get(x.id);
    if (id === undefined || !mayDiffer(id)) continue;
    const y = b.node(id) as Drawn;
    const found: NodeDifference[] = [];
    const add = (field: NodeDifference["field"], label: string, before: string, after: string): void => {
      if (before !== after) found.push({ field, label, before, after });
    };
    add("operator", "", kindOf(x), kindOf(y));
    if (x.kind === "operator" && y.kind === "operator") {
      for (const key of [...new Set([...Object.keys(x.attributes), ...Object.keys(y.attributes)])].sort()) add("attribute", key, x.attributes[key] ? printAttribute(x.attributes[key]) : "", y.attributes[key] ? printAttribute(y.attributes[key]) : "");
    }
    for (let k = 0; k < Math.max(x.outputs.length, y.outputs.length); k++) add("type", x.outputs[k]?.name || y.outputs[k]?.name || String(k), x.outputs[k]?.type.text ?? "", y.outputs[k]?.type.text ?? "");
    for (let k = 0; k < Math.max(x.inputs.length, y.inputs.length); k++) {
      const [p, q] = [x.inputs[k], y.inputs[k]];
      const [from, to] = [p && a.find(p.node), q && b.find(q.node)];
      if (from?.kind === "constant" && to?.kind === "constant") {
        const label = from.outputs[0]?.name || to.outputs[0]?.name || String(k);
        if (from.value.type.text !== to.value.type.text) add("constant", label, from.value.type.text, to.value.type.text);
        else if (from.value !== to.value) {
          let known = comparisons.get(from.value);
          if (!known) comparisons.set(from.value, (known = new Map()));
          if (!known.has(to.value)) {
            task.check();
            if (from.value.bytes > largeConstant) await task.pause();
            known.set(to.value, compareConstants(from.value, to.value));
          }
          const elements = known.get(to.value);
          if (elements) found.push({ field: "constant", label, before: from.value.type.text, after: to.value.type.text, elements });
        }
        continue;
      }
      const same = !from || !to ? !from === !to : isDrawn(from) && isDrawn(to) && forward.get(from.id) === to.id && p!.output === q!.output;
      if (!same) found.push({ field: "input", label: String(k), before: from ? name(a, from) : "", after: to ? name(b, to) : "" });
    }
    if (found.length > 0) changed.push({ a: view(a, x), b: view(b, y), differences: found });
  }
  // Of two steps there is nothing to say: the same map stands for both directions.
  const pairs = forward === back ? [] : [...forward];
  return {
    nodes: [nodesA.length, nodesB.length],
    matched: nodesA.filter(({ id }) => forward.has(id)).length,
    added: nodesB.filter((node) => !back.has(node.id)).map((node) => view(b, node)),
    removed: nodesA.filter((node) => !forward.has(node.id)).map((node) => view(a, node)),
    changed,
    pairs: { a: Int32Array.from(pairs, ([x]) => x), b: Int32Array.from(pairs, ([, y]) => y) },
  };
}

/** Comparing a constant of more bytes than this takes a while: others have their turn before. */
const largeConstant = 1 << 20;

/** How two constants of one type differ; undefined when they hold the same. Not-a-numbers are the same. */
function compareConstants(a: ConstantValue, b: ConstantValue): NodeDifference["elements"] {
  const [x, y] = [a.tensor(), b.tensor()];
  if (Array.isArray(x.data) || Array.isArray(y.data) || a.type.element?.startsWith("complex")) {
    const [p, q] = [Array.from(x.data as ArrayLike<unknown>), Array.from(y.data as ArrayLike<unknown>)];
    const count = p.filter((value, i) => value !== q[i]).length;
    return count === 0 ? undefined : { differing: count, of: p.length };
  }
  const [p, q] = [toNumbers(x), toNumbers(y)];
  let [count, largest] = [0, 0];
  for (let i = 0; i < p.length; i++) {
    const [u, v] = [Number(p[i]), Number(q[i])];
    if (Object.is(u, v) || u === v) continue;
    count++;
    const gap = Math.abs(u - v);
    largest = Number.isNaN(gap) ? Infinity : Math.max(largest, gap);
  }
  return count === 0 ? undefined : { differing: count, of: p.length, largest };
}
