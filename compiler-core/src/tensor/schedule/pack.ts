import { buffersRead, mapExpressions, mapStatements, walkStatements } from "../build.ts";
import { load, mapOperands } from "../expression.ts";
import { type Layout, layoutProblem, packedDims, packedIndices, parseLayoutPart } from "../layout.ts";
import type { Buffer, Expression } from "../program.ts";
import { definePrimitive, findBlock, type Require } from "./primitive.ts";

/**
 * Lays a constant out anew: `layout` gives each new dimension as digits of those before, outermost first. With
 * layout=[0/16, 1, 2, 3, 0%16] a weight w[o, i, kh, kw] becomes w[o // 16, i, kh, kw, o % 16]. The elements move before
 * the program runs, when weights are written; what reads them takes the new indices. Where a modulus does not divide an
 * extent, elements of 0 fill the last group; nothing reads them.
 */
export const pack = definePrimitive<{ block: string; buffer: string; layout: readonly string[] }>({
  name: "pack",
  summary: "A constant that a block reads is laid out in another order, before the program runs, so that what is used together lies together.",
  parameters: { block: "block", buffer: "buffer", layout: "layout" },
  conditions: [
    { name: "reads-constant", doc: "The block reads the buffer, and it is a weight: its elements are known before the program runs." },
    { name: "not-packed", doc: "The buffer is not packed already, and no loop prefetches it." },
    { name: "whole-layout", doc: "The parts of each dimension are its digits, so that each element has one place: like 0/16 and 0%16." },
  ],
  apply(program, args, require: Require) {
    const { statement: block } = findBlock(program, args.block);
    const from = [...buffersRead([block])].find((b) => b.name === args.buffer);
    require("reads-constant", from !== undefined, `${args.block} does not read ${args.buffer}`);
    require("reads-constant", from.scope === "weight", `${args.buffer} is no weight`);
    require("not-packed", from.packed === undefined, `${args.buffer} is packed`);
    let prefetched = false;
    walkStatements(program.body, (s) => void (prefetched ||= s.kind === "for" && s.prefetch?.buffer === from));
    require("not-packed", !prefetched, `${args.buffer} is prefetched`);
    const layout = args.layout.map((text) => {
      const part = parseLayoutPart(text);
      require("whole-layout", part !== undefined, `${JSON.stringify(text)} is no part of a dimension, like 0, 0/16, 0%16 or 0/4%8`);
      return part;
    }) satisfies Layout;
    const problem = layoutProblem(layout, from.dims.length);
    require("whole-layout", problem === undefined, problem ?? "");
    const to: Buffer = { ...from, dims: Object.freeze(packedDims(layout, from.dims)), packed: { dims: from.dims, layout } };
    const inExpression = (e: Expression): Expression => {
      const inner = mapOperands(e, inExpression);
      return inner.kind === "load" && inner.buffer === from ? load(to, packedIndices(layout, inner.indices)) : inner;
    };
    return {
      ...program,
      parameters: program.parameters.map((p) => (p === from ? to : p)),
      body: mapStatements(program.body, (s) => mapExpressions(s, inExpression)),
    };
  },
});
