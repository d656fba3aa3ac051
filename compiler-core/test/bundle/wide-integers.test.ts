/** 64-bit integers beyond 2^53: as doubles they are equal to their neighbours. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { buildWasmBundle } from "../../src/bundle/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { isBigArray, makeTensor, type Tensor } from "../../src/ir/tensor.ts";
import { typeRules } from "../../src/ops/index.ts";
import { bundleOf, folder, reference, run, selfTest, write } from "./on-disk.ts";

/** Constants next to and beyond what a double holds, alone and added to what runs. */
const graph = parseGraph(
  `graph @main(%x: int64[6], %u: uint64[4]) -> (%a: int64[6], %b: int64[6], %c: int64[6], %d: uint64[4], %e: uint64[4], %f: bool[6]) {
    %six = constant int64[1] [6]
    %four = constant int64[1] [4]
    %low = ConstantOfShape(%six) {value = tensor int64[1] [-9223372036854775808]}
    %odd = ConstantOfShape(%six) {value = tensor int64[1] [-1152921504606846977]}
    %high = ConstantOfShape(%six) {value = tensor int64[1] [9223372036854775807]}
    %above = ConstantOfShape(%four) {value = tensor uint64[1] [9223372036854775809]}
    %top = ConstantOfShape(%four) {value = tensor uint64[1] [18446744073709551615]}
    %a = Add(%x, %low)
    %b = Add(%x, %odd)
    %c = Sub(%high, %x)
    %d = Add(%u, %above)
    %e = Sub(%top, %u)
    %f = Less(%b, %odd)
    return %a, %b, %c, %d, %e, %f
  }`,
  { rules: typeRules },
);

/** The outputs, each integer off by one. */
const off = (inputs: readonly Tensor[]): Tensor[] =>
  reference(graph)(inputs).map((t) => (isBigArray(t.data) ? makeTensor(t.element, t.dims, t.data.map((v: bigint) => v ^ 1n) as BigInt64Array | BigUint64Array) : t));

describe.each([["as computed", reference(graph), 0], ["off by one", off, 1]] as const)("a self-test %s", (_, evaluate, code) => {
  test("in C", { timeout: 120_000 }, async () => {
    const at = folder();
    try {
      write((await bundleOf(graph, { evaluate })).files, at.path);
      const { code: ended, text } = selfTest(at.path);
      expect({ ended, text }).toEqual({ ended: code, text: expect.stringContaining(code === 0 ? "passed: largest error 0" : "FAILED: largest error 1") });
    } finally {
      at.done();
    }
  });

  test("in JavaScript", async () => {
    const at = folder();
    try {
      write((await buildWasmBundle(graph, { name: "m", compilerVersion: "test", evaluate })).files, at.path);
      expect(run(process.execPath, [join(at.path, "js/selftest.mjs")])).toMatchObject({ code });
    } finally {
      at.done();
    }
  });
});
