import { byteSize, type ElementType } from "../ir/element-type.ts";
import { placeOf } from "./access.ts";
import { add, integer, loadsOf, sub, substitute, typeOf, variablesOf } from "./expression.ts";
import { printExpression } from "./printer.ts";
import type { Block, Buffer, Expression, Loop, Variable } from "./program.ts";
import { intervalOf, linearOf, type Scope, simplify } from "./simplify.ts";

/**
 * Sides of the square tiles that a target transposes in registers, whose vectors have `lanes` of 4 bytes: lanes of a vector, a row of the tile
 * in each. Of narrower elements a vector of 16 bytes has as many as pay.
 */
export function tileSides(element: ElementType, lanes = 16): readonly number[] {
  const bytes = byteSize(element, 1);
  return lanes < 4 ? [] : bytes === 4 ? [16, 8, 4].filter((side) => side <= lanes) : bytes === 2 || bytes === 1 ? [16 / bytes] : [];
}

/** The rows of a tile in one of its buffers: neighbouring elements from `first` on, and the next row `stride` elements further. */
export interface TileRows {
  readonly buffer: Buffer;
  readonly first: Expression;
  /** a number, or an expression over sizes of the run */
  readonly stride: Expression;
}

/**
 * A copy of `side` x `side` elements: what are rows where it reads are columns where it writes. It may read fewer rows, and write zeros for the
 * others, or write fewer of the columns that it reads: channels that fill no block.
 */
export interface TransposedTile {
  readonly block: Block;
  readonly side: number;
  readonly rowsRead: number;
  readonly columnsWritten: number;
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

/** Of how many of the first iterations of `v` a condition holds, where it asks for just that. */
function iterationsOf(condition: Expression, v: Variable, scope: Scope): number | undefined {
  if (condition.kind !== "binary" || condition.op !== "lt" || typeOf(condition.left) !== "index") return undefined;
  const { constant, terms } = linearOf(sub(condition.left, condition.right), scope);
  const [term, ...more] = terms;
  return term?.atom === v && more.length === 0 && term.coefficient > 0 ? Math.ceil(-constant / term.coefficient) : undefined;
}

/** Do the elements that follow a row in its dimension fill a vector of `side`? */
function fillsVector(buffer: Buffer, indices: readonly Expression[], along: Variable, side: number, scope: Scope): boolean {
  const moved = indices.flatMap((index, d) => (variablesOf(index).has(along) ? [{ index, d }] : []));
  const [only, ...more] = moved;
  if (!only || more.length > 0) return false;
  const { index, d } = only;
  return isOne(strideOf(index, along, scope)) && intervalOf(substitute(index, new Map([[along, integer(0)]])), scope).high + side <= buffer.dims[d]! && (!buffer.shape || buffer.shape[d]!.kind === "integer");
}

/** The loop and the one in it as a tile; `by` and `scope` are of what stands around them. */
export function transposedTile(outer: Loop, by: ReadonlyMap<Variable, Expression>, scope: Scope): TransposedTile | TileProblem {
  const problem = (condition: TileProblem["condition"], detail: string): TileProblem => ({ condition, detail });
  const inner = outer.body[0];
  if (outer.body.length !== 1 || inner?.kind !== "for") return problem("directly-nested", `${outer.variable.name} contains more than one loop`);
  const side = Math.max(outer.extent, inner.extent);
  const notSquare = (): TileProblem => problem("square", `${outer.variable.name} has ${outer.extent} iterations, ${inner.variable.name} ${inner.extent}`);
  if (outer.count || inner.count) return notSquare();
  const block = inner.body[0];
  if (inner.body.length !== 1 || block?.kind !== "block" || block.init || block.body.length !== 1) return problem("pure-copy", `${inner.variable.name} contains more than one statement`);
  const store = block.body[0]!;
  if (store.kind !== "store" || block.axes.some((a) => a.kind === "reduce")) return problem("pure-copy", `${block.name} computes`);
  const { value } = store;
  // All bits of a zero are 0, except where a type has none.
  const choice = value.kind === "select" && value.otherwise.kind === "number" && Object.is(value.otherwise.value, 0) && store.buffer.element !== "float8e8m0" ? value : undefined;
  const load = choice ? choice.then : value;
  if (load.kind !== "load" || load.buffer === store.buffer) return problem("pure-copy", `${block.name} computes`);
  const sides = tileSides(store.buffer.element);
  if (sides.length === 0) return problem("pure-copy", `elements of ${store.buffer.name} have ${byteSize(store.buffer.element, 1)} bytes`);
  if (!sides.includes(side)) return notSquare();
  const inside = scope.with(outer.variable, outer.extent).with(inner.variable, inner.extent);
  const bound = new Map(by);
  for (const [i, axis] of block.axes.entries()) bound.set(axis.variable, substitute(block.bindings[i] as Expression, by));
  const indicesOf = (indices: readonly Expression[]): Expression[] => indices.map((i) => simplify(substitute(i, bound), inside));
  const [written, read] = [indicesOf(store.indices), indicesOf(load.indices)];
  if ([...written, ...read].some((i) => loadsOf(i).length > 0)) return problem("across", `data decide a place of ${block.name}`);
  const places = { written: simplify(placeOf(store.buffer, written), inside), read: simplify(placeOf(load.buffer, read), inside) };
  for (const [{ variable: along, extent: columnsWritten }, { variable: across, extent }] of [[outer, inner], [inner, outer]] as const) {
    const strides = { read: strideOf(places.read, across, inside), written: strideOf(places.written, along, inside) };
    if (!isOne(strideOf(places.read, along, inside)) || !isOne(strideOf(places.written, across, inside)) || !strides.read || !strides.written) continue;
    if ([strides.read, strides.written].some((s) => variablesOf(s).has(along) || variablesOf(s).has(across))) continue;
    const rowsRead = choice ? iterationsOf(substitute(choice.condition, bound), across, inside) : side;
    if (rowsRead === undefined || rowsRead < 1 || rowsRead > side) return problem("pure-copy", `${block.name} computes`);
    if (extent !== side || (columnsWritten < side && !fillsVector(load.buffer, read, along, side, inside))) return notSquare();
    // Rows that lie apart, or in different indices of one dimension.
    const apart = strides.written.kind === "integer" ? Math.abs(strides.written.value) >= side : written.every((i) => !(variablesOf(i).has(along) && variablesOf(i).has(across)));
    if (!apart) return problem("own-elements", `rows of ${store.buffer.name} are not proven to lie apart`);
    const first = (place: Expression): Expression => simplify(substitute(place, new Map([[outer.variable, integer(0)], [inner.variable, integer(0)]])), scope);
    return {
      block, side, rowsRead, columnsWritten,
      read: { buffer: load.buffer, first: first(places.read), stride: strides.read },
      written: { buffer: store.buffer, first: first(places.written), stride: strides.written },
    };
  }
  return problem("across", `${block.name} reads ${load.buffer.name} at ${printExpression(places.read)} and writes ${store.buffer.name} at ${printExpression(places.written)}`);
}
