import { elementKind, type ElementType } from "../../ir/element-type.ts";
import { byteSize } from "../../ir/element-type.ts";
import { elementCount } from "../../ir/value-type.ts";
import { flatOffset } from "../../tensor/access.ts";
import { walkStatements } from "../../tensor/build.ts";
import { integer, loadsOf, substitute, typeOf, variablesOf } from "../../tensor/expression.ts";
import type { BlockLines } from "../../tensor/printer.ts";
import type { Block, Buffer, Expression, ExpressionType, Loop, Statement, Store, TensorProgram, UnaryOp, Variable } from "../../tensor/program.ts";
import { decide, intervalOf, Scope, simplify } from "../../tensor/simplify.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { isHelper } from "./helpers.ts";
import { cFloat, cInteger, cType } from "./types.ts";

export interface KernelOptions {
  /** the C function's name */
  readonly name: string;
  /** parameters that may be the same memory as another one: no `restrict` */
  readonly mayAlias?: ReadonlySet<Buffer>;
}

/** One C function. Line numbers count from 1 within `text`. */
export interface KernelSource {
  readonly text: string;
  readonly prototype: string;
  readonly blocks: readonly BlockLines[];
  readonly helpers: ReadonlySet<string>;
  /** bytes of local arrays and scalars */
  readonly stackBytes: number;
}

/**
 * Prints a scheduled program as a C99 function over pointers. Unrolled loops are written out; a vectorized loop is
 * written out where it runs over accumulators, which become named scalars (compilers keep those in vector registers,
 * arrays often not), and is a plain loop elsewhere, for the compiler to vectorize.
 */
export function printKernel(program: TensorProgram, options: KernelOptions): KernelSource {
  return new KernelPrinter(program, options).print();
}

const indent = "  ";

interface Pending {
  readonly store: Store;
  readonly scope: Scope;
  readonly block: string | undefined;
}

class KernelPrinter {
  private readonly program: TensorProgram;
  private readonly options: KernelOptions;
  private readonly lines: string[] = [];
  private readonly helpers = new Set<string>();
  private readonly registers: ReadonlySet<Buffer>;
  private readonly blockLines = new Map<string, { from: number; to: number }>();
  private readonly names = new Map<object, string>();
  private readonly taken: Set<string>;
  private pending: Pending[] = [];
  private depth = 1;
  private stackBytes = 0;
  private temporaries = 0;

  constructor(program: TensorProgram, options: KernelOptions) {
    this.program = program;
    this.options = options;
    this.registers = registerBuffers(program);
    this.taken = new Set(reserved);
  }

  print(): KernelSource {
    const parameters = this.program.parameters.map((p) => {
      const constant = p.scope === "input" || p.scope === "weight" ? "const " : "";
      const restrict = this.options.mayAlias?.has(p) ? "" : "restrict ";
      return `${constant}${cType(p.element)} *${restrict}${this.nameOf(p, p.name)}`;
    });
    const prototype = `void ${this.options.name}(${parameters.join(", ")})`;
    this.lines.push(`${prototype} {`);
    this.emit(this.program.body, new Map(), Scope.empty, undefined);
    this.flush();
    this.lines.push("}");
    const blocks = [...this.blockLines].map(([block, { from, to }]) => ({ block, from, to })).sort((a, b) => a.from - b.from);
    return { text: this.lines.join("\n") + "\n", prototype, blocks, helpers: this.helpers, stackBytes: this.stackBytes };
  }

  private line(text: string): void {
    this.lines.push(indent.repeat(this.depth) + text);
  }

  private nameOf(of: object, wanted: string): string {
    let name = this.names.get(of);
    if (name === undefined) {
      name = wanted;
      for (let i = 1; this.taken.has(name); i++) name = `${wanted}_${i}`;
      this.taken.add(name);
      this.names.set(of, name);
    }
    return name;
  }

  private emit(body: readonly Statement[], by: ReadonlyMap<Variable, Expression>, scope: Scope, block: string | undefined): void {
    for (const s of body) {
      switch (s.kind) {
        case "for":
          this.emitLoop(s, by, scope, block);
          break;
        case "if": {
          const condition = simplify(substitute(s.condition, by), scope);
          const known = decide(condition, scope);
          if (known !== undefined) this.emit(known ? s.then : (s.otherwise ?? []), by, scope, block);
          else {
            this.flush();
            this.line(`if (${this.value(condition, scope)}) {`);
            this.nested(s.then, by, scope.assume(condition), block);
            if (s.otherwise) {
              this.line("} else {");
              this.nested(s.otherwise, by, scope.assumeNot(condition), block);
            }
            this.line("}");
          }
          break;
        }
        case "block":
          this.emitBlock(s, by, scope);
          break;
        case "allocate":
          this.emitAllocation(s.buffer);
          break;
        case "store":
          this.pending.push({
            store: { ...s, indices: s.indices.map((i) => simplify(substitute(i, by), scope)), value: simplify(substitute(s.value, by), scope) },
            scope,
            block,
          });
          break;
      }
    }
  }

  private nested(body: readonly Statement[], by: ReadonlyMap<Variable, Expression>, scope: Scope, block: string | undefined): void {
    this.depth++;
    this.emit(body, by, scope, block);
    this.flush();
    this.depth--;
  }

  private emitLoop(s: Loop, by: ReadonlyMap<Variable, Expression>, scope: Scope, block: string | undefined): void {
    const writtenOut = s.extent === 1 || s.mode === "unrolled" || (s.mode === "vectorized" && runsOverRegisters(s, this.registers));
    if (writtenOut) {
      for (let i = 0; i < s.extent; i++) this.emit(s.body, new Map(by).set(s.variable, integer(i)), scope, block);
      return;
    }
    this.flush();
    const name = this.nameOf(s.variable, s.variable.name);
    this.line(`for (ptrdiff_t ${name} = 0; ${name} < ${s.extent}; ++${name}) {`);
    this.nested(s.body, by, scope.with(s.variable, s.extent), block);
    this.line("}");
  }

  private emitBlock(s: Block, by: ReadonlyMap<Variable, Expression>, scope: Scope): void {
    const inner = new Map(by);
    for (const [i, axis] of s.axes.entries()) inner.set(axis.variable, simplify(substitute(s.bindings[i] as Expression, by), scope));
    if (s.init) {
      const reduce = s.axes.filter((a) => a.kind === "reduce").map((a) => inner.get(a.variable) as Expression);
      const first = reduce.reduce<Expression | undefined>((all, e) => {
        const zero: Expression = { kind: "binary", op: "eq", left: e, right: integer(0) };
        const known = decide(zero, scope);
        if (known === true) return all;
        return all ? { kind: "binary", op: "and", left: all, right: zero } : zero;
      }, undefined);
      if (first === undefined) this.emit(s.init, inner, scope, s.name);
      else if (decide(first, scope) !== false) {
        this.flush();
        this.line(`if (${this.value(first, scope)}) {`);
        this.nested(s.init, inner, scope.assume(first), s.name);
        this.line("}");
      }
    }
    this.emit(s.body, inner, scope, s.name);
  }

  private emitAllocation(b: Buffer): void {
    this.flush();
    const count = elementCount(b.dims);
    this.stackBytes += byteSize(b.element, count);
    const name = this.nameOf(b, b.name);
    if (!this.registers.has(b)) {
      this.line(`${cType(b.element)} ${name}[${Math.max(count, 1)}];`);
      return;
    }
    const all = Array.from({ length: count }, (_, i) => scalarName(name, unflat(i, b.dims)));
    const row = Math.max(b.dims.at(-1) ?? 1, 4);
    for (let i = 0; i < all.length; i += row) this.line(`${cType(b.element)} ${all.slice(i, i + row).join(", ")};`);
  }

  /** Prints the stores collected so far. What several of them load is loaded once, into a named constant. */
  private flush(): void {
    if (this.pending.length === 0) return;
    const group = this.pending;
    this.pending = [];
    const written = new Set(group.map((p) => p.store.buffer));
    const counts = new Map<string, number>();
    if (group.length > 1)
      for (const p of group)
        for (const l of loadsOf(p.store.value)) {
          if (written.has(l.buffer) || this.registers.has(l.buffer)) continue;
          if (insideSelect(p.store.value, l)) continue;
          const text = this.access(l.buffer, l.indices, p.scope);
          counts.set(text, (counts.get(text) ?? 0) + 1);
        }
    const shared = new Map<string, string>();
    const types = new Map<string, string>();
    for (const p of group)
      for (const l of loadsOf(p.store.value)) {
        const text = this.access(l.buffer, l.indices, p.scope);
        if ((counts.get(text) ?? 0) > 1 && !shared.has(text)) {
          shared.set(text, `t${this.temporaries++}`);
          types.set(text, cType(l.buffer.element));
        }
      }
    if (shared.size > 0) {
      this.line("{");
      this.depth++;
      for (const [text, name] of shared) this.line(`const ${types.get(text)} ${name} = ${text};`);
    }
    for (const p of group) {
      if (p.block !== undefined && !this.blockLines.has(p.block)) this.line(`/* ${p.block} */`);
      const from = this.lines.length + 1;
      this.line(`${this.access(p.store.buffer, p.store.indices, p.scope)} = ${this.stored(p.store, p.scope, shared)};`);
      if (p.block !== undefined) {
        const known = this.blockLines.get(p.block);
        this.blockLines.set(p.block, { from: known?.from ?? from, to: this.lines.length });
      }
    }
    if (shared.size > 0) {
      this.depth--;
      this.line("}");
    }
    this.temporaries = 0;
  }

  private stored(s: Store, scope: Scope, shared: ReadonlyMap<string, string>): string {
    const type = typeOf(s.value);
    const text = this.value(s.value, scope, 0, shared);
    if (type === "bool" && s.buffer.element === "bool" && s.value.kind !== "load" && s.value.kind !== "number") return `(uint8_t)(${text})`;
    return type === "index" ? `(${cType(s.buffer.element)})(${text})` : text;
  }

  private access(b: Buffer, indices: readonly Expression[], scope: Scope): string {
    const name = this.nameOf(b, b.name);
    if (this.registers.has(b)) {
      const at = indices.map((i) => (i.kind === "integer" ? i.value : Number.NaN));
      if (at.some(Number.isNaN)) throw new GraphwrightError("not-lowered", `${this.program.name}: ${b.name} is kept in scalars but accessed at a computed place.`);
      return scalarName(name, at);
    }
    return `${name}[${this.value(simplify(flatOffset(b, indices), scope), scope)}]`;
  }

  /** The expression as C. `outer` is the precedence of what is around it. */
  private value(e: Expression, scope: Scope, outer = 0, shared?: ReadonlyMap<string, string>): string {
    const wrap = (text: string, precedence: number): string => (precedence < outer ? `(${text})` : text);
    const sub = (x: Expression, precedence: number): string => this.value(x, scope, precedence, shared);
    switch (e.kind) {
      case "variable":
        return this.nameOf(e, e.name);
      case "integer":
        return e.value < 0 ? wrap(`${e.value}`, 11) : `${e.value}`;
      case "number": {
        const kind = elementKind(e.element);
        const text = e.element === "float32" || e.element === "float64" ? cFloat(e.value, e.element) : kind === "bool" ? `${e.value ? 1 : 0}` : cInteger(e.value, e.element);
        return text.startsWith("-") || text.startsWith("(") ? wrap(text, 11) : text;
      }
      case "load": {
        const text = this.access(e.buffer, e.indices, scope);
        return shared?.get(text) ?? text;
      }
      case "select": {
        const condition = sub(e.condition, 3);
        const then = this.value(e.then, scope.assume(e.condition), 3, shared);
        const otherwise = this.value(e.otherwise, scope.assumeNot(e.condition), 2, shared);
        return wrap(`${condition} ? ${then} : ${otherwise}`, 2);
      }
      case "cast":
        return this.castTo(e.element, e.operand, scope, outer, shared);
      case "unary":
        return this.unary(e.op, e.operand, scope, outer, shared);
      case "binary":
        return this.binary(e, scope, outer, shared);
    }
  }

  private helper(name: string): string {
    if (!isHelper(name)) throw new GraphwrightError("not-lowered", `the C backend has no ${name}.`);
    this.helpers.add(name);
    return name;
  }

  private binary(e: Extract<Expression, { kind: "binary" }>, scope: Scope, outer: number, shared?: ReadonlyMap<string, string>): string {
    const wrap = (text: string, precedence: number): string => (precedence < outer ? `(${text})` : text);
    const sub = (x: Expression, precedence: number): string => this.value(x, scope, precedence, shared);
    const type = typeOf(e);
    switch (e.op) {
      // && binds tighter than ||, but compilers warn about mixing them bare.
      case "or": return wrap(`${sub(e.left, 5)} || ${sub(e.right, 5)}`, 4);
      case "and": return wrap(`${sub(e.left, 5)} && ${this.value(e.right, scope.assume(e.left), 6, shared)}`, outer === 4 || outer === 5 ? (outer === 5 ? 5 : 0) : 5);
      case "xor": return wrap(`!${sub(e.left, 11)} != !${sub(e.right, 11)}`, 6);
      case "eq": return wrap(`${sub(e.left, 7)} == ${sub(e.right, 7)}`, 6);
      case "ne": return wrap(`${sub(e.left, 7)} != ${sub(e.right, 7)}`, 6);
      case "lt": return wrap(`${sub(e.left, 8)} < ${sub(e.right, 8)}`, 7);
      case "le": return wrap(`${sub(e.left, 8)} <= ${sub(e.right, 8)}`, 7);
      case "gt": return wrap(`${sub(e.left, 8)} > ${sub(e.right, 8)}`, 7);
      case "ge": return wrap(`${sub(e.left, 8)} >= ${sub(e.right, 8)}`, 7);
      default: break;
    }
    const id = typeId(type);
    const call = (name: string): string => `${this.helper(name)}(${sub(e.left, 0)}, ${sub(e.right, 0)})`;
    const float = type === "float32" || type === "float64";
    const plain = float || type === "index";
    switch (e.op) {
      case "add":
      case "sub":
      case "mul": {
        const [symbol, precedence] = ({ add: ["+", 9], sub: ["-", 9], mul: ["*", 10] } as const)[e.op];
        if (plain) return wrap(`${sub(e.left, precedence)} ${symbol} ${sub(e.right, precedence + 1)}`, precedence);
        // Unsigned arithmetic wraps; signed overflow is undefined.
        const wide = type === "int64" || type === "uint64" ? "uint64_t" : "uint32_t";
        return `(${cType(type)})((${wide})${sub(e.left, 11)} ${symbol} (${wide})${sub(e.right, 11)})`;
      }
      case "div":
        return float ? wrap(`${sub(e.left, 10)} / ${sub(e.right, 11)}`, 10) : call(`gw_div_${id}`);
      case "floordiv":
      case "floormod": {
        const symbol = e.op === "floordiv" ? "/" : "%";
        if (type === "index" && intervalOf(e.left, scope).low >= 0 && intervalOf(e.right, scope).low > 0) return wrap(`${sub(e.left, 10)} ${symbol} ${sub(e.right, 11)}`, 10);
        return call(`gw_${e.op}_${id}`);
      }
      case "fmod":
        return float ? `${type === "float32" ? "fmodf" : "fmod"}(${sub(e.left, 0)}, ${sub(e.right, 0)})` : call(`gw_fmod_${id}`);
      case "pow":
        return `${type === "float32" ? "powf" : "pow"}(${sub(e.left, 0)}, ${sub(e.right, 0)})`;
      case "min":
      case "max":
        // With the constant first, the test for not-a-number folds away and one machine instruction is left.
        return e.right.kind === "number" ? `${this.helper(`gw_${e.op}_${id}`)}(${sub(e.right, 0)}, ${sub(e.left, 0)})` : call(`gw_${e.op}_${id}`);
      default:
        throw new GraphwrightError("not-lowered", `the C backend has no ${e.op} of ${type}.`);
    }
  }

  private unary(op: UnaryOp, x: Expression, scope: Scope, outer: number, shared?: ReadonlyMap<string, string>): string {
    const type = typeOf(x);
    const wrap = (text: string, precedence: number): string => (precedence < outer ? `(${text})` : text);
    const text = (precedence: number): string => this.value(x, scope, precedence, shared);
    const f = type === "float32" ? "f" : "";
    const float = type === "float32" || type === "float64";
    switch (op) {
      case "not": return wrap(`!${text(11)}`, 11);
      case "isnan": return wrap(`isnan(${text(0)}) != 0`, 6);
      case "isinf": return wrap(`isinf(${text(0)}) != 0`, 6);
      case "neg":
        if (float || type === "index") return wrap(`-${text(11)}`, 11);
        return `(${cType(type)})(0 - (${type === "int64" || type === "uint64" ? "uint64_t" : "uint32_t"})${text(11)})`;
      case "abs":
        if (float) return `fabs${f}(${text(0)})`;
        return elementKind(type as ElementType) === "uint" ? text(outer) : `${this.helper(`gw_abs_${typeId(type)}`)}(${text(0)})`;
      case "rsqrt": return wrap(`1.0${f} / sqrt${f}(${text(0)})`, 10);
      case "round": return `rint${f}(${text(0)})`;
      default:
        if (!float) {
          if (op === "floor" || op === "ceil" || op === "trunc") return text(outer);
          throw new GraphwrightError("not-lowered", `the C backend has no ${op} of ${type}.`);
        }
        return `${op}${f}(${text(0)})`;
    }
  }

  private castTo(to: ExpressionType, x: Expression, scope: Scope, outer: number, shared?: ReadonlyMap<string, string>): string {
    const from = typeOf(x);
    const wrap = (text: string): string => (11 < outer ? `(${text})` : text);
    const text = (precedence: number): string => this.value(x, scope, precedence, shared);
    if (to === "bool") return from === "bool" ? text(outer) : 6 < outer ? `(${text(7)} != 0)` : `${text(7)} != 0`;
    const fromFloat = from === "float32" || from === "float64";
    if (fromFloat && to !== "float32" && to !== "float64") {
      const wide = to === "uint64" ? "u64" : to === "int64" || to === "uint32" || to === "index" ? "i64" : "i32";
      const call = `${this.helper(`gw_to_${wide}_${typeId(from)}`)}(${text(0)})`;
      return to === "int32" || to === "int64" || to === "uint64" ? call : wrap(`(${cType(to)})${call}`);
    }
    return wrap(`(${cType(to)})${text(11)}`);
  }
}

const typeId = (type: ExpressionType): string => {
  if (type === "index") return "index";
  if (type === "bool") return "u8";
  return type.replace("uint", "u").replace("float", "f").replace("int", "i");
};

const scalarName = (name: string, at: readonly number[]): string => (at.length === 0 ? name : `${name}_${at.join("_")}`);

function unflat(position: number, dims: readonly number[]): number[] {
  const at: number[] = [];
  let rest = position;
  for (let d = dims.length - 1; d >= 0; d--) {
    at.unshift(rest % dims[d]!);
    rest = Math.floor(rest / dims[d]!);
  }
  return at;
}

/** Is every occurrence of the load under a select, where it may lie outside its buffer? */
function insideSelect(value: Expression, load: Expression): boolean {
  let outside = false;
  const visit = (e: Expression): void => {
    if (e === load) outside = true;
    else if (e.kind === "load") e.indices.forEach(visit);
    else if (e.kind === "binary") {
      visit(e.left);
      visit(e.right);
    } else if (e.kind === "unary" || e.kind === "cast") visit(e.operand);
    else if (e.kind === "select") visit(e.condition);
  };
  visit(value);
  return !outside;
}

/** Locals that are accessed at constant places once unrolled and vectorized loops are written out. */
function registerBuffers(program: TensorProgram): Set<Buffer> {
  const locals = new Set<Buffer>();
  const excluded = new Set<Buffer>();
  walkStatements(program.body, (s, around) => {
    if (s.kind === "allocate") locals.add(s.buffer);
    if (s.kind !== "store") return;
    const constant = new Set<Variable>();
    const by = new Map<Variable, Expression>();
    for (const a of around) {
      if (a.kind === "for" && (a.mode === "unrolled" || a.mode === "vectorized" || a.extent === 1)) constant.add(a.variable);
      if (a.kind === "block") for (const [i, axis] of a.axes.entries()) by.set(axis.variable, substitute(a.bindings[i] as Expression, by));
    }
    const check = (b: Buffer, indices: readonly Expression[]): void => {
      if (b.scope === "local" && indices.some((i) => [...variablesOf(substitute(i, by))].some((v) => !constant.has(v)))) excluded.add(b);
    };
    check(s.buffer, s.indices);
    for (const l of [...loadsOf(s.value), ...s.indices.flatMap(loadsOf)]) check(l.buffer, l.indices);
  });
  return new Set([...locals].filter((b) => !excluded.has(b) && elementCount(b.dims) <= 64));
}

/** Does the loop's variable choose among scalars? */
function runsOverRegisters(loop: Loop, registers: ReadonlySet<Buffer>): boolean {
  let found = false;
  walkStatements(loop.body, (s, around) => {
    if (s.kind !== "store") return;
    const by = new Map<Variable, Expression>();
    for (const a of around) if (a.kind === "block") for (const [i, axis] of a.axes.entries()) by.set(axis.variable, a.bindings[i] as Expression);
    const moves = (b: Buffer, indices: readonly Expression[]): boolean => registers.has(b) && indices.some((i) => variablesOf(substitute(i, by)).has(loop.variable));
    if (moves(s.buffer, s.indices) || loadsOf(s.value).some((l) => moves(l.buffer, l.indices))) found = true;
  });
  return found;
}

/** Names that a kernel may not use for its own. */
const reserved = [
  ..."auto break case char const continue default do double else enum extern float for goto if inline int long register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while".split(" "),
  ..."exp log sqrt tanh sin cos tan asin acos atan sinh cosh asinh acosh atanh erf floor ceil trunc round rint pow fmod fabs abs isnan isinf NAN INFINITY y0 y1 yn j0 j1 jn gamma signbit main".split(" "),
];
