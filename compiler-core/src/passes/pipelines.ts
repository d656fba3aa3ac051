import { GraphwrightError } from "../support/diagnostic.ts";
import type { RewriteDefinition, RewriteOptions } from "./definition.ts";
import { nearestNames } from "./driver/nearest-names.ts";
import { allRewrites, findRewrite, rewrites } from "./index.ts";

/** Rewrites that run together to a fixed point. */
export interface Pass {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  /** names; at one node they are tried in this order */
  readonly rewrites: readonly string[];
}

export interface Pipeline {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  /** repeated in this order until a round changes nothing */
  readonly passes: readonly string[];
  /** run once after them */
  readonly finally: readonly string[];
  readonly options?: Partial<RewriteOptions>;
}

export const passes: readonly Pass[] = [
  {
    name: "clean-up",
    title: "Clean up",
    summary: "Removes what computes nothing: copies, dropout, neutral arithmetic, dead code.",
    rewrites: ["eliminate-identity", "eliminate-dropout", "eliminate-no-op-shape", "no-op-arithmetic", "dead-code-elimination"],
  },
  {
    name: "fold-constants",
    title: "Fold constants",
    summary: "Computes what constants and proven shapes decide, and puts functions in place of their calls.",
    rewrites: ["constant-folding", "dequantize-of-constant", "shape-subgraph-folding", "inline-constant-if", "inline-function"],
  },
  {
    name: "simplify",
    title: "Simplify",
    summary: "Shortens chains of shape operators, casts and clips.",
    rewrites: ["transpose-of-transpose", "reshape-of-reshape", "squeeze-of-unsqueeze", "slice-of-slice", "concat-of-concat", "zero-state-elimination", "softmax-of-flatten", "cast-like-to-cast", "cast-chain", "relu-and-clip", "reciprocal-multiply", "reshape-target-folding", "where-of-sizes", "unsqueeze-of-unsqueeze", "expand-of-expand", "arg-max-of-monotone", "quantize-of-dequantize", "dequantize-through-moves", "relu-into-quantize"],
  },
  {
    name: "layout",
    title: "Layout",
    summary: "Brings whole regions to the layout in which fewer Transposes are needed.",
    rewrites: ["transpose-of-transpose", "sink-transposes", "sink-transposes-through-sums"],
  },
  {
    name: "recognize-operators",
    title: "Recognize operators",
    summary: "Writes activations and normalizations that are spelled out as the one operator they are.",
    rewrites: ["gelu-fusion", "tanh-gelu-fusion", "hard-swish-fusion", "hard-sigmoid-fusion", "swish-fusion", "mish-fusion", "layer-normalization-fusion", "rms-normalization-fusion", "softmax-fusion", "softplus-fusion", "attention-fusion"],
  },
  {
    name: "fold-into-weights",
    title: "Fold into weights",
    summary: "Moves constant scales, shifts, paddings and transposes into the operator beside them.",
    rewrites: ["pad-into-conv", "taps-in-padding", "pad-into-max-pool", "pad-into-average-pool", "batch-norm-into-conv", "batch-norm-into-conv-transpose", "affine-into-conv", "transpose-into-gemm", "transpose-into-matmul", "matmul-add-to-gemm", "affine-into-gemm", "multiply-before-conv", "gemm-of-flattened", "parallel-projections", "scale-into-weights"],
  },
  {
    name: "merge-affine-chains",
    title: "Merge affine chains",
    summary: "Merges constant scales and shifts that follow one another.",
    rewrites: ["affine-chain-merging"],
  },
  {
    name: "merge-duplicates",
    title: "Merge duplicates",
    summary: "Brings means over space to one form, keeps one of equal constants and equal computations, and joins Slices into Splits. It comes after folding into weights, which needs convolutions that are used once.",
    rewrites: ["global-average-pool-fusion", "duplicate-constant-merging", "common-subexpression-elimination", "slices-to-split"],
  },
  {
    name: "group-attention",
    title: "Group attention",
    summary: "Keeps attention and rotary embeddings that are spelled out in fused groups.",
    rewrites: ["attention-group", "rotary-embedding-group"],
  },
  {
    name: "fuse-epilogues",
    title: "Fuse epilogues",
    summary: "Groups convolutions, matrix products and poolings with the sums and activations that follow them.",
    rewrites: ["epilogue-fusion"],
  },
  {
    name: "group-operators",
    title: "Group operators",
    summary: "Groups sums with the normalizations of them, and the parts of operators that the operator set does not have.",
    rewrites: ["skip-normalization-group", "rms-normalization-group"],
  },
  {
    name: "group-elementwise",
    title: "Group elementwise",
    summary: "Groups what is left of element-by-element operators that follow one another.",
    rewrites: ["elementwise-group", "swish-group"],
  },
  {
    name: "control-flow",
    title: "Control flow",
    summary: "Puts the bodies of functions, loops and branches in their places, where the number of turns is known and both branches may run.",
    rewrites: ["inline-function", "inline-constant-if", "loop-unrolling", "scan-unrolling", "if-conversion"],
  },
  {
    name: "take-groups-apart",
    title: "Take groups apart",
    summary: "Puts the bodies of fused groups in their places, so that kernels can be chosen.",
    rewrites: ["inline-fused-group"],
  },
  {
    name: "choose-kernels",
    title: "Choose kernels",
    summary: "Lays channels out in blocks and weights in the order in which kernels read them, and moves the steps between layouts until they cancel.",
    rewrites: ["half-product", "block-convolution", "block-integer-product", "pack-mat-mul", "sink-unblock", "pool-in-blocks", "batch-norm-in-blocks", "block-of-unblock"],
  },
  {
    name: "minimal-filtering",
    title: "Minimal filtering",
    summary: "Computes 3 x 3 convolutions with fewer multiplications where that wins.",
    rewrites: ["winograd-convolution"],
  },
  {
    name: "fast-products",
    title: "Fast products",
    summary: "Computes large matrix products and 1 x 1 convolutions with fewer multiplications where that wins.",
    rewrites: ["strassen-product", "strassen-convolution"],
  },
  {
    name: "fuse-kernels",
    title: "Fuse kernels",
    summary: "Groups kernels with the elementwise operators and the padding that follow them.",
    rewrites: ["fuse-kernel"],
  },
];

const main = ["clean-up", "fold-constants", "simplify", "layout", "recognize-operators", "fold-into-weights", "merge-affine-chains", "merge-duplicates"];

/** Passes that make fused groups: they come last, since nothing looks into a group. */
const fusion = ["group-attention", "fuse-epilogues", "group-operators", "group-elementwise"];
const groups = passes.filter((pass) => fusion.includes(pass.name)).flatMap((pass) => pass.rewrites);

/** Rewrites that only pipelines which say so run: they change the function, make the graph larger, or serve such a pipeline. */
const optIn = ["integer-product", "loop-unrolling", "scan-unrolling", "if-conversion", ...rewrites.filter((rewrite) => rewrite.exactness === "approximates").map((rewrite) => rewrite.name)];

export const pipelines: readonly Pipeline[] = [
  {
    name: "default",
    title: "Default",
    summary: "Everything that keeps the function, bitwise or up to rounding order; fusion last.",
    passes: main,
    finally: fusion,
  },
  {
    name: "strict",
    title: "Strict",
    summary: "Only rewrites that keep every bit.",
    passes: main,
    finally: fusion,
    options: { strict: true },
  },
  {
    name: "size",
    title: "Size",
    summary: "As default, but no constant may grow: for the smallest file.",
    passes: main,
    finally: fusion,
    options: { foldGrowthBytes: 0 },
  },
  {
    name: "teaching",
    title: "Teaching",
    summary: "One rewrite at a time, in the order in which they are taught.",
    passes: rewrites.filter((rewrite) => !optIn.includes(rewrite.name) && !groups.includes(rewrite.name)).map((rewrite) => rewrite.name),
    finally: groups,
  },
  {
    name: "quantized",
    title: "Integer arithmetic",
    summary: "As default, then products of quantized values as QLinearConv, QLinearMatMul, ConvInteger and MatMulInteger. Approximates: a result may move by one quantization step.",
    passes: main,
    finally: ["quantized-product", "integer-product", ...fusion],
  },
  {
    name: "half",
    title: "float16 computation",
    summary: "As default, then products and what stands between them in float16, with weights rounded to it. Approximates: check the outputs on your data.",
    passes: main,
    finally: ["half-precision", ...fusion],
  },
  {
    name: "half-weights",
    title: "float16 weights",
    summary: "As default, then large weights stored as float16 and computed with in float32: half the file. Approximates.",
    passes: main,
    finally: ["half-weights", ...fusion],
  },
  {
    name: "int8-weights",
    title: "int8 weights",
    summary: "As default, then weights of products and lookups stored as int8 with a scale for each channel: a quarter of the file. Approximates.",
    passes: main,
    finally: ["int8-weights", ...fusion],
  },
  {
    name: "unroll",
    title: "Unroll",
    summary: "Takes loops and branches apart and folds what that decides: what a build does first to a step with control flow.",
    passes: ["control-flow", "clean-up", "fold-constants", "simplify"],
    finally: [],
    options: { foldGrowthBytes: 4096 },
  },
  {
    name: "kernels",
    title: "Kernels",
    summary: "What a build does to a step before it prints C: layouts, packed weights, and one group a kernel. The result cannot be written as ONNX.",
    passes: ["take-groups-apart", "choose-kernels"],
    finally: ["minimal-filtering", "fast-products", "fuse-kernels"],
  },
];

/** A pass by name; every rewrite is also a pass of its own. Throws "no-such-pass". */
export function findPass(name: string): Pass {
  const pass = passes.find((p) => p.name === name);
  if (pass) return pass;
  const rewrite = allRewrites.find((r) => r.name === name);
  if (rewrite) return { name, title: rewrite.title, summary: rewrite.summary, rewrites: [name] };
  throw new GraphwrightError("no-such-pass", `there is no pass or rewrite ${JSON.stringify(name)}.`, undefined, nearestNames(name, [...passes, ...allRewrites].map((p) => p.name)));
}

/** Throws "no-such-pipeline". */
export function findPipeline(name: string): Pipeline {
  const pipeline = pipelines.find((p) => p.name === name);
  if (pipeline) return pipeline;
  throw new GraphwrightError("no-such-pipeline", `there is no pipeline ${JSON.stringify(name)}.`, undefined, nearestNames(name, pipelines.map((p) => p.name)));
}

for (const pass of passes) for (const name of pass.rewrites) findRewrite(name);
for (const pipeline of pipelines) for (const name of [...pipeline.passes, ...pipeline.finally]) findPass(name);

/** A rewrite as documentation: plain data. */
export type RewriteDescription = Pick<RewriteDefinition, "name" | "title" | "summary" | "why" | "exactness" | "roots" | "preconditions" | "examples">;

/** Everything there is to run, as plain data for the command line and the window. */
export function describePasses(): { rewrites: RewriteDescription[]; passes: Pass[]; pipelines: { name: string; title: string; summary: string; passes: string[]; finally: string[] }[] } {
  return {
    rewrites: allRewrites.map(({ name, title, summary, why, exactness, roots, preconditions, examples }) => ({ name, title, summary, why, exactness, roots, preconditions, examples })),
    passes: [...passes],
    pipelines: pipelines.map(({ name, title, summary, passes: repeated, finally: last }) => ({ name, title, summary, passes: [...repeated, ...last], finally: [...last] })),
  };
}
