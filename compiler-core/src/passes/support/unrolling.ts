import { ConstantValue } from "../../ir/constant.ts";
import type { NodeId, OperatorNode, RegionId, ValueRef } from "../../ir/graph.ts";
import type { Rewriter } from "../../ir/rewriter.ts";
import { int } from "../../ir/attribute.ts";
import { int64Vector } from "../../ir/tensor.ts";
import type { MatchContext, PreconditionInfo, RewriteOptions } from "../definition.ts";
import { copyRegion, operatorsIn } from "./inline-region.ts";

export const budgetPrecondition: PreconditionInfo = { name: "within budget", doc: "All turns together have no more operators than the budget allows: with too many, a graph is no longer for people, nor its code for compilers.", budget: true };

/** States that `turns` copies of the body are few enough. */
export function requireBudget(context: MatchContext, options: RewriteOptions, body: RegionId, turns: number): boolean {
  const operators = operatorsIn(context.graph, body).length;
  return context.require("within budget", turns * operators <= options.unrolledOperators, () => `${turns} turns of ${operators} operators; the budget is ${options.unrolledOperators}`, () => ({ enable: `Set the budget to ${turns * operators} operators.` }));
}

/**
 * One copy of the body for each turn, the first with the body's names. `given` names the values of the body's
 * parameters in a turn, and is told what the turn before gave. Constants of the body are copied once. Returns each
 * turn's results.
 */
export function unroll(rewriter: Rewriter, context: MatchContext, root: OperatorNode, body: RegionId, turns: number, given: (turn: number, before: readonly ValueRef[] | undefined) => ReadonlyMap<NodeId, ValueRef>): ValueRef[][] {
  const { outputs } = context.graph.region(body);
  const constants = [...context.graph.members(body)].filter((id) => context.graph.node(id).kind === "constant");
  const kept = new Map<NodeId, NodeId>();
  const results: ValueRef[][] = [];
  for (let turn = 0; turn < turns; turn++) {
    const values = new Map(kept);
    const inside = copyRegion(rewriter, context, body, root.region, root, values, { parameters: given(turn, results.at(-1)), further: turn > 0 });
    for (const id of constants) kept.set(id, values.get(id)!);
    results.push(outputs.map((output) => inside(output.value)));
  }
  return results;
}

/** What turns gave, stacked along a new axis. */
export function stack(rewriter: Rewriter, context: MatchContext, root: OperatorNode, output: number, slices: readonly ValueRef[], axis: number): ValueRef {
  const at = { region: root.region, order: root.order };
  const name = root.outputs[output]!.name || `${root.op}_${output}`;
  const axes = rewriter.addConstant({ value: ConstantValue.of(int64Vector([axis])), name: context.freshName(`${name}_axes`), ...at });
  const raised = slices.map((slice) => ({ node: rewriter.addNode({ op: "Unsqueeze", inputs: [slice, axes], outputs: [context.freshName(`${name}_slice`)], ...at }), output: 0 }));
  const all = raised.length === 1 ? raised[0]! : { node: rewriter.addNode({ op: "Concat", inputs: raised, attributes: { axis: int(axis) }, outputs: [context.freshName(name)], ...at }), output: 0 };
  rewriter.derive("replace", [root.id], [axes.node, ...raised.map((slice) => slice.node), ...(raised.length === 1 ? [] : [all.node])]);
  return all;
}
