import { cTarget, cTargets, epilogueOf } from "../backends/c/isa.ts";
import { memoryFunctions } from "../bundle/c-memory.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { ScheduleTarget } from "../tensor/target.ts";

/** A C compiler and the processor that runs what it makes. */
export interface Toolchain {
  /** its first line of --version */
  readonly compiler: string;
  /** as the system names the processor */
  readonly cpu: string;
}

/** Compiles one C source with the flags of `compileFlags` and runs the program; the port to what is outside the compiler. */
export interface CRunner extends Toolchain {
  /** What the program prints. Throws where it cannot be compiled or fails; a cancel ends it. */
  run(source: string): Promise<string>;
}

/** How bundles are compiled, and so what is measured. The clock is POSIX. */
export const compileFlags = ["-std=c99", "-O2", "-D_GNU_SOURCE"] as const;

/** Where the kernels are measured, and what nothing can be faster than. */
export interface TuningMachine extends Toolchain {
  readonly flags: string;
  readonly isa: ScheduleTarget["name"];
  readonly threads: 1;
  /** fused multiply-adds in registers, two operations each */
  readonly peakGflops: number;
  /** reading one after the other */
  readonly memoryGBps: number;
  readonly cacheGBps: number;
}

/** Bytes that are read from the second cache when they are read again. */
export const cacheBytes = 1 << 20;

export const clockSource = `static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
`;

/** Prints the instruction sets that the compiler and the processor have, one a line, the best last. */
export function isaProbe(): string {
  const lines = cTargets.map((t) => {
    const body = t.detect === undefined ? `  puts("${t.target.name}");\n` : `  if (${t.detect}) puts("${t.target.name}");\n`;
    return t.guard === undefined ? body : `#if ${t.guard}\n${t.detect === undefined ? "" : "  __builtin_cpu_init();\n"}${body}#endif\n`;
  });
  return `#include <stdio.h>\nint main(void) {\n${lines.join("")}  return 0;\n}\n`;
}

export function isaOf(printed: string): ScheduleTarget["name"] {
  const found = printed.split("\n").map((line) => line.trim()).filter((line) => cTargets.some((t) => t.target.name === line)).at(-1);
  if (found === undefined) throw new GraphwrightError("bad-measurement", "the compiled probe named no instruction set.", undefined, "Check that the C compiler makes programs for this machine.");
  return found as ScheduleTarget["name"];
}

/** Measures independent chains of multiply-adds in registers and reading from memory and from the second cache. */
export function peakProbe(isa: ScheduleTarget["name"]): string {
  const target = cTarget(isa);
  const lanes = Math.max(target.target.vectorLanes, 4);
  const chains = Array.from({ length: 12 }, (_, i) => `c${i}`);
  const sums = Array.from({ length: 8 }, (_, i) => `s${i}`);
  return `${target.prologue}#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
typedef float vector __attribute__((vector_size(${4 * lanes})));
${clockSource}
${memoryFunctions("gw")}
static float sink;

static double multiply_adds(void) {
  double best = 1e9;
  vector x, y, ${chains.join(", ")};
  for (int k = 0; k < ${lanes}; ++k) { x[k] = 0.999f; y[k] = 0.001f; }
${chains.map((c, i) => `  ${c} = y * ${i + 1}.0f;`).join("\n")}
  for (int r = 0; r < 24; ++r) {
    double t = now();
    for (int i = 0; i < 400000; ++i) {
${chains.map((c) => `      ${c} = ${c} * x + y;`).join("\n")}
    }
    t = now() - t;
    if (t < best) best = t;
  }
  vector s = ${chains.join(" + ")};
  sink += s[0];
  return ${2 * lanes * chains.length} * 4e5 / best / 1e9;
}

/* Reads n vectors, as many times as make 64 MiB. */
static double reading(const vector *from, size_t n) {
  double best = 1e9;
  const size_t times = ((size_t)64 << 20) / (n * sizeof *from);
  vector ${sums.map((s) => `${s} = {0}`).join(", ")};
  for (int r = 0; r < 8; ++r) {
    double t = now();
    for (size_t k = 0; k < times; ++k)
      for (size_t i = 0; i + ${sums.length} <= n; i += ${sums.length}) {
${sums.map((s, i) => `        ${s} += from[i + ${i}];`).join("\n")}
      }
    t = now() - t;
    if (t < best) best = t;
  }
  vector s = ${sums.join(" + ")};
  sink += s[0];
  return (double)(times * n * sizeof *from) / best / 1e9;
}

int main(void) {
  const size_t bytes = (size_t)64 << 20;
  void *at = gw_memory_take(bytes);
  if (at == NULL) return 1;
  for (size_t i = 0; i < bytes / sizeof(float); ++i) ((float *)at)[i] = 0.5f;
  const double gflops = multiply_adds();
  const double far = reading((const vector *)at, bytes / sizeof(vector));
  const double near = reading((const vector *)at, ${cacheBytes / 2} / sizeof(vector));
  printf("peak %.3f memory %.3f cache %.3f\\n", gflops, far, near);
  if (sink == 0.1f) puts("");
  gw_memory_give(at);
  return 0;
}
${epilogueOf(target)}`;
}

/** The machine from what the two probes printed; before the second has run, its peak and bandwidths are 0. */
export function machineOf({ compiler, cpu }: Toolchain, isa: string, peak?: string): TuningMachine {
  const known = { compiler, cpu, flags: compileFlags.join(" "), isa: isaOf(isa), threads: 1 } as const;
  if (peak === undefined) return { ...known, peakGflops: 0, memoryGBps: 0, cacheGBps: 0 };
  const [, gflops, memory, cache] = /peak ([\d.]+) memory ([\d.]+) cache ([\d.]+)/.exec(peak) ?? [];
  if (!(Number(gflops) > 0)) throw new GraphwrightError("bad-measurement", "the peak of this machine could not be measured.", undefined, "Check that the C compiler makes programs for this machine.");
  return { ...known, peakGflops: Number(gflops), memoryGBps: Number(memory), cacheGBps: Number(cache) };
}
