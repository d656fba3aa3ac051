/** Memory of 4 GiB and more: sizes and places do not fit in 32 bits. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildWasmBundle } from "../../src/bundle/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { fromNumbers, type Tensor } from "../../src/ir/tensor.ts";
import { typeRules } from "../../src/ops/index.ts";
import { bundleOf, folder, make, run, write } from "./on-disk.ts";

const size = 40_000;
const graph = parseGraph(
  `graph @main(%x: float32[${size}, 1], %y: float32[1, ${size}]) -> (%z: float32[${size}, 1]) {
    %all = MatMul(%x, %y)
    %e = Exp(%all)
    %z = MatMul(%e, %x)
    return %z
  }`,
  { rules: typeRules },
);
const evaluate = ([x]: readonly Tensor[]): Tensor[] => [fromNumbers("float32", x!.dims, new Float32Array(size))];

test("C compiles without a warning, and says how much memory there is none of", { timeout: 120_000 }, async () => {
  const at = folder();
  try {
    const bundle = await bundleOf(graph, { evaluate });
    write(bundle.files, at.path);
    expect(make(at.path, "selftest")).toEqual({ code: 0, text: "" });
    const ran = run("sh", ["-c", `ulimit -v 4000000; ${join(at.path, "selftest")}`]);
    expect(ran.code).toBe(2);
    expect(ran.text).toMatch(/^no memory for the arena of (\d+) bytes\n/);
    expect(Number(/(\d+) bytes/.exec(ran.text)![1])).toBeGreaterThan(4 * size * size);
  } finally {
    at.done();
  }
});

test("WebAssembly is refused where an index would be beyond 32 bits, though the bytes would fit", async () => {
  const bytes = parseGraph(
    `graph @main(%x: uint8[65536, 1], %y: uint8[1, ${size}]) -> (%z: uint8[65536, 1]) {
      %axis = constant int64[1] [1]
      %all = Max(%x, %y)
      %z = ReduceMax(%all, %axis)
      return %z
    }`,
    { rules: typeRules },
  );
  await expect(buildWasmBundle(bytes, { name: "m", compilerVersion: "test", evaluate: ([x]) => [x!] })).rejects.toThrow(/has 2621440000 elements, and WebAssembly code counts at most 2147483647/);
});

test("WebAssembly is refused", async () => {
  await expect(buildWasmBundle(graph, { name: "m", compilerVersion: "test", evaluate })).rejects.toThrow(/the model needs \d+ bytes of memory, and a WebAssembly module has at most 4294967296/);
});
