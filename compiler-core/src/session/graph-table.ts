import { diffGraphs } from "../ir/diff.ts";
import { isFused, type Graph, type Node, type NodeId } from "../ir/graph.ts";
import { toNumbers } from "../ir/tensor.ts";
import type { StepId } from "../ir/timeline.ts";
import type { ValueType } from "../ir/value-type.ts";
import { findOperator } from "../ops/index.ts";
import { StringTable } from "../support/string-table.ts";
import type { Task } from "../support/task.ts";
import { valueBytes } from "./cost.ts";
import type { Against, GraphTable, Mark, ModelDiff, ModelId, NodeKind } from "./protocol.ts";
import { noProblems, type NodeProblems } from "./problems.ts";
import { tableColumns } from "./table-columns.ts";
import { type ComparedStep, detailOf, fusedLabels, inputLabel, isDrawn, nodesInOrder, partsOf, regionViews, scopeOf, unionOf } from "./views.ts";

export const nodeKinds: readonly NodeKind[] = ["parameter", "operator", "fused"];
export const marks: readonly (Mark | undefined)[] = [undefined, "added", "removed", "changed", "unchanged"];

/** Rows between two looks at whether the work is still wanted. */
const checkEvery = 2048;

/** What a graph is marked with while another stands beside it. */
export interface BesideMarks {
  readonly mark: (node: NodeId) => Mark;
  readonly lineage: GraphTable["lineage"];
}

/** A step's graph in columns; with a base step the union of both. */
export function graphTable(
  model: ModelId,
  step: StepId,
  graph: Graph,
  compared: ComparedStep | undefined,
  task: Pick<Task, "check">,
  { beside, problems = noProblems }: { readonly beside?: BesideMarks | undefined; readonly problems?: NodeProblems } = {},
): GraphTable {
  const union = compared && unionOf(step, graph, compared);
  const rows = union?.rows ?? nodesInOrder(graph).filter(isDrawn).map((node) => ({ node, graph, mark: beside?.mark(node.id) }));
  const regions = union?.regions ?? regionViews(graph);
  const lineage = union?.lineage ?? beside?.lineage ?? [];
  const count = rows.length;
  let inputCount = 0;
  let outputCount = 0;
  for (const { node } of rows) {
    inputCount += node.inputs.length;
    outputCount += node.outputs.length;
  }
  const strings = new StringTable();
  const typeNumbers = new Map<ValueType, number>();
  const typeOf = (type: ValueType): number => {
    let number = typeNumbers.get(type);
    if (number === undefined) typeNumbers.set(type, (number = strings.intern(type.text)));
    return number;
  };
  /** names of values, by producer; one name is one string however many use it */
  const valueNames = new Map<Node, Uint32Array>();
  const namesOf = (node: Node): Uint32Array => {
    let names = valueNames.get(node);
    if (!names) valueNames.set(node, (names = Uint32Array.from(node.outputs, (output) => strings.add(output.name))));
    return names;
  };

  const columns = tableColumns(count, inputCount, outputCount);
  const { inputs, outputs } = columns;
  const bodies: { row: number; name: string; region: number }[] = [];
  const parts: { row: number; ops: readonly string[] }[] = [];
  const wrong: { row: number; message: string }[] = [];

  let input = 0;
  let output = 0;
  const weights = new Set<NodeId>();
  rows.forEach(({ node, graph: of, mark }, row) => {
    if (row % checkEvery === 0) task.check();
    columns.ids[row] = node.id;
    columns.marks[row] = marks.indexOf(mark);
    columns.regions[row] = node.region;
    columns.names[row] = strings.add(node.name);
    for (const { message } of problems.get(node.id) ?? []) wrong.push({ row, message });
    const definition = node.kind === "operator" ? findOperator(node.domain, node.op) : undefined;
    if (node.kind === "parameter") {
      columns.ops[row] = strings.intern("Input");
      columns.families[row] = strings.intern("parameter");
    } else {
      const fused = isFused(node);
      columns.kinds[row] = fused ? 2 : 1;
      columns.ops[row] = strings.intern(node.op);
      columns.domains[row] = strings.intern(node.domain);
      columns.families[row] = strings.intern(fused ? "fused" : (definition?.family ?? "custom"));
      columns.details[row] = fused ? 0 : strings.intern(detailOf(node));
      columns.scopes[row] = strings.intern(scopeOf(node).join("/"));
      for (const name in node.regions) bodies.push({ row, name, region: node.regions[name]! });
      if (fused) parts.push({ row, ops: partsOf(of, node) });
    }
    weights.clear();
    const labels = node.kind === "operator" && isFused(node) ? fusedLabels(of, node) : undefined;
    for (let index = 0; index < node.inputs.length; index++, input++) {
      const ref = node.inputs[index];
      if (definition) inputs.labels[input] = strings.intern(labels?.[index] ?? inputLabel(definition, index));
      if (!ref) continue;
      const producer = of.find(ref.node);
      inputs.from[input] = ref.node;
      inputs.outputs[input] = ref.output;
      inputs.types[input] = typeOf(of.type(ref));
      if (!producer) continue;
      inputs.names[input] = namesOf(producer)[ref.output] ?? 0;
      if (producer.region !== node.region) inputs.flags[input]! |= 2;
      if (producer.kind !== "constant") continue;
      const { value } = producer;
      inputs.flags[input]! |= 1;
      if (!weights.has(ref.node)) {
        weights.add(ref.node);
        columns.weightBytes[row]! += value.bytes;
      }
      if (value.count === 1 && value.type.element !== null && !value.type.element.startsWith("complex")) {
        const tensor = value.tensor();
        inputs.flags[input]! |= 4;
        inputs.scalars[input] = strings.intern(scalarText(Array.isArray(tensor.data) ? (tensor.data[0] as string) : (toNumbers(tensor)[0] as number)));
      }
    }
    const own = namesOf(node);
    let bytes = 0;
    for (let index = 0; index < node.outputs.length; index++, output++) {
      const { type } = node.outputs[index]!;
      outputs.names[output] = own[index]!;
      outputs.types[output] = typeOf(type);
      bytes += valueBytes(type) ?? NaN;
    }
    columns.outputBytes[row] = bytes;
    columns.inputStart[row + 1] = input;
    columns.outputStart[row + 1] = output;
  });
  return { model, step, ...(compared ? { base: compared.step } : {}), strings: strings.column(), ...columns, bodies, parts, problems: wrong, regionViews: regions, lineage };
}

/** Marks of a step beside another of its model: the same nodes as in their union. */
export function marksOfStep(step: StepId, graph: Graph, side: Against["side"], other: ComparedStep): BesideMarks {
  const diff = side === "after" ? diffGraphs(other.graph, graph) : diffGraphs(graph, other.graph);
  const changed = new Set(diff.changed.map((change) => change.after.id));
  const alone = new Set((side === "after" ? diff.added : diff.removed).map((node) => node.id));
  return {
    mark: (node) => (alone.has(node) ? (side === "after" ? "added" : "removed") : changed.has(node) ? "changed" : "unchanged"),
    // What is new shows what it came from.
    lineage: side === "after" ? diff.added.filter(isDrawn).map((node) => [node.id, other.lineage.follow(node.id, step, other.step)] as const) : [],
  };
}

/** Marks of a model beside another one. Nodes that are not compared, those inside fused groups, count as unchanged. */
export function marksOfModel({ added, removed, changed }: ModelDiff, side: Against["side"]): BesideMarks {
  const alone = new Set((side === "after" ? added : removed).map(({ id }) => id));
  const differing = new Set(changed.map(({ a, b }) => (side === "after" ? b : a).id));
  return { mark: (node) => (alone.has(node) ? (side === "after" ? "added" : "removed") : differing.has(node) ? "changed" : "unchanged"), lineage: [] };
}

const scalarText = (value: number | string): string => {
  const text = typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(4))) : String(value);
  return text.length > 12 ? `${text.slice(0, 11)}…` : text;
};
