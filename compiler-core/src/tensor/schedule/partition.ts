import { freshName, loop, namesIn, renamed } from "../build.ts";
import { add, variable } from "../expression.ts";
import { knownCount, definePrimitive, findLoop, replaceStatement, substituteVariables, type Require } from "./primitive.ts";

/** for x in E  ->  for x in at; then for x_1 in E - at, with x = at + x_1 and copies of the blocks. */
export const partition = definePrimitive<{ loop: string; at: number }>({
  name: "partition",
  summary: "A loop becomes two, one after the other, so that each part can be scheduled by itself: borders apart from the inside, the remainder of a tile apart from full tiles.",
  parameters: { loop: "loop", at: "number" },
  conditions: [
    { name: "inside", doc: "The point lies inside the loop's range." },
    { name: "serial-loop", doc: "The loop is serial." },
    knownCount,
  ],
  apply(program, args, require: Require) {
    const { statement } = findLoop(program, args.loop);
    require("inside", Number.isInteger(args.at) && args.at > 0 && args.at < statement.extent, `${args.at} is not between 1 and ${statement.extent - 1}`);
    require("serial-loop", statement.mode === "serial", `the loop ${args.loop} is ${statement.mode}`);
    require("known-count", statement.count === undefined, `the sizes of the run decide how often ${args.loop} runs`);
    const taken = namesIn(program);
    const rest = variable(freshName(args.loop, taken));
    const moved = renamed(substituteVariables(statement.body, new Map([[statement.variable, add(rest, args.at)]])), taken);
    return replaceStatement(program, statement, [loop(statement.variable, args.at, statement.body), loop(rest, statement.extent - args.at, moved)]);
  },
});
