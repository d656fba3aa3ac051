import { expect } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { exportOnnx, fileBytes } from "../../src/backends/onnx/index.ts";
import { elementCount } from "../../src/ir/value-type.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { typeRules } from "../../src/ops/index.ts";
import { createSession } from "../../src/session/index.ts";
import { MemoryBlob } from "../../src/support/blob.ts";
import { Random } from "../../src/support/random.ts";
import { silentTask } from "../../src/support/task.ts";
import { selfTestOf } from "./on-disk.ts";

const numbers = (seed: number, ...dims: readonly number[]): string => {
  const random = new Random(seed);
  return `constant float32[${dims.join(", ")}] [${Array.from({ length: elementCount(dims) }, () => (random.normal() * 0.1).toFixed(2)).join(", ")}]`;
};

/** A convolution that minimal filtering wins, and a product that halves win. */
const network = `graph @main(%x: float32[1, 32, 28, 28], %z: float32[64, 288]) -> (%y: float32[1, 32, 28, 28], %p: float32[64, 288]) {
  %w = ${numbers(1, 32, 32, 3, 3)}
  %v = ${numbers(2, 288, 288)}
  %b = ${numbers(3, 288)}
  %c = Conv(%x, %w) {pads = [1, 1, 1, 1]}
  %y = Relu(%c)
  %m = MatMul(%z, %v)
  %s = Add(%m, %b)
  %p = Sigmoid(%s)
  return %y, %p
}`;

needs("gcc", "make")("fewer multiplications are said in the notes, and a strict build does without; both test themselves", async () => {
  const session = createSession();
  const bytes = fileBytes(exportOnnx(parseGraph(network, { rules: typeRules })).files[0]!);
  const { model } = await session.open({ source: new MemoryBlob("network.onnx", bytes) }, silentTask);
  const said = "Convolutions by minimal filtering: 1; products by Strassen's algorithm: 1. Their rounding errors are up to ten times those of computing directly, which a strict build does.";
  const weights: Record<"c" | "wasm", number[]> = { c: [], wasm: [] };
  for (const strict of [false, true]) {
    for (const target of ["c", "wasm"] as const) {
      const built = await session.build({ model, step: 0, name: "network", target, strict }, silentTask);
      expect(built.notes.includes(said), `${target}, strict ${strict}`).toBe(!strict);
      weights[target].push(built.weightBytes);
      if (target !== "c") continue;
      expect(selfTestOf(built, "-O2 -Wall -Wextra -Wpedantic -Werror")).toEqual({ code: 0, text: expect.stringContaining("passed: largest error") as string });
    }
  }
  // 36 transformed filters of 9, and seven quarters of four.
  const more = 4 * (27 * 32 * 32 + (3 / 4) * 288 * 288);
  for (const [least, most] of [weights.c, weights.wasm].map(([fewer, all]) => [all!, fewer!])) expect(Math.abs(most! - least! - more)).toBeLessThan(1024);
}, 240_000);
