import { walkStatements } from "./build.ts";
import { elementCount } from "../ir/value-type.ts";
import { add, floordiv, floormod, integer, mul, type Operand, substitute, walkExpression } from "./expression.ts";
import type { Block, Buffer, Expression, Loop, Variable } from "./program.ts";
import { type Linear, linearOf, Scope } from "./simplify.ts";

/** How a block touches memory: what schedules and planners decide by. */
export interface Access {
  readonly buffer: Buffer;
  readonly writes: boolean;
  /** position in the buffer, in elements, as a sum over loops */
  readonly offset: Linear;
}

/** Row-major strides in elements. */
export const stridesOf = (dims: readonly number[]): number[] => {
  const strides = new Array<number>(dims.length);
  let stride = 1;
  for (let d = dims.length - 1; d >= 0; d--) {
    strides[d] = stride;
    stride *= dims[d] as number;
  }
  return strides;
};

/** The row-major position of an element of `dims`. */
export const flatten = (indices: readonly Expression[], dims: readonly Operand[]): Expression => indices.reduce<Expression>((at, index, d) => add(mul(at, dims[d]!), index), integer(0));

/** Indices into `dims` of the element with this row-major position. */
export function unflatten(position: Expression, dims: readonly number[]): Expression[] {
  const indices: Expression[] = [];
  let stride = elementCount(dims);
  for (const extent of dims) {
    stride /= extent;
    indices.push(extent === 1 ? integer(0) : floormod(floordiv(position, stride), extent));
  }
  if (indices.length > 0 && dims[0]! > 1) indices[0] = floordiv(position, elementCount(dims.slice(1)));
  return indices;
}

/** The element's position in memory as one index. With sizes of the run, where the shape of the run puts it. */
export function placeOf(buffer: Buffer, indices: readonly Expression[]): Expression {
  const { shape } = buffer;
  if (!shape) return flatOffset(buffer, indices);
  return flatten(indices, shape);
}

/** The element's position in its buffer as one index, at the largest sizes: accesses that differ there differ everywhere. */
export function flatOffset(buffer: Buffer, indices: readonly Expression[]): Expression {
  const strides = stridesOf(buffer.dims);
  return indices.reduce<Expression>(
    (at, index, d) => ({ kind: "binary", op: "add", left: at, right: { kind: "binary", op: "mul", left: index, right: { kind: "integer", value: strides[d] as number } } }),
    { kind: "integer", value: 0 },
  );
}

/** All reads and writes of a block (its init too), as sums over the loops around it. */
export function accessesOf(block: Block, loops: readonly Loop[]): Access[] {
  const bindings = new Map<Variable, Expression>(block.axes.map((a, i) => [a.variable, block.bindings[i] as Expression]));
  const scope = loops.reduce((s, l) => s.with(l.variable, l.extent), Scope.empty);
  const found: Access[] = [];
  const note = (buffer: Buffer, indices: readonly Expression[], writes: boolean): void => {
    found.push({ buffer, writes, offset: linearOf(substitute(flatOffset(buffer, indices), bindings), scope) });
  };
  const look = (e: Expression): void => walkExpression(e, (x) => void (x.kind === "load" && note(x.buffer, x.indices, false)));
  walkStatements([...(block.init ?? []), ...block.body], (s) => {
    if (s.kind === "store") {
      note(s.buffer, s.indices, true);
      look(s.value);
      s.indices.forEach(look);
    } else if (s.kind === "if") look(s.condition);
  });
  return found;
}

/** The coefficient of a loop in an offset, or undefined when the loop is inside a division, remainder, minimum or load. */
export function coefficient(offset: Linear, v: Variable): number | undefined {
  let found = 0;
  for (const { atom, coefficient: c } of offset.terms) {
    if (atom === v) found = c;
    else {
      let hidden = false;
      walkExpression(atom, (x) => {
        if (x === v) hidden = true;
      });
      if (hidden) return undefined;
    }
  }
  return found;
}

/**
 * Loops along lanes of blocks of which the last is not full: places are quotient and remainder of an axis by whole blocks, of which the
 * loop makes no whole number. Gives the lanes of a block: in runs of so many iterations places move evenly.
 */
export function runsOf(block: Block, loops: readonly Loop[]): ReadonlyMap<Variable, number> {
  const runs = new Map<Variable, number>();
  const look = (e: Expression): void =>
    walkExpression(e, (x) => {
      if (x.kind !== "binary" || x.op !== "floormod" || x.left.kind !== "variable" || x.right.kind !== "integer") return;
      const bound = block.bindings[block.axes.findIndex((a) => a.variable === x.left)];
      const loop = loops.find((l) => l.variable === bound);
      if (loop && !loop.count && loop.extent > x.right.value && loop.extent % x.right.value !== 0) runs.set(loop.variable, x.right.value);
    });
  walkStatements(block.body, (s) => {
    if (s.kind !== "store") return;
    look(s.value);
    s.indices.forEach(look);
  });
  return runs;
}

/** Conditions of the selects in a block's stores, over loops. */
export function conditionsOf(block: Block): Expression[] {
  const bindings = new Map<Variable, Expression>(block.axes.map((a, i) => [a.variable, block.bindings[i] as Expression]));
  const found: Expression[] = [];
  walkStatements(block.body, (s) => {
    if (s.kind !== "store") return;
    walkExpression(s.value, (x) => {
      if (x.kind === "select") found.push(substitute(x.condition, bindings));
    });
  });
  return found;
}
