import { namesIn, substituteStatements } from "../build.ts";
import { integer, substitute } from "../expression.ts";
import type { Expression, Loop, Statement, Variable } from "../program.ts";
import { Scope, simplify } from "../simplify.ts";
import { definePrimitive, findBlock, isReduceLoop, isSpatialLoop, replaceStatement, type Require } from "./primitive.ts";
import { spatialCopy } from "./spatial-copy.ts";

/** The init of a reduction becomes a block of its own before `loop`; the update keeps the rest. */
export const decomposeReduction = definePrimitive<{ block: string; loop: string }>({
  name: "decompose-reduction",
  summary: "The initial value of a reduction is stored by a nest of its own, so that the update's loop has no test in it.",
  parameters: { block: "block", loop: "loop" },
  conditions: [
    { name: "has-init", doc: "The block has an init." },
    { name: "loop-around-block", doc: "The loop encloses the block." },
    { name: "reduction-inside", doc: "No loop outside moves a reduce axis of the block." },
    { name: "begins-here", doc: "The first iteration of the loops is the first of each reduce axis: of a reduction in parts, only the first part has an initial value." },
  ],
  apply(program, args, require: Require) {
    const { statement: block, around } = findBlock(program, args.block);
    require("has-init", block.init !== undefined, `${args.block} has no init`);
    const loops = around.filter((s): s is Loop => s.kind === "for");
    const at = loops.findIndex((l) => l.variable.name === args.loop);
    require("loop-around-block", at >= 0, `${args.loop} does not enclose ${args.block}`);
    for (const l of loops.slice(0, at)) require("reduction-inside", !isReduceLoop(block, l.variable), `${l.variable.name}, outside ${args.loop}, moves a reduce axis`);
    const first = new Map<Variable, Expression>(loops.map((l) => [l.variable, integer(0)]));
    for (const [i, axis] of block.axes.entries()) {
      const begin = simplify(substitute(block.bindings[i] as Expression, first), Scope.empty);
      require("begins-here", axis.kind !== "reduce" || (begin.kind === "integer" && begin.value === 0), `${axis.variable.name} does not begin at 0`);
    }
    const taken = namesIn(program);
    const spatial = loops.slice(at).filter((l) => isSpatialLoop(block, l.variable));
    const nest = spatialCopy(block, `${block.name}_init`, spatial, taken, (_, by) => substituteStatements(block.init as readonly Statement[], by));
    const target = loops[at] as Loop;
    const { init: _, ...update } = block;
    const updated = replaceStatement(program, block, [update]);
    const moved = findLoopByVariable(updated.body, target.variable) as Loop;
    return replaceStatement(updated, moved, [...nest, moved]);
  },
});

function findLoopByVariable(body: readonly Statement[], v: Variable): Loop | undefined {
  for (const s of body) {
    if (s.kind === "for") {
      if (s.variable === v) return s;
      const found = findLoopByVariable(s.body, v);
      if (found) return found;
    } else if (s.kind === "if") {
      const found = findLoopByVariable(s.then, v) ?? (s.otherwise && findLoopByVariable(s.otherwise, v));
      if (found) return found;
    }
  }
  return undefined;
}
