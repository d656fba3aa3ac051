import type { Dim } from "../../ir/dim.ts";
import type { OperatorNode } from "../../ir/graph.ts";
import type { InferContext } from "../../ir/type-rules.ts";
import type { AttributeReader } from "../definition.ts";
import { dimsDiffer, mulDims, rankedInput, reportConflict, reportProblem, unknownShape } from "./infer.ts";
import { windowAttributes, windowOutput } from "./window.ts";

/** Shape of a convolution of input `x` with the filters at input `w`; null where the rank is unknown. */
export function inferConv(context: InferContext, node: OperatorNode, attributes: AttributeReader, x: number, w: number): Dim[] | null {
  const input = rankedInput(context, x)?.shape;
  const filters = rankedInput(context, w)?.shape;
  const given = attributes.ints("kernel_shape");
  const rank = input?.length ?? filters?.length ?? (given ? given.length + 2 : undefined);
  if (rank === undefined) return null;
  if (input && filters && input.length !== filters.length) {
    reportConflict(context, node, x, w, `an input of rank ${input.length} does not fit filters of rank ${filters.length}`);
    return null;
  }
  if (rank < 3) {
    reportProblem(context, node, `an input of rank ${rank} has no spatial dimension.`);
    return null;
  }
  const group = attributes.int("group", 1);
  if (input && filters && dimsDiffer(input[1]!, mulDims(filters[1]!, group)))
    reportConflict(context, node, x, w, `${input[1]} input channels do not fit filters of ${filters[1]} channels in ${group} group${group === 1 ? "" : "s"}`);
  const features = filters?.[0] ?? null;
  if (!input) return [null, features, ...unknownShape(rank - 2)];
  const kernel: readonly Dim[] = given ?? filters?.slice(2) ?? unknownShape(rank - 2);
  const window = windowAttributes(attributes, kernel.map((k) => (typeof k === "number" ? k : 1)));
  return [input[0]!, features, ...kernel.map((k, i) => windowOutput(input[i + 2]!, k, window, i))];
}
