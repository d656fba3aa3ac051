import { expect } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { exportOnnx, fileBytes } from "../../src/backends/onnx/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { typeRules } from "../../src/ops/index.ts";
import { createSession } from "../../src/session/index.ts";
import { bytesFile } from "../../src/bundle/index.ts";
import { MemoryBlob } from "../../src/support/blob.ts";
import { silentTask } from "../../src/support/task.ts";
import { folder, selfTest, write } from "./on-disk.ts";

/** A recurrence over a sequence, a loop that counts, and a branch chosen at run time. */
const recurrent = `graph @main(%x: float32[5, 3], %h: float32[3], %c: bool[]) -> (%last: float32[3], %all: float32[3, 5], %power: float32[4, 3], %chosen: float32[3]) {
  %w = constant float32[3, 3] [0.5, -0.25, 0.125, 0.25, 0.5, -0.5, -0.125, 0.25, 0.75]
  %last, %all = Scan(%h, %x) {num_scan_inputs = 1, scan_input_directions = [1], scan_output_axes = [1]} body (%s: float32[3], %v: float32[3]) {
    %m = MatMul(%s, %w)
    %a = Add(%m, %v)
    %t = Tanh(%a)
    return %t, %t
  }
  %n = constant int64[] [4]
  %p, %power = Loop(%n, _, %last) body (%i: int64[], %go: bool[], %q: float32[3]) {
    %f = Cast(%i) {to = 1}
    %r = Mul(%q, %f)
    %u = Add(%r, %q)
    return %go, %u, %u
  }
  %chosen = If(%c) then_branch () { %yes = Relu(%p) return %yes } else_branch () { %no = Sub(%h, %last) return %no }
  return %last, %all, %power, %chosen
}`;

needs("gcc", "make")("a model with Scan, Loop and If is built, and its self-test agrees with the reference evaluation", async () => {
  const session = createSession();
  const bytes = fileBytes(exportOnnx(parseGraph(recurrent, { rules: typeRules })).files[0]!);
  const { model } = await session.open({ source: new MemoryBlob("recurrent.onnx", bytes) }, silentTask);
  const built = await session.build({ model, step: 0, name: "recurrent", target: "c" }, silentTask);
  const at = folder();
  try {
    write(built.files.map((file) => bytesFile(file.path, file.bytes)), at.path);
    expect(selfTest(at.path, "-O2 -Wall -Wextra -Wpedantic -Werror")).toEqual({ code: 0, text: expect.stringContaining("passed: largest error") as string });
  } finally {
    at.done();
  }
}, 120_000);
