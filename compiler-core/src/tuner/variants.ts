import { type KernelSource, printKernel } from "../backends/c/print.ts";
import { scheduleKernel } from "../bundle/index.ts";
import { byteSize } from "../ir/element-type.ts";
import { elementCount } from "../ir/value-type.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { describeChoice, type ScheduleChoice, type TileSizes } from "../tensor/schedule-choice.ts";
import { verifyProgram } from "../tensor/verifier.ts";
import type { TileCandidate, TileOptions } from "../tensor/vector-tile.ts";
import { type Layer, targetNamed } from "./layer.ts";
import { cacheBytes, type TuningMachine } from "./machine.ts";

/** One schedule of a layer, to be measured. */
export interface Variant {
  readonly choice: ScheduleChoice;
  readonly description: string;
  /** what the rule chooses: always the first */
  readonly rule: boolean;
  /** by the roofline of the machine */
  readonly estimateMs: number;
  readonly source: KernelSource;
  /** bytes of each scratch parameter, which come after the layer's own */
  readonly scratch: readonly number[];
}

export interface Variants {
  readonly variants: readonly Variant[];
  /** legal schedules that the roofline ruled out, or that there was no place for */
  readonly pruned: number;
  /** by the machine's peak and bandwidths: no schedule takes less */
  readonly possibleMs: number;
}

/** Schedules of a layer that are measured, the rule's included. */
const most = 8;
/** Slower than the best estimate by this factor: not measured. Estimates know nothing of what compilers do with registers. */
const hopeless = 1.3;
/** Of tiles with vectors and panels alike, so many numbers of rows. */
const rowsPerShape = 2;

/**
 * The rule's schedule and the few others that may be faster: register tiles by estimate, the two orders of rows and
 * panels, windows written out or not, with and without prefetch. Each has passed the verifier.
 */
export function variantsOf(layer: Pick<Layer, "program" | "flops" | "bytes">, machine: TuningMachine): Variants {
  const { program } = layer;
  const target = targetNamed(machine.isa);
  const options = new Map<string, TileOptions>();
  const ruleSchedule = scheduleKernel(program, target, undefined, { considered: (block, o) => options.set(block, o) });
  const prefetch = ruleSchedule.steps.some((s) => s.primitive === "prefetch");
  const ruleTiles = Object.fromEntries([...options].map(([block, o]) => [block, sizesOf(o.best)]));
  const rule: ScheduleChoice = { tiles: ruleTiles, prefetch };
  const lanes = Math.max(target.vectorLanes, 4);
  const milliseconds = (gigas: number, perSecond: number): number => (perSecond > 0 ? (1000 * gigas) / perSecond : 0);
  const moving = milliseconds(layer.bytes / 1e9, layer.bytes <= cacheBytes ? machine.cacheGBps : machine.memoryGBps);
  const computing = milliseconds(layer.flops / 1e9, machine.peakGflops);
  // One block with a tile decides what a kernel takes; of several (a product between transforms) each counts by itself.
  const estimate = (c: TileCandidate | undefined): number => (c ? Math.max(computing * Math.max(1, c.cost * lanes), milliseconds((c.farBytes + c.nearBytes) / 1e9, machine.cacheGBps), moving) : Math.max(computing, moving));
  const estimateOf = (choice: ScheduleChoice): number => Math.max(...[...options].map(([block, o]) => estimate(o.of(choice.tiles[block]!))), estimate(undefined));

  const choices: ScheduleChoice[] = [];
  let legal = 0;
  for (const [block, o] of options) {
    const withTile = (sizes: TileSizes): ScheduleChoice => ({ ...rule, tiles: { ...ruleTiles, [block]: sizes } });
    const own = sizesOf(o.best);
    for (const other of [{ ...own, rowsOutside: !own.rowsOutside }, { ...own, window: !own.window }]) if (o.of(other)) choices.push(withTile(other));
    const tiles = [...o.all].sort((a, b) => estimate(a) - estimate(b) || b.tile.rows * b.tile.panels - a.tile.rows * a.tile.panels);
    legal += tiles.length;
    const perShape = new Map<string, number>();
    for (const c of tiles) {
      const shape = `${c.tile.vectorSize} ${c.tile.panels}`;
      const taken = perShape.get(shape) ?? 0;
      if (estimate(c) > hopeless * estimate(tiles[0]) || taken >= rowsPerShape) continue;
      perShape.set(shape, taken + 1);
      choices.push(withTile(sizesOf(c)));
    }
  }
  if (prefetch) choices.unshift({ ...rule, prefetch: false });
  const key = (c: ScheduleChoice): string => JSON.stringify(c);
  const distinct = new Map([rule, ...choices.sort((a, b) => estimateOf(a) - estimateOf(b))].map((c) => [key(c), c]));
  distinct.delete(key(rule));

  const made: Variant[] = [];
  const texts = new Set<string>();
  const add = (choice: ScheduleChoice, isRule: boolean): void => {
    const scheduled = isRule ? ruleSchedule : scheduleKernel(program, target, undefined, { choice });
    const source = printKernel(scheduled.program, { name: `v${made.length}`, target, threads: true });
    const text = source.text.replace(`void v${made.length}(`, "void v(");
    if (texts.has(text)) return;
    const problems = verifyProgram(scheduled.program);
    if (problems.length > 0) throw new GraphwrightError("unsound-program", `the schedule ${describeChoice(choice)} does not pass the verifier: ${problems[0]!.message}`, undefined, "This is a defect of Graphwright: please report it with the model.");
    texts.add(text);
    made.push({ choice, description: describeChoice(choice), rule: isRule, estimateMs: estimateOf(choice), source, scratch: scheduled.program.parameters.filter((p) => p.scope === "scratch").map((p) => byteSize(p.element, elementCount(p.dims))) });
  };
  add(rule, true);
  for (const choice of distinct.values()) if (made.length < most) add(choice, false);
  return { variants: made, pruned: Math.max(0, legal - made.length), possibleMs: Math.max(computing, moving) };
}

const sizesOf = ({ tile: { vectorSize, rows, panels, rowsOutside, window } }: TileCandidate): TileSizes => ({ vectorSize, rows, panels, rowsOutside, window: window !== undefined });
