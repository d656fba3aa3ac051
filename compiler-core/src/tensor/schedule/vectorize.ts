import { blocksIn, walkStatements } from "../build.ts";
import type { Statement } from "../program.ts";
import { carriedDependence, sharedElements } from "./dependence.ts";
import { knownCount, definePrimitive, findLoop, isReduceLoop, replaceStatement, type Require } from "./primitive.ts";

export const vectorize = definePrimitive<{ loop: string }>({
  name: "vectorize",
  summary: "The loop's iterations become the lanes of vectors.",
  parameters: { loop: "loop" },
  conditions: [
    { name: "innermost", doc: "The loop contains no other loop, except unrolled ones and those bound to dot products." },
    { name: "spatial", doc: "The loop moves no reduce axis: lanes may not add to one element." },
    { name: "no-carried-dependence", doc: "No lane reads what another lane writes." },
    { name: "own-elements", doc: "Each iteration writes elements of its own." },
    { name: "serial-loop", doc: "The loop is serial." },
    knownCount,
  ],
  apply(program, args, require: Require) {
    const { statement } = findLoop(program, args.loop);
    require("serial-loop", statement.mode === "serial", `the loop ${args.loop} is ${statement.mode}`);
    require("known-count", statement.count === undefined, `the sizes of the run decide how often ${args.loop} runs`);
    let nested: Statement | undefined;
    walkStatements(statement.body, (s) => {
      if (s.kind === "for" && s.mode !== "unrolled" && s.mode !== "dot") nested = s;
    });
    require("innermost", nested === undefined, `${args.loop} contains another loop`);
    for (const block of blocksIn(statement.body)) require("spatial", !isReduceLoop(block, statement.variable), `${block.name} reduces over ${args.loop}`);
    const dependence = carriedDependence(statement.body);
    require("no-carried-dependence", dependence === undefined, dependence ?? "");
    const shared = sharedElements(statement.body, statement.variable);
    require("own-elements", shared === undefined, shared ?? "");
    return replaceStatement(program, statement, [{ ...statement, mode: "vectorized" }]);
  },
});
