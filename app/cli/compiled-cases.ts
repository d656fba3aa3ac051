import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { GraphwrightError, type CompiledCase } from "@graphwright/compiler-core";

/** A case with its code, as it goes into a batch. */
export interface BatchCase {
  readonly identifier: string;
  readonly code: NonNullable<CompiledCase["code"]>;
}

export interface CompileOptions {
  /** the C compiler and its flags, in one text: "gcc -O1" */
  readonly compiler: string;
  /** runs the program through this: "qemu-aarch64-static" */
  readonly runner?: string;
  /** keeps sources and programs here, for looking at them */
  readonly keep?: string;
}

/** Each case's outputs for each data set, or the reason why there are none. */
export type BatchResult = readonly (Uint8Array | string)[];

const harness = (cases: readonly BatchCase[]): string => `#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
${cases.map((c) => `#include "include/${c.identifier}.h"`).join("\n")}

static void *blocks[3];

static void release(void) {
  for (int i = 0; i < 3; ++i) free(blocks[i]);
  memset(blocks, 0, sizeof blocks);
}

static void *aligned(int slot, size_t bytes) {
  blocks[slot] = malloc(bytes + 128);
  if (blocks[slot] == NULL) exit(3);
  return (unsigned char *)blocks[slot] + (64 - (uintptr_t)blocks[slot] % 64);
}

static void *read_all(int slot, const char *name, size_t *bytes) {
  FILE *f = fopen(name, "rb");
  void *data;
  if (f == NULL || fseek(f, 0, SEEK_END) != 0) exit(4);
  *bytes = (size_t)ftell(f);
  rewind(f);
  data = aligned(slot, *bytes);
  if (fread(data, 1, *bytes, f) != *bytes) exit(4);
  fclose(f);
  return data;
}

${cases
  .map(
    ({ identifier: id, code }) => `static int run_${id}(void) {
  ${id}_context context;
  size_t weight_bytes, input_bytes;
  void *weights = read_all(0, "weights/${id}.bin", &weight_bytes);
  void *arena = aligned(1, ${id.toUpperCase()}_ARENA_BYTES);
  ${id}_status status;
  memset(arena, 0x7f, ${id.toUpperCase()}_ARENA_BYTES);
  status = ${id}_init(&context, arena, ${id.toUpperCase()}_ARENA_BYTES, weights, weight_bytes);
  if (status != 0) {
    printf("${id} %s\\n", ${id}_status_string(status));
    return 1;
  }
  for (int set = 0; set < ${code.inputs.length}; ++set) {
    char name[128];
    FILE *out;
    const unsigned char *from;
    sprintf(name, "in/${id}_%d.bin", set);
    from = (const unsigned char *)read_all(2, name, &input_bytes);
    for (int i = 0; i < ${id.toUpperCase()}_INPUTS; ++i) {
      memcpy(${id}_input(&context, i), from, ${id}_input_info(i)->bytes);
      from += ${id}_input_info(i)->bytes;
    }
    free(blocks[2]);
    blocks[2] = NULL;
    status = ${id}_run(&context);
    if (status != 0) {
      printf("${id} %s\\n", ${id}_status_string(status));
      return 1;
    }
    sprintf(name, "out/${id}_%d.bin", set);
    out = fopen(name, "wb");
    if (out == NULL) exit(4);
    for (int i = 0; i < ${id.toUpperCase()}_OUTPUTS; ++i) fwrite(${id}_output(&context, i), 1, ${id}_output_info(i)->bytes, out);
    fclose(out);
  }
  release();
  return 0;
}
`,
  )
  .join("\n")}
int main(int argc, char **argv) {
  const int only = argc > 1 ? atoi(argv[1]) : -1;
${cases.map(({ identifier }, i) => `  if (only < 0 || only == ${i}) run_${identifier}();`).join("\n")}
  return 0;
}
`;

interface Finished {
  readonly code: number | null;
  readonly signal: string | null;
  readonly text: string;
}

const execute = (command: string, args: readonly string[], cwd: string): Promise<Finished> =>
  new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"], timeout: 600_000 });
    let text = "";
    child.stdout.on("data", (data: Buffer) => (text += data.toString()));
    child.stderr.on("data", (data: Buffer) => (text += data.toString()));
    child.on("error", (error) => resolve({ code: null, signal: null, text: error.message }));
    child.on("close", (code, signal) => resolve({ code, signal, text }));
  });

const firstLine = (text: string): string => text.split("\n").find((l) => /error|warning/i.test(l))?.trim() ?? text.split("\n")[0]!.trim();

/** Runs at most this many compilers side by side. */
const workers = Math.max(1, Math.min(2, availableParallelism()));

/**
 * Compiles the cases together, one object file each, and runs all of them in one program; a case that does not compile
 * without a warning, or that ends the program, is told apart from the others.
 */
export async function runBatch(cases: readonly BatchCase[], { compiler, runner, keep }: CompileOptions): Promise<ReadonlyMap<string, BatchResult | string>> {
  const folder = keep ?? mkdtempSync(path.join(tmpdir(), "graphwright-cases-"));
  const [command, ...flags] = compiler.split(/\s+/) as [string, ...string[]];
  const results = new Map<string, BatchResult | string>();
  try {
    for (const sub of ["include", "src", "weights", "in", "out"]) mkdirSync(path.join(folder, sub), { recursive: true });
    for (const { code, identifier } of cases) {
      for (const f of code.files) writeFileSync(path.join(folder, f.path), f.bytes);
      // Cases run on one thread: the pool, a unit of its own, stays out.
      const sources = code.files.filter((f) => f.path.endsWith(".c") && !f.path.endsWith("_threads.c"));
      writeFileSync(path.join(folder, `${identifier}.unit.c`), sources.map((f) => `#include "${f.path}"\n`).join(""));
      for (const [set, bytes] of code.inputs.entries()) writeFileSync(path.join(folder, `in/${identifier}_${set}.bin`), bytes);
    }
    const strict = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Iinclude", "-Isrc"];
    const pending = [...cases];
    const built: BatchCase[] = [];
    await Promise.all(
      Array.from({ length: workers }, async () => {
        for (let next = pending.shift(); next; next = pending.shift()) {
          const done = await execute(command, [...flags, ...strict, "-c", "-o", `${next.identifier}.o`, `${next.identifier}.unit.c`], folder);
          if (done.code === 0) built.push(next);
          else if (done.code === null && !existsSync(path.join(folder, `${next.identifier}.o`))) throw new GraphwrightError("no-compiler", `${command} cannot be run: ${done.text || (done.signal ?? "it ended")}.`, undefined, "Install a C compiler, or name one with --cc.");
          else results.set(next.identifier, `does not compile: ${firstLine(done.text)}`);
        }
      }),
    );
    const ready = cases.filter((c) => built.includes(c));
    if (ready.length === 0) return results;
    writeFileSync(path.join(folder, "main.c"), harness(ready));
    const linked = await execute(command, [...flags, "-std=c99", "-o", "cases", "main.c", ...ready.map((c) => `${c.identifier}.o`), "-lm"], folder);
    if (linked.code !== 0) throw new GraphwrightError("not-linked", `the cases do not link: ${firstLine(linked.text)}.`);
    const start = (args: readonly string[]): Promise<Finished> => (runner === undefined ? execute(path.join(folder, "cases"), args, folder) : execute(runner.split(" ")[0]!, [...runner.split(" ").slice(1), path.join(folder, "cases"), ...args], folder));
    const together = await start([]);
    for (const [i, each] of ready.entries()) {
      let reason = new RegExp(`^${each.identifier} (.*)$`, "m").exec(together.text)?.[1];
      if (together.code !== 0) {
        const alone = await start([`${i}`]);
        if (alone.code !== 0) reason = `the program ended with ${alone.signal ?? alone.code}: ${firstLine(alone.text)}`;
      }
      results.set(each.identifier, reason ?? each.code.inputs.map((_, set) => readFileSync(path.join(folder, `out/${each.identifier}_${set}.bin`))));
    }
    return results;
  } finally {
    if (keep === undefined) rmSync(folder, { recursive: true, force: true });
  }
}
