import type { ElementType } from "../../ir/element-type.ts";
import { elementCount } from "../../ir/value-type.ts";
import { flatOffset, placeOf } from "../../tensor/access.ts";
import { walkStatements } from "../../tensor/build.ts";
import { loadsOf, substitute, typeOf, variablesOf } from "../../tensor/expression.ts";
import type { Buffer, Expression, Loop, Statement, TensorProgram, Variable } from "../../tensor/program.ts";
import { intervalOf, linearOf, Scope } from "../../tensor/simplify.ts";
import { vectorMath } from "./instructions.ts";

/** Lanes of a 128-bit vector of 32-bit elements. */
export const laneCount = 4;

/** Which element types fill the lanes. */
export const isLane = (element: ElementType): boolean => element === "float32" || element === "int32" || element === "uint32";

/** Elements of fewer bits that are widened to fill the lanes: bytes as int32, half floats as float32. */
export const widensTo = (element: ElementType): "int32" | "float32" | undefined => (element === "int8" || element === "uint8" ? "int32" : element === "float16" || element === "bfloat16" ? "float32" : undefined);

/** Local buffers that become locals of the function. */
export interface Registers {
  /** one local an element */
  readonly scalars: ReadonlySet<Buffer>;
  /** float32, one local four elements */
  readonly vectors: ReadonlySet<Buffer>;
  /** loops that choose among registers: they are written out */
  readonly variables: ReadonlySet<Variable>;
}

type Substitution = ReadonlyMap<Variable, Expression>;

/** Elements between neighbouring values of `v`; undefined where that is not the same everywhere. */
export function strideAlong(b: Buffer, indices: readonly Expression[], v: Variable, scope: Scope): number | undefined {
  const at = linearOf(placeOf(b, indices), scope);
  let stride = 0;
  for (const { atom, coefficient } of at.terms) {
    if (atom === v) stride = coefficient;
    else if (variablesOf(atom).has(v)) return undefined;
  }
  return stride;
}

interface Access {
  readonly buffer: Buffer;
  readonly indices: readonly Expression[];
}

interface StoreSite {
  readonly accesses: readonly Access[];
  readonly written: ReadonlySet<Variable>;
  readonly loops: readonly Loop[];
  readonly scope: Scope;
}

/** Accesses of every store, with axes replaced by what they are bound to. */
function sitesOf(program: TensorProgram): StoreSite[] {
  const sites: StoreSite[] = [];
  walkStatements(program.body, (s, around) => {
    if (s.kind !== "store") return;
    let scope = Scope.empty;
    const by = new Map<Variable, Expression>();
    const written = new Set<Variable>();
    const loops: Loop[] = [];
    for (const a of around) {
      if (a.kind === "for") {
        loops.push(a);
        scope = scope.with(a.variable, a.extent);
        if (a.mode === "unrolled" || a.mode === "vectorized" || a.extent === 1) written.add(a.variable);
      } else if (a.kind === "block") for (const [i, axis] of a.axes.entries()) by.set(axis.variable, substitute(a.bindings[i] as Expression, by));
    }
    const here = (indices: readonly Expression[]): Expression[] => indices.map((i) => substitute(i, by));
    const loads = [...loadsOf(s.value), ...s.indices.flatMap(loadsOf)];
    sites.push({ accesses: [{ buffer: s.buffer, indices: here(s.indices) }, ...loads.map((l) => ({ buffer: l.buffer, indices: here(l.indices) }))], written, loops, scope });
  });
  return sites;
}

/** Largest number of elements that are kept in locals, by form. */
const scalarLimit = 64;
const vectorLimit = 256;

/** Local buffers that are accessed at constant places once unrolled and vectorized loops are written out. */
export function registersOf(program: TensorProgram): Registers {
  const sites = sitesOf(program);
  const locals = new Set<Buffer>();
  walkStatements(program.body, (s) => {
    // A table lies in memory: it is filled by a copy.
    if (s.kind === "allocate" && !s.buffer.values) locals.add(s.buffer);
  });
  const constant = new Set(locals);
  const vectors = new Set([...locals].filter((b) => b.element === "float32" && elementCount(b.dims) % laneCount === 0 && elementCount(b.dims) <= vectorLimit));
  const moving = new Map<Loop, Set<Buffer>>();
  for (const { accesses, written, loops, scope } of sites)
    for (const { buffer, indices } of accesses) {
      if (!locals.has(buffer)) continue;
      const variables = indices.flatMap((i) => [...variablesOf(i)]);
      if (indices.some((i) => loadsOf(i).length > 0) || variables.some((v) => !written.has(v))) constant.delete(buffer);
      const loop = loops.find((l) => l.mode === "vectorized" && l.extent >= laneCount && variables.includes(l.variable));
      if (!loop) continue;
      moving.set(loop, (moving.get(loop) ?? new Set()).add(buffer));
      const at = linearOf(flatOffset(buffer, indices), scope);
      const aligned = at.constant % laneCount === 0 && loop.extent % laneCount === 0 && at.terms.every((t) => (t.atom === loop.variable ? t.coefficient === 1 : t.atom.kind === "variable" && t.coefficient % laneCount === 0));
      if (!aligned) vectors.delete(buffer);
    }
  for (const b of locals) if (!constant.has(b)) vectors.delete(b);
  // Kept in vectors only what every loop along it can compute in vectors.
  for (let changed = true; changed; ) {
    changed = false;
    const registers = { scalars: new Set([...constant].filter((b) => !vectors.has(b))), vectors, variables: new Set<Variable>() };
    walkStatements(program.body, (s, around) => {
      if (s.kind !== "for" || !moving.has(s)) return;
      const mine = [...moving.get(s)!].filter((b) => vectors.has(b));
      if (mine.length === 0) return;
      let scope = Scope.empty;
      const by = new Map<Variable, Expression>();
      for (const a of around) {
        if (a.kind === "for") scope = scope.with(a.variable, a.extent);
        else if (a.kind === "block") for (const [i, axis] of a.axes.entries()) by.set(axis.variable, substitute(a.bindings[i] as Expression, by));
      }
      if (canVectorize(s, by, scope, registers)) return;
      for (const b of mine) vectors.delete(b);
      changed = true;
    });
  }
  const moved = new Set([...moving.values()].flatMap((buffers) => [...buffers]));
  for (const b of vectors) if (!moved.has(b)) vectors.delete(b);
  const scalars = new Set([...constant].filter((b) => !vectors.has(b) && elementCount(b.dims) <= scalarLimit));
  const variables = new Set<Variable>();
  for (const { accesses } of sites) for (const { buffer, indices } of accesses) if (scalars.has(buffer) || vectors.has(buffer)) for (const i of indices) for (const v of variablesOf(i)) variables.add(v);
  return { scalars, vectors, variables };
}

/**
 * Can the loop's iterations run four at a time: 32-bit elements, stores side by side, operations that have a vector
 * form, no branch between lanes except where both sides may be evaluated?
 */
export function canVectorize(loop: Loop, by: Substitution, outer: Scope, registers: Registers): boolean {
  const v = loop.variable;
  const moves = (e: Expression): boolean => variablesOf(e).has(v);

  const inBounds = (b: Buffer, indices: readonly Expression[], scope: Scope): boolean =>
    indices.every((i, d) => {
      const { low, high } = intervalOf(i, scope);
      return low >= 0 && high < b.dims[d]!;
    });

  const value = (e: Expression, scope: Scope): boolean => {
    if (!moves(e)) return true;
    switch (e.kind) {
      case "load": {
        if (!isLane(e.buffer.element) || registers.scalars.has(e.buffer) || e.indices.some((i) => loadsOf(i).length > 0)) return false;
        const stride = strideAlong(e.buffer, e.indices, v, scope);
        return stride !== undefined && (!registers.vectors.has(e.buffer) || stride === 1);
      }
      case "cast": {
        const from = typeOf(e.operand);
        if (e.operand.kind === "load" && widensTo(e.operand.buffer.element) === e.element) {
          const { buffer, indices } = e.operand;
          return buffer.scope !== "local" && !indices.some((i) => loadsOf(i).length > 0) && strideAlong(buffer, indices, v, scope) === 1;
        }
        const known = e.element === "float32" ? from === "int32" || from === "uint32" || from === "bool" : e.element === "bool" ? from === "float32" || from === "int32" || from === "bool" : from === e.element || (e.element === "int32" && from === "uint32") || (e.element === "uint32" && from === "int32");
        return known && value(e.operand, scope);
      }
      case "unary": {
        const type = typeOf(e.operand);
        if (type === "bool") return e.op === "not" && value(e.operand, scope);
        if (type === "int32") return (e.op === "neg" || e.op === "abs") && value(e.operand, scope);
        return type === "float32" && (lanewise.has(e.op) || vectorMath.includes(e.op)) && value(e.operand, scope);
      }
      case "binary": {
        const [left, right] = [typeOf(e.left), typeOf(e.right)];
        if (left === "int32" && (e.op === "bitand" || e.op === "shr")) return value(e.left, scope) && !moves(e.right);
        if (left !== right) return false;
        const operators = left === "float32" ? floatOperators : left === "int32" || left === "uint32" ? integerOperators : left === "bool" ? boolOperators : undefined;
        if (!operators?.has(e.op)) return false;
        return value(e.left, scope) && value(e.right, scope);
      }
      case "select": {
        if (!moves(e.condition)) return value(e.then, scope.assume(e.condition)) && value(e.otherwise, scope.assumeNot(e.condition));
        if (!value(e.condition, scope)) return false;
        const type = typeOf(e);
        const laneType = type === "float32" || type === "int32" || type === "uint32" || type === "bool";
        // Both sides are evaluated in every lane, so neither may leave its buffer.
        const safe = [...loadsOf(e.then), ...loadsOf(e.otherwise)].every((l) => inBounds(l.buffer, l.indices, scope));
        return laneType && safe && value(e.then, scope) && value(e.otherwise, scope);
      }
      default:
        return false;
    }
  };

  const statements = (body: readonly Statement[], map: Substitution, scope: Scope): boolean =>
    body.every((s) => {
      switch (s.kind) {
        case "allocate":
          return false;
        case "for":
          return statements(s.body, map, scope.with(s.variable, s.extent));
        case "if": {
          const condition = substitute(s.condition, map);
          return !moves(condition) && statements(s.then, map, scope.assume(condition)) && (!s.otherwise || statements(s.otherwise, map, scope.assumeNot(condition)));
        }
        case "block": {
          const inner = new Map(map);
          for (const [i, axis] of s.axes.entries()) inner.set(axis.variable, substitute(s.bindings[i] as Expression, map));
          if (s.init && s.axes.some((a) => a.kind === "reduce" && moves(inner.get(a.variable)!))) return false;
          return (!s.init || statements(s.init, inner, scope)) && statements(s.body, inner, scope);
        }
        case "store": {
          const indices = s.indices.map((i) => substitute(i, map));
          if (!isLane(s.buffer.element) || registers.scalars.has(s.buffer) || indices.some((i) => loadsOf(i).length > 0)) return false;
          const type = typeOf(s.value);
          if (type !== s.buffer.element || strideAlong(s.buffer, indices, v, scope) !== 1) return false;
          return value(substitute(s.value, map), scope);
        }
      }
    });
  return statements(loop.body, by, outer.with(v, loop.extent));
}

const lanewise: ReadonlySet<string> = new Set(["neg", "abs", "sqrt", "rsqrt", "floor", "ceil", "trunc", "round", "isnan", "isinf"]);
const floatOperators: ReadonlySet<string> = new Set(["add", "sub", "mul", "div", "min", "max", "lt", "le", "gt", "ge", "eq", "ne"]);
const integerOperators: ReadonlySet<string> = new Set(["add", "sub", "mul", "min", "max", "lt", "le", "gt", "ge", "eq", "ne"]);
const boolOperators: ReadonlySet<string> = new Set(["and", "or", "xor"]);
