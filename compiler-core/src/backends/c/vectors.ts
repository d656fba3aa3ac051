import { coefficient, flatOffset } from "../../tensor/access.ts";
import { walkStatements } from "../../tensor/build.ts";
import { isComparison, loadsOf, substitute, typeOf, variablesOf, walkExpression } from "../../tensor/expression.ts";
import type { Buffer, Expression, Loop, Statement, Store, TensorProgram, UnaryOp, Variable } from "../../tensor/program.ts";
import { linearOf, Scope } from "../../tensor/simplify.ts";
import { elementCount } from "../../ir/value-type.ts";

/** Which loops of a program are printed as operations on vectors, and which locals are named vectors. */
export interface VectorPlan {
  readonly loops: ReadonlySet<Loop>;
  readonly buffers: ReadonlySet<Buffer>;
}

/** A run of neighbouring iterations that one vector holds. */
export interface Chunk {
  readonly at: number;
  readonly width: number;
}

/** Whole vectors of the widest kind, then narrower ones; `rest` iterations fill none. */
export function chunksOf(extent: number, lanes: number): { readonly chunks: readonly Chunk[]; readonly rest: number } {
  const chunks: Chunk[] = [];
  let at = 0;
  for (let width = lanes; width >= 4; width /= 2) for (; at + width <= extent; at += width) chunks.push({ at, width });
  return { chunks, rest: extent - at };
}

/** Named vectors that a local may become; more would not fit in registers anyway. */
const largestFile = 64;

/** Locals of at most so many elements, accessed at constant places, are printed as scalars. */
export const scalarLimit = 64;

const functions: ReadonlySet<UnaryOp> = new Set<UnaryOp>(["neg", "abs", "sqrt", "rsqrt", "exp", "tanh", "erf"]);

const mentions = (e: Expression, v: Variable): boolean => {
  let found = false;
  walkExpression(e, (x) => {
    if (x === v) found = true;
  });
  return found;
};

/** Is the expression, for neighbouring values of `v`, one vector? Scalars are the same in each lane. */
function isVectorValue(e: Expression, v: Variable, scope: Scope): boolean {
  if (!mentions(e, v)) return true;
  if (e.kind === "select") {
    const condition = (c: Expression): boolean => {
      if (!mentions(c, v)) return false;
      if (c.kind !== "binary" || !isComparison(c.op)) return false;
      if (c.op === "and" || c.op === "or") return condition(c.left) && condition(c.right);
      return c.op !== "xor" && typeOf(c.left) === "float32" && isVectorValue(c.left, v, scope) && isVectorValue(c.right, v, scope);
    };
    return (!mentions(e.condition, v) || condition(e.condition)) && isVectorValue(e.then, v, scope) && isVectorValue(e.otherwise, v, scope);
  }
  if (typeOf(e) !== "float32") return false;
  if (e.kind === "load") return e.indices.every((i) => loadsOf(i).every((l) => !mentions(l, v))) && coefficient(linearOf(flatOffset(e.buffer, e.indices), scope), v) === 1;
  if (e.kind === "binary") return ["add", "sub", "mul", "div", "min", "max"].includes(e.op) && isVectorValue(e.left, v, scope) && isVectorValue(e.right, v, scope);
  return e.kind === "unary" && functions.has(e.op) && isVectorValue(e.operand, v, scope);
}

interface Access {
  readonly buffer: Buffer;
  /** over loops */
  readonly indices: readonly Expression[];
  readonly around: readonly Statement[];
}

export function planVectors(program: TensorProgram, lanes: number): VectorPlan {
  const loops = new Set<Loop>();
  const refused = new Set<Loop>();
  if (lanes < 4) return { loops, buffers: new Set() };
  const accesses: Access[] = [];
  const locals = new Set<Buffer>();
  walkStatements(program.body, (s, around) => {
    if (s.kind === "allocate") locals.add(s.buffer);
    const enclosing = around.filter((a): a is Loop => a.kind === "for" && a.mode === "vectorized");
    if (s.kind === "if") for (const l of enclosing) if (mentions(s.condition, l.variable)) refused.add(l);
    if (s.kind !== "store") return;
    const by = new Map<Variable, Expression>();
    let scope = Scope.empty;
    for (const a of around) {
      if (a.kind === "for") scope = scope.with(a.variable, a.extent);
      if (a.kind === "block") for (const [i, axis] of a.axes.entries()) by.set(axis.variable, substitute(a.bindings[i] as Expression, by));
    }
    const resolved: Store = { ...s, indices: s.indices.map((i) => substitute(i, by)), value: substitute(s.value, by) };
    const note = (buffer: Buffer, indices: readonly Expression[]): void => void (buffer.scope === "local" && accesses.push({ buffer, indices, around }));
    note(resolved.buffer, resolved.indices);
    for (const e of [resolved.value, ...resolved.indices]) for (const l of loadsOf(e)) note(l.buffer, l.indices);
    for (const l of enclosing) {
      loops.add(l);
      const v = l.variable;
      const fits =
        l.extent >= 4 && enclosing.length === 1 && s.buffer.element === "float32" && typeOf(resolved.value) === "float32" &&
        coefficient(linearOf(flatOffset(s.buffer, resolved.indices), scope), v) === 1 && isVectorValue(resolved.value, v, scope);
      if (!fits) refused.add(l);
    }
  });
  for (const l of refused) loops.delete(l);
  for (;;) {
    const buffers = namedVectors(locals, accesses, loops, lanes);
    // Small locals that cannot be vectors are scalars, one by one: loops over them are not vectors' either.
    const scalars = accesses.flatMap((a) => {
      if (buffers.has(a.buffer) || elementCount(a.buffer.dims) > scalarLimit) return [];
      return a.around.filter((s): s is Loop => s.kind === "for" && loops.has(s) && a.indices.some((i) => mentions(i, s.variable)));
    });
    if (scalars.length === 0) return { loops, buffers };
    for (const l of scalars) loops.delete(l);
  }
}

/** Locals whose last dimension is the loop of a vector wherever they are used, at constant places once loops are unrolled. */
function namedVectors(locals: ReadonlySet<Buffer>, accesses: readonly Access[], loops: ReadonlySet<Loop>, lanes: number): Set<Buffer> {
  const good = new Set<Buffer>();
  for (const b of locals) {
    const extent = b.dims.at(-1);
    if (b.values || b.element !== "float32" || extent === undefined || extent < 4 || chunksOf(extent, lanes).rest > 0) continue;
    if ((elementCount(b.dims) / extent) * chunksOf(extent, lanes).chunks.length > largestFile) continue;
    const fits = accesses.every((a) => {
      if (a.buffer !== b) return true;
      const constant = new Set<Variable>(a.around.flatMap((s) => (s.kind === "for" && (s.mode === "unrolled" || s.extent === 1) ? [s.variable] : [])));
      const fixed = (e: Expression): boolean => [...variablesOf(e)].every((v) => constant.has(v));
      const last = a.indices.at(-1)!;
      const lane = a.around.find((s): s is Loop => s.kind === "for" && loops.has(s) && last === s.variable && s.extent === extent);
      return a.indices.slice(0, -1).every(fixed) && (lane !== undefined || (fixed(last) && !a.around.some((s) => s.kind === "for" && s.mode === "vectorized" && !loops.has(s))));
    });
    // A single lane may be read, not written.
    if (fits) good.add(b);
  }
  return good;
}
