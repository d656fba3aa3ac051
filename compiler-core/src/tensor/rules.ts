import { byteSize } from "../ir/element-type.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { elementCount } from "../ir/value-type.ts";
import { blocksIn, storesIn, walkStatements } from "./build.ts";
import { keyOf, loadsOf, typeOf, sub, substitute, walkExpression } from "./expression.ts";
import { accessesOf, coefficient, conditionsOf, runsOf } from "./access.ts";
import type { Block, Buffer, Expression, Loop, Statement, TensorProgram, Variable } from "./program.ts";
import { bind } from "./schedule/bind.ts";
import { cacheWrite } from "./schedule/cache-write.ts";
import { computeInline, writersOf } from "./schedule/compute-inline.ts";
import { decomposeReduction } from "./schedule/decompose-reduction.ts";
import { fuse } from "./schedule/fuse.ts";
import { merge } from "./schedule/merge.ts";
import { partition } from "./schedule/partition.ts";
import { innerReduction, prefetch } from "./schedule/prefetch.ts";
import { sharedElements } from "./schedule/dependence.ts";
import { bindingsOf, findBlock, isReduceLoop, legalityOf, loopsAroundBlock, ownLoopsOf } from "./schedule/primitive.ts";
import { reorder } from "./schedule/reorder.ts";
import { reverseComputeInline } from "./schedule/reverse-compute-inline.ts";
import { Schedule } from "./schedule/schedule.ts";
import { split } from "./schedule/split.ts";
import { splitRemainder } from "./schedule/split-remainder.ts";
import { tensorize } from "./schedule/tensorize.ts";
import { unroll } from "./schedule/unroll.ts";
import { vectorize } from "./schedule/vectorize.ts";
import { intervalOf, linearOf, Scope } from "./simplify.ts";
import { portableTarget, type ScheduleTarget } from "./target.ts";
import type { ScheduleChoice } from "./schedule-choice.ts";
import { tileSides } from "./transposed-tile.ts";
import { dotLoop, isStrided, type TileOptions, tileOptions, type VectorTile } from "./vector-tile.ts";

/**
 * The default schedule, chosen from shapes and access patterns alone:
 * - elementwise blocks are inlined into their only reader;
 * - a reduction without conditions (convolution, matrix product, mean) is tiled in registers: rows that share a
 *   loaded vector are unrolled, the contiguous axis is vectorized, the accumulators are local;
 * - a reduction with conditions (pools at a border) accumulates in one local, and its innermost loop is parted into
 *   border and inside;
 * - the elementwise reader of a reduction (an epilogue) moves into the store of the accumulators;
 * - loops of elementwise nests that run over neighbouring memory are fused;
 * - a copy that reads along one loop and writes along another becomes square tiles, which are transposed in registers.
 */
export function scheduleByRule(program: TensorProgram, target: ScheduleTarget = portableTarget, chosen: Chosen = {}): Schedule {
  const schedule = new Schedule(program);
  inlineWidening(schedule);
  inlineProducers(schedule);
  for (const block of blocksIn(program.body)) {
    const current = blocksIn(schedule.program.body).find((b) => b.name === block.name);
    if (current?.axes.some((a) => a.kind === "reduce")) scheduleReduction(schedule, block.name, target, chosen);
  }
  for (const b of new Set(storesIn(schedule.program.body).map((s) => s.buffer))) inlineEpilogue(schedule, b);
  for (const block of blocksIn(schedule.program.body)) {
    const names = blocksIn(schedule.program.body).map((b) => b.name);
    if (names.includes(block.name) && block.axes.every((a) => a.kind === "spatial") && !isPerfectNest(schedule.program, block.name)) scheduleChoices(schedule, block.name);
    if (names.includes(block.name) && block.axes.every((a) => a.kind === "spatial") && isPerfectNest(schedule.program, block.name)) scheduleElementwise(schedule, block.name, target);
  }
  if (target.vectorLanes > 1 && chosen.choice?.prefetch !== false) for (const b of blocksIn(schedule.program.body)) if (b.axes.some((a) => a.kind === "reduce")) prefetchWeights(schedule, b.name);
  return schedule;
}

/** Another choice than the rule's own, and who hears what there was to choose from. */
export interface Chosen {
  readonly choice?: ScheduleChoice;
  readonly considered?: (block: string, options: TileOptions) => void;
}

/** Is the block alone in its outermost loop? */
function isPerfectNest(program: TensorProgram, block: string): boolean {
  const { around } = findBlock(program, block);
  return around.length > 0 && around.every((s) => s.kind === "for" && s.body.length === 1 && s.mode === "serial");
}

/** Products of a nest inside loops that it shares with others, from which on it is tiled as if it stood alone. */
const ownNestWork = 1 << 12;

/** Is the block, in loops that it shares with others, a nest of rows and columns that is large enough for tiles? */
function isOwnNest(program: TensorProgram, name: string): boolean {
  const { statement: block } = findBlock(program, name);
  const own = ownLoopsOf(program, name);
  return own.every((l) => l.mode === "serial" && !l.count) && own.filter((l) => l.extent > 1 && !isReduceLoop(block, l.variable)).length >= 2 && own.reduce((n, l) => n * l.extent, 1) >= ownNestWork;
}

const readersOf = (program: TensorProgram, buffer: Buffer): Block[] =>
  blocksIn(program.body).filter((b) => storesIn([...(b.init ?? []), ...b.body]).some((s) => loadsOf(s.value).some((l) => l.buffer === buffer)));

function inlineProducers(schedule: Schedule): void {
  for (const name of blocksIn(schedule.program.body).map((b) => b.name)) {
    const { statement: block, around } = findBlock(schedule.program, name);
    const store = storesIn(block.body)[0];
    if (!store || block.axes.some((a) => a.kind === "reduce") || store.buffer.scope !== "local" || around.some((s) => s.kind !== "for" || s.body.length > 1)) continue;
    if (writersOf(schedule.program, store.buffer).length !== 1 || store.buffer.dims.length === 0) continue;
    const readers = readersOf(schedule.program, store.buffer);
    const reader = readers[0];
    if (readers.length !== 1 || !reader || reader.axes.some((a) => a.kind === "reduce")) continue;
    // A value that is used for many elements (a factor for a channel) is computed once, not for each.
    const spread = reader.axes.reduce((n, a) => n * a.extent, 1) > store.buffer.dims.reduce((a, b) => a * b, 1);
    if (spread || store.indices.some((i) => i.kind !== "variable" && i.kind !== "integer")) continue;
    schedule.apply(computeInline, { block: name });
  }
}

/** Weights that are stored in fewer bits are widened where they are read: as numbers of 32 bits they would take memory, and the time to read it. */
function inlineWidening(schedule: Schedule): void {
  for (const name of blocksIn(schedule.program.body).map((b) => b.name)) {
    const { statement: block, around } = findBlock(schedule.program, name);
    const store = storesIn(block.body)[0];
    if (!store || block.body.length !== 1 || block.init || store.buffer.scope !== "local" || around.some((s) => s.kind !== "for" || s.body.length > 1)) continue;
    const loads = loadsOf(store.value);
    const widens = loads.length > 0 && loads.every((l) => l.buffer.scope === "weight") && loads.some((l) => byteSize(l.buffer.element, 1) < byteSize(store.buffer.element, 1) && elementCount(l.buffer.dims) * 2 >= elementCount(store.buffer.dims));
    if (!widens || writersOf(schedule.program, store.buffer).length !== 1 || store.indices.some((i) => i.kind !== "variable" && i.kind !== "integer")) continue;
    schedule.apply(computeInline, { block: name });
  }
}

/** The reduction in steps of what shares a scale or a byte: places of these are then whole numbers of the loops. */
function splitSharing(schedule: Schedule, name: string): void {
  for (let again = true; again; ) {
    again = false;
    const { statement: block } = findBlock(schedule.program, name);
    const sizes = new Map<Variable, Set<number>>();
    const look = (e: Expression): void =>
      walkExpression(e, (x) => {
        if (x.kind !== "binary" || (x.op !== "floordiv" && x.op !== "floormod") || x.left.kind !== "variable" || x.right.kind !== "integer") return;
        sizes.set(x.left, (sizes.get(x.left) ?? new Set()).add(x.right.value));
      });
    for (const s of storesIn(block.body)) look(s.value);
    for (const l of loopsAroundBlock(schedule.program, name)) {
      const axis = block.axes.find((a, i) => a.kind === "reduce" && isSplitOf(block.bindings[i] as Expression, l.variable));
      if (!axis || l.mode !== "serial" || l.count) continue;
      const factor = [...(sizes.get(axis.variable) ?? [])].filter((n) => n > 1 && n < l.extent && l.extent % n === 0).sort((a, b) => b - a)[0];
      if (factor === undefined) continue;
      schedule.apply(split, { loop: l.variable.name, factor });
      again = true;
      break;
    }
  }
}

/** Is the loop the innermost part of what an axis is bound to? */
const isSplitOf = (binding: Expression, v: Variable): boolean => coefficient(linearOf(binding, Scope.empty), v) === 1;

/** Fuses neighbouring loops of a nest wherever every access then still walks evenly through memory. */
function fuseCompatible(schedule: Schedule, block: string): void {
  for (let again = true; again; ) {
    again = false;
    const loops = loopsAroundBlock(schedule.program, block);
    const { statement } = findBlock(schedule.program, block);
    const accesses = accessesOf(statement, loops);
    const conditions = conditionsOf(statement);
    for (let i = loops.length - 2; i >= 0; i--) {
      const outer = loops[i] as Loop;
      const inner = loops[i + 1] as Loop;
      if (outer.body.length !== 1 || outer.extent === 1 || inner.extent === 1 || outer.count || inner.count) continue;
      if (isReduceLoop(statement, outer.variable) || isReduceLoop(statement, inner.variable)) continue;
      if (conditions.some((c) => uses(c, outer.variable) || uses(c, inner.variable)) || usesIndex(statement, outer.variable, inner.variable)) continue;
      const even = accesses.every((a) => {
        const x = coefficient(a.offset, outer.variable);
        const y = coefficient(a.offset, inner.variable);
        return x !== undefined && y !== undefined && x === y * inner.extent;
      });
      if (!even) continue;
      schedule.apply(fuse, { outer: outer.variable.name, inner: inner.variable.name });
      again = true;
      break;
    }
  }
}

const uses = (e: Expression, v: Variable): boolean => {
  let found = false;
  walkExpression(e, (x) => {
    if (x === v) found = true;
  });
  return found;
};

/** Does a block compute with the loops' values themselves (outside of indices)? */
function usesIndex(block: Block, ...loops: readonly Variable[]): boolean {
  const moved = new Set<Variable>(loops);
  for (const [i, axis] of block.axes.entries()) if (loops.some((l) => uses(block.bindings[i] as Expression, l))) moved.add(axis.variable);
  let found = false;
  const look = (e: Expression): void => {
    if (e.kind === "load") return;
    if (e.kind === "variable") found ||= moved.has(e);
    else if (e.kind === "binary") {
      look(e.left);
      look(e.right);
    } else if (e.kind === "unary" || e.kind === "cast") look(e.operand);
    else if (e.kind === "select") {
      look(e.condition);
      look(e.then);
      look(e.otherwise);
    }
  };
  walkStatements(block.body, (s) => void (s.kind === "store" && look(s.value)));
  return found;
}

function scheduleReduction(schedule: Schedule, name: string, target: ScheduleTarget, chosen: Chosen): void {
  const { statement: block } = findBlock(schedule.program, name);
  const written = storesIn(block.body)[0]?.buffer;
  if (!written) return;
  if (!isPerfectNest(schedule.program, name) && !isOwnNest(schedule.program, name)) {
    const first = loopsAroundBlock(schedule.program, name).find((l) => isReduceLoop(block, l.variable));
    if (first && block.init) schedule.apply(decomposeReduction, { block: name, loop: first.variable.name });
    joinLanes(schedule, name);
    vectorizeLast(schedule, name);
    return;
  }
  fuseCompatible(schedule, name);
  splitSharing(schedule, name);
  for (const part of splitNeighbours(schedule, name)) for (const piece of apartRuns(schedule, part, target)) tileReduction(schedule, piece, target, chosen);
  inlineEpilogue(schedule, written);
}

/**
 * Lanes of blocks of which the last is not full, as nests of their own: whole blocks in two loops, then the lanes of the last. They stay
 * together where each vector lies within a block and is printed by itself.
 */
function apartRuns(schedule: Schedule, name: string, target: ScheduleTarget): string[] {
  const { statement: block } = findBlock(schedule.program, name);
  const loops = loopsAroundBlock(schedule.program, name);
  const pieces = [name];
  for (const [v, run] of runsOf(block, loops)) {
    const { extent, mode } = loops.find((l) => l.variable === v)!;
    const together = target.vectorLanes > 1 && target.name !== "wasm" && run % target.vectorLanes === 0;
    if (mode !== "serial" || isReduceLoop(block, v) || together) continue;
    // Outermost, so that each piece is a nest of its own.
    bringToOrder(schedule, name, [v.name, ...loops.filter((l) => l.variable !== v).map((l) => l.variable.name)]);
    const whole = extent - (extent % run);
    pieces.push(...partitionAt(schedule, name, v.name, whole).slice(1));
    if (whole > run) schedule.apply(split, { loop: v.name, factor: run });
  }
  return pieces;
}

/** Neighbouring elements that one or more vectors hold, of rows whose length is a size of the run. */
const neighbours = [16, 4];

/**
 * A loop over neighbouring elements whose length the sizes of the run decide becomes loops of known length, for vectors, and what is
 * left. Gives the block and its copies.
 */
function splitNeighbours(schedule: Schedule, name: string): string[] {
  const { statement: block } = findBlock(schedule.program, name);
  const loops = loopsAroundBlock(schedule.program, name);
  const stored = accessesOf(block, loops).find((a) => a.writes);
  const loop = stored && loops.find((l) => !isReduceLoop(block, l.variable) && coefficient(stored.offset, l.variable) === 1);
  if (!loop?.count || loop.mode !== "serial") return [name];
  // Outermost where each piece is tiled by itself: the pieces are then nests of their own.
  if (block.axes.some((a) => a.kind === "reduce")) bringToOrder(schedule, name, [loop.variable.name, ...loops.filter((l) => l !== loop).map((l) => l.variable.name)]);
  const pieces = [name];
  let left = loopsAroundBlock(schedule.program, name).find((l) => l.variable === loop.variable)!;
  for (const factor of neighbours) {
    if (left.extent < factor) continue;
    const piece = pieces.at(-1)!;
    const at = loopNames(schedule.program, piece).all.indexOf(left.variable.name);
    pieces.push(splitRemainderAt(schedule, piece, left.variable.name, factor));
    left = loopsAroundBlock(schedule.program, pieces.at(-1)!)[at]!;
  }
  return pieces;
}

/** Whole tiles of a loop, in two loops, and the rest; gives the name of the block's copy in the rest. */
function splitRemainderAt(schedule: Schedule, block: string, loop: string, factor: number): string {
  const before = new Set(blocksIn(schedule.program.body).map((b) => b.name));
  schedule.apply(splitRemainder, { loop, factor });
  return blocksIn(schedule.program.body).map((b) => b.name).find((n) => !before.has(n) && n !== block)!;
}

/** Tiles of a loop of rows: pieces of the nest, each with so many rows at once; 1 leaves the loop as it is. */
function rowPieces(schedule: Schedule, name: string, row: Loop | undefined, rows: number): { readonly piece: string; readonly rows: number }[] {
  if (!row) return [{ piece: name, rows: 1 }];
  const { extent, count } = row;
  if (!count) {
    const rest = extent % rows;
    const pieces = rest > 0 ? partitionAt(schedule, name, row.variable.name, extent - rest) : [name];
    return pieces.map((piece, i) => ({ piece, rows: i === 0 ? rows : rest }));
  }
  // Sizes of the run decide how many there are: whole tiles, half a tile, then one by one.
  const at = loopNames(schedule.program, name).all.indexOf(row.variable.name);
  const pieces: { piece: string; rows: number }[] = [];
  let left = name;
  for (const factor of new Set([rows, rows >> 1])) {
    const loop = loopsAroundBlock(schedule.program, left)[at]!;
    if (factor < 2 || loop.extent < factor) continue;
    const rest = splitRemainderAt(schedule, left, loop.variable.name, factor);
    pieces.push({ piece: left, rows: factor });
    left = rest;
  }
  return [...pieces, { piece: left, rows: 1 }];
}

/** Makes the rows of a tile the innermost loop; gives its name. */
function rowsInside(schedule: Schedule, piece: string, depth: number, rows: number): string {
  const loop = loopsAroundBlock(schedule.program, piece)[depth]!;
  if (!loop.count) return moveInside(schedule, piece, loop.variable.name, rows);
  const inner = loopAt(schedule.program, piece, depth + 1);
  bringToOrder(schedule, piece, [...loopNames(schedule.program, piece).all.filter((l) => l !== inner), inner]);
  return inner;
}

function tileReduction(schedule: Schedule, name: string, target: ScheduleTarget, chosen: Chosen): void {
  const { statement: block } = findBlock(schedule.program, name);
  if (tileVectors(schedule, name, target, chosen)) return;
  for (const piece of conditionsOf(block).length > 0 ? partitionBorders(schedule, name) : [name]) {
    const whole = isPerfectNest(schedule.program, piece);
    if (!whole || conditionsOf(findBlock(schedule.program, piece).statement).length > 0) accumulate(schedule, piece);
    else tile(schedule, piece, target);
  }
}

/** Longer loops are not written out for the choices in them. */
const longestChoice = 8;

/**
 * A step inside loops that it shares with others, which chooses among expressions by its own short loops (a product by
 * a constant matrix): these are written out, so that each choice is made at once; neighbouring elements are vectors.
 */
function scheduleChoices(schedule: Schedule, name: string): void {
  const { statement: block } = findBlock(schedule.program, name);
  const loops = loopsAroundBlock(schedule.program, name);
  const own = loops.slice(loops.findLastIndex((l) => l.body.length > 1) + 1).filter((l) => l.mode === "serial");
  const choices = conditionsOf(block);
  const short = (l: Loop): boolean => l.extent <= longestChoice && !l.count && choices.some((c) => uses(c, l.variable));
  if (!own.some(short)) {
    vectorizeLast(schedule, name);
    return;
  }
  const last = own.at(-1)!;
  const lanes = accessesOf(block, loops).every((a) => {
    const c = coefficient(a.offset, last.variable);
    return c === 1 || (c === 0 && !a.writes);
  });
  for (const l of own) if (short(l) && (l !== last || !lanes)) schedule.apply(unroll, { loop: l.variable.name });
  if (lanes && last.extent >= 4 && !last.count) schedule.apply(vectorize, { loop: last.variable.name });
}

/** The last loop of a step of a row, its own or one that it shares with other steps, where all of it runs over neighbouring elements. */
function vectorizeLast(schedule: Schedule, name: string): void {
  const loops = loopsAroundBlock(schedule.program, name);
  const last = loops.at(-1);
  const blocks = last?.body.filter((s): s is Block => s.kind === "block") ?? [];
  if (!last || last.mode !== "serial" || last.extent < 4 || last.count || blocks.length !== last.body.length) return;
  const own = ownLoopsOf(schedule.program, name);
  const plain = (block: Block): boolean => {
    const moved = own.length > 0 ? own : [last];
    if (isReduceLoop(block, last.variable) || moved.some((l) => !block.bindings.includes(l.variable)) || conditionsOf(block).length > 0 || usesIndex(block, last.variable)) return false;
    return accessesOf(block, loops).every((a) => {
      const c = coefficient(a.offset, last.variable);
      return c === 1 || (c === 0 && !a.writes);
    });
  };
  // What is written is read at its own place at most.
  const stores = blocks.flatMap((b) => storesIn(b.body));
  const inPlace = stores.every((s) => stores.every((t) => loadsOf(t.value).every((l) => l.buffer !== s.buffer || l.indices.map(keyOf).join() === s.indices.map(keyOf).join())));
  if (blocks.every(plain) && inPlace && sharedElements(last.body, last.variable) === undefined) schedule.apply(vectorize, { loop: last.variable.name });
}

/** Lanes of a local vector that a step combines are written out, so that the local can be a register. */
function joinLanes(schedule: Schedule, name: string): void {
  const { statement: block } = findBlock(schedule.program, name);
  const own = ownLoopsOf(schedule.program, name);
  const reads = storesIn(block.body).flatMap((s) => loadsOf(s.value)).filter((l) => l.buffer.dims.length > 0);
  if (own.length !== 1 || own[0]!.count || !isReduceLoop(block, own[0]!.variable) || reads.length !== 1 || reads[0]!.buffer.scope !== "local" || elementCount(reads[0]!.buffer.dims) !== own[0]!.extent || own[0]!.extent > mostLanes) return;
  schedule.apply(unroll, { loop: own[0]!.variable.name });
}

/** Lanes of the widest vectors. */
const mostLanes = 16;

/** One accumulator for each element, kept in a local. */
function accumulate(schedule: Schedule, name: string): void {
  const { statement: block } = findBlock(schedule.program, name);
  const loops = loopsAroundBlock(schedule.program, name);
  const firstReduce = loops.findIndex((l) => isReduceLoop(block, l.variable));
  if (firstReduce < 0 || loops.slice(firstReduce).some((l) => l.extent > 1 && !isReduceLoop(block, l.variable))) return;
  schedule.apply(cacheWrite, { block: name, at: loops[firstReduce - 1]?.variable.name ?? "" });
  if (block.init) schedule.apply(decomposeReduction, { block: name, loop: (loops[firstReduce] as Loop).variable.name });
}

interface TileChoice {
  readonly vector: Loop | undefined;
  readonly vectorTile: number;
  readonly row: Loop | undefined;
  readonly rowTile: number;
}

function chooseTile(program: TensorProgram, name: string, target: ScheduleTarget): TileChoice {
  const { statement: block } = findBlock(program, name);
  const loops = loopsAroundBlock(program, name);
  const spatial = ownLoopsOf(program, name).filter((l) => !isReduceLoop(block, l.variable) && l.extent > 1);
  const accesses = accessesOf(block, loops);
  const known = spatial.filter((l) => !l.count);
  const store = accesses.find((a) => a.writes);
  const loads = accesses.filter((a) => !a.writes && a.buffer !== store?.buffer);
  const vector = known.find((l) => store && coefficient(store.offset, l.variable) === 1) ?? known[known.length - 1];
  if (!vector) return { vector: undefined, vectorTile: 1, row: undefined, rowTile: 1 };
  const contiguous = loads.every((a) => [0, 1].includes(coefficient(a.offset, vector.variable) ?? -1));
  // Rows share what is loaded: best a whole vector (a load that moves with the vector loop), else a single element.
  const shared = (l: Loop): number =>
    Math.max(0, ...loads.map((a) => (coefficient(a.offset, l.variable) !== 0 ? 0 : coefficient(a.offset, vector.variable) !== 0 ? 2 : 1)));
  const row = spatial.filter((l) => l !== vector && shared(l) > 0).sort((a, b) => shared(b) - shared(a) || b.extent - a.extent)[0];
  const fitting = (l: Loop, size: number): number => {
    let fits = Math.min(size, l.extent);
    if (isStrided(program, name, l.variable)) while ((l.count && fits > 1) || l.extent % fits !== 0) fits--;
    return fits;
  };
  const rowTile = row ? fitting(row, target.rowTile) : 1;
  // Loads with a stride gain nothing from long tiles: the accumulators hide the latency of the additions.
  const wide = contiguous || rowTile === 1 ? target.vectorTile : target.rowTile;
  return { vector, vectorTile: isStrided(program, name, vector.variable) ? fitting(vector, wide) : wide, row, rowTile };
}

/** Partitions a loop of a block; gives the block and its copy. */
function partitionAt(schedule: Schedule, block: string, loop: string, at: number): string[] {
  const before = new Set(blocksIn(schedule.program.body).map((b) => b.name));
  schedule.apply(partition, { loop, at });
  return [block, ...blocksIn(schedule.program.body).map((b) => b.name).filter((n) => !before.has(n))];
}

/**
 * Tiles a perfect nest in registers. The row loop is split first and its inner part moved inside the reduction, then
 * the vector loop; where a tile does not divide a loop, the remainder becomes a nest of its own with a smaller tile.
 */
function tile(schedule: Schedule, name: string, target: ScheduleTarget): void {
  const { vector, vectorTile, row, rowTile } = chooseTile(schedule.program, name, target);
  if (vector) {
    // Rows outside, vectors last, then the reduction: parts of one loop then leave the nests below them whole.
    const { spatial, reduce } = loopNames(schedule.program, name);
    const others = spatial.filter((l) => l !== vector.variable.name);
    // The longest reduce loop innermost: entering a loop costs compilers a shuffle of the accumulators.
    const extents = new Map(loopsAroundBlock(schedule.program, name).map((l) => [l.variable.name, l.extent]));
    const longestLast = [...reduce].sort((a, b) => (extents.get(a) as number) - (extents.get(b) as number));
    bringToOrder(schedule, name, [...others, vector.variable.name, ...longestLast]);
  }
  const rowDepth = row ? loopNames(schedule.program, name).all.indexOf(row.variable.name) : -1;
  for (const { piece: rowPiece, rows } of rowPieces(schedule, name, row, rowTile)) {
    const rowInner = row && rows > 1 ? rowsInside(schedule, rowPiece, rowDepth, rows) : undefined;
    if (rowInner !== undefined) schedule.apply(unroll, { loop: rowInner });
    if (!vector) {
      finishTile(schedule, rowPiece);
      continue;
    }
    const { spatial } = loopNames(schedule.program, rowPiece);
    const vectorLoop = spatial.filter((l) => l !== rowInner).at(-1) as string;
    const depth = loopNames(schedule.program, rowPiece).all.indexOf(vectorLoop);
    // Parts of the vector loop, each with tiles of one size; all but the last are cut off its front.
    const parts = tileParts(vector.extent, vectorTile, target.lanes);
    const vectorPieces = [rowPiece];
    for (const part of parts.slice(0, -1)) {
      const last = vectorPieces.at(-1) as string;
      vectorPieces.push(partitionAt(schedule, last, loopAt(schedule.program, last, depth), part.extent)[1] as string);
    }
    for (const [j, piece] of vectorPieces.entries()) {
      const { tile: size } = parts[j] as TilePart;
      if (size > 1) schedule.apply(vectorize, { loop: moveInside(schedule, piece, loopAt(schedule.program, piece, depth), size) });
      finishTile(schedule, piece);
    }
  }
}

/** Steps of a reduction that are written out: a depthwise product's weights then stay in registers. */
const shortReduction = 9;

/** Tiles a perfect nest in vector registers (see tileOptions); false where no loop can be the vectors'. */
function tileVectors(schedule: Schedule, name: string, target: ScheduleTarget, { choice: other, considered }: Chosen): boolean {
  const options = tileOptions(schedule.program, name, target);
  if (!options) return false;
  considered?.(name, options);
  const sizes = other?.tiles[name];
  const choice = (sizes ? options.of(sizes) : options.best)?.tile;
  if (!choice) throw new GraphwrightError("illegal-schedule", `the tile ${JSON.stringify(sizes)} does not fit block ${name}.`, undefined, "Tune again: the choice was made for another program or target.");
  const { vector, row, panel, batch } = choice;
  const dot = dotLoop(schedule.program, name)?.variable.name;
  if (choice.stripsOutside && dot === undefined) {
    tileStrips(schedule, target, name, choice);
    return true;
  }
  const own = new Set(ownLoopsOf(schedule.program, name).map((l) => l.variable.name));
  const { all: around, spatial: everyone, reduce: all } = loopNames(schedule.program, name);
  const shared = around.filter((l) => !own.has(l));
  const spatial = everyone.filter((l) => own.has(l));
  // What is written out lies inside the other loops; terms of a dot product are one instruction.
  const inside = [choice.window, dot].filter((l) => l !== undefined);
  const reduce = [...all.filter((l) => !inside.includes(l)), ...inside];
  const extentOf = (piece: string, loop: string): number => loopsAroundBlock(schedule.program, piece).find((l) => l.variable.name === loop)!.extent;
  // Panels outermost: their vectors stay near while all rows pass. Or inside the rows, where all of them stay near.
  const panelHere = panel === undefined ? [] : [panel];
  const outer = [...spatial.filter((l) => l !== panel && l !== row && l !== vector && !batch.includes(l)), ...(row === undefined ? [] : [row])];
  const order = choice.tapsInside ? [...spatial.filter((l) => l !== panel && l !== row && l !== vector), ...panelHere, row!, vector, ...reduce] : [...batch, ...(choice.rowsOutside ? [...outer, ...panelHere] : [...panelHere, ...outer]), vector, ...reduce];
  bringToOrder(schedule, name, order);
  // Panels first: what lies inside a loop must be one nest when the loop is moved.
  if (panel !== undefined) schedule.apply(unroll, { loop: moveInside(schedule, name, panel, choice.panels) });
  const parts = choice.part && partReduction(schedule, name, choice.part, choice.part.outside ? loopNames(schedule.program, name).all[shared.length + batch.length]! : (outer[0] ?? vector));
  const rowLoop = loopsAroundBlock(schedule.program, name).find((l) => l.variable.name === row);
  const depth = row === undefined ? -1 : loopNames(schedule.program, name).all.indexOf(row);
  for (const { piece, rows } of rowPieces(schedule, name, rowLoop, choice.rows)) {
    // [..., row, vector, reduce ..., panel]
    const names = loopNames(schedule.program, piece).all;
    const vectorHere = names[names.length - reduce.length - (panel === undefined ? 1 : 2)] as string;
    if (depth >= 0 && rows > 1) {
      schedule.apply(unroll, { loop: rowsInside(schedule, piece, depth, rows) });
      // Rows outside panels: an element is then used as soon as it is loaded.
      if (panel !== undefined && !choice.tapsInside) moveInside(schedule, piece, loopNames(schedule.program, piece).all.at(-2) as string, choice.panels);
    }
    // Whole tiles, then what fills shorter vectors, then the few iterations left.
    const pieces = vectorParts(extentOf(piece, vectorHere), choice.vectorSize);
    const vectorDepth = loopNames(schedule.program, piece).all.indexOf(vectorHere);
    const vectorPieces = [piece];
    for (const part of pieces.slice(0, -1)) {
      const last = vectorPieces.at(-1) as string;
      vectorPieces.push(partitionAt(schedule, last, loopAt(schedule.program, last, vectorDepth), part.extent)[1] as string);
    }
    for (const [j, vectorPiece] of vectorPieces.entries()) finishVectors(schedule, target, vectorPiece, loopAt(schedule.program, vectorPiece, vectorDepth), pieces[j]!.tile, choice, parts);
  }
  return true;
}

/** Parts of a reduction outside the loop `inside`; initial values are stored by a nest of their own, in vectors. Gives the loop over the parts. */
function partReduction(schedule: Schedule, name: string, { loop, iterations }: NonNullable<VectorTile["part"]>, inside: string): string {
  const at = loopNames(schedule.program, name).all.indexOf(loop);
  schedule.apply(split, { loop, factor: iterations });
  const parts = loopAt(schedule.program, name, at);
  const now = loopNames(schedule.program, name).all;
  const depth = now.indexOf(inside);
  bringToOrder(schedule, name, [...now.slice(0, depth), parts, ...now.slice(depth).filter((l) => l !== parts)]);
  const before = new Set(blocksIn(schedule.program.body).map((b) => b.name));
  schedule.apply(decomposeReduction, { block: name, loop: parts });
  const first = blocksIn(schedule.program.body).map((b) => b.name).find((n) => !before.has(n))!;
  const copied = loopsAroundBlock(schedule.program, first);
  const lane = copied.findLast((l) => l.mode === "serial");
  if (lane) {
    bringToOrder(schedule, first, [...copied.filter((l) => l !== lane).map((l) => l.variable.name), lane.variable.name]);
    schedule.apply(vectorize, { loop: lane.variable.name });
  }
  return parts;
}

/** Strips of the vector loop outside the rows that pass over them. */
function tileStrips(schedule: Schedule, target: ScheduleTarget, name: string, choice: VectorTile): void {
  const { spatial, reduce } = loopNames(schedule.program, name);
  const loopOf = (piece: string, depth: number): Loop => loopsAroundBlock(schedule.program, piece)[depth]!;
  const outer = spatial.filter((l) => l !== choice.vector && l !== choice.row);
  bringToOrder(schedule, name, [...outer, choice.vector, choice.row!, ...reduce]);
  const parts = vectorParts(loopOf(name, outer.length).extent, choice.vectorSize);
  const strips = [name];
  for (const part of parts.slice(0, -1)) {
    const last = strips.at(-1) as string;
    strips.push(partitionAt(schedule, last, loopAt(schedule.program, last, outer.length), part.extent)[1] as string);
  }
  for (const [j, strip] of strips.entries()) {
    const { extent, tile: size } = parts[j]!;
    moveInside(schedule, strip, loopAt(schedule.program, strip, outer.length), size);
    const depth = outer.length + (extent > size ? 1 : 0);
    for (const { piece, rows } of rowPieces(schedule, strip, loopOf(strip, depth), choice.rows)) {
      if (rows > 1) schedule.apply(unroll, { loop: rowsInside(schedule, piece, depth, rows) });
      finishVectors(schedule, target, piece, loopNames(schedule.program, piece).all.at(rows > 1 ? -2 : -1) as string, size, choice);
    }
  }
}

function vectorParts(extent: number, size: number): TilePart[] {
  const parts: TilePart[] = [];
  const whole = extent - (extent % size);
  if (whole > 0) parts.push({ extent: whole, tile: size });
  const rest = extent - whole;
  const vectors = rest - (rest % 4);
  if (vectors > 0) parts.push({ extent: vectors, tile: vectors });
  if (rest > vectors) parts.push({ extent: rest - vectors, tile: rest - vectors });
  return parts;
}

/** Weights of fewer bytes are soon in the first cache; those of a network lie in the last one at best when a run comes to them. */
const streamedBytes = 1 << 14;
/** Steps of a reduction between two looks ahead. */
const prefetchEvery = 16;
/** Rows of a tile from which on its products take longer than its weights from memory. */
const fewestRows = 8;

/** Weights that come from memory are asked for one panel ahead. */
function prefetchWeights(schedule: Schedule, piece: string): void {
  const { statement: block } = findBlock(schedule.program, piece);
  const all = loopsAroundBlock(schedule.program, piece);
  const reduce = all.filter((l) => isReduceLoop(block, l.variable) && l.mode === "serial");
  const inner = reduce.at(-1);
  if (!inner || inner.count || reduce.length < 1) return;
  const weights = accessesOf(block, all).find((a) => !a.writes && a.buffer.scope === "weight" && byteSize(a.buffer.element, elementCount(a.buffer.dims)) >= streamedBytes && coefficient(a.offset, inner.variable) !== 0);
  if (!weights) return;
  const first = innerReduction(block, all);
  if (!all.slice(first).includes(inner)) return;
  const mover = all.slice(0, first).findLastIndex((l) => coefficient(weights.offset, l.variable) !== 0);
  const passes = all.slice(mover + 1, first).reduce((n, l) => n * l.extent, 1);
  // In one pass over few rows the weights' own way is all that counts.
  const rows = all.slice(first).reduce((n, l) => (l.mode === "unrolled" && coefficient(weights.offset, l.variable) === 0 ? n * l.extent : n), 1);
  if (mover < 0 || !(coefficient(weights.offset, all[mover]!.variable)! > 0) || (passes < 2 && rows < fewestRows)) return;
  // Of nests one after the other over the same weights the first asks for the next.
  let asked = false;
  walkStatements(all[mover]!.body, (s) => {
    if (s.kind === "for" && s.prefetch?.buffer === weights.buffer) asked = true;
  });
  if (asked) return;
  let place = inner.variable.name;
  // In one pass the innermost loop asks: it has few other turns.
  if (passes > 1 && inner.extent >= 4 * prefetchEvery && inner.extent % prefetchEvery === 0) {
    const at = loopNames(schedule.program, piece).all.indexOf(inner.variable.name);
    schedule.apply(split, { loop: inner.variable.name, factor: prefetchEvery });
    place = loopAt(schedule.program, piece, at + 1);
  }
  schedule.apply(prefetch, { block: piece, buffer: weights.buffer.name, loop: place });
}

/** The vector loop innermost; accumulators in vectors, stored once the sum is done, or the part of it in the loop `parts`. */
function finishVectors(schedule: Schedule, target: ScheduleTarget, piece: string, vector: string, size: number, { panel, window, tapsInside }: VectorTile, parts?: string): void {
  // A vector is then used for all taps as soon as it is loaded.
  if (tapsInside) bringToOrder(schedule, piece, [...loopNames(schedule.program, piece).all.filter((l) => l !== loopNames(schedule.program, piece).reduce.at(-1)), loopNames(schedule.program, piece).reduce.at(-1)!]);
  const inner = moveInside(schedule, piece, vector, size);
  const dot = dotLoop(schedule.program, piece)?.variable.name;
  if (dot !== undefined) {
    bringToOrder(schedule, piece, [...loopNames(schedule.program, piece).all.filter((l) => l !== dot), dot]);
    schedule.apply(bind, { loop: dot, axis: "dot" });
  }
  if (size > 1) schedule.apply(vectorize, { loop: inner });
  const { statement: block } = findBlock(schedule.program, piece);
  const terms = dotLoop(schedule.program, piece)?.variable.name;
  const taps = loopsAroundBlock(schedule.program, piece).filter((l) => isReduceLoop(block, l.variable) && ![terms, parts].includes(l.variable.name));
  const { all } = loopNames(schedule.program, piece);
  const first = taps[0]!.variable.name;
  const halves = halvesOf(schedule, piece);
  schedule.apply(cacheWrite, { block: piece, at: all[all.indexOf(first) - 1] ?? "" });
  if (block.init) schedule.apply(decomposeReduction, { block: piece, loop: first });
  const short = (panel === undefined || tapsInside) && taps.reduce((n, l) => n * l.extent, 1) <= shortReduction && !taps.some((l) => l.count);
  for (const l of short ? taps : window !== undefined ? taps.slice(-1) : []) if (l.extent > 1) schedule.apply(unroll, { loop: l.variable.name });
  for (const l of halves) if (loopsAroundBlock(schedule.program, piece).some((x) => x.variable === l.variable && x.mode === "serial")) schedule.apply(unroll, { loop: l.variable.name });
  const last = wholeRuns(schedule, piece);
  const steps = taps.reduce((n, l) => n * l.extent, 1);
  if (target.vectorLanes > 1 && target.name !== "wasm" && size > 1 && !tapsInside && !short && steps <= storedAtOnce && parts === undefined) storeInLast(schedule, last);
}

/** Steps of a reduction so short that the end of a tile counts. */
const storedAtOnce = 32;

/**
 * The last step of a tile's sum by itself, in which each row is stored as soon as it is complete: what follows the sum and the stores run
 * beside the products of further rows, not after all of them.
 */
function storeInLast(schedule: Schedule, name: string): void {
  const around = (piece: string): Loop[] => loopsAroundBlock(schedule.program, piece);
  const { statement: block } = findBlock(schedule.program, name);
  const acc = storesIn(block.body)[0]!.buffer;
  const long = around(name).filter((l) => isReduceLoop(block, l.variable) && l.extent > 1);
  const rows = around(name)[around(name).findLastIndex((l) => isReduceLoop(block, l.variable)) + 1];
  // One loop: of several there would be as many copies. Weights from memory are asked for ahead in whole loops.
  const streamed = accessesOf(block, around(name)).some((a) => !a.writes && a.buffer.scope === "weight" && byteSize(a.buffer.element, elementCount(a.buffer.dims)) >= streamedBytes);
  if (long.length !== 1 || streamed || long[0]!.mode !== "serial" || long[0]!.count || rows?.mode !== "unrolled" || rows.extent === 1) return;
  const depth = around(name).indexOf(long[0]!);
  const last = partitionAt(schedule, name, long[0]!.variable.name, long[0]!.extent - 1)[1]!;
  const write = blocksIn(schedule.program.body).find((b) => storesIn(b.body).some((s) => s.buffer !== acc && loadsOf(s.value).some((l) => l.buffer === acc)))!;
  const inside = around(last).slice(depth + 1).filter((l) => l.extent > 1);
  const stores = around(write.name).at(-inside.length)!;
  schedule.apply(merge, { first: inside[0]!.variable.name, second: stores.variable.name });
}

/** Sums over lanes of blocks of which the last is not full: block by block, then over the lanes of the last. Gives the block of the last. */
function wholeRuns(schedule: Schedule, name: string): string {
  let last = name;
  const { statement: block } = findBlock(schedule.program, name);
  const loops = loopsAroundBlock(schedule.program, name);
  for (const [v, run] of runsOf(block, loops)) {
    const loop = loops.find((l) => l.variable === v)!;
    if (loop.mode !== "serial" || !isReduceLoop(block, v)) continue;
    const whole = loop.extent - (loop.extent % run);
    last = partitionAt(schedule, name, v.name, whole)[1]!;
    if (whole > run) schedule.apply(split, { loop: v.name, factor: run });
  }
  return last;
}

/** Loops over the numbers that share a byte: which of them it is decides a shift. */
const halvesOf = (schedule: Schedule, name: string): Loop[] => {
  const { statement: block } = findBlock(schedule.program, name);
  return loopsAroundBlock(schedule.program, name).filter((l) => l.extent === 2 && !l.count && isReduceLoop(block, l.variable) && usesIndex(block, l.variable));
};

interface TilePart {
  readonly extent: number;
  readonly tile: number;
}

/**
 * A loop in parts: whole tiles, then what fills vectors, then the few iterations left. A tile of an odd size would
 * make compilers give up vectors altogether.
 */
function tileParts(extent: number, tile: number, lanes: number): TilePart[] {
  const parts: TilePart[] = [];
  let rest = extent;
  for (const size of tile > lanes ? [tile, lanes] : [tile]) {
    const whole = rest - (rest % size);
    if (whole > 0) parts.push({ extent: whole, tile: size });
    rest -= whole;
  }
  if (rest > 0) parts.push({ extent: rest, tile: rest });
  return parts;
}

/** Names of the loops around a block, outermost first. */
function loopNames(program: TensorProgram, name: string): { all: string[]; spatial: string[]; reduce: string[] } {
  const { statement: block } = findBlock(program, name);
  const loops = loopsAroundBlock(program, name);
  const names = (list: readonly Loop[]): string[] => list.map((l) => l.variable.name);
  return { all: names(loops), spatial: names(loops.filter((l) => !isReduceLoop(block, l.variable))), reduce: names(loops.filter((l) => isReduceLoop(block, l.variable))) };
}

const loopAt = (program: TensorProgram, block: string, depth: number): string => loopNames(program, block).all[depth] as string;

/** Reorders the part of a nest that is not in the wanted order yet; loops that are not named stay outside. */
function bringToOrder(schedule: Schedule, name: string, named: readonly string[]): void {
  const current = loopNames(schedule.program, name).all;
  const order = [...current.filter((l) => !named.includes(l)), ...named];
  let from = 0;
  while (from < order.length && order[from] === current[from]) from++;
  if (from < order.length) schedule.apply(reorder, { loops: order.slice(from) });
}

/** Splits off `size` iterations of a loop (or takes all of them) and makes them the innermost loop; gives its name. */
function moveInside(schedule: Schedule, name: string, loop: string, size: number): string {
  const extent = loopsAroundBlock(schedule.program, name).find((l) => l.variable.name === loop)?.extent;
  let inner = loop;
  if (extent !== size) {
    const at = loopNames(schedule.program, name).all.indexOf(loop);
    schedule.apply(split, { loop, factor: size });
    inner = loopAt(schedule.program, name, at + 1);
  }
  bringToOrder(schedule, name, [...loopNames(schedule.program, name).all.filter((l) => l !== inner), inner]);
  return inner;
}

/** Accumulators for the loops inside the reduction, stored once it is done. */
function finishTile(schedule: Schedule, name: string): void {
  const { statement: block } = findBlock(schedule.program, name);
  const { all, reduce } = loopNames(schedule.program, name);
  const first = reduce[0];
  if (first === undefined) return;
  schedule.apply(cacheWrite, { block: name, at: all[all.indexOf(first) - 1] ?? "" });
  if (block.init) schedule.apply(decomposeReduction, { block: name, loop: first });
  wholeRuns(schedule, name);
}

/** Moves elementwise readers of a finished buffer into its stores, as far as they go. */
function inlineEpilogue(schedule: Schedule, written: Buffer): void {
  let buffer = written;
  while (buffer.scope === "local") {
    const readers = readersOf(schedule.program, buffer);
    const reader = readers[0];
    if (readers.length !== 1 || !reader) return;
    const store = storesIn(reader.body)[0];
    const movable = reader.axes.every((a) => a.kind === "spatial") && !reader.init && store && isStoredPlainly(schedule.program, buffer) && isPerfectNest(schedule.program, reader.name) && readsReady(schedule.program, reader, buffer) && !decides(schedule.program.body, buffer);
    // What runs in order names the loops around it, not axes of its own.
    if (!movable || findBlock(schedule.program, reader.name).around.some((l) => l.kind === "for" && [...store.indices, store.value].some((e) => uses(e, l.variable)))) return;
    const loads = loadsOf(store.value).filter((l) => l.buffer === buffer);
    const inPlace = loads.every((l) => l.indices.every((i, d) => (i.kind === "variable" ? reader.axes.some((a) => a.variable === i && a.extent === buffer.dims[d]) : i.kind === "integer" && buffer.dims[d] === 1)));
    const used = new Set(loads.flatMap((l) => l.indices));
    if (!inPlace || reader.axes.some((a) => a.extent > 1 && !used.has(a.variable))) return;
    schedule.apply(reverseComputeInline, { block: reader.name, buffer: buffer.name });
    buffer = store.buffer;
  }
}

/** Does a condition read the buffer? */
const decides = (body: readonly Statement[], buffer: Buffer): boolean =>
  body.some((s) => (s.kind === "if" ? loadsOf(s.condition).some((l) => l.buffer === buffer) || decides([...s.then, ...(s.otherwise ?? [])], buffer) : s.kind === "for" && decides(s.body, buffer)));

/** Is no element of the buffer updated after it was stored? */
const isStoredPlainly = (program: TensorProgram, buffer: Buffer): boolean =>
  blocksIn(program.body).every((b) => {
    const own = storesIn([...(b.init ?? []), ...b.body]).filter((s) => s.buffer === buffer);
    return own.length === 0 || (!b.init && b.axes.every((a) => a.kind === "spatial") && own.every((s) => !loadsOf(s.value).some((l) => l.buffer === buffer)));
  });

/** Is everything else that the reader loads written before the buffer's first store? */
function readsReady(program: TensorProgram, reader: Block, buffer: Buffer): boolean {
  const others = new Set(storesIn(reader.body).flatMap((s) => loadsOf(s.value)).map((l) => l.buffer));
  others.delete(buffer);
  const stores = storesIn(program.body);
  const first = stores.findIndex((s) => s.buffer === buffer);
  return stores.every((s, i) => i < first || !others.has(s.buffer));
}

/** Parts the innermost spatial loop where the conditions of the block become true and where they stop being so. */
function partitionBorders(schedule: Schedule, name: string): string[] {
  const { statement: block } = findBlock(schedule.program, name);
  const loops = loopsAroundBlock(schedule.program, name);
  const conditions = conditionsOf(block);
  const spatial = loops.filter((l) => !isReduceLoop(block, l.variable) && l.extent > 1 && !l.count && conditions.some((c) => uses(c, l.variable)));
  const loop = spatial[spatial.length - 1];
  if (!loop) return [name];
  const scope = loops.reduce((s, l) => s.with(l.variable, l.extent), Scope.empty);
  let low = 0;
  let high = loop.extent;
  const learn = (e: Expression): void => {
    if (e.kind !== "binary") return;
    if (e.op === "and") {
      learn(e.left);
      learn(e.right);
      return;
    }
    if (typeOf(e.left) !== "index" || typeOf(e.right) !== "index" || !["lt", "le", "gt", "ge"].includes(e.op)) return;
    // As "sum >= 0" with the loop's coefficient c.
    const difference = e.op === "ge" || e.op === "gt" ? sub(e.left, e.right) : sub(e.right, e.left);
    const sum = linearOf(difference, scope);
    const c = coefficient(sum, loop.variable);
    if (!c) return;
    const rest = intervalOf(sub(difference, { kind: "binary", op: "mul", left: loop.variable, right: { kind: "integer", value: c } }), scope);
    const worst = rest.low - (e.op === "gt" || e.op === "lt" ? 1 : 0);
    if (c > 0) low = Math.max(low, Math.ceil(-worst / c));
    else high = Math.min(high, Math.floor(worst / -c) + 1);
  };
  conditionsOf(block).forEach(learn);
  // Borders as long as the inside are not worth three copies of the code.
  if (low >= high || high - low < loop.extent / 2) return [name];
  const pieces = [name];
  let inside = name;
  let offset = 0;
  if (low > 0) {
    const made = partitionAt(schedule, name, loop.variable.name, low);
    inside = made[1] as string;
    pieces.push(inside);
    offset = low;
  }
  if (high < loop.extent) {
    const rest = loopsAroundBlock(schedule.program, inside);
    const spatialRest = rest.filter((l) => !isReduceLoop(findBlock(schedule.program, inside).statement, l.variable) && l.extent === loop.extent - offset);
    const last = spatialRest[spatialRest.length - 1];
    if (last) pieces.push(partitionAt(schedule, inside, last.variable.name, high - offset)[1] as string);
  }
  return pieces;
}

function scheduleElementwise(schedule: Schedule, name: string, target: ScheduleTarget): void {
  fuseCompatible(schedule, name);
  if (mayTranspose(schedule.program, name, target)) {
    // Whether there are loops for tiles shows once the nest is in parts.
    const trial = new Schedule(schedule.program);
    if (transposeTiles(trial, name, target).some((p) => p.tiled)) {
      for (const { piece, tiled } of transposeTiles(schedule, name, target)) if (!tiled) vectorizeElementwise(schedule, piece);
      return;
    }
  }
  vectorizeElementwise(schedule, name);
}

function vectorizeElementwise(schedule: Schedule, name: string): void {
  const pieces = conditionsOf(findBlock(schedule.program, name).statement).length > 0 ? partitionBorders(schedule, name) : splitNeighbours(schedule, name);
  for (const piece of pieces) {
    const loops = loopsAroundBlock(schedule.program, piece);
    const last = loops[loops.length - 1];
    const { statement } = findBlock(schedule.program, piece);
    if (!last || last.extent < 4 || last.count) continue;
    const even = accessesOf(statement, loops).every((a) => {
      const c = coefficient(a.offset, last.variable);
      return c === 1 || (c === 0 && !a.writes);
    });
    const updates = storesIn(statement.body).some((s) => loadsOf(s.value).some((l) => l.buffer === s.buffer));
    if (even && !updates && sharedElements(last.body, last.variable) === undefined) schedule.apply(vectorize, { loop: last.variable.name });
  }
}

/** Elements from which on tiles of a copy pay for the nests that they add. */
const leastTransposed = 256;

/** Is the block a copy, perhaps of a part of its elements, whose rows are not read as they are written? */
function mayTranspose(program: TensorProgram, name: string, target: ScheduleTarget): boolean {
  const { statement: block } = findBlock(program, name);
  const [store, ...more] = storesIn(block.body);
  if (!store || more.length > 0 || tileSides(store.buffer.element, target.vectorLanes).length === 0) return false;
  const value = store.value.kind === "select" && store.value.otherwise.kind === "number" ? store.value.then : store.value;
  if (value.kind !== "load" || value.buffer === store.buffer) return false;
  const loops = loopsAroundBlock(program, name);
  if (loops.reduce((n, l) => n * l.extent, 1) < leastTransposed) return false;
  const accesses = accessesOf(block, loops);
  const written = accesses.find((a) => a.writes)!;
  const across = loops.find((l) => l.extent > 1 && coefficient(written.offset, l.variable) === 1);
  return across !== undefined && accesses.some((a) => !a.writes && ![0, 1].includes(coefficient(a.offset, across.variable) ?? 2));
}

/** A part of a nest, and whether it is in tiles. */
interface CopyPart {
  readonly piece: string;
  readonly tiled: boolean;
}

/** The nest of a copy in parts, those of them in tiles where two loops are long enough. */
function transposeTiles(schedule: Schedule, name: string, target: ScheduleTarget): CopyPart[] {
  const { element } = storesIn(findBlock(schedule.program, name).statement.body)[0]!.buffer;
  const sides = tileSides(element, target.vectorLanes);
  return digitParts(schedule, name, sides).flatMap((part): CopyPart[] => {
    const { statement: block } = findBlock(schedule.program, part);
    const loops = loopsAroundBlock(schedule.program, part);
    const accesses = accessesOf(block, loops);
    const neighbours = (writes: boolean): number => {
      const access = accesses.find((a) => a.writes === writes);
      return access ? loops.findIndex((l) => l.extent > 1 && coefficient(access.offset, l.variable) === 1) : -1;
    };
    const [along, across] = [neighbours(false), neighbours(true)];
    if (along < 0 || across < 0 || along === across) return [{ piece: part, tiled: false }];
    // Zeros for some of the rows are those of one tile.
    const single = conditionsOf(block).length > 0;
    if (single && !sides.includes(loops[across]!.extent)) return [{ piece: part, tiled: false }];
    return partsOfSides(schedule, part, across, sides).flatMap((columns): CopyPart[] => {
      const depth = along + (along > across ? columns.more : 0);
      const wholeRows = columns.side > 0 && readsWholeVectors(schedule.program, columns.piece, depth, columns.side);
      const parts = partsOfSides(schedule, columns.piece, depth, sides.filter((s) => (wholeRows || single ? s === columns.side : s <= columns.side)));
      return parts.map(({ piece, side: own, more }): CopyPart => {
        // A single column is as soon copied alone.
        const side = own === 0 && wholeRows && loopsAroundBlock(schedule.program, piece)[depth]!.extent > 1 ? columns.side : own;
        if (side === 0) return { piece, tiled: false };
        const row = depth + more;
        const column = across + columns.more + (across > along ? more : 0);
        return { piece, tiled: tileSquare(schedule, piece, loopAt(schedule.program, piece, row), loopAt(schedule.program, piece, column), side) };
      });
    });
  });
}

/** Bytes of a line of the caches. */
const lineBytes = 64;

/**
 * Two loops of whole sides around a copy as tiles, innermost. The loop that writes neighbouring elements goes through them first, so that lines
 * are written whole; where what is read is a line each time, that is read whole before. False where the copy is none of a tile after all.
 */
function tileSquare(schedule: Schedule, piece: string, row: string, column: string, side: number): boolean {
  const extentOf = (name: string): number => loopsAroundBlock(schedule.program, piece).find((l) => l.variable.name === name)!.extent;
  const lineElements = lineBytes / byteSize(storesIn(findBlock(schedule.program, piece).statement.body)[0]!.buffer.element, 1);
  if (side < lineElements && extentOf(row) > lineElements && extentOf(row) % lineElements === 0) {
    const at = loopNames(schedule.program, piece).all.indexOf(row);
    schedule.apply(split, { loop: row, factor: lineElements });
    row = loopAt(schedule.program, piece, at + 1);
  }
  const line = extentOf(row) > side && extentOf(row) <= lineElements;
  const [rows, columns] = [row, column].map((name) => {
    const at = loopNames(schedule.program, piece).all.indexOf(name);
    if (extentOf(name) <= side) return { inner: name };
    schedule.apply(split, { loop: name, factor: side });
    return { outer: loopAt(schedule.program, piece, at), inner: loopAt(schedule.program, piece, at + 1) };
  }) as [{ outer?: string; inner: string }, { outer?: string; inner: string }];
  bringToOrder(schedule, piece, [...(line ? [rows.outer!] : []), rows.inner, columns.inner]);
  const tile = { outer: rows.inner, inner: columns.inner };
  const legal = legalityOf(tensorize, schedule.program, tile).program !== undefined;
  if (legal) schedule.apply(tensorize, tile);
  return legal;
}

/**
 * A loop of a nest, given by its depth, in parts of whole sides, the largest first, and what is left: side 0. With sizes of the run each part but
 * the last is in two loops, one more around it than before.
 */
function partsOfSides(schedule: Schedule, name: string, depth: number, sides: readonly number[]): { readonly piece: string; readonly side: number; readonly more: number }[] {
  const parts: { piece: string; side: number; more: number }[] = [];
  let left = name;
  const { count } = loopsAroundBlock(schedule.program, name)[depth]!;
  for (const side of count ? new Set([...sides.slice(0, 1), ...sides.slice(-1)]) : sides) {
    const { extent } = loopsAroundBlock(schedule.program, left)[depth]!;
    if (extent < side) continue;
    if (!count && extent % side === 0) return [...parts, { piece: left, side, more: 0 }];
    const [piece, rest] = count ? apart(schedule, left, depth, (loop) => splitRemainderAt(schedule, left, loop, side)) : apart(schedule, left, depth, (loop) => partitionAt(schedule, left, loop, extent - (extent % side))[1]!);
    parts.push({ piece, side, more: count ? 1 : 0 });
    left = rest;
  }
  return [...parts, { piece: left, side: 0, more: 0 }];
}

/** Takes a nest apart at one of its loops, into two of their own; `step` gives the name of the second one's block. */
function apart(schedule: Schedule, name: string, depth: number, step: (loop: string) => string): readonly [string, string] {
  const names = loopNames(schedule.program, name).all;
  const outside = names.slice(0, depth);
  bringToOrder(schedule, name, [names[depth]!, ...outside, ...names.slice(depth + 1)]);
  const rest = step(names[depth]!);
  for (const piece of [name, rest]) {
    const now = loopNames(schedule.program, piece).all;
    const parted = now.length - names.length + 1;
    bringToOrder(schedule, piece, [...now.slice(parted, parted + depth), ...now.slice(0, parted), ...now.slice(parted + depth)]);
  }
  return [name, rest];
}

/** Do the elements that follow the rows read, behind what is left of them, fill vectors of `side`? */
function readsWholeVectors(program: TensorProgram, name: string, depth: number, side: number): boolean {
  const { statement: block } = findBlock(program, name);
  const loops = loopsAroundBlock(program, name);
  const { variable, extent, count } = loops[depth]!;
  const load = storesIn(block.body).flatMap((s) => loadsOf(s.value))[0]!;
  const indices = load.indices.map((i) => substitute(i, bindingsOf(block)));
  const d = indices.findIndex((i) => uses(i, variable));
  if (count || d < 0 || load.buffer.shape || indices.filter((i) => uses(i, variable)).length > 1) return false;
  const scope = loops.reduce((s, l) => s.with(l.variable, l.extent), Scope.empty);
  const begin = linearOf(indices[d]!, scope);
  return coefficient(begin, variable) === 1 && intervalOf(indices[d]!, scope).high + (extent % side === 0 ? 0 : side - (extent % side)) < load.buffer.dims[d]!;
}

/** The nest in parts in which a place divides no loop (its digits are loops), and a condition asks for some of the rows of one tile at most. */
function digitParts(schedule: Schedule, name: string, sides: readonly number[]): string[] {
  const { statement: block } = findBlock(schedule.program, name);
  const loops = loopsAroundBlock(schedule.program, name);
  const inParts = (loop: Loop, at: number): string[] => apart(schedule, name, loops.indexOf(loop), (l) => partitionAt(schedule, name, l, at)[1]!).flatMap((part) => digitParts(schedule, part, sides));
  for (const condition of conditionsOf(block)) {
    const cut = cutOf(condition, loops, sides);
    if (cut) return inParts(cut.loop, cut.at);
  }
  for (const { offset } of accessesOf(block, loops))
    for (const { atom } of offset.terms) {
      let digit: { readonly loop: Loop; readonly by: number } | undefined;
      walkExpression(atom, (x) => {
        if (x.kind !== "binary" || (x.op !== "floordiv" && x.op !== "floormod") || x.right.kind !== "integer") return;
        const by = x.right.value;
        const loop = loops.find((l) => l.variable === x.left && !l.count && l.extent > by);
        if (loop) digit = { loop, by };
      });
      if (!digit) continue;
      const { loop, by } = digit;
      if (loop.extent % by > 0) return inParts(loop, loop.extent - (loop.extent % by));
      schedule.apply(split, { loop: loop.variable.name, factor: by });
      return digitParts(schedule, name, sides);
    }
  return [name];
}

/** Where a condition "a sum of loops is below a number" of the loop that moves it most stops to hold for all iterations of the others, or for any; of one loop alone, in whole tiles. */
function cutOf(condition: Expression, loops: readonly Loop[], sides: readonly number[]): { readonly loop: Loop; readonly at: number } | undefined {
  if (condition.kind !== "binary" || condition.op !== "lt" || typeOf(condition.left) !== "index") return undefined;
  const scope = loops.reduce((s, l) => s.with(l.variable, l.extent), Scope.empty);
  const { constant, terms } = linearOf(sub(condition.left, condition.right), scope);
  const [first, ...rest] = terms.map((t) => ({ loop: loops.find((l) => l.variable === t.atom && !l.count), by: t.coefficient })).sort((a, b) => b.by - a.by);
  if (!first?.loop || rest.some((r) => !r.loop || r.by < 0)) return undefined;
  const most = rest.reduce((sum, r) => sum + r.by * (r.loop!.extent - 1), 0);
  const side = (rest.length === 0 && sides.find((s) => s <= first.loop!.extent)) || 1;
  const [all, any] = [Math.ceil((-constant - most) / first.by), Math.ceil(-constant / first.by)];
  const at = [all - (all % side), Math.ceil(any / side) * side].find((n) => n > 0 && n < first.loop!.extent);
  return at === undefined ? undefined : { loop: first.loop, at };
}
