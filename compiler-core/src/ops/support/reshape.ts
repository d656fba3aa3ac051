import type { Dim } from "../../ir/dim.ts";
import type { OperatorNode } from "../../ir/graph.ts";
import type { InferContext } from "../../ir/type-rules.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { elementCount } from "../../ir/value-type.ts";
import { floorDivDims, productOf, reportProblem } from "./infer.ts";

/** Dimensions that a Reshape target gives: 0 copies (unless `allowZero`), -1 takes the rest. */
export function resolveShape(input: readonly Dim[] | null, target: readonly Dim[], allowZero: boolean, context: InferContext, node: OperatorNode): Dim[] {
  const dims = target.map((d, i): Dim => (d === 0 && !allowZero ? (input ? (input[i] ?? null) : null) : d));
  const open = dims.flatMap((d, i) => (d === -1 ? [i] : []));
  const unknown = dims.flatMap((d, i) => (d === null ? [i] : []));
  if (open.length > 1) reportProblem(context, node, `the shape [${target.join(", ")}] leaves more than one dimension open.`);
  // With one entry unknown and none left open, that entry is what remains either way.
  const rest = open.length === 1 && unknown.length === 0 ? open[0] : open.length === 0 && unknown.length === 1 ? unknown[0] : undefined;
  const total = input ? productOf(input) : null;
  const others = productOf(dims.filter((_, i) => i !== rest));
  if (rest !== undefined) dims[rest] = dims.some((d) => d === 0) && dims[rest] === null ? null : floorDivDims(total, others);
  else if (typeof total === "number" && typeof others === "number" && total !== others && open.length === 0)
    reportProblem(context, node, `an input of ${total} elements ([${input!.join(", ")}]) cannot take the shape [${target.join(", ")}], which has ${others}.`);
  return dims.map((d) => (d === -1 ? null : d));
}

/** The same with everything known. Throws "reshape". */
export function resolveDims(input: readonly number[], target: readonly number[], allowZero: boolean): number[] {
  const fail = (why: string): GraphwrightError => new GraphwrightError("reshape", `an input of shape [${input.join(", ")}] cannot take the shape [${target.join(", ")}]: ${why}.`);
  const dims = target.map((d, i) => {
    if (d !== 0 || allowZero) return d;
    if (i >= input.length) throw fail("a 0 stands where the input has no dimension");
    return input[i]!;
  });
  const open = dims.indexOf(-1);
  if (dims.some((d, i) => d < -1 || (d === -1 && i !== open))) throw fail("only one entry may be -1");
  const total = elementCount(input);
  if (open >= 0) {
    const others = elementCount(dims.filter((_, i) => i !== open));
    if (others === 0 ? total !== 0 : total % others !== 0) throw fail("the sizes do not divide");
    dims[open] = others === 0 ? 0 : total / others;
  }
  if (elementCount(dims) !== total) throw fail("the number of elements differs");
  return dims;
}
