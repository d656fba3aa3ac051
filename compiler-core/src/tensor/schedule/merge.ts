import { substituteVariables, definePrimitive, findLoop, knownCount, replaceStatement, type Require } from "./primitive.ts";
import { conflictBetween } from "./dependence.ts";
import { commonBody } from "./nests.ts";
import type { Loop, Statement } from "../program.ts";

/** for a in E: A; for b in E: B  ->  for a in E: A; B, with b = a. */
export const merge = definePrimitive<{ first: string; second: string }>({
  name: "merge",
  summary: "Two loops of one extent, one after the other, become one, each iteration of which runs that of the first and then that of the second.",
  parameters: { first: "loop", second: "loop" },
  conditions: [
    { name: "neighbours", doc: "The second loop stands directly behind the first, or behind loops that run once, at whose end the first stands." },
    { name: "same-form", doc: "Both loops run equally often and in the same way: one after the other, or written out." },
    knownCount,
    { name: "no-carried-dependence", doc: "Of what both touch and one of them writes, different iterations touch different elements." },
  ],
  apply(program, args, require: Require) {
    const first = findLoop(program, args.first);
    const second = findLoop(program, args.second);
    const common = commonBody(program, first.statement, second.statement);
    const [top, behind] = [common.body[common.a]!, common.body[common.b]];
    let at: Statement = top;
    while (at !== first.statement && at.kind === "for" && at.extent === 1 && !at.count) at = at.body.at(-1)!;
    require("neighbours", first.statement !== second.statement && behind === second.statement && common.b === common.a + 1 && at === first.statement, `${args.second} does not stand directly behind ${args.first}`);
    const [a, b] = [first.statement, second.statement];
    require("known-count", a.count === undefined && b.count === undefined, "the sizes of the run decide how often a loop runs");
    require("same-form", a.extent === b.extent && a.mode === b.mode && (a.mode === "serial" || a.mode === "unrolled"), `${args.first} runs ${a.extent} times, ${a.mode}, ${args.second} ${b.extent} times, ${b.mode}`);
    const loops = (around: readonly Statement[]): Loop[] => around.filter((s): s is Loop => s.kind === "for");
    const conflict = conflictBetween({ loop: a, around: loops(first.around) }, { loop: b, around: loops(second.around) });
    require("no-carried-dependence", conflict === undefined, conflict ?? "");
    const without = replaceStatement(program, b, []);
    const now = findLoop(without, args.first).statement;
    return replaceStatement(without, now, [{ ...now, body: [...now.body, ...substituteVariables(b.body, new Map([[b.variable, a.variable]]))] }]);
  },
});
