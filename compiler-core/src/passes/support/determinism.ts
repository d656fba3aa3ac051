import type { OperatorNode } from "../../ir/graph.ts";
import type { MatchContext } from "../definition.ts";

/** States that equal inputs give equal outputs, for the node and everything in its bodies. */
export function requireDeterministic(context: MatchContext, name: string, node: OperatorNode): boolean {
  const problem = nondeterminism(context, node);
  return context.require(name, problem === undefined ? true : problem.state, problem?.detail ?? `${node.op} always gives the same output for the same input`);
}

function nondeterminism(context: MatchContext, node: OperatorNode): { state: "failed" | "unknown"; detail: string } | undefined {
  const definition = context.definition(node);
  if (!definition) return { state: "unknown", detail: `${node.domain === "" ? node.op : `${node.domain}.${node.op}`} is not a known operator, so it may be random or have effects` };
  if (definition.nondeterministic && !isSilentDropout(context, node)) return { state: "failed", detail: `${node.op} draws random numbers` };
  for (const region of Object.values(node.regions))
    for (const id of context.graph.members(region)) {
      const inner = context.find(id);
      const problem = inner && nondeterminism(context, inner);
      if (problem) return problem;
    }
  return undefined;
}

/** Dropout draws only in training mode. */
const isSilentDropout = (context: MatchContext, node: OperatorNode): boolean =>
  node.domain === "" && node.op === "Dropout" && (!node.inputs[2] || context.tensor(node.inputs[2])?.data[0] === 0);
