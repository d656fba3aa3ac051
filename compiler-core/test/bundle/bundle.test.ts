import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bundle, type BundleFile, fileBytes, sha256Of, zipBundle } from "../../src/bundle/index.ts";
import { type CheckedPlan, checkMemoryPlan } from "../../src/bundle/overlap-checker.ts";
import { isFused, type Graph } from "../../src/ir/graph.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { Timeline } from "../../src/ir/timeline.ts";
import { typeRules } from "../../src/ops/index.ts";
import { runPipeline } from "../../src/passes/run-pipeline.ts";
import { chooseKernels } from "../../src/session/build.ts";
import { sizedGraph } from "../../src/session/sized-graph.ts";
import { GraphwrightError } from "../../src/support/diagnostic.ts";
import { silentTask } from "../../src/support/task.ts";
import { needs } from "../../../app/tooling/need.ts";
import { bundleOf, folder, make, open, reference, repository, run, selfTest, write } from "./on-disk.ts";

const digitsPath = join(repository, "examples/digits/digits.onnx");
const text = (bundle: Bundle, path: string): string => new TextDecoder().decode(fileBytes(bundle.files.find((f) => f.path === path) as BundleFile));
const parse = (source: string): Graph => parseGraph(source, { rules: typeRules });

async function optimized(graph: Graph): Promise<Graph> {
  const timeline = new Timeline(graph);
  await runPipeline(timeline, "default");
  return timeline.head.graph;
}

const compiled = needs("gcc", "make");

describe("the digits network as a bundle", () => {
  for (const form of ["as imported", "optimized"] as const)
    describe(form, () => {
      let at: ReturnType<typeof folder>;
      let bundle: Bundle;
      let graph: Graph;
      beforeAll(async () => {
        at = folder();
        const original = open(digitsPath);
        graph = form === "optimized" ? await optimized(original) : original;
        // The original judges the optimized one.
        bundle = await bundleOf(graph, { name: "digits", evaluate: reference(original) });
        write(bundle.files, at.path);
      }, 180_000);
      afterAll(() => at.done());

      compiled("compiles without a warning, and its self-test passes and prints the largest error", () => {
        expect(make(at.path, "all", "-O3")).toEqual({ code: 0, text: "" });
        expect(make(at.path, "selftest")).toEqual({ code: 0, text: "" });
        const result = run(join(at.path, "selftest"), []);
        expect(result.text).toMatch(/passed: largest error \d/);
        expect(result.code).toBe(0);
      }, 180_000);

      compiled("recognises the test images", () => {
        expect(make(at.path, "run")).toEqual({ code: 0, text: "" });
        for (let digit = 0; digit < 10; digit++)
          expect(run(join(at.path, "run"), [join(repository, `examples/digits/images/${digit}.npy`)]).text).toMatch(new RegExp(`the largest:\\n  \\[${digit}\\]`));
      }, 180_000);

      compiled("prints one line of JSON as a benchmark", () => {
        expect(make(at.path, "bench").code).toBe(0);
        const { text: line, code } = run(join(at.path, "bench"), ["--threads", "1", "--runs", "5"]);
        expect(code).toBe(0);
        expect(Object.keys(JSON.parse(line) as object)).toEqual(["median_ms", "min_ms", "runs", "threads"]);
      }, 180_000);

      test("its arena is the smallest possible", () => expect(bundle.arenaBytes).toBe(bundle.lowerBoundBytes));

      test("its checksums hold", () => {
        for (const line of text(bundle, "SHA256SUMS").trimEnd().split("\n")) {
          const [sum, path] = line.split("  ") as [string, string];
          expect(sha256Of([new Uint8Array(readFileSync(join(at.path, path)))]), path).toBe(sum);
        }
        expect(text(bundle, "SHA256SUMS").trimEnd().split("\n").length).toBe(bundle.files.length - 1);
      });

      test("the manifest leads from each operator to its lines of C", () => {
        const manifest = JSON.parse(text(bundle, "manifest.json")) as { operators: { kernel: string | null; file: string; line: number; op: string }[] };
        const inCode = manifest.operators.filter((o) => o.kernel !== null);
        expect(inCode.length).toBe(bundle.steps);
        for (const o of inCode) expect(text(bundle, o.file).split("\n")[o.line - 1]).toContain(`void ${o.kernel}(`);
        if (form === "optimized") {
          expect([...graph].some(isFused)).toBe(true);
          expect(inCode.some((o) => o.op === "graphwright.Fused")).toBe(true);
        }
      });

      compiled("damaged, short and foreign weights are refused with the reason", () => {
        const path = join(at.path, "weights/digits.bin");
        const good = readFileSync(path);
        const tryWith = (bytes: Uint8Array): string => {
          writeFileSync(path, bytes);
          const result = run(join(at.path, "selftest"), []);
          expect(result.code).toBe(2);
          return result.text;
        };
        const flipped = Uint8Array.from(good);
        const { weights } = JSON.parse(text(bundle, "manifest.json")) as { weights: { tensors: { offset: number; bytes: number }[] } };
        const last = weights.tensors.at(-1)!;
        flipped[last.offset + last.bytes - 1]! ^= 4;
        const foreign = Uint8Array.from(good);
        foreign[0] = 0;
        try {
          expect(tryWith(flipped)).toContain("a checksum does not fit");
          expect(tryWith(good.subarray(0, 1000))).toContain("cut short");
          expect(tryWith(foreign)).toContain("no weights of a Graphwright bundle");
        } finally {
          writeFileSync(path, good);
        }
      });
    });

  compiled("is clean under the address and undefined-behaviour sanitizers", async () => {
    const at = folder();
    try {
      write((await bundleOf(await optimized(open(digitsPath)), { name: "digits" })).files, at.path);
      const flags = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all";
      expect(make(at.path, "selftest", flags)).toEqual({ code: 0, text: "" });
      expect(run(join(at.path, "selftest"), [])).toMatchObject({ code: 0 });
    } finally {
      at.done();
    }
  }, 180_000);
});

describe("the code for each instruction set", () => {
  const built = async (use: (at: string) => void): Promise<void> => {
    const at = folder();
    try {
      write((await bundleOf(await optimized(open(digitsPath)), { name: "digits" })).files, at.path);
      use(at.path);
    } finally {
      at.done();
    }
  };

  compiled("passes the self-test where the machine has it, and each step is timed", () => built((at) => {
    expect(make(at, "selftest")).toEqual({ code: 0, text: "" });
    const { text: output, code } = run(join(at, "selftest"), []);
    expect(code).toBe(0);
    if (process.arch === "x64") expect(output).toMatch(/code for (portable|avx2|avx512)[^]*the same by the code for portable/);
    expect(make(at, "bench").code).toBe(0);
    const { steps, variant } = JSON.parse(run(join(at, "bench"), ["--profile", "--runs", "3", "--variant", "portable"]).text) as { steps: { name: string; median_ms: number }[]; variant: string };
    expect(variant).toBe("portable");
    expect(steps.length).toBeGreaterThan(5);
    expect(run(join(at, "bench"), ["--variant", "none"])).toMatchObject({ code: 2 });
  }), 180_000);

  needs("clang", "make")("is clean by clang", () => built((at) => {
    expect(run("make", ["-s", "-C", at, "selftest", "CC=clang", "CFLAGS=-O1 -Werror"])).toEqual({ code: 0, text: "" });
    expect(run(join(at, "selftest"), []).code).toBe(0);
  }), 180_000);

  needs("aarch64-linux-gnu-gcc", "qemu-aarch64-static", "make")("passes the self-test on AArch64, emulated", () => built((at) => {
    expect(run("make", ["-s", "-C", at, "selftest", "CC=aarch64-linux-gnu-gcc", "CFLAGS=-O1 -Werror", "LDFLAGS=-static"])).toEqual({ code: 0, text: "" });
    const { text: output, code } = run("qemu-aarch64-static", [join(at, "selftest")]);
    expect(output).toContain("code for neon");
    expect(code).toBe(0);
  }), 180_000);
});

describe("a bundle", () => {
  test("is the same to the byte when it is built again", async () => {
    const sums = async (): Promise<string[]> => (await bundleOf(open(digitsPath), { name: "digits", weightsSource: true })).files.map((f) => `${f.path} ${sha256Of(f.chunks())}`);
    expect(await sums()).toEqual(await sums());
  }, 180_000);

  test("states the size of each file", async () => {
    for (const f of (await bundleOf(open(digitsPath), { name: "digits", weightsSource: true })).files) expect(fileBytes(f).length, f.path).toBe(f.size);
  });

  test("fits in a zip file", async () => {
    const bundle = await bundleOf(open(digitsPath), { name: "digits" });
    const pieces = [...zipBundle(bundle.files, "digits")];
    const whole = new Uint8Array(pieces.reduce((n, p) => n + p.length, 0));
    let at = 0;
    for (const p of pieces) {
      whole.set(p, at);
      at += p.length;
    }
    const entries = unzipSync(whole);
    expect(Object.keys(entries).sort()).toEqual(bundle.files.map((f) => `digits/${f.path}`).sort());
    expect(sha256Of([entries["digits/weights/digits.bin"]!])).toBe(sha256Of(bundle.files.find((f) => f.path === "weights/digits.bin")!.chunks()));
    expect(sha256Of(zipBundle(bundle.files, "digits"))).toBe(sha256Of([whole]));
  });
});

describe("the check of memory plans", () => {
  const plan = async (): Promise<CheckedPlan> => {
    const { arena_bytes, ...rest } = JSON.parse(text(await bundleOf(open(digitsPath)), "memory_plan.json")) as CheckedPlan;
    return { arena_bytes, ...rest };
  };
  test("accepts what the planner wrote", async () => expect(checkMemoryPlan(await plan())).toEqual([]));

  test("notices every value that is moved onto a live one", async () => {
    const sound = await plan();
    const kernels = sound.steps.filter((s) => s.kind === "kernel" && s.writes.some((w) => !s.in_place.some(([, to]) => to === w)));
    let noticed = 0;
    for (const step of kernels) {
      const victim = sound.values.find((v) => v.space === "arena" && step.reads.includes(v.name));
      if (!victim) continue;
      const moved = step.writes[0]!;
      const values = sound.values.map((v) => (v.name === moved ? { ...v, offset: Math.max(0, victim.offset + victim.bytes - v.element_bytes) } : v));
      expect(checkMemoryPlan({ ...sound, values }).length, `${moved} moved onto ${victim.name}`).toBeGreaterThan(0);
      noticed++;
    }
    expect(noticed).toBeGreaterThan(10);
  });

  test("notices a read before the write, and a place outside the arena", async () => {
    const sound = await plan();
    const [first, ...others] = sound.steps;
    expect(checkMemoryPlan({ ...sound, steps: [...others, first!] }).some((p) => /before it is written|holds/.test(p))).toBe(true);
    expect(checkMemoryPlan({ ...sound, arena_bytes: sound.arena_bytes - 64 }).some((p) => p.includes("outside the arena"))).toBe(true);
  });
});

describe("what cannot be built", () => {
  test("is refused before anything is made, every place by its name", async () => {
    const graph = parse(`graph @main(%x: float32[N, 4], %words: string[3]) -> (%y: float32[N, 4], %z: string[3]) {
  %t = Relu(%x) "rectify"
  %y = Tanh(%t) "squash"
  %z = Identity(%words) "copy"
  return %y, %z
}`);
    const error = await bundleOf(graph).then(() => undefined, (e: unknown) => e);
    expect(error).toBeInstanceOf(GraphwrightError);
    const { code, message } = (error as GraphwrightError).diagnostic;
    expect(code).toBe("not-lowered");
    for (const name of ["the input x", "rectify (Relu)", "squash (Tanh)", "copy (Identity)"]) expect(message).toContain(name);
  });
});

needs("gcc", "make")("a model of tensors without elements compiles without a warning and passes its self-test", async () => {
  const at = folder();
  try {
    const graph = parseGraph("graph @main(%a: float32[3, 0], %b: float32[0, 4], %c: float32[0]) -> (%y, %z) {\n %y = MatMul(%a, %b)\n %z = Relu(%c)\n return %y, %z\n}", { rules: typeRules });
    const empty = parseGraph("graph @main(%c: float32[0, 2]) -> (%z) {\n %z = Relu(%c)\n return %z\n}", { rules: typeRules });
    for (const [name, each] of [["some", graph], ["all", empty]] as const) {
      write((await bundleOf(each, { name })).files, join(at.path, name));
      expect(make(join(at.path, name), "selftest", "-O1 -Wall -Wextra -Wpedantic")).toEqual({ code: 0, text: "" });
      expect(run(join(at.path, name, "selftest"), []).text).toContain("passed: largest error");
    }
  } finally {
    at.done();
  }
}, 180_000);

needs("gcc", "make")("where an axis has one element or there are no rows of results, no local is left for compilers to warn of", async () => {
  const graph = parse(`graph @main(%x: float32[3, 1], %z: float32[5, 1], %w: float32[40]) -> (%v: float32[3, 1], %i: int64[5, 0], %u: float32[0]) {
    %one = constant int64[1] [1]
    %none = constant int64[1] [0]
    %v, _ = TopK(%x, %one)
    _, %i = TopK(%z, %none)
    %u, _ = TopK(%w, %none)
    return %v, %i, %u
  }`);
  const at = folder();
  try {
    write((await bundleOf(graph)).files, at.path);
    expect(selfTest(at.path, "-O1 -Wall -Wextra -Wpedantic -Werror")).toMatchObject({ code: 0 });
  } finally {
    at.done();
  }
});

needs("gcc", "make")("sizes named as locals of the generated code, words of C++ and macros take other names", { timeout: 60_000 }, async () => {
  const graph = parse("graph @main(%a: float32[context, dims], %b: float32[i, bits], %c: float32[class, NULL]) -> (%x: float32[context, dims], %y: float32[i, bits], %z: float32[class, NULL]) {\n %x = Relu(%a)\n %y = Relu(%b)\n %z = Relu(%c)\n return %x, %y, %z\n}");
  const { graph: kernels, sized } = await sizedGraph(graph, { context: 2, dims: 3, i: 2, bits: 3, class: 2, NULL: 3 }, (g, options) => chooseKernels(g, silentTask, [], options), silentTask);
  const at = folder();
  try {
    const bundle = await bundleOf(kernels, { sized: sized!, evaluate: reference(graph) });
    expect(text(bundle, "include/model.h")).toMatch(/int64_t context_size; .* "context"[^]*int64_t class_size; [^]*int64_t NULL_size;/);
    write(bundle.files, at.path);
    expect(selfTest(at.path, "-O0 -Wall -Wextra -Wpedantic -Werror")).toMatchObject({ code: 0 });
  } finally {
    at.done();
  }
});
