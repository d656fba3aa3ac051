import { buffer, freshName, mapExpressions, mapStatements, namesIn, store, walkStatements } from "../build.ts";
import { keyOf, load, loadsOf, mapOperands, substitute } from "../expression.ts";
import type { Block, Expression, Loop, Statement, Store, Variable } from "../program.ts";
import { holdsOneBlock, takesNests } from "./nests.ts";
import { bindingsOf, definePrimitive, findBlock, isReduceLoop, isSpatialLoop, mentions, replaceStatement, storesOf, type Require } from "./primitive.ts";
import { spatialCopy } from "./spatial-copy.ts";

/**
 * The block computes the part of its result that one iteration of `at` makes in a local buffer (accumulators), one
 * dimension for each spatial loop inside `at`; a new block `<block>_write` then stores it. Of a block without an init a new block
 * `<block>_read` first takes what is there: parts of a reduction whose loop lies outside go on from each other.
 * With `at` "" the local buffer holds what the block's whole nest makes.
 */
export const cacheWrite = definePrimitive<{ block: string; at: string }>({
  name: "cache-write",
  summary: "A block accumulates in a local buffer, which is written back once it is done.",
  parameters: { block: "block", at: "loop-or-nest" },
  conditions: [
    { name: "one-store", doc: "The block's body is one store." },
    { name: "loop-around-block", doc: "The loop encloses the block." },
    takesNests,
    { name: "reduction-inside", doc: "All loops of the block's reduce axes lie inside the loop, so that each part is finished when it is written back; or the block has no init, so that each goes on from what is there." },
    { name: "spatial-or-reduce", doc: "Each loop inside moves spatial axes, on which the stored element depends, or reduce axes, not both." },
    { name: "unguarded", doc: "No condition stands between the loop and the block." },
    { name: "used-later", doc: "In the loops inside, nothing else reads the result, and its buffer is not made anew." },
  ],
  apply(program, args, require: Require) {
    const { statement: block, around } = findBlock(program, args.block);
    const original = storesOf(block)[0];
    require("one-store", block.body.length === 1 && original !== undefined, `${args.block} has more than one statement`);
    const loops = around.filter((s): s is Loop => s.kind === "for");
    const at = args.at === "" ? -1 : loops.findIndex((l) => l.variable.name === args.at);
    require("loop-around-block", args.at === "" || at >= 0, `${args.at} does not enclose ${args.block}`);
    const outside = loops[at];
    require("takes-nests", !outside || !holdsOneBlock(outside), `${args.at} is ${outside?.mode}`);
    for (const l of loops.slice(0, at + 1)) require("reduction-inside", !block.init || !isReduceLoop(block, l.variable), `${l.variable.name} moves a reduce axis`);
    const between = args.at === "" ? around : around.slice(around.indexOf(loops[at] as Loop) + 1);
    require("unguarded", between.every((s) => s.kind === "for"), "a condition stands between");
    const inside = loops.slice(at + 1);
    const spatial = inside.filter((l) => isSpatialLoop(block, l.variable));
    const bindings = bindingsOf(block);
    for (const l of spatial) {
      const moved = block.axes.filter((a) => mentions(bindings.get(a.variable) as Expression, l.variable));
      const stored = moved.some((a) => original.indices.some((i) => mentions(i, a.variable)));
      require("spatial-or-reduce", stored && moved.every((a) => a.kind === "spatial"), `${l.variable.name} moves ${moved.map((a) => `${a.kind} ${a.variable.name}`).join(" and ")}`);
    }
    const host: Statement = inside[0] ?? block;
    walkStatements([host], (s, above) => {
      if (s.kind === "allocate") require("used-later", s.buffer !== original.buffer, `${original.buffer.name} is made anew inside`);
      const reads = s.kind === "store" && !above.includes(block) ? [s.value, ...s.indices].flatMap(loadsOf) : [];
      require("used-later", reads.every((l) => l.buffer !== original.buffer), `${original.buffer.name} is read inside`);
    });
    const taken = namesIn(program);
    const local = buffer(freshName(`${block.name}_acc`, taken), original.buffer.element, spatial.map((l) => l.extent), "local");
    const own = spatial.map((l) => l.variable);
    const place = original.indices.map(keyOf).join();
    const inExpression = (e: Expression): Expression => {
      const inner = mapOperands(e, inExpression);
      return inner.kind === "load" && inner.buffer === original.buffer && inner.indices.map(keyOf).join() === place ? load(local, own) : inner;
    };
    const inStatement = (s: Statement): Statement => (s.kind === "store" && s.buffer === original.buffer ? store(local, own, inExpression(s.value)) : mapExpressions(s, inExpression));
    const cached: Block = {
      ...block,
      ...(block.init ? { init: mapStatements(block.init, inStatement) } : {}),
      body: mapStatements(block.body, inStatement),
    };

    /** A nest over the loops inside that moves each element between its place in the buffer and the local one. */
    const moving = (name: string, body: (place: readonly Expression[], own: readonly Variable[]) => Store): readonly Statement[] =>
      spatialCopy(block, `${block.name}_${name}`, spatial, taken, (copies, by) => [body(original.indices.map((i) => substitute(i, by)), copies)]);
    const goesOn = !block.init && loadsOf(original.value).some((l) => l.buffer === original.buffer);
    const before = !goesOn ? [] : moving("read", (at, ownPlace) => store(local, ownPlace, load(original.buffer, at)));
    const after = moving("write", (at, ownPlace) => store(original.buffer, at, load(local, ownPlace)));

    const computed = replaceStatement(program, block, [cached]);
    const top = inside[0]?.variable;
    const wrap = (s: Statement): readonly Statement[] => [{ kind: "allocate", buffer: local }, ...before, s, ...after];
    const visit = (body: readonly Statement[]): readonly Statement[] =>
      body.flatMap((s): readonly Statement[] => {
        if (s === cached && top === undefined) return wrap(s);
        if (s.kind === "for") return s.variable === top ? wrap(s) : [{ ...s, body: visit(s.body) }];
        if (s.kind === "if") return [{ ...s, then: visit(s.then), ...(s.otherwise ? { otherwise: visit(s.otherwise) } : {}) }];
        return [s];
      });
    return { ...computed, body: visit(computed.body) };
  },
});
