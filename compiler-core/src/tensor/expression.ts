import type { ElementType } from "../ir/element-type.ts";
import type { BinaryOp, Buffer, Expression, ExpressionType, UnaryOp, Variable } from "./program.ts";

/** Builders of expressions. Integer arithmetic on constants is folded; nothing else is rearranged here. */

export const variable = (name: string): Variable => ({ kind: "variable", name });

const smallIntegers: Expression[] = [];
for (let value = -16; value < 256; value++) smallIntegers.push(Object.freeze({ kind: "integer", value } as const));

export const integer = (value: number): Expression => (value >= -16 && value < 256 && Number.isInteger(value) ? (smallIntegers[value + 16] as Expression) : { kind: "integer", value });
/** The least and the largest 64-bit integer. */
export const integerRange = (element: "int64" | "uint64"): readonly [bigint, bigint] => (element === "int64" ? [-(1n << 63n), (1n << 63n) - 1n] : [0n, (1n << 64n) - 1n]);

/** A constant. Of float32 it is the float32 number, so that equal ones are equal; 64-bit integers are exact, and those beyond the type the nearest it has. */
export function number(element: ElementType, value: number | bigint): Expression {
  if (element === "int64" || element === "uint64") {
    const [least, most] = integerRange(element);
    const whole = typeof value === "bigint" ? value : Number.isInteger(value) ? BigInt(value) : undefined;
    const exact = whole === undefined ? undefined : whole < least ? least : whole > most ? most : whole;
    if (exact !== undefined && !Number.isSafeInteger(Number(exact))) return { kind: "number", element, value: Number(exact), exact };
  }
  const rounded = Number(value);
  return { kind: "number", element, value: element === "float32" ? Math.fround(rounded) : rounded };
}

export type Operand = Expression | number;
const operand = (x: Operand): Expression => (typeof x === "number" ? integer(x) : x);

export const load = (buffer: Buffer, indices: readonly Operand[]): Expression => ({ kind: "load", buffer, indices: indices.map(operand) });
export const unary = (op: UnaryOp, x: Operand): Expression => {
  const e = operand(x);
  return e.kind === "integer" && op === "neg" ? integer(-e.value) : { kind: "unary", op, operand: e };
};
export const select = (condition: Expression, then: Operand, otherwise: Operand): Expression => {
  const truth = truthOf(condition);
  if (truth !== undefined) return operand(truth ? then : otherwise);
  return { kind: "select", condition, then: operand(then), otherwise: operand(otherwise) };
};
export const cast = (element: ExpressionType, x: Operand): Expression => {
  const e = operand(x);
  return typeOf(e) === element ? e : { kind: "cast", element, operand: e };
};

export const truth = (value: boolean): Expression => (value ? trueExpression : falseExpression);
const trueExpression: Expression = Object.freeze({ kind: "number", element: "bool", value: 1 });
const falseExpression: Expression = Object.freeze({ kind: "number", element: "bool", value: 0 });

/** The value of a condition that is a constant. */
export const truthOf = (e: Expression): boolean | undefined => (e.kind === "number" && e.element === "bool" ? e.value !== 0 : undefined);

/** Floor division and remainder of integers. */
export const floorDiv = (a: number, b: number): number => Math.floor(a / b);
export const floorMod = (a: number, b: number): number => a - b * Math.floor(a / b);

function foldIntegers(op: BinaryOp, a: number, b: number): Expression | undefined {
  switch (op) {
    case "add": return integer(a + b);
    case "sub": return integer(a - b);
    case "mul": return integer(a * b);
    case "floordiv": return b === 0 ? undefined : integer(floorDiv(a, b));
    case "floormod": return b === 0 ? undefined : integer(floorMod(a, b));
    case "min": return integer(Math.min(a, b));
    case "max": return integer(Math.max(a, b));
    case "lt": return truth(a < b);
    case "le": return truth(a <= b);
    case "gt": return truth(a > b);
    case "ge": return truth(a >= b);
    case "eq": return truth(a === b);
    case "ne": return truth(a !== b);
    default: return undefined;
  }
}

export function binary(op: BinaryOp, x: Operand, y: Operand): Expression {
  const left = operand(x);
  const right = operand(y);
  if (left.kind === "integer" && right.kind === "integer") {
    const folded = foldIntegers(op, left.value, right.value);
    if (folded) return folded;
  }
  if (right.kind === "integer") {
    if (right.value === 0 && (op === "add" || op === "sub")) return left;
    if (right.value === 1 && (op === "mul" || op === "floordiv")) return left;
    if ((right.value === 0 && op === "mul") || (right.value === 1 && op === "floormod")) return integer(0);
  }
  if (left.kind === "integer") {
    if (left.value === 0 && op === "add") return right;
    if (left.value === 1 && op === "mul") return right;
    if (left.value === 0 && op === "mul") return left;
  }
  if (op === "and" || op === "or") {
    const l = truthOf(left);
    const r = truthOf(right);
    if (l !== undefined) return (op === "and") === l ? right : truth(l);
    if (r !== undefined) return (op === "and") === r ? left : truth(r);
  }
  return { kind: "binary", op, left, right };
}

export const add = (x: Operand, y: Operand): Expression => binary("add", x, y);
export const sub = (x: Operand, y: Operand): Expression => binary("sub", x, y);
export const mul = (x: Operand, y: Operand): Expression => binary("mul", x, y);
export const div = (x: Operand, y: Operand): Expression => binary("div", x, y);
export const floordiv = (x: Operand, y: Operand): Expression => binary("floordiv", x, y);
export const floormod = (x: Operand, y: Operand): Expression => binary("floormod", x, y);
export const min = (x: Operand, y: Operand): Expression => binary("min", x, y);
export const max = (x: Operand, y: Operand): Expression => binary("max", x, y);
export const lt = (x: Operand, y: Operand): Expression => binary("lt", x, y);
export const le = (x: Operand, y: Operand): Expression => binary("le", x, y);
export const ge = (x: Operand, y: Operand): Expression => binary("ge", x, y);
export const gt = (x: Operand, y: Operand): Expression => binary("gt", x, y);
export const eq = (x: Operand, y: Operand): Expression => binary("eq", x, y);
export const and = (x: Expression, y: Expression): Expression => binary("and", x, y);
export const or = (x: Expression, y: Expression): Expression => binary("or", x, y);
export const all = (conditions: readonly Expression[]): Expression => conditions.reduce(and, truth(true));
export const sum = (items: readonly Operand[]): Expression => items.reduce<Expression>((a, b) => add(a, b), integer(0));

const comparisons: ReadonlySet<BinaryOp> = new Set<BinaryOp>(["lt", "le", "eq", "ne", "gt", "ge", "and", "or", "xor"]);
export const isComparison = (op: BinaryOp): boolean => comparisons.has(op);

/** What the expression computes. Arithmetic of an index with an integer element is an index. */
export function typeOf(e: Expression): ExpressionType {
  switch (e.kind) {
    case "variable":
    case "integer":
      return "index";
    case "number":
    case "cast":
      return e.element;
    case "load":
      return e.buffer.element;
    case "unary":
      return e.op === "not" || e.op === "isnan" || e.op === "isinf" ? "bool" : typeOf(e.operand);
    case "binary": {
      if (isComparison(e.op)) return "bool";
      const left = typeOf(e.left);
      return left === "index" ? left : typeOf(e.right) === "index" ? "index" : left;
    }
    case "select": {
      const then = typeOf(e.then);
      return then === "index" ? then : typeOf(e.otherwise) === "index" ? "index" : then;
    }
  }
}

/** Rebuilds an expression with `visit` applied to its direct operands. */
export function mapOperands(e: Expression, visit: (operand: Expression) => Expression): Expression {
  switch (e.kind) {
    case "variable":
    case "integer":
    case "number":
      return e;
    case "load": {
      const indices = e.indices.map(visit);
      return indices.every((x, i) => x === e.indices[i]) ? e : { ...e, indices };
    }
    case "binary": {
      const left = visit(e.left);
      const right = visit(e.right);
      return left === e.left && right === e.right ? e : binary(e.op, left, right);
    }
    case "unary": {
      const inner = visit(e.operand);
      return inner === e.operand ? e : unary(e.op, inner);
    }
    case "select": {
      const condition = visit(e.condition);
      const then = visit(e.then);
      const otherwise = visit(e.otherwise);
      return condition === e.condition && then === e.then && otherwise === e.otherwise ? e : select(condition, then, otherwise);
    }
    case "cast": {
      const inner = visit(e.operand);
      return inner === e.operand ? e : cast(e.element, inner);
    }
  }
}

export type Substitution = ReadonlyMap<Variable, Expression>;

export function substitute(e: Expression, by: Substitution): Expression {
  if (by.size === 0) return e;
  if (e.kind === "variable") return by.get(e) ?? e;
  return mapOperands(e, (x) => substitute(x, by));
}

/** Calls `visit` for the expression and everything in it, outermost first. */
export function walkExpression(e: Expression, visit: (e: Expression) => void): void {
  visit(e);
  switch (e.kind) {
    case "load":
      for (const index of e.indices) walkExpression(index, visit);
      break;
    case "binary":
      walkExpression(e.left, visit);
      walkExpression(e.right, visit);
      break;
    case "unary":
    case "cast":
      walkExpression(e.operand, visit);
      break;
    case "select":
      walkExpression(e.condition, visit);
      walkExpression(e.then, visit);
      walkExpression(e.otherwise, visit);
      break;
    default:
      break;
  }
}

export function variablesOf(e: Expression): Set<Variable> {
  const found = new Set<Variable>();
  walkExpression(e, (x) => {
    if (x.kind === "variable") found.add(x);
  });
  return found;
}

export function loadsOf(e: Expression): Extract<Expression, { kind: "load" }>[] {
  const found: Extract<Expression, { kind: "load" }>[] = [];
  walkExpression(e, (x) => {
    if (x.kind === "load") found.push(x);
  });
  return found;
}

const identities = new WeakMap<object, number>();
let nextIdentity = 1;
/** A number for an object, in the order in which objects were first asked for. */
function identityOf(object: object): number {
  let id = identities.get(object);
  if (id === undefined) {
    id = nextIdentity++;
    identities.set(object, id);
  }
  return id;
}

const keys = new WeakMap<object, string>();
/** Equal for structurally equal expressions (variables and buffers by identity). */
export function keyOf(e: Expression): string {
  let key = keys.get(e);
  if (key === undefined) {
    switch (e.kind) {
      case "variable": key = `v${identityOf(e)}`; break;
      case "integer": key = `${e.value}`; break;
      case "number": key = `${e.element}:${e.exact ?? (Object.is(e.value, -0) ? "-0" : e.value)}`; break;
      case "load": key = `b${identityOf(e.buffer)}[${e.indices.map(keyOf).join(",")}]`; break;
      case "binary": key = `${e.op}(${keyOf(e.left)},${keyOf(e.right)})`; break;
      case "unary": key = `${e.op}(${keyOf(e.operand)})`; break;
      case "select": key = `?(${keyOf(e.condition)},${keyOf(e.then)},${keyOf(e.otherwise)})`; break;
      case "cast": key = `${e.element}(${keyOf(e.operand)})`; break;
    }
    keys.set(e, key);
  }
  return key;
}

export const sameExpression = (a: Expression, b: Expression): boolean => a === b || keyOf(a) === keyOf(b);
