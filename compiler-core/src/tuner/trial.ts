import { helperDefinitions } from "../backends/c/helpers.ts";
import { cTarget, epilogueOf } from "../backends/c/isa.ts";
import { cType } from "../backends/c/types.ts";
import { vectorDefinitions } from "../backends/c/vector-helpers.ts";
import { memoryFunctions } from "../bundle/c-memory.ts";
import { byteSize } from "../ir/element-type.ts";
import { elementCount } from "../ir/value-type.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { Buffer } from "../tensor/program.ts";
import type { Layer } from "./layer.ts";
import { clockSource, type TuningMachine } from "./machine.ts";
import type { Variants } from "./variants.ts";

/** Seconds that the runs of one layer may take. */
const seconds = 2;
/** Rounds of all variants, then of the rule's and the two that were best. */
const [firstRounds, lastRounds] = [9, 25];
/** The rest of the network passes through the caches between two runs: a larger one leaves nothing in the third either. */
const mostBetween = 32 << 20;

/** Times and errors of a layer's variants, as its program measured them. */
export interface Measurement {
  /** by variant: seconds of a run, one for each round, in order; the last rounds measure only some */
  readonly rounds: readonly { readonly phase: number; readonly seconds: ReadonlyMap<number, number> }[];
  /** by variant: largest difference from the rule's result, as a part of the largest value */
  readonly errors: readonly number[];
}

/**
 * A C program that runs the variants of a layer in turns, A B C A B C, and prints the processor time of each run and how
 * far its result is from the rule's. Between two runs the caches see as much other memory as the rest of the network has.
 */
export function trialSource(layer: Pick<Layer, "program" | "bytes">, { variants }: Variants, machine: TuningMachine, networkBytes: number): string {
  const target = cTarget(machine.isa);
  const union = <T>(of: (v: (typeof variants)[number]) => ReadonlySet<T>): Set<T> => new Set(variants.flatMap((v) => [...of(v)]));
  const plain = layer.program.parameters;
  const bytesOf = (b: Buffer): number => byteSize(b.element, elementCount(b.dims));
  const type = (b: Buffer): string => `${b.scope === "output" || b.scope === "scratch" ? "" : "const "}${cType(b.element)} *`;
  const calls = variants.map(({ source, scratch }, v) => {
    const given = [...plain.map((p, i) => `(${type(p)})b[${i}]`), ...scratch.map((_, k) => `(void *)scratch[${k}]`)].join(", ");
    return source.stages === 0 ? `    case ${v}: v${v}(${given}); break;` : `    case ${v}: for (int s = 0; s < ${source.stages}; ++s) v${v}(${given}, s, 0, 1); break;`;
  });
  const scratches = Array.from({ length: Math.max(1, ...variants.map((v) => v.scratch.length)) }, (_, k) => Math.max(64, ...variants.map((v) => v.scratch[k] ?? 0)));
  const outputs = plain.flatMap((p, i) => (p.scope === "output" ? [i] : []));
  const between = Math.min(mostBetween, Math.max(0, networkBytes - layer.bytes));
  const kind = (b: Buffer): number => (b.element === "float32" ? 0 : b.element === "float64" ? 1 : b.element === "float16" ? 2 : b.element === "bfloat16" ? 3 : b.element.startsWith("float8") ? 4 : 5);
  return `${target.prologue}#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
${helperDefinitions(union((v) => v.source.helpers)).join("\n")}
${vectorDefinitions(union((v) => v.source.vectorHelpers), union((v) => v.source.vectorWidths)).join("\n")}
${variants.map((v) => `__attribute__((noinline)) static ${v.source.text}`).join("\n")}
${clockSource}
${memoryFunctions("gw")}
#define BUFFERS ${plain.length}
#define VARIANTS ${variants.length}
static const size_t bytes[BUFFERS] = {${plain.map(bytesOf).join(", ")}};
static const size_t element[BUFFERS] = {${plain.map((p) => byteSize(p.element, 1)).join(", ")}};
static const int kind[BUFFERS] = {${plain.map(kind).join(", ")}};
static const int outputs[] = {${outputs.join(", ")}};
static const int warm[BUFFERS] = {${plain.map((p) => (p.scope === "input" ? 1 : 0)).join(", ")}};
static unsigned char *b[BUFFERS], *reference[BUFFERS], *scratch[${scratches.length}], *other;
static volatile unsigned sink;

static void run(int variant) {
  switch (variant) {
${calls.join("\n")}
  }
}

/* What the rest of the network does to the caches; the inputs were written just before. */
static void pass(void) {
  unsigned sum = 0;
  for (size_t i = 0; i < ${between}; i += 64) sum += other[i];
  for (int p = 0; p < BUFFERS; ++p)
    if (warm[p]) for (size_t i = 0; i < bytes[p]; i += 64) sum += b[p][i];
  sink += sum;
}

static unsigned char *allocate(size_t n) {
  void *at = gw_memory_take(n + 64);
  if (at == NULL) exit(3);
  memset(at, 0, n + 64);
  return (unsigned char *)at;
}

static void fill(int p) {
  static uint32_t state = 2463534242u;
  for (size_t i = 0; i * element[p] < bytes[p]; ++i) {
    state ^= state << 13; state ^= state >> 17; state ^= state << 5;
    const double u = (double)(state >> 8) / 8388608.0 - 1.0;
    unsigned char *at = b[p] + i * element[p];
    if (kind[p] == 0) { const float x = (float)u; memcpy(at, &x, sizeof x); }
    else if (kind[p] == 1) memcpy(at, &u, sizeof u);
    else if (kind[p] == 2) { const uint16_t x = (uint16_t)((state & 0x83ffu) | 0x3000u); memcpy(at, &x, sizeof x); }
    else if (kind[p] == 3) { const uint16_t x = (uint16_t)((state & 0x807fu) | 0x3e80u); memcpy(at, &x, sizeof x); }
    else if (kind[p] == 4) at[0] = (unsigned char)(state & 0x87u ? 0x30u | (state & 0x87u) : 0x30u);
    else at[0] = (unsigned char)(state >> 20 & 1u);
  }
}

static double difference(int p) {
  double most = 0, largest = 0;
  if (kind[p] != 0) return memcmp(b[p], reference[p], bytes[p]) == 0 ? 0 : 1;
  for (size_t i = 0; i < bytes[p] / sizeof(float); ++i) {
    float x, y;
    memcpy(&x, reference[p] + i * sizeof x, sizeof x);
    memcpy(&y, b[p] + i * sizeof y, sizeof y);
    if (x == y || (x != x && y != y)) { if (fabs(x) > largest && fabs(x) <= 3e38) largest = fabs(x); continue; }
    if (!(fabs(x - y) <= 3e38)) return 1e30;
    if (fabs(x - y) > most) most = fabs(x - y);
    if (fabs(x) > largest) largest = fabs(x);
  }
  return most == 0 ? 0 : most / (largest > 0 ? largest : 1e-30);
}

static void fresh(void) {
  for (size_t k = 0; k < sizeof outputs / sizeof *outputs; ++k) memset(b[outputs[k]], 0xff, bytes[outputs[k]]);
}

static double timed(int variant, int times) {
  pass();
  const double start = now();
  for (int k = 0; k < times; ++k) run(variant);
  return (now() - start) / times;
}

int main(void) {
  double best[VARIANTS];
  for (int p = 0; p < BUFFERS; ++p) { b[p] = allocate(bytes[p]); reference[p] = allocate(bytes[p]); fill(p); }
${scratches.map((n, k) => `  scratch[${k}] = allocate(${n});`).join("\n")}
  other = allocate(${between});
  for (int v = 0; v < VARIANTS; ++v) {
    double worst = 0;
    fresh();
    run(v);
    for (size_t k = 0; k < sizeof outputs / sizeof *outputs; ++k) {
      const int p = outputs[k];
      if (v == 0) memcpy(reference[p], b[p], bytes[p]);
      const double d = difference(p);
      if (d > worst) worst = d;
    }
    printf("error %d %.6g\\n", v, worst);
    best[v] = 1e9;
  }
  const double once = timed(0, 1);
  const int times = once > 5e-6 ? 1 : (int)(2e-5 / (once + 1e-7)) + 1;
  const double start = now();
  for (int r = 0; r < ${firstRounds} && (r < 3 || now() - start < ${seconds / 2}); ++r) {
    printf("round 0");
    for (int k = 0; k < VARIANTS; ++k) {
      const int v = (k + r) % VARIANTS;
      const double t = timed(v, times);
      if (t < best[v]) best[v] = t;
      printf(" %d:%.9f", v, t);
    }
    printf("\\n");
  }
  int second = -1, third = -1;
  for (int v = 1; v < VARIANTS; ++v) {
    if (second < 0 || best[v] < best[second]) { third = second; second = v; }
    else if (third < 0 || best[v] < best[third]) third = v;
  }
  for (int r = 0; second > 0 && r < ${lastRounds} && (r < 5 || now() - start < ${seconds}); ++r) {
    /* Forth and back: none is always the one after the same other. */
    const int order[3] = {0, second, third};
    double t[3] = {0};
    for (int k = 0; k < 3; ++k) {
      const int at = r % 2 ? 2 - k : k;
      if (order[at] >= 0) t[at] = timed(order[at], times);
    }
    printf("round 1 0:%.9f %d:%.9f", t[0], second, t[1]);
    if (third > 0) printf(" %d:%.9f", third, t[2]);
    printf("\\n");
  }
  return 0;
}
${epilogueOf(target)}`;
}

/** What a trial's program printed. Throws "bad-measurement" where something is missing. */
export function readMeasurement(text: string, variants: number): Measurement {
  const errors: number[] = [];
  const rounds: { phase: number; seconds: Map<number, number> }[] = [];
  for (const line of text.split("\n")) {
    const [word, index, ...rest] = line.trim().split(" ");
    if (word === "error") errors[Number(index)] = Number(rest[0]);
    if (word === "round") rounds.push({ phase: Number(index), seconds: new Map(rest.map((r) => r.split(":").map(Number) as [number, number])) });
  }
  const complete = Array.from({ length: variants }, (_, v) => errors[v] !== undefined && rounds.some((r) => (r.seconds.get(v) ?? 0) > 0)).every(Boolean);
  if (!complete) throw new GraphwrightError("bad-measurement", `the measuring program did not report on all ${variants} variants.`, undefined, "Tune again; if it happens again, build without tuning.");
  return { rounds, errors };
}

