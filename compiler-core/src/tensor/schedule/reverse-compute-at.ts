import { blocksIn, buffersRead, namesIn, renamed, substituteStatements } from "../build.ts";
import { substitute } from "../expression.ts";
import type { Block, Expression, Loop, Statement } from "../program.ts";
import { Scope } from "../simplify.ts";
import { removeStatement, writersOf } from "./compute-inline.ts";
import { buffersWritten, commonBody, freeNames, holdsOneBlock, intoLoops, partNest, plainAxes, plainNest, readsOf, takesNests } from "./nests.ts";
import { bindingsOf, definePrimitive, findBlock, findLoop, isReduceLoop, mentions, replaceStatement, storesOf, type Require } from "./primitive.ts";
import { type Span, spanOf } from "./region.ts";

/**
 * The block is computed inside `loop` of the nest that writes `buffer`, each time for the part that the iteration has
 * just finished, while that part is near.
 */
export const reverseComputeAt = definePrimitive<{ block: string; buffer: string; loop: string }>({
  name: "reverse-compute-at",
  summary: "A consumer moves into a loop of its producer, and uses each part as soon as it is finished.",
  parameters: { block: "block", buffer: "buffer", loop: "loop" },
  conditions: [
    { name: "plain-nest", doc: "The block stands alone in its loops, has no reduce axis, and writes each of its points once." },
    { name: "reads-in-place", doc: "It reads the buffer at distinct axes of its own, each in full, and nowhere else." },
    { name: "finished", doc: "One block writes the buffer, under no condition, and the loops of its reduce axes lie inside the loop." },
    { name: "one-region", doc: "What an iteration writes of the buffer is a box without holes, whose place the loops outside decide." },
    takesNests,
    { name: "ready", doc: "What else the block reads is not written from the loop on, and what it writes is not used before its old place." },
  ],
  apply(program, args, require: Require) {
    const { statement: block } = findBlock(program, args.block);
    const { statement: target, around } = findLoop(program, args.loop);
    require("takes-nests", !holdsOneBlock(target), `${args.loop} is ${target.mode}`);
    const common = commonBody(program, block, target);
    const root = common.body[common.a] as Statement;
    require("ready", common.b < common.a, `${args.block} does not stand after ${args.loop}`);
    const loops = plainNest(root, block);
    const stored = storesOf(block)[0];
    require("plain-nest", loops !== undefined && stored !== undefined && block.init === undefined && block.axes.every((a) => a.kind === "spatial"), `${args.block} is not one store in loops of its own`);
    const buffer = [...buffersRead([block])].find((b) => b.name === args.buffer);
    const reads = buffer ? readsOf([block], buffer) : [];
    require("reads-in-place", buffer !== undefined && buffer !== stored.buffer, `${args.block} does not read ${args.buffer}`);
    const axes = plainAxes(block, loops, reads[0]!.indices, buffer.dims);
    const sizes = new Map(block.axes.map((a) => [a.variable, a.extent]));
    const places = reads.every((r) => r.indices.every((i, d) => (axes?.[d] ? i === axes[d] : i.kind === "integer")));
    require("reads-in-place", axes !== undefined && places && axes.every((a, d) => (a ? sizes.get(a) : 1) === buffer.dims[d]), `${args.buffer} is read at other places than whole axes of ${args.block}`);

    const writers = writersOf(program, buffer);
    const found = blocksIn([target]).find((b) => b.body.some((w) => w.kind === "store" && w.buffer === buffer));
    require("finished", found !== undefined && writers.every((w) => [...(found.init ?? []), ...found.body].includes(w)), `${args.buffer} is not written by one block in ${args.loop}`);
    const producer = findBlock(program, found.name);
    require("finished", producer.around.every((s) => s.kind === "for"), `${found.name} stands under a condition`);
    const outside = [...around.filter((s): s is Loop => s.kind === "for"), target];
    for (const l of outside) require("finished", !isReduceLoop(found, l.variable), `${l.variable.name} moves a reduce axis of ${found.name}`);
    const all = producer.around.filter((s): s is Loop => s.kind === "for");
    const scope = all.reduce((s, l) => s.with(l.variable, l.extent), Scope.empty);
    const inside = new Set(all.slice(outside.length).map((l) => l.variable));
    const indices = storesOf(found)[0]!.indices.map((i) => substitute(i, bindingsOf(found)));
    for (const l of all) require("one-region", indices.filter((i) => mentions(i, l.variable)).length <= 1, `${l.variable.name} moves two dimensions of ${args.buffer}: a part is no box`);
    const spans = buffer.dims.map((dim, d): Span => {
      const span = spanOf([indices[d] as Expression], inside, scope);
      require("one-region", typeof span !== "string", `${args.buffer}, dimension ${d}: ${span as string}`);
      const whole = spanOf([indices[d] as Expression], new Set(all.map((l) => l.variable)), scope);
      require("one-region", span.dense && typeof whole !== "string" && whole.dense && whole.extent === dim, `${args.buffer}, dimension ${d}: elements are left out`);
      return span;
    });
    const between = common.body.slice(common.b, common.a);
    const written = buffersWritten(between);
    for (const b of buffersRead([root])) require("ready", b === buffer || !written.has(b), `${b.name} is written from ${args.loop} on`);
    require("ready", !written.has(stored.buffer) && !buffersRead(between).has(stored.buffer), `${stored.buffer.name} is used before`);

    const taken = namesIn(program);
    const bindings = bindingsOf(block);
    const parts = partNest(loops, (l) => spans[axes.findIndex((a) => a !== undefined && bindings.get(a) === l.variable)]);
    const copy: Block = { ...block, bindings: block.bindings.map((b) => substitute(b, parts.place)), body: substituteStatements(block.body, parts.place) };
    // What the block writes must be allocated before the loop it now stands in.
    const late = between.find((s) => s.kind === "allocate" && s.buffer === stored.buffer);
    const hoisted = late ? replaceStatement(replaceStatement(program, common.body[common.b]!, [{ ...late }, common.body[common.b]!]), late, []) : program;
    const without = { ...hoisted, body: removeStatement(hoisted.body, findBlock(hoisted, args.block).statement) };
    const now = findLoop(without, args.loop).statement;
    freeNames(taken, block, loops);
    return replaceStatement(without, now, [{ ...now, body: [...now.body, ...renamed(intoLoops(parts.loops, [copy]), taken)] }]);
  },
});
