import { keyOf } from "../expression.ts";
import type { Loop } from "../program.ts";
import { racesOf } from "./dependence.ts";
import { dotProduct, dotTerms } from "../dot-product.ts";
import { definePrimitive, findLoop, replaceStatement, type Require } from "./primitive.ts";
import { independentIterations, requireIndependentIterations } from "./parallel.ts";
import { vectorize } from "./vectorize.ts";

/** What a loop may be bound to. */
export const bindAxes = ["worker", "lane", "dot"] as const;

/** Iterations that one vector register of some target holds. */
const laneCounts: readonly number[] = [4, 8, 16];

/**
 * Binds a loop to an axis of the machine, whose size is then the loop's. `worker`: iteration w is the share of worker w
 * of a pool. Unlike `parallel`, which may stand inside other loops, it is a whole nest's: neighbouring nests bound to as
 * many workers are one stage where each worker touches only what is its own in all of them: it goes on with its share of the
 * next nest at once, what it wrote still in its cache. `lane`: iteration l is lane l of one vector. Unlike `vectorize`,
 * which takes any extent and lets the target divide it, a loop that is no whole vector is refused. `dot`: the four iterations
 * are the terms that a dot-product instruction (vpdpbusd, sdot) sums up in a lane of 32 bits; where a target has none,
 * the loop means what it says.
 */
export const bind = definePrimitive<{ loop: string; axis: string }>({
  name: "bind",
  summary: "The loop's iterations become the workers of a pool, which keep their shares from nest to nest without waiting, the lanes of one vector, or the terms of a dot-product instruction.",
  parameters: { loop: "loop", axis: "axis" },
  conditions: [
    { name: "axis", doc: `The axis is one of ${bindAxes.join(", ")}.` },
    ...independentIterations,
    { name: "outermost", doc: "Workers share a whole nest: no loop stands around theirs." },
    { name: "innermost", doc: "Lanes contain no loop, except unrolled ones and those bound to dot products; terms of a dot product contain none." },
    { name: "byte-products", doc: `Terms of a dot product are ${dotTerms} products of 8-bit integers, which lie side by side in both factors, added to a sum of 32 bits.` },
    { name: "one-vector", doc: `Lanes are as many as one vector has: ${laneCounts.join(", ")}.` },
  ],
  apply(program, args, require: Require) {
    const axis = bindAxes.find((a) => a === args.axis);
    require("axis", axis !== undefined, `${JSON.stringify(args.axis)} is none`);
    const { statement, around } = findLoop(program, args.loop);
    if (axis === "lane") {
      require("one-vector", laneCounts.includes(statement.extent), `${args.loop} has ${statement.extent} iterations`);
      return vectorize.apply(program, { loop: args.loop }, require);
    }
    if (axis === "dot") {
      require("serial-loop", statement.mode === "serial", `the loop ${args.loop} is ${statement.mode}`);
      const [block] = statement.body;
      require("innermost", statement.body.length === 1 && block?.kind === "block", `${args.loop} contains more than one block`);
      require("byte-products", statement.extent === dotTerms && dotProduct(block, statement.variable) !== undefined, `${block.name} does not sum ${dotTerms} products of 8-bit integers that lie side by side over ${args.loop}`);
      return replaceStatement(program, statement, [{ ...statement, mode: "dot" }]);
    }
    const loop = requireIndependentIterations(program, args.loop, require);
    require("outermost", around.length === 0, `${args.loop} is not outermost`);
    return replaceStatement(program, loop, [{ ...loop, mode: "worker" }]);
  },
});

/** May each worker of these loops, which follow one another, run its iteration of all of them without waiting for others? */
export function keepsWorkers(loops: readonly Loop[]): boolean {
  const [first] = loops;
  if (!first || loops.some((l) => l.extent !== first.extent || (l.count && keyOf(l.count)) !== (first.count && keyOf(first.count)))) return false;
  return racesOf(...loops.map((loop) => ({ loop, around: [] }))) === undefined;
}
