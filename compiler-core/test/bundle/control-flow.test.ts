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

/** What data decide: a branch that looks a place up, a loop that ends by its condition in one that counts, and a scan in a branch. */
const decided = `graph @main(%x: float32[5, 3], %n: int64[], %c: bool[1], %k: int64[1]) -> (%y: float32[3], %turns: int64[], %rows: float32[4, 3], %z: float32[3], %swapped: float32[3]) {
  %zero = constant int64[] [0]
  %one = constant int64[] [1]
  %four = constant int64[] [4]
  %h = ReduceMax(%x, %zero) {keepdims = 0}
  %y, %turns, %other, %rows = Loop(%four, _, %h, %zero, %h) body (%i: int64[], %go: bool[], %s: float32[3], %count: int64[], %t: float32[3]) {
    %v, %inner = Loop(%n, _, %s, %count) body (%j: int64[], %on: bool[], %p: float32[3], %q: int64[]) {
      %half = constant float32[] [0.75]
      %w = Mul(%p, %half)
      %r = ReduceSum(%w) {keepdims = 0}
      %limit = constant float32[] [0.25]
      %more = Greater(%r, %limit)
      %q2 = Add(%q, %one)
      return %more, %w, %q2
    }
    return %go, %t, %inner, %v, %v
  }
  %z = If(%c) then_branch () {
    %g = Gather(%x, %k) {axis = 0}
    %axes = constant int64[1] [0]
    %row = Squeeze(%g, %axes)
    return %row
  } else_branch () {
    %last, %all = Scan(%h, %x) {num_scan_inputs = 1} body (%s: float32[3], %v: float32[3]) { %d = Sub(%v, %s) return %d, %d }
    return %last
  }
  %swapped = Identity(%other)
  return %y, %turns, %rows, %z, %swapped
}`;

needs("gcc", "make").each([["unrolled and converted", recurrent], ["decided at run time", decided]])("a model with Scan, Loop and If, %s: its self-test agrees with the reference evaluation", async (_, text) => {
  const session = createSession();
  const bytes = fileBytes(exportOnnx(parseGraph(text, { rules: typeRules })).files[0]!);
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
