import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { type Bundle, fileBytes } from "../../src/bundle/index.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { Timeline } from "../../src/ir/timeline.ts";
import { typeRules } from "../../src/ops/index.ts";
import { runPipeline } from "../../src/passes/run-pipeline.ts";
import { Random } from "../../src/support/random.ts";
import { bundleOf, folder, make, run, write } from "./on-disk.ts";

/** Convolution, pooling, matrix product, softmax, layer norm: small, and as a bundle would have them. */
async function network(): Promise<Graph> {
  const random = new Random(3);
  const constant = (name: string, ...dims: readonly number[]): string =>
    `%${name} = constant float32[${dims.join(", ")}] [${Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal().toFixed(3)).join(", ")}]`;
  const text = `graph @main(%x: float32[1, 3, 18, 18]) -> (%probabilities, %normal) {
    ${constant("w", 16, 3, 3, 3)}
    ${constant("b", 16)}
    ${constant("v", 16, 1, 3, 3)}
    ${constant("m", 16, 40)}
    ${constant("scale", 40)}
    ${constant("shift", 40)}
    %rows = constant int64[3] [1, 16, -1]
    %c = Conv(%x, %w, %b) {pads = [1, 1, 1, 1]}
    %r = Relu(%c)
    %d = Conv(%r, %v) {group = 16, pads = [1, 1, 1, 1]}
    %p = MaxPool(%d) {kernel_shape = [2, 2], strides = [2, 2]}
    %f = Reshape(%p, %rows)
    %t = Transpose(%f) {perm = [0, 2, 1]}
    %y = MatMul(%t, %m)
    %probabilities = Softmax(%y)
    %normal = LayerNormalization(%y, %scale, %shift)
    return %probabilities, %normal
  }`;
  const timeline = new Timeline(parseGraph(text, { rules: typeRules }));
  await runPipeline(timeline, "default");
  await runPipeline(timeline, "kernels");
  return timeline.head.graph;
}

const compiled = needs("gcc", "make");

describe("a bundle whose steps threads share, down to the smallest", () => {
  const at = folder();
  let bundle: Bundle;
  beforeAll(async () => {
    bundle = await bundleOf(await network(), { parallelWork: 0 });
    write(bundle.files, at.path);
  }, 180_000);
  afterAll(() => at.done());

  test("all kinds of steps are shared", () => {
    const manifest = JSON.parse(new TextDecoder().decode(fileBytes(bundle.files.find((f) => f.path === "manifest.json")!))) as { kernels: { name: string; stages: number }[] };
    const shared = manifest.kernels.filter((k) => k.stages > 0).map((k) => k.name);
    for (const kind of ["conv", "fused", "maxpool", "matmul", "softmax", "layernormalization"]) expect(shared.filter((name) => name.includes(kind)), kind).not.toEqual([]);
  });

  compiled("has no data race that the thread sanitizer sees, and the same bits on 2 and 3 threads", () => {
    expect(make(at.path, "selftest", "-O1 -g -fsanitize=thread")).toEqual({ code: 0, text: "" });
    // Without random addresses: the sanitizer's own memory has fixed ones.
    const result = run("setarch", ["-R", join(at.path, "selftest")]);
    expect(result.text).not.toContain("WARNING: ThreadSanitizer");
    expect(result.text).toMatch(/on 2 threads: the same bits[^]*on 3 threads: the same bits[^]*passed: largest error/);
    expect(result.code).toBe(0);
    run("make", ["-s", "-C", at.path, "clean"]);
  }, 180_000);

  compiled("runs without threads, where there are none", () => {
    expect(run("make", ["-s", "-j2", "-C", at.path, "selftest", "bench", "THREADS=-DGW_NO_THREADS", "CFLAGS=-O1 -Werror"])).toEqual({ code: 0, text: "" });
    expect(run("nm", [join(at.path, "selftest")]).text).not.toContain("pthread_create");
    expect(run(join(at.path, "selftest"), []).text).toMatch(/on 2 threads: not tried, this build has no threads[^]*passed: largest error/);
    expect(run(join(at.path, "bench"), ["--threads", "2", "--runs", "3"])).toMatchObject({ code: 2 });
    run("make", ["-s", "-C", at.path, "clean"]);
  }, 180_000);

  compiled("takes threads of the caller's: parts in any order", () => {
    expect(make(at.path, "bench")).toEqual({ code: 0, text: "" });
    const line = JSON.parse(run(join(at.path, "bench"), ["--threads", "3", "--runs", "5"]).text) as Record<string, number>;
    expect(line).toEqual({ median_ms: expect.any(Number) as number, min_ms: expect.any(Number) as number, runs: 5, threads: 3 });
    writeFileSync(
      join(at.path, "own.c"),
      `#include <stdio.h>
#include "test/files.h"
static int calls;
static void backwards(void *user, int parts, model_task task, void *data) {
  ++*(int *)user;
  while (parts-- > 0) task(data, parts);
}
int main(int argc, char **argv) {
  model_context context;
  model_report report;
  (void)argc;
  if (!open_model(argv[0], &context)) return 1;
  if (model_use_threads(&context, 0, backwards, &calls) != MODEL_ERROR_THREADS) return 2;
  if (model_use_threads(&context, 5, backwards, &calls) != MODEL_OK || model_selftest(&context, &report) != MODEL_OK) return 3;
  printf("%d\\n", calls);
  return calls > 5 ? 0 : 4;
}
`,
    );
    expect(run("gcc", ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-I.", "-Iinclude", "-o", "own", "own.c", "-L.", "-lmodel", "-lm"], at.path)).toEqual({ code: 0, text: "" });
    expect(run(join(at.path, "own"), [])).toMatchObject({ code: 0 });
  }, 180_000);

  compiled("has memory for arena and weights: whole, aligned, given back, refused when there is none", () => {
    writeFileSync(
      join(at.path, "memory.c"),
      `#include <stdint.h>
#include <string.h>
#include "model_memory.h"
int main(void) {
  const size_t sizes[] = {0, 1, 64, ((size_t)1 << 21) - 1, (size_t)1 << 21, 5000000};
  unsigned char *at[6];
  for (int i = 0; i < 6; ++i) {
    at[i] = (unsigned char *)model_memory_take(sizes[i]);
    if (at[i] == NULL || (uintptr_t)at[i] % (sizes[i] >> 21 ? (size_t)1 << 21 : 64) != 0) return 1 + i;
    memset(at[i], i, sizes[i]);
  }
  for (int i = 0; i < 6; ++i)
    for (size_t k = 0; k < sizes[i]; ++k)
      if (at[i][k] != i) return 11 + i;
  for (int i = 0; i < 6; ++i) model_memory_give(at[i]);
  model_memory_give(NULL);
  return model_memory_take(SIZE_MAX) == NULL && model_memory_take(SIZE_MAX - ((size_t)1 << 22)) == NULL ? 0 : 21;
}
`,
    );
    const flags = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Iinclude"];
    expect(run("gcc", [...flags, "-o", "memory", "memory.c", "src/model_memory.c"], at.path)).toEqual({ code: 0, text: "" });
    expect(run("env", ["ASAN_OPTIONS=allocator_may_return_null=1", join(at.path, "memory")]).code).toBe(0);
  }, 60_000);
});
