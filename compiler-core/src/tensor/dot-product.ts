import { coefficient, flatOffset } from "./access.ts";
import { walkStatements } from "./build.ts";
import { substitute, typeOf } from "./expression.ts";
import type { Block, Buffer, Expression, Store, TensorProgram, Variable } from "./program.ts";
import { linearOf, Scope } from "./simplify.ts";

/** Terms that a dot-product instruction sums up in each lane. */
export const dotTerms = 4;

/** An update sum += (left + shift) * right of a 32-bit sum, with 8-bit factors. */
export interface DotProduct {
  readonly sum: { readonly buffer: Buffer; readonly indices: readonly Expression[] };
  /** unsigned after the shift: what is broadcast to the lanes */
  readonly left: Extract<Expression, { kind: "load" }>;
  /** 128 where the left factor is signed, else 0 */
  readonly shift: number;
  /** signed: a vector of quadruples */
  readonly right: Extract<Expression, { kind: "load" }>;
}

/** The block as a dot product over `term`, indices as expressions of loops; undefined where it is none. */
export function dotProduct(block: Block, term: Variable): DotProduct | undefined {
  const [only, ...more] = block.body;
  if (only?.kind !== "store" || more.length > 0) return undefined;
  const bindings = new Map(block.axes.map((a, i) => [a.variable, block.bindings[i] as Expression]));
  return dotUpdate({ ...only, indices: only.indices.map((i) => substitute(i, bindings)), value: substitute(only.value, bindings) }, term);
}

/** Has the program a loop bound to dot products? */
export function hasDotProducts(program: TensorProgram): boolean {
  let found = false;
  walkStatements(program.body, (s) => void (found ||= s.kind === "for" && s.mode === "dot"));
  return found;
}

/** The same of a store whose indices are over loops. */
export function dotUpdate({ buffer, indices, value }: Store, term: Variable): DotProduct | undefined {
  if (buffer.element !== "int32" || value.kind !== "binary" || value.op !== "add" || value.left.kind !== "load" || value.left.buffer !== buffer) return undefined;
  const { right: product } = value;
  if (product.kind !== "binary" || product.op !== "mul") return undefined;
  const left = factor(product.left);
  const right = factor(product.right);
  if (!left || !right || right.shift !== 0 || right.load.buffer.element !== "int8") return undefined;
  if (left.shift !== (left.load.buffer.element === "int8" ? 128 : 0)) return undefined;
  const moved = (b: Buffer, at: readonly Expression[]): number | undefined => coefficient(linearOf(flatOffset(b, at), Scope.empty), term);
  if (moved(left.load.buffer, left.load.indices) !== 1 || moved(right.load.buffer, right.load.indices) !== 1 || moved(buffer, indices) !== 0) return undefined;
  return { sum: { buffer, indices }, left: left.load, shift: left.shift, right: right.load };
}

function factor(e: Expression): { load: Extract<Expression, { kind: "load" }>; shift: number } | undefined {
  if (e.kind === "binary" && e.op === "add" && e.right.kind === "number") {
    const inner = factor(e.left);
    return inner && { load: inner.load, shift: inner.shift + e.right.value };
  }
  if (e.kind !== "cast" || e.element !== "int32" || e.operand.kind !== "load") return undefined;
  const { element } = e.operand.buffer;
  return (element === "int8" || element === "uint8") && typeOf(e) === "int32" ? { load: e.operand, shift: 0 } : undefined;
}
