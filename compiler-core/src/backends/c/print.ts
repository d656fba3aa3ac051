import { elementKind, type ElementType } from "../../ir/element-type.ts";
import { byteSize } from "../../ir/element-type.ts";
import { elementCount } from "../../ir/value-type.ts";
import { coefficient, placeOf } from "../../tensor/access.ts";
import { walkStatements } from "../../tensor/build.ts";
import { add, integer, keyOf, loadsOf, mul, sub, substitute, typeOf, variable, variablesOf, walkExpression } from "../../tensor/expression.ts";
import { type DotProduct, dotUpdate } from "../../tensor/dot-product.ts";
import type { BlockLines } from "../../tensor/printer.ts";
import type { Block, Buffer, Expression, ExpressionType, Loop, Statement, Store, TensorProgram, UnaryOp, Variable } from "../../tensor/program.ts";
import { decide, intervalOf, linearOf, Scope, simplify } from "../../tensor/simplify.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { sizesOf } from "../../tensor/sizes.ts";
import { stagesOf } from "../../tensor/stages.ts";
import { portableTarget, type ScheduleTarget } from "../../tensor/target.ts";
import { type TileRows, tileSides, type TransposedTile, transposedTile } from "../../tensor/transposed-tile.ts";
import { isHelper } from "./helpers.ts";
import type { LibraryCall } from "./libraries.ts";
import { mark, type ShapeNumber, unmarked } from "./shape-numbers.ts";
import { cFloat, cInteger, cType, isSmallFloat } from "./types.ts";
import { isVectorHelper, transposeHelper } from "./vector-helpers.ts";
import { type Chunk, chunksOf, planVectors, scalarLimit, type VectorPlan } from "./vectors.ts";

export interface KernelOptions {
  /** the C function's name */
  readonly name: string;
  /** parameters that may be the same memory as another one: no `restrict` */
  readonly mayAlias?: ReadonlySet<Buffer>;
  /** what the program was scheduled for; decides whether vector types are used */
  readonly target?: ScheduleTarget;
  /** a call that does the same, in place of the loops where `macro` is defined */
  readonly call?: { readonly macro: string; readonly call: LibraryCall };
  /** the function takes `stage`, `part` and `parts` if the program has parallel loops: threads share each of its stages */
  readonly threads?: boolean;
}

/** One C function. Line numbers count from 1 within `text`. */
export interface KernelSource {
  readonly text: string;
  /** the text with marks for numbers that come from shapes; kernels of one form differ in those alone */
  readonly form: string;
  readonly numbers: readonly ShapeNumber[];
  readonly prototype: string;
  /** sizes that the function takes after its pointers, each a ptrdiff_t */
  readonly sizes: readonly Variable[];
  readonly blocks: readonly BlockLines[];
  readonly helpers: ReadonlySet<string>;
  /** functions over vectors and vector types of half floats, by name, and widths of vector types that the text uses */
  readonly vectorHelpers: ReadonlySet<string>;
  readonly vectorWidths: ReadonlySet<number>;
  /** bytes of local arrays and scalars */
  readonly stackBytes: number;
  /** parts of the function that threads share, one after the other; 0 when it takes no part and runs as a whole */
  readonly stages: number;
}

/**
 * Prints a scheduled program as a C99 function over pointers. Unrolled loops are written out. For a target with vector
 * types a vectorized loop becomes operations on vectors, and accumulators are named vectors (compilers keep those in
 * registers, arrays often not). Elsewhere a vectorized loop is a plain loop for the compiler to vectorize, over accumulators
 * too: one or two vectors of a small array end up in registers. Iterations that fill no vector are written out over named scalars.
 */
export function printKernel(program: TensorProgram, options: KernelOptions): KernelSource {
  return new KernelPrinter(program, options).print();
}

const indent = "  ";

const splatOfNumber = /gw_splati?_x\d+\(-?(?:INFINITY|\d[\d.]*(?:e[+-]?\d+)?f?)\)/g;

interface Place {
  readonly loops: Expression;
  readonly constant: number;
  /** what a lane of the loop that is being printed moves; 0 where none is */
  readonly byLane: number;
  readonly key: string;
}

interface Pending {
  readonly store: Store;
  readonly scope: Scope;
  readonly block: string | undefined;
  readonly vector: VectorContext | undefined;
}

/** The iterations that one vector holds: `lane` runs over them in index expressions. */
interface VectorContext {
  readonly lane: Variable;
  readonly width: number;
}

/** A number written to lanes of rows, in each of some images. */
interface Fill {
  readonly block: string;
  readonly buffer: Buffer;
  readonly value: Expression;
  /** threads share the images */
  readonly shared: boolean;
  readonly from: number;
  readonly count: number;
  readonly stride: number;
  readonly rows: number;
  readonly row: number;
  readonly lanes: number;
}

/** The frame around images of `height` rows of `width` elements that some writes make together. */
function frameOf(fills: readonly Fill[]): Record<"height" | "width" | "top" | "bottom" | "left" | "right", number> | undefined {
  const side = fills.find((f) => f.rows > 1 && f.row > f.lanes);
  if (!side) return undefined;
  const [width, rows] = [side.row, side.rows];
  const height = side.stride / width;
  const frame = { height, width, top: Math.floor(side.from / width), bottom: 0, left: 0, right: 0 };
  frame.bottom = height - rows - frame.top;
  const wanted = new Set<string>();
  const key = (from: number, size: number): string => `${from}+${size}`;
  for (const f of fills) {
    const whole = f.rows === 1 || f.row === f.lanes;
    if (whole) wanted.add(key(f.from, f.rows * f.lanes));
    else if (f.rows !== rows || f.row !== width) return undefined;
    else if (f.from === frame.top * width) frame.left = f.lanes;
    else if (f.from === (frame.top + 1) * width - f.lanes) frame.right = f.lanes;
    else return undefined;
  }
  const ends = [...(frame.top > 0 ? [key(0, frame.top * width)] : []), ...(frame.bottom > 0 ? [key((frame.top + rows) * width, frame.bottom * width)] : [])];
  const made = ends.length + Number(frame.left > 0) + Number(frame.right > 0);
  return Number.isInteger(height) && frame.bottom >= 0 && made === fills.length && ends.every((e) => wanted.has(e)) ? frame : undefined;
}

class KernelPrinter {
  private readonly program: TensorProgram;
  private readonly options: KernelOptions;
  private readonly lines: string[] = [];
  private readonly helpers = new Set<string>();
  private readonly vectorHelpers = new Set<string>();
  private readonly vectorWidths = new Set<number>();
  private readonly registers: ReadonlySet<Buffer>;
  /** lines that declare scalars and arrays */
  private readonly declared: { readonly line: number; readonly names: readonly string[] }[] = [];
  private readonly vectors: VectorPlan;
  private readonly lanes: number;
  /** accumulators that the compiler is to find vectors in */
  private readonly tiles: ReadonlySet<Buffer>;
  private vector: VectorContext | undefined;
  private readonly blockLines = new Map<string, { from: number; to: number }>();
  private readonly names = new Map<object, string>();
  private readonly taken: Set<string>;
  private pending: Pending[] = [];
  /** where the group of stores that is being printed accesses memory several times: a pointer for each sum of loops */
  private places = new Map<string, { readonly name: string; readonly constant: number }>();
  /** neighbouring iterations of a written-out loop around a plain vectorized one: they are printed inside one loop over the lanes */
  private laneRows: { readonly loop: Loop; readonly block: string | undefined; readonly rows: { readonly by: ReadonlyMap<Variable, Expression>; readonly scope: Scope }[] } | undefined;
  /** nests that write one number */
  private fills: Fill[] = [];
  /** the loop over lanes that is being printed: places are reckoned from pointers outside it */
  private laneOf: Variable | undefined;
  private depth = 1;
  private stackBytes = 0;
  private temporaries = 0;
  private readonly stages: ReturnType<typeof stagesOf>;
  private readonly sizes: readonly Variable[];
  private readonly shared: ReadonlySet<Statement>;

  constructor(program: TensorProgram, options: KernelOptions) {
    this.program = program;
    this.options = options;
    this.lanes = (options.target ?? portableTarget).vectorLanes;
    this.vectors = planVectors(program, this.lanes);
    this.registers = new Set([...registerBuffers(program, this.lanes === 1)].filter((b) => !this.vectors.buffers.has(b)));
    this.tiles = new Set(this.lanes === 1 ? [...registerBuffers(program, false)].filter((b) => !this.registers.has(b)) : []);
    this.taken = new Set(reserved);
    this.sizes = sizesOf(program);
    this.stages = options.threads ? stagesOf(program) : [];
    this.shared = new Set(this.stages.flat().flatMap((n) => n.shared?.loop ?? []));
    if (this.stages.length > 0) for (const name of ["stage", "part", "parts"]) this.taken.add(name);
  }

  print(): KernelSource {
    const parameters = this.program.parameters.map((p) => {
      const constant = p.scope === "input" || p.scope === "weight" ? "const " : "";
      const restrict = this.options.mayAlias?.has(p) ? "" : "restrict ";
      return `${constant}${cType(p.element)} *${restrict}${this.nameOf(p, p.name)}`;
    });
    for (const size of this.sizes) parameters.push(`ptrdiff_t ${this.nameOf(size, size.name)}`);
    const tiled = this.tiles.size > 0 ? `${this.helper("GW_TILED")} ` : "";
    const shares = this.stages.length > 0 ? ["int stage", "int part", "int parts"] : [];
    this.lines.push(`${tiled}void ${this.options.name}(${parameters.join(", ")}${parameters.length > 0 ? mark.parameters : ""}${parameters.length > 0 && shares.length > 0 ? ", " : ""}${shares.join(", ")}) {`);
    const { call } = this.options;
    if (call) {
      this.lines.push(`#ifdef ${call.macro}`);
      // The library has threads of its own: the first part of the first stage calls it, for all.
      if (this.stages.length > 0) this.line("if (stage == 0 && part == 0 && parts > 0) {");
      for (const line of call.call.lines((b) => this.nameOf(b, b.name))) this.line(line);
      if (this.stages.length > 0) this.line("}");
      this.lines.push("#else");
    }
    if (this.stages.length === 0) this.emit(this.program.body, new Map(), Scope.empty, undefined);
    else this.emitStages();
    this.flush();
    this.markUnread();
    // Of a tensor without elements nothing is read or written.
    const text = unmarked(this.lines.slice(1).join("\n")).text;
    const idle = [...this.program.parameters, ...this.sizes].map((p) => this.nameOf(p, p.name)).filter((name) => !new RegExp(`\\b${name}\\b`).test(text));
    for (const name of idle) this.line(`(void)${name};`);
    if (this.stages.length === 1) this.line("(void)stage;");
    if (call) this.lines.push("#endif");
    this.lines.push("}");
    const blocks = [...this.blockLines].map(([block, { from, to }]) => ({ block, from, to })).sort((a, b) => a.from - b.from);
    const printed = unmarked(this.lines.join("\n") + "\n");
    return { ...printed, prototype: printed.text.slice(0, printed.text.indexOf(" {\n")), sizes: this.sizes, blocks, helpers: this.helpers, vectorHelpers: this.vectorHelpers, vectorWidths: this.vectorWidths, stackBytes: this.stackBytes, stages: this.stages.length };
  }

  /** Tables first, which all stages see. What has no parallel loop is the first part's. */
  private emitStages(): void {
    this.emit(this.program.body.filter((s) => s.kind === "allocate"), new Map(), Scope.empty, undefined);
    const within = (condition: string | undefined, emit: () => void): void => {
      if (condition === undefined) return emit();
      this.flush();
      this.line(`if (${condition}) {`);
      this.depth++;
      emit();
      this.flush();
      this.depth--;
      this.line("}");
    };
    for (const [i, stage] of this.stages.entries())
      within(this.stages.length > 1 ? `stage == ${i}` : undefined, () => {
        for (const { statement, shared } of stage) within(shared ? undefined : "part == 0", () => this.emit([statement], new Map(), Scope.empty, undefined));
      });
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
          this.flushFills();
          this.flushLanes();
          this.pending.push({
            store: { ...s, indices: s.indices.map((i) => simplify(substitute(i, by), scope)), value: simplify(substitute(s.value, by), scope) },
            scope,
            block,
            vector: this.vector,
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
    if (scope === Scope.empty && this.emitFill(s, by)) return;
    if (this.vectors.loops.has(s)) {
      this.emitVectors(s, by, scope, block);
      return;
    }
    if (s.mode === "dot" && this.vector) {
      this.emitDot(s, by, scope);
      return;
    }
    if (s.mode === "transposed" && this.emitTile(s, by, scope)) return;
    const writtenOut = (s.extent === 1 && !s.count) || s.mode === "unrolled" || s.mode === "dot" || (s.mode === "vectorized" && runsOverRegisters(s, this.registers));
    if (writtenOut) {
      // Each iteration has locals of its own.
      const scoped = s.extent > 1 && s.body.some((inner) => inner.kind === "allocate");
      for (let i = 0; i < s.extent; i++) {
        const here = new Map(by).set(s.variable, integer(i));
        if (!scoped) this.emit(s.body, here, scope, block);
        else {
          this.flush();
          this.line("{");
          this.nested(s.body, here, scope, block);
          this.line("}");
        }
      }
      return;
    }
    if (this.lanes === 1 && s.mode === "vectorized" && !s.count && !this.shared.has(s) && isStraight(s.body)) {
      if (this.laneRows?.loop !== s) {
        this.flush();
        this.laneRows = { loop: s, block, rows: [] };
      }
      this.laneRows.rows.push({ by, scope });
      return;
    }
    this.flush();
    const name = this.nameOf(s.variable, s.variable.name);
    const count = s.count ? this.value(simplify(s.count, scope), scope, 10) : undefined;
    // A loop that is left for the compiler to vectorize keeps its count: without it compilers take fewer vectors, or none.
    const extent = (wide: boolean): string => (s.mode === "vectorized" ? `${wide ? "(ptrdiff_t)" : ""}${s.extent}` : mark.number({ role: "count", buffer: "", loop: name, value: s.extent, wide }));
    if (this.shared.has(s)) {
      const all = count ?? extent(true);
      this.line(`for (ptrdiff_t ${name} = ${all} * part / parts; ${name} < ${all} * (part + 1) / parts; ++${name}) {`);
    } else this.line(`for (ptrdiff_t ${name} = 0; ${name} < ${count ?? extent(false)}; ++${name}) {`);
    if (s.prefetch && this.lanes > 1) {
      // As an integer: the address may lie behind the buffer.
      const { buffer, index, lines } = s.prefetch;
      const within = scope.with(s.variable, s.extent);
      const [from, ahead] = [this.nameOf(buffer, buffer.name), this.nameOf(s.prefetch, `${buffer.name}_ahead`)];
      const start = this.place(buffer, simplify(substitute(index, by), within), within, 11);
      this.line(`${indent}const uintptr_t ${ahead} = (uintptr_t)${from} + (uintptr_t)${start} * ${byteSize(buffer.element, 1)}u;`);
      if (lines === 1) this.line(`${indent}__builtin_prefetch((const void *)${ahead}, 0, 2);`);
      else {
        // A loop: layers that differ in how many lines lie ahead share a function.
        const line = this.nameOf(s.prefetch.index, "line");
        const number = mark.number({ role: "size", buffer: "", loop: `${from}_lines`, value: lines, wide: false });
        this.line(`${indent}for (ptrdiff_t ${line} = 0; ${line} < ${number}; ++${line}) {`);
        this.line(`${indent}${indent}__builtin_prefetch((const void *)(${ahead} + (uintptr_t)${line} * 64u), 0, 2);`);
        this.line(`${indent}}`);
      }
    }
    this.nested(s.body, by, scope.with(s.variable, s.extent), block);
    this.line("}");
  }

  /** A nest that writes one number everywhere (the border around an image) is a call: compilers translate its loops once. */
  private emitFill(s: Loop, by: ReadonlyMap<Variable, Expression>): boolean {
    const loops: Loop[] = [];
    const inner = new Map(by);
    let scope = Scope.empty;
    let block: string | undefined;
    let here: Statement = s;
    while (here.kind === "for" || here.kind === "block") {
      if (here.kind === "for") {
        if (here.count || here.prefetch || here.mode === "dot") return false;
        if (here.extent > 1) loops.push(here);
        scope = scope.with(here.variable, here.extent);
      } else {
        if (here.init) return false;
        for (const [i, axis] of here.axes.entries()) inner.set(axis.variable, simplify(substitute(here.bindings[i] as Expression, inner), scope));
        block = here.name;
      }
      if (here.body.length !== 1) return false;
      here = here.body[0]!;
    }
    if (here.kind !== "store" || block === undefined || here.buffer.scope === "local" || here.buffer.element !== "float32") return false;
    const { buffer } = here;
    const value = simplify(substitute(here.value, inner), scope);
    if (value.kind !== "number") return false;
    const place = simplify(substitute(placeOf(buffer, here.indices), inner), scope);
    const start = simplify(substitute(place, new Map(loops.map((l) => [l.variable, integer(0)]))), Scope.empty);
    const lanes = loops.at(-1);
    if (!lanes || loops.length < 2 || loops.length > 3 || this.shared.has(lanes) || start.kind !== "integer") return false;
    // Their order does not matter: what threads share is the first.
    const outer = loops.slice(0, -1).sort((a, b) => Number(this.shared.has(b)) - Number(this.shared.has(a)));
    const shared = this.shared.has(outer[0]!);
    const moves = [...outer, lanes].map((l) => coefficient(linearOf(place, scope), l.variable));
    if (moves.at(-1) !== 1 || moves.some((m) => m === undefined || m < 1)) return false;
    const [count, rows] = outer.map((l) => l.extent) as [number, number?];
    const fill: Fill = { block, buffer, value, shared, from: start.value, count, stride: moves[0]!, rows: rows ?? 1, row: rows === undefined ? 0 : moves[1]!, lanes: lanes.extent };
    const { fills } = this;
    if (fills.length === 0 || fills.some((f) => f.buffer !== buffer || f.shared !== shared || f.count !== count || f.stride !== fill.stride || keyOf(f.value) !== keyOf(value))) this.flush();
    this.fills.push(fill);
    return true;
  }

  /** Prints the writes of one number that were collected: as the frame around images, where they are one. */
  private flushFills(): void {
    if (this.fills.length === 0) return;
    const fills = this.fills;
    this.fills = [];
    const { buffer, value, shared, count, stride } = fills[0]!;
    const to = this.nameOf(buffer, buffer.name);
    const numbers = (sizes: Record<string, number>): string => Object.entries(sizes).map(([name, value]) => mark.number({ role: "size", buffer: "", loop: name, value, wide: false })).join(", ");
    const end = shared ? "part, parts" : "0, 1";
    const call = (blocks: readonly Fill[], text: string): void => {
      this.line(`/* ${blocks[0]!.block} */`);
      this.line(text);
      for (const { block } of blocks) this.blockLines.set(block, { from: this.lines.length, to: this.lines.length });
    };
    const frame = frameOf(fills);
    if (frame) {
      const { height, width, top, bottom, left, right } = frame;
      call(fills, `${this.helper("gw_frame_f32")}(${to}, ${this.value(value, Scope.empty)}, ${numbers({ images: count, height, width, top, bottom, left, right })}, ${end});`);
    } else
      for (const f of fills) call([f], `${this.helper("gw_fill_f32")}(${f.from === 0 ? to : `${to} + ${f.from}`}, ${this.value(value, Scope.empty)}, ${numbers({ images: count, stride, rows: f.rows, row: f.row, lanes: f.lanes })}, ${end});`);
  }

  /**
   * Prints the rows collected so far: in one loop over the lanes where no row reads or writes what another lane of an earlier one does, and then
   * vector by vector where they sum in a local array, which compilers so turn into registers.
   */
  private flushLanes(): void {
    const group = this.laneRows;
    if (!group) return;
    this.laneRows = undefined;
    const { loop, block, rows } = group;
    const storesOf = (at: Expression, extent: number): Pending[] => {
      const lanes = this.pending;
      this.pending = [];
      for (const { by, scope } of rows) this.emit(loop.body, new Map(by).set(loop.variable, at), scope.with(loop.variable, extent), block);
      const made = this.pending;
      this.pending = lanes;
      return made;
    };
    const name = this.nameOf(loop.variable, loop.variable.name);
    const print = (stores: readonly Pending[], extent: number): void => {
      this.laneOf = loop.variable;
      const open = `for (ptrdiff_t ${name} = 0; ${name} < ${extent}; ++${name}) {`;
      this.pending = [...stores];
      this.flush(open);
      this.laneOf = undefined;
    };
    const all = storesOf(loop.variable, loop.extent);
    // Choices that loops outside decide are taken out of a loop that has one of them.
    if (rows.length > 1 && (all.some((p) => hasChoice(p.store.value)) || !this.areIndependent(all, loop))) {
      const each = all.length / rows.length;
      for (let i = 0; i < rows.length; i++) print(all.slice(i * each, (i + 1) * each), loop.extent);
      return;
    }
    const sums = all.some(({ store }) => this.tiles.has(store.buffer) && loadsOf(store.value).some((l) => l.buffer === store.buffer));
    const size = sums && rows.length > 1 && loop.extent > 4 && loop.extent % 4 === 0 ? 4 : loop.extent;
    for (let at = 0; at < loop.extent; at += size) print(size === loop.extent ? all : storesOf(add(loop.variable, at), size), size);
  }

  /** Would it change nothing if the lanes of all rows ran side by side? Elements of one buffer are the same, or further apart than the lanes. */
  private areIndependent(stores: readonly Pending[], { variable: lane, extent }: Loop): boolean {
    const aliased = (b: Buffer): boolean => this.options.mayAlias?.has(b) ?? false;
    const written = new Set(stores.map((p) => p.store.buffer));
    const first = new Map<Buffer | "aliased", { readonly at: Expression; readonly scope: Scope; readonly distances: Set<number> }>();
    for (const { store, scope } of stores)
      for (const { buffer, indices } of [store, ...loadsOf(store.value)]) {
        if (!written.has(buffer) && !(aliased(buffer) && [...written].some(aliased))) continue;
        const offset = placeOf(buffer, indices);
        if (coefficient(linearOf(offset, scope), lane) !== 1 || loadsOf(offset).length > 0) return false;
        const key = aliased(buffer) ? "aliased" : buffer;
        const known = first.get(key) ?? { at: offset, scope, distances: new Set([0]) };
        first.set(key, known);
        const distance = simplify(sub(offset, known.at), scope);
        if (distance.kind !== "integer") return false;
        known.distances.add(distance.value);
      }
    for (const { distances } of first.values()) {
      const sorted = [...distances].sort((a, b) => a - b);
      if (sorted.some((d, i) => i > 0 && d - sorted[i - 1]! < extent)) return false;
    }
    return true;
  }

  /** Vectors, one after the other or in a loop, then what fills none. */
  private emitVectors(s: Loop, by: ReadonlyMap<Variable, Expression>, scope: Scope, block: string | undefined): void {
    const whole = Math.floor(s.extent / this.lanes);
    const looped = whole > 2 && !usesBuffers(s, this.vectors.buffers) ? whole : 0;
    // Vectors in a loop are not listed: there may be hundreds of millions.
    const start = looped * this.lanes;
    const { chunks, rest } = chunksOf(s.extent - start, this.lanes);
    const inVector = (at: Expression, width: number, around: Scope): void => {
      const lane = variable("lane");
      this.vectorWidths.add(width);
      this.vector = { lane, width };
      this.emit(s.body, new Map(by).set(s.variable, add(at, lane)), around.with(lane, width), block);
      this.vector = undefined;
    };
    if (looped > 0) {
      this.flush();
      const name = this.nameOf(s.variable, s.variable.name);
      this.line(`for (ptrdiff_t ${name} = 0; ${name} < ${mark.number({ role: "count", buffer: "", loop: name, value: looped, wide: false })}; ++${name}) {`);
      this.depth++;
      inVector(mul(s.variable, this.lanes), this.lanes, scope.with(s.variable, looped));
      this.flush();
      this.depth--;
      this.line("}");
    }
    for (const c of chunks) inVector(integer(start + c.at), c.width, scope);
    for (let i = s.extent - rest; i < s.extent; i++) this.emit(s.body, new Map(by).set(s.variable, integer(i)), scope, block);
  }

  /** The terms of a dot product, all at once in each lane. */
  private emitDot(s: Loop, by: ReadonlyMap<Variable, Expression>, scope: Scope): void {
    const block = s.body[0] as Block;
    const inner = new Map(by);
    for (const [i, axis] of block.axes.entries()) inner.set(axis.variable, substitute(block.bindings[i] as Expression, by));
    const { buffer, indices, value } = block.body[0] as Store;
    const dot = dotUpdate({ kind: "store", buffer, indices: indices.map((i) => substitute(i, inner)), value: substitute(value, inner) }, s.variable)!;
    const here = this.vector!;
    this.flush();
    this.vector = here;
    const first = new Map<Variable, Expression>([[s.variable, integer(0)], [here.lane, integer(0)]]);
    const start = (l: DotProduct["left"]): string => `${this.nameOf(l.buffer, l.buffer.name)} + ${this.place(l.buffer, simplify(substitute(placeOf(l.buffer, l.indices), first), scope), scope, 9)}`;
    const sum = this.access(dot.sum.buffer, dot.sum.indices.map((i) => simplify(i, scope)), scope, true);
    if (!this.blockLines.has(block.name)) this.line(`/* ${block.name} */`);
    this.line(`${sum} = ${this.vectorHelper(dot.shift === 0 ? "dot" : "dots")}(${sum}, ${start(dot.left)}, ${start(dot.right)});`);
    this.blockLines.set(block.name, { from: this.blockLines.get(block.name)?.from ?? this.lines.length, to: this.lines.length });
  }

  /** Has the target vectors as long as the tile's rows? */
  private hasTiles({ side, written }: TransposedTile): boolean {
    return tileSides(written.buffer.element, this.lanes).includes(side);
  }

  /** A tile of a copy, transposed in vectors; false where the target has none as long, or the loops are no tile. */
  private emitTile(s: Loop, by: ReadonlyMap<Variable, Expression>, scope: Scope): boolean {
    const tile = transposedTile(s, by, scope);
    if ("condition" in tile || !this.hasTiles(tile) || [tile.read.buffer, tile.written.buffer].some((b) => this.registers.has(b) || this.vectors.buffers.has(b))) return false;
    const { block, side, rowsRead, columnsWritten, read, written } = tile;
    this.flush();
    const whole = rowsRead === side && columnsWritten === side;
    const helper = transposeHelper(side, byteSize(written.buffer.element, 1), !whole);
    this.vectorHelpers.add(helper);
    const part = (name: string, value: number): string => (whole ? "" : `, ${mark.number({ role: "size", buffer: "", loop: name, value, wide: false })}`);
    const rows = ({ buffer, first, stride }: TileRows): string => {
      const name = this.nameOf(buffer, buffer.name);
      const step = stride.kind === "integer" && stride.value > 0 ? mark.number({ role: "stride", buffer: name, loop: this.nameOf(s.variable, s.variable.name), value: stride.value, wide: false }) : this.value(stride, scope, 3);
      return `${first.kind === "integer" && first.value === 0 ? name : `${name} + ${this.place(buffer, first, scope, 9)}`}, ${step}`;
    };
    this.line(`/* ${block.name} */`);
    this.line(`${helper}(${rows(read)}${part("rows", rowsRead)}, ${rows(written)}${part("columns", columnsWritten)});`);
    this.blockLines.set(block.name, { from: this.lines.length, to: this.lines.length });
    return true;
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
    if (b.values) {
      const literal = (v: number): string => (b.element === "float32" || b.element === "float64" ? cFloat(v, b.element) : cInteger(v, b.element));
      this.line(`static const ${cType(b.element)} ${this.nameOf(b, b.name)}[${Math.max(count, 1)}] = {`);
      const all = count === 0 ? ["0"] : b.values.map(literal);
      for (let i = 0; i < all.length; i += 12) this.line(`${indent}${all.slice(i, i + 12).join(", ")},`);
      this.line("};");
      return;
    }
    this.stackBytes += byteSize(b.element, count);
    const name = this.nameOf(b, b.name);
    if (this.vectors.buffers.has(b)) {
      const { chunks } = chunksOf(b.dims.at(-1)!, this.lanes);
      const outer = b.dims.slice(0, -1);
      const byWidth = new Map<number, string[]>();
      for (let i = 0; i < elementCount(outer); i++)
        for (const [c, chunk] of chunks.entries()) byWidth.set(chunk.width, [...(byWidth.get(chunk.width) ?? []), vectorName(name, unflat(i, outer), c)]);
      for (const width of byWidth.keys()) this.vectorWidths.add(width);
      for (const [width, names] of byWidth) for (let i = 0; i < names.length; i += 8) this.line(`${vectorType(width, b.element)} ${names.slice(i, i + 8).join(", ")};`);
      return;
    }
    if (!this.registers.has(b)) {
      this.line(`${cType(b.element)} ${name}[${Math.max(count, 1)}];`);
      this.declared.push({ line: this.lines.length - 1, names: [name] });
      return;
    }
    const all = Array.from({ length: count }, (_, i) => scalarName(name, unflat(i, b.dims)));
    const row = Math.max(b.dims.at(-1) ?? 1, 4);
    for (let i = 0; i < all.length; i += row) {
      const names = all.slice(i, i + row);
      this.line(`${cType(b.element)} ${names.join(", ")};`);
      this.declared.push({ line: this.lines.length - 1, names });
    }
  }

  /** Locals that no line reads, as where an axis has one element or none: compilers would warn of them. */
  private markUnread(): void {
    const read = new Set<string>();
    const declarations = new Set(this.declared.map((d) => d.line));
    if (declarations.size === 0) return;
    for (const [i, line] of this.lines.entries()) if (!declarations.has(i)) for (const name of line.replace(/^\s*\w+(?=(?:\[.*\])? = )/, "").match(/\b[A-Za-z_]\w*\b/g) ?? []) read.add(name);
    for (const { line, names } of this.declared) for (const name of names) if (!read.has(name)) this.lines[line] += ` (void)${name};`;
  }

  /**
   * Prints the stores collected so far. What several of them load is loaded once, into a named constant; places that
   * differ by constants are reckoned from one pointer.
   */
  private flush(lanes?: string): void {
    this.flushFills();
    this.flushLanes();
    if (this.pending.length === 0) return;
    const group = this.pending;
    this.pending = [];
    const pointers = this.pointersOf(group);
    const written = new Set(group.map((p) => p.store.buffer));
    const counts = new Map<string, number>();
    if (group.length > 1)
      for (const p of group) {
        this.vector = p.vector;
        for (const l of loadsOf(p.store.value)) {
          if (written.has(l.buffer) || this.registers.has(l.buffer) || this.vectors.buffers.has(l.buffer)) continue;
          if (insideSelect(p.store.value, l) || insideLoad(p.store.value, l)) continue;
          const text = this.access(l.buffer, l.indices, p.scope);
          counts.set(text, (counts.get(text) ?? 0) + 1);
        }
      }
    const sharing = lanes === undefined && [...counts.values()].some((n) => n > 1);
    const shared = new Map<string, string>();
    const scoped = sharing || pointers.length > 0;
    if (scoped) {
      this.line("{");
      this.depth++;
    }
    for (const p of pointers) this.line(p);
    const begin = this.lines.length;
    if (lanes !== undefined) {
      this.line(lanes);
      this.depth++;
    }
    for (const p of group) {
      this.vector = p.vector;
      // Just before its first use: compilers then keep it in a register no longer than needed.
      for (const l of loadsOf(p.store.value)) {
        const text = this.access(l.buffer, l.indices, p.scope);
        if ((counts.get(text) ?? 0) < 2 || shared.has(text)) continue;
        const name = `t${this.temporaries++}`;
        shared.set(text, name);
        this.line(`const ${this.isVector(l) ? vectorType(p.vector!.width, l.buffer.element) : cType(l.buffer.element)} ${name} = ${text};`);
      }
      if (p.block !== undefined && !this.blockLines.has(p.block)) this.line(`/* ${p.block} */`);
      const from = this.lines.length + 1;
      this.line(this.assignment(p.store, p.scope, shared));
      if (p.block !== undefined) {
        const known = this.blockLines.get(p.block);
        this.blockLines.set(p.block, { from: known?.from ?? from, to: this.lines.length });
      }
    }
    this.nameConstants(begin);
    this.vector = undefined;
    this.places.clear();
    if (lanes !== undefined) {
      this.depth--;
      this.line("}");
    }
    if (scoped) {
      this.depth--;
      this.line("}");
    }
    this.temporaries = 0;
  }

  /** A number in all lanes that several lines from `begin` on use is named before them. */
  private nameConstants(begin: number): void {
    const uses = new Map<string, number>();
    for (let i = begin; i < this.lines.length; i++) for (const [text] of this.lines[i]!.matchAll(splatOfNumber)) uses.set(text, (uses.get(text) ?? 0) + 1);
    const several = [...uses].filter(([, n]) => n > 1).map(([text]) => text);
    if (several.length === 0) return;
    const names = new Map(several.map((text) => [text, this.nameOf({}, /\(0(?:\.0f)?\)/.test(text) ? "zero" : "all")]));
    for (let i = begin; i < this.lines.length; i++) this.lines[i] = this.lines[i]!.replaceAll(splatOfNumber, (text) => names.get(text) ?? text);
    const declared = [...names].map(([text, name]) => `${indent.repeat(this.depth)}const gw_${text.includes("splati") ? "i32" : "f32"}${/x\d+/.exec(text)![0]} ${name} = ${text};`);
    this.lines.splice(begin, 0, ...declared);
    const moved = declared.length;
    for (const [block, { from, to }] of this.blockLines) if (to > begin) this.blockLines.set(block, { from: from > begin ? from + moved : from, to: to + moved });
  }

  /** Declares a pointer for each buffer and sum of loops that the stores access at several distances. */
  private pointersOf(group: readonly Pending[]): string[] {
    if (group.length < 2) return [];
    const found = new Map<string, { readonly buffer: Buffer; readonly place: Place; readonly scope: Scope; readonly constants: Set<number>; uses: number }>();
    const note = (buffer: Buffer, indices: readonly Expression[], scope: Scope): void => {
      if (this.registers.has(buffer) || this.vectors.buffers.has(buffer) || buffer.values) return;
      const place = this.placeIn(buffer, indices, scope);
      if (!place) return;
      const known = found.get(place.key) ?? { buffer, place, scope, constants: new Set(), uses: 0 };
      found.set(place.key, known);
      known.constants.add(place.constant);
      known.uses++;
    };
    for (const p of group) {
      this.vector = p.vector;
      note(p.store.buffer, p.store.indices, p.scope);
      for (const l of loadsOf(p.store.value)) if (!insideSelect(p.store.value, l) && !insideLoad(p.store.value, l)) note(l.buffer, l.indices, p.scope);
    }
    this.vector = undefined;
    const lines: string[] = [];
    const names = new Set<string>();
    for (const [key, { buffer, place, scope, constants, uses }] of found) {
      // Outside a loop over lanes it is reckoned once for all of them.
      if (this.laneOf ? uses < 2 : constants.size < 2) continue;
      const from = this.nameOf(buffer, buffer.name);
      let name = `${from}_at`;
      for (let i = 1; this.taken.has(name) || names.has(name); i++) name = `${from}_at_${i}`;
      names.add(name);
      // At the first element: it is there, where the sum of the loops alone may lie behind the buffer.
      const constant = Math.min(...constants);
      lines.push(`${this.readOnly(buffer) ? "const " : ""}${cType(buffer.element)} *const ${name} = ${from} + ${this.place(buffer, add(place.loops, constant), scope, 9)};`);
      this.places.set(key, { name, constant });
    }
    return lines;
  }

  private readOnly(b: Buffer): boolean {
    return b.scope === "input" || b.scope === "weight";
  }

  /** The place as a sum of loops and a constant; undefined where it is not one of several, or other elements decide it. */
  private placeIn(b: Buffer, indices: readonly Expression[], scope: Scope): Place | undefined {
    const offset = simplify(placeOf(b, indices), scope);
    const lane = this.vector?.lane ?? this.laneOf;
    const moves = lane !== undefined && variablesOf(offset).has(lane);
    const byLane = moves && this.laneOf ? coefficient(linearOf(offset, scope), this.laneOf) : 0;
    const start = moves ? simplify(substitute(offset, new Map([[lane, integer(0)]])), scope) : offset;
    if (byLane === undefined || loadsOf(offset).length > 0) return undefined;
    const constant = start.kind === "binary" && start.op === "add" && start.right.kind === "integer" ? start.right.value : 0;
    const loops = constant === 0 ? start : (start as Extract<Expression, { kind: "binary" }>).left;
    return loops.kind === "integer" ? undefined : { loops, constant, byLane, key: `${this.nameOf(b, b.name)} ${keyOf(loops)}` };
  }

  private assignment(s: Store, scope: Scope, shared: ReadonlyMap<string, string>): string {
    const to = this.access(s.buffer, s.indices, scope, true);
    if (!this.vector) return `${to} = ${this.stored(s, scope, shared)};`;
    const { value } = s;
    const updates = value.kind === "binary" && value.op === "add" && value.left.kind === "load" && this.vectors.buffers.has(value.left.buffer) && this.access(value.left.buffer, value.left.indices, scope) === to;
    return updates ? `${to} += ${this.value(value.right, scope, 0, shared)};` : `${to} = ${this.vectorOperand(value, scope, 0, shared)};`;
  }

  private stored(s: Store, scope: Scope, shared: ReadonlyMap<string, string>): string {
    const type = typeOf(s.value);
    const text = this.value(s.value, scope, 0, shared);
    if (type === "bool" && s.buffer.element === "bool" && s.value.kind !== "load" && s.value.kind !== "number") return `(uint8_t)(${text})`;
    return type === "index" ? `(${cType(s.buffer.element)})(${text})` : text;
  }

  private access(b: Buffer, indices: readonly Expression[], scope: Scope, stores = false): string {
    const name = this.nameOf(b, b.name);
    if (this.vectors.buffers.has(b)) return this.vectorRegister(b, name, indices);
    if (this.registers.has(b)) {
      const at = indices.map((i) => (i.kind === "integer" ? i.value : Number.NaN));
      if (at.some(Number.isNaN)) throw new GraphwrightError("not-lowered", `${this.program.name}: ${b.name} is kept in scalars but accessed at a computed place.`);
      return scalarName(name, at);
    }
    const offset = simplify(placeOf(b, indices), scope);
    const lane = this.vector?.lane;
    const place = this.places.size > 0 ? this.placeIn(b, indices, scope) : undefined;
    const pointer = place && this.places.get(place.key);
    if (pointer) {
      if (this.laneOf) return `${pointer.name}[${this.place(b, simplify(add(mul(this.laneOf, place.byLane), place.constant - pointer.constant), scope), scope, 0)}]`;
      const distance = this.place(b, integer(place.constant - pointer.constant), scope, 9);
      return lane && variablesOf(offset).has(lane) ? `*(${this.vectorPointer(b, stores)})${distance === "0" ? pointer.name : `(${pointer.name} + ${distance})`}` : `${pointer.name}[${distance}]`;
    }
    if (!lane || !variablesOf(offset).has(lane)) return `${name}[${this.place(b, offset, scope, 0)}]`;
    const start = simplify(substitute(offset, new Map([[lane, integer(0)]])), scope);
    return `*(${this.vectorPointer(b, stores)})(${name} + ${this.place(b, start, scope, 9)})`;
  }

  private vectorPointer(b: Buffer, stores: boolean): string {
    // What only moves half floats calls no function that would declare their vectors.
    if (isHalf(b.element)) this.vectorHelpers.add(vectorType(this.vector!.width, b.element));
    return `${stores || !this.readOnly(b) ? "" : "const "}${vectorType(this.vector!.width, b.element)}u *`;
  }

  /** A place in a buffer. Its strides and distances are marked, but not those of sums that are divided or compared. */
  private place(b: Buffer, e: Expression, scope: Scope, outer: number): string {
    const buffer = this.nameOf(b, b.name);
    if (e.kind === "integer" && e.value > 0 && outer <= 10) return mark.number({ role: "distance", buffer, loop: "", value: e.value, wide: false });
    if (e.kind === "binary" && e.op === "add") return ((text) => (outer > 9 ? `(${text})` : text))(`${this.place(b, e.left, scope, 9)} + ${this.place(b, e.right, scope, 10)}`);
    if (e.kind === "binary" && e.op === "mul" && e.left.kind === "variable" && e.right.kind === "integer" && e.right.value > 0 && outer <= 10) {
      const loop = this.nameOf(e.left, e.left.name);
      return `${loop} * ${mark.number({ role: "stride", buffer, loop, value: e.right.value, wide: false })}`;
    }
    // Rows that a loop over tiles of them goes through: how many tiles a row has.
    if (e.kind === "binary" && e.op === "mul" && e.right.kind === "integer" && e.right.value > 0 && outer <= 10) {
      const part = this.tileOf(e.left, scope);
      if (part) return `${part.text} * ${mark.number({ role: "stride", buffer, loop: part.loop, value: e.right.value, wide: false })}`;
    }
    return this.value(e, scope, outer);
  }

  /** A loop's variable divided by a number, or what remains. */
  private tileOf(e: Expression, scope: Scope): { readonly text: string; readonly loop: string } | undefined {
    if (e.kind !== "binary" || (e.op !== "floordiv" && e.op !== "floormod") || e.left.kind !== "variable" || e.right.kind !== "integer" || e.right.value < 1 || intervalOf(e.left, scope).low < 0) return undefined;
    const [over, which] = e.op === "floordiv" ? ["/", "row"] : ["%", "column"];
    const name = this.nameOf(e.left, e.left.name);
    return { text: `${name} ${over} ${mark.number({ role: "size", buffer: "", loop: `${name}_in_row`, value: e.right.value, wide: false })}`, loop: `${name}_${which}` };
  }

  /** A whole named vector, or one lane of it. */
  private vectorRegister(b: Buffer, name: string, indices: readonly Expression[]): string {
    const lane = this.vector?.lane;
    const last = indices.at(-1)!;
    const whole = lane !== undefined && variablesOf(last).has(lane);
    const at = [...indices.slice(0, -1), whole ? simplify(substitute(last, new Map([[lane, integer(0)]]))) : last].map((i) => (i.kind === "integer" ? i.value : Number.NaN));
    const { chunks } = chunksOf(b.dims.at(-1)!, this.lanes);
    const place = at.at(-1)!;
    const c = chunks.findIndex((chunk: Chunk) => chunk.at <= place && place < chunk.at + chunk.width);
    if (at.some(Number.isNaN) || c < 0) throw new GraphwrightError("not-lowered", `${this.program.name}: ${b.name} is kept in vectors but accessed at a computed place.`);
    const register = vectorName(name, at.slice(0, -1), c);
    return whole ? register : `${register}[${place - chunks[c]!.at}]`;
  }

  /** What is in a register comes first, whatever the graph's order: steps that differ in it alone share a function. */
  private summands({ left, right }: Extract<Expression, { kind: "binary" }>): readonly [Expression, Expression] {
    const held = (e: Expression): boolean => e.kind === "load" && [this.registers, this.vectors.buffers, this.tiles].some((set) => set.has(e.buffer));
    return held(right) && !held(left) && left.kind === "load" ? [right, left] : [left, right];
  }

  /** Does the value differ from lane to lane? */
  private isVector(e: Expression): boolean {
    const lane = this.vector?.lane;
    return lane !== undefined && variablesOf(e).has(lane);
  }

  private vectorHelper(name: string): string {
    const full = `gw_${name}_x${this.vector!.width}`;
    if (!isVectorHelper(full)) throw new GraphwrightError("not-lowered", `the C backend has no ${full}.`);
    this.vectorHelpers.add(full);
    return full;
  }

  /** The value in every lane. */
  private vectorOperand(e: Expression, scope: Scope, outer: number, shared?: ReadonlyMap<string, string>): string {
    if (this.isVector(e)) return this.value(e, scope, outer, shared);
    // What is stored in fewer bits becomes so in each lane.
    if (e.kind === "cast" && (isHalf(e.element) || e.element === "uint8" || e.element === "int8")) return this.vectorValue(e, scope, outer, shared);
    return `${this.vectorHelper(typeOf(e) === "int32" ? "splati" : "splat")}(${this.value(e, scope, 0, shared)})`;
  }

  private vectorValue(e: Expression, scope: Scope, outer: number, shared?: ReadonlyMap<string, string>): string {
    const wrap = (text: string, precedence: number): string => (precedence < outer ? `(${text})` : text);
    const sub = (x: Expression, precedence: number): string => this.value(x, scope, precedence, shared);
    const operand = (x: Expression): string => this.vectorOperand(x, scope, 0, shared);
    switch (e.kind) {
      case "select": {
        if (this.isVector(e.condition)) return `${this.vectorHelper("select")}(${sub(e.condition, 0)}, ${operand(e.then)}, ${operand(e.otherwise)})`;
        const condition = sub(e.condition, 3);
        // Memory, and sums of it, have the unaligned type: both branches of a conditional must have the same one.
        const branch = (x: Expression, where: Scope): string => `${this.isVector(x) ? `(${vectorType(this.vector!.width, typeOf(e))})` : ""}${this.vectorOperand(x, where, 11, shared)}`;
        return wrap(`${condition} ? ${branch(e.then, scope.assume(e.condition))} : ${branch(e.otherwise, scope.assumeNot(e.condition))}`, 2);
      }
      case "cast": {
        if (isHalf(e.element)) return `${this.vectorHelper(`narrow_${typeId(e.element)}`)}(${operand(e.operand)})`;
        if (isHalf(typeOf(e.operand))) return `${this.vectorHelper(`widen_${typeId(typeOf(e.operand))}`)}(${sub(e.operand, 0)})`;
        const as = (text: string, element: ExpressionType): string => `__builtin_convertvector(${text}, ${vectorType(this.vector!.width, element)})`;
        // A byte in between changes nothing: the number is within its range.
        const inner = e.operand.kind === "cast" && e.operand.element !== "int32" ? e.operand.operand : e.operand;
        const from = typeOf(inner);
        const text = operand(inner);
        const whole = from === "float32" ? as(text, "int32") : from === "int32" ? text : `${this.vectorHelper(`widen_${typeId(from)}`)}(${text})`;
        if (e.element === "int32") return whole;
        return e.element === "float32" ? as(whole, "float32") : `${this.vectorHelper(`narrow_${typeId(e.element)}`)}(${whole})`;
      }
      case "unary":
        if (e.op === "neg") return wrap(`-${sub(e.operand, 11)}`, 11);
        if (e.op === "rsqrt") return wrap(`1.0f / ${this.vectorHelper("sqrt")}(${operand(e.operand)})`, 10);
        return `${this.vectorHelper(e.op)}(${operand(e.operand)})`;
      case "binary":
        switch (e.op) {
          case "add": {
            const [first, second] = this.summands(e);
            return wrap(`${sub(first, 9)} + ${sub(second, 10)}`, 9);
          }
          case "sub": return wrap(`${sub(e.left, 9)} - ${sub(e.right, 10)}`, 9);
          case "mul":
            if (isWidened(e.left) && isWidened(e.right)) return `${this.vectorHelper("mulb")}(${operand(e.left)}, ${operand(e.right)})`;
            return wrap(`${sub(e.left, 10)} * ${sub(e.right, 11)}`, 10);
          case "div": return wrap(`${sub(e.left, 10)} / ${sub(e.right, 11)}`, 10);
          case "min":
          case "max": {
            // A constant is a number: the test for not-a-number is the other operand's alone.
            const constant = [e.left, e.right].find((x) => x.kind === "number" && !Number.isNaN(x.value));
            if (constant) return `${this.vectorHelper(`${e.op}n`)}(${operand(constant)}, ${operand(constant === e.left ? e.right : e.left)})`;
            return `${this.vectorHelper(e.op)}(${operand(e.left)}, ${operand(e.right)})`;
          }
          case "bitand": return `(${operand(e.left)} & ${this.value(e.right, scope, 11, shared)})`;
          case "shr": return `(${operand(e.left)} >> ${this.value(e.right, scope, 11, shared)})`;
          case "and": return wrap(`${sub(e.left, 8)} & ${sub(e.right, 8)}`, 5);
          case "or": return wrap(`${sub(e.left, 8)} | ${sub(e.right, 8)}`, 4);
          default: {
            const symbol = ({ lt: "<", le: "<=", gt: ">", ge: ">=", eq: "==", ne: "!=" } as Partial<Record<typeof e.op, string>>)[e.op];
            if (symbol) return `(${operand(e.left)} ${symbol} ${operand(e.right)})`;
          }
        }
        break;
      default:
        break;
    }
    throw new GraphwrightError("not-lowered", `the C backend has no ${e.kind === "binary" ? e.op : e.kind} of vectors.`);
  }

  /** The expression as C. `outer` is the precedence of what is around it. */
  private value(e: Expression, scope: Scope, outer = 0, shared?: ReadonlyMap<string, string>): string {
    const wrap = (text: string, precedence: number): string => (precedence < outer ? `(${text})` : text);
    const sub = (x: Expression, precedence: number): string => this.value(x, scope, precedence, shared);
    if (e.kind !== "load" && this.isVector(e)) return this.vectorValue(e, scope, outer, shared);
    switch (e.kind) {
      case "variable":
        return this.nameOf(e, e.name);
      case "integer":
        return e.value < 0 ? wrap(`${e.value}`, 11) : `${e.value}`;
      case "number": {
        const kind = elementKind(e.element);
        const text = e.element === "float32" || e.element === "float64" ? cFloat(e.value, e.element) : kind === "bool" ? `${e.value ? 1 : 0}` : cInteger(e.exact ?? e.value, e.element);
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
      case "or": return wrap(`${sub(e.left, e.left.kind === "binary" && e.left.op === "or" ? 4 : 5.5)} || ${sub(e.right, 5.5)}`, 4);
      case "and": return wrap(`${sub(e.left, 5)} && ${this.value(e.right, scope.assume(e.left), 6, shared)}`, 5);
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
    if (isSmallFloat(type)) throw new GraphwrightError("not-lowered", `the C backend computes ${e.op} in float, not ${type}.`);
    switch (e.op) {
      case "add":
      case "sub":
      case "mul": {
        const [symbol, precedence] = ({ add: ["+", 9], sub: ["-", 9], mul: ["*", 10] } as const)[e.op];
        const [first, second] = e.op === "add" && float ? this.summands(e) : [e.left, e.right];
        if (plain) return wrap(`${sub(first, precedence)} ${symbol} ${sub(second, precedence + 1)}`, precedence);
        // Unsigned arithmetic wraps; signed overflow is undefined.
        const wide = type === "int64" || type === "uint64" ? "uint64_t" : "uint32_t";
        return `(${cType(type)})((${wide})${sub(e.left, 11)} ${symbol} (${wide})${sub(e.right, 11)})`;
      }
      case "bitand":
      case "bitor":
      case "bitxor": {
        const symbol = { bitand: "&", bitor: "|", bitxor: "^" }[e.op];
        return `(${cType(type)})((${cType(type)})${sub(e.left, 11)} ${symbol} (${cType(type)})${sub(e.right, 11)})`;
      }
      case "shl":
      case "shr":
        return call(`gw_${e.op}_${id}`);
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
      case "bitnot": return `(${cType(type)})(~${text(11)})`;
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
    if (isSmallFloat(from)) {
      const wide = `${this.helper(`gw_from_${typeId(from)}`)}(${text(0)})`;
      if (to === "float32") return wide;
      if (to === "float64") return wrap(`(double)${wide}`);
      throw new GraphwrightError("not-lowered", `the C backend converts ${from} to float first.`);
    }
    if (isSmallFloat(to)) {
      const float = from === "float32" ? text(0) : `(float)${text(11)}`;
      return `${this.helper(`gw_to_${typeId(to)}`)}(${float})`;
    }
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

const isHalf = (type: ExpressionType): boolean => type === "float16" || type === "bfloat16";

/** A byte as a number of 32 bits, 128 added or not: it has 16 bits at most. */
const isWidened = (e: Expression): boolean =>
  e.kind === "cast" ? e.element === "int32" && e.operand.kind === "load" && /^u?int8$/.test(e.operand.buffer.element) : e.kind === "binary" && e.op === "add" && e.right.kind === "number" && e.right.value === 128 && isWidened(e.left);

const typeId = (type: ExpressionType): string => {
  if (type === "index") return "index";
  if (type === "bool") return "u8";
  return type.replace("uint", "u").replace("bfloat", "bf").replace("float", "f").replace("int", "i");
};

const scalarName = (name: string, at: readonly number[]): string => (at.length === 0 ? name : `${name}_${at.join("_")}`);

const vectorType = (width: number, element: ExpressionType): string => `gw_${typeId(element)}x${width}`;
const vectorName = (name: string, at: readonly number[], chunk: number): string => [name, ...at, chunk].join("_");

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

/** Does the load stand among the indices of another one? */
function insideLoad(value: Expression, load: Expression): boolean {
  return loadsOf(value).some((l) => l !== load && l.indices.some((i) => loadsOf(i).includes(load as Extract<Expression, { kind: "load" }>)));
}

/**
 * Locals that are accessed at constant places once unrolled and vectorized loops are written out; of the latter only those that
 * fill no vector of 4 where the compiler is to find vectors.
 */
function registerBuffers(program: TensorProgram, looped: boolean): Set<Buffer> {
  const locals = new Set<Buffer>();
  const excluded = new Set<Buffer>();
  walkStatements(program.body, (s, around) => {
    if (s.kind === "allocate") locals.add(s.buffer);
    if (s.kind !== "store" && s.kind !== "if") return;
    const constant = new Set<Variable>();
    const by = new Map<Variable, Expression>();
    for (const a of around) {
      if (a.kind === "for" && (a.mode === "unrolled" || a.mode === "dot" || (a.mode === "vectorized" && !(looped && a.extent % 4 === 0)) || a.extent === 1)) constant.add(a.variable);
      if (a.kind === "block") for (const [i, axis] of a.axes.entries()) by.set(axis.variable, substitute(a.bindings[i] as Expression, by));
    }
    const check = (b: Buffer, indices: readonly Expression[]): void => {
      if (b.scope === "local" && indices.some((i) => loadsOf(i).length > 0 || [...variablesOf(substitute(i, by))].some((v) => !constant.has(v)))) excluded.add(b);
    };
    if (s.kind === "store") check(s.buffer, s.indices);
    for (const l of s.kind === "store" ? [...loadsOf(s.value), ...s.indices.flatMap(loadsOf)] : loadsOf(s.condition)) check(l.buffer, l.indices);
  });
  return new Set([...locals].filter((b) => !excluded.has(b) && !b.values && elementCount(b.dims) <= scalarLimit));
}

const hasChoice = (e: Expression): boolean => {
  let found = false;
  walkExpression(e, (x) => {
    if (x.kind === "select") found = true;
  });
  return found;
};

/** Stores alone, whatever the values of the loops around them? */
const isStraight = (body: readonly Statement[]): boolean => body.every((s) => s.kind === "store" || (s.kind === "block" && !s.init && isStraight(s.body)));

/** Does the loop's variable choose among scalars? */
function runsOverRegisters(loop: Loop, registers: ReadonlySet<Buffer>): boolean {
  let found = false;
  walkStatements(loop.body, (s, around) => {
    if (s.kind !== "store" && s.kind !== "if") return;
    const by = new Map<Variable, Expression>();
    for (const a of around) if (a.kind === "block") for (const [i, axis] of a.axes.entries()) by.set(axis.variable, substitute(a.bindings[i] as Expression, by));
    const moves = (b: Buffer, indices: readonly Expression[]): boolean => registers.has(b) && indices.some((i) => variablesOf(substitute(i, by)).has(loop.variable));
    if (s.kind === "store" && moves(s.buffer, s.indices)) found = true;
    for (const l of s.kind === "store" ? [...loadsOf(s.value), ...s.indices.flatMap(loadsOf)] : loadsOf(s.condition)) if (moves(l.buffer, l.indices)) found = true;
  });
  return found;
}

/** Does anything in the loop touch one of the buffers? */
function usesBuffers(loop: Loop, buffers: ReadonlySet<Buffer>): boolean {
  let found = false;
  walkStatements(loop.body, (s) => {
    if (s.kind === "store" && (buffers.has(s.buffer) || loadsOf(s.value).some((l) => buffers.has(l.buffer)))) found = true;
  });
  return found;
}

/** Names that a kernel may not use for its own. */
const reserved = [
  ..."auto break case char const continue default do double else enum extern float for goto if inline int long register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while".split(" "),
  ..."exp log sqrt tanh sin cos tan asin acos atan sinh cosh asinh acosh atanh erf floor ceil trunc round rint pow fmod fabs abs isnan isinf NAN INFINITY y0 y1 yn j0 j1 jn gamma signbit main".split(" "),
];
