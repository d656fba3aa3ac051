import type { OperatorNode } from "../../ir/graph.ts";
import { toIntegers } from "../../ir/tensor.ts";
import type { MatchContext } from "../definition.ts";

/** What a Slice cuts along one axis, as its operands say it: not clamped to the size. */
export interface Range {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** The ranges of a Slice with constant operands, axes counted from the front; undefined when something is computed. */
export function rangesOf(node: OperatorNode, context: MatchContext): Range[] | undefined {
  const operands = node.inputs.slice(1).map((ref) => (ref ? context.tensor(ref) : null));
  if (operands.includes(undefined)) return undefined;
  // Bounds beyond any size mean "to the end": kept where numbers are exact.
  const [starts, ends, axes, steps] = operands.map((t) => t && toIntegers(t).map((v) => Math.min(Math.max(v, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)));
  const rank = context.shape(node.inputs[0])?.length;
  if (!starts || !ends || rank === undefined) return undefined;
  return starts.map((start, i) => {
    const axis = axes?.[i] ?? i;
    return { axis: axis < 0 ? axis + rank : axis, start, end: ends[i]!, step: steps?.[i] ?? 1 };
  });
}
