import { GraphwrightError } from "../support/diagnostic.ts";
import { add, cast, div, floordiv, integer, keyOf, mul, number, walkExpression } from "./expression.ts";
import type { Block, Buffer, Expression, Statement, TensorProgram, Variable } from "./program.ts";
import { simplifyProgram } from "./schedule/primitive.ts";
import { type SizeValues, sizeValue } from "./sizes.ts";

/**
 * One program for all sizes from the programs for a few of them: their least general generalization (anti-unification,
 * Plotkin 1970), in which each number that differs becomes an expression over the sizes that gives it in every sample.
 * Candidates are the dimensions that the graph's type inference found, so a stride or a border is not guessed but
 * recognized. Programs that differ in more than numbers have none: lowering decided something by the size.
 */
export interface Samples {
  readonly sizes: readonly Variable[];
  /** at least three, each size with a value of its own in each */
  readonly values: readonly SizeValues[];
  /** dimensions of the graph: what numbers may come from */
  readonly dimensions: readonly Expression[];
}

/** Programs of different sizes that have no common form; `detail` says where they part. */
const apart = (detail: string): GraphwrightError => new GraphwrightError("not-lowered", `cannot be lowered for sizes of run time: ${detail}.`, undefined, "Bind that size instead (build --fix N=1).");

export class Generalizer {
  private readonly samples: Samples;
  private readonly terms: readonly { readonly expression: Expression; readonly values: readonly number[]; /** parts of the expression: short ones are tried for first */ readonly length: number }[];
  private readonly solved = new Map<string, Expression | null>();

  constructor(samples: Samples) {
    this.samples = samples;
    const found = new Map<string, { expression: Expression; values: readonly number[] }>();
    const note = (expression: Expression): void => {
      const values = samples.values.map((v) => sizeValue(expression, v));
      const key = values.join();
      if (new Set(values).size > 1 && !found.has(key)) found.set(key, { expression, values });
    };
    samples.sizes.forEach(note);
    samples.dimensions.forEach(note);
    const single = [...found.values()].slice(0, 64);
    for (const [i, a] of single.entries()) for (const b of single.slice(i)) note(mul(a.expression, b.expression));
    for (const a of samples.sizes) for (const b of samples.sizes) for (const c of single.slice(0, 16)) note(mul(mul(a, b), c.expression));
    this.terms = [...found.values()].map((t) => {
      let length = 0;
      walkExpression(t.expression, () => void length++);
      return { ...t, length };
    });
  }

  /** An expression that has these values in the samples: factor * dimension + constant. */
  integer(values: readonly number[]): Expression | undefined {
    const [first] = values;
    if (values.every((v) => v === first)) return integer(first!);
    const key = values.join();
    const known = this.solved.get(key);
    if (known !== undefined) return known ?? undefined;
    let best: { expression: Expression; cost: number } | undefined;
    for (const t of this.terms) {
      const at = t.values.findIndex((v) => v !== t.values[0]);
      const factor = (values[at]! - first!) / (t.values[at]! - t.values[0]!);
      const by = Number.isInteger(factor) ? 1 : Number.isInteger(1 / factor) ? 1 / factor : 0;
      if (by === 0 || factor === 0) continue;
      if (by !== 1) {
        // A part of a dimension: heads of channels, halves of a row.
        const quotient = values.every((v, i) => Math.floor(t.values[i]! / by) === v && t.values[i]! % by === 0);
        if (quotient && by > 0 && (!best || best.cost > 2)) best = { expression: floordiv(t.expression, by), cost: 2 };
        continue;
      }
      const constant = first! - factor * t.values[0]!;
      if (!values.every((v, i) => v === factor * t.values[i]! + constant)) continue;
      const cost = (constant === 0 ? 0 : 1) + (factor === 1 ? 0 : 0.5) + 0.1 * t.length;
      if (!best || cost < best.cost) best = { expression: add(mul(t.expression, factor), constant), cost };
    }
    this.solved.set(key, best?.expression ?? null);
    return best?.expression;
  }

  /** The program for all sizes. Throws "not-lowered" where the samples differ in form. */
  program(programs: readonly TensorProgram[]): TensorProgram {
    return new Unifier(this, this.samples, programs).run();
  }
}

/** The largest value over the sizes' ranges; shapes grow with sizes. */
function bound(e: Expression, sizes: readonly Variable[]): number {
  return sizeValue(e, new Map(sizes.map((s) => [s, s.max!])));
}

class Unifier {
  private readonly solver: Generalizer;
  private readonly samples: Samples;
  private readonly programs: readonly TensorProgram[];
  /** the first program's variables and buffers, as the others call them */
  private readonly variables: Map<Variable, Variable>[];
  private readonly buffers: Map<Buffer, Buffer>[];
  private readonly made = new Map<Buffer, Buffer>();

  constructor(solver: Generalizer, samples: Samples, programs: readonly TensorProgram[]) {
    this.solver = solver;
    this.samples = samples;
    this.programs = programs;
    this.variables = programs.map(() => new Map());
    this.buffers = programs.map(() => new Map());
  }

  run(): TensorProgram {
    const first = this.programs[0]!;
    const lists = this.programs.map((p) => p.parameters);
    if (lists.some((l) => l.map((b) => `${b.name} ${b.scope}`).join() !== lists[0]!.map((b) => `${b.name} ${b.scope}`).join())) throw apart("the values that it reads differ with the size");
    const parameters = first.parameters.map((_, i) => this.buffer(lists.map((l) => l[i]!)));
    const body = this.body(this.programs.map((p) => p.body));
    return simplifyProgram({ ...first, parameters, body });
  }

  private number(values: readonly number[], what: string): Expression {
    const found = this.solver.integer(values);
    if (!found) throw apart(`${what} is ${[...new Set(values)].slice(0, 3).join(", ")} for ${this.samples.values.slice(0, 3).map((v) => [...v].map(([s, n]) => `${s.name}=${n}`).join(" ")).join(", ")}, which no dimension explains`);
    return found;
  }

  private bound(e: Expression, what: string): number {
    if (e.kind === "integer") return e.value;
    const most = bound(e, this.samples.sizes);
    if (most < 1) throw apart(`${what} is ${most} at the largest sizes`);
    return most;
  }

  private buffer(list: readonly Buffer[]): Buffer {
    const first = list[0]!;
    const known = this.made.get(first);
    if (known) {
      for (const [k, b] of list.entries()) if (this.buffers[k]!.get(first) !== b) throw apart(`${first.name} stands for different values`);
      return known;
    }
    for (const [k, b] of list.entries()) {
      if (b.dims.length !== first.dims.length || b.element !== first.element || b.scope !== first.scope) throw apart(`${first.name} has another rank or type`);
      this.buffers[k]!.set(first, b);
    }
    if (first.values && list.some((b) => b.values!.length !== first.values!.length || b.values!.some((v, i) => !Object.is(v, first.values![i])))) throw apart(`the table ${first.name} is made for one size`);
    const shape = first.dims.map((_, d) => this.number(list.map((b) => b.dims[d]!), `dimension ${d} of ${first.name}`));
    const symbolic = shape.some((e) => e.kind !== "integer");
    if (symbolic && first.scope === "weight") throw apart(`the constant ${first.name} has another shape for each size`);
    const dims = shape.map((e, d) => this.bound(e, `dimension ${d} of ${first.name}`));
    const made: Buffer = symbolic ? { ...first, dims, ...(first.scope === "local" || first.scope === "weight" ? {} : { shape }) } : first;
    this.made.set(first, made);
    return made;
  }

  private pair(list: readonly Variable[]): Variable {
    for (const [k, v] of list.entries()) this.variables[k]!.set(list[0]!, v);
    return list[0]!;
  }

  private body(lists: readonly (readonly Statement[])[]): readonly Statement[] {
    const kinds = lists.map((l) => l.map((s) => s.kind).join());
    if (kinds.some((k) => k !== kinds[0])) throw apart("its loops differ with the size");
    return lists[0]!.map((_, i) => this.statement(lists.map((l) => l[i]!)));
  }

  private statement(list: readonly Statement[]): Statement {
    const first = list[0]!;
    const all = <S extends Statement>(kind: S["kind"]): readonly S[] => list.filter((s): s is S => s.kind === kind);
    switch (first.kind) {
      case "for": {
        const loops = all<typeof first>("for");
        const count = this.number(loops.map((l) => l.extent), `the number of iterations of ${first.variable.name}`);
        const variable = this.pair(loops.map((l) => l.variable));
        const body = this.body(loops.map((l) => l.body));
        return count.kind === "integer" ? { ...first, variable, body } : { ...first, variable, extent: this.bound(count, `the number of iterations of ${first.variable.name}`), count, body };
      }
      case "if": {
        const guards = all<typeof first>("if");
        if (guards.some((g) => (g.otherwise === undefined) !== (first.otherwise === undefined))) throw apart("its conditions differ with the size");
        return { ...first, condition: this.expression(guards.map((g) => g.condition)), then: this.body(guards.map((g) => g.then)), ...(first.otherwise ? { otherwise: this.body(guards.map((g) => g.otherwise!)) } : {}) };
      }
      case "allocate":
        return { kind: "allocate", buffer: this.buffer(all<typeof first>("allocate").map((s) => s.buffer)) };
      case "store": {
        const stores = all<typeof first>("store");
        return { kind: "store", buffer: this.buffer(stores.map((s) => s.buffer)), indices: first.indices.map((_, d) => this.expression(stores.map((s) => s.indices[d]!))), value: this.expression(stores.map((s) => s.value)) };
      }
      case "block":
        return this.block(all<Block>("block"));
    }
  }

  private block(list: readonly Block[]): Block {
    const first = list[0]!;
    if (list.some((b) => b.axes.map((a) => a.kind).join() !== first.axes.map((a) => a.kind).join() || (b.init === undefined) !== (first.init === undefined))) throw apart(`the block ${first.name} has other axes`);
    const bindings = first.bindings.map((_, i) => this.expression(list.map((b) => b.bindings[i]!)));
    const axes = first.axes.map((a, i) => {
      const extent = this.number(list.map((b) => b.axes[i]!.extent), `the extent of ${a.variable.name}`);
      return { ...a, variable: this.pair(list.map((b) => b.axes[i]!.variable)), extent: this.bound(extent, `the extent of ${a.variable.name}`) };
    });
    return { ...first, axes, bindings, ...(first.init ? { init: this.body(list.map((b) => b.init!)) } : {}), body: this.body(list.map((b) => b.body)) };
  }

  private expression(list: readonly Expression[]): Expression {
    const first = list[0]!;
    // A term of an index that is an integer in some samples only is told by its value there.
    if (list.some((e) => e.kind !== first.kind)) throw apart(`${list.map((e) => e.kind).join(" and ")} stand in one place`);
    const all = <K extends Expression["kind"]>(_: K): readonly Extract<Expression, { kind: K }>[] => list as readonly Extract<Expression, { kind: K }>[];
    switch (first.kind) {
      case "integer":
        return this.number(all("integer").map((e) => e.value), "a number in an index");
      case "number":
        return this.element(all("number"));
      case "variable":
        if (all("variable").some((v, k) => (this.variables[k]!.get(first) ?? first) !== v)) throw apart("its loops change places with the size");
        return first;
      case "load": {
        const loads = all("load");
        return { ...first, buffer: this.buffer(loads.map((l) => l.buffer)), indices: first.indices.map((_, d) => this.expression(loads.map((l) => l.indices[d]!))) };
      }
      case "binary": {
        const binaries = all("binary");
        if (binaries.some((b) => b.op !== first.op)) throw apart("its arithmetic differs with the size");
        return { ...first, left: this.expression(binaries.map((b) => b.left)), right: this.expression(binaries.map((b) => b.right)) };
      }
      case "unary": {
        const unaries = all("unary");
        if (unaries.some((u) => u.op !== first.op)) throw apart("its arithmetic differs with the size");
        return { ...first, operand: this.expression(unaries.map((u) => u.operand)) };
      }
      case "cast": {
        const casts = all("cast");
        if (casts.some((c) => c.element !== first.element)) throw apart("its types differ with the size");
        return { ...first, operand: this.expression(casts.map((c) => c.operand)) };
      }
      case "select": {
        const selects = all("select");
        return { ...first, condition: this.expression(selects.map((s) => s.condition)), then: this.expression(selects.map((s) => s.then)), otherwise: this.expression(selects.map((s) => s.otherwise)) };
      }
    }
  }

  /** A constant among the elements: the same, a size as a number, or one divided by a size. */
  private element(list: readonly Extract<Expression, { kind: "number" }>[]): Expression {
    const { element } = list[0]!;
    const values = list.map((e) => e.value);
    if (list.every((e) => keyOf(e) === keyOf(list[0]!))) return list[0]!;
    if (list.some((e) => e.exact !== undefined)) throw apart(`a constant is ${list.slice(0, 3).map((e) => e.exact ?? e.value).join(", ")} at different sizes`);
    if (values.every((v) => Number.isInteger(v))) return cast(element, this.number(values, "a constant"));
    const inverse = values.map((v) => Math.round(1 / v));
    if (values.every((v, i) => Math.abs(v * inverse[i]! - 1) < 1e-6)) {
      const size = this.solver.integer(inverse);
      if (size) return div(number(element, 1), cast(element, size));
    }
    throw apart(`a constant is ${values.slice(0, 3).join(", ")} at different sizes`);
  }
}
