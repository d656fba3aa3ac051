import { sha256Of } from "../bundle/index.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { isScheduleChoice, type ScheduleChoice, type ScheduleChooser } from "../tensor/schedule-choice.ts";
import { layerKey, ruleDigest, type TuningPlace } from "./layer.ts";

/** A variant of a layer as it was measured. */
export interface MeasuredVariant {
  readonly choice: ScheduleChoice;
  readonly description: string;
  readonly estimateMs: number;
  /** median and least of the processor time of a run */
  readonly medianMs: number;
  readonly leastMs: number;
  readonly runs: number;
  /** largest difference from the rule's result, as a part of the largest value */
  readonly error: number;
}

/** What was measured of one layer, and what follows. The rule's schedule is the first variant. */
export interface TuningEntry extends TuningPlace {
  readonly key: string;
  readonly ruleDigest: string;
  readonly op: string;
  readonly shapes: string;
  readonly flops: number;
  readonly bytes: number;
  readonly possibleMs: number;
  readonly variants: readonly MeasuredVariant[];
  readonly pruned: number;
  /** the variant to use; 0, the rule's, unless another one was faster by more than the noise */
  readonly chosen: number;
  /** the rule's time over the chosen one's: median of the ratios of single rounds */
  readonly speedup: number;
  /** half the 95 % interval of that median */
  readonly noise: number;
  /** variants that compute something else: a defect, never chosen */
  readonly wrong: readonly number[];
}

const format = "graphwright-tuning";
const version = 1;
const encoder = new TextEncoder();
const sumOf = (entries: unknown): string => sha256Of([encoder.encode(JSON.stringify(entries))]);

/** Entries as the text of a cache file. */
export const recordText = (entries: readonly TuningEntry[]): string => `${JSON.stringify({ format, version, sha256: sumOf(entries), entries }, null, 1)}\n`;

/** Entries of a cache file. Throws "bad-tuning-cache" for what is none, was changed, or is of another version. */
export function readRecord(text: string, file?: string): TuningEntry[] {
  const where = file === undefined ? undefined : { file };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new GraphwrightError("bad-tuning-cache", "the tuning cache is not JSON: it was cut off, or is another file.", where, "Delete it, or give another file: what it holds will be measured again.");
  }
  const object = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null;
  if (!object(value) || value["format"] !== format) throw new GraphwrightError("bad-tuning-cache", "the file is not a tuning cache.", where, "Delete it, or give another file: what it holds will be measured again.");
  if (value["version"] !== version) throw new GraphwrightError("bad-tuning-cache", `the tuning cache has version ${String(value["version"])}, and this program reads version ${version}.`, where, "Delete it, or give another file: what it holds will be measured again.");
  const entries = value["entries"];
  if (!Array.isArray(entries) || value["sha256"] !== sumOf(entries)) throw new GraphwrightError("bad-tuning-cache", "the tuning cache does not agree with its own checksum: it was changed after it was written.", where, "Delete it, or give another file: what it holds will be measured again.");
  for (const e of entries as unknown[]) if (!isEntry(e)) throw new GraphwrightError("bad-tuning-cache", "the tuning cache has an entry that is not complete.", where, "Delete it, or give another file: what it holds will be measured again.");
  return entries as TuningEntry[];
}

function isEntry(e: unknown): e is TuningEntry {
  if (typeof e !== "object" || e === null) return false;
  const { key, variants, chosen, wrong } = e as Partial<TuningEntry>;
  return typeof key === "string" && Array.isArray(variants) && variants.every((v) => isScheduleChoice(v.choice)) && Number.isInteger(chosen) && Array.isArray(wrong) && variants[chosen!] !== undefined && !wrong.includes(chosen!);
}

/** The chosen schedules, for the layers, the target and the rules that they were measured with. */
export function chooserOf(entries: readonly TuningEntry[]): ScheduleChooser {
  const byKey = new Map(entries.map((e) => [e.key, e]));
  const places = new Map(entries.map((e) => [[e.compiler, e.cpu, e.flags, e.isa, e.threads].join("\n"), e]));
  return (program, target) => {
    for (const place of places.values()) {
      if (place.isa !== target.name) continue;
      const entry = byKey.get(layerKey(program, place));
      if (entry && entry.chosen > 0 && entry.ruleDigest === ruleDigest(program, target)) return entry.variants[entry.chosen]!.choice;
    }
    return undefined;
  };
}

/** For the manifest: where and what was measured, and what was chosen. */
export function evidenceOf(entries: readonly TuningEntry[], machine: TuningPlace & { readonly peakGflops: number; readonly memoryGBps: number; readonly cacheGBps: number }): unknown {
  return {
    compiler: machine.compiler,
    flags: machine.flags,
    cpu: machine.cpu,
    isa: machine.isa,
    threads: machine.threads,
    peak: { gflops: machine.peakGflops, memory_gb_per_s: machine.memoryGBps, cache_gb_per_s: machine.cacheGBps },
    layers: entries.map((e) => ({
      key: e.key,
      op: e.op,
      shapes: e.shapes,
      flops: e.flops,
      bytes: e.bytes,
      possible_ms: e.possibleMs,
      chosen: e.chosen,
      rule: 0,
      speedup: e.speedup,
      noise: e.noise,
      pruned: e.pruned,
      variants: e.variants.map((v) => ({ schedule: v.description, estimate_ms: v.estimateMs, median_ms: v.medianMs, least_ms: v.leastMs, runs: v.runs, error: v.error })),
    })),
  };
}
