/** The page of rewrites in docs/, from what `graphwright passes --json` says. */

/**
 * @typedef {object} Precondition
 * @property {string} name
 * @property {string} doc
 */
/**
 * @typedef {object} Example
 * @property {string} title
 * @property {string} before
 * @property {string} after
 * @property {string} [fails]
 */
/**
 * @typedef {object} Rewrite
 * @property {string} name
 * @property {string} title
 * @property {string} summary
 * @property {string} why
 * @property {string} exactness
 * @property {readonly string[]} roots
 * @property {readonly Precondition[]} preconditions
 * @property {readonly Example[]} examples
 */
/**
 * @typedef {object} Pass
 * @property {string} name
 * @property {string} title
 * @property {string} summary
 * @property {readonly string[]} [rewrites]
 * @property {readonly string[]} [passes]
 */

/**
 * What the field's optimizers rewrite, and by which rewrites Graphwright does. A star: at least one tool gets it wrong,
 * and the wrong case is in compiler-core/test/passes/starred.test.ts.
 * @type {readonly { row: number, star?: boolean, what: string, by: readonly string[], note?: string }[]}
 */
export const rows = [
  { row: 1, what: "Identity and no-op elimination", by: ["eliminate-identity", "eliminate-no-op-shape"] },
  { row: 2, star: true, what: "Dropout elimination", by: ["eliminate-dropout"] },
  { row: 3, what: "Dead code elimination", by: ["dead-code-elimination"] },
  { row: 4, star: true, what: "Common subexpression elimination", by: ["common-subexpression-elimination"] },
  { row: 5, what: "Duplicate constant merging", by: ["duplicate-constant-merging"] },
  { row: 6, what: "If with a constant condition", by: ["inline-constant-if"] },
  { row: 7, star: true, what: "Constant folding", by: ["constant-folding"] },
  { row: 8, star: true, what: "Shape-subgraph folding", by: ["shape-subgraph-folding", "reshape-target-folding", "where-of-sizes"] },
  { row: 9, what: "BatchNormalization into Conv", by: ["batch-norm-into-conv"] },
  { row: 10, star: true, what: "BatchNormalization into ConvTranspose", by: ["batch-norm-into-conv-transpose"] },
  { row: 11, star: true, what: "BatchNormalization into Gemm and MatMul", by: ["affine-into-gemm"] },
  { row: 12, what: "Chains of constant affine operators", by: ["affine-chain-merging"] },
  { row: 13, star: true, what: "Mul and Add after Conv into Conv", by: ["affine-into-conv"] },
  { row: 14, what: "Mul before Conv into Conv", by: ["multiply-before-conv"] },
  { row: 15, star: true, what: "Pad into Conv", by: ["pad-into-conv"] },
  { row: 16, star: true, what: "Pad into MaxPool", by: ["pad-into-max-pool"] },
  { row: 17, star: true, what: "Pad into AveragePool", by: ["pad-into-average-pool"] },
  { row: 18, what: "Transpose into Gemm and MatMul", by: ["transpose-into-gemm", "transpose-into-matmul", "sink-transposes"] },
  { row: 19, what: "Cast chains", by: ["cast-chain", "cast-like-to-cast"] },
  { row: 20, what: "x + 0, x * 1, x / 1, x - 0, x ^ 1", by: ["no-op-arithmetic"] },
  { row: 21, star: true, what: "(1 / x) * y to y / x", by: ["reciprocal-multiply"] },
  { row: 22, what: "Relu and Clip", by: ["relu-and-clip"] },
  { row: 23, star: true, what: "ArgMax of a monotone function", by: ["arg-max-of-monotone"] },
  { row: 24, star: true, what: "Reshape of Reshape", by: ["reshape-of-reshape"] },
  { row: 25, what: "Chains of Transpose, Squeeze, Unsqueeze, Flatten, Expand", by: ["transpose-of-transpose", "squeeze-of-unsqueeze", "unsqueeze-of-unsqueeze", "expand-of-expand"] },
  { row: 26, star: true, what: "Slice of Slice", by: ["slice-of-slice"] },
  { row: 27, what: "MatMul and Add to Gemm", by: ["matmul-add-to-gemm"] },
  { row: 28, what: "Parallel projections into one MatMul", by: ["parallel-projections"] },
  { row: 29, what: "GELU, its tanh form, bias and GELU", by: ["gelu-fusion", "tanh-gelu-fusion", "epilogue-fusion", "elementwise-group"], note: "A bias before it joins its group" },
  { row: 30, star: true, what: "LayerNormalization", by: ["layer-normalization-fusion"] },
  { row: 31, star: true, what: "RMSNormalization, residual and normalization", by: ["rms-normalization-fusion", "rms-normalization-group", "skip-normalization-group", "epilogue-fusion"] },
  { row: 32, what: "Attention, rotary embedding", by: ["attention-fusion", "attention-group", "rotary-embedding-group"] },
  { row: 33, what: "HardSwish, Swish, Mish, Softplus, softmax spelled out", by: ["hard-swish-fusion", "hard-sigmoid-fusion", "swish-fusion", "swish-group", "mish-fusion", "softplus-fusion", "softmax-fusion"] },
  { row: 34, what: "Epilogue fusion", by: ["epilogue-fusion", "elementwise-group"] },
  { row: 35, what: "Quantize and dequantize", by: ["quantize-of-dequantize", "dequantize-through-moves", "relu-into-quantize", "dequantize-of-constant", "quantized-product", "integer-product"], note: "The last two only in the pipeline quantized. A DequantizeLinear of a QuantizeLinear rounds, and stays" },
  { row: 36, what: "Layout: transposes sunk and cancelled", by: ["sink-transposes", "sink-transposes-through-sums", "transpose-of-transpose"], note: "Blocked layouts are chosen by the pipeline kernels (block-convolution, sink-unblock, block-of-unblock); the graph keeps ONNX's" },
  { row: 37, what: "Precision", by: ["half-precision", "half-weights", "int8-weights"], note: "Only in the pipelines half, half-weights and int8-weights" },
  { row: 38, what: "Constant weights repacked or transformed offline", by: ["pack-mat-mul", "block-convolution", "winograd-convolution", "strassen-product", "strassen-convolution"], note: "Only in the pipeline kernels, which a build runs" },
];

/** In a table a bar would end the cell. @param {string} text */
const cell = (text) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("*", "\\*");
/** @param {string} name */
const link = (name) => `[${name}](#${name})`;

/** @param {{ rewrites: readonly Rewrite[], passes: readonly Pass[], pipelines: readonly Pass[] }} catalog */
export function rewritesPage({ rewrites, passes, pipelines }) {
  const by = (/** @type {string} */ exactness) => rewrites.filter((r) => r.exactness === exactness).length;
  const lines = [
    "# Rewrites",
    "",
    "Every rewrite that Graphwright knows, made by `npm run docs:rewrites` from the definitions in `compiler-core/src/passes`.",
    "The examples are run as tests. `graphwright explain MODEL --rewrite NAME` says for each place of a model which precondition holds and which does not.",
    "",
    "- **exact**: the same bits. **reassociates**: equal up to the order and rounding of floating-point operations.",
    "  **approximates**: changes the function; only in pipelines that say so.",
    "- A precondition is satisfied, failed or unknown; a rewrite is applied only where all are satisfied.",
    "",
    `${rewrites.length} rewrites: ${by("exact")} exact, ${by("reassociates")} that reassociate, ${by("approximates")} that approximate.`,
    "",
    "## Pipelines",
    "",
    "| Pipeline | What it does | Passes |",
    "| --- | --- | --- |",
    ...pipelines.map((p) => `| ${p.name} | ${cell(p.summary)} | ${(p.passes ?? []).length > 20 ? "every rewrite by itself" : (p.passes ?? []).join(", ")} |`),
    "",
    "| Pass | What it does | Rewrites |",
    "| --- | --- | --- |",
    ...passes.map((p) => `| ${p.name} | ${cell(p.summary)} | ${(p.rewrites ?? []).map(link).join(", ")} |`),
    "",
    "## Why a run ends",
    "",
    "Passes repeat until a round changes nothing. Every rewrite makes some count smaller that none of the others makes larger for ever: nodes,",
    "Transposes, constants with several elements to fold, the distance of a Pad or a QuantizeLinear from its source. Beyond that each run has a",
    "budget of applications in proportion to the nodes, and 16 rounds: one that exceeds it ends with the rewrite and the place it came back to.",
    "",
    "The strict pipeline gives the same bits as we evaluate a model, and in ONNX Runtime with its optimizations off, but for one thing outside the model:",
    "there a kernel may multiply in another order once its weights are constants (an LSTM's, say), so that folding them can move the last digit.",
    "",
    "## What other optimizers do",
    "",
    "A star marks a rewrite that at least one of ONNX Runtime, onnxoptimizer, onnxsim, OnnxSlim, OpenVINO, TVM or onnxscript gets wrong somewhere; tests hold the place where.",
    "",
    "| Row | Rewrite | Here |",
    "| --: | --- | --- |",
    ...rows.map(({ row, star, what, by: names, note }) => `| ${row}${star ? "\\*" : ""} | ${cell(what)} | ${[names.map(link).join(", "), note ?? ""].filter((part) => part !== "").join(". ")} |`),
    "",
    "## All of them",
  ];
  for (const r of rewrites) {
    lines.push("", `### ${r.name}`, "", `**${r.title}** (${r.exactness}; at ${r.roots.includes("*") ? "any operator" : r.roots.join(", ")}). ${r.summary}`, "", r.why, "");
    for (const p of r.preconditions) lines.push(`- *${p.name}*: ${p.doc}`);
    const example = r.examples.find((e) => e.before !== e.after);
    if (example) lines.push("", `${example.title}:`, "```", example.before, "```", "becomes", "```", example.after, "```");
    const refusals = r.examples.filter((e) => e.fails !== undefined);
    if (refusals.length > 0) lines.push("", `Not where: ${refusals.map((e) => `${e.title[0]?.toLowerCase()}${e.title.slice(1)} (*${e.fails}*)`).join("; ")}.`);
  }
  return `${lines.join("\n")}\n`;
}
