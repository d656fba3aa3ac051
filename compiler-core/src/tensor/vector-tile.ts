import { byteSize } from "../ir/element-type.ts";
import { accessesOf, coefficient, conditionsOf, runsOf } from "./access.ts";
import { substitute, walkExpression } from "./expression.ts";
import { dotProduct, dotTerms } from "./dot-product.ts";
import type { Loop, TensorProgram, Variable } from "./program.ts";
import { bindingsOf, findBlock, isReduceLoop, loopsAroundBlock, ownLoopsOf, storesOf } from "./schedule/primitive.ts";
import type { TileSizes } from "./schedule-choice.ts";
import { linearOf, Scope } from "./simplify.ts";
import type { ScheduleTarget } from "./target.ts";

/**
 * A register tile of a reduction for a machine with vectors. The vector loop runs over neighbouring elements; rows
 * use the same loaded vector, each with an element of its own; panels are further loops that move the loaded vector.
 */
export interface VectorTile {
  readonly vector: string;
  /** iterations of the vector loop in the tile: one vector or several */
  readonly vectorSize: number;
  readonly row: string | undefined;
  readonly rows: number;
  readonly panel: string | undefined;
  readonly panels: number;
  /** loops that move vectors and elements (a batch of products): their iterations share nothing, so they lie outside all others */
  readonly batch: readonly string[];
  /**
   * the rows outside the panels, or without panels outside the further tiles of the vector loop: the elements are then read once,
   * and the vectors stay in a cache meanwhile
   */
  readonly rowsOutside: boolean;
  /** without panels: strips of the vector loop outside the rows */
  readonly stripsOutside: boolean;
  /**
   * the outermost reduce loop in parts of so many iterations, outside the rows: the vectors of a part stay in the first cache while
   * all rows pass, whose sums go on from what they were; outside the panels too where the elements of all parts leave the second cache
   */
  readonly part: { readonly loop: string; readonly iterations: number; readonly outside: boolean } | undefined;
  /** the reduce loop of a window that is written out, inside the others: neighbouring taps share elements */
  readonly window: string | undefined;
  /** the window's taps inside the rows: with a filter for each lane they share vectors, which rows and panels (of rows) load */
  readonly tapsInside: boolean;
}

/** Multiplications and additions that must be under way to keep the units busy: 2 units, 4 cycles each. */
const inFlight = 8;
/** A load in multiplications: two of either start a cycle, but loads do not quite keep that up. */
const loadTime = 1.12;
/**
 * What lies beside multiplications that are not held up, in multiplications: a turn of the innermost loop, each load, and 64 bytes of
 * vectors that come from the second cache. Fitted to measured kernels of many tiles.
 */
const [turnCost, loadCost, nearVectorCost] = [1, 0.1, 0.6];
/** What starting a tile and storing it costs, in multiplications: much where the reduction is short. */
const tileEntry = 40;
/** Parts of a reduction: what taking and storing sums costs for each, what the pass over the whole result afterwards does. */
const [partCost, passCost] = [3, 20];
/** Bytes of vectors in a part at most, its steps and the tiles of rows that pass over it at least, and what parts must win. */
const [partBytes, partSteps, partTiles, partGain] = [3 << 13, 96, 4, 0.045];
/** Without vector types: compilers keep accumulators of so many scalars in registers. */
const scalarTile = 32;
/** A window's last loop of so few iterations is written out: entering it would take as long as its products. */
const shortWindow = 8;
/** What entering it costs otherwise, in multiplications: its end is not foreseen. */
const loopEntry = 32;
/** More rows fit no machine's registers. */
const mostRows = 28;
/** Rows of an image that a tile slides over at once: of more, whose lines come from as many places, tiles are no faster. */
const mostSliding = 2;
/** Bytes that stay in the second cache beside what streams through it. */
const secondCache = 3 << 18;
/** Bytes that stay in the first cache while a tile passes over its panel. */
const firstCache = 1 << 15;
/** What a tile of other size costs in code: it must win something. */
const remainderCost = 0.02;

/** A tile that fits the registers, and what it is estimated to take. */
export interface TileCandidate {
  readonly tile: VectorTile;
  /** cycles of one multiply-add unit for each element and step of the reduction: 1 / lanes when every cycle multiplies */
  readonly cost: number;
  /** bytes that come from beyond the second cache */
  readonly farBytes: number;
  /** bytes of vectors that come from the second cache, each loaded once for all rows of a tile */
  readonly nearBytes: number;
}

/** What can be chosen for a nest: the rule's choice, and every tile that fits. */
export interface TileOptions {
  readonly best: TileCandidate;
  /** the tile with these sizes, or undefined where it does not fit */
  of(sizes: TileSizes): TileCandidate | undefined;
  readonly all: readonly TileCandidate[];
}

/** Every register tile of a nest, and the one of least time by counts of multiplications and loads; undefined without a vector loop. */
export function tileOptions(program: TensorProgram, name: string, target: ScheduleTarget): TileOptions | undefined {
  // Without vector types a tile is of scalars, for the compiler to find vectors of 4: in longer loops than two vectors it keeps sums in memory.
  const lanes = Math.max(target.vectorLanes, 4);
  const { statement: block } = findBlock(program, name);
  // Along lanes of blocks, what a run of them says holds for all.
  const runs = runsOf(block, loopsAroundBlock(program, name));
  const accesses = accessesOf(block, loopsAroundBlock(program, name).map((l) => ({ ...l, extent: runs.get(l.variable) ?? l.extent })));
  // Loops that it shares with others stay around it: what is estimated is one iteration of them.
  const loops = ownLoopsOf(program, name);
  const spatial = loops.filter((l) => !isReduceLoop(block, l.variable) && l.extent > 1);
  const stored = accesses.find((a) => a.writes);
  if (!stored || (stored.buffer.element !== "float32" && stored.buffer.element !== "int32")) return undefined;
  const loads = accesses.filter((a) => !a.writes && a.buffer !== stored.buffer);
  // Terms of a dot product lie side by side: a lane's neighbour is four elements away.
  const dot = dotLoop(program, name);
  const next = dot ? dotTerms : 1;
  // Initial values are loaded once a tile: they do not count. They are those that no reduce loop moves.
  const reduce = loops.filter((l) => isReduceLoop(block, l.variable) && l !== dot);
  const moving = loads.filter((a) => reduce.some((l) => coefficient(a.offset, l.variable) !== 0));
  // Weights in fewer bits are widened in registers.
  const types = stored.buffer.element === "float32" ? ["float32", "float16", "bfloat16", "int8", "uint8"] : ["int8", "uint8"];
  if (reduce.length === 0 || moving.length === 0 || moving.some((a) => !types.includes(a.buffer.element))) return undefined;
  // Without vector types compilers do not find products of bytes in a tile, and WebAssembly is printed for floats.
  if (stored.buffer.element === "int32" && (target.vectorLanes === 1 || target.name === "wasm")) return undefined;
  const vector = spatial.find(
    (l) => coefficient(stored.offset, l.variable) === 1 && l.extent >= 4 && !l.count && loads.every((a) => [0, 1, next].includes(coefficient(a.offset, l.variable) ?? -1)) && moving.some((a) => coefficient(a.offset, l.variable) === next),
  );
  if (!vector) return undefined;
  // Conditions that are the same for the whole vector stay; rows would have one each.
  const conditions = conditionsOf(block);
  let laneConditions = false;
  for (const c of conditions) walkExpression(c, (x) => void (laneConditions ||= x === vector.variable));
  if (laneConditions) return undefined;
  const vectors = moving.filter((a) => coefficient(a.offset, vector.variable) === next);
  const elements = moving.filter((a) => coefficient(a.offset, vector.variable) === 0);
  const others = spatial.filter((l) => l !== vector);
  const moves = (list: typeof moving, l: (typeof loops)[number]): boolean => list.some((a) => coefficient(a.offset, l.variable) !== 0);
  const still = (list: typeof moving, l: (typeof loops)[number]): boolean => list.some((a) => coefficient(a.offset, l.variable) === 0);
  // Rows keep a loaded vector in its register; of several the innermost long one.
  const rowLoops = (conditions.length > 0 ? [] : others).filter((l) => still(vectors, l) && coefficient(stored.offset, l.variable) !== undefined);
  const row = [...rowLoops].reverse().find((l) => l.extent >= 4) ?? rowLoops.sort((a, b) => b.extent - a.extent)[0];
  const strided = row !== undefined && isStrided(program, name, row.variable);
  const rowDimensions = row && strided ? dimensionsInside(program, name, row.variable) : [];
  // Vectors that slide over others as a window does: a filter for each lane. Rows slide along one loop of the window, panels along another.
  // In WebAssembly, which has few registers and no instruction for both product and sum, such tiles took longer.
  const sliding = elements.length === 0 && vectors.length === 2 && target.name !== "wasm" && row !== undefined ? vectors.find((a) => coefficient(a.offset, row.variable) !== 0) : undefined;
  const slides = (l: Loop, tap: Loop): number => {
    const moved = elements[0] ?? sliding;
    const [by, step] = moved ? [coefficient(moved.offset, tap.variable) ?? 0, coefficient(moved.offset, l.variable) ?? 0] : [0, 0];
    return by > 0 && step > 0 && step % by === 0 ? step / by : 0;
  };
  const slidesWithin = (l: Loop, tap: Loop): boolean => slides(l, tap) > 0 && slides(l, tap) < tap.extent;
  const further = sliding && others.findLast((l) => l !== row && !l.count && still(vectors, l) && reduce.some((tap) => slidesWithin(l, tap)));
  // Panels load further vectors and use each element again.
  const panel = elements.length === 0 ? further : others.filter((l) => l !== row && !l.count && moves(vectors, l) && still(elements, l)).sort((a, b) => b.extent - a.extent)[0];
  const sizes = vector.extent <= lanes ? [vector.extent - (vector.extent % 4)] : [1, 2, 3, 4].map((n) => n * lanes).filter((s) => s <= vector.extent && (target.vectorLanes > 1 || s <= target.vectorTile));
  // Blocks of which the last is half full: all their lanes at once.
  if (runs.has(vector.variable) && vector.extent > lanes && vector.extent < 4 * lanes && vector.extent % lanes > 0) sizes.push(vector.extent);
  const batch = others.filter((l) => l !== row && l !== panel && elements.length > 0 && !still(vectors, l) && !still(elements, l));
  // Taps of a window that are written out share elements of neighbouring rows, which take registers too.
  const overlap = (l: Loop): number => (row ? slides(row, l) : 0);
  const windowLoop = target.vectorLanes > 1 && (elements.length === 1 || sliding) && reduce.length > 1 ? reduce.findLast((l) => l.extent > 1 && !l.count && l.extent <= shortWindow && overlap(l) > 0 && overlap(l) < l.extent) : undefined;
  const panelTaps = sliding && panel && reduce.find((l) => slidesWithin(panel, l));
  // What lies outside is read once, what lies inside once for each iteration outside, where it leaves the second cache.
  const bytes = (list: typeof moving): number => list.reduce((sum, a) => sum + loops.reduce((n, l) => (coefficient(a.offset, l.variable) === 0 ? n : n * l.extent), byteSize(a.buffer.element, 1)), 0);
  const [ofVectors, ofElements] = [bytes(vectors), bytes(elements)];
  const again = (size: number, times: number): number => (size > secondCache ? size * times : size);
  const panelsOutside = (panels: number): number => ofVectors + again(ofElements, (panel?.extent ?? 1) / panels);
  const rowsOutside = (rows: number): number => ofElements + again(ofVectors, others.reduce((n, l) => (l === panel ? n : n * l.extent), 1) / rows);
  const points = loops.reduce((n, l) => n * l.extent, 1);
  const steps = reduce.reduce((n, l) => n * l.extent, 1);
  const last = reduce.at(-1)!;
  const caches = target.vectorLanes > 1 && target.name !== "wasm" && elements.length > 0;
  /** The largest part of the reduction whose vectors stay in the first cache, where enough rows pass over it. */
  const partOf = (ofPanel: number, rows: number): { readonly iterations: number; readonly steps: number } | undefined => {
    const outermost = reduce[0]!;
    const tiles = others.reduce((n, l) => (l === panel || l === row ? n : n * l.extent), 1) * Math.ceil((row?.extent ?? 1) / rows);
    if (!caches || ofPanel <= firstCache || stored.buffer.element !== "float32" || tiles < partTiles || block.init === undefined || loops.some((l) => l.count) || outermost.variable === windowLoop?.variable) return undefined;
    const iterations = divisors(outermost.extent, outermost.extent - 1).findLast((d) => (ofPanel / outermost.extent) * d <= partBytes);
    const own = (steps / outermost.extent) * (iterations ?? 0);
    return iterations === undefined || own < partSteps ? undefined : { iterations, steps: own };
  };
  const candidate = ({ vectorSize, rows, panels, window, rowsOutside: outside }: Omit<TileSizes, "rowsOutside"> & { readonly rowsOutside?: boolean }): TileCandidate | undefined => {
    if (!sizes.includes(vectorSize) || rows < 1 || rows > Math.min(row?.extent ?? 1, mostRows) || panels < 1 || (panel?.extent ?? 1) % panels !== 0 || (window && !windowLoop) || (sliding && panels > (window ? mostSliding : 1))) return undefined;
    if (strided && (row.count ? rows > 1 : row.extent % rows !== 0 && (rowDimensions.length === 0 || rowDimensions.some((d) => (row.extent - (row.extent % rows)) % d !== 0)))) return undefined;
    const width = Math.ceil(vectorSize / lanes);
    const loaded = width * panels;
    if (rows * loaded + loaded + 1 > target.vectorRegisters || (window && rows * loaded > Math.max(inFlight, target.vectorRegisters / 2)) || (target.vectorLanes === 1 && (panels > 1 || rows * vectorSize > scalarTile))) return undefined;
    // Bytes that are widened one by one stay in registers from tap to tap.
    if (stored.buffer.element === "int32" && !dot && rows * loaded > target.vectorRegisters / 4) return undefined;
    const ofPanel = 4 * vectorSize * panels * steps;
    const part = partOf(ofPanel, rows);
    const time = (r: number, parted: boolean, size: number): number => {
      const loaded = Math.ceil(size / lanes) * panels;
      const work = r * loaded;
      // A window's taps load an element once for all of them. A depthwise product loads a vector for each row.
      const taps = window ? windowLoop!.extent : 1;
      const slid = (n: number, step: number, tap: number): number => (n - 1) * step + tap;
      const filters = loaded / panels;
      const loads = sliding && window ? filters + (filters * slid(r, overlap(windowLoop!), taps) * (panelTaps ? slid(panels, slides(panel!, panelTaps), panelTaps.extent) / panelTaps.extent : panels)) / taps : loaded + (elements.length > 0 ? (window ? (r - 1) * overlap(windowLoop!) + taps : r) / taps : work);
      const vectors = parted ? (partCost * work) / part!.steps + (passCost * work) / steps : caches && ofPanel > firstCache ? (nearVectorCost * loaded * lanes) / 16 : 0;
      const entry = !window && steps > last.extent && last.extent <= shortWindow ? loopEntry / last.extent : 0;
      const beside = target.vectorLanes > 1 ? turnCost / taps + loadCost * loads + vectors : 0;
      const cycle = Math.max(work, inFlight, loadTime * loads) + (elements.length > 0 ? beside + entry + tileEntry / steps : sliding && window ? loadCost * loads : 0);
      return cycle / (panels * size);
    };
    const extent = row?.extent ?? 1;
    // How many rows are left is not known where the run's sizes decide.
    const rest = row?.count ? 0 : extent % rows;
    const whole = Math.floor(extent / rows);
    const ofSize = (size: number, parted: boolean): number => ((whole * time(rows, parted, size) + (rest > 0 ? time(rest, parted, size) : 0)) / extent) * (1 + (rest > 0 ? remainderCost : 0));
    // Where a tile's lanes are not those of whole blocks, what is left of them counts.
    const over = runs.has(vector.variable) ? vector.extent % vectorSize : 0;
    const costOf = (parted: boolean): number => (over === 0 ? ofSize(vectorSize, parted) : (ofSize(vectorSize, parted) * (vector.extent - over) + ofSize(over, parted) * over) / vector.extent);
    // Elements that leave the second cache come once for each part then, not once for each panel.
    const inParts = part !== undefined && costOf(true) < (1 - (ofElements > secondCache ? 0 : partGain)) * costOf(false);
    const cost = costOf(inParts);
    const both = panels > 1 && row !== undefined && !sliding;
    // Without panels the rows pass over one strip of vectors, or strips over a tile of rows: what lies inside should stay in the first cache.
    const strips = !both && row !== undefined && !row.count && elements.length > 0 && vector.extent > vectorSize && row.extent > rows;
    if (outside === true && !both && !strips) return undefined;
    const [inside, around] = [panelsOutside(panels), rowsOutside(rows)];
    const near = (size: number, times: number): number => (size > firstCache ? size * times : size);
    const [ofStrips, ofRows] = [4 * vector.extent * steps, 4 * extent * steps];
    const stripsWin = strips && 2 * (ofStrips + near(ofRows, vector.extent / vectorSize)) < ofRows + near(ofStrips, extent / rows);
    const chosen = outside ?? (both ? 2 * around < inside : strips && !stripsWin);
    const parts = inParts && !chosen && !strips;
    const vectorsAgain = (ofPanel > firstCache && !parts) || (strips && chosen && ofStrips > firstCache);
    return { cost, farBytes: both && chosen ? around : inside, nearBytes: vectorsAgain ? (4 * points) / rows : 0, tile: { vector: vector.variable.name, vectorSize, row: row?.variable.name, rows, panel: panels > 1 ? panel!.variable.name : undefined, panels, batch: batch.map((l) => l.variable.name), rowsOutside: chosen, stripsOutside: strips && !chosen, window: window ? windowLoop!.variable.name : undefined, tapsInside: window && sliding !== undefined, part: parts ? { loop: reduce[0]!.variable.name, iterations: part.iterations, outside: ofElements > secondCache } : undefined } };
  };
  const all: TileCandidate[] = [];
  for (const vectorSize of sizes)
    for (const panels of divisors(panel?.extent ?? 1, 8))
      for (let rows = 1; rows <= Math.min(row?.extent ?? 1, mostRows); rows++)
        for (const window of windowLoop ? [true, false] : [false]) {
          const made = candidate({ vectorSize, rows, panels, window });
          if (made) all.push(made);
        }
  // Of equal ones the larger tile: it reads the vectors less often; of equally large ones that of fewer loads.
  const size = ({ rows, panels, vectorSize }: VectorTile): number => rows * panels * Math.ceil(vectorSize / lanes);
  const larger = (a: VectorTile, b: VectorTile): boolean => size(a) > size(b) || (size(a) === size(b) && a.window !== undefined && Math.abs(a.rows - a.panels) < Math.abs(b.rows - b.panels));
  let best: TileCandidate | undefined;
  for (const c of all) if (!best || c.cost < best.cost - 1e-9 || (c.cost < best.cost + 1e-9 && larger(c.tile, best.tile))) best = c;
  return best && { best, all, of: candidate };
}

/** The innermost reduce loop of a block where it runs over the terms of dot products of bytes. */
export function dotLoop(program: TensorProgram, name: string): Loop | undefined {
  const { statement: block } = findBlock(program, name);
  const last = loopsAroundBlock(program, name).find((l) => l.extent === dotTerms && isReduceLoop(block, l.variable) && block.bindings.includes(l.variable) && dotProduct(block, l.variable) !== undefined);
  return last;
}

/** Is the loop written at a stride, between others? Parts of different sizes would not add up to whole dimensions. */
export function isStrided(program: TensorProgram, name: string, loop: Variable): boolean {
  const { statement: block } = findBlock(program, name);
  const scope = loopsAroundBlock(program, name).reduce((s, l) => s.with(l.variable, l.extent), Scope.empty);
  const bindings = bindingsOf(block);
  return (storesOf(block)[0]?.indices ?? []).some((i) => ![0, 1].includes(coefficient(linearOf(substitute(i, bindings), scope), loop) ?? 2));
}

/** Of a loop over several dimensions at once, the sizes of those inside the outermost: whole ones may be parted from the rest. */
function dimensionsInside(program: TensorProgram, name: string, loop: Variable): number[] {
  const { statement: block } = findBlock(program, name);
  const bindings = bindingsOf(block);
  const found: number[] = [];
  for (const i of storesOf(block)[0]?.indices ?? [])
    walkExpression(substitute(i, bindings), (e) => {
      if (e.kind === "binary" && e.op === "floormod" && e.left === loop && e.right.kind === "integer") found.push(e.right.value);
    });
  return found;
}

const divisors = (n: number, limit: number): number[] => Array.from({ length: Math.min(n, limit) }, (_, i) => i + 1).filter((d) => n % d === 0);
