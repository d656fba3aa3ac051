import type { Graph } from "../ir/graph.ts";
import { staticShape, type TensorType, type ValueType } from "../ir/value-type.ts";
import { freshName, makeProgram, nest, store, buffer } from "../tensor/build.ts";
import { add, cast, integer, load, lt, max, min, number, sub, truth } from "../tensor/expression.ts";
import type { Buffer, Expression, Statement, TensorProgram } from "../tensor/program.ts";
import { simplifyProgram } from "../tensor/schedule/primitive.ts";

/** What loops and branches do between the steps of their bodies, as programs: copies, slices, stacked rows, and counting turns. */

/** A value as a program's parameter. */
export interface Wire<V> {
  readonly value: V;
  /** its type in a graph: with sizes of the run, each sample has its own */
  readonly type: (graph: Graph) => ValueType;
  readonly constant: boolean;
}

/** A program in the making, for one graph. */
export class ControlProgram<V> {
  readonly graph: Graph;
  private readonly taken = new Set<string>();
  private readonly parameters: Buffer[] = [];
  private readonly statements: Statement[] = [];
  readonly bindings = new Map<string, V>();

  constructor(graph: Graph) {
    this.graph = graph;
  }

  private parameter(wire: Wire<V>, name: string, scope: Buffer["scope"]): Buffer {
    const type = wire.type(this.graph) as TensorType;
    const made = buffer(freshName(name, this.taken), type.element!, staticShape(type)!, scope);
    this.parameters.push(made);
    this.bindings.set(made.name, wire.value);
    return made;
  }

  read(wire: Wire<V>, name: string): Buffer {
    return this.parameter(wire, name, wire.constant ? "weight" : "input");
  }

  /** All of it is written. */
  write(wire: Wire<V>, name: string): Buffer {
    return this.parameter(wire, name, "output");
  }

  /** A part of it is written, the rest stays. */
  update(wire: Wire<V>, name: string): Buffer {
    return this.parameter(wire, name, "scratch");
  }

  copy(from: Buffer, to: Buffer): void {
    this.statements.push(...nest("copy", axes(to.dims), (v) => store(to, v, load(from, v))));
  }

  /** `to` is the slice of `from` at a place along an axis. */
  slice(from: Buffer, to: Buffer, axis: number, at: Expression): void {
    this.statements.push(...nest("slice", axes(to.dims), (v) => store(to, v, load(from, [...v.slice(0, axis), at, ...v.slice(axis)]))));
  }

  /** The slice of `to` at a place along an axis is `from`. */
  row(from: Buffer, to: Buffer, axis: number, at: Expression): void {
    this.statements.push(...nest("row", axes(from.dims), (v) => store(to, [...v.slice(0, axis), at, ...v.slice(axis)], load(from, v))));
  }

  set(to: Buffer, value: Expression): void {
    this.statements.push(...nest("set", axes(to.dims), (v) => store(to, v, value)));
  }

  finish(name: string): TensorProgram {
    const order = (p: Buffer): number => ["input", "weight", "output", "scratch"].indexOf(p.scope === "weight" ? "input" : p.scope);
    return simplifyProgram(makeProgram(name, [...this.parameters].sort((a, b) => order(a) - order(b)), this.statements));
  }
}

const axes = (dims: readonly number[]): { name: string; extent: number }[] => dims.map((extent, d) => ({ name: `i${d}`, extent }));

/** The one element of a tensor of one element. */
export const single = (b: Buffer): Expression => load(b, b.dims.map(() => integer(0)));

/** The turn's place along an axis, from its end where reversed. Never outside. */
export function placeOf(turn: Buffer, extent: number, reversed: boolean): Expression {
  const at = min(max(cast("index", single(turn)), 0), Math.max(0, extent - 1));
  return reversed ? sub(extent - 1, at) : at;
}

export const oneMore = (turn: Buffer): Expression => add(single(turn), number("int64", 1));

/** Is the turn below the limit? */
export const below = (turn: Expression, limit: Buffer | number | undefined): Expression => (limit === undefined ? truth(true) : typeof limit === "number" ? lt(cast("index", turn), integer(limit)) : lt(turn, single(limit)));
