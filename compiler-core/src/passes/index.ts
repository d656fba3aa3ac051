import { strassenConvolution } from "./strassen-convolution.ts";
import { strassenProduct } from "./strassen-product.ts";
import { winogradConvolution } from "./winograd-convolution.ts";
import { blockConvolution } from "./block-convolution.ts";
import { blockIntegerProduct } from "./block-integer-product.ts";
import { blockOfUnblock } from "./block-of-unblock.ts";
import { fuseKernel } from "./fuse-kernel.ts";
import { inlineFunction } from "./inline-function.ts";
import { inlineFusedGroup } from "./inline-fused-group.ts";
import { halfProduct } from "./half-product.ts";
import { packMatMul } from "./pack-mat-mul.ts";
import { sinkUnblock } from "./sink-unblock.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { affineChainMerging } from "./affine-chain-merging.ts";
import { affineIntoConv } from "./affine-into-conv.ts";
import { affineIntoGemm } from "./affine-into-gemm.ts";
import { argMaxOfMonotone } from "./arg-max-of-monotone.ts";
import { attentionFusion } from "./attention-fusion.ts";
import { attentionGroup } from "./attention-group.ts";
import { batchNormIntoConvTranspose } from "./batch-norm-into-conv-transpose.ts";
import { batchNormInBlocks } from "./batch-norm-in-blocks.ts";
import { batchNormIntoConv } from "./batch-norm-into-conv.ts";
import { castChain } from "./cast-chain.ts";
import { castLikeToCast } from "./cast-like-to-cast.ts";
import { commonSubexpressionElimination } from "./common-subexpression-elimination.ts";
import { concatOfConcat } from "./concat-of-concat.ts";
import { constantFolding } from "./constant-folding.ts";
import { deadCodeElimination } from "./dead-code-elimination.ts";
import type { RewriteDefinition } from "./definition.ts";
import { nearestNames } from "./driver/nearest-names.ts";
import { dequantizeOfConstant } from "./dequantize-of-constant.ts";
import { dequantizeThroughMoves } from "./dequantize-through-moves.ts";
import { duplicateConstantMerging } from "./duplicate-constant-merging.ts";
import { elementwiseGroup } from "./elementwise-group.ts";
import { eliminateDropout } from "./eliminate-dropout.ts";
import { eliminateIdentity } from "./eliminate-identity.ts";
import { eliminateNoOpShape } from "./eliminate-no-op-shape.ts";
import { epilogueFusion } from "./epilogue-fusion.ts";
import { expandOfExpand } from "./expand-of-expand.ts";
import { geluFusion } from "./gelu-fusion.ts";
import { gemmOfFlattened } from "./gemm-of-flattened.ts";
import { globalAveragePoolFusion } from "./global-average-pool-fusion.ts";
import { halfPrecision } from "./half-precision.ts";
import { halfWeights } from "./half-weights.ts";
import { hardSigmoidFusion } from "./hard-sigmoid-fusion.ts";
import { hardSwishFusion } from "./hard-swish-fusion.ts";
import { inlineConstantIf } from "./inline-constant-if.ts";
import { ifConversion } from "./if-conversion.ts";
import { int8Weights } from "./int8-weights.ts";
import { integerProduct } from "./integer-product.ts";
import { layerNormalizationFusion } from "./layer-normalization-fusion.ts";
import { loopUnrolling } from "./loop-unrolling.ts";
import { matmulAddToGemm } from "./matmul-add-to-gemm.ts";
import { mishFusion } from "./mish-fusion.ts";
import { multiplyBeforeConv } from "./multiply-before-conv.ts";
import { noOpArithmetic } from "./no-op-arithmetic.ts";
import { padIntoAveragePool } from "./pad-into-average-pool.ts";
import { padIntoConv } from "./pad-into-conv.ts";
import { padIntoMaxPool } from "./pad-into-max-pool.ts";
import { parallelProjections } from "./parallel-projections.ts";
import { poolInBlocks } from "./pool-in-blocks.ts";
import { quantizeOfDequantize } from "./quantize-of-dequantize.ts";
import { quantizedProduct } from "./quantized-product.ts";
import { reciprocalMultiply } from "./reciprocal-multiply.ts";
import { reluAndClip } from "./relu-and-clip.ts";
import { reluIntoQuantize } from "./relu-into-quantize.ts";
import { reshapeOfReshape } from "./reshape-of-reshape.ts";
import { reshapeTargetFolding } from "./reshape-target-folding.ts";
import { rmsNormalizationFusion } from "./rms-normalization-fusion.ts";
import { rmsNormalizationGroup } from "./rms-normalization-group.ts";
import { rotaryEmbeddingGroup } from "./rotary-embedding-group.ts";
import { scaleIntoWeights } from "./scale-into-weights.ts";
import { scanUnrolling } from "./scan-unrolling.ts";
import { shapeSubgraphFolding } from "./shape-subgraph-folding.ts";
import { sinkTransposes } from "./sink-transposes.ts";
import { sinkTransposesThroughSums } from "./sink-transposes-through-sums.ts";
import { skipNormalizationGroup } from "./skip-normalization-group.ts";
import { sliceOfSlice } from "./slice-of-slice.ts";
import { slicesToSplit } from "./slices-to-split.ts";
import { softmaxFusion } from "./softmax-fusion.ts";
import { softmaxOfFlatten } from "./softmax-of-flatten.ts";
import { softplusFusion } from "./softplus-fusion.ts";
import { squeezeOfUnsqueeze } from "./squeeze-of-unsqueeze.ts";
import { swishFusion } from "./swish-fusion.ts";
import { swishGroup } from "./swish-group.ts";
import { tapsInPadding } from "./taps-in-padding.ts";
import { tanhGeluFusion } from "./tanh-gelu-fusion.ts";
import { transposeIntoGemm } from "./transpose-into-gemm.ts";
import { transposeIntoMatmul } from "./transpose-into-matmul.ts";
import { transposeOfTranspose } from "./transpose-of-transpose.ts";
import { unsqueezeOfUnsqueeze } from "./unsqueeze-of-unsqueeze.ts";
import { whereOfSizes } from "./where-of-sizes.ts";
import { zeroStateElimination } from "./zero-state-elimination.ts";

/** Rewrites that choose layouts and kernels for a build: their operators have no form in ONNX. */
const kernelRewrites: readonly RewriteDefinition[] = [inlineFusedGroup, halfProduct, blockConvolution, blockIntegerProduct, packMatMul, sinkUnblock, poolInBlocks, batchNormInBlocks, blockOfUnblock, winogradConvolution, strassenProduct, strassenConvolution, fuseKernel];

/** Every rewrite of graphs that ONNX can hold, one line each. */
export const rewrites: readonly RewriteDefinition[] = [
  eliminateIdentity,
  eliminateDropout,
  eliminateNoOpShape,
  noOpArithmetic,
  deadCodeElimination,
  constantFolding,
  dequantizeOfConstant,
  shapeSubgraphFolding,
  inlineConstantIf,
  inlineFunction,
  loopUnrolling,
  scanUnrolling,
  ifConversion,
  batchNormIntoConv,
  batchNormIntoConvTranspose,
  affineIntoConv,
  affineIntoGemm,
  multiplyBeforeConv,
  padIntoConv,
  tapsInPadding,
  padIntoMaxPool,
  padIntoAveragePool,
  scaleIntoWeights,
  gemmOfFlattened,
  parallelProjections,
  matmulAddToGemm,
  transposeIntoGemm,
  transposeIntoMatmul,
  affineChainMerging,
  castLikeToCast,
  castChain,
  reciprocalMultiply,
  reluAndClip,
  reshapeOfReshape,
  transposeOfTranspose,
  sinkTransposes,
  sinkTransposesThroughSums,
  squeezeOfUnsqueeze,
  sliceOfSlice,
  slicesToSplit,
  concatOfConcat,
  reshapeTargetFolding,
  whereOfSizes,
  unsqueezeOfUnsqueeze,
  expandOfExpand,
  argMaxOfMonotone,
  quantizeOfDequantize,
  dequantizeThroughMoves,
  reluIntoQuantize,
  softmaxOfFlatten,
  zeroStateElimination,
  geluFusion,
  tanhGeluFusion,
  hardSwishFusion,
  hardSigmoidFusion,
  swishFusion,
  mishFusion,
  layerNormalizationFusion,
  rmsNormalizationFusion,
  softmaxFusion,
  softplusFusion,
  globalAveragePoolFusion,
  attentionFusion,
  duplicateConstantMerging,
  commonSubexpressionElimination,
  attentionGroup,
  rotaryEmbeddingGroup,
  epilogueFusion,
  skipNormalizationGroup,
  rmsNormalizationGroup,
  swishGroup,
  elementwiseGroup,
  integerProduct,
  quantizedProduct,
  halfPrecision,
  halfWeights,
  int8Weights,
];

export const allRewrites: readonly RewriteDefinition[] = [...rewrites, ...kernelRewrites];

const byName = new Map(allRewrites.map((rewrite) => [rewrite.name, rewrite]));
if (byName.size !== allRewrites.length) throw new Error("two rewrites have one name");

/** The rewrite of this name. Throws "no-such-rewrite" with names that are close. */
export function findRewrite(name: string): RewriteDefinition {
  const rewrite = byName.get(name);
  if (rewrite) return rewrite;
  throw new GraphwrightError("no-such-rewrite", `there is no rewrite ${JSON.stringify(name)}.`, undefined, nearestNames(name, byName.keys()));
}
