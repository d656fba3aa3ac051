import { beforeAll, describe, expect, test } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { type Bundle, fileBytes } from "../../src/bundle/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { Timeline } from "../../src/ir/timeline.ts";
import { typeRules } from "../../src/ops/index.ts";
import { runPipeline } from "../../src/passes/run-pipeline.ts";
import { Random } from "../../src/support/random.ts";
import { bundleOf, folder, selfTest, write } from "./on-disk.ts";

/** Three convolutions of one kernel size whose rows and channels, and so the loops around their tiles, differ. */
async function network(): Promise<Bundle> {
  const random = new Random(5);
  const constant = (name: string, ...dims: readonly number[]): string =>
    `%${name} = constant float32[${dims.join(", ")}] [${Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => (0.2 * random.normal()).toFixed(3)).join(", ")}]`;
  const text = `graph @main(%x: float32[1, 32, 28, 28]) -> (%c, %d, %e) {
    ${constant("w", 32, 32, 1, 1)}
    ${constant("v", 64, 32, 1, 1)}
    ${constant("u", 32, 32, 1, 1)}
    %c = Conv(%x, %w)
    %p = MaxPool(%c) {kernel_shape = [2, 2], strides = [2, 2]}
    %d = Conv(%p, %v)
    %e = Conv(%x, %u) {strides = [2, 2]}
    return %c, %d, %e
  }`;
  const timeline = new Timeline(parseGraph(text, { rules: typeRules }));
  await runPipeline(timeline, "default");
  await runPipeline(timeline, "kernels");
  return bundleOf(timeline.head.graph);
}

interface Manifest {
  readonly kernels: readonly { readonly name: string; readonly file: string; readonly lines: readonly [number, number]; readonly blocks: readonly { readonly block: string; readonly file?: string; readonly lines: readonly [number, number] }[] }[];
}

describe("layers whose loops differ share the function of a register tile", () => {
  const compiled = needs("gcc", "make");
  let bundle: Bundle;
  const linesOf = (path: string): string[] => new TextDecoder().decode(fileBytes(bundle.files.find((f) => f.path === path)!)).split("\n");
  beforeAll(async () => {
    bundle = await network();
  }, 60_000);

  test("once for each instruction set, called by several kernels", () => {
    for (const isa of ["portable", "avx2", "avx512"]) {
      const text = linesOf(`src/model_${isa}_kernels_0.c`).join("\n");
      const kernels = text.split(/\n(?=(?:GW_TILED )?void model_)/).filter((k) => k.includes(`${isa}_k`));
      const callers = kernels.filter((k) => /^ +model_\w+_t000\(/m.test(k));
      expect(callers.length, isa).toBeGreaterThan(1);
      expect(text.match(new RegExp(`void model_${isa}_t000\\(`, "g"))?.length).toBe(1);
    }
  });

  test("a tile that one kernel alone has is a function, too: kernels keep no accumulators of convolutions", () => {
    for (const isa of ["portable", "avx2", "avx512"]) {
      const functions = linesOf(`src/model_${isa}_kernels_0.c`).join("\n").split(/\n(?=(?:GW_TILED )?void model_)/);
      const alone = functions.filter((f) => /void model_\w+_t\d+\(/.test(f) && f.includes("acc")).map((f) => /void (model_\w+_t\d+)\(/.exec(f)![1]!);
      const kernels = functions.filter((f) => /void model_\w+_k\d+_/.test(f));
      expect(kernels.filter((k) => k.includes("conv_acc")), isa).toEqual([]);
      expect(alone.some((t) => kernels.filter((k) => k.includes(`${t}(`)).length === 1), isa).toBe(true);
    }
  });

  test("the manifest says where the lines of a block are that moved there", () => {
    const { kernels } = JSON.parse(linesOf("manifest.json").join("\n")) as Manifest;
    const convolutions = kernels.filter((k) => k.name.includes("conv"));
    expect(convolutions.length).toBeGreaterThan(1);
    for (const k of convolutions)
      for (const b of k.blocks.filter((b) => b.block === "conv")) expect(linesOf(b.file ?? k.file).slice(b.lines[0] - 2, b.lines[1]).join("\n")).toMatch(/\/\* conv(_\d+)? \*\/[^]*conv_(1_)?acc/);
    const moved = convolutions.filter((k) => k.blocks.some((b) => b.lines[1] < k.lines[0]));
    expect(moved.length).toBeGreaterThan(1);
  });

  compiled("its self-test agrees with the reference evaluation for every instruction set", () => {
    const at = folder();
    write(bundle.files, at.path);
    expect(selfTest(at.path)).toMatchObject({ code: 0, text: expect.stringContaining("passed") as string });
    at.done();
  }, 60_000);

  compiled("a table of constants that a kernel holds stays with its tile", async () => {
    const dft = await bundleOf(parseGraph(`graph @main(%x: float32[2, 16, 2]) -> (%y) {
  %axis = constant int64[] [1]
  %length = constant int64[] [16]
  %y = DFT(%x, %length, %axis)
  return %y
}`, { rules: typeRules }));
    expect(dft.files.some((f) => f.path.includes("kernels_0.c") && new TextDecoder().decode(fileBytes(f)).includes("static const float cosines"))).toBe(true);
    const at = folder();
    write(dft.files, at.path);
    expect(selfTest(at.path)).toMatchObject({ code: 0, text: expect.stringContaining("passed") as string });
    at.done();
  }, 60_000);
});
