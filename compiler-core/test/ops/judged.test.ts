import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { runStored, type StoredCase } from "./backend-cases.ts";

/** Small models whose results ONNX Runtime (for images, Pillow) computed: see fixtures/operators/generate.py. */
const read = (family: string): StoredCase[] =>
  JSON.parse(readFileSync(new URL(`../fixtures/operators/${family}.json`, import.meta.url), "utf8")) as StoredCase[];

describe.each(["recurrent", "classical", "quantized", "text-and-signal", "control", "images"])("other implementations agree: %s", (family) => {
  test.each(read(family).map((stored) => [stored.name, stored] as const))("%s", (_name, stored) => {
    // Spectra of 100 numbers in float32 are exact to about 1e-5.
    expect(runStored(stored, 1e-3, family === "text-and-signal" ? 1e-4 : 1e-5)).toBeUndefined();
  });
});
