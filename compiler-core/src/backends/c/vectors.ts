import { coefficient, flatOffset } from "../../tensor/access.ts";
import { walkStatements } from "../../tensor/build.ts";
import { dotTerms, dotUpdate } from "../../tensor/dot-product.ts";
import { add, isComparison, keyOf, loadsOf, substitute, typeOf, variablesOf, walkExpression } from "../../tensor/expression.ts";
import type { Buffer, Expression, ExpressionType, Loop, Statement, Store, TensorProgram, UnaryOp, Variable } from "../../tensor/program.ts";
import { linearOf, Scope } from "../../tensor/simplify.ts";
import type { ElementType } from "../../ir/element-type.ts";
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

/** Vectors of a loop that are printed one by one, so that each may have a place of its own. */
const mostApart = 4;

/** Named vectors that a local may become; more would not fit in registers anyway. */
const largestFile = 64;

/** Locals of at most so many elements, accessed at constant places, are printed as scalars. */
export const scalarLimit = 64;

const functions: ReadonlySet<UnaryOp> = new Set<UnaryOp>(["neg", "abs", "sqrt", "rsqrt", "exp", "tanh", "erf", "round"]);

/** Types that vectors compute in, and those that they are converted from and to when loaded and stored. */
const isComputed = (type: ExpressionType): boolean => type === "float32" || type === "int32";
const isByte = (type: ExpressionType): boolean => type === "uint8" || type === "int8";
const isHalf = (type: ExpressionType): boolean => type === "float16" || type === "bfloat16";

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
  const neighbours = (l: Extract<Expression, { kind: "load" }>): boolean => l.indices.every((i) => loadsOf(i).every((x) => !mentions(x, v))) && coefficient(linearOf(flatOffset(l.buffer, l.indices), scope), v) === 1;
  const type = typeOf(e);
  if (!isComputed(type)) return false;
  if (e.kind === "load") return neighbours(e);
  if (e.kind === "cast") {
    const { operand } = e;
    if (operand.kind === "load" && isByte(operand.buffer.element)) return neighbours(operand);
    if (isHalf(typeOf(operand))) return type === "float32" && (operand.kind === "load" ? neighbours(operand) : operand.kind === "cast" && typeOf(operand.operand) === "float32" && isVectorValue(operand.operand, v, scope));
    // A number within the bytes' range passes through them unchanged.
    if (operand.kind === "cast" && isByte(operand.element)) return fitsBytes(operand) && isVectorValue(operand.operand, v, scope);
    return type === "float32" && typeOf(operand) === "int32" && isVectorValue(operand, v, scope);
  }
  // Bits of a number: shifted by the same in each lane.
  if (e.kind === "binary" && type === "int32" && (e.op === "bitand" || e.op === "shr")) return isVectorValue(e.left, v, scope) && !mentions(e.right, v);
  if (e.kind === "binary") return (type === "int32" ? ["add", "sub", "mul"] : ["add", "sub", "mul", "div", "min", "max"]).includes(e.op) && isVectorValue(e.left, v, scope) && isVectorValue(e.right, v, scope);
  if (type === "int32") return false;
  return e.kind === "unary" && functions.has(e.op) && isVectorValue(e.operand, v, scope);
}

/** Bounds of a float expression, where numbers in it give them; `known` has lower bounds that a condition gives. */
function boundsOf(e: Expression, known: ReadonlyMap<string, number> = new Map()): readonly [number, number] {
  const least = known.get(keyOf(e)) ?? -Infinity;
  const [low, high] = ((): readonly [number, number] => {
    if (e.kind === "number") return [e.value, e.value];
    if (e.kind === "unary" && e.op === "round") return boundsOf(e.operand, known);
    if (e.kind === "select") {
      const { condition: c } = e;
      const inside = c.kind === "binary" && c.op === "gt" && c.right.kind === "number" ? new Map([...known, [keyOf(c.left), c.right.value]]) : known;
      const [a, b] = [boundsOf(e.then, inside), boundsOf(e.otherwise, known)];
      return [Math.min(a[0], b[0]), Math.max(a[1], b[1])];
    }
    if (e.kind !== "binary") return [-Infinity, Infinity];
    const [a, b] = [boundsOf(e.left, known), boundsOf(e.right, known)];
    if (e.op === "add") return [a[0] + b[0], a[1] + b[1]];
    if (e.op === "min") return [Math.min(a[0], b[0]), Math.min(a[1], b[1])];
    return e.op === "max" ? [Math.max(a[0], b[0]), Math.max(a[1], b[1])] : [-Infinity, Infinity];
  })();
  return [Math.max(low, least), high];
}

/** A value that vectors may store: of the buffer's type, or a float within the range of the buffer's bytes. */
function isStorable(value: Expression, element: ElementType, v: Variable, scope: Scope): boolean {
  if (isComputed(element)) return typeOf(value) === element && isVectorValue(value, v, scope);
  if (!isByte(element) && !isHalf(element)) return false;
  if (value.kind === "load") return value.buffer.element === element && coefficient(linearOf(flatOffset(value.buffer, value.indices), scope), v) === 1 && value.indices.every((i) => loadsOf(i).length === 0);
  if (isHalf(element)) return value.kind === "cast" && value.element === element && typeOf(value.operand) === "float32" && isVectorValue(value.operand, v, scope);
  return value.kind === "cast" && value.element === element && fitsBytes(value) && isVectorValue(value.operand, v, scope);
}

/** Is it a float that is within the range of the bytes it becomes? */
function fitsBytes({ element, operand }: Extract<Expression, { kind: "cast" }>): boolean {
  if (typeOf(operand) !== "float32") return false;
  const [low, high] = boundsOf(operand);
  return element === "uint8" ? low >= 0 && high <= 255 : low >= -128 && high <= 127;
}

/** Is the store one of a dot product whose lanes are iterations of `v`? */
function isDotOf(store: Store, term: Loop, v: Variable, scope: Scope): boolean {
  const dot = dotUpdate(store, term.variable);
  const moved = (b: Buffer, indices: readonly Expression[]): number | undefined => coefficient(linearOf(flatOffset(b, indices), scope), v);
  return dot !== undefined && moved(dot.sum.buffer, dot.sum.indices) === 1 && moved(dot.left.buffer, dot.left.indices) === 0 && moved(dot.right.buffer, dot.right.indices) === dotTerms;
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
      const term = around.find((a): a is Loop => a.kind === "for" && a.mode === "dot");
      const whole = around.every((a) => a.kind !== "block" || !a.init || a.init.length === 0);
      const along = (at: Store, within: Scope): boolean => (term ? whole && isDotOf(at, term, v, within) : coefficient(linearOf(flatOffset(at.buffer, at.indices), within), v) === 1 && isStorable(at.value, at.buffer.element, v, within));
      // Along lanes of several blocks each vector lies within one.
      const apart = (): boolean => {
        const { chunks, rest } = chunksOf(l.extent, lanes);
        return rest === 0 && chunks.length <= mostApart && chunks.every(({ at, width }) => {
          const by = new Map<Variable, Expression>([[v, add(v, at)]]);
          return along({ ...resolved, indices: resolved.indices.map((i) => substitute(i, by)), value: substitute(resolved.value, by) }, scope.with(v, width));
        });
      };
      const fits = l.extent >= 4 && enclosing.length === 1 && (along(resolved, scope) || apart());
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
    if (b.values || !isComputed(b.element) || extent === undefined || extent < 4 || chunksOf(extent, lanes).rest > 0) continue;
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
