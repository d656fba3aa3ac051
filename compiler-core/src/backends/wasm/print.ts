import { byteSize, elementKind, type ElementType } from "../../ir/element-type.ts";
import { fromNumbers, tensorBytes } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { flatOffset, placeOf } from "../../tensor/access.ts";
import { add, integer, keyOf, loadsOf, mul, substitute, typeOf, variablesOf } from "../../tensor/expression.ts";
import type { BlockLines } from "../../tensor/printer.ts";
import type { Block, Buffer, Expression, ExpressionType, Loop, Statement, Store, TensorProgram, UnaryOp, Variable } from "../../tensor/program.ts";
import { sizesOf } from "../../tensor/sizes.ts";
import { decide, intervalOfLinear, type Linear, linearOf, Scope, simplify } from "../../tensor/simplify.ts";
import { type TileRows, tileSides, transposedTile } from "../../tensor/transposed-tile.ts";
import { canVectorize, isLane, laneCount, registersOf, type Registers, strideAlong, widensTo } from "./vectorize.ts";
import { floatText, isSmallFloat, loadOf, mathFunctions, smallFloatId, storeOf, vectorMath, wasmType } from "./instructions.ts";
import { tableOf, type WasmTable } from "./tables.ts";

export interface WasmKernelOptions {
  /** the exported function's name */
  readonly name: string;
  /** fused multiply-add of relaxed SIMD: not every engine has it */
  readonly relaxed?: boolean;
}

/** One function in WebAssembly's text format. Line numbers count from 1 within `text`. */
export interface WasmKernelSource {
  readonly text: string;
  readonly blocks: readonly BlockLines[];
  /** sizes that the function takes after its addresses, each an i32 */
  readonly sizes: readonly Variable[];
  /** names in `mathFunctions` that are called */
  readonly math: ReadonlySet<string>;
  /** names in `helperFunctions` that are called */
  readonly helpers: ReadonlySet<string>;
  /** constants that are copied into the frame when the function begins */
  readonly tables: readonly WasmTable[];
  /** bytes of tables and of local arrays that are not kept in registers: memory at the global `$frame` */
  readonly frameBytes: number;
}

/**
 * Prints a scheduled program as a function over addresses in one memory. A vectorized loop becomes 128-bit vectors;
 * accumulators become locals; addresses are summed where their loops start, so that the innermost loop adds constants.
 * Specification: WebAssembly 2.0 (SIMD) and 3.0 (relaxed SIMD).
 */
export function printWasmKernel(program: TensorProgram, options: WasmKernelOptions): WasmKernelSource {
  return new WasmPrinter(program, options).print();
}

/** A line, with the block it belongs to; or lines that are filled in later. */
type Item = { readonly text: string; readonly depth: number; readonly block: string | undefined } | Item[];

/** A loop that is being printed, or the function: where addresses that only its variables decide are computed. */
interface Frame {
  readonly start: Item[];
  readonly depth: number;
  readonly sums: Map<string, string>;
}

/** A vectorized loop's variable and the lanes' first value of it. */
interface Lanes {
  readonly variable: Variable;
  readonly first: Expression;
}

interface Place {
  readonly scope: Scope;
  readonly lanes: Lanes | undefined;
}

interface Pending {
  readonly store: Store;
  readonly place: Place;
  readonly block: string | undefined;
}

type Substitution = ReadonlyMap<Variable, Expression>;

/** Elements that an index reaches, a signed number of 32 bits; memory there is for more of them, where each is a byte. */
const mostElements = 2 ** 31 - 1;

class WasmPrinter {
  private readonly program: TensorProgram;
  private readonly options: WasmKernelOptions;
  private readonly registers: Registers;
  private readonly locals: { readonly name: string; readonly type: string }[] = [];
  private readonly taken = new Set<string>();
  private readonly names = new Map<object, string>();
  private readonly math = new Set<string>();
  private readonly helpers = new Set<string>();
  private readonly frames: Frame[] = [];
  private readonly depthOf = new Map<Variable, number>();
  /** where arrays lie after `$frame` */
  private readonly arrays = new Map<Buffer, number>();
  private readonly tables: WasmTable[] = [];
  private frameBytes = 0;
  private out: Item[] = [];
  private depth = 1;
  private pending: Pending[] = [];
  private shared: ReadonlyMap<string, string> = new Map();
  /** does the group of stores widen vectors of what is stored in fewer bits? */
  private hasWidened = false;
  private block: string | undefined;

  constructor(program: TensorProgram, options: WasmKernelOptions) {
    this.program = program;
    this.options = options;
    this.registers = registersOf(program);
  }

  print(): WasmKernelSource {
    const sizes = sizesOf(this.program);
    for (const { name, dims } of this.program.parameters)
      if (elementCount(dims) > mostElements) throw new GraphwrightError("too-large", `${this.program.name}: ${name} has ${elementCount(dims)} elements, and WebAssembly code counts at most ${mostElements}.`, undefined, "Build it as C instead.");
    const parameters = [...this.program.parameters, ...sizes].map((p) => `(param ${this.nameOf(p, p.name)} i32)`);
    this.frames.push(this.openFrame());
    for (const size of sizes) this.depthOf.set(size, 0);
    this.emit(this.program.body, new Map(), { scope: Scope.empty, lanes: undefined }, undefined);
    this.flush();
    const lines = [`(func $${this.options.name} (export "${this.options.name}")${parameters.map((p) => ` ${p}`).join("")}`];
    for (let i = 0; i < this.locals.length; i += 8) lines.push(`  ${this.locals.slice(i, i + 8).map((l) => `(local ${l.name} ${l.type})`).join(" ")}`);
    const ranges = new Map<string, { from: number; to: number }>();
    const write = (items: readonly Item[]): void => {
      for (const item of items) {
        if (Array.isArray(item)) write(item);
        else {
          lines.push("  ".repeat(item.depth) + item.text);
          if (item.block === undefined) continue;
          const known = ranges.get(item.block);
          ranges.set(item.block, { from: known?.from ?? lines.length, to: lines.length });
        }
      }
    };
    write(this.out);
    lines[lines.length - 1] += ")";
    const blocks = [...ranges].map(([block, { from, to }]) => ({ block, from, to })).sort((a, b) => a.from - b.from);
    return { text: `${lines.join("\n")}\n`, blocks, sizes, math: this.math, helpers: this.helpers, tables: this.tables, frameBytes: this.frameBytes };
  }

  private openFrame(): Frame {
    const start: Item[] = [];
    this.out.push(start);
    return { start, depth: this.depth, sums: new Map() };
  }

  private line(text: string, block = this.block): void {
    this.out.push({ text, depth: this.depth, block });
  }

  private nameOf(of: object, wanted: string): string {
    let name = this.names.get(of);
    if (name === undefined) {
      name = this.fresh(wanted);
      this.names.set(of, name);
    }
    return name;
  }

  private fresh(wanted: string): string {
    const clean = `$${wanted.replace(/[^A-Za-z0-9_]/g, "_")}`;
    let name = clean;
    for (let i = 1; this.taken.has(name); i++) name = `${clean}.${i}`;
    this.taken.add(name);
    return name;
  }

  private local(wanted: string, type: string): string {
    const name = this.fresh(wanted);
    this.locals.push({ name, type });
    return name;
  }

  // Statements

  private emit(body: readonly Statement[], by: Substitution, place: Place, block: string | undefined): void {
    for (const s of body) {
      switch (s.kind) {
        case "for":
          this.emitLoop(s, by, place, block);
          break;
        case "if": {
          const condition = simplify(substitute(s.condition, by), place.scope);
          const known = decide(condition, place.scope);
          if (known !== undefined) this.emit(known ? s.then : (s.otherwise ?? []), by, place, block);
          else
            this.branch(this.scalar(condition, place), () => this.emit(s.then, by, { ...place, scope: place.scope.assume(condition) }, block), s.otherwise && (() => this.emit(s.otherwise!, by, { ...place, scope: place.scope.assumeNot(condition) }, block)));
          break;
        }
        case "block":
          this.emitBlock(s, by, place);
          break;
        case "allocate":
          this.allocate(s.buffer);
          break;
        case "store":
          this.pending.push({ store: { ...s, indices: s.indices.map((i) => simplify(substitute(i, by), place.scope)), value: simplify(substitute(s.value, by), place.scope) }, place, block });
          break;
      }
    }
  }

  private branch(condition: string, then: () => void, otherwise?: () => void): void {
    this.flush();
    this.line(`(if ${condition}`);
    this.depth++;
    const part = (word: string, emit: () => void): void => {
      this.line(`(${word}`);
      this.depth++;
      emit();
      this.flush();
      this.depth--;
      this.line(")");
    };
    part("then", then);
    if (otherwise) part("else", otherwise);
    this.depth--;
    this.line(")");
  }

  private emitLoop(s: Loop, by: Substitution, place: Place, block: string | undefined): void {
    if (s.extent <= 0) return;
    if (s.mode === "vectorized" && place.lanes === undefined && s.extent >= laneCount && canVectorize(s, by, place.scope, this.registers)) {
      this.emitVectorLoop(s, by, place, block);
      return;
    }
    if (s.mode === "transposed" && this.emitTile(s, by, place)) return;
    const overRegisters = this.registers.variables.has(s.variable);
    if (s.count) {
      // The loop below runs at least once.
      this.flush();
      const end = this.local(`${s.variable.name}_end`, "i32");
      this.line(`(local.set ${end} ${this.scalar(simplify(s.count, place.scope), { ...place, lanes: undefined })})`);
      this.branch(`(i32.gt_s (local.get ${end}) (i32.const 0))`, () => this.counted(s.variable, `(local.get ${end})`, 1, () => this.emit(s.body, by, { ...place, scope: place.scope.with(s.variable, s.extent) }, block)));
      return;
    }
    if (s.extent === 1 || s.mode === "unrolled" || overRegisters) {
      for (let i = 0; i < s.extent; i++) this.emit(s.body, new Map(by).set(s.variable, integer(i)), place, block);
      return;
    }
    this.counted(s.variable, `(i32.const ${s.extent})`, 1, () => this.emit(s.body, by, { ...place, scope: place.scope.with(s.variable, s.extent) }, block));
  }

  /** A loop of `variable` from 0 in steps below `end`; `end` is a multiple of the step and not 0. */
  private counted(variable: Variable, end: string, step: number, body: () => void): void {
    this.flush();
    const name = this.nameOf(variable, variable.name);
    if (!this.locals.some((l) => l.name === name)) this.locals.push({ name, type: "i32" });
    const label = this.fresh(`${variable.name}_loop`);
    this.line(`(local.set ${name} (i32.const 0))`);
    this.line(`(loop ${label}`);
    this.depth++;
    this.frames.push(this.openFrame());
    this.depthOf.set(variable, this.frames.length - 1);
    body();
    this.flush();
    this.depthOf.delete(variable);
    this.frames.pop();
    this.line(`(br_if ${label} (i32.ne (local.tee ${name} (i32.add (local.get ${name}) (i32.const ${step}))) ${end})))`);
    this.depth--;
  }

  private emitVectorLoop(s: Loop, by: Substitution, place: Place, block: string | undefined): void {
    const whole = s.extent - (s.extent % laneCount);
    if (this.registers.variables.has(s.variable) || whole <= 4 * laneCount) {
      for (let first = 0; first < whole; first += laneCount) this.emit(s.body, by, { scope: place.scope.withRange(s.variable, { low: first, high: first + laneCount - 1 }), lanes: { variable: s.variable, first: integer(first) } }, block);
    } else {
      const lanes = { variable: s.variable, first: s.variable };
      this.counted(s.variable, `(i32.const ${whole})`, laneCount, () => this.emit(s.body, by, { scope: place.scope.withRange(s.variable, { low: 0, high: whole - 1 }), lanes }, block));
    }
    for (let i = whole; i < s.extent; i++) this.emit(s.body, new Map(by).set(s.variable, integer(i)), place, block);
  }

  /** A tile of a copy, transposed in vectors of 16 bytes; false where its rows have more, or the loops are no tile. */
  private emitTile(s: Loop, by: Substitution, place: Place): boolean {
    const tile = place.lanes === undefined ? transposedTile(s, by, place.scope) : undefined;
    if (!tile || "condition" in tile || !tileSides(tile.written.buffer.element, laneCount).includes(tile.side) || [tile.read.buffer, tile.written.buffer].some((b) => this.registers.scalars.has(b) || this.registers.vectors.has(b))) return false;
    this.flush();
    this.block = tile.block.name;
    const rowAt = ({ buffer, first, stride }: TileRows, r: number) => this.addressOf(buffer, linearOf(add(first, mul(stride, r)), place.scope), place);
    const named = (value: string): string => {
      const name = this.local("v", "v128");
      this.line(`(local.set ${name} ${value})`);
      return `(local.get ${name})`;
    };
    const { side } = tile;
    const size = 16 / side;
    const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
    /** elements of the two vectors in turns, of their first or second half */
    const interleaved = (a: string, b: string, half: number): string =>
      `(i8x16.shuffle ${range(side / 2).flatMap((k) => [0, 16].flatMap((from) => range(size).map((byte) => from + ((half * side) / 2 + k) * size + byte))).join(" ")} ${a} ${b})`;
    let rows = range(side).map((r) => {
      if (r >= tile.rowsRead) return "(v128.const i32x4 0 0 0 0)";
      const { address, offset } = rowAt(tile.read, r);
      return named(`(v128.load${offset} ${address})`);
    });
    for (let n = 1; n < side; n *= 2) rows = range(side / 2).flatMap((i) => [0, 1].map((half) => named(interleaved(rows[i]!, rows[i + side / 2]!, half))));
    for (const [r, column] of rows.slice(0, tile.columnsWritten).entries()) {
      const { address, offset } = rowAt(tile.written, r);
      this.line(`(v128.store${offset} ${address} ${column})`);
    }
    this.block = undefined;
    return true;
  }

  private emitBlock(s: Block, by: Substitution, place: Place): void {
    const inner = new Map(by);
    for (const [i, axis] of s.axes.entries()) inner.set(axis.variable, simplify(substitute(s.bindings[i] as Expression, by), place.scope));
    if (s.init) {
      const reduce = s.axes.filter((a) => a.kind === "reduce").map((a) => inner.get(a.variable) as Expression);
      const first = reduce.reduce<Expression | undefined>((all, e) => {
        const zero: Expression = { kind: "binary", op: "eq", left: e, right: integer(0) };
        if (decide(zero, place.scope) === true) return all;
        return all ? { kind: "binary", op: "and", left: all, right: zero } : zero;
      }, undefined);
      if (first === undefined) this.emit(s.init, inner, place, s.name);
      else if (decide(first, place.scope) !== false) this.branch(this.scalar(first, place), () => this.emit(s.init!, inner, { ...place, scope: place.scope.assume(first) }, s.name));
    }
    this.emit(s.body, inner, place, s.name);
  }

  private allocate(b: Buffer): void {
    this.flush();
    if (this.registers.scalars.has(b) || this.registers.vectors.has(b) || this.arrays.has(b)) return;
    this.arrays.set(b, this.frameBytes);
    this.frameBytes += Math.ceil(byteSize(b.element, Math.max(1, elementCount(b.dims))) / 16) * 16;
    if (!b.values || elementCount(b.dims) === 0) return;
    const table = tableOf(tensorBytes(fromNumbers(b.element, b.dims, Float64Array.from(b.values))));
    this.tables.push(table);
    const { start, depth } = this.frames[0]!;
    start.push({ text: `(memory.init ${table.name} ${this.baseOf(b)} (i32.const 0) (i32.const ${table.bytes.length}))`, depth, block: undefined });
  }

  /** The address of a buffer's first element. */
  private baseOf(b: Buffer): string {
    const array = this.arrays.get(b);
    return array === undefined ? `(local.get ${this.nameOf(b, b.name)})` : array === 0 ? "(global.get $frame)" : `(i32.add (global.get $frame) (i32.const ${array}))`;
  }

  /** Prints the stores collected so far; what several of them load is loaded once, just before its first use: it occupies a register no longer than needed. */
  private flush(): void {
    if (this.pending.length === 0) return;
    const group = this.pending;
    this.pending = [];
    const wanted = this.loadedTwice(group);
    const shared = new Map<string, string>();
    this.shared = shared;
    const times = new Map<string, number>();
    if (group.length > 1) for (const p of group) for (const { key } of this.widenings(p, group)) times.set(key, (times.get(key) ?? 0) + 1);
    this.hasWidened = times.size > 0;
    for (const p of group) {
      this.block = p.block;
      if (wanted.size > 0)
        for (const { key, text, type } of this.loadForms(p, group)) {
          if (!wanted.has(key) || shared.has(key)) continue;
          const name = this.local(type === "v128" ? "v" : "s", type);
          this.line(`(local.set ${name} ${text()})`);
          shared.set(key, name);
        }
      if (this.hasWidened)
        for (const { key, text, type } of this.widenings(p, group)) {
          if (times.get(key) === 1 || shared.has(key)) continue;
          const value = text();
          const name = this.local("v", type);
          this.line(`(local.set ${name} ${value})`);
          shared.set(key, name);
        }
      this.line(this.storeText(p));
    }
    this.hasWidened = false;
    this.shared = new Map();
    this.block = undefined;
  }

  /** Loads of a store's value that are evaluated whatever a select decides, and that no store of the group changes. */
  private *loadForms(p: Pending, group: readonly Pending[]): Generator<ReturnType<WasmPrinter["loadForm"]>> {
    for (const l of unconditionalLoads(p.store.value)) {
      if (group.some((q) => q.store.buffer === l.buffer) || this.registers.scalars.has(l.buffer) || this.registers.vectors.has(l.buffer)) continue;
      if (p.place.lanes && !isLane(l.buffer.element)) continue;
      yield this.loadForm(l, p.place);
    }
  }

  /** Keys of loads that occur more than once. */
  private loadedTwice(group: readonly Pending[]): Set<string> {
    const [once, twice] = [new Set<string>(), new Set<string>()];
    if (group.length > 1) for (const p of group) for (const { key } of this.loadForms(p, group)) (once.has(key) ? twice : once).add(key);
    return twice;
  }

  private storeText({ store: s, place }: Pending): string {
    const b = s.buffer;
    if (place.lanes) {
      const value = this.vector(s.value, place);
      if (this.registers.vectors.has(b)) return `(local.set ${this.vectorRegister(b, s.indices, place)} ${value})`;
      const { address, offset } = this.address(b, s.indices, place);
      return `(v128.store${offset} ${address} ${value})`;
    }
    const type = typeOf(s.value);
    let value = this.scalar(s.value, place);
    if (type === "index") value = b.element === "int64" || b.element === "uint64" ? `(i64.extend_i32_s ${value})` : isFloat(b.element) ? `(${wasmType(b.element)}.convert_i32_s ${value})` : value;
    if (this.registers.vectors.has(b)) {
      const { name, lane } = this.lane(b, s.indices, place);
      return `(local.set ${name} (f32x4.replace_lane ${lane} (local.get ${name}) ${value}))`;
    }
    if (this.registers.scalars.has(b)) return `(local.set ${this.scalarRegister(b, s.indices)} ${wrapped(b.element, value)})`;
    const { address, offset } = this.address(b, s.indices, place);
    return `(${storeOf(b.element)}${offset} ${address} ${value})`;
  }

  // Places in memory and in registers

  private scalarRegister(b: Buffer, indices: readonly Expression[]): string {
    const at = indices.map((i) => (i.kind === "integer" ? i.value : Number.NaN));
    if (at.some(Number.isNaN)) throw new GraphwrightError("not-lowered", `${this.program.name}: ${b.name} is kept in registers but accessed at a computed place.`);
    return this.registerNamed(b, at.join("_"), wasmType(b.element));
  }

  /** Locals of a buffer, by the part of it that they hold. */
  private registerNamed(b: Buffer, part: string, type: string): string {
    let parts = this.registerParts.get(b);
    if (!parts) this.registerParts.set(b, (parts = new Map()));
    let name = parts.get(part);
    if (name === undefined) parts.set(part, (name = this.local(part === "" ? b.name : `${b.name}_${part}`, type)));
    return name;
  }
  private readonly registerParts = new Map<Buffer, Map<string, string>>();

  private flatAt(b: Buffer, indices: readonly Expression[], place: Place): number {
    const at = simplify(flatOffset(b, place.lanes ? indices.map((i) => substitute(i, new Map([[place.lanes!.variable, place.lanes!.first]]))) : indices), place.scope);
    if (at.kind !== "integer") throw new GraphwrightError("not-lowered", `${this.program.name}: ${b.name} is kept in registers but accessed at a computed place.`);
    return at.value;
  }

  private vectorRegister(b: Buffer, indices: readonly Expression[], place: Place): string {
    return this.registerNamed(b, `${this.flatAt(b, indices, place) / laneCount}`, "v128");
  }

  private lane(b: Buffer, indices: readonly Expression[], place: Place): { readonly name: string; readonly lane: number } {
    const at = this.flatAt(b, indices, place);
    return { name: this.registerNamed(b, `${Math.floor(at / laneCount)}`, "v128"), lane: at % laneCount };
  }

  private linearAt(b: Buffer, indices: readonly Expression[], place: Place): Linear {
    const flat = placeOf(b, indices);
    return linearOf(place.lanes ? substitute(flat, new Map([[place.lanes.variable, place.lanes.first]])) : flat, place.scope);
  }

  private address(b: Buffer, indices: readonly Expression[], place: Place): { readonly address: string; readonly offset: string } {
    return this.addressOf(b, this.linearAt(b, indices, place), place);
  }

  private addressOf(b: Buffer, at: Linear, place: Place): { readonly address: string; readonly offset: string } {
    const size = byteSize(b.element, 1);
    const bytes = { constant: at.constant * size, terms: at.terms.map((t) => ({ atom: t.atom, coefficient: t.coefficient * size })) };
    // The offset field is added without wrapping, so the address before it may not be below 0.
    const separate = bytes.constant >= 0 && intervalOfLinear({ constant: 0, terms: bytes.terms }, place.scope).low >= 0;
    const address = this.sum(this.baseOf(b), bytes.terms, place);
    if (separate) return { address, offset: bytes.constant === 0 ? "" : ` offset=${bytes.constant}` };
    return { address: bytes.constant === 0 ? address : `(i32.add ${address} (i32.const ${bytes.constant}))`, offset: "" };
  }

  /** base + terms: the terms of an outer loop are added at its start, once. */
  private sum(base: string | undefined, terms: Linear["terms"], place: Place): string {
    const byDepth = new Map<number, { readonly key: string; readonly atom: Expression; readonly coefficient: number }[]>();
    const last = this.frames.length - 1;
    const inline: { readonly atom: Expression; readonly coefficient: number }[] = [];
    for (const { atom, coefficient } of terms) {
      const depths = [...variablesOf(atom)].map((v) => this.depthOf.get(v));
      if (loadsOf(atom).length > 0 || depths.includes(undefined)) inline.push({ atom, coefficient });
      else {
        const depth = depths.reduce<number>((a, b) => Math.max(a, b!), 0);
        byDepth.set(depth, [...(byDepth.get(depth) ?? []), { key: `${coefficient}*${keyOf(atom)}`, atom, coefficient }]);
      }
    }
    let text = base;
    let key = base ?? "";
    for (let depth = 0; depth <= last; depth++) {
      const own = byDepth.get(depth);
      if (!own) continue;
      own.sort((a, b) => (a.key < b.key ? -1 : 1));
      key += `|${own.map((t) => t.key).join("+")}`;
      const frame = this.frames[depth]!;
      let name = frame.sums.get(key);
      if (name === undefined) {
        name = this.local("at", "i32");
        const value = own.reduce<string | undefined>((sum, t) => plus(sum, times(this.scalar(t.atom, place), t.coefficient)), text)!;
        frame.start.push({ text: `(local.set ${name} ${value})`, depth: frame.depth, block: undefined });
        frame.sums.set(key, name);
      }
      text = `(local.get ${name})`;
    }
    for (const t of inline) text = plus(text, times(this.scalar(t.atom, place), t.coefficient));
    return text ?? "(i32.const 0)";
  }

  /** How a load is written, and a key that equal loads share. */
  private loadForm(l: Extract<Expression, { kind: "load" }>, place: Place): { readonly key: string; readonly text: () => string; readonly type: string } {
    const { lanes } = place;
    const moves = lanes !== undefined && l.indices.some((i) => variablesOf(i).has(lanes.variable));
    const at = this.linearAt(l.buffer, l.indices, place);
    const position = `${at.constant}+${at.terms.map((t) => `${t.coefficient}*${keyOf(t.atom)}`).sort().join("+")}`;
    const key = (form: string): string => `${form}:${this.nameOf(l.buffer, l.buffer.name)}:${position}`;
    if (lanes === undefined)
      return { key: key("s"), type: wasmType(l.buffer.element), text: () => { const { address, offset } = this.addressOf(l.buffer, at, place); return `(${loadOf(l.buffer.element)}${offset} ${address})`; } };
    const widened = widensTo(l.buffer.element);
    if (moves && widened) return { key: key("w"), type: "v128", text: () => { const { address, offset } = this.addressOf(l.buffer, at, place); return widened === "int32" ? `(i32x4.extend_low_i16x8_${sign(l.buffer.element)} (i16x8.extend_low_i8x16_${sign(l.buffer.element)} (v128.load32_zero${offset} ${address})))` : `(i32x4.extend_low_i16x8_u (v128.load64_zero${offset} ${address}))`; } };
    if (!moves) return { key: key("b"), type: "v128", text: () => { const { address, offset } = this.addressOf(l.buffer, at, place); return `(v128.load32_splat${offset} ${address})`; } };
    const stride = strideAlong(l.buffer, l.indices, lanes.variable, place.scope);
    if (stride === 1) return { key: key("v"), type: "v128", text: () => { const { address, offset } = this.addressOf(l.buffer, at, place); return `(v128.load${offset} ${address})`; } };
    return {
      key: key(`g${stride}`),
      type: "v128",
      text: () => {
        const lane = (i: number): { address: string; offset: string } => this.addressOf(l.buffer, { ...at, constant: at.constant + i * stride! }, place);
        let text = `(v128.load32_zero${lane(0).offset} ${lane(0).address})`;
        for (let i = 1; i < laneCount; i++) text = `(v128.load32_lane${lane(i).offset} ${i} ${lane(i).address} ${text})`;
        return text;
      },
    };
  }

  // Expressions

  /** The expression as one value; a bool is 0 or 1, an index 32 bits. */
  private scalar(e: Expression, place: Place): string {
    const sub = (x: Expression): string => this.scalar(x, place);
    switch (e.kind) {
      case "variable":
        return `(local.get ${this.nameOf(e, e.name)})`;
      case "integer":
        return `(i32.const ${e.value | 0})`;
      case "number":
        return isSmallFloat(e.element) ? this.cast(e.element, "float32", constant("float32", e.value)) : constant(e.element, e.exact ?? e.value);
      case "load": {
        const b = e.buffer;
        if (this.registers.scalars.has(b)) return `(local.get ${this.scalarRegister(b, e.indices)})`;
        if (this.registers.vectors.has(b)) {
          const { name, lane } = this.lane(b, e.indices, place);
          return `(f32x4.extract_lane ${lane} (local.get ${name}))`;
        }
        const { key, text } = this.loadForm(e, { ...place, lanes: undefined });
        const known = this.shared.get(key);
        return known === undefined ? text() : `(local.get ${known})`;
      }
      case "select": {
        // The other branch may lie outside its buffer: it is not evaluated.
        const type = typeOf(e);
        const then = this.scalar(e.then, { ...place, scope: place.scope.assume(e.condition) });
        const otherwise = this.scalar(e.otherwise, { ...place, scope: place.scope.assumeNot(e.condition) });
        const condition = sub(e.condition);
        return isCheap(e.then) && isCheap(e.otherwise) ? `(select ${then} ${otherwise} ${condition})` : `(if (result ${wasmType(type)}) ${condition} (then ${then}) (else ${otherwise}))`;
      }
      case "cast":
        return this.cast(e.element, typeOf(e.operand), sub(e.operand));
      case "unary":
        return this.unary(e.op, typeOf(e.operand), sub(e.operand));
      case "binary":
        return this.binary(e, place);
    }
  }

  private call(name: string, args: readonly string[]): string {
    this.helpers.add(name);
    return `(call $${name} ${args.join(" ")})`;
  }

  /** A function of the host, in double precision. */
  private host(name: string, type: ExpressionType, args: readonly string[]): string {
    if (!mathFunctions.includes(name)) throw new GraphwrightError("not-lowered", `the WebAssembly backend has no ${name}.`);
    this.math.add(name);
    return type === "float32" ? `(f32.demote_f64 (call $math.${name} ${args.map((a) => `(f64.promote_f32 ${a})`).join(" ")}))` : `(call $math.${name} ${args.join(" ")})`;
  }

  private binary(e: Extract<Expression, { kind: "binary" }>, place: Place): string {
    const index = typeOf(e) === "index";
    if (index && (e.op === "add" || e.op === "sub" || e.op === "mul")) {
      const at = linearOf(e, place.scope);
      // A product of two variables stays one.
      if (!(at.terms.length === 1 && at.constant === 0 && at.terms[0]!.coefficient === 1)) return plus(at.terms.length === 0 ? undefined : this.sum(undefined, at.terms, place), at.constant === 0 && at.terms.length > 0 ? undefined : `(i32.const ${at.constant})`);
    }
    const [left, right] = [typeOf(e.left), typeOf(e.right)];
    const operand: ExpressionType = left === "index" || right === "index" ? "index" : left;
    const asOperand = (x: Expression, type: ExpressionType): string => (type === operand ? this.scalar(x, place) : this.cast(operand, type, this.scalar(x, place)));
    const x = asOperand(e.left, left);
    const t = wasmType(operand);
    switch (e.op) {
      case "and": return `(if (result i32) ${x} (then ${this.scalar(e.right, { ...place, scope: place.scope.assume(e.left) })}) (else (i32.const 0)))`;
      case "or": return `(if (result i32) ${x} (then (i32.const 1)) (else ${this.scalar(e.right, { ...place, scope: place.scope.assumeNot(e.left) })}))`;
      default: break;
    }
    const y = asOperand(e.right, right);
    if (isSmallFloat(operand)) throw new GraphwrightError("not-lowered", `the WebAssembly backend computes ${e.op} in float32, not ${operand}.`);
    const float = isFloat(operand);
    const sign = float ? "" : isUnsigned(operand) ? "_u" : "_s";
    switch (e.op) {
      case "xor": case "ne": return `(${t}.ne ${x} ${y})`;
      case "eq": return `(${t}.eq ${x} ${y})`;
      case "lt": case "le": case "gt": case "ge": return `(${t}.${e.op}${sign} ${x} ${y})`;
      case "add": case "sub": case "mul": return wrapped(operand, `(${t}.${e.op} ${x} ${y})`);
      case "min": case "max":
        return float ? `(${t}.${e.op} ${x} ${y})` : this.call(`${e.op}_${t}${sign}`, [x, y]);
      case "div": return float ? `(${t}.div ${x} ${y})` : wrapped(operand, this.call(`div_${t}${sign}`, [x, y]));
      case "floordiv":
        return float ? `(${t}.floor (${t}.div ${x} ${y}))` : isUnsigned(operand) ? this.call(`div_${t}_u`, [x, y]) : wrapped(operand, this.call(`floordiv_${t}`, [x, y]));
      case "floormod":
        return float ? this.host("floormod", operand, [x, y]) : isUnsigned(operand) ? this.call(`rem_${t}_u`, [x, y]) : this.call(`floormod_${t}`, [x, y]);
      case "fmod": return float ? this.host("fmod", operand, [x, y]) : this.call(`rem_${t}${sign}`, [x, y]);
      case "pow":
        if (float) return this.host("pow", operand, [x, y]);
        break;
      case "bitand": case "bitor": case "bitxor":
        if (!float) return `(${t}.${e.op.slice(3)} ${x} ${y})`;
        break;
      case "shl": case "shr":
        if (!float) return wrapped(operand, this.call(`${e.op}_${t}${e.op === "shl" ? "" : sign}`, [x, y, `(i32.const ${operand === "index" ? 32 : 8 * byteSize(operand, 1)})`]));
        break;
      default: break;
    }
    throw new GraphwrightError("not-lowered", `the WebAssembly backend has no ${e.op} of ${operand}.`);
  }

  private unary(op: UnaryOp, type: ExpressionType, x: string): string {
    const t = wasmType(type);
    if (isSmallFloat(type)) throw new GraphwrightError("not-lowered", `the WebAssembly backend computes ${op} in float32, not ${type}.`);
    const float = isFloat(type);
    switch (op) {
      case "bitnot":
        if (!float) return wrapped(type, `(${t}.xor ${x} (${t}.const -1))`);
        break;
      case "not": return `(${t}.eqz ${x})`;
      case "isnan": return float ? this.call(`isnan_${t}`, [x]) : "(i32.const 0)";
      case "isinf": return float ? `(${t}.eq (${t}.abs ${x}) (${t}.const inf))` : "(i32.const 0)";
      case "neg": return float ? `(${t}.neg ${x})` : wrapped(type, `(${t}.sub (${t}.const 0) ${x})`);
      case "abs": return float ? `(${t}.abs ${x})` : isUnsigned(type) ? x : wrapped(type, this.call(`abs_${t}`, [x]));
      default: break;
    }
    if (!float) {
      if (op === "floor" || op === "ceil" || op === "trunc" || op === "round") return x;
      throw new GraphwrightError("not-lowered", `the WebAssembly backend has no ${op} of ${type}.`);
    }
    switch (op) {
      case "sqrt": case "floor": case "ceil": case "trunc": return `(${t}.${op} ${x})`;
      case "round": return `(${t}.nearest ${x})`;
      case "rsqrt": return `(${t}.div (${t}.const 1) (${t}.sqrt ${x}))`;
      default: break;
    }
    // The same function for one value as for four, so that a remainder of a vector loop rounds alike.
    if (type === "float32" && vectorMath.includes(op)) return `(f32x4.extract_lane 0 ${this.call(`${op}_f32x4`, [`(f32x4.splat ${x})`])})`;
    return this.host(op, type, [x]);
  }

  private cast(to: ExpressionType, from: ExpressionType, x: string): string {
    if (to === from) return x;
    if (isSmallFloat(from)) return this.cast(to, "float32", this.call(`from_${smallFloatId(from)}`, [x]));
    if (isSmallFloat(to)) return this.call(`to_${smallFloatId(to)}`, [this.cast("float32", from, x)]);
    const [t, f] = [wasmType(to), wasmType(from)];
    if (to === "bool") return from === "index" ? `(i32.ne ${x} (i32.const 0))` : `(${f}.ne ${x} (${f}.const 0))`;
    if (isFloat(from)) {
      if (to === "float32") return `(f32.demote_f64 ${x})`;
      if (to === "float64") return `(f64.promote_f32 ${x})`;
      if (to === "uint64") return this.call(`to_u64_${f}`, [x]);
      if (to === "int64") return this.call(`to_i64_${f}`, [x]);
      if (to === "uint32" || to === "index") return `(i32.wrap_i64 ${this.call(`to_i64_${f}`, [x])})`;
      return wrapped(to, this.call(`to_i32_${f}`, [x]));
    }
    const unsigned = from !== "index" && (isUnsigned(from) || from === "bool");
    if (isFloat(to)) return `(${t}.convert_${f}_${unsigned ? "u" : "s"} ${x})`;
    if (t === f) return wrapped(to, x);
    if (t === "i64") return `(i64.extend_i32_${unsigned ? "u" : "s"} ${x})`;
    return wrapped(to, `(i32.wrap_i64 ${x})`);
  }

  /** The expression in four lanes; a bool is all ones or all zeros. */
  private vector(e: Expression, place: Place): string {
    const { variable } = place.lanes!;
    if (this.hasWidened && (e.kind === "cast" || e.kind === "binary") && typeOf(e) === "float32" && loadsOf(e).every((l) => !this.registers.scalars.has(l.buffer) && !this.registers.vectors.has(l.buffer))) {
      const known = this.shared.get(this.widenedKey(e, place));
      if (known !== undefined) return `(local.get ${known})`;
    }
    const sub = (x: Expression): string => this.vector(x, place);
    if (e.kind === "load") {
      if (this.registers.vectors.has(e.buffer) && e.indices.some((i) => variablesOf(i).has(variable))) return `(local.get ${this.vectorRegister(e.buffer, e.indices, place)})`;
      if (!this.registers.scalars.has(e.buffer) && !this.registers.vectors.has(e.buffer) && isLane(e.buffer.element)) {
        const { key, text } = this.loadForm(e, place);
        const known = this.shared.get(key);
        return known === undefined ? text() : `(local.get ${known})`;
      }
    }
    if (!variablesOf(e).has(variable)) return this.splat(e, place);
    switch (e.kind) {
      case "select": {
        if (!variablesOf(e.condition).has(variable)) {
          const then = this.vector(e.then, { ...place, scope: place.scope.assume(e.condition) });
          const otherwise = this.vector(e.otherwise, { ...place, scope: place.scope.assumeNot(e.condition) });
          return `(if (result v128) ${this.scalar(e.condition, place)} (then ${then}) (else ${otherwise}))`;
        }
        return `(v128.bitselect ${sub(e.then)} ${sub(e.otherwise)} ${sub(e.condition)})`;
      }
      case "cast": {
        const from = typeOf(e.operand);
        if (e.operand.kind === "load" && widensTo(e.operand.buffer.element)) {
          const loaded = this.loadForm(e.operand, place).text();
          return from === "float16" ? this.halves(loaded) : from === "bfloat16" ? `(i32x4.shl ${loaded} (i32.const 16))` : loaded;
        }
        if (e.element === "float32" && from === "bool") return `(v128.and ${sub(e.operand)} (f32x4.splat (f32.const 1)))`;
        if (e.element === "float32") return `(f32x4.convert_i32x4_${from === "uint32" ? "u" : "s"} ${sub(e.operand)})`;
        if (e.element === "bool") return from === "bool" ? sub(e.operand) : `(${shapeOf(from)}.ne ${sub(e.operand)} (v128.const i32x4 0 0 0 0))`;
        return sub(e.operand);
      }
      case "unary": {
        const x = sub(e.operand);
        switch (e.op) {
          case "not": return `(v128.not ${x})`;
          case "isnan": return this.call("isnan_f32x4", [x]);
          case "isinf": return `(f32x4.eq (f32x4.abs ${x}) (f32x4.splat (f32.const inf)))`;
          case "round": return `(f32x4.nearest ${x})`;
          case "rsqrt": return `(f32x4.div (f32x4.splat (f32.const 1)) (f32x4.sqrt ${x}))`;
          case "neg": case "abs": return `(${shapeOf(typeOf(e.operand))}.${e.op} ${x})`;
          case "sqrt": case "floor": case "ceil": case "trunc": return `(f32x4.${e.op} ${x})`;
          default: return this.call(`${e.op}_f32x4`, [x]);
        }
      }
      case "binary": {
        const operand = typeOf(e.left);
        const shape = shapeOf(operand);
        if (this.options.relaxed && operand === "float32" && (e.op === "add" || e.op === "sub")) {
          const product = isProduct(e.right) ? e.right : e.op === "add" && isProduct(e.left) ? e.left : undefined;
          if (product) return `(f32x4.relaxed_${e.op === "add" ? "madd" : "nmadd"} ${sub(product.left)} ${sub(product.right)} ${sub(product === e.right ? e.left : e.right)})`;
        }
        if (e.op === "shr") return `(i32x4.shr_s ${sub(e.left)} ${this.scalar(e.right, { ...place, lanes: undefined })})`;
        const [x, y] = [sub(e.left), sub(e.right)];
        switch (e.op) {
          case "bitand": return `(v128.and ${x} ${y})`;
          case "and": case "or": case "xor": return `(v128.${e.op} ${x} ${y})`;
          case "lt": case "le": case "gt": case "ge": return `(${shape}.${e.op}${operand === "float32" ? "" : operand === "uint32" ? "_u" : "_s"} ${x} ${y})`;
          case "min": case "max": return `(${shape}.${e.op}${operand === "float32" ? "" : operand === "uint32" ? "_u" : "_s"} ${x} ${y})`;
          default: return `(${shape}.${e.op} ${x} ${y})`;
        }
      }
      default:
        throw new GraphwrightError("not-lowered", `${this.program.name}: ${e.kind} has no vector form.`);
    }
  }

  /** Bits of half floats in lanes of 32 as floats: larger by 2^112, what is infinite or no number with all ones. */
  private halves(bits: string): string {
    const [x, m] = [this.local("h", "v128"), this.local("h", "v128")];
    const all = (value: number): string => `(v128.const i32x4 ${Array.from({ length: laneCount }, () => value).join(" ")})`;
    const size = `(f32x4.mul (local.tee ${m} (i32x4.shl (v128.and (local.tee ${x} ${bits}) ${all(0x7fff)}) (i32.const 13))) (f32x4.splat (f32.const 0x1p112)))`;
    return `(v128.or (v128.or ${size} (v128.and (i32x4.ge_s (local.get ${m}) ${all(0x0f800000)}) ${all(0x7f800000)})) (i32x4.shl (v128.and (local.get ${x}) ${all(0x8000)}) (i32.const 16)))`;
  }

  /** What names a widened vector: equal ones are the same. */
  private widenedKey(e: Expression, place: Place): string {
    if (e.kind === "load") return this.loadForm(e, place).key;
    if (e.kind === "cast") return `${e.element}(${this.widenedKey(e.operand, place)})`;
    if (e.kind === "binary") return `${e.op}(${this.widenedKey(e.left, place)}, ${this.widenedKey(e.right, place)})`;
    return keyOf(e);
  }

  /** The largest parts of a store's value that widen what is stored in fewer bits, each with its key. */
  private widenings({ store: s, place }: Pending, group: readonly Pending[]): { readonly key: string; readonly text: () => string; readonly type: string }[] {
    if (!place.lanes) return [];
    const { variable } = place.lanes;
    const fixed = (e: Expression): boolean =>
      e.kind === "load" ? !this.registers.scalars.has(e.buffer) && !this.registers.vectors.has(e.buffer) && !e.indices.some((i) => loadsOf(i).length > 0) && !group.some((q) => q.store.buffer === e.buffer)
      : e.kind === "cast" ? fixed(e.operand)
      : e.kind === "binary" ? fixed(e.left) && fixed(e.right)
      : e.kind === "number" || e.kind === "integer";
    const narrow = (e: Expression): boolean => loadsOf(e).some((l) => widensTo(l.buffer.element) !== undefined && l.indices.some((i) => variablesOf(i).has(variable)));
    const found: ReturnType<WasmPrinter["widenings"]> = [];
    const visit = (e: Expression): void => {
      if (e.kind === "load" || e.kind === "select" || !narrow(e)) return;
      if ((e.kind === "cast" || e.kind === "binary") && typeOf(e) === "float32" && fixed(e)) found.push({ key: this.widenedKey(e, place), text: () => this.vector(e, place), type: "v128" });
      else if (e.kind === "binary") {
        visit(e.left);
        visit(e.right);
      } else if (e.kind === "cast" || e.kind === "unary") visit(e.operand);
    };
    visit(s.value);
    return found;
  }

  private splat(e: Expression, place: Place): string {
    const type = typeOf(e);
    const value = this.scalar(e, { ...place, lanes: undefined });
    if (type === "float32") return `(f32x4.splat ${value})`;
    return type === "bool" ? `(i32x4.splat (i32.sub (i32.const 0) ${value}))` : `(i32x4.splat ${value})`;
  }
}

const isFloat = (type: ExpressionType): boolean => type === "float32" || type === "float64";
const sign = (element: ElementType): "u" | "s" => (elementKind(element) === "uint" ? "u" : "s");
const isUnsigned = (type: ExpressionType): boolean => type !== "index" && elementKind(type) === "uint";
const shapeOf = (type: ExpressionType): string => (type === "float32" ? "f32x4" : "i32x4");
const isProduct = (e: Expression): e is Extract<Expression, { kind: "binary" }> => e.kind === "binary" && e.op === "mul";
const isCheap = (e: Expression): boolean => e.kind === "number" || e.kind === "integer" || e.kind === "variable";

const plus = (a: string | undefined, b: string | undefined): string => (a === undefined ? (b ?? "(i32.const 0)") : b === undefined ? a : `(i32.add ${a} ${b})`);
const times = (x: string, by: number): string => (by === 1 ? x : `(i32.mul ${x} (i32.const ${by}))`);

/** A result of 32-bit arithmetic, as a type of fewer bits holds it. */
function wrapped(type: ExpressionType, x: string): string {
  switch (type) {
    case "int8": return `(i32.extend8_s ${x})`;
    case "int16": return `(i32.extend16_s ${x})`;
    case "uint8": return `(i32.and ${x} (i32.const 255))`;
    case "uint16": return `(i32.and ${x} (i32.const 65535))`;
    default: return x;
  }
}

function constant(element: ElementType, given: number | bigint): string {
  const t = wasmType(element);
  if (typeof given === "bigint") return `(i64.const ${BigInt.asIntN(64, given)})`;
  const value = given;
  if (t === "f32" || t === "f64") return `(${t}.const ${floatText(t === "f32" ? Math.fround(value) : value)})`;
  if (t === "i64") return `(i64.const ${element === "uint64" ? BigInt.asUintN(64, clamped(value, 0, 2 ** 64)) : BigInt.asIntN(64, clamped(value, -(2 ** 63), 2 ** 63))})`;
  return `(i32.const ${Math.trunc(value) | 0})`;
}

/** Numbers at the upper end of the 64-bit types were rounded up to a power of two. */
const clamped = (value: number, low: number, high: number): bigint => (value >= high ? BigInt(high) - 1n : value <= low ? BigInt(low) : BigInt(Math.trunc(value)));

/** Loads that are evaluated whatever a select decides. */
function unconditionalLoads(value: Expression): Extract<Expression, { kind: "load" }>[] {
  const found: Extract<Expression, { kind: "load" }>[] = [];
  const visit = (e: Expression): void => {
    if (e.kind === "load") {
      found.push(e);
      e.indices.forEach(visit);
    } else if (e.kind === "binary") {
      visit(e.left);
      if (e.op !== "and" && e.op !== "or") visit(e.right);
    } else if (e.kind === "unary" || e.kind === "cast") visit(e.operand);
    else if (e.kind === "select") visit(e.condition);
  };
  visit(value);
  return found;
}
