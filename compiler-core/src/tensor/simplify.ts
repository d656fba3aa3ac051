import { elementKind, elementTypes, type ElementType } from "../ir/element-type.ts";
import {
  add, and, binary, cast, floorDiv, floorMod, integer, keyOf, sameExpression, load, mapOperands, mul, or, select, sub, truth, truthOf, typeOf, unary,
} from "./expression.ts";
import type { BinaryOp, Buffer, Expression, Variable } from "./program.ts";

/** Integers from `low` to `high`, both included; either may be infinite. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

export const everything: Interval = { low: -Infinity, high: Infinity };
const intersect = (a: Interval, b: Interval): Interval => ({ low: Math.max(a.low, b.low), high: Math.min(a.high, b.high) });
const unite = (a: Interval, b: Interval): Interval => ({ low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) });
const times = (x: number, y: number): number => (x === 0 || y === 0 ? 0 : x * y);
const scale = (a: Interval, by: number): Interval =>
  by >= 0 ? { low: times(a.low, by), high: times(a.high, by) } : { low: times(a.high, by), high: times(a.low, by) };

/** What is known of index expressions at a place in a program: the ranges of loops and the conditions around it. */
export class Scope {
  private readonly parent: Scope | undefined;
  private readonly ranges = new Map<Variable, Interval>();
  /** intervals of sums without their constant, by the sum's key */
  private readonly facts = new Map<string, Interval>();
  /** the sums of several terms among them, as they stand in the key */
  private readonly sums: { readonly terms: readonly Term[]; readonly interval: Interval }[] = [];

  constructor(parent?: Scope) {
    this.parent = parent;
  }

  static readonly empty = new Scope();

  with(variable: Variable, extent: number): Scope {
    return this.withRange(variable, { low: 0, high: extent - 1 });
  }

  withRange(variable: Variable, range: Interval): Scope {
    const scope = new Scope(this);
    scope.ranges.set(variable, range);
    return scope;
  }

  range(variable: Variable): Interval {
    const own = this.ranges.get(variable);
    return own ?? this.parent?.range(variable) ?? (variable.max === undefined ? everything : { low: 1, high: variable.max });
  }

  fact(key: string): Interval {
    const own = this.facts.get(key) ?? everything;
    return this.parent ? intersect(own, this.parent.fact(key)) : own;
  }

  /** Every known interval of a sum of several terms, innermost first. */
  *knownSums(): Iterable<{ readonly terms: readonly Term[]; readonly interval: Interval }> {
    yield* this.sums;
    if (this.parent) yield* this.parent.knownSums();
  }

  /** The scope where `condition` holds. */
  assume(condition: Expression): Scope {
    const scope = new Scope(this);
    scope.learn(condition);
    return scope;
  }

  /** The scope where `condition` does not hold. */
  assumeNot(condition: Expression): Scope {
    const scope = new Scope(this);
    if (condition.kind === "binary") {
      const opposite = ({ lt: "ge", ge: "lt", le: "gt", gt: "le", eq: "ne", ne: "eq" } as Partial<Record<BinaryOp, BinaryOp>>)[condition.op];
      if (opposite) scope.learn(binary(opposite, condition.left, condition.right));
      // Not (a or b): neither holds.
      if (condition.op === "or") return this.assumeNot(condition.left).assumeNot(condition.right);
    }
    return scope;
  }

  private learn(condition: Expression): void {
    if (condition.kind !== "binary") return;
    const { op, left, right } = condition;
    if (op === "and") {
      this.learn(left);
      this.learn(right);
      return;
    }
    if (typeOf(left) !== "index" || typeOf(right) !== "index") return;
    const bound: Interval | undefined = ({
      lt: { low: -Infinity, high: -1 },
      le: { low: -Infinity, high: 0 },
      gt: { low: 1, high: Infinity },
      ge: { low: 0, high: Infinity },
      eq: { low: 0, high: 0 },
    } as Partial<Record<BinaryOp, Interval>>)[op];
    if (!bound) return;
    const difference = linearOf(sub(left, right), this.parent ?? this);
    const { key, sign } = normalKey(difference);
    if (key === "") return;
    const shifted = { low: bound.low - difference.constant, high: bound.high - difference.constant };
    const interval = intersect(this.facts.get(key) ?? everything, sign > 0 ? shifted : scale(shifted, -1));
    this.facts.set(key, interval);
    if (difference.terms.length > 1) this.sums.push({ terms: difference.terms.map((t) => ({ atom: t.atom, coefficient: t.coefficient * sign })), interval });
  }
}

interface Term {
  readonly atom: Expression;
  readonly coefficient: number;
}

/** constant + sum of coefficient * atom */
export interface Linear {
  readonly constant: number;
  readonly terms: readonly Term[];
}

const linear = (constant: number, terms: readonly Term[] = []): Linear => ({ constant, terms });

function addLinear(a: Linear, b: Linear, factor = 1): Linear {
  const sums = new Map<string, Term>();
  for (const t of a.terms) sums.set(keyOf(t.atom), t);
  for (const t of b.terms) {
    const key = keyOf(t.atom);
    const known = sums.get(key);
    const coefficient = (known?.coefficient ?? 0) + factor * t.coefficient;
    if (coefficient === 0) sums.delete(key);
    else sums.set(key, { atom: t.atom, coefficient });
  }
  return linear(a.constant + factor * b.constant, [...sums.values()]);
}

const scaleLinear = (a: Linear, by: number): Linear => (by === 0 ? linear(0) : linear(a.constant * by, a.terms.map((t) => ({ atom: t.atom, coefficient: t.coefficient * by }))));

/** Key of a sum without its constant, the same for a sum and its negation; `sign` says which it was. */
function normalKey(a: Linear): { key: string; sign: 1 | -1 } {
  const parts = a.terms.map((t) => ({ key: keyOf(t.atom), coefficient: t.coefficient })).sort((x, y) => (x.key < y.key ? -1 : 1));
  const sign = (parts[0]?.coefficient ?? 1) < 0 ? -1 : 1;
  return { key: parts.map((p) => `${p.coefficient * sign}*${p.key}`).join("+"), sign };
}

/** The index expression as a sum over simplified atoms. */
export function linearOf(e: Expression, scope: Scope): Linear {
  switch (e.kind) {
    case "integer":
      return linear(e.value);
    case "variable": {
      const { low, high } = scope.range(e);
      return low === high ? linear(low) : linear(0, [{ atom: e, coefficient: 1 }]);
    }
    case "unary":
      if (e.op === "neg") return scaleLinear(linearOf(e.operand, scope), -1);
      break;
    case "binary": {
      if (e.op === "add" || e.op === "sub") return recombine(addLinear(linearOf(e.left, scope), linearOf(e.right, scope), e.op === "add" ? 1 : -1));
      if (e.op === "mul") {
        const left = linearOf(e.left, scope);
        const right = linearOf(e.right, scope);
        if (right.terms.length === 0) return scaleLinear(left, right.constant);
        if (left.terms.length === 0) return scaleLinear(right, left.constant);
        // Strides of the run's sizes: each term has its own.
        if (right.terms.every((t) => isSize(t.atom))) return spread(left, right);
        if (left.terms.every((t) => isSize(t.atom))) return spread(right, left);
        return linear(0, [{ atom: mul(fromLinear(left), fromLinear(right)), coefficient: 1 }]);
      }
      if ((e.op === "floordiv" || e.op === "floormod") && e.right.kind === "integer" && e.right.value > 0)
        return divide(linearOf(e.left, scope), e.right.value, scope)[e.op === "floordiv" ? 0 : 1];
      break;
    }
    default:
      break;
  }
  const simple = simplifyAtom(e, scope);
  return simple.kind === "integer" ? linear(simple.value) : isSum(simple) ? linearOf(simple, scope) : linear(0, [{ atom: simple, coefficient: 1 }]);
}

/** Is the expression made of sizes that are given at run time alone? */
function isSize(e: Expression): boolean {
  if (e.kind === "variable") return e.max !== undefined;
  return e.kind === "integer" || (e.kind === "binary" && isSize(e.left) && isSize(e.right));
}

/** A sum times a sum of sizes, term by term. */
const spread = (a: Linear, by: Linear): Linear =>
  by.terms.reduce((sum, size) => addLinear(sum, addLinear(scaleLinear(linear(0, [{ atom: size.atom, coefficient: size.coefficient }]), a.constant), linear(0, a.terms.map((t) => ({ atom: mul(t.atom, size.atom), coefficient: t.coefficient * size.coefficient }))))), scaleLinear(a, by.constant));

const isSum = (e: Expression): boolean => e.kind === "variable" || (e.kind === "binary" && (e.op === "add" || e.op === "sub" || e.op === "mul"));

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));

/** Quotient and remainder of a sum by a positive constant. */
function divide(a: Linear, by: number, scope: Scope): readonly [Linear, Linear] {
  if (by === 1) return [a, linear(0)];
  const whole = a.terms.filter((t) => t.coefficient % by === 0);
  const rest = a.terms.filter((t) => t.coefficient % by !== 0);
  const quotient = linear(floorDiv(a.constant, by), whole.map((t) => ({ atom: t.atom, coefficient: t.coefficient / by })));
  const remainder = linear(floorMod(a.constant, by), rest);
  const range = intervalOfLinear(remainder, scope);
  const at = floorDiv(range.low, by);
  if (at === floorDiv(range.high, by)) return [addLinear(quotient, linear(at)), addLinear(remainder, linear(-at * by))];
  // floor((g*x + r) / (g*c)) = floor((x + floor(r/g)) / c), and the remainder likewise.
  const common = rest.reduce((g, t) => gcd(g, t.coefficient), by);
  if (common > 1) {
    const reduced = linear(floorDiv(remainder.constant, common), rest.map((t) => ({ atom: t.atom, coefficient: t.coefficient / common })));
    const [q, r] = divide(reduced, by / common, scope);
    return [addLinear(quotient, q), addLinear(scaleLinear(r, common), linear(floorMod(remainder.constant, common)))];
  }
  const only = remainder.terms[0];
  if (remainder.constant === 0 && remainder.terms.length === 1 && only?.coefficient === 1) {
    const { atom } = only;
    if (atom.kind === "binary" && atom.op === "floordiv" && atom.right.kind === "integer") {
      const outer = divide(linearOf(atom.left, scope), atom.right.value * by, scope)[0];
      return [addLinear(quotient, outer), linear(0, [{ atom: binary("floormod", atom, by), coefficient: 1 }])];
    }
    if (atom.kind === "binary" && atom.op === "floormod" && atom.right.kind === "integer" && atom.right.value % by === 0)
      return [
        addLinear(quotient, linear(0, [{ atom: binary("floordiv", atom, by), coefficient: 1 }])),
        divide(linearOf(atom.left, scope), by, scope)[1],
      ];
  }
  const body = fromLinear(remainder);
  return [
    addLinear(quotient, linear(0, [{ atom: binary("floordiv", body, by), coefficient: 1 }])),
    linear(0, [{ atom: binary("floormod", body, by), coefficient: 1 }]),
  ];
}

/** (x // k) * k + x % k = x, also as parts of longer sums and with common factors. */
function recombine(a: Linear): Linear {
  for (const mod of a.terms) {
    if (mod.atom.kind !== "binary" || mod.atom.op !== "floormod" || mod.atom.right.kind !== "integer") continue;
    const { left, right } = mod.atom;
    const wanted = mod.coefficient * right.value;
    const base = keyOf(left);
    for (const other of a.terms) {
      if (other.atom.kind !== "binary" || other.atom.right.kind !== "integer") continue;
      if (other.coefficient === wanted && other.atom.op === "floordiv" && sameQuotient(other.atom.left, other.atom.right.value, left, right.value, base)) {
        const rest = linear(a.constant, a.terms.filter((t) => t !== mod && t !== other));
        return recombine(addLinear(rest, linearOf(left, Scope.empty), mod.coefficient));
      }
      // ((x % m) // k) * k + x % k = x % m, where k divides m
      const inner = other.atom.left;
      if (other.coefficient === wanted && other.atom.op === "floordiv" && other.atom.right.value === right.value && inner.kind === "binary" && inner.op === "floormod" &&
        inner.right.kind === "integer" && inner.right.value % right.value === 0 && keyOf(inner.left) === base) {
        const rest = linear(a.constant, a.terms.filter((t) => t !== mod && t !== other));
        return recombine(addLinear(rest, linear(0, [{ atom: inner, coefficient: mod.coefficient }])));
      }
      // ((x // k) % m) * k + x % k = x % (k*m)
      if (other.coefficient === wanted && other.atom.op === "floormod" && other.atom.left.kind === "binary" && other.atom.left.op === "floordiv" &&
        other.atom.left.right.kind === "integer" && sameQuotient(other.atom.left.left, other.atom.left.right.value, left, right.value, base)) {
        const rest = linear(a.constant, a.terms.filter((t) => t !== mod && t !== other));
        const joined = { atom: binary("floormod", left, right.value * other.atom.right.value), coefficient: mod.coefficient };
        return recombine(addLinear(rest, linear(0, [joined])));
      }
    }
  }
  return a;
}

/** Is x // d the quotient that belongs to the remainder y % k? (y itself may be z // e, with x = z and d = e*k.) */
function sameQuotient(x: Expression, d: number, y: Expression, k: number, yKey: string): boolean {
  if (d === k && keyOf(x) === yKey) return true;
  return y.kind === "binary" && y.op === "floordiv" && y.right.kind === "integer" && d === y.right.value * k && keyOf(x) === keyOf(y.left);
}

/** The sum as an expression: large strides first, the constant last. */
export function fromLinear(a: Linear): Expression {
  const terms = [...a.terms].sort((x, y) => Math.abs(y.coefficient) - Math.abs(x.coefficient));
  const positive = terms.filter((t) => t.coefficient > 0);
  const negative = terms.filter((t) => t.coefficient < 0);
  let e: Expression | undefined;
  for (const t of positive) {
    const part = mul(t.atom, t.coefficient);
    e = e ? add(e, part) : part;
  }
  for (const t of negative) e = e ? sub(e, mul(t.atom, -t.coefficient)) : mul(t.atom, t.coefficient);
  if (!e) return integer(a.constant);
  return a.constant < 0 ? sub(e, -a.constant) : add(e, a.constant);
}

export function intervalOfLinear(a: Linear, scope: Scope): Interval {
  let low = a.constant;
  let high = a.constant;
  for (const t of a.terms) {
    const part = scale(intervalOfAtom(t.atom, scope), t.coefficient);
    low += part.low;
    high += part.high;
  }
  if (a.terms.length === 0) return { low, high };
  const { key, sign } = normalKey(a);
  const fact = scale(scope.fact(key), sign);
  let found = intersect({ low, high }, { low: fact.low + a.constant, high: fact.high + a.constant });
  // A known sum that is a part of this one bounds that part.
  for (const known of scope.knownSums()) {
    if (known.terms.length >= a.terms.length) continue;
    const first = known.terms[0] as Term;
    const factor = (a.terms.find((t) => sameExpression(t.atom, first.atom))?.coefficient ?? 0) / first.coefficient;
    if (factor === 0 || !known.terms.every((k) => a.terms.some((t) => sameExpression(t.atom, k.atom) && t.coefficient === k.coefficient * factor))) continue;
    const part = scale(known.interval, factor);
    const rest = intervalOfLinear({ constant: a.constant, terms: a.terms.filter((t) => !known.terms.some((k) => sameExpression(k.atom, t.atom))) }, scope);
    found = intersect(found, { low: rest.low + part.low, high: rest.high + part.high });
  }
  return found;
}

function elementInterval(element: ElementType): Interval {
  const { bits } = elementTypes[element];
  const kind = elementKind(element);
  if (kind === "bool") return { low: 0, high: 1 };
  if (bits > 32) return kind === "uint" ? { low: 0, high: Infinity } : everything;
  if (kind === "uint") return { low: 0, high: 2 ** bits - 1 };
  if (kind === "int") return { low: -(2 ** (bits - 1)), high: 2 ** (bits - 1) - 1 };
  return everything;
}

const tableIntervals = new WeakMap<readonly number[], Interval>();
function loadInterval(b: Buffer): Interval {
  if (!b.values || b.values.length === 0) return elementInterval(b.element);
  let known = tableIntervals.get(b.values);
  if (!known) {
    known = b.values.reduce<Interval>((r, v) => ({ low: Math.min(r.low, v), high: Math.max(r.high, v) }), { low: Infinity, high: -Infinity });
    tableIntervals.set(b.values, known);
  }
  return known;
}

function intervalOfAtom(e: Expression, scope: Scope): Interval {
  switch (e.kind) {
    case "integer":
      return { low: e.value, high: e.value };
    case "variable":
      return intersect(scope.range(e), scope.fact(`1*${keyOf(e)}`));
    case "load":
      return loadInterval(e.buffer);
    case "cast": {
      const type = typeOf(e.operand);
      return type === "index" ? intervalOf(e.operand, scope) : e.operand.kind === "load" ? loadInterval(e.operand.buffer) : elementInterval(type);
    }
    case "select":
      return unite(intervalOf(e.then, scope.assume(e.condition)), intervalOf(e.otherwise, scope.assumeNot(e.condition)));
    case "binary": {
      const left = intervalOf(e.left, scope);
      const right = intervalOf(e.right, scope);
      switch (e.op) {
        case "min":
          return { low: Math.min(left.low, right.low), high: Math.min(left.high, right.high) };
        case "max":
          return { low: Math.max(left.low, right.low), high: Math.max(left.high, right.high) };
        case "floordiv":
          if (right.low === right.high && right.low > 0) return { low: Math.floor(left.low / right.low), high: Math.floor(left.high / right.low) };
          return everything;
        case "floormod":
          if (right.low === right.high && right.low > 0)
            return left.low >= 0 && left.high < right.low ? left : { low: 0, high: right.low - 1 };
          return everything;
        case "mul": {
          const products = [times(left.low, right.low), times(left.low, right.high), times(left.high, right.low), times(left.high, right.high)];
          return { low: Math.min(...products), high: Math.max(...products) };
        }
        default:
          return everything;
      }
    }
    default:
      return everything;
  }
}

/** Bounds of an index expression. Exact for sums of independent loops; otherwise never too narrow. */
export const intervalOf = (e: Expression, scope: Scope): Interval => intervalOfLinear(linearOf(e, scope), scope);

/** True or false where the ranges decide an integer comparison. */
export function decide(condition: Expression, scope: Scope): boolean | undefined {
  const known = truthOf(condition);
  if (known !== undefined) return known;
  if (condition.kind === "unary" && condition.op === "not") {
    const inner = decide(condition.operand, scope);
    return inner === undefined ? undefined : !inner;
  }
  if (condition.kind !== "binary") return undefined;
  const { op, left, right } = condition;
  if (op === "and" || op === "or") {
    const l = decide(left, scope);
    const r = decide(right, scope);
    if (op === "and") return l === false || r === false ? false : l && r ? true : undefined;
    return l || r ? true : l === false && r === false ? false : undefined;
  }
  if (typeOf(left) !== "index" || typeOf(right) !== "index") return undefined;
  const { low, high } = intervalOf(sub(left, right), scope);
  switch (op) {
    case "lt": return high < 0 ? true : low >= 0 ? false : undefined;
    case "le": return high <= 0 ? true : low > 0 ? false : undefined;
    case "gt": return low > 0 ? true : high <= 0 ? false : undefined;
    case "ge": return low >= 0 ? true : high < 0 ? false : undefined;
    case "eq": return low === 0 && high === 0 ? true : low > 0 || high < 0 ? false : undefined;
    case "ne": return low > 0 || high < 0 ? true : low === 0 && high === 0 ? false : undefined;
    default: return undefined;
  }
}

function simplifyAtom(e: Expression, scope: Scope): Expression {
  if (e.kind === "load") return load(e.buffer, e.indices.map((x) => simplify(x, scope)));
  if (e.kind === "select") {
    const condition = simplify(e.condition, scope);
    const known = truthOf(condition);
    if (known !== undefined) return simplify(known ? e.then : e.otherwise, scope);
    return select(condition, simplify(e.then, scope.assume(condition)), simplify(e.otherwise, scope.assumeNot(condition)));
  }
  if (e.kind === "binary" && (e.op === "min" || e.op === "max")) {
    const left = simplify(e.left, scope);
    const right = simplify(e.right, scope);
    if (typeOf(left) === "index" && typeOf(right) === "index") {
      const difference = intervalOf(sub(left, right), scope);
      if (difference.low >= 0) return e.op === "min" ? right : left;
      if (difference.high <= 0) return e.op === "min" ? left : right;
    }
    return binary(e.op, left, right);
  }
  if (e.kind === "cast") return cast(e.element, simplify(e.operand, scope));
  if (e.kind === "unary") return unary(e.op, simplify(e.operand, scope));
  return mapOperands(e, (x) => simplify(x, scope));
}

/**
 * An equal expression, with indices as sums in a canonical order, conditions that the scope decides removed, and
 * floor division and remainder resolved where possible. Floating-point arithmetic is never rearranged.
 */
export function simplify(e: Expression, scope: Scope = Scope.empty): Expression {
  if (e.kind === "integer" || e.kind === "number") return e;
  if (typeOf(e) === "index") return fromLinear(linearOf(e, scope));
  if (typeOf(e) === "bool" && e.kind === "binary") {
    const known = decide(e, scope);
    if (known !== undefined) return truth(known);
    if (e.op === "and") {
      const left = simplify(e.left, scope);
      return and(left, simplify(e.right, scope.assume(left)));
    }
    if (e.op === "or") return or(simplify(e.left, scope), simplify(e.right, scope));
  }
  return simplifyAtom(e, scope);
}
