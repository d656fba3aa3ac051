import { byteSize } from "../ir/element-type.ts";
import { placeOf } from "./access.ts";
import { add, integer, loadsOf, sub, substitute, variablesOf } from "./expression.ts";
import { printExpression } from "./printer.ts";
import type { Block, Buffer, Expression, Loop, Variable } from "./program.ts";
import { type Scope, simplify } from "./simplify.ts";

/** Sides of the square tiles that targets transpose in registers: lanes of a vector, a row of the tile in each. */
export const tileSides: readonly number[] = [16, 8, 4];

/** Bytes of the elements of such tiles. */
export const tileElement = 4;

/** The rows of a tile in one of its buffers: neighbouring elements from `first` on, and the next row `stride` elements further. */
export interface TileRows {
  readonly buffer: Buffer;
  readonly first: Expression;
  /** a number, or an expression over sizes of the run */
  readonly stride: Expression;
}

/** A copy of `side` x `side` elements: what are rows where it reads are columns where it writes. */
export interface TransposedTile {
  readonly block: Block;
  readonly side: number;
  readonly read: TileRows;
  readonly written: TileRows;
}

/** What keeps two loops from being such a tile, by the condition of `tensorize` that it fails. */
export interface TileProblem {
  readonly condition: "directly-nested" | "square" | "pure-copy" | "across" | "own-elements";
  readonly detail: string;
}

/** How many elements an iteration of `v` moves a place, where that is the same everywhere. */
function strideOf(place: Expression, v: Variable, scope: Scope): Expression | undefined {
  const stride = simplify(sub(substitute(place, new Map([[v, add(v, 1)]])), place), scope);
  return variablesOf(stride).has(v) ? undefined : stride;
}

const isOne = (e: Expression | undefined): boolean => e?.kind === "integer" && e.value === 1;

/** The loop and the one in it as a tile; `by` and `scope` are of what stands around them. */
export function transposedTile(outer: Loop, by: ReadonlyMap<Variable, Expression>, scope: Scope): TransposedTile | TileProblem {
  const problem = (condition: TileProblem["condition"], detail: string): TileProblem => ({ condition, detail });
  const inner = outer.body[0];
  if (outer.body.length !== 1 || inner?.kind !== "for") return problem("directly-nested", `${outer.variable.name} contains more than one loop`);
  const side = outer.extent;
  if (inner.extent !== side || outer.count || inner.count || !tileSides.includes(side)) return problem("square", `${outer.variable.name} has ${outer.extent} iterations, ${inner.variable.name} ${inner.extent}`);
  const block = inner.body[0];
  if (inner.body.length !== 1 || block?.kind !== "block" || block.init || block.body.length !== 1) return problem("pure-copy", `${inner.variable.name} contains more than one statement`);
  const store = block.body[0]!;
  if (store.kind !== "store" || store.value.kind !== "load" || store.value.buffer === store.buffer || block.axes.some((a) => a.kind === "reduce")) return problem("pure-copy", `${block.name} computes`);
  if (byteSize(store.buffer.element, 1) !== tileElement) return problem("pure-copy", `elements of ${store.buffer.name} have ${byteSize(store.buffer.element, 1)} bytes`);
  const inside = scope.with(outer.variable, side).with(inner.variable, side);
  const bound = new Map(by);
  for (const [i, axis] of block.axes.entries()) bound.set(axis.variable, substitute(block.bindings[i] as Expression, by));
  const indicesOf = (indices: readonly Expression[]): Expression[] => indices.map((i) => simplify(substitute(i, bound), inside));
  const [written, read] = [indicesOf(store.indices), indicesOf(store.value.indices)];
  if ([...written, ...read].some((i) => loadsOf(i).length > 0)) return problem("across", `data decide a place of ${block.name}`);
  const places = { written: simplify(placeOf(store.buffer, written), inside), read: simplify(placeOf(store.value.buffer, read), inside) };
  for (const [along, across] of [[outer.variable, inner.variable], [inner.variable, outer.variable]] as const) {
    const strides = { read: strideOf(places.read, across, inside), written: strideOf(places.written, along, inside) };
    if (!isOne(strideOf(places.read, along, inside)) || !isOne(strideOf(places.written, across, inside)) || !strides.read || !strides.written) continue;
    if ([strides.read, strides.written].some((s) => variablesOf(s).has(along) || variablesOf(s).has(across))) continue;
    // Rows that lie apart, or in different indices of one dimension.
    const apart = strides.written.kind === "integer" ? strides.written.value >= side : written.every((i) => !(variablesOf(i).has(along) && variablesOf(i).has(across)));
    if (!apart) return problem("own-elements", `rows of ${store.buffer.name} are not proven to lie apart`);
    const first = (place: Expression): Expression => simplify(substitute(place, new Map([[outer.variable, integer(0)], [inner.variable, integer(0)]])), scope);
    return {
      block, side,
      read: { buffer: store.value.buffer, first: first(places.read), stride: strides.read },
      written: { buffer: store.buffer, first: first(places.written), stride: strides.written },
    };
  }
  return problem("across", `${block.name} reads ${store.value.buffer.name} at ${printExpression(places.read)} and writes ${store.buffer.name} at ${printExpression(places.written)}`);
}
