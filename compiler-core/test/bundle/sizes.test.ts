/** Sizes that are given at run time: one program for all sizes, judged by the reference, by ONNX Runtime, and by the programs of one size. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { exportOnnx } from "../../src/backends/onnx/index.ts";
import { lowerGraph, type LoweredGraph, type SizedGraph } from "../../src/bundle/lower-graph.ts";
import { fileBytes, generateWasm, loadWasm } from "../../src/bundle/index.ts";
import { planGraphs } from "../../src/bundle/generate.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { printGraph } from "../../src/ir/printer.ts";
import { fromNumbers, type Tensor, tensorBytes } from "../../src/ir/tensor.ts";
import { Timeline } from "../../src/ir/timeline.ts";
import { elementCount } from "../../src/ir/value-type.ts";
import { typeRules } from "../../src/ops/index.ts";
import { runPipeline } from "../../src/passes/run-pipeline.ts";
import { specialize } from "../../src/passes/specialize.ts";
import { chooseKernels } from "../../src/session/build.ts";
import { collectFiles } from "../../src/session/files.ts";
import { sizedGraph } from "../../src/session/sized-graph.ts";
import { Random } from "../../src/support/random.ts";
import { silentTask } from "../../src/support/task.ts";
import { interpret } from "../../src/tensor/interpreter.ts";
import { type SizeValues, withSizes } from "../../src/tensor/sizes.ts";
import { scheduleTargets } from "../../src/tensor/target.ts";
import { disagreement, runtimeOutputs } from "../models/npm-models.ts";
import { bundleOf, folder, make, reference, run, write } from "./on-disk.ts";

async function optimized(text: string): Promise<Graph> {
  const timeline = new Timeline(parseGraph(text, { rules: typeRules }));
  await runPipeline(timeline, "default");
  return timeline.head.graph;
}

const choose: Parameters<typeof sizedGraph>[2] = (graph, options) => chooseKernels(graph, silentTask, [], options);
const sizedOf = (graph: Graph, bounds: Readonly<Record<string, number>>) => sizedGraph(graph, bounds, choose, silentTask);

type Lowered = LoweredGraph & { readonly graph: Graph; readonly sized?: SizedGraph | undefined };

async function lowered(graph: Graph, bounds: Readonly<Record<string, number>>, target = scheduleTargets[0]!, own: Parameters<typeof choose>[1] = {}): Promise<Lowered> {
  const { graph: kernels, sized } = await sizedGraph(graph, bounds, (g, options) => choose(g, { ...options, ...own }), silentTask);
  return { graph: kernels, sized, ...(await lowerGraph(kernels, silentTask, undefined, target, undefined, sized)) };
}

/** Runs the programs one after the other, as they are at these sizes. */
function runAt(code: Lowered, sizes: Readonly<Record<string, number>>, inputs: readonly Tensor[]): Tensor[] {
  const at: SizeValues = new Map(code.sizes.map((v) => [v, sizes[v.name]!]));
  const values = new Map(code.inputs.map((key, i) => [key, inputs[i]!]));
  for (const step of code.steps) {
    const program = withSizes(step.program, at);
    const given = step.program.parameters.filter((p) => p.scope === "input" || p.scope === "weight").map((p) => {
      const key = step.values.get(p)!;
      return values.get(key) ?? code.graph.constant(code.values.get(key)!.ref)!.tensor();
    });
    interpret(program, given).forEach((made, i) => values.set(step.writes[i]!, made));
  }
  return code.outputs.map((key) => values.get(key)!);
}

const drawn = (dims: readonly number[], seed: number): Tensor => {
  const random = new Random(seed);
  return fromNumbers("float32", dims, Float64Array.from({ length: elementCount(dims) }, () => Math.fround(random.normal())));
};

const numbers = (seed: number, ...dims: readonly number[]): string => {
  const random = new Random(seed);
  return `constant float32[${dims.join(", ")}] [${Array.from({ length: elementCount(dims) }, () => (random.normal() * 0.3).toFixed(3)).join(", ")}]`;
};

const encoder = `graph @main(%x: float32[N, S, 12], %mask: float32[N, S]) -> (%y: float32[N, S, 12], %pooled: float32[N, 12]) {
  %wq = ${numbers(1, 12, 12)}
  %wk = ${numbers(2, 12, 12)}
  %wv = ${numbers(3, 12, 12)}
  %wo = ${numbers(4, 12, 12)}
  %scale = ${numbers(5, 12)}
  %shift = ${numbers(6, 12)}
  %zero = constant int64[] [0]
  %one = constant int64[] [1]
  %first = constant int64[1] [0]
  %axes = constant int64[2] [1, 2]
  %head = constant int64[2] [3, 4]
  %width = constant int64[1] [12]
  %large = constant float32[] [-1000]
  %unit = constant float32[] [1]
  %shape = Shape(%x)
  %n = Gather(%shape, %zero)
  %s = Gather(%shape, %one)
  %n1 = Unsqueeze(%n, %first)
  %s1 = Unsqueeze(%s, %first)
  %split = Concat(%n1, %s1, %head) {axis = 0}
  %join = Concat(%n1, %s1, %width) {axis = 0}
  %q0 = MatMul(%x, %wq)
  %k0 = MatMul(%x, %wk)
  %v0 = MatMul(%x, %wv)
  %q1 = Reshape(%q0, %split)
  %k1 = Reshape(%k0, %split)
  %v1 = Reshape(%v0, %split)
  %q = Transpose(%q1) {perm = [0, 2, 1, 3]}
  %k = Transpose(%k1) {perm = [0, 2, 3, 1]}
  %v = Transpose(%v1) {perm = [0, 2, 1, 3]}
  %scores = MatMul(%q, %k)
  %open = Unsqueeze(%mask, %axes)
  %closed = Sub(%unit, %open)
  %penalty = Mul(%closed, %large)
  %masked = Add(%scores, %penalty)
  %attention = Softmax(%masked) {axis = -1}
  %mixed = MatMul(%attention, %v)
  %back = Transpose(%mixed) {perm = [0, 2, 1, 3]}
  %joined = Reshape(%back, %join)
  %projected = MatMul(%joined, %wo)
  %sum = Add(%projected, %x)
  %y = LayerNormalization(%sum, %scale, %shift)
  %along = constant int64[1] [1]
  %pooled = ReduceMean(%y, %along) {keepdims = 0}
  return %y, %pooled
}`;

const network = `graph @main(%x: float32[N, 3, 8, 8]) -> (%y: float32[N, 5]) {
  %w = ${numbers(1, 32, 3, 3, 3)}
  %b = ${numbers(2, 32)}
  %d = ${numbers(3, 32, 1, 3, 3)}
  %p = ${numbers(4, 32, 32, 3, 3)}
  %m = ${numbers(5, 32, 5)}
  %c = Conv(%x, %w, %b) {pads = [1, 1, 1, 1]}
  %r = Relu(%c)
  %e = Conv(%r, %d) {group = 32, pads = [1, 1, 1, 1]}
  %f = Conv(%e, %p) {pads = [1, 1, 1, 1]}
  %g = Add(%f, %e)
  %h = MaxPool(%g) {kernel_shape = [2, 2], strides = [2, 2]}
  %i = GlobalAveragePool(%h)
  %j = Flatten(%i)
  %y = MatMul(%j, %m)
  return %y
}`;

describe("one program for all sizes", () => {
  test("a transformer encoder with a dynamic batch and sequence, against ONNX Runtime", { timeout: 180_000 }, async () => {
    const graph = await optimized(encoder);
    const code = await lowered(graph, { N: 3, S: 21 }, scheduleTargets[1]);
    const [file] = collectFiles(exportOnnx(parseGraph(encoder, { rules: typeRules, info: { opsets: { "": 18 } } }), { name: "model.onnx", task: silentTask }).files);
    for (const [n, s] of [[1, 1], [2, 7], [3, 16], [1, 20], [3, 21]] as const) {
      const inputs = { x: drawn([n, s, 12], n * 100 + s), mask: fromNumbers("float32", [n, s], Float64Array.from({ length: n * s }, (_, i) => Number(i % s === 0 || i % 3 > 0))) };
      const expected = await runtimeOutputs(file!.bytes, inputs);
      runAt(code, { N: n, S: s }, Object.values(inputs)).forEach((actual, i) => expect(disagreement(actual, [...expected.values()][i]!, 1e-4, 1e-5), `N = ${n}, S = ${s}`).toBeUndefined());
    }
  });

  test("a table with a row for each of few positions: sizes are tried within their bounds, though the batch has the same", { timeout: 60_000 }, async () => {
    const graph = await optimized(`graph @main(%x: float32[N, S, 4]) -> (%y: float32[N, S, 4]) {
      %table = ${numbers(1, 16, 4)}
      %start = constant int64[1] [0]
      %axis = constant int64[] [1]
      %shape = Shape(%x)
      %s = Gather(%shape, %axis)
      %end = Unsqueeze(%s, %start)
      %positions = Slice(%table, %start, %end, %start)
      %placed = Add(%x, %positions)
      %y = Softmax(%placed) {axis = 1}
      return %y
    }`);
    for (const bound of [16, 8]) {
      const code = await lowered(graph, { N: bound, S: bound });
      for (const [n, s] of [[1, 1], [3, 7], [bound, bound]] as const) {
        const x = drawn([n, s, 4], 10 * n + s);
        expect(disagreement(runAt(code, { N: n, S: s }, [x])[0], reference(graph)([x])[0]!, 1e-5, 1e-6), `N = ${n}, S = ${s}`).toBeUndefined();
      }
    }
  });

  test("a dynamic batch keeps the kernels of a fixed one: blocks, packed weights, minimal filtering, register tiles", { timeout: 180_000 }, async () => {
    const graph = await optimized(network);
    const code = await lowered(graph, { N: 8 }, scheduleTargets[1]);
    const { graph: kernels, sized } = code;
    const fixed = (await choose(specialize(graph, { sizes: new Map([["N", 8]]) }).graph)).head.graph;
    const operators = (g: Graph): string[] => [...g].flatMap((n) => (n.kind === "operator" ? [n.op] : []));
    expect(operators(kernels)).toEqual(operators(fixed));
    expect(operators(kernels)).toContain("WinogradConv");
    const vectorized = code.steps.filter((s) => s.schedule.some((step) => step.primitive === "vectorize")).length;
    const same = await lowerGraph(fixed, silentTask, undefined, scheduleTargets[1]);
    expect(vectorized).toBe(same.steps.filter((s) => s.schedule.some((step) => step.primitive === "vectorize")).length);
    // As WebAssembly, at any size without compiling again.
    const wasm = await generateWasm(kernels, "network", { modelName: "network", sized: sized!, relaxed: [false] }, silentTask);
    const loaded = await loadWasm(wasm, wasm.modules[0]!, 0xab);
    const [file] = collectFiles(exportOnnx(parseGraph(network, { rules: typeRules, info: { opsets: { "": 18 } } }), { name: "model.onnx", task: silentTask }).files);
    for (const n of [8, 1, 5, 2]) {
      const x = drawn([n, 3, 8, 8], n);
      loaded.setSizes([n]);
      loaded.setInputs([tensorBytes(x)]);
      loaded.functions["run"]!();
      const { address } = wasm.model.outputs[0]!;
      const y = fromNumbers("float32", [n, 5], new Float32Array(loaded.bytes.slice(address, address + n * 20).buffer));
      expect(disagreement(y, [...(await runtimeOutputs(file!.bytes, { x })).values()][0]!, 1e-4, 1e-4), `N = ${n}, as WebAssembly`).toBeUndefined();
    }
    // The arena is that of the bound.
    const arena = async (g: Graph, l: LoweredGraph): Promise<number> => (await planGraphs(g, [l], silentTask)).plan.arenaBytes;
    expect(await arena(kernels, code)).toBe(await arena(fixed, same));
  });

  test("a product is halved where the sizes leave its rows alone, and only there", { timeout: 180_000 }, async () => {
    const halves = { strassen: 8 };
    for (const [type, halved] of [["[N, 64, 32]", true], ["[2, N, 32]", false], ["[N, 32]", false], ["[64, N, 32]", false]] as const) {
      const graph = await optimized(`graph @main(%x: float32${type}) -> (%y) {
        %w = ${numbers(1, 32, 64)}
        %b = ${numbers(2, 64)}
        %c = MatMul(%x, %w)
        %s = Add(%c, %b)
        %y = Relu(%s)
        return %y
      }`);
      // As many rows as the bound would be halved.
      for (const bound of [64, 90]) {
        const code = await lowered(graph, { N: bound }, scheduleTargets[1], halves);
        expect(printGraph(code.graph).includes("StrassenMatMul"), `${type} up to ${bound}`).toBe(halved);
        for (const n of [1, 2, 5]) {
          const x = drawn(type.slice(1, -1).split(", ").map((d) => (d === "N" ? n : Number(d))), n);
          expect(disagreement(runAt(code, { N: n }, [x])[0], reference(graph)([x])[0]!, 1e-5, 1e-5), `${type}, N = ${n}`).toBeUndefined();
        }
      }
    }
  });

  test("random graphs: the bounded program at size n gives what the program built for n gives", { timeout: 180_000 }, async () => {
    for (let seed = 1; seed <= Number(process.env["GRAPHWRIGHT_SIZED_GRAPHS"] ?? 8); seed++) {
      const text = randomGraph(seed);
      const graph = await optimized(text);
      const code = await lowered(graph, { N: 6, S: 9 });
      for (const [n, s] of [[1, 1], [6, 9], [3, 5], [1 + (seed % 6), 1 + (seed % 9)]] as const) {
        const x = drawn([n, s, 4], seed);
        const fixed = specialize(graph, { sizes: new Map([["N", n], ["S", s]]) }).graph;
        const own = (await choose(fixed)).head.graph;
        const ofOne = { graph: own, ...(await lowerGraph(own, silentTask)) };
        const [bounded] = runAt(code, { N: n, S: s }, [x]);
        expect(disagreement(bounded, reference(graph)([x])[0]!, 1e-4, 1e-5), `seed ${seed}, N = ${n}, S = ${s}, the reference\n${text}`).toBeUndefined();
        expect(disagreement(bounded, runAt(ofOne, {}, [x])[0]!, 1e-4, 1e-5), `seed ${seed}, N = ${n}, S = ${s}, the program for one size\n${text}`).toBeUndefined();
      }
    }
  });

  test("padding that turns with the parity of a size is refused by name, and so is a size without a bound", async () => {
    const graph = await optimized(`graph @main(%x: float32[1, 1, N]) -> (%y) {
      %w = constant float32[1, 1, 3] [1, 2, 3]
      %y = Conv(%x, %w) {auto_pad = "SAME_UPPER", strides = [2]}
      return %y
    }`);
    await expect(lowered(graph, { N: 6 })).rejects.toThrow(/Conv.*sizes of run time/);
    await expect(sizedOf(graph, { M: 6 })).rejects.toThrow(/no input has a dimension "M"/);
    const two = await optimized(`graph @main(%x: float32[N, S]) -> (%y) {
      %y = Relu(%x)
      return %y
    }`);
    await expect(sizedOf(two, { N: 6 })).rejects.toThrow(/the size "S" has no bound/);
  });

  test("what is folded to a constant that differs with the size is refused, small sizes among them; and a bound beyond a table's rows is named", async () => {
    const of = (body: string) => optimized(`graph @main(%x: float32[N, 4]) -> (%t, %y) {\n ${body}\n return %t, %y\n}`);
    // A loop that is unrolled is folded with all around it.
    const loop = "%turns = constant int64[] [2] %t = Loop(%turns, _, %x) body (%i: int64[], %g: bool[], %s: float32[N, 4]) { %u = Tanh(%s) return %g, %u }";
    await expect(lowered(await of(`${loop} %y = Shape(%x)`), { N: 8 })).rejects.toThrow(/the output y .* differs with sizes of the run/);
    const small = "%one = constant int64[1] [1] %rows = Shape(%x) {start = 0, end = 1} %few = Equal(%rows, %one) %f = Cast(%few) {to = 1}";
    await expect(lowered(await of(`${loop} ${small} %y = Identity(%f)`), { N: 32 })).rejects.toThrow(/differs with/);
    await expect(lowered(await of(`${loop} ${small} %y = Mul(%x, %f)`), { N: 32 })).rejects.toThrow(/the constant .* differs with them/);
    const table = await of(`%t = Tanh(%x) %table = ${numbers(1, 16, 4)} %zero = constant int64[1] [0] %rows = Shape(%x) {start = 0, end = 1} %first = Slice(%table, %zero, %rows, %zero) %y = Add(%x, %first)`);
    await expect(sizedOf(table, { N: 40 })).rejects.toThrow(/at N = 40 its shapes contradict each other, as from 17 on/);
  });
});

/** A chain of operators on [N, S, 4]. */
function randomGraph(seed: number): string {
  const random = new Random(seed);
  const lines: string[] = [];
  let shape = ["N", "S", "4"];
  let at = "x";
  let made = 0;
  const name = (): string => `v${made++}`;
  const emit = (call: string): void => {
    const to = name();
    lines.push(`%${to} = ${call}`);
    at = to;
  };
  const constant = (text: string): string => {
    const to = name();
    lines.push(`%${to} = ${text}`);
    return `%${to}`;
  };
  for (let i = 0; i < 4; i++) {
    const last = shape.at(-1)!;
    const kinds: (() => void)[] = [
      () => emit(`Relu(%${at})`),
      () => emit(`Tanh(%${at})`),
      () => emit(`Add(%${at}, %${at})`),
      () => emit(`Softmax(%${at}) {axis = ${random.below(2) === 0 ? -1 : 1}}`),
      () => {
        emit(`Transpose(%${at}) {perm = [0, 2, 1]}`);
        shape = [shape[0]!, shape[2]!, shape[1]!];
      },
      () => {
        // Rows by rows: both sizes of the product, and of what is summed, may be sizes of the run.
        const from = at;
        emit(`Transpose(%${at}) {perm = [0, 2, 1]}`);
        emit(`MatMul(%${from}, %${at})`);
        shape = [shape[0]!, shape[1]!, shape[1]!];
      },
      () => {
        emit(`Concat(%${at}, %${at}) {axis = 1}`);
        const to = name();
        const [a, b, c] = [constant("constant int64[1] [1]"), constant("constant int64[1] [100]"), constant("constant int64[1] [1]")];
        lines.push(`%${to} = Slice(%${at}, %${constantRef(a)}, %${constantRef(b)}, %${constantRef(c)})`);
        at = to;
        shape = [shape[0]!, "?", last];
      },
      () => {
        const axis = random.below(2) + 1;
        emit(`ReduceMean(%${at}, ${constant(`constant int64[1] [${axis}]`)})`);
        emit(`Add(%${at}, %x_back)`);
      },
      ...(/^\d+$/.test(last)
        ? [
            () => {
              const width = 3 + random.below(20);
              emit(`MatMul(%${at}, ${constant(numbers(seed + i, Number(last), width))})`);
              shape = [...shape.slice(0, -1), `${width}`];
            },
            () => emit(`LayerNormalization(%${at}, ${constant(numbers(seed + i, Number(last)))})`),
          ]
        : []),
    ];
    let kind = kinds[random.below(kinds.length)]!;
    // What would need shapes that the chain has left.
    if (shape.includes("?") || shape.join() !== "N,S,4") while (kind === kinds[7] || kind === kinds[6]) kind = kinds[random.below(kinds.length)]!;
    kind();
    if (shape.includes("?")) break;
  }
  return `graph @main(%x: float32[N, S, 4]) -> (%${at}) {\n  %x_back = Identity(%x)\n  ${lines.join("\n  ")}\n  return %${at}\n}`;
}
const constantRef = (ref: string): string => ref.slice(1);

const compiled = needs("gcc", "make");

describe("a bundle with sizes of the run", () => {
  const at = folder();
  beforeAll(async () => {
    const graph = await optimized(encoder);
    const { graph: kernels, sized } = await sizedOf(graph, { N: 2, S: 17 });
    const bundle = await bundleOf(kernels, { name: "encoder", evaluate: reference(graph), sized: sized! });
    write(bundle.files, at.path);
    const header = new TextDecoder().decode(fileBytes(bundle.files.find((f) => f.path === "include/encoder.h")!));
    expect(header).toContain("encoder_status encoder_resize(encoder_context *context, const encoder_sizes *sizes);");
    expect(header).toMatch(/#define ENCODER_MAX_N 2\n#define ENCODER_MAX_S 17/);
  }, 180_000);
  afterAll(() => at.done());

  compiled("tests itself at several sizes, clean under the sanitizers, and refuses others", () => {
    expect(make(at.path, "selftest", "-O0 -fsanitize=address,undefined -fno-sanitize-recover=all")).toEqual({ code: 0, text: "" });
    const { code, text } = run(join(at.path, "selftest"), []);
    expect(text).toMatch(/vectors 0 \(N = 1, S = 1\)[^]*vectors 1 \(N = 1, S = 9\)[^]*N = 2, S = 17[^]*sizes beyond the bounds: refused\npassed/);
    expect(code).toBe(0);
  }, 180_000);
});
