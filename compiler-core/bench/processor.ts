import { existsSync, readFileSync } from "node:fs";
import { avx2Target, avx512Target, neonTarget, portableTarget, type ScheduleTarget } from "../src/tensor/target.ts";

/** The best target that this machine runs, or the one named on the command line (--target NAME). */
export function targetHere(argv: readonly string[] = process.argv): ScheduleTarget {
  const targets = [portableTarget, avx2Target, avx512Target, neonTarget];
  const at = argv.indexOf("--target");
  const named = at < 0 ? undefined : targets.find((t) => t.name === argv[at + 1]);
  if (named) return named;
  if (process.arch === "arm64") return neonTarget;
  const flags = new Set((existsSync("/proc/cpuinfo") ? readFileSync("/proc/cpuinfo", "utf8") : "").split(/\s+/));
  if (["avx512f", "avx512vl", "avx512dq", "avx512bw"].every((f) => flags.has(f))) return avx512Target;
  return flags.has("avx2") && flags.has("fma") ? avx2Target : portableTarget;
}

export const processorName = (): string => (existsSync("/proc/cpuinfo") ? (/model name\s*:\s*(.*)/.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? process.arch) : process.arch);

export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Puts a generated part into docs/performance.md, between its markers. */
export function withPart(page: string, part: string, text: string): string {
  const [open, close] = [`<!-- ${part} -->`, `<!-- end of ${part} -->`];
  const from = page.indexOf(open);
  const to = page.indexOf(close);
  const block = `${open}\n${text.trimEnd()}\n${close}`;
  return from >= 0 && to > from ? page.slice(0, from) + block + page.slice(to + close.length) : `${page.trimEnd()}\n\n${block}\n`;
}
