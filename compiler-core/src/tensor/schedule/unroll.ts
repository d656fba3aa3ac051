import { knownCount, definePrimitive, findLoop, replaceStatement, type Require } from "./primitive.ts";

/** Longer loops would only make the code larger. */
const unrollLimit = 64;

export const unroll = definePrimitive<{ loop: string }>({
  name: "unroll",
  summary: "The backend writes the loop's body out, once for each iteration.",
  parameters: { loop: "loop" },
  conditions: [
    { name: "short-loop", doc: `The loop has at most ${unrollLimit} iterations.` },
    { name: "serial-loop", doc: "The loop is serial." },
    knownCount,
  ],
  apply(program, args, require: Require) {
    const { statement } = findLoop(program, args.loop);
    require("short-loop", statement.extent <= unrollLimit, `${args.loop} has ${statement.extent} iterations`);
    require("serial-loop", statement.mode === "serial", `the loop ${args.loop} is ${statement.mode}`);
    require("known-count", statement.count === undefined, `the sizes of the run decide how often ${args.loop} runs`);
    return replaceStatement(program, statement, [{ ...statement, mode: "unrolled" }]);
  },
});
