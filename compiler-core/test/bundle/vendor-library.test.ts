import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { cblas, findLibrary } from "../../src/backends/c/libraries.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { typeRules } from "../../src/ops/index.ts";
import { bundleOf, folder, run, write } from "./on-disk.ts";

/** The BLAS routine by its definition, which counts how often it is called. */
const header = `#include <stddef.h>
enum CBLAS_ORDER { CblasRowMajor = 101 };
enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112 };
void cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE ta, enum CBLAS_TRANSPOSE tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
`;
const routine = `#include <stdio.h>
#include <stdlib.h>
#include "cblas.h"
static int calls;
static void tell(void) { printf("%d calls\\n", calls); }
void cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE ta, enum CBLAS_TRANSPOSE tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc) {
  if (calls++ == 0) atexit(tell);
  (void)order;
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) {
      double sum = 0;
      for (int l = 0; l < k; ++l) sum += (double)a[ta == CblasTrans ? l * lda + i : i * lda + l] * (double)b[tb == CblasTrans ? j * ldb + l : l * ldb + j];
      c[i * ldc + j] = (float)((double)alpha * sum + (beta == 0.0f ? 0.0 : (double)beta * (double)c[i * ldc + j]));
    }
}
`;

/** Matrix products in all their forms: how many calls each makes, its inputs and how it is computed. */
const products: readonly (readonly [calls: number, title: string, inputs: readonly string[], body: string])[] = [
  [1, "MatMul", ["3, 5", "5, 4"], "MatMul(%0, %1)"],
  [1, "rows of a batch by one matrix", ["2, 3, 5", "5, 4"], "MatMul(%0, %1)"],
  [6, "batches of both, one repeated along one dimension", ["2, 1, 3, 5", "3, 5, 4"], "MatMul(%0, %1)"],
  [1, "a vector by a matrix", ["5", "5, 4"], "MatMul(%0, %1)"],
  [2, "matrices by a column of each batch", ["2, 3, 5", "2, 5, 1"], "MatMul(%0, %1)"],
  [1, "a value by itself: the loop nest could write over it, the library cannot", ["4, 4"], "MatMul(%0, %0)"],
  [1, "Gemm with a row", ["3, 5", "5, 4", "4"], "Gemm(%0, %1, %2) {alpha = 0.5, beta = 2.0}"],
  [1, "Gemm with a column, both factors transposed", ["5, 3", "4, 5", "3, 1"], "Gemm(%0, %1, %2) {transA = 1, transB = 1}"],
  [1, "Gemm with a matrix that is used up", ["3, 5", "5, 4", "3, 4"], "Gemm(%0, %1, %2)"],
  [1, "Gemm with a number", ["3, 5", "4, 5", ""], "Gemm(%0, %1, %2) {transB = 1, beta = 3.0}"],
  [1, "Gemm without a third input", ["3, 5", "5, 4"], "Gemm(%0, %1) {alpha = 2.0}"],
  [0, "nothing to sum over", ["3, 0", "0, 4"], "MatMul(%0, %1)"],
];

describe("steps that call a vendor library", () => {
  needs("gcc", "make")(`call it where they are products of float32, and agree with the reference: ${products.map(([, title]) => title).join("; ")}`, async () => {
    const inputs = products.flatMap(([, , shapes], i) => shapes.map((shape, k) => `%x${i}_${k}: float32[${shape}]`));
    const statements = products.map(([, , , body], i) => ` %y${i} = ${body.replace(/%(\d)/g, (_, k: string) => `%x${i}_${k}`)}\n`);
    // Of float64: the routine for float32 does not take it.
    const text = `graph @main(${inputs.join(", ")}, %a: float64[3, 5], %b: float64[5, 4]) -> (${products.map((_, i) => `%y${i}`).join(", ")}, %z) {\n${statements.join("")} %z = MatMul(%a, %b)\n return ${products.map((_, i) => `%y${i}`).join(", ")}, %z\n}`;
    const at = folder();
    try {
      write((await bundleOf(parseGraph(text, { rules: typeRules }), { library: cblas })).files, at.path);
      writeFileSync(join(at.path, "src/cblas.h"), header);
      writeFileSync(join(at.path, "cblas.c"), routine);
      expect(run("gcc", ["-c", "-Isrc", "cblas.c", "-o", "cblas.o"], at.path)).toEqual({ code: 0, text: "" });
      expect(run("make", ["-s", "-j2", "-C", at.path, "bench", "selftest", "CFLAGS=-O1 -Werror", "CBLAS_LIBS=cblas.o"])).toEqual({ code: 0, text: "" });
      expect(run(join(at.path, "selftest"), []).text).toContain("passed: largest error");
      // One run of the self-test, one to warm up, five that are measured.
      expect(run(join(at.path, "bench"), ["--runs", "5"]).text).toContain(`${7 * products.reduce((sum, [calls]) => sum + calls, 0)} calls\n`);

      run("make", ["-s", "-C", at.path, "clean"]);
      expect(run("make", ["-s", "-j2", "-C", at.path, "selftest", "CFLAGS=-O1 -Werror", "CBLAS=0"])).toEqual({ code: 0, text: "" });
      expect(run(join(at.path, "selftest"), []).text).toMatch(/passed: largest error(?![^]*calls)/);
    } finally {
      at.done();
    }
  }, 120_000);

  test("a library that is not there", () => {
    expect(() => findLibrary("mkl")).toThrow('there is no library "mkl".');
  });
});
