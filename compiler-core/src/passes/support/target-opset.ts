import { elementOf } from "../../ir/value-type.ts";
import type { Graph, ModelInfo, ValueRef } from "../../ir/graph.ts";
import { findOperator } from "../../ops/index.ts";
import type { MatchContext, PreconditionInfo, RewriteOptions } from "../definition.ts";

export const opsetPrecondition: PreconditionInfo = {
  name: "operator set",
  doc: "Runtimes have the operator for this element type, and the model's operator set has it, or may be raised to one that has it: up to `highestOpset`, and not past an operator that only the model's own set has.",
  budget: true,
};

/** The first operator set in which the operator takes elements of this type. */
function opsetOf(op: string, element: string | null): number {
  const definition = findOperator("", op);
  if (!definition) throw new RangeError(`no operator ${op}`);
  const allowed = definition.versions.find((version) => element !== null && version.allows?.includes(`tensor(${element})`));
  return Math.max(definition.versions[0]!.since, allowed?.since ?? 1);
}

/**
 * Operators that ONNX Runtime's CPU provider has for float32 and float16 alone, while it has the operators that spell
 * them out for float64 too: a model of doubles would load no more.
 */
const withoutDouble: ReadonlySet<string> = new Set(["Gelu", "GlobalAveragePool", "HardSigmoid", "HardSwish", "Mish", "Softplus"]);

const heldBack = new WeakMap<ModelInfo, string>();

/** An operator that ties the model to its own operator set: imported in a form that newer sets cannot say. */
function operatorHeldBack(graph: Graph): string {
  let found = heldBack.get(graph.info);
  if (found === undefined) {
    found = "";
    for (const node of graph) if (node.kind === "operator" && node.domain.startsWith("ai.onnx@")) found = node.op;
    heldBack.set(graph.info, found);
  }
  return found;
}

/** States that `op` may be written for a value of the type of `data`. */
export function requireOpset(context: MatchContext, options: RewriteOptions, op: string, data: ValueRef): boolean {
  const element = elementOf(context.type(data));
  if (element === "float64" && withoutDouble.has(op)) return context.require("operator set", false, () => `ONNX Runtime has no ${op} of float64`);
  const needed = opsetOf(op, element);
  const own = context.graph.info.opsets[""] ?? 0;
  if (needed <= own) return context.require("operator set", true, () => `${op} is in operator set ${own}`);
  const tied = operatorHeldBack(context.graph);
  if (tied !== "") return context.require("operator set", false, () => `${op} needs operator set ${needed}, and ${tied} ties the model to ${own}`);
  return context.require(
    "operator set",
    needed <= options.highestOpset,
    () => (needed <= options.highestOpset ? `an export raises the operator set from ${own} to ${needed}` : `${op} needs operator set ${needed}; the model has ${own}, and it may be raised to ${options.highestOpset}`),
    { enable: `Allow operator set ${needed}.` },
  );
}
