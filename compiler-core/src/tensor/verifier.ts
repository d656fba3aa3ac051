import type { Diagnostic } from "../support/diagnostic.ts";
import { elementCount } from "../ir/value-type.ts";
import { walkStatements } from "./build.ts";
import { keyOf, substitute, walkExpression } from "./expression.ts";
import { printExpression } from "./printer.ts";
import type { Block, Buffer, Expression, Loop, Statement, TensorProgram, Variable } from "./program.ts";
import { racesOf } from "./schedule/dependence.ts";
import { sampleSizes, sizesOf, withSizes } from "./sizes.ts";
import { fromLinear, intervalOf, type Interval, linearOf, Scope } from "./simplify.ts";

/**
 * Checks what every program must hold; one diagnostic a violation, none for a sound program:
 * - every access lies in its buffer, proven by intervals under the loops and conditions around it;
 * - every axis stays in its extent;
 * - every element of every output is written;
 * - a reduction starts from a written element, and nothing is read before some statement wrote it;
 * - parallel and vectorized loops carry no reduction;
 * - iterations of a loop that threads share (parallel, worker) touch elements of their own in all that the loop writes: no races;
 * - inputs and weights are not written.
 */
export function verifyProgram(program: TensorProgram): Diagnostic[] {
  const sizes = sizesOf(program);
  if (sizes.length === 0) return new Verifier(program).run();
  // Sizes of the run: every statement holds at each of many sizes, the smallest and the largest among them.
  for (const values of sampleSizes(sizes)) {
    const own = withSizes(program, values);
    // Sizes that leave a dimension empty are refused when they are given.
    if (own.parameters.some((p) => p.dims.some((d, i) => d < 1 && program.parameters[own.parameters.indexOf(p)]!.shape?.[i]?.kind !== "integer"))) continue;
    const found = new Verifier(own).run();
    if (found.length > 0) return found.map((d) => ({ ...d, message: `${d.message} (at ${[...values].map(([s, n]) => `${s.name} = ${n}`).join(", ")})` }));
  }
  return [];
}

/** What an index takes: radix * (high digit) + (low part), each independently; without a radix, the low part alone. */
interface IndexRange {
  readonly low: Interval;
  readonly high?: Interval;
  readonly radix?: number;
}

class Verifier {
  private readonly program: TensorProgram;
  private readonly problems: Diagnostic[] = [];
  private readonly boxes = new Map<Buffer, (readonly IndexRange[])[]>();
  private readonly unclear = new Map<Buffer, string>();
  private readonly live = new Set<Buffer>();
  private readonly written = new Set<Buffer>();

  constructor(program: TensorProgram) {
    this.program = program;
  }

  run(): Diagnostic[] {
    for (const p of this.program.parameters) {
      this.live.add(p);
      if (p.scope === "input" || p.scope === "weight") this.written.add(p);
    }
    this.visit(this.program.body, Scope.empty, new Map(), undefined);
    this.checkRaces();
    for (const p of this.program.parameters) if (p.scope === "output") this.checkCoverage(p);
    return this.problems;
  }

  private checkRaces(): void {
    walkStatements(this.program.body, (s, around) => {
      if (s.kind !== "for" || (s.mode !== "parallel" && s.mode !== "worker")) return;
      const race = racesOf({ loop: s, around: around.filter((a): a is Loop => a.kind === "for") });
      if (race) this.report("race", `the ${s.mode} loop ${s.variable.name}: ${race.detail}.`);
      walkStatements(s.body, (b) => {
        if (b.kind === "block" && b.axes.some((a, i) => a.kind === "reduce" && mentions(b.bindings[i] as Expression, s.variable))) this.report("race", `the ${s.mode} loop ${s.variable.name} carries the reduction of ${b.name}.`);
      });
    });
  }

  private report(code: string, message: string): void {
    this.problems.push({ severity: "error", code, message: `${this.program.name}: ${message}` });
  }

  /** `bindings` gives the axes around a statement as expressions of loops. */
  private visit(body: readonly Statement[], scope: Scope, bindings: ReadonlyMap<Variable, Expression>, block: Block | undefined): void {
    for (const s of body) {
      switch (s.kind) {
        case "for":
          this.visit(s.body, scope.with(s.variable, s.extent), bindings, block);
          break;
        case "if": {
          this.checkReads(s.condition, scope);
          this.visit(s.then, scope.assume(s.condition), bindings, block);
          if (s.otherwise) this.visit(s.otherwise, scope.assumeNot(s.condition), bindings, block);
          break;
        }
        case "allocate":
          this.live.add(s.buffer);
          if (s.buffer.values) this.written.add(s.buffer);
          break;
        case "block":
          this.visitBlock(s, scope, bindings);
          break;
        case "store": {
          this.checkAccess(s.buffer, s.indices, scope, "writes");
          for (const index of s.indices) this.checkReads(index, scope);
          this.checkReads(s.value, scope);
          if (s.buffer.values) this.report("writes-table", `${block?.name ?? "a store"} writes the table ${s.buffer.name}.`);
          if (s.buffer.scope === "input" || s.buffer.scope === "weight") this.report("writes-input", `${block?.name ?? "a store"} writes ${s.buffer.name}, which belongs to the caller.`);
          this.written.add(s.buffer);
          if (s.buffer.scope === "output") this.noteWrite(s.buffer, s.indices.map((i) => substitute(i, bindings)), scope);
          break;
        }
      }
    }
  }

  private visitBlock(s: Block, scope: Scope, outer: ReadonlyMap<Variable, Expression>): void {
    let inner = scope;
    const bindings = new Map(outer);
    for (const [i, axis] of s.axes.entries()) {
      const binding = s.bindings[i] as Expression;
      const range = intervalOf(binding, scope);
      if (range.low < 0 || range.high >= axis.extent)
        this.report("axis-range", `axis ${axis.variable.name} of ${s.name} takes ${range.low}..${range.high}, outside 0..${axis.extent - 1}.`);
      inner = inner.withRange(axis.variable, { low: Math.max(0, range.low), high: Math.min(axis.extent - 1, range.high) });
      bindings.set(axis.variable, binding);
    }
    if (s.init) this.visit(s.init, inner, bindings, s);
    const reduce = s.axes.filter((a) => a.kind === "reduce");
    for (const store of s.body) {
      if (store.kind !== "store") continue;
      const updates = readsSameElement(store.value, store.buffer, store.indices);
      if (updates && !s.init && !this.written.has(store.buffer))
        this.report("reduction-init", `${s.name} updates ${store.buffer.name} without an initial value.`);
      if (reduce.length > 0 && !updates) this.report("not-a-reduction", `${s.name} has reduce axes but does not update ${store.buffer.name}.`);
      for (const axis of reduce)
        if (store.indices.some((i) => mentions(i, axis.variable))) this.report("reduce-axis-written", `${s.name} stores at an index that depends on the reduce axis ${axis.variable.name}.`);
    }
    this.visit(s.body, inner, bindings, s);
  }

  private checkReads(e: Expression, scope: Scope): void {
    if (e.kind === "select") {
      this.checkReads(e.condition, scope);
      this.checkReads(e.then, scope.assume(e.condition));
      this.checkReads(e.otherwise, scope.assumeNot(e.condition));
      return;
    }
    if (e.kind === "load") {
      this.checkAccess(e.buffer, e.indices, scope, "reads");
      if (!this.written.has(e.buffer)) this.report("read-before-write", `${e.buffer.name} is read before anything is written to it.`);
      for (const index of e.indices) this.checkReads(index, scope);
    } else if (e.kind === "binary") {
      this.checkReads(e.left, scope);
      this.checkReads(e.right, scope);
    } else if (e.kind === "unary" || e.kind === "cast") this.checkReads(e.operand, scope);
  }

  private checkAccess(b: Buffer, indices: readonly Expression[], scope: Scope, verb: string): void {
    if (!this.live.has(b)) this.report("no-buffer", `${verb} ${b.name}, which is neither a parameter nor allocated before.`);
    if (indices.length !== b.dims.length) {
      this.report("index-rank", `${verb} ${b.name} with ${indices.length} indices; it has ${b.dims.length} dimensions.`);
      return;
    }
    for (const [d, index] of indices.entries()) {
      const { low, high } = intervalOf(index, scope);
      const extent = b.dims[d] as number;
      if (low < 0 || high >= extent)
        this.report("out-of-bounds", `${verb} ${b.name} at ${printExpression(index)} in dimension ${d}, which ranges over ${low}..${high}, outside 0..${extent - 1}.`);
    }
  }

  private noteWrite(b: Buffer, indices: readonly Expression[], scope: Scope): void {
    const used = new Map<string, Set<string>>();
    const box: IndexRange[] = [];
    for (const index of indices) {
      const range = denseRange(index, scope, used);
      if (typeof range === "string") {
        this.unclear.set(b, range);
        return;
      }
      box.push(range);
    }
    const list = this.boxes.get(b) ?? [];
    list.push(box);
    this.boxes.set(b, list);
  }

  private checkCoverage(b: Buffer): void {
    if (elementCount(b.dims) === 0) return;
    const gap = uncovered(b.dims, this.boxes.get(b) ?? []);
    if (!gap) return;
    const why = this.unclear.get(b);
    this.report(why === undefined ? "not-covered" : "coverage-unproven", `element [${gap.join(", ")}] of ${b.name} is ${why === undefined ? "never written" : `not proven to be written: ${why}`}.`);
  }
}

const mentions = (e: Expression, v: Variable): boolean => {
  let found = false;
  walkExpression(e, (x) => {
    if (x === v) found = true;
  });
  return found;
};

function readsSameElement(value: Expression, b: Buffer, indices: readonly Expression[]): boolean {
  const wanted = indices.map(keyOf).join();
  let found = false;
  walkExpression(value, (x) => {
    if (x.kind === "load" && x.buffer === b && x.indices.map(keyOf).join() === wanted) found = true;
  });
  return found;
}

/**
 * The values that an index takes, when it takes every value of a range independently of the other dimensions (no part
 * of a loop variable is used twice). A text says why that is not known.
 */
function denseRange(index: Expression, scope: Scope, used: Map<string, Set<string>>): IndexRange | string {
  const sum = linearOf(index, scope);
  const whole = intervalOf(index, scope);
  const parts = sum.terms.map((t) => ({ ...t, size: spanOf(t.atom, scope) })).sort((a, b) => Math.abs(a.coefficient) - Math.abs(b.coefficient));
  let reach = 1;
  let radix = 0;
  let digits = 1;
  for (const { atom, coefficient, size } of parts) {
    if (size === undefined) return `${printExpression(index)} is not a sum of loops`;
    const [root, part] = partOf(atom);
    const taken = used.get(root) ?? new Set<string>();
    if (taken.has(part) || (part === "" ? taken.size > 0 : taken.has(""))) return `${printExpression(fromLinear(sum))} shares a loop with another dimension`;
    taken.add(part);
    used.set(root, taken);
    if (radix > 0 ? coefficient === radix * digits : coefficient > reach) {
      // A remainder of a tile inside groups: g * radix + (start + i). Other nests write what lies between.
      if (radix === 0) radix = coefficient;
      digits *= size;
    } else if (radix > 0 || Math.abs(coefficient) > reach) return `${printExpression(index)} skips values`;
    else reach += Math.abs(coefficient) * (size - 1);
  }
  if (radix === 0) return { low: whole };
  // What it begins with may hold whole groups: 2 * r + 3 is 2 * (r + 1) + 1.
  const first = Math.floor(whole.low / radix);
  const low = { low: whole.low - first * radix, high: whole.low - first * radix + reach - 1 };
  return first >= 0 && low.high < radix ? { radix, low, high: { low: first, high: first + digits - 1 } } : `${printExpression(index)} skips values`;
}

/** A range as boxes of (high digit, low digit): what is left of a digit at its start, whole digits, what is left at its end. */
function inDigits({ low, high }: Interval, radix: number): Interval[][] {
  const digit = (x: number): Interval => ({ low: Math.floor(x / radix), high: Math.floor(x / radix) });
  const part = (x: number): number => x - radix * Math.floor(x / radix);
  if (digit(low).low === digit(high).low) return [[digit(low), { low: part(low), high: part(high) }]];
  const first = part(low) === 0 ? [] : [[digit(low), { low: part(low), high: radix - 1 }]];
  const last = part(high) === radix - 1 ? [] : [[digit(high), { low: 0, high: part(high) }]];
  const whole = { low: digit(low).low + first.length, high: digit(high).low - last.length };
  return [...first, ...(whole.low <= whole.high ? [[whole, { low: 0, high: radix - 1 }]] : []), ...last];
}

/** An element that lies in none of the boxes. Dimensions that a box writes by high digit and low part are taken so in all. */
function uncovered(dims: readonly number[], boxes: readonly (readonly IndexRange[])[]): number[] | undefined {
  const radices = dims.map((_, d) => boxes.find((b) => b[d]!.radix !== undefined)?.[d]!.radix);
  const digits = dims.flatMap((extent, d) => (radices[d] === undefined ? [extent] : [Math.ceil(extent / radices[d]), radices[d]]));
  const plain = boxes.flatMap((box) =>
    box.reduce<Interval[][]>((found, range, d) => {
      const radix = radices[d];
      const own = radix === undefined ? [[range.low]] : range.radix === radix ? [[range.high!, range.low]] : range.radix === undefined ? inDigits(range.low, radix) : [];
      return found.flatMap((before) => own.map((intervals) => [...before, ...intervals]));
    }, [[]]));
  // Digits beyond an extent that its radix does not divide stand for no element.
  const phantoms = dims.flatMap((extent, d): Interval[][] => {
    const radix = radices[d];
    if (radix === undefined || extent % radix === 0) return [];
    return [dims.flatMap((size, other): Interval[] => {
      const own = radices[other];
      if (other === d) return [{ low: Math.floor(extent / radix), high: Math.floor(extent / radix) }, { low: extent % radix, high: radix - 1 }];
      return own === undefined ? [{ low: 0, high: size - 1 }] : [{ low: 0, high: Math.ceil(size / own) - 1 }, { low: 0, high: own - 1 }];
    })];
  });
  const gap = firstGap(digits, [...plain, ...phantoms]);
  if (!gap) return undefined;
  let at = 0;
  return dims.map((_, d) => (radices[d] === undefined ? gap[at++]! : gap[at++]! * radices[d] + gap[at++]!));
}

const spanOf = (atom: Expression, scope: Scope): number | undefined => {
  const plain = atom.kind === "variable" || (atom.kind === "binary" && (atom.op === "floordiv" || atom.op === "floormod") && atom.right.kind === "integer");
  if (!plain) return undefined;
  const { low, high } = intervalOf(atom, scope);
  return Number.isFinite(low) && Number.isFinite(high) ? high - low + 1 : undefined;
};

/** Parts of one variable taken by // and % (as fusing makes them) are independent digits of it. */
function partOf(atom: Expression): readonly [root: string, part: string] {
  let at = atom;
  let part = "";
  while (at.kind === "binary" && at.right.kind === "integer") {
    part = `${at.op}${at.right.value}${part}`;
    at = at.left;
  }
  return [keyOf(at), part];
}

/** An element of the shape that lies in none of the boxes, or undefined. Splits the shape along the boxes' sides. */
function firstGap(dims: readonly number[], boxes: readonly (readonly Interval[])[]): number[] | undefined {
  const search = (d: number, candidates: readonly (readonly Interval[])[], at: readonly number[]): number[] | undefined => {
    if (d === dims.length) return candidates.length > 0 ? undefined : [...at];
    const extent = dims[d] as number;
    const starts = [...new Set([0, ...candidates.flatMap((b) => [(b[d] as Interval).low, (b[d] as Interval).high + 1])])].filter((x) => x >= 0 && x < extent).sort((a, b) => a - b);
    for (const start of starts) {
      const gap = search(d + 1, candidates.filter((b) => (b[d] as Interval).low <= start && start <= (b[d] as Interval).high), [...at, start]);
      if (gap) return gap;
    }
    return undefined;
  };
  return search(0, boxes, []);
}
