/** A graph as one C program that runs and times itself, for benchmarks: what a bundle computes, without the bundle around it. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { helperDefinitions } from "../src/backends/c/helpers.ts";
import { byteUseOf, cTarget, epilogueOf } from "../src/backends/c/isa.ts";
import { printKernel } from "../src/backends/c/print.ts";
import { cType } from "../src/backends/c/types.ts";
import { shareKernels } from "../src/backends/c/share-kernels.ts";
import { shareTiles } from "../src/backends/c/share-tiles.ts";
import { vectorDefinitions } from "../src/backends/c/vector-helpers.ts";
import { memoryHeader, memorySource } from "../src/bundle/c-memory.ts";
import { threadsHeader, threadsSource } from "../src/bundle/c-threads.ts";
import { lowerGraph } from "../src/bundle/lower-graph.ts";
import { planMemory } from "../src/bundle/memory-plan.ts";
import { layOutWeights, makeWeights } from "../src/bundle/weights.ts";
import { byteSize } from "../src/ir/element-type.ts";
import type { Graph } from "../src/ir/graph.ts";
import { type Tensor, tensorBytes, tensorFromBytes } from "../src/ir/tensor.ts";
import { elementCount } from "../src/ir/value-type.ts";
import { silentTask } from "../src/support/task.ts";
import type { ScheduleChooser } from "../src/tensor/schedule-choice.ts";
import type { ScheduleTarget } from "../src/tensor/target.ts";

export interface Native {
  readonly program: string;
  readonly arenaBytes: number;
  readonly lowerBoundBytes: number;
  readonly compileSeconds: number;
  readonly cLines: number;
  /** runs on the inputs with a pool of `threads` (1): outputs, and milliseconds of each of `runs` runs */
  run(inputs: readonly Tensor[], runs: number, threads?: number): { outputs: Tensor[]; milliseconds: number[]; steps: { name: string; milliseconds: number }[] };
}

export async function compileNative(graph: Graph, target: ScheduleTarget, folder: string, options: { compiler?: string; flags?: readonly string[]; schedules?: ScheduleChooser } = {}): Promise<Native> {
  mkdirSync(folder, { recursive: true });
  const lowered = await lowerGraph(graph, silentTask, undefined, target, undefined, undefined, options.schedules);
  const constants = [...lowered.values.values()].filter((v) => v.constant && v.type.element !== null && (lowered.outputs.includes(v.key) || lowered.steps.some((s) => s.reads.includes(v.key))));
  const tensors = constants.map((v) => ({ name: v.name, value: graph.constant(v.ref)!, ...(v.layout ? { layout: v.layout } : {}) }));
  const offsets = new Map(constants.map((v, i) => [v.key, layOutWeights(tensors).offsets[i]!]));
  const plan = planMemory({
    values: [...lowered.values.values()].map((v) => ({ key: v.key, bytes: v.bytes, ...(offsets.has(v.key) ? { weightOffset: offsets.get(v.key)! } : {}) })),
    steps: lowered.steps.map((s) => ({ reads: s.reads, writes: s.writes, scratch: s.scratch.map((b) => byteSize(b.element, elementCount(b.dims))), inPlace: s.inPlace, views: s.views })),
    inputs: lowered.inputs,
    outputs: lowered.outputs,
  });
  const weights = await makeWeights(tensors, silentTask);
  const file = openSync(path.join(folder, "weights.bin"), "w");
  for (const chunk of weights.chunks()) writeSync(file, chunk);
  closeSync(file);
  const helpers = new Set<string>();
  const vectorHelpers = new Set<string>();
  const widths = new Set<number>();
  const printed = lowered.steps.flatMap((step, i) => {
    if (plan.elided[i]) return [];
    const mayAlias = new Set(step.program.parameters.filter((p) => plan.takenInPlace[i]!.some(([a, b]) => [a, b].includes(step.values.get(p) ?? ""))));
    return [{ step, i, source: printKernel(step.program, { name: "KERNEL", mayAlias, target, threads: true }) }];
  });
  const apart = (text: string): string => `static __attribute__((noinline)) ${text}`;
  const calls: { name: string; text: string }[] = Array.from({ length: printed.length });
  const tiled = shareTiles(printed.map((p) => p.source), (tile) => `t${tile}`);
  const kernels = shareKernels(tiled.kernels).map(({ source, uses }, k) => {
    for (const h of source.helpers) helpers.add(h);
    for (const h of source.vectorHelpers) vectorHelpers.add(h);
    for (const w of source.vectorWidths) widths.add(w);
    for (const { at, numbers } of uses) {
      const { step, i } = printed[at]!;
      let scratch = 0;
      const args = step.program.parameters.map((p) => {
        const type = `${p.scope === "output" || p.scope === "scratch" ? "" : "const "}${cType(p.element)} *`;
        if (p.scope === "scratch") return `(${type})(arena + ${plan.scratch[i]![scratch++]})`;
        const place = plan.locations.get(step.values.get(p)!)!;
        return `(${type})(${place.space} + ${place.offset})`;
      });
      calls[at] = { name: `${step.node.op === "Fused" ? (step.node.attributes["kind"] as { value: string }).value : step.node.op} ${step.node.name || step.node.outputs[0]!.name}`, text: `k${k}(${[...args, ...numbers].join(", ")}${source.stages > 0 ? ", stage, part, parts" : ""}); return ${source.stages};` };
    }
    return apart(source.text.replace("KERNEL", `k${k}`));
  });
  const isa = cTarget(target.name, byteUseOf(lowered.steps.map((s) => s.program)));
  const at = (key: string): string => `${plan.locations.get(key)!.space} + ${plan.locations.get(key)!.offset}`;
  const bytes = (key: string): number => lowered.values.get(key)!.bytes;
  const source = `${isa.prologue}#include <math.h>\n#include <stddef.h>\n#include <stdint.h>\n${helperDefinitions(helpers).join("\n")}\n${vectorDefinitions(vectorHelpers, widths).join("\n")}\n${[...tiled.tiles.map((t) => apart(t.source.text)), ...kernels].join("\n")}
int gw_step(unsigned char *arena, const unsigned char *weights, int step, int stage, int part, int parts);
int gw_step(unsigned char *arena, const unsigned char *weights, int step, int stage, int part, int parts) {
  (void)weights; (void)stage; (void)part;
  switch (step) {
${calls.map((c, i) => `    case ${i}: if (parts > 0) ${c.text}`).join("\n")}
  }
  return 0;
}
${epilogueOf(isa)}`;
  const main = `#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <time.h>\n#include "gw_memory.h"\n#include "gw_threads.h"\nint gw_step(unsigned char *arena, const unsigned char *weights, int step, int stage, int part, int parts);
static unsigned char *arena, *weights;
static gw_pool *pool;
static int threads, parts, now_step, now_stage;
static void run_part(void *data, int part) { (void)data; (void)gw_step(arena, weights, now_step, now_stage, part, parts); }
static void run_step(int step) {
  const int stages = gw_step(arena, weights, step, 0, 0, threads > 1 ? 0 : 1);
  now_step = step;
  if (threads == 1) for (int stage = 1; stage < stages; ++stage) (void)gw_step(arena, weights, step, stage, 0, 1);
  else if (stages == 0) (void)gw_step(arena, weights, step, 0, 0, 1);
  else for (now_stage = 0; now_stage < stages; ++now_stage) gw_pool_for(pool, parts, run_part, NULL);
}
static double now(void) { struct timespec t; clock_gettime(getenv("CPU") ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t); return t.tv_sec * 1e3 + t.tv_nsec * 1e-6; }
int main(int argc, char **argv) {
  int runs = atoi(argv[4]);
  threads = atoi(argv[5]);
  parts = 4 * threads;
  pool = threads > 1 ? gw_pool_open(threads) : NULL;
  arena = gw_memory_take(${plan.arenaBytes + 64});
  weights = gw_memory_take(${weights.bytes + 64});
  unsigned char *in = malloc(${lowered.inputs.reduce((n, k) => n + bytes(k), 64)});
  double *total = calloc(${calls.length + 1}, sizeof(double));
  (void)argc;
  FILE *f = fopen(argv[1], "rb"); if (fread(weights, 1, ${weights.bytes}, f) != ${weights.bytes}) return 2; fclose(f);
  f = fopen(argv[2], "rb"); if (fread(in, 1, ${lowered.inputs.reduce((n, k) => n + bytes(k), 0)}, f) != ${lowered.inputs.reduce((n, k) => n + bytes(k), 0)}) return 3; fclose(f);
  memset(arena, 0, ${plan.arenaBytes});
  for (int r = 0; r < runs; ++r) {
    size_t at = 0;
    (void)at;
${lowered.inputs.map((k) => `    memcpy(${at(k)}, in + at, ${bytes(k)}); at += ${bytes(k)};`).join("\n")}
    double start = now();
    if (getenv("STEPS")) for (int s = 0; s < ${calls.length}; ++s) { double t = now(); run_step(s); t = now() - t; if (r == 0 || t < total[s]) total[s] = t; }
    else for (int s = 0; s < ${calls.length}; ++s) run_step(s);
    printf("run %f\\n", now() - start);
  }
  for (int s = 0; s < ${calls.length}; ++s) printf("step %d %f\\n", s, total[s]);
  f = fopen(argv[3], "wb");
${lowered.outputs.map((k) => `  fwrite(${at(k)}, 1, ${bytes(k)}, f);`).join("\n")}
  fclose(f);
  return 0;
}
`;
  writeFileSync(path.join(folder, "kernels.c"), source);
  writeFileSync(path.join(folder, "main.c"), main);
  writeFileSync(path.join(folder, "gw.h"), "#include <stddef.h>\ntypedef void (*gw_task)(void *data, int part);\n");
  writeFileSync(path.join(folder, "gw_threads.h"), threadsHeader({ id: "gw" }));
  writeFileSync(path.join(folder, "gw_threads.c"), threadsSource({ id: "gw" }));
  writeFileSync(path.join(folder, "gw_memory.h"), memoryHeader({ id: "gw" }));
  writeFileSync(path.join(folder, "gw_memory.c"), memorySource({ id: "gw" }));
  const compiler = options.compiler ?? "gcc";
  const began = performance.now();
  execFileSync(compiler, ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", ...(options.flags ?? ["-O2"]), "-c", "-o", path.join(folder, "kernels.o"), path.join(folder, "kernels.c")], { stdio: "inherit" });
  const compileSeconds = (performance.now() - began) / 1000;
  const program = path.join(folder, "program");
  execFileSync(compiler, ["-O2", "-D_GNU_SOURCE", "-pthread", "-o", program, path.join(folder, "main.c"), path.join(folder, "gw_threads.c"), path.join(folder, "gw_memory.c"), path.join(folder, "kernels.o"), "-lm"], { stdio: "inherit" });
  return {
    program,
    arenaBytes: plan.arenaBytes,
    lowerBoundBytes: plan.lowerBoundBytes,
    compileSeconds,
    cLines: source.split("\n").length,
    run(inputs, runs, threads = 1) {
      const input = openSync(path.join(folder, "in.bin"), "w");
      for (const t of inputs) writeSync(input, tensorBytes(t));
      closeSync(input);
      const text = execFileSync(program, [path.join(folder, "weights.bin"), path.join(folder, "in.bin"), path.join(folder, "out.bin"), `${runs}`, `${threads}`], { encoding: "utf8" });
      const out = new Uint8Array(readFileSync(path.join(folder, "out.bin")));
      let place = 0;
      const outputs = lowered.outputs.map((k) => {
        const v = lowered.values.get(k)!;
        const part = out.slice(place, place + v.bytes);
        place += v.bytes;
        return tensorFromBytes(v.type.element!, v.dims, part);
      });
      const lines = text.split("\n").map((l) => l.split(" "));
      return {
        outputs,
        milliseconds: lines.filter((l) => l[0] === "run").map((l) => Number(l[1])),
        steps: lines.filter((l) => l[0] === "step").map((l) => ({ name: calls[Number(l[1])]!.name, milliseconds: Number(l[2]) })),
      };
    },
  };
}
