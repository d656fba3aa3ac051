import { freshName, loop, namesIn, blocksIn } from "../build.ts";
import { floordiv, floormod, variable } from "../expression.ts";
import { knownCount, definePrimitive, findLoop, isReduceLoop, isSpatialLoop, replaceStatement, substituteVariables, type Require } from "./primitive.ts";

/** for a in A: for b in B  ->  for a_b in A*B, with a = a_b // B and b = a_b % B. */
export const fuse = definePrimitive<{ outer: string; inner: string }>({
  name: "fuse",
  summary: "Two nested loops become one over all their pairs, in the same order.",
  parameters: { outer: "loop", inner: "loop" },
  conditions: [
    { name: "directly-nested", doc: "The outer loop contains the inner loop and nothing else." },
    { name: "serial-loop", doc: "Both loops are serial." },
    knownCount,
    { name: "same-kind", doc: "No block has a spatial axis on one loop and a reduce axis on the other." },
  ],
  apply(program, args, require: Require) {
    const outer = findLoop(program, args.outer).statement;
    const inner = outer.body[0];
    require("directly-nested", outer.body.length === 1 && inner?.kind === "for" && inner.variable.name === args.inner, `${args.inner} is not alone in ${args.outer}`);
    require("serial-loop", outer.mode === "serial" && inner.mode === "serial", "a loop is marked");
    require("known-count", outer.count === undefined && inner.count === undefined, "the sizes of the run decide how often a loop runs");
    for (const block of blocksIn(inner.body)) {
      const mixed = (isReduceLoop(block, outer.variable) && isSpatialLoop(block, inner.variable)) || (isSpatialLoop(block, outer.variable) && isReduceLoop(block, inner.variable));
      require("same-kind", !mixed, `${block.name} reduces over one of the loops only`);
    }
    const fused = variable(freshName(`${args.outer}_${args.inner}`, namesIn(program)));
    const body = substituteVariables(inner.body, new Map([[outer.variable, floordiv(fused, inner.extent)], [inner.variable, floormod(fused, inner.extent)]]));
    return replaceStatement(program, outer, [loop(fused, outer.extent * inner.extent, body)]);
  },
});
