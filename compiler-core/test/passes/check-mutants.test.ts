/**
 * Whether the numerical check of a step notices a wrong rewrite: every built-in rewrite is broken in many small ways. What
 * it cannot notice is listed here, with the reason.
 */
import { describe, expect, test } from "vitest";
import { rewrites } from "../../src/passes/index.ts";
import { killed, preconditionMutants, resultMutants } from "../fixtures/rewrite-mutants.ts";

/** Preconditions that keep a name, a budget or a benefit, or a form that others can read: the numbers stay the same. */
const notNumerical = new Set([
  "replaceable",
  "at most one output",
  "mask unused",
  "unused",
  "within budget",
  "no weight",
  "no widened weight",
  "smaller",
  "three or more",
  "fewer transposes",
  "several operators",
  "operator set",
  "no operator for it",
  "an epilogue follows",
  "used once",
  "used only here",
  "sign of zero",
]);

/** Mutants that compute the same, by rewrite and what was changed. */
const equivalent: Readonly<Record<string, string>> = {
  "transpose-into-gemm, precondition transposed factor": "a Transpose that moves nothing may go too",
  "transpose-into-matmul, precondition same precision": "integers are multiplied alike; it is that runtimes have no Gemm of them",
  "cast-like-to-cast, precondition known type": "without a type nothing can be drawn",
  "relu-and-clip, constant y_min at 0": "the upper bound is 0 and wins",
  "reshape-of-reshape, constant y_shape at 0": "0 copies the size that -1 stands for",
  "taps-in-padding, precondition constant filters": "the evaluator reads no padding, where 0 times infinity would be no number; the precondition is careful",
  "reshape-target-folding, constant target_target at 0": "0 copies the size that -1 stands for",
  "slice-of-slice, constant y_ends at 0": "an end beyond the last element",
  "slice-of-slice, constant y_ends at 1": "an end beyond the last element",
  "slice-of-slice, Slice's last input left out": "the steps are 1",
  "quantize-of-dequantize, precondition rounds back": "no digit is lost on the way with this scale; the precondition is careful",
  "integer-product, MatMulInteger's last input left out": "the zero point of the right factor is 0",
  "zero-state-elimination, precondition zero state": "nothing is taken away where no state is zero",
  "attention-group, precondition along the keys": "a group is its own nodes",
  "skip-normalization-group, precondition constant scale": "a group is its own nodes",
  "inline-function, precondition not recursive": "a function that calls itself has no value to compare with",
  "inline-function, precondition attributes given": "a call without an attribute has no value to compare with",
  "inline-function, precondition outputs computed": "nothing uses the output that is missing",
  "if-conversion, precondition branches that cannot fail": "places are drawn within the axis",
  "if-conversion, precondition small branches": "what both branches cost changes no value",
};

describe.each(rewrites.filter((r) => r.exactness !== "approximates").map((rewrite) => [rewrite.name, rewrite] as const))("%s made wrong", (_, rewrite) => {
  test("the check notices", () => {
    const survivors: string[] = [];
    for (const mutant of [...preconditionMutants(rewrite), ...resultMutants(rewrite)]) {
      if (killed(mutant) || `${mutant.rewrite}, ${mutant.change}` in equivalent || notNumerical.has(mutant.change.replace(/^precondition /, ""))) continue;
      survivors.push(`${mutant.change} (${mutant.example}): ${mutant.report!.verdict} ${mutant.report!.note}`);
    }
    expect(survivors).toEqual([]);
  });
});

test("hundreds of mutants are tried, and nine in ten of all are noticed", () => {
  const results = rewrites.filter((r) => r.exactness !== "approximates").flatMap((rewrite) => [...resultMutants(rewrite)]);
  expect(results.length).toBeGreaterThan(200);
  expect(results.filter(killed).length / results.length).toBeGreaterThan(0.95);
});
