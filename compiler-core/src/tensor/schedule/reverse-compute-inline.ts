import { mapStatements, storesIn } from "../build.ts";
import { keyOf, loadsOf, mapOperands, substitute } from "../expression.ts";
import type { Block, Expression, Statement, Store, Variable } from "../program.ts";
import { removeStatement, writersOf } from "./compute-inline.ts";
import { definePrimitive, findBlock, mentions, storesOf, type Require } from "./primitive.ts";

/** An elementwise consumer (an epilogue) is done where its operand is stored: the operand is never stored itself. */
export const reverseComputeInline = definePrimitive<{ block: string; buffer: string }>({
  name: "reverse-compute-inline",
  summary: "An elementwise block disappears into the stores of the buffer it reads: epilogue fusion.",
  parameters: { block: "block", buffer: "buffer" },
  conditions: [
    { name: "elementwise", doc: "The block has no reduce axis and writes each of its points once." },
    { name: "reads-in-place", doc: "It reads the buffer at its own axes, each exactly once and in full." },
    { name: "local-buffer", doc: "The buffer is local and nothing else reads it." },
    { name: "stored-once", doc: "The buffer's writers are plain stores: no element is updated after it is stored." },
    { name: "ready", doc: "What else the block reads is written before the buffer's writers run." },
  ],
  apply(program, args, require: Require) {
    const { statement: block, around } = findBlock(program, args.block);
    const consumer = storesOf(block)[0];
    require("elementwise", block.body.length === 1 && consumer !== undefined && block.axes.every((a) => a.kind === "spatial") && around.every((s) => s.kind === "for" && ![...consumer.indices, consumer.value].some((e) => mentions(e, s.variable))), `${args.block} is not one elementwise store`);
    const reads = loadsOf(consumer.value).filter((l) => l.buffer.name === args.buffer);
    const buffer = reads[0]?.buffer;
    require("reads-in-place", buffer !== undefined, `${args.block} does not read ${args.buffer}`);
    const indices = (reads[0] as Extract<Expression, { kind: "load" }>).indices;
    const axisOf = indices.map((i): Variable | undefined => (i.kind === "variable" ? block.axes.find((a) => a.variable === i)?.variable : undefined));
    const full = indices.every((i, d) => {
      const v = axisOf[d];
      if (!v) return i.kind === "integer" && buffer.dims[d] === 1;
      return axisOf.indexOf(v) === d && block.axes.find((a) => a.variable === v)?.extent === buffer.dims[d];
    });
    const others = block.axes.filter((a) => !axisOf.includes(a.variable) && a.extent > 1);
    const places = new Set(reads.map((l) => l.indices.map(keyOf).join()));
    require("reads-in-place", full && others.length === 0 && places.size === 1, `${args.block} reads ${args.buffer} at other places than its own axes`);
    require("local-buffer", buffer.scope === "local", `${args.buffer} is not local`);
    let foreign: string | undefined;
    const writers = writersOf(program, buffer);
    let order = 0;
    const writtenAt = new Map<string, number>();
    let firstWriter = Infinity;
    mapStatements(program.body, (s) => {
      order++;
      if (s.kind === "store") {
        writtenAt.set(s.buffer.name, order);
        if (s.buffer === buffer) firstWriter = Math.min(firstWriter, order);
        if (s !== consumer && loadsOf(s.value).some((l) => l.buffer === buffer)) foreign = s.buffer.name;
      } else if (s.kind === "if" && loadsOf(s.condition).some((l) => l.buffer === buffer)) foreign = storesIn([s])[0]?.buffer.name ?? "nothing";
      return s;
    });
    require("stored-once", writers.length > 0 && writers.every((w) => isPlain(program.body, w)), `${args.buffer} is the running value of a reduction: cache-write it first`);
    require("local-buffer", foreign === undefined, `${args.buffer} is also read to compute ${foreign}`);
    for (const l of loadsOf(consumer.value))
      if (l.buffer !== buffer) require("ready", (writtenAt.get(l.buffer.name) ?? 0) < firstWriter, `${l.buffer.name} is written after ${args.buffer}`);

    const fusedStores = new Set<Statement>();
    const fuseInto = (w: Store): Store => {
      const by = new Map<Variable, Expression>();
      for (const [d, axis] of axisOf.entries()) if (axis) by.set(axis, w.indices[d] as Expression);
      for (const a of block.axes) if (!by.has(a.variable)) by.set(a.variable, { kind: "integer", value: 0 });
      const value = (e: Expression): Expression => (e.kind === "load" && e.buffer === buffer ? w.value : mapOperands(e.kind === "variable" ? (by.get(e) ?? e) : e, value));
      const fused: Store = { kind: "store", buffer: consumer.buffer, indices: consumer.indices.map((i) => substitute(i, by)), value: value(consumer.value) };
      fusedStores.add(fused);
      return fused;
    };
    const without = removeStatement(program.body, block, new Set([buffer]));
    const body = mapStatements(without, (s) => {
      if (s.kind === "store" && s.buffer === buffer) return fuseInto(s);
      if (s.kind === "block" && s.body.some((inner) => fusedStores.has(inner))) return { ...s, name: `${s.name}_${args.block}` };
      return s;
    });
    // The consumer's buffer is now written where the operand was: it must be allocated before that.
    return { ...program, body: hoistAllocation(body, consumer) };
  },
});

function hoistAllocation(body: readonly Statement[], consumer: Store): readonly Statement[] {
  const at = body.findIndex((s) => s.kind === "allocate" && s.buffer === consumer.buffer);
  if (at < 0) return body;
  return [body[at] as Statement, ...body.slice(0, at), ...body.slice(at + 1)];
}

/** A store in a block without reduce axes whose value does not read its own buffer. */
function isPlain(body: readonly Statement[], w: Store): boolean {
  let plain = false;
  const visit = (statements: readonly Statement[], block: Block | undefined): void => {
    for (const s of statements) {
      if (s === w) plain = block !== undefined && block.axes.every((a) => a.kind === "spatial") && !loadsOf(w.value).some((l) => l.buffer === w.buffer);
      else if (s.kind === "for") visit(s.body, block);
      else if (s.kind === "if") {
        visit(s.then, block);
        if (s.otherwise) visit(s.otherwise, block);
      } else if (s.kind === "block") {
        visit(s.body, s);
        // An init store is followed by updates of the same element.
        if (s.init?.includes(w)) plain = false;
      }
    }
  };
  visit(body, undefined);
  return plain;
}
