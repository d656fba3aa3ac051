import { commentText } from "./c-names.ts";
import type { VendorLibrary } from "../backends/c/libraries.ts";
import { type CModel, selftestSamples } from "./c-model.ts";
import { dimsText, sizeMacro } from "./c-sizes.ts";

/** Build files and documents of a bundle. */

const flags = "-std=c99 -Wall -Wextra -Wpedantic";

export function makefile(m: CModel, sources: readonly string[], headers: readonly string[], library?: VendorLibrary): string {
  const { id } = m;
  const use = library?.name.toUpperCase();
  const libs = library ? ` $(${use}_LIBS_$(${use}))` : "";
  const objects = sources.map((s) => `build/${s.replace(/^.*\//, "").replace(/\.c$/, ".o")}`);
  const rules = sources.map((s, i) => `${objects[i]}: ${s} include/${id}.h include/${id}_threads.h include/${id}_memory.h ${headers.join(" ")} | build\n\t$(CC) $(BUILD) -c -o $@ ${s}\n`).join("\n");
  return `# make            the library lib${id}.a
# make selftest   and run ./selftest: compares with the reference outputs
# make bench      and run ./bench: measures
# make run        and run ./run with a file for each input
# make THREADS=-DGW_NO_THREADS ...   without threads of its own
# The code for the instructions of the machine is chosen when it runs.
${library ? `# ${use}=0 builds without ${library.title}; ${use}_LIBS names another one (now ${library.link}). make clean between the two.\n` : ""}CFLAGS ?= -O2
THREADS ?= -pthread
BUILD = ${flags} $(CFLAGS) $(THREADS)${library ? ` $(${use}_FLAGS_$(${use}))` : ""} -Iinclude -Isrc -I.
${library ? `${use} ?= 1\n${use}_FLAGS_1 = -D${library.macro}\n${use}_LIBS ?= ${library.link}\n${use}_LIBS_1 = $(${use}_LIBS)\n` : ""}
all: lib${id}.a

lib${id}.a: ${objects.join(" ")}
\t$(AR) rcs $@ ${objects.join(" ")}

${rules}
build:
\tmkdir -p build

selftest: test/selftest.c test/files.h lib${id}.a
\t$(CC) $(BUILD) -Itest -o $@ test/selftest.c lib${id}.a -lm${libs} $(LDFLAGS)

bench: bench.c test/files.h lib${id}.a
\t$(CC) $(BUILD) -o $@ bench.c lib${id}.a -lm${libs} $(LDFLAGS)

run: examples/run.c test/files.h lib${id}.a
\t$(CC) $(BUILD) -o $@ examples/run.c lib${id}.a -lm${libs} $(LDFLAGS)

clean:
\trm -rf build lib${id}.a selftest bench run

.PHONY: all clean
`;
}

export function cmakeLists(m: CModel, sources: readonly string[], library?: VendorLibrary): string {
  const { id } = m;
  const use = library?.name.toUpperCase();
  return `cmake_minimum_required(VERSION 3.10)
project(${id} C)

set(CMAKE_C_STANDARD 99)
set(CMAKE_C_EXTENSIONS OFF)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

add_library(${id} STATIC
${sources.map((s) => `  ${s}`).join("\n")}
)
target_include_directories(${id} PUBLIC include PRIVATE src)
if(NOT WIN32)
  target_link_libraries(${id} PUBLIC m)
endif()
set(CMAKE_THREAD_PREFER_PTHREAD TRUE)
find_package(Threads)
if(CMAKE_USE_PTHREADS_INIT)
  target_link_libraries(${id} PUBLIC Threads::Threads)
else()
  target_compile_definitions(${id} PRIVATE GW_NO_THREADS)
endif()

${library ? `option(${use} "call ${library.title}" ON)
set(${use}_LIBS "${library.link}" CACHE STRING "how it is linked")
if(${use})
  target_compile_definitions(${id} PRIVATE ${library.macro})
  target_link_libraries(${id} PUBLIC \${${use}_LIBS})
endif()

` : ""}foreach(program selftest bench run)
  if(program STREQUAL "selftest")
    set(source test/selftest.c)
  elseif(program STREQUAL "bench")
    set(source bench.c)
  else()
    set(source examples/run.c)
  endif()
  add_executable(\${program} EXCLUDE_FROM_ALL \${source})
  target_include_directories(\${program} PRIVATE . test)
  target_link_libraries(\${program} ${id})
  # The programs look for weights and vectors beside themselves.
  set_target_properties(\${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY \${CMAKE_CURRENT_SOURCE_DIR})
endforeach()
`;
}

const kilo = (bytes: number): string => (bytes < 10_000 ? `${bytes} bytes` : bytes < 10_000_000 ? `${(bytes / 1000).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

export interface ReadmeFacts {
  readonly stackBytes: number;
  readonly kernels: number;
  readonly hasModel: boolean;
  readonly weightsSource: boolean;
  readonly vectorSets: number;
  /** sizes of the run at which the self-test runs */
  readonly trials: readonly (readonly number[])[];
  readonly allowed: readonly number[];
  readonly notes: readonly string[];
  readonly library?: VendorLibrary;
}

export function readme(m: CModel, facts: ReadmeFacts): string {
  const { id } = m;
  const M = id.toUpperCase();
  const rows = (kind: string, list: CModel["inputs"]): string => list.map((t, i) => `| ${kind} ${i} | \`${t.name}\` | ${t.element}[${dimsText(t)}] | ${m.sizes.length > 0 && t.shape ? "at most " : ""}${t.bytes} |`).join("\n");
  const gap = m.arenaBytes - m.lowerBoundBytes;
  return `# ${commentText(m.modelName)}

A neural network as plain C99 with no dependency but the C library's \`math.h\`${facts.library ? ` and ${facts.library.title}, unless it is built with \`${facts.library.name.toUpperCase()}=0\`` : ""}: ${m.steps.length} ${m.steps.length === 1 ? "step" : "steps"} by ${facts.kernels} ${facts.kernels === 1 ? "kernel" : "kernels"}.

| | |
|---|---|
| Arena | ${m.arenaBytes} bytes (${kilo(m.arenaBytes)}); no plan can be below ${m.lowerBoundBytes}${gap === 0 ? ": it is the optimum" : `: ${gap} bytes above`} |
| Weights | ${m.weights.bytes} bytes (${kilo(m.weights.bytes)}), ${m.weights.tensors.length} tensors, in \`weights/${id}.bin\` |
| Locals on the stack | at most ${facts.stackBytes} bytes in a kernel, 4 kB in \`${id}_init\` |

| | Name | Type | Bytes |
|---|---|---|---|
${rows("Input", m.inputs)}
${rows("Output", m.outputs)}

## Build and test

\`\`\`sh
make                        # lib${id}.a
make selftest && ./selftest # compares with the reference outputs; exits with 0 when all agree
make bench && ./bench       # one line of JSON: median_ms, min_ms, runs, threads
make run && ./run${m.inputs.map((t) => ` ${t.name.replace(/[^A-Za-z0-9_.-]/g, "_")}.npy`).join("")}   # raw elements or .npy, one file an input
\`\`\`

One library holds code for several instruction sets (portable C99, AVX2, AVX-512, NEON); \`${id}_init\` picks the best that the
machine has, and \`${id}_use_variant\` another one. \`./bench --variant NAME\` measures it, \`./bench --profile\` prints the time of each
step as JSON. \`./bench --threads N\` divides large steps among N threads; the self-test shows that the bits stay the same.
The sources compile without a warning under \`${flags}\`.

## Use

\`\`\`c
#include "${id}.h"

/* Both at a multiple of 64: say so with _Alignas(64) in C11, or __attribute__((aligned(64))). */
static unsigned char arena[${M}_ARENA_BYTES];
extern const unsigned char weights[${M}_WEIGHT_BYTES];

${id}_context context;
${id}_status status = ${id}_init(&context, arena, sizeof arena, weights, sizeof weights);
if (status != ${M}_OK) puts(${id}_status_string(status));

${m.sizes.length > 0 ? `
${id}_sizes sizes = {${m.sizes.map((s, k) => `.${s.variable.name} = ${facts.trials[Math.min(1, facts.trials.length - 1)]![k]}`).join(", ")}};
status = ${id}_resize(&context, &sizes);   /* ${M}_ERROR_SIZE below 1 or above the bound */
int64_t dims[${Math.max(1, ...[...m.inputs, ...m.outputs].map((t) => t.dims.length))}];
memcpy(${id}_input(&context, 0), my_input, ${id}_input_shape(&context, 0, dims));   /* before every run: inputs are used up */
` : `memcpy(${id}_input(&context, 0), my_input, ${id}_input_info(0)->bytes);   /* before every run: inputs are used up */
`}status = ${id}_run(&context);
const ${m.outputs[0]?.element === "float32" ? "float" : "void"} *result = ${id}_output(&context, 0);
\`\`\`

\`weights\` are the bytes of \`weights/${id}.bin\` at a multiple of 64 (read, mapped, or linked in${facts.weightsSource ? ` from \`weights/${id}_weights.c\`` : ""}).
\`${id}_run\` allocates nothing, does no input or output, and writes nothing global; each context has its own arena.
\`${id}_run_steps\` runs part of the model and calls a hook around each step: a profiler or a watchdog.
\`${id}_use_threads\` takes a parallel-for of yours, or the pool of POSIX threads in \`${id}_threads.h\`; without it a run stays on its caller's thread.
\`${id}_memory.h\` gives memory for arena and weights in large pages where the system has them, which a run over megabytes gains from.
\`${id}_selftest\` needs no file: it makes its own input and compares up to ${selftestSamples} elements of each output.

${m.sizes.length > 0 ? `## Sizes

| Size | In the model | From | To |
|---|---|---|---|
${m.sizes.map((s) => `| \`${s.variable.name}\` | ${commentText(s.name)} | 1 | ${s.variable.max} (\`${sizeMacro(m, s)}\`) |`).join("\n")}

Arena, buffers and weights are planned for the largest sizes; nothing is planned again. \`${id}_resize\` sets the sizes of the runs that follow: loops run over
them, and inputs and outputs are dense in their shape, which \`${id}_input_shape\` and \`${id}_output_shape\` tell. After \`${id}_init\` the largest are set.
A size below 1 or above its bound is refused with \`${M}_ERROR_SIZE\`, and so is one that would leave a dimension of the model empty; the sizes then stay as they were.
The self-test compares at ${facts.trials.map((t) => m.sizes.map((s, k) => `${s.variable.name} = ${t[k]}`).join(", ")).join("; ")}. \`./bench ${m.sizes.map((s) => `--size ${s.variable.name}=${s.variable.max}`).join(" ")}\` measures at the sizes given, \`./run ${m.sizes.map((s) => `${s.variable.name}=${s.variable.max}`).join(" ")} ...\` takes them before the files.

` : ""}## What is here

| | |
|---|---|
| \`include/${id}.h\` | the API; \`${id}_threads.h\`: a pool of threads; \`${id}_memory.h\`: memory in large pages |
| \`src/\` | the model, its kernels, the self-test |
| \`manifest.json\` | source model, passes, inputs and outputs; for each operator its kernel, file and lines, and its schedule |
| \`memory_plan.json\` | every value's place and life; checked by a second, independent program at every build |
| \`test/\` | \`selftest.c\`, tolerances, ${facts.vectorSets} set${facts.vectorSets === 1 ? "" : "s"} of input and expected output vectors (\`./selftest\` at the top is the program made from it) |
${facts.hasModel ? "| `model.onnx` | the optimized graph in standard ONNX |\n" : ""}| \`SHA256SUMS\` | \`sha256sum -c SHA256SUMS\` |

The self-test allows an absolute error of ${facts.allowed.map((a) => a.toPrecision(3)).join(", ")} (by output): see \`test/tolerances.json\`.
${facts.notes.length > 0 ? `\n## Notes\n\n${facts.notes.map((n) => `- ${n}`).join("\n")}\n` : ""}`;
}

export const licenses = (modelName: string): string => `Generated sources
=================
The C sources, build files and documents in this folder were generated. You may use, change and distribute them under
the terms of the Apache License, Version 2.0 (https://www.apache.org/licenses/LICENSE-2.0), SPDX: Apache-2.0.

Model
=====
The weights, the graph and the names in this folder come from the model ${JSON.stringify(modelName)}; its own licence applies to them.

No third-party source is included.
`;
