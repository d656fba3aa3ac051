/**
 * A sample of the onnx project's cases as WebAssembly, the module that a bundle would carry: what is covered agrees, and what is
 * not is refused by name. `GRAPHWRIGHT_ALL_CASES=1` takes all of them, without relaxed SIMD and with it.
 */
import path from "node:path";
import { expect } from "vitest";
import { needs, sharedFolder } from "../../../app/tooling/need.ts";
import { hasRelaxedSimd } from "../../src/backends/wasm/index.ts";
import { createSession, silentTask } from "../../src/session/index.ts";
import { Random } from "../../src/support/random.ts";
import { caseNames, knownFailures, readCase } from "./backend-suite.ts";

const all = process.env["GRAPHWRIGHT_ALL_CASES"] === "1";

needs("shared")("the onnx project's cases agree as WebAssembly", { timeout: 300_000 }, async () => {
  const session = createSession();
  const random = new Random(6);
  const failed: string[] = [];
  const vague: string[] = [];
  let [floats, passed] = [0, 0];
  for (const [i, name] of caseNames().entries()) {
    if (!all && random.uniform() > 0.1) continue;
    for (const relaxed of all ? [false, true] : [i % 2 === 1]) {
      const result = await session.wasmCase({ case: readCase(path.join(sharedFolder(), "onnx-backend", name)), relaxed: relaxed && hasRelaxedSimd() }, silentTask);
      if (result.kind === "float") {
        floats++;
        if (result.refused === undefined && result.failed === undefined) passed++;
      }
      if (result.failed !== undefined && !(name in knownFailures)) failed.push(`${name}${relaxed ? " (relaxed)" : ""}: ${result.failed}`);
      // A printer that lacks something would be named here: all that lowering covers is printed.
      if (result.refused?.includes("backend") || result.refused === "") vague.push(`${name}: ${result.refused}`);
    }
  }
  expect(failed).toEqual([]);
  expect(vague).toEqual([]);
  expect(floats).toBeGreaterThan(70);
  expect(passed / floats).toBeGreaterThan(0.85);
});
