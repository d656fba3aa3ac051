import type { Layer } from "./layer.ts";
import type { TuningMachine } from "./machine.ts";
import type { MeasuredVariant, TuningEntry } from "./record.ts";
import type { Measurement } from "./trial.ts";
import type { Variants } from "./variants.ts";

/** As a bundle's self-test allows: sums in another order. */
const allowedError = 1e-4;
/** A variant must win this much beyond the noise: less does not show in a whole network. */
const leastGain = 0.02;
/** Half the 95 % interval of a median, in distances between quartiles over the root of the number of rounds (McGill, Tukey and Larsen 1978). */
const notch = 1.57;
/** Rounds without which no ratio is trusted. */
const fewestRounds = 5;

/** What follows from a measurement: the fastest variant that computes the same, where it beats the rule's by more than the noise. */
export function judge(layer: Omit<Layer, "program">, { variants, pruned, possibleMs }: Variants, { rounds, errors }: Measurement, machine: TuningMachine): TuningEntry {
  const wrong = variants.flatMap((_, v) => (errors[v]! <= allowedError ? [] : [v]));
  const measured = variants.map((variant, v): MeasuredVariant => {
    const times = rounds.flatMap((r) => r.seconds.get(v) ?? []);
    return { choice: variant.choice, description: variant.description, estimateMs: variant.estimateMs, medianMs: 1000 * quantile(times, 0.5), leastMs: 1000 * Math.min(...times), runs: times.length, error: errors[v]! };
  });
  let chosen = 0;
  let [speedup, noise] = [1, 0];
  for (const [v] of variants.entries()) {
    if (v === 0 || wrong.includes(v)) continue;
    // Those of the last rounds were the best of the first ones: only rounds that had no part in that count.
    const last = rounds.filter((r) => r.phase === 1 && r.seconds.has(v));
    const ratios = last.map((r) => r.seconds.get(0)! / r.seconds.get(v)!);
    if (ratios.length < fewestRounds) continue;
    const [middle, spread] = [quantile(ratios, 0.5), (notch * (quantile(ratios, 0.75) - quantile(ratios, 0.25))) / Math.sqrt(ratios.length)];
    if (middle - spread > 1 + leastGain && middle > speedup) [chosen, speedup, noise] = [v, middle, spread];
  }
  const { key, ruleDigest, op, shapes, flops, bytes } = layer;
  const { compiler, cpu, flags, isa, threads } = machine;
  return { key, ruleDigest, op, shapes, flops, bytes, compiler, cpu, flags, isa, threads, possibleMs, variants: measured, pruned, chosen, speedup, noise, wrong };
}

/** Of the sorted values, between neighbours where it falls there. */
export function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = at * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low === undefined || high === undefined ? Number.NaN : low + (high - low) * (place - Math.floor(place));
}
