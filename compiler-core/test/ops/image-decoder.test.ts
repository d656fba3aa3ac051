import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { evaluateModel } from "../../src/evaluate/index.ts";
import { makeTensor, parseGraph, type Tensor } from "../../src/ir/index.ts";
import { typeRules } from "../../src/ops/index.ts";
import type { StoredCase } from "./backend-cases.ts";

const graph = parseGraph("graph @main(%f: uint8[N]) -> (%y) { %y = ImageDecoder(%f) return %y }", { rules: typeRules });
const decode = (bytes: Uint8Array): Tensor => evaluateModel(graph, new Map([["f", makeTensor("uint8", [bytes.length], bytes)]])).get("y") as Tensor;

test("bytes that are no image give an image without pixels", () => {
  expect(decode(Uint8Array.of(1, 2, 3)).dims).toEqual([0, 0, 3]);
});

test("formats without a decoder say so", () => {
  expect(() => decode(new TextEncoder().encode("RIFFxxxxWEBPVP8 "))).toThrow(/WebP/);
});

test("cut and changed files of every format give pixels or an empty image, never an unforeseen error", () => {
  const cases = JSON.parse(readFileSync(new URL("../fixtures/operators/images.json", import.meta.url), "utf8")) as StoredCase[];
  let state = 1;
  const random = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % limit;
  };
  for (const stored of cases) {
    // The file's bytes are the last field of the tensor message; a few bytes of message before them do no harm.
    const message = Buffer.from(stored.inputs[0]!, "base64");
    const start = Math.max(...["\xff\xd8\xff", "\x89PNG", "BM", "II*", "P4", "P5", "P6"].map((mark) => message.indexOf(mark, 0, "latin1")));
    const file = new Uint8Array(message.subarray(start));
    for (let turn = 0; turn < 20; turn++) {
      const damaged = file.slice(0, turn % 2 ? file.length : random(file.length) + 1);
      for (let i = 0; i < 3; i++) damaged[random(damaged.length)] = random(256);
      try {
        expect(decode(damaged).dims).toHaveLength(3);
      } catch (error) {
        expect(String(error)).toMatch(/not decoded here/);
      }
    }
  }
});
