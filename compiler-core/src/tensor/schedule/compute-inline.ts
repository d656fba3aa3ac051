import { mapExpressions, mapStatements, walkStatements } from "../build.ts";
import { loadsOf, mapOperands, substitute } from "../expression.ts";
import type { Buffer, Expression, Statement, Store, TensorProgram, Variable } from "../program.ts";
import { definePrimitive, findBlock, storesOf, type Require } from "./primitive.ts";

/** Every store to a buffer, blocks' bodies and inits included. */
export function writersOf(program: TensorProgram, buffer: Buffer): Store[] {
  const found: Store[] = [];
  walkStatements(program.body, (s) => {
    if (s.kind === "store" && s.buffer === buffer) found.push(s);
  });
  return found;
}

/** Removes a statement and the loops that hold nothing else, and allocations of the buffers given. */
export function removeStatement(body: readonly Statement[], target: Statement, buffers: ReadonlySet<Buffer> = new Set()): readonly Statement[] {
  return body.flatMap((s): readonly Statement[] => {
    if (s === target || (s.kind === "allocate" && buffers.has(s.buffer))) return [];
    if (s.kind === "for") {
      const inner = removeStatement(s.body, target, buffers);
      return inner.length === 0 ? [] : [{ ...s, body: inner }];
    }
    if (s.kind === "if" && !s.otherwise) {
      const inner = removeStatement(s.then, target, buffers);
      return inner.length === 0 ? [] : [{ ...s, then: inner }];
    }
    return [s];
  });
}

/** Computes a buffer's elements where they are used, instead of storing them. */
export const computeInline = definePrimitive<{ block: string }>({
  name: "compute-inline",
  summary: "An elementwise block disappears into the blocks that read its result.",
  parameters: { block: "block" },
  conditions: [
    { name: "local-buffer", doc: "The block's result is local to the program." },
    { name: "elementwise", doc: "The block has no reduce axis and writes at distinct axes of its own." },
    { name: "only-writer", doc: "Nothing else writes the buffer." },
    { name: "unguarded", doc: "The block runs for every point of its axes." },
  ],
  apply(program, args, require: Require) {
    const { statement: block, around } = findBlock(program, args.block);
    const store = storesOf(block)[0];
    require("elementwise", block.body.length === 1 && store !== undefined && block.axes.every((a) => a.kind === "spatial"), `${args.block} is not one elementwise store`);
    require("local-buffer", store.buffer.scope === "local", `${store.buffer.name} is not local`);
    require("only-writer", writersOf(program, store.buffer).length === 1, `${store.buffer.name} is written elsewhere too`);
    require("unguarded", around.every((s) => s.kind === "for"), `${args.block} stands under a condition`);
    const axes = store.indices.map((i): Variable | undefined => (i.kind === "variable" && block.axes.some((a) => a.variable === i) ? i : undefined));
    const distinct = store.indices.every((i, d) => (axes[d] ? axes.indexOf(axes[d]) === d : i.kind === "integer" && store.buffer.dims[d] === 1));
    require("elementwise", distinct && !loadsOf(store.value).some((l) => l.buffer === store.buffer), `${args.block} does not write each element from others of the same place`);
    const inline = (e: Expression): Expression => {
      const inner = mapOperands(e, inline);
      if (inner.kind !== "load" || inner.buffer !== store.buffer) return inner;
      const by = new Map<Variable, Expression>();
      for (const [d, axis] of axes.entries()) if (axis) by.set(axis, inner.indices[d] as Expression);
      // Axes of extent 1 that the store does not use stand at 0.
      for (const a of block.axes) if (!by.has(a.variable)) by.set(a.variable, { kind: "integer", value: 0 });
      return substitute(store.value, by);
    };
    const body = mapStatements(removeStatement(program.body, block, new Set([store.buffer])), (s) => mapExpressions(s, inline));
    return { ...program, body };
  },
});
