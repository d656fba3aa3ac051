import { buffer as makeBuffer, buffersRead, freshName, mapExpressions, namesIn, renamed, substituteStatements, walkStatements, when } from "../build.ts";
import { all, ge, integer, load, lt, mapOperands, substitute } from "../expression.ts";
import type { Block, Expression, Loop, Statement, Variable } from "../program.ts";
import { intervalOf, Scope } from "../simplify.ts";
import { removeStatement, writersOf } from "./compute-inline.ts";
import { bindingsAround, buffersWritten, commonBody, freeNames, holdsOneBlock, intoLoops, partNest, plainAxes, plainNest, readsOf, takesNests } from "./nests.ts";
import { bindingsOf, definePrimitive, findBlock, findLoop, replaceStatement, storesOf, type Require } from "./primitive.ts";
import { type Span, spanOf } from "./region.ts";

/**
 * The block is computed inside `loop`, each time just the part that the iteration reads; its buffer shrinks to that
 * part. Parts that overlap (windows) are computed again: less memory is moved for more arithmetic.
 */
export const computeAt = definePrimitive<{ block: string; loop: string }>({
  name: "compute-at",
  summary: "A producer moves into a loop of its consumer, and computes only what that iteration reads.",
  parameters: { block: "block", loop: "loop" },
  conditions: [
    { name: "plain-nest", doc: "The block stands alone in its loops and has one store at distinct axes, each of them a loop." },
    { name: "local-buffer", doc: "The block's result is local to the program, and only this block writes it." },
    { name: "readers-inside", doc: "The block stands before the loop, and everything that reads its result lies inside." },
    { name: "one-region", doc: "What an iteration reads of the result is a box whose place the loops outside decide." },
    takesNests,
    { name: "inputs-ready", doc: "What the block reads is not written between the block's old place and the end of the loop." },
  ],
  apply(program, args, require: Require) {
    const { statement: block } = findBlock(program, args.block);
    const { statement: target, around } = findLoop(program, args.loop);
    require("takes-nests", !holdsOneBlock(target), `${args.loop} is ${target.mode}`);
    const common = commonBody(program, block, target);
    const root = common.body[common.a] as Statement;
    require("readers-inside", common.a < common.b, `${args.block} does not stand before ${args.loop}`);
    const loops = plainNest(root, block);
    const stored = storesOf(block)[0];
    require("plain-nest", loops !== undefined && stored !== undefined, `other statements or conditions stand in its loops`);
    const { buffer } = stored;
    const axes = plainAxes(block, loops, stored.indices, buffer.dims);
    require("plain-nest", axes !== undefined, `${args.block} does not store at its own axes`);
    const own = [...(block.init ?? []), ...block.body];
    require("local-buffer", buffer.scope === "local" && writersOf(program, buffer).every((w) => own.includes(w)), `${buffer.name} is not, or has other writers`);
    const reads = readsOf([target], buffer, around);
    const elsewhere = readsOf(program.body, buffer).length - reads.length - readsOf([root], buffer).length;
    require("readers-inside", reads.length > 0 && elsewhere === 0, reads.length === 0 ? `nothing in ${args.loop} reads ${buffer.name}` : `${buffer.name} is read outside ${args.loop} too`);
    const written = buffersWritten(common.body.slice(common.a + 1, common.b + 1));
    for (const b of buffersRead([root])) require("inputs-ready", b === buffer || !written.has(b), `${b.name} is written meanwhile`);

    const outer = around.reduce((s, l) => (l.kind === "for" ? s.with(l.variable, l.extent) : s), Scope.empty).with(target.variable, target.extent);
    const inside = new Set<Variable>();
    let scope = outer;
    walkStatements(target.body, (s) => {
      if (s.kind !== "for") return;
      inside.add(s.variable);
      scope = scope.with(s.variable, s.extent);
    });
    const spans = buffer.dims.map((_, d): Span => {
      const span = spanOf(reads.map((r) => substitute(r.indices[d] as Expression, bindingsAround(r.around))), inside, scope);
      require("one-region", typeof span !== "string", `${buffer.name}, dimension ${d}: ${span as string}`);
      return span;
    });

    const taken = namesIn(program);
    const part = makeBuffer(freshName(`${buffer.name}_part`, taken), buffer.element, spans.map((s) => s.extent), "local");
    const bindings = bindingsOf(block);
    const spanOfLoop = (l: Loop): Span | undefined => spans[axes.findIndex((a) => a !== undefined && bindings.get(a) === l.variable)];
    const parts = partNest(loops, spanOfLoop);
    const guards = loops.flatMap((l): Expression[] => {
      const span = spanOfLoop(l);
      if (!span) return [];
      const { low, high } = intervalOf(span.base, outer);
      const at = parts.place.get(l.variable)!;
      return [...(low < 0 ? [ge(at, integer(0))] : []), ...(high + span.extent > l.extent ? [lt(at, integer(l.extent))] : [])];
    });
    const place = axes.map((a): Expression => (a ? (parts.offset.get(bindings.get(a) as Variable) ?? integer(0)) : integer(0)));
    const toPart = (s: Statement): Statement => {
      const inExpression = (e: Expression): Expression => {
        const x = mapOperands(e, inExpression);
        return x.kind === "load" && x.buffer === buffer ? load(part, place) : x;
      };
      return s.kind === "store" ? { kind: "store", buffer: part, indices: place, value: inExpression(s.value) } : mapExpressions(s, inExpression);
    };
    const copy: Block = {
      ...block,
      bindings: block.bindings.map((b) => substitute(b, parts.place)),
      // Bodies may speak of the loops themselves (cached buffers do).
      ...(block.init ? { init: substituteStatements(block.init.map(toPart), parts.place) } : {}),
      body: substituteStatements(block.body.map(toPart), parts.place),
    };
    const inner: readonly Statement[] = guards.length > 0 ? [when(all(guards), [copy])] : [copy];

    const redirect = (body: readonly Statement[], by: ReadonlyMap<Variable, Expression>): readonly Statement[] =>
      body.map((s): Statement => {
        const here = s.kind === "block" ? new Map([...by, ...bindingsOf(s)]) : by;
        const inExpression = (e: Expression): Expression => {
          const x = mapOperands(e, inExpression);
          return x.kind === "load" && x.buffer === buffer ? load(part, x.indices.map((i, d) => spans[d]!.offset(substitute(i, here)))) : x;
        };
        const t = mapExpressions(s, inExpression);
        if (t.kind === "for") return { ...t, body: redirect(t.body, here) };
        if (t.kind === "if") return { ...t, then: redirect(t.then, here), ...(t.otherwise ? { otherwise: redirect(t.otherwise, here) } : {}) };
        if (t.kind === "block") return { ...t, ...(t.init ? { init: redirect(t.init, here) } : {}), body: redirect(t.body, here) };
        return t;
      });
    const without = { ...program, body: removeStatement(program.body, block, new Set([buffer])) };
    // Removing rebuilds the loops around; the target is found again by its variable.
    const now = findLoop(without, args.loop).statement;
    // The block keeps its name: it is gone from its old place.
    freeNames(taken, block, loops);
    const host: Loop = { ...now, body: [{ kind: "allocate", buffer: part }, ...renamed(intoLoops(parts.loops, inner), taken), ...redirect(now.body, new Map())] };
    return replaceStatement(without, now, [host]);
  },
});
