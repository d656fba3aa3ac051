import { blocksIn, walkStatements } from "../build.ts";
import { substitute } from "../expression.ts";
import type { Buffer, Loop, TensorProgram } from "../program.ts";
import { racesOf } from "./dependence.ts";
import { bindingsOf, definePrimitive, findLoop, isReduceLoop, mentions, replaceStatement, type Require } from "./primitive.ts";

/** Under these the iterations of a loop may run at the same time. */
export const independentIterations = [
  { name: "spatial", doc: "The loop moves no reduce axis." },
  { name: "own-locals", doc: "Local buffers that the iterations write are allocated inside the loop, or each iteration writes elements of its own." },
  { name: "no-carried-dependence", doc: "No iteration reads what another one writes." },
  { name: "own-elements", doc: "Each iteration writes elements of its own." },
  { name: "serial-loop", doc: "The loop is serial." },
] as const;

export function requireIndependentIterations(program: TensorProgram, name: string, require: Require): Loop {
  const { statement, around } = findLoop(program, name);
  require("serial-loop", statement.mode === "serial", `the loop ${name} is ${statement.mode}`);
  for (const block of blocksIn(statement.body)) require("spatial", !isReduceLoop(block, statement.variable), `${block.name} reduces over ${name}`);
  const own = new Set<Buffer>();
  walkStatements(statement.body, (s) => {
    if (s.kind === "allocate") own.add(s.buffer);
  });
  walkStatements(statement.body, (s, inside) => {
    if (s.kind !== "store" || s.buffer.scope !== "local" || own.has(s.buffer)) return;
    const block = inside.find((a) => a.kind === "block");
    const bindings = block ? bindingsOf(block) : new Map();
    const apart = s.indices.some((i) => mentions(substitute(i, bindings), statement.variable));
    require("own-locals", apart, `${s.buffer.name} is shared by the iterations`);
  });
  const race = racesOf({ loop: statement, around: around.filter((s): s is Loop => s.kind === "for") });
  require(race?.condition ?? "own-elements", race === undefined, race?.detail ?? "");
  return statement;
}

export const parallel = definePrimitive<{ loop: string }>({
  name: "parallel",
  summary: "The loop's iterations may run at the same time, on several cores.",
  parameters: { loop: "loop" },
  conditions: independentIterations,
  apply(program, args, require: Require) {
    const statement = requireIndependentIterations(program, args.loop, require);
    return replaceStatement(program, statement, [{ ...statement, mode: "parallel" }]);
  },
});
