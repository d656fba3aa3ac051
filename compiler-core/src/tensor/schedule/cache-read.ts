import { freshName, buffer as makeBuffer, mapExpressions, mapInside, namesIn, nest, renamed, store, walkStatements } from "../build.ts";
import { add, integer, load, loadsOf, mapOperands, substitute } from "../expression.ts";
import type { Expression, Loop, Statement } from "../program.ts";
import { intervalOf, Scope } from "../simplify.ts";
import { writersOf } from "./compute-inline.ts";
import { bindingsOf, definePrimitive, findBlock, replaceStatement, type Require } from "./primitive.ts";
import { holdsOneBlock, takesNests } from "./nests.ts";
import { type Span, spanOf } from "./region.ts";

/**
 * Each iteration of `at` first copies the part of `buffer` that the block reads in it into a local buffer, which the
 * block then reads: strided or scattered elements lie side by side, and are fetched once for all the times they are
 * used. With `at` "" one copy is made before the block's whole nest.
 */
export const cacheRead = definePrimitive<{ block: string; buffer: string; at: string }>({
  name: "cache-read",
  summary: "What a block reads of a buffer is copied side by side into a local buffer before it is used.",
  parameters: { block: "block", buffer: "buffer", at: "loop-or-nest" },
  conditions: [
    { name: "reads-buffer", doc: "The block reads the buffer, and does not write it." },
    { name: "loop-around-block", doc: "The loop encloses the block." },
    takesNests,
    { name: "one-region", doc: "Each index is a sum of a part of the loops outside and a part of the loops inside, the same outside for all reads: they lie in one box." },
    { name: "in-bounds", doc: "The whole box lies in the buffer in every iteration, also where a condition keeps the block from reading all of it." },
    { name: "not-written", doc: "Nothing writes the buffer between the copy and its use." },
  ],
  apply(program, args, require: Require) {
    const { statement: block, around } = findBlock(program, args.block);
    const bindings = bindingsOf(block);
    const reads: Extract<Expression, { kind: "load" }>[] = [];
    walkStatements([...(block.init ?? []), ...block.body], (s) => {
      const found = s.kind === "store" ? [s.value, ...s.indices] : s.kind === "if" ? [s.condition] : [];
      reads.push(...found.flatMap(loadsOf).filter((l) => l.buffer.name === args.buffer));
    });
    const from = reads[0]?.buffer;
    require("reads-buffer", from !== undefined, `${args.block} does not read ${args.buffer}`);
    const loops = around.filter((s): s is Loop => s.kind === "for");
    const at = args.at === "" ? -1 : loops.findIndex((l) => l.variable.name === args.at);
    require("loop-around-block", args.at === "" || at >= 0, `${args.at} does not enclose ${args.block}`);
    const host: Statement = at < 0 ? ((around[0] ?? block) as Statement) : (loops[at] as Loop);
    const outside = loops[at];
    require("takes-nests", !outside || !holdsOneBlock(outside), `${args.at} is ${outside?.mode}`);
    const writers = new Set<Statement>(writersOf(program, from));
    let written = false;
    walkStatements([host], (s) => void (written ||= writers.has(s)));
    require("not-written", !written, `${args.buffer} is written in ${args.at === "" ? "the nest" : args.at}`);

    const scope = loops.reduce((s, l) => s.with(l.variable, l.extent), Scope.empty);
    const inside = new Set(loops.slice(at + 1).map((l) => l.variable));
    const spans = from.dims.map((dim, d): Span => {
      const span = spanOf(reads.map((l) => substitute(l.indices[d] as Expression, bindings)), inside, scope);
      require("one-region", typeof span !== "string", `${args.buffer}, dimension ${d}: ${span as string}`);
      const { low, high } = intervalOf(span.base, scope);
      require("in-bounds", low >= 0 && high + span.extent <= dim, `${args.buffer}, dimension ${d}: elements ${low} to ${high + span.extent - 1} of ${dim}`);
      return span;
    });

    const taken = namesIn(program);
    const local = makeBuffer(freshName(`${from.name}_read`, taken), from.element, spans.map((s) => s.extent), "local");
    const axes = spans.flatMap((s, d) => (s.extent > 1 ? [{ name: `c${d}`, extent: s.extent, dimension: d }] : []));
    const copyBlock = nest(`${local.name}_copy`, axes, (variables) => {
      const own = spans.map((_, d): Expression => variables[axes.findIndex((a) => a.dimension === d)] ?? integer(0));
      return store(local, own, load(from, own.map((v, d) => add(spans[d]!.base, v))));
    });
    const copy = renamed(copyBlock, taken);
    const inExpression = (e: Expression): Expression => {
      const inner = mapOperands(e, inExpression);
      return inner.kind === "load" && inner.buffer === from ? load(local, inner.indices.map((index, d) => spans[d]!.offset(substitute(index, bindings)))) : inner;
    };
    const inStatement = (s: Statement): Statement => mapExpressions(mapInside(s, (body) => body.map(inStatement)), inExpression);
    const cached = { ...block, ...(block.init ? { init: block.init.map(inStatement) } : {}), body: block.body.map(inStatement) };
    const before: readonly Statement[] = [{ kind: "allocate", buffer: local }, ...copy];
    const inHost = replaceStatement({ ...program, body: [host] }, block, [cached]).body[0] as Statement;
    return replaceStatement(program, host, at < 0 ? [...before, inHost] : [{ ...(inHost as Loop), body: [...before, ...(inHost as Loop).body] }]);
  },
});
