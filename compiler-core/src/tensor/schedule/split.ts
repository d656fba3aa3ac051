import { freshName, loop, namesIn } from "../build.ts";
import { add, lt, mul, variable } from "../expression.ts";
import { knownCount, definePrimitive, findLoop, replaceStatement, substituteVariables, type Require } from "./primitive.ts";

/** for x in E  ->  for x_o in ceil(E / factor): for x_i in factor, guarded where the factor does not divide. */
export const split = definePrimitive<{ loop: string; factor: number }>({
  name: "split",
  summary: "One loop becomes two: the inner one runs over `factor` neighbouring iterations.",
  parameters: { loop: "loop", factor: "number" },
  conditions: [
    { name: "factor-positive", doc: "The factor is a positive integer." },
    { name: "serial-loop", doc: "The loop is not yet unrolled, vectorized or parallel." },
    knownCount,
  ],
  apply(program, args, require: Require) {
    const { statement } = findLoop(program, args.loop);
    require("factor-positive", Number.isInteger(args.factor) && args.factor > 0, `the factor is ${args.factor}`);
    require("serial-loop", statement.mode === "serial", `the loop ${args.loop} is ${statement.mode}`);
    require("known-count", statement.count === undefined, `the sizes of the run decide how often ${args.loop} runs`);
    const taken = namesIn(program);
    const outer = variable(freshName(`${args.loop}_o`, taken));
    const inner = variable(freshName(`${args.loop}_i`, taken));
    const index = add(mul(outer, args.factor), inner);
    const body = substituteVariables(statement.body, new Map([[statement.variable, index]]));
    const guarded = statement.extent % args.factor === 0 ? body : [{ kind: "if" as const, condition: lt(index, statement.extent), then: body }];
    return replaceStatement(program, statement, [loop(outer, Math.ceil(statement.extent / args.factor), [loop(inner, args.factor, guarded)])]);
  },
});
