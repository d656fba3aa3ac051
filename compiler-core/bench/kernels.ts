/**
 * Speed of generated kernels at the shapes of ResNet-50, MobileNetV2 and BERT-base beside the machine's peak of fused
 * multiply-adds, which a generated probe measures in turns with the kernel: medians, one thread.
 * Usage: kernels [--target avx512|avx2|neon|portable] [--write] [NAME ...]
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { helperDefinitions } from "../src/backends/c/helpers.ts";
import { cTarget, epilogueOf } from "../src/backends/c/isa.ts";
import { printKernel } from "../src/backends/c/print.ts";
import { vectorDefinitions } from "../src/backends/c/vector-helpers.ts";
import { memoryFunctions } from "../src/bundle/c-memory.ts";
import { blockedConvLowering, packedMatMulLowering } from "../src/ops/support/lower-blocked.ts";
import { strassenMatMulLowering } from "../src/ops/support/lower-strassen.ts";
import { winogradConvLowering } from "../src/ops/support/lower-winograd.ts";
import { hoistScratch } from "../src/tensor/lower-node.ts";
import type { Lowering } from "../src/tensor/lowering.ts";
import { scheduleByRule } from "../src/tensor/rules.ts";
import { verifyProgram } from "../src/tensor/verifier.ts";
import { type Case, programOf } from "../test/tensor/lowered.ts";
import { processorName, targetHere, withPart } from "./processor.ts";

interface Shape {
  readonly name: string;
  readonly lowering: Lowering;
  /** of the convolution or product itself, however it is computed */
  readonly flops: number;
  readonly spec: Case;
}

const conv = (channels: number, features: number, size: number, kernel: number, stride = 1): Shape => {
  const from = (size - 1) * stride + kernel;
  return {
    name: `conv ${kernel}x${kernel}${stride > 1 ? ` stride ${stride}` : ""}, ${size}x${size}, ${channels} to ${features}`,
    lowering: blockedConvLowering,
    flops: 2 * channels * features * size * size * kernel * kernel,
    spec:
      channels < 8
        ? { op: "Conv", inputs: [[1, channels, from, from], [features / 16, channels, kernel, kernel, 16], [features / 16, 16]], output: [1, features / 16, size, size, 16], attributes: { strides: [stride, stride] } }
        : { op: "Conv", inputs: [[1, channels / 16, from, from, 16], [features / 16, channels / 16, kernel, kernel, 16, 16], [features / 16, 16]], output: [1, features / 16, size, size, 16], attributes: { strides: [stride, stride] } },
  };
};
const winograd = (channels: number, size: number, m: number): Shape => {
  const from = m * Math.ceil(size / m) + 2;
  return {
    name: `Winograd F(${m}, 3), ${size}x${size}, ${channels} to ${channels}`,
    lowering: winogradConvLowering,
    flops: 18 * channels * channels * size * size,
    spec: { op: "Winograd", inputs: [[1, channels / 16, from, from, 16], [(m + 2) ** 2, channels / 16, channels / 16, 16, 16], [channels / 16, 16]], output: [1, channels / 16, size, size, 16], attributes: { outputs: m, size: [size, size] } },
  };
};
const depthwise = (channels: number, size: number, stride: number): Shape => {
  const from = (size - 1) * stride + 3;
  return {
    name: `depthwise 3x3${stride > 1 ? ` stride ${stride}` : ""}, ${size}x${size}, ${channels}`,
    lowering: blockedConvLowering,
    flops: 18 * channels * size * size,
    spec: { op: "Depthwise", inputs: [[1, channels / 16, from, from, 16], [channels / 16, 3, 3, 16], [channels / 16, 16]], output: [1, channels / 16, size, size, 16], attributes: { strides: [stride, stride] } },
  };
};
const gemm = (m: number, n: number, k: number): Shape => ({
  name: `matrix product ${m} x ${k} by ${k} x ${n}`,
  lowering: packedMatMulLowering,
  flops: 2 * m * n * k,
  spec: { op: "Gemm", inputs: [[m, k], [Math.ceil(n / 16), k, 16], [n]], output: [m, n] },
});

const strassen = (m: number, n: number, k: number): Shape => ({
  name: `Strassen ${m} x ${k} by ${k} x ${n}`,
  lowering: strassenMatMulLowering,
  flops: 2 * m * n * k,
  spec: { op: "Strassen", inputs: [[m, k], [7, n / 32, k / 2, 16], [n]], output: [m, n] },
});

const shapes: readonly Shape[] = [
  gemm(128, 768, 768), gemm(128, 3072, 768), gemm(128, 768, 3072), gemm(1, 1000, 2048),
  conv(64, 64, 56, 3), conv(128, 128, 28, 3), conv(256, 256, 14, 3), conv(512, 512, 7, 3), conv(128, 128, 28, 3, 2), conv(3, 64, 112, 7, 2),
  conv(64, 256, 56, 1), conv(256, 64, 56, 1), conv(128, 512, 28, 1), conv(1024, 256, 14, 1), conv(512, 2048, 7, 1), conv(32, 192, 28, 1), conv(576, 96, 14, 1),
  winograd(64, 56, 4), winograd(128, 28, 4), winograd(256, 14, 2), winograd(512, 7, 2),
  strassen(128, 768, 768), strassen(128, 3072, 768), strassen(128, 768, 3072),
  depthwise(32, 112, 1), depthwise(144, 56, 1), depthwise(96, 56, 2), depthwise(576, 14, 1), depthwise(960, 7, 1),
];

const target = targetHere();
const isa = cTarget(target.name);
const folder = mkdtempSync(path.join(tmpdir(), "graphwright-kernels-"));
const compile = (source: string, name: string): string => {
  const [file, program] = [path.join(folder, `${name}.c`), path.join(folder, name)];
  writeFileSync(file, source);
  execFileSync("gcc", ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-o", program, file, "-lm"], { stdio: "inherit" });
  return program;
};
const clock = `static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec * 1e-9; }
static int order(const void *a, const void *b) { const double x = *(const double *)a, y = *(const double *)b; return (x > y) - (x < y); }`;

/** Independent chains of multiply-adds in registers: nothing can be faster. The C function gives their operations a second over about so many seconds. */
function peakProbe(): string {
  const lanes = Math.max(target.vectorLanes, 4);
  const chains = Array.from({ length: 12 }, (_, i) => `c${i}`);
  return `typedef float chain __attribute__((vector_size(${4 * lanes})));
static volatile float sink;
static double peak(double seconds) {
  chain x, y, ${chains.join(", ")};
  for (int k = 0; k < ${lanes}; ++k) { x[k] = 0.999f; y[k] = 0.001f; }
  ${chains.map((c, i) => `${c} = y * ${i + 1}.0f;`).join(" ")}
  const double start = now();
  double t = start, turns = 0;
  do {
    for (int i = 0; i < 500; ++i) { ${chains.map((c) => `${c} = ${c} * x + y;`).join(" ")} }
    turns += 500;
    t = now();
  } while (t - start < seconds);
  const chain s = ${chains.join(" + ")};
  sink = s[0];
  return ${2 * lanes * chains.length} * turns / (t - start);
}`;
}

interface Speed {
  readonly milliseconds: number;
  readonly gflops: number;
  readonly peak: number;
}

/** A kernel and the probe in turns, of half a millisecond at most: the clock of a processor follows what it has just done. */
function speed(shape: Shape): Speed {
  const plain = programOf(shape.lowering, { ...shape.spec, weights: [1, 2] });
  const program = hoistScratch(scheduleByRule(plain, target).program);
  const problems = verifyProgram(program);
  if (problems.length > 0) throw new Error(problems[0]!.message);
  const printed = printKernel(program, { name: "kernel", target });
  const sizes = program.parameters.map((p) => p.dims.reduce((a, b) => a * b, 4));
  const call = sizes.map((_, i) => `b[${i}]`).join(", ");
  const source = `${isa.prologue}#include <math.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <time.h>
${helperDefinitions(printed.helpers).join("\n")}\n${vectorDefinitions(printed.vectorHelpers, printed.vectorWidths).join("\n")}\n${printed.text}\n${clock}\n${peakProbe()}\n${memoryFunctions("gw")}
enum { turns = 400 };
static double own[turns], most[turns];
int main(void) {
  float *b[${sizes.length}];
${sizes.map((bytes, i) => `  b[${i}] = (float *)gw_memory_take(${bytes}); for (size_t k = 0; k < ${bytes / 4}; ++k) b[${i}][k] = 0.25f;`).join("\n")}
  const double begin = now();
  int n = 0;
  // A turn is of a fifth of a millisecond at least: the clock and the probe are read only so finely.
  double once = now();
  kernel(${call});
  once = now() - once;
  const int times = once < 2e-4 ? (int)(2e-4 / once) + 1 : 1;
  while (n < turns && now() - begin < 1.5) {
    const double t = now();
    for (int i = 0; i < times; ++i) kernel(${call});
    const double spent = now() - t;
    own[n] = spent / times;
    most[n++] = peak(spent < 5e-4 ? spent : 5e-4);
  }
  qsort(own, n, sizeof *own, order);
  qsort(most, n, sizeof *most, order);
  printf("%.9f %.1f\\n", own[n / 2], most[n / 2]);
  return 0;
}
${epilogueOf(isa)}`;
  const [seconds, peak] = execFileSync(compile(source, `k${shapes.indexOf(shape)}`), { encoding: "utf8" }).split(" ").map(Number) as [number, number];
  return { gflops: shape.flops / seconds / 1e9, milliseconds: 1000 * seconds, peak: peak / 1e9 };
}

try {
  const wanted = process.argv.slice(2).filter((a, i, all) => !a.startsWith("--") && all[i - 1] !== "--target");
  const title = `${processorName()}, one core, ${target.title}. The peak is measured in turns with each kernel; medians. Winograd and Strassen count the operations of computing directly.`;
  const lines = [title, "", "| Kernel | ms | GFLOP/s | peak | of peak |", "| --- | ---: | ---: | ---: | ---: |"];
  console.log(title);
  for (const shape of shapes) {
    if (wanted.length > 0 && !wanted.some((w) => shape.name.includes(w))) continue;
    const { gflops, milliseconds, peak } = speed(shape);
    lines.push(`| ${shape.name} | ${milliseconds.toFixed(3)} | ${gflops.toFixed(0)} | ${peak.toFixed(0)} | ${((100 * gflops) / peak).toFixed(0)}% |`);
    console.log(`${shape.name.padEnd(48)} ${milliseconds.toFixed(3).padStart(8)} ms ${gflops.toFixed(0).padStart(6)} GFLOP/s of ${peak.toFixed(0).padStart(4)} ${((100 * gflops) / peak).toFixed(0).padStart(4)}%`);
  }
  if (process.argv.includes("--write")) {
    const page = path.resolve("docs/performance.md");
    writeFileSync(page, withPart(existsSync(page) ? readFileSync(page, "utf8") : "# Performance of generated code\n", "kernels", lines.join("\n")));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
