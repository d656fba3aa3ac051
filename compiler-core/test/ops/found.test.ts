import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { runWasmCase } from "../../src/session/compiled-case.ts";
import { MemoryBlob } from "../../src/support/blob.ts";
import { silentTask } from "../../src/support/task.ts";
import { runStored, type StoredCase } from "./backend-cases.ts";

/** What random search found wrong once, judged by ONNX Runtime and onnx's evaluator: see fixtures/operators/found.py. */
const found = JSON.parse(readFileSync(new URL("../fixtures/operators/found.json", import.meta.url), "utf8")) as StoredCase[];
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));

describe.each(found)("$name", (stored) => {
  test("as it is evaluated", () => {
    expect(runStored(stored)).toBeUndefined();
  });
  test("as generated code", async () => {
    const set = { name: "data", inputs: stored.inputs.map(bytes), outputs: stored.outputs.map(bytes) };
    const result = await runWasmCase({ model: new MemoryBlob("model.onnx", bytes(stored.model)), sets: [set], rtol: 1e-3, atol: 1e-5 }, { optimize: false, relaxed: false }, silentTask);
    expect({ refused: result.refused, failed: result.failed }).toEqual({ refused: undefined, failed: undefined });
  });
});
