import { hasDotProducts } from "../../tensor/dot-product.ts";
import type { TensorProgram } from "../../tensor/program.ts";
import { scheduleTargets, type ScheduleTarget } from "../../tensor/target.ts";

/** What the C sources of a target need around their functions. */
export interface CTarget {
  readonly target: ScheduleTarget;
  /** preprocessor condition under which the sources of the target have any content; undefined: always */
  readonly guard?: string;
  /** first lines of a source, after its guard: instructions and contraction for the whole file, whatever the command line says */
  readonly prologue: string;
  /** C expression, not zero where the processor running it has the instructions; undefined where the guard says enough */
  readonly detect?: string;
}

/** gcc takes file-wide options, clang attributes on each function. */
const instructions = (features: readonly string[]): string =>
  `#if defined(__clang__)\n#pragma clang attribute push(__attribute__((target("${features.join(",")}"))), apply_to = function)\n#else\n#pragma GCC target("${features.join(",")}")\n#pragma GCC optimize("fp-contract=fast")\n#endif\n`;

const avx512 = ["avx512f", "avx512vl", "avx512dq", "avx512bw", "avx2", "fma"];
const x86 = "(defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)";

export const cTargets: readonly CTarget[] = [
  { target: scheduleTargets[0], prologue: "" },
  {
    target: scheduleTargets[1],
    guard: x86,
    prologue: instructions(["avx2", "fma"]),
    detect: '__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")',
  },
  {
    target: scheduleTargets[2],
    guard: x86,
    prologue: instructions(avx512),
    detect: '__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma")',
  },
  {
    target: scheduleTargets[3],
    guard: "defined(__aarch64__) && defined(__GNUC__)",
    prologue: '#if !defined(__clang__)\n#pragma GCC optimize("fp-contract=fast")\n#endif\n#include <arm_neon.h>\n',
  },
];

/** Closes what a source's prologue opened. */
export const epilogueOf = (c: CTarget): string => (c.prologue.includes("attribute push") ? "#if defined(__clang__)\n#pragma clang attribute pop\n#endif\n" : "");

/** How a program computes with 8-bit integers, which decides what its sources need. */
export interface ByteUse {
  /** it reads or writes some: conversions are the compiler's named instructions */
  readonly bytes: boolean;
  /** it has loops bound to dot products: with AVX-512 instructions that sum four products (VNNI) */
  readonly dotProducts: boolean;
  /** it reads or writes half floats: x86 has instructions that convert them (F16C) */
  readonly halves: boolean;
}

export function byteUseOf(programs: Iterable<TensorProgram>): ByteUse {
  let [bytes, dotProducts, halves] = [false, false, false];
  for (const p of programs) {
    halves ||= p.parameters.some((b) => b.element === "float16");
    bytes ||= p.parameters.some((b) => b.element === "int8" || b.element === "uint8");
    dotProducts ||= hasDotProducts(p);
  }
  return { bytes, dotProducts, halves };
}

export function cTarget(name: ScheduleTarget["name"], use: ByteUse = { bytes: false, dotProducts: false, halves: false }): CTarget {
  const found = cTargets.find((t) => t.target.name === name)!;
  if ((!use.bytes && !use.halves) || found.guard !== x86) return found;
  const dots = name === "avx512" && use.dotProducts;
  const tested = dots ? ["avx512vnni"] : [];
  // Every processor with AVX2 converts half floats; not every compiler can ask for it.
  const extra = [...tested, ...(use.halves ? ["f16c"] : [])];
  const macros = `${dots ? "#define GW_VNNI 1\n" : ""}${use.halves ? "#define GW_F16C 1\n" : ""}`;
  const prologue = extra.length > 0 ? `${macros}${instructions([...(name === "avx512" ? avx512 : ["avx2", "fma"]), ...extra])}` : found.prologue;
  return { ...found, prologue: `#include <immintrin.h>\n${prologue}`, detect: [found.detect!, ...tested.map((e) => `__builtin_cpu_supports("${e}")`)].join(" && ") };
}
