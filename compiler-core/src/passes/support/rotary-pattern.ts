import { type OperatorNode, sameValue, type ValueRef } from "../../ir/graph.ts";
import { dimsEqual } from "../../ir/dim.ts";
import { toIntegers } from "../../ir/tensor.ts";
import { shapesEqual } from "../../ir/value-type.ts";
import type { MatchContext } from "../definition.ts";

/** Pairs (a, b) of x's features turned by angles: (a cos - b sin, b cos + a sin). */
export interface Rotation {
  readonly x: ValueRef;
  /** as they are multiplied: for all features, or for one of each pair */
  readonly cos: ValueRef;
  readonly sin: ValueRef;
  /** the features of a pair are neighbours; else the halves of the last axis */
  readonly interleaved: boolean;
  readonly nodes: readonly OperatorNode[];
  readonly last: OperatorNode;
}

/** Which features of x a value holds. */
interface Part {
  readonly x: ValueRef;
  readonly which: "first half" | "second half" | "even" | "odd";
  readonly nodes: readonly OperatorNode[];
}

const outputOf = (node: OperatorNode): ValueRef => ({ node: node.id, output: 0 });
const isLast = (axis: number, rank: number | undefined): boolean => axis === -1 || (rank !== undefined && axis === rank - 1);

/** A half, or every other one, of the last axis. */
function partOf(ref: ValueRef | null | undefined, context: MatchContext): Part | undefined {
  const node = context.producer(ref, "Slice", "Split");
  const x = node?.inputs[0];
  const shape = x && context.shape(x);
  const size = shape?.at(-1);
  if (!node || !ref || !x || !shape || typeof size !== "number" || size % 2 !== 0) return undefined;
  if (node.op === "Split") {
    const sizes = context.tensor(node.inputs[1]);
    const even = node.outputs.length === 2 && (node.inputs[1] ? sizes !== undefined && toIntegers(sizes).join() === `${size / 2},${size / 2}` : true);
    return even && isLast(context.attributes(node).int("axis", 0), shape.length) ? { x, which: ref.output === 0 ? "first half" : "second half", nodes: [node] } : undefined;
  }
  const [starts, ends, axes, steps] = node.inputs.slice(1).map((input) => (input ? context.tensor(input) : null));
  if (!starts || !ends || !axes || steps === undefined && node.inputs[4]) return undefined;
  const [start, end, axis, step] = [starts, ends, axes, steps].map((tensor) => (tensor ? toIntegers(tensor) : [1]));
  if (start!.length !== 1 || !isLast(axis![0]!, shape.length)) return undefined;
  const front = (at: number): number => Math.min(size, Math.max(0, at < 0 ? at + size : at));
  const [from, to, by] = [front(start![0]!), front(end![0]!), step![0]!];
  const which =
    by === 1 && from === 0 && to === size / 2 ? "first half" : by === 1 && from === size / 2 && to === size ? "second half" : by === 2 && from === 0 && to >= size - 1 ? "even" : by === 2 && from === 1 && to === size ? "odd" : undefined;
  return which && { x, which, nodes: [node] };
}

/** Two values side by side: one after the other along the last axis, or taking turns on it. */
function pairOf(ref: ValueRef | null | undefined, context: MatchContext): { first: ValueRef; second: ValueRef; interleaved: boolean; nodes: OperatorNode[] } | undefined {
  const node = context.producer(ref, "Concat", "Reshape");
  if (!node) return undefined;
  if (node.op === "Concat") {
    const [first, second] = node.inputs;
    const rank = context.shape(outputOf(node))?.length;
    return node.inputs.length === 2 && first && second && isLast(context.attributes(node).int("axis", 0), rank) ? { first, second, interleaved: false, nodes: [node] } : undefined;
  }
  const concat = context.producer(node.inputs[0], "Concat");
  const stacked = concat && context.shape(outputOf(concat));
  const flat = context.shape(outputOf(node));
  // [.., n, 2] read as [.., 2 n].
  if (!concat || concat.inputs.length !== 2 || !stacked || !flat || flat.length !== stacked.length - 1 || !isLast(context.attributes(concat).int("axis", 0), stacked.length)) return undefined;
  const lines = concat.inputs.map((input) => context.producer(input, "Unsqueeze"));
  const lastOnly = lines.every((line) => {
    const axes = line && context.tensor(line.inputs[1]);
    return axes && axes.dims.join() === "1" && isLast(toIntegers(axes)[0]!, stacked.length);
  });
  if (!lastOnly || !flat.slice(0, -1).every((d, i) => dimsEqual(d, stacked[i]!))) return undefined;
  return { first: lines[0]!.inputs[0]!, second: lines[1]!.inputs[0]!, interleaved: true, nodes: [node, concat, ...(lines as OperatorNode[])] };
}

/** Ways to read a Mul as a value times a factor. */
const readings = (node: OperatorNode | undefined): [ValueRef, ValueRef][] => (node?.inputs[0] && node.inputs[1] ? [[node.inputs[0], node.inputs[1]], [node.inputs[1], node.inputs[0]]] : []);

/** x cos + rotated(x) sin, where rotated(x) holds -b for a and a for b. */
function fullForm(root: OperatorNode, context: MatchContext): Rotation | undefined {
  if (root.op !== "Add") return undefined;
  const products = root.inputs.map((ref) => context.producer(ref, "Mul"));
  for (const [plain, turned] of [products, [...products].reverse()])
    for (const [rotated, sin] of readings(turned)) {
      const pair = pairOf(rotated, context);
      const minus = pair && context.producer(pair.first, "Neg");
      const b = minus && partOf(minus.inputs[0], context);
      const a = b && partOf(pair.second, context);
      if (!plain || !turned || !pair || !minus || !a || !b || !sameValue(a.x, b.x)) continue;
      const interleaved = a.which === "even" && b.which === "odd";
      if (pair.interleaved !== interleaved || (!interleaved && (a.which !== "first half" || b.which !== "second half"))) continue;
      const found = readings(plain).find(([x]) => sameValue(x, a.x));
      if (!found || !shapesEqual(context.shape(a.x) ?? null, context.shape(outputOf(root)) ?? null)) continue;
      return { x: a.x, cos: found[1], sin, interleaved, nodes: [root, plain, turned, ...pair.nodes, minus, ...b.nodes, ...a.nodes], last: root };
    }
  return undefined;
}

/** a cos - b sin beside b cos + a sin. */
function pairForm(root: OperatorNode, context: MatchContext): Rotation | undefined {
  const pair = pairOf(outputOf(root), context);
  const difference = pair && context.producer(pair.first, "Sub");
  const sum = pair && context.producer(pair.second, "Add");
  if (!pair || !difference || !sum) return undefined;
  const [ac, bs] = difference.inputs.map((ref) => context.producer(ref, "Mul"));
  const others = sum.inputs.map((ref) => context.producer(ref, "Mul"));
  for (const [aRef, cos] of readings(ac))
    for (const [bRef, sin] of readings(bs)) {
      const [a, b] = [partOf(aRef, context), partOf(bRef, context)];
      if (!ac || !bs || !a || !b || !sameValue(a.x, b.x)) continue;
      const interleaved = a.which === "even" && b.which === "odd";
      if (pair.interleaved !== interleaved || (!interleaved && (a.which !== "first half" || b.which !== "second half"))) continue;
      const isProduct = (node: OperatorNode | undefined, which: Part["which"], factor: ValueRef): boolean => readings(node).some(([ref, by]) => sameValue(by, factor) && ((p) => p !== undefined && p.which === which && sameValue(p.x, a.x))(partOf(ref, context)));
      const fits = [others, [...others].reverse()].some(([bc, as]) => isProduct(bc, b.which, cos) && isProduct(as, a.which, sin));
      if (!fits || !shapesEqual(context.shape(a.x) ?? null, context.shape(outputOf(root)) ?? null)) continue;
      const parts = [ac, bs, ...(others as OperatorNode[])].flatMap((product) => readings(product).flatMap(([ref]) => partOf(ref, context)?.nodes ?? []));
      return { x: a.x, cos, sin, interleaved, nodes: [...new Set([root, ...pair.nodes, difference, sum, ac, bs, ...(others as OperatorNode[]), ...parts])], last: root };
    }
  return undefined;
}

/** The rotary embedding that ends in `root`, in either form. */
export const rotationAt = (root: OperatorNode, context: MatchContext): Rotation | undefined => (root.op === "Add" ? fullForm(root, context) : pairForm(root, context));
