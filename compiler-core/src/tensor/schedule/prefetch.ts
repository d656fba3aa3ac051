import { accessesOf, coefficient } from "../access.ts";
import { add, floordiv, floormod, integer, mul } from "../expression.ts";
import type { Block, Expression, Loop } from "../program.ts";
import { definePrimitive, findBlock, isReduceLoop, loopsAroundBlock, replaceStatement, type Require } from "./primitive.ts";

/** The first of the innermost reduce loops, which no serial loop of another kind lies in. */
export function innerReduction(block: Block, loops: readonly Loop[]): number {
  const outer = loops.findLastIndex((l) => l.mode === "serial" && l.extent > 1 && !isReduceLoop(block, l.variable));
  return loops.findIndex((l, i) => i > outer && isReduceLoop(block, l.variable));
}

/** float32 elements in a line of the caches */
const lineElements = 16;
/** More of them at once would take the places of what the second cache is asked for meanwhile. */
const mostLines = 4;

/**
 * Asks for what the next iteration of the loop that moves `buffer` will read, a line in each iteration of `loop` where that
 * is enough, evenly over all passes of the current one: a processor waits for some 16 lines at a time, and one from memory holds
 * its place for hundreds of cycles. It changes no value; backends without such an instruction leave it out.
 */
export const prefetch = definePrimitive<{ block: string; buffer: string; loop: string }>({
  name: "prefetch",
  summary: "While one panel of weights is used again and again, the next one is brought near, line by line.",
  parameters: { block: "block", buffer: "buffer", loop: "loop" },
  conditions: [
    { name: "reduce-loop", doc: "The loop moves a reduce axis of the block." },
    { name: "next-panel", doc: "A loop outside the reduction, or over parts of it, moves the buffer evenly, and loops inside of it, or rows written out, do not: the panel is used more than once." },
    { name: "serial-loop", doc: "The loop is serial." },
  ],
  apply(program, args, require: Require) {
    const { statement: block } = findBlock(program, args.block);
    const loops = loopsAroundBlock(program, args.block);
    const at = loops.findIndex((l) => l.variable.name === args.loop);
    const place = loops[at];
    require("reduce-loop", place !== undefined && isReduceLoop(block, place.variable), `${args.loop} does not`);
    require("serial-loop", place.mode === "serial", `${args.loop} is ${place.mode}`);
    const access = accessesOf(block, loops).find((a) => a.buffer.name === args.buffer && !a.writes);
    const first = innerReduction(block, loops);
    require("reduce-loop", first >= 0 && at >= first, `${args.loop} lies outside the last reduction`);
    const mover = access ? loops.slice(0, first).findLastIndex((l) => coefficient(access.offset, l.variable) !== 0) : -1;
    const step = mover >= 0 ? coefficient(access!.offset, loops[mover]!.variable) : undefined;
    const passes = loops.slice(mover + 1, first);
    const written = loops.slice(first).filter((l) => l.mode === "unrolled" && coefficient(access!.offset, l.variable) === 0);
    require("next-panel", mover >= 0 && step !== undefined && step > 0 && [...passes, ...written].reduce((n, l) => n * l.extent, 1) > 1, `${args.buffer} is not read again before it moves on`);
    // What one panel is: all that the loops inside move.
    const inner = loops.slice(first).filter((l) => coefficient(access!.offset, l.variable));
    const elements = inner.reduce((n, l) => n * l.extent, 1);
    const lines = Math.ceil(elements / lineElements);
    const turns = [...passes, ...loops.slice(first, at)];
    const slots = turns.reduce((n, l) => n * l.extent, 1);
    // Panels side by side lie apart where only a part of each is read.
    const apart = inner.find((l) => l.mode === "unrolled" && (coefficient(access!.offset, l.variable) ?? 0) > elements / l.extent);
    const slotsEach = apart ? Math.ceil(slots / apart.extent) : slots;
    // What the iterations of the loop ask for overlaps where a line each is more than is needed.
    const wanted = Math.ceil(lines / (apart?.extent ?? 1) / slotsEach);
    const count = Math.min(mostLines, Math.ceil(wanted / place.extent));
    const taken = Math.min(wanted, count * place.extent) * lineElements;
    const turn = turns.reduce<Expression>((sum, l) => add(mul(sum, l.extent), l.variable), integer(0));
    const moved = loops.slice(0, mover + 1).reduce<Expression>((sum, l) => add(sum, mul(l.variable, coefficient(access!.offset, l.variable) ?? 0)), integer(step));
    const begun = apart ? add(add(moved, mul(floordiv(turn, slotsEach), coefficient(access!.offset, apart.variable)!)), mul(floormod(turn, slotsEach), taken)) : add(moved, mul(turn, taken));
    const index = add(begun, mul(place.variable, count * lineElements));
    return replaceStatement(program, place, [{ ...place, prefetch: { buffer: access!.buffer, index, lines: count } }]);
  },
});
