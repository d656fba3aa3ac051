import { freshName, loop, namesIn, renamed } from "../build.ts";
import { add, floordiv, floormod, integer, mul, variable } from "../expression.ts";
import { definePrimitive, findLoop, replaceStatement, substituteVariables, type Require } from "./primitive.ts";

/** for x in E  ->  for x_o in E // factor: for x_i in factor; then for x_r in E % factor with copies of the blocks. */
export const splitRemainder = definePrimitive<{ loop: string; factor: number }>({
  name: "split-remainder",
  summary: "One loop becomes whole tiles of `factor` iterations, and a loop of its own over what is left: without a test in either, and also where sizes of the run decide how long it is.",
  parameters: { loop: "loop", factor: "number" },
  conditions: [
    { name: "factor-fits", doc: "The factor is an integer above 1, and the loop has at least as many iterations at most." },
    { name: "serial-loop", doc: "The loop is serial." },
  ],
  apply(program, args, require: Require) {
    const { statement } = findLoop(program, args.loop);
    const { extent, factor } = { extent: statement.extent, factor: args.factor };
    require("factor-fits", Number.isInteger(factor) && factor > 1 && factor <= extent, `${factor} is not between 2 and ${extent}`);
    require("serial-loop", statement.mode === "serial", `the loop ${args.loop} is ${statement.mode}`);
    const count = statement.count ?? integer(extent);
    const taken = namesIn(program);
    const outer = variable(freshName(`${args.loop}_o`, taken));
    const inner = variable(freshName(`${args.loop}_i`, taken));
    const rest = variable(freshName(`${args.loop}_r`, taken));
    const symbolic = statement.count !== undefined;
    const whole = loop(outer, Math.floor(extent / factor), [loop(inner, factor, substituteVariables(statement.body, new Map([[statement.variable, add(mul(outer, factor), inner)]])))], "serial", symbolic ? floordiv(count, factor) : undefined);
    if (!symbolic && extent % factor === 0) return replaceStatement(program, statement, [whole]);
    const left = renamed(substituteVariables(statement.body, new Map([[statement.variable, add(mul(floordiv(count, factor), factor), rest)]])), taken);
    return replaceStatement(program, statement, [whole, loop(rest, symbolic ? factor - 1 : extent % factor, left, "serial", symbolic ? floormod(count, factor) : undefined)]);
  },
});
