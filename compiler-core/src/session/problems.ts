import { describeNode, type NodeId } from "../ir/graph.ts";
import type { StepId } from "../ir/timeline.ts";
import type { Diagnostic } from "../support/diagnostic.ts";
import type { Model } from "./model.ts";

export type NodeProblems = ReadonlyMap<NodeId, readonly Diagnostic[]>;
export const noProblems: NodeProblems = new Map();

/** of the imported graph, by model: its messages never change */
const imported = new WeakMap<Model, NodeProblems>();

function problemsOfImport(model: Model): NodeProblems {
  const known = imported.get(model);
  if (known) return known;
  const named = new Map<string, Diagnostic[]>();
  for (const diagnostic of model.diagnostics) {
    const node = diagnostic.severity === "info" ? undefined : diagnostic.where?.node;
    if (node !== undefined) named.set(node, [...(named.get(node) ?? []), diagnostic]);
  }
  const problems = new Map<NodeId, readonly Diagnostic[]>();
  if (named.size > 0) {
    for (const node of model.graph(0)) {
      const found = named.get(describeNode(node));
      if (found) problems.set(node.id, found);
    }
  }
  imported.set(model, problems);
  return problems;
}

/** What is wrong with nodes of a step: messages of the import that name them, and of steps whose numerical check failed what they made. */
export function problemsOf(model: Model, step: StepId): NodeProblems {
  let problems: Map<NodeId, readonly Diagnostic[]> | undefined;
  for (const [id, check] of model.checks) {
    if (check.verdict !== "different") continue;
    let at: StepId | null = step;
    while (at !== null && at !== id) at = model.timeline.step(at).parent;
    const { delta } = model.timeline.step(id);
    if (at === null || !delta) continue;
    problems ??= new Map(problemsOfImport(model));
    const diagnostic: Diagnostic = { severity: "error", code: "check-failed", message: `the rewrite ${delta.rewrite} made it, and the values after it differ from those before it.` };
    for (const { to } of delta.provenance) for (const node of to) problems.set(node, [...(problems.get(node) ?? []), diagnostic]);
  }
  return problems ?? problemsOfImport(model);
}
