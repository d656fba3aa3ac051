import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { helperDefinitions } from "../../src/backends/c/helpers.ts";
import { byteUseOf, cTarget, epilogueOf } from "../../src/backends/c/isa.ts";
import { printKernel } from "../../src/backends/c/print.ts";
import { cType } from "../../src/backends/c/types.ts";
import { vectorDefinitions } from "../../src/backends/c/vector-helpers.ts";
import { byteSize } from "../../src/ir/element-type.ts";
import { type Tensor, tensorBytes, tensorFromBytes } from "../../src/ir/tensor.ts";
import { elementCount } from "../../src/ir/value-type.ts";
import type { Buffer, TensorProgram } from "../../src/tensor/program.ts";
import { type SizeValues, withSizes } from "../../src/tensor/sizes.ts";
import { portableTarget, scheduleTargets, type ScheduleTarget } from "../../src/tensor/target.ts";

/** Does the compiler link a program with these flags? Sanitizers need a runtime library that may be missing. */
const links = (name: string, flags: readonly string[]): boolean => spawnSync(name, [...flags, "-x", "c", "-", "-o", "/dev/null"], { input: "int main(void) { return 0; }" }).status === 0;

/** Compilers that are here, and those of them that have the sanitizers. */
export const compilers = ["gcc", "clang"].filter((name) => spawnSync(name, ["--version"]).status === 0);
export const sanitizingCompilers = compilers.filter((name) => links(name, ["-fsanitize=address,undefined"]));

/** Targets that this machine runs. */
export function runnableTargets(): ScheduleTarget[] {
  const flags = new Set((existsSync("/proc/cpuinfo") ? readFileSync("/proc/cpuinfo", "utf8") : "").split(/\s+/));
  const needed: Record<ScheduleTarget["name"], readonly string[] | undefined> = { portable: [], avx2: ["avx2", "fma"], avx512: ["avx512f", "avx512vl", "avx512dq", "avx512bw"], neon: process.arch === "arm64" ? [] : undefined, wasm: undefined };
  return scheduleTargets.filter((t) => needed[t.name]?.every((flag) => flags.has(flag)));
}

const bytesOf = (b: Buffer): number => byteSize(b.element, elementCount(b.dims));
const warnings = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];

export interface RunOptions {
  readonly compiler?: string;
  readonly flags?: readonly string[];
  readonly target?: ScheduleTarget;
  /** runs programs of another processor */
  readonly emulator?: string;
}

export interface RunCase {
  readonly program: TensorProgram;
  readonly inputs: readonly Tensor[];
  /** of a program with sizes of the run */
  readonly sizes?: SizeValues;
}

/** The program's arrays as they are at the sizes of the run. */
export const parametersOf = ({ program, sizes }: RunCase): readonly Buffer[] => (sizes ? withSizes(program, sizes) : program).parameters;

/** Compiles programs as C, runs each once on its inputs, and gives the outputs of each. Each array ends where its memory does, which sanitizers watch. */
export function runInC(cases: readonly RunCase[], options: RunOptions = {}): Tensor[][] {
  const target = options.target ?? portableTarget;
  const folder = mkdtempSync(join(tmpdir(), "graphwright-c-"));
  try {
    const printed = cases.map((c, i) => printKernel(c.program, { name: `kernel_${i}`, target }));
    const helpers = [
      ...helperDefinitions(new Set(printed.flatMap((p) => [...p.helpers]))),
      ...vectorDefinitions(new Set(printed.flatMap((p) => [...p.vectorHelpers])), new Set(printed.flatMap((p) => [...p.vectorWidths]))),
    ];
    const isa = cTarget(target.name, byteUseOf(cases.map((c) => c.program)));
    const calls = cases.map((c, i) => {
      const [makes, reads, writes, frees]: string[][] = [[], [], [], []];
      const args = parametersOf(c).map((p, k) => {
        const [place, bytes] = [`m${k}`, Math.max(1, bytesOf(p))];
        makes!.push(`  unsigned char *${place} = (unsigned char *)malloc(${bytes});`);
        reads!.push(`  memset(${place}, 0x7f, ${bytes});`);
        if (p.scope === "input" || p.scope === "weight") reads!.push(`  take(in, ${place}, ${bytesOf(p)});`);
        else if (p.scope === "output") writes!.push(`  fwrite(${place}, 1, ${bytesOf(p)}, out);`);
        frees!.push(`  free(${place});`);
        return `(${p.scope === "output" || p.scope === "scratch" ? "" : "const "}${cType(p.element)} *)${place}`;
      });
      return `static void case_${i}(FILE *in, FILE *out) {\n${makes!.join("\n")}\n  (void)in;\n${reads!.join("\n")}\n  kernel_${i}(${[...args, ...printed[i]!.sizes.map((s) => c.sizes!.get(s)!)].join(", ")});\n${[...writes!, ...frees!].join("\n")}\n}`;
    });
    const source = `${isa.prologue}#include <math.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n${helpers.join("\n")}\n${printed.map((p) => `${p.prototype};\n${p.text}`).join("\n")}
static void take(FILE *in, unsigned char *to, size_t bytes) {
  if (fread(to, 1, bytes, in) != bytes) exit(3);
}
${calls.join("\n")}
int main(int argc, char **argv) {
  FILE *in = fopen(argv[1], "rb");
  FILE *out = fopen(argv[2], "wb");
  (void)argc;
  if (in == NULL || out == NULL) return 2;
${cases.map((_, i) => `  case_${i}(in, out);`).join("\n")}
  fclose(in);
  return fclose(out) == 0 ? 0 : 4;
}
${epilogueOf(isa)}`;
    writeFileSync(join(folder, "t.c"), source);
    writeFileSync(join(folder, "in.bin"), joined(cases.flatMap((c) => c.inputs.map(tensorBytes))));
    execFileSync(options.compiler ?? compilers[0]!, [...warnings, ...(options.flags ?? ["-O1"]), "-o", join(folder, "t"), join(folder, "t.c"), "-lm"], { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
    const [command, ...before] = [...(options.emulator ? [options.emulator] : []), join(folder, "t")];
    execFileSync(command!, [...before, join(folder, "in.bin"), join(folder, "out.bin")], { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
    const bytes = new Uint8Array(readFileSync(join(folder, "out.bin")));
    let at = 0;
    return cases.map((c) =>
      parametersOf(c)
        .filter((p) => p.scope === "output")
        .map((p) => {
          const part = bytes.slice(at, at + bytesOf(p));
          at += bytesOf(p);
          return tensorFromBytes(p.element, p.dims, part);
        }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return all;
}
