import { ints } from "../../ir/attribute.ts";
import { describeNode, type OperatorNode, type ValueRef } from "../../ir/graph.ts";
import { toIntegers, toNumbers } from "../../ir/tensor.ts";
import type { Rewriter } from "../../ir/rewriter.ts";
import type { Match, MatchContext, PreconditionInfo } from "../definition.ts";
import { mergedNotes, replaceRoot, requireUsedOnce } from "./replacement.ts";

export const padPreconditions = (user: string): readonly PreconditionInfo[] => [
  { name: "follows a Pad", doc: "The data comes straight from a Pad whose amounts and axes are constants." },
  { name: "used once", doc: `The padded value is used by this ${user} only, in the same graph, and is no output of the graph.` },
  { name: "constant mode", doc: "The Pad fills with one value (not reflect, edge or wrap)." },
  { name: "spatial axes only", doc: "Batch and channel axes are not padded." },
  { name: "not negative", doc: "No amount is negative: a negative one crops." },
  { name: "explicit padding", doc: `The ${user} has auto_pad NOTSET.` },
];

export interface SpatialPad {
  readonly pad: OperatorNode;
  /** amounts at the beginning of each spatial axis, then at the end of each, as in the pads attribute */
  readonly amounts: readonly number[];
  /** undefined when it is not a constant */
  readonly value: number | undefined;
}

/** States the preconditions that all users of a Pad share. `rank` is the rank of the data. */
export function matchPad(root: OperatorNode, context: MatchContext, rank: number | undefined): SpatialPad | undefined {
  const data = root.inputs[0]!;
  const pad = context.producer(data, "Pad");
  if (!pad) return undefined;
  const [, padsRef, valueRef, axesRef] = pad.inputs;
  const pads = context.tensor(padsRef);
  const axesTensor = context.tensor(axesRef);
  const known = pads !== undefined && (!axesRef || axesTensor !== undefined);
  if (!context.require("follows a Pad", known && rank !== undefined, () => (known ? describeNode(pad) : "the amounts or axes are computed")) || !pads || rank === undefined) return undefined;
  let holds = requireUsedOnce(context, "used once", data, root);
  const mode = context.attributes(pad).string("mode", "constant");
  holds = context.require("constant mode", mode === "constant", `mode is ${mode}`) && holds;
  const axes = (axesTensor ? toIntegers(axesTensor) : Array.from({ length: rank }, (_, i) => i)).map((a) => (a < 0 ? a + rank : a));
  const amounts = toIntegers(pads);
  const full = new Array<number>(2 * rank).fill(0);
  for (const [i, axis] of axes.entries()) {
    full[axis] = amounts[i]!;
    full[rank + axis] = amounts[axes.length + i]!;
  }
  const outer = [full[0]!, full[1]!, full[rank]!, full[rank + 1]!];
  holds = context.require("spatial axes only", outer.every((n) => n === 0), `amounts are [${full.join(", ")}]`) && holds;
  holds = context.require("not negative", full.every((n) => n >= 0), `amounts are [${full.join(", ")}]`) && holds;
  const auto = context.attributes(root).string("auto_pad", "NOTSET");
  holds = context.require("explicit padding", auto === "NOTSET", `auto_pad is ${auto}`) && holds;
  if (!holds) return undefined;
  const constant = context.tensor(valueRef);
  const value = !valueRef ? 0 : constant ? toNumbers(constant)[0] : undefined;
  return { pad, amounts: [...full.slice(2, rank), ...full.slice(rank + 2)], value };
}

/** The pads attribute of a pooling or convolution, zeros when it has none. */
export const padsOf = (node: OperatorNode, context: MatchContext, spatial: number): number[] => context.attributes(node).ints("pads") ?? new Array<number>(2 * spatial).fill(0);

/** Replaces the root by itself on the unpadded data with the amounts added to its own. */
export function absorbPad(match: Match, rewriter: Rewriter, context: MatchContext, attributes: Readonly<Record<string, OperatorNode["attributes"][string]>> = {}): void {
  const root = context.find(match.root)!;
  const { pad, amounts } = match.bindings.pad as SpatialPad;
  const own = padsOf(root, context, amounts.length / 2);
  replaceRoot(match, rewriter, {
    op: root.op,
    inputs: [pad.inputs[0] as ValueRef, ...root.inputs.slice(1)],
    attributes: { ...root.attributes, ...attributes, pads: ints(amounts.map((n, i) => n + own[i]!)) },
    name: root.name,
    order: root.order,
    ...mergedNotes(root, pad),
  });
}
