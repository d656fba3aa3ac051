import type { Attribute } from "../ir/attribute.ts";
import { elementKind } from "../ir/element-type.ts";
import { type NodeId, type OperatorNode, sameValue, type ValueRef } from "../ir/graph.ts";
import { type Tensor, toNumbers } from "../ir/tensor.ts";
import type { CustomSyntax, Operand, PatternNode } from "./custom-syntax.ts";
import type { MatchContext } from "./definition.ts";
import { attributesEqual } from "./support/equality.ts";

/** What the names of a pattern stand for at one place. */
export interface Binding {
  readonly values: ReadonlyMap<string, ValueRef>;
  /** by position in the pattern */
  readonly nodes: ReadonlyMap<number, NodeId>;
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** Operators whose inputs may come in any order. */
const commutative = new Set(["Add", "Mul", "And", "Or", "Xor", "Equal", "Max", "Min", "Sum", "Mean", "BitwiseAnd", "BitwiseOr", "BitwiseXor"]);
/** Longer lists of inputs are taken in the order in which they are written. */
const mostPermuted = 4;
/** Goals tried at one root. Patterns of commutative operators nested in one another could take for ever. */
const mostGoals = 4000;
const mostBindings = 32;

interface Goal {
  readonly operand: Operand | null;
  readonly ref: ValueRef | null;
  /** for messages: "input 2 of Mul" */
  readonly place: string;
}

export interface Found {
  readonly bindings: readonly Binding[];
  /** why the attempt that came furthest ended, when there is no binding */
  readonly reason: string;
  /** the search was given up */
  readonly exhausted: boolean;
}

/** Every way in which the pattern matches with `root` as the maker of its first result. */
export function matchPattern(syntax: CustomSyntax, root: OperatorNode, context: MatchContext): Found {
  const makers = new Map<string, { index: number; output: number }>();
  for (const [index, node] of syntax.pattern.entries()) for (const [output, name] of node.outputs.entries()) if (name !== "") makers.set(name, { index, output });
  const bindings: Binding[] = [];
  let goals = 0;
  let furthest = -1;
  let reason = "";
  const failed = (depth: number, why: () => string): void => {
    if (depth <= furthest) return;
    furthest = depth;
    reason = why();
  };

  const solve = (open: readonly Goal[], binding: Binding, depth: number): void => {
    if (++goals > mostGoals || bindings.length >= mostBindings) return;
    const [goal, ...rest] = open;
    if (!goal) {
      bindings.push(binding);
      return;
    }
    const { operand, ref, place } = goal;
    if (operand === null || ref === null) {
      if (operand === null && ref === null) solve(rest, binding, depth + 1);
      else failed(depth, () => (operand === null ? `${place} is given` : `${place} is left out`));
      return;
    }
    if (operand.kind === "number") {
      const told = constantIs(context, ref, operand.value, operand.tolerance);
      if (told === undefined) solve(rest, binding, depth + 1);
      else failed(depth, () => `${place}, ${context.describe(ref)}, ${told}`);
      return;
    }
    const known = binding.values.get(operand.name);
    if (known) {
      if (sameValue(known, ref)) solve(rest, binding, depth + 1);
      else failed(depth, () => `${place} is ${context.describe(ref)}, but %${operand.name} is ${context.describe(known)}`);
      return;
    }
    const maker = makers.get(operand.name);
    if (!maker) {
      solve(rest, { ...binding, values: new Map(binding.values).set(operand.name, ref) }, depth + 1);
      return;
    }
    const node = context.find(ref.node);
    if (!node || ref.output !== maker.output) failed(depth, () => `${place} comes from ${context.describe(ref)}`);
    else expand(maker.index, node, rest, binding, depth);
  };

  const expand = (index: number, node: OperatorNode, rest: readonly Goal[], binding: Binding, depth: number): void => {
    const pattern = syntax.pattern[index]!;
    if (node.domain !== pattern.domain || node.op !== pattern.op) {
      failed(depth, () => `${context.describe({ node: node.id, output: 0 })} stands where the pattern has ${pattern.op}`);
      return;
    }
    const attributes = matchAttributes(pattern, node, context, binding.attributes);
    if (typeof attributes === "string") {
      failed(depth, () => `${context.describe({ node: node.id, output: 0 })}: ${attributes}`);
      return;
    }
    const values = new Map(binding.values);
    for (const [output, name] of pattern.outputs.entries()) {
      if (name === "") continue;
      const ref = { node: node.id, output };
      const known = values.get(name);
      if (known && !sameValue(known, ref)) return;
      values.set(name, ref);
    }
    const next: Binding = { values, nodes: new Map(binding.nodes).set(index, node.id), attributes };
    const count = Math.max(pattern.inputs.length, node.inputs.length);
    const goalsFor = (operands: readonly (Operand | null)[]): Goal[] =>
      Array.from({ length: count }, (_, i) => ({ operand: operands[i] ?? null, ref: node.inputs[i] ?? null, place: `input ${i + 1} of ${context.describe({ node: node.id, output: 0 })}` }));
    const orders = commutative.has(node.op) && node.domain === "" && pattern.inputs.length <= mostPermuted ? permutations(pattern.inputs) : [pattern.inputs];
    for (const operands of orders) solve([...goalsFor(operands), ...rest], next, depth + 1);
  };

  const first = makers.get(syntax.patternResults[0]!)!;
  expand(first.index, root, [], { values: new Map(), nodes: new Map(), attributes: new Map() }, 0);
  return { bindings, reason, exhausted: goals > mostGoals };
}

function permutations<T>(items: readonly T[]): (readonly T[])[] {
  if (items.length < 2) return [items];
  const found: (readonly T[])[] = [];
  for (const [i, item] of items.entries()) for (const rest of permutations([...items.slice(0, i), ...items.slice(i + 1)])) found.push([item, ...rest]);
  return found;
}

/** Undefined when every element of the constant is the number; else what it is instead. */
function constantIs(context: MatchContext, ref: ValueRef, value: number, tolerance: number): string | undefined {
  const numbers = numbersOf(context, ref);
  if (typeof numbers === "string") return numbers;
  const odd = numbers.find((n) => !(Object.is(n, value) || Math.abs(n - value) <= tolerance || n === value));
  return odd === undefined ? undefined : `has an element ${odd}`;
}

/** The elements of a numeric constant, or why there are none. */
export function numbersOf(context: MatchContext, ref: ValueRef): Float64Array | string {
  const constant = context.constant(ref);
  if (!constant) return "is not a constant";
  const { element } = constant.type;
  if (!element || elementKind(element) === "string" || elementKind(element) === "complex") return `is a constant of ${constant.type.text}`;
  return Float64Array.from(toNumbers(constant.tensor() as Tensor));
}

function matchAttributes(pattern: PatternNode, node: OperatorNode, context: MatchContext, bound: ReadonlyMap<string, Attribute>): ReadonlyMap<string, Attribute> | string {
  const schema = context.definition(node)?.attributes ?? {};
  const fallback = (name: string): Attribute | undefined => {
    const info = Object.hasOwn(schema, name) ? schema[name] : undefined;
    if (!info || info.fallback === undefined) return undefined;
    return { kind: info.kind, value: info.fallback } as Attribute;
  };
  const valueOf = (name: string): Attribute | undefined => (Object.hasOwn(node.attributes, name) ? node.attributes[name] : fallback(name));
  const variables = new Map(bound);
  const named = new Set<string>();
  for (const [name, test] of pattern.attributes) {
    named.add(name);
    const value = valueOf(name);
    if (!value) return `the attribute ${name} is absent`;
    if (test.kind === "equals") {
      if (!sameAttribute(value, test.value)) return `the attribute ${name} has another value`;
    } else {
      const known = variables.get(test.variable);
      if (known && !sameAttribute(known, value)) return `the attribute ${name} differs from ${test.variable}`;
      variables.set(test.variable, value);
    }
  }
  if (!pattern.open)
    for (const name of Object.keys(node.attributes)) {
      if (named.has(name)) continue;
      const standard = fallback(name);
      if (!standard || !sameAttribute(node.attributes[name]!, standard)) return `the attribute ${name} is set, and the pattern does not name it`;
    }
  return variables;
}

/** Floats as a model file stores them; 1 and 1.0 are one number. */
export function sameAttribute(a: Attribute, b: Attribute): boolean {
  const number = (x: Attribute): number | undefined => (x.kind === "int" ? Number(x.value) : x.kind === "float" ? Math.fround(x.value) : undefined);
  const [x, y] = [number(a), number(b)];
  if (x !== undefined && y !== undefined) return Object.is(x, y) || x === y;
  const list = (v: Attribute): number[] | undefined => (v.kind === "ints" || v.kind === "floats" ? Array.from(v.value as readonly (number | bigint)[], (n) => Math.fround(Number(n))) : undefined);
  const [p, q] = [list(a), list(b)];
  if (p && q) return p.length === q.length && p.every((n, i) => n === q[i]);
  return attributesEqual({ a }, { a: b });
}
