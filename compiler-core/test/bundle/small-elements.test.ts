/** Elements of 16, 8 and fewer bits at a bundle's border and in what only moves them; its self-tests compare them as numbers. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildWasmBundle } from "../../src/bundle/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { fromNumbers, type Tensor, toNumbers } from "../../src/ir/tensor.ts";
import { typeRules } from "../../src/ops/index.ts";
import { chooseKernels } from "../../src/session/build.ts";
import { sizedGraph } from "../../src/session/sized-graph.ts";
import { silentTask } from "../../src/support/task.ts";
import { bundleOf, folder, reference, run, selfTest, write } from "./on-disk.ts";

const parse = (text: string) => parseGraph(text, { rules: typeRules });

test("float16: vectors that are moved or filled are declared, and a bound is its number, not its bits", { timeout: 60_000 }, async () => {
  const graph = parse(`graph @main(%x: float16[3, 32], %low: float16[]) -> (%joined: float16[6, 32], %clipped: float16[3, 32], %padded: float16[7, 32]) {
    %pads = constant int64[4] [2, 0, 2, 0]
    %least = constant float16[] [-0.5]
    %t = Tanh(%x)
    %joined = Concat(%t, %x) {axis = 0}
    %clipped = Clip(%x, %least)
    %padded = Pad(%x, %pads, %low)
    return %joined, %clipped, %padded
  }`);
  const at = folder();
  try {
    write((await bundleOf(graph)).files, at.path);
    expect(selfTest(at.path)).toMatchObject({ code: 0 });
  } finally {
    at.done();
  }
});

test("the self-test in JavaScript compares float16 as numbers: off by a rounding passes, off by more does not", async () => {
  const graph = parse(`graph @main(%x: float16[8]) -> (%y: float16[8]) {\n %y = Neg(%x)\n return %y\n}`);
  for (const [error, code] of [[2 ** -11, 0], [0.25, 1]] as const) {
    const off = (inputs: readonly Tensor[]): Tensor[] => reference(graph)(inputs).map((t) => fromNumbers(t.element, t.dims, Float64Array.from(toNumbers(t), (v) => v + error)));
    const at = folder();
    try {
      write((await buildWasmBundle(graph, { name: "m", compilerVersion: "test", evaluate: off })).files, at.path);
      expect(run(process.execPath, [join(at.path, "js/selftest.mjs")])).toMatchObject({ code });
    } finally {
      at.done();
    }
  }
});

test("two elements share a byte in a tensor of a size of the run: its bytes are half as many", { timeout: 60_000 }, async () => {
  const graph = parse(`graph @main(%x: int4[N, 4]) -> (%y: int4[N, 4], %z: float8e5m2[N, 4]) {\n %y = Identity(%x)\n %f = Cast(%x) {to = 1}\n %z = Cast(%f) {to = 19}\n return %y, %z\n}`);
  const { graph: kernels, sized } = await sizedGraph(graph, { N: 5 }, (g, options) => chooseKernels(g, silentTask, [], options), silentTask);
  const at = folder();
  try {
    write((await bundleOf(kernels, { sized: sized!, evaluate: reference(graph) })).files, at.path);
    expect(selfTest(at.path)).toMatchObject({ code: 0 });
    const wasm = await buildWasmBundle(kernels, { name: "m", compilerVersion: "test", sized: sized!, evaluate: reference(graph) });
    write(wasm.files, join(at.path, "wasm"));
    expect(run(process.execPath, [join(at.path, "wasm/js/selftest.mjs")])).toMatchObject({ code: 0 });
  } finally {
    at.done();
  }
});
