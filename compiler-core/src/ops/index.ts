import type { TypeRules } from "../ir/type-rules.ts";
import type { OperatorDefinition } from "./definition.ts";
import { celu } from "./activation/celu.ts";
import { elu } from "./activation/elu.ts";
import { gelu } from "./activation/gelu.ts";
import { hardSigmoid } from "./activation/hard-sigmoid.ts";
import { hardSwish } from "./activation/hard-swish.ts";
import { hardmax } from "./activation/hardmax.ts";
import { leakyRelu } from "./activation/leaky-relu.ts";
import { mish } from "./activation/mish.ts";
import { prelu } from "./activation/prelu.ts";
import { relu } from "./activation/relu.ts";
import { selu } from "./activation/selu.ts";
import { shrink } from "./activation/shrink.ts";
import { sigmoid } from "./activation/sigmoid.ts";
import { softplus } from "./activation/softplus.ts";
import { softsign } from "./activation/softsign.ts";
import { swiglu } from "./activation/swiglu.ts";
import { swish } from "./activation/swish.ts";
import { tanh } from "./activation/tanh.ts";
import { thresholdedRelu } from "./activation/thresholded-relu.ts";
import { attention } from "./attention/attention.ts";
import { causalConvWithState } from "./attention/causal-conv-with-state.ts";
import { flexAttention } from "./attention/flex-attention.ts";
import { linearAttention } from "./attention/linear-attention.ts";
import { rotaryEmbedding } from "./attention/rotary-embedding.ts";
import { tensorScatter } from "./attention/tensor-scatter.ts";
import { blockChannels } from "./layout/block-channels.ts";
import { concatChannels } from "./layout/concat-channels.ts";
import { blockedConv } from "./layout/blocked-conv.ts";
import { blockedQLinearConv } from "./layout/blocked-qlinear-conv.ts";
import { packedMatMul } from "./layout/packed-mat-mul.ts";
import { widenWeight } from "./layout/widen-weight.ts";
import { unblockChannels } from "./layout/unblock-channels.ts";
import { strassenConv } from "./layout/strassen-conv.ts";
import { strassenMatMul } from "./layout/strassen-mat-mul.ts";
import { winogradConv } from "./layout/winograd-conv.ts";
import { fused } from "./control/fused.ts";
import { ifOperator } from "./control/if.ts";
import { loop } from "./control/loop.ts";
import { optional } from "./control/optional.ts";
import { optionalGetElement } from "./control/optional-get-element.ts";
import { optionalHasElement } from "./control/optional-has-element.ts";
import { scan } from "./control/scan.ts";
import { nonMaxSuppression } from "./image/non-max-suppression.ts";
import { and } from "./logical/and.ts";
import { bitShift } from "./logical/bit-shift.ts";
import { bitwiseAnd } from "./logical/bitwise-and.ts";
import { bitwiseNot } from "./logical/bitwise-not.ts";
import { bitwiseOr } from "./logical/bitwise-or.ts";
import { bitwiseXor } from "./logical/bitwise-xor.ts";
import { equal } from "./logical/equal.ts";
import { greater } from "./logical/greater.ts";
import { greaterOrEqual } from "./logical/greater-or-equal.ts";
import { isInf } from "./logical/is-inf.ts";
import { isNan } from "./logical/is-nan.ts";
import { less } from "./logical/less.ts";
import { lessOrEqual } from "./logical/less-or-equal.ts";
import { not } from "./logical/not.ts";
import { or } from "./logical/or.ts";
import { where } from "./logical/where.ts";
import { xor } from "./logical/xor.ts";
import { abs } from "./math/abs.ts";
import { acos } from "./math/acos.ts";
import { acosh } from "./math/acosh.ts";
import { add } from "./math/add.ts";
import { asin } from "./math/asin.ts";
import { asinh } from "./math/asinh.ts";
import { atan } from "./math/atan.ts";
import { atanh } from "./math/atanh.ts";
import { ceil } from "./math/ceil.ts";
import { clip } from "./math/clip.ts";
import { cos } from "./math/cos.ts";
import { cosh } from "./math/cosh.ts";
import { cumProd } from "./math/cum-prod.ts";
import { cumSum } from "./math/cum-sum.ts";
import { det } from "./math/det.ts";
import { div } from "./math/div.ts";
import { einsum } from "./math/einsum.ts";
import { erf } from "./math/erf.ts";
import { exp } from "./math/exp.ts";
import { floor } from "./math/floor.ts";
import { gemm } from "./math/gemm.ts";
import { log } from "./math/log.ts";
import { matmul } from "./math/matmul.ts";
import { max } from "./math/max.ts";
import { mean } from "./math/mean.ts";
import { min } from "./math/min.ts";
import { mod } from "./math/mod.ts";
import { mul } from "./math/mul.ts";
import { neg } from "./math/neg.ts";
import { pow } from "./math/pow.ts";
import { reciprocal } from "./math/reciprocal.ts";
import { round } from "./math/round.ts";
import { sign } from "./math/sign.ts";
import { sin } from "./math/sin.ts";
import { sinh } from "./math/sinh.ts";
import { sqrt } from "./math/sqrt.ts";
import { sub } from "./math/sub.ts";
import { sum } from "./math/sum.ts";
import { tan } from "./math/tan.ts";
import { linearClassifier } from "./ml/linear-classifier.ts";
import { linearRegressor } from "./ml/linear-regressor.ts";
import { svmClassifier } from "./ml/svm-classifier.ts";
import { svmRegressor } from "./ml/svm-regressor.ts";
import { treeEnsemble } from "./ml/tree-ensemble.ts";
import { treeEnsembleClassifier } from "./ml/tree-ensemble-classifier.ts";
import { treeEnsembleRegressor } from "./ml/tree-ensemble-regressor.ts";
import { affineGrid } from "./nn/affine-grid.ts";
import { averagePool } from "./nn/average-pool.ts";
import { batchNormalization } from "./nn/batch-normalization.ts";
import { col2im } from "./nn/col2im.ts";
import { conv } from "./nn/conv.ts";
import { convTranspose } from "./nn/conv-transpose.ts";
import { deformConv } from "./nn/deform-conv.ts";
import { dropout } from "./nn/dropout.ts";
import { globalAveragePool } from "./nn/global-average-pool.ts";
import { globalLpPool } from "./nn/global-lp-pool.ts";
import { globalMaxPool } from "./nn/global-max-pool.ts";
import { gridSample } from "./nn/grid-sample.ts";
import { groupNormalization } from "./nn/group-normalization.ts";
import { instanceNormalization } from "./nn/instance-normalization.ts";
import { layerNormalization } from "./nn/layer-normalization.ts";
import { logSoftmax } from "./nn/log-softmax.ts";
import { lpNormalization } from "./nn/lp-normalization.ts";
import { lpPool } from "./nn/lp-pool.ts";
import { lrn } from "./nn/lrn.ts";
import { maxPool } from "./nn/max-pool.ts";
import { maxRoiPool } from "./nn/max-roi-pool.ts";
import { maxUnpool } from "./nn/max-unpool.ts";
import { meanVarianceNormalization } from "./nn/mean-variance-normalization.ts";
import { rmsNormalization } from "./nn/rms-normalization.ts";
import { roiAlign } from "./nn/roi-align.ts";
import { softmax } from "./nn/softmax.ts";
import { bitCast } from "./quantization/bit-cast.ts";
import { convInteger } from "./quantization/conv-integer.ts";
import { dequantizeLinear } from "./quantization/dequantize-linear.ts";
import { dynamicQuantizeLinear } from "./quantization/dynamic-quantize-linear.ts";
import { matMulInteger } from "./quantization/mat-mul-integer.ts";
import { qlinearConv } from "./quantization/qlinear-conv.ts";
import { qlinearMatMul } from "./quantization/qlinear-mat-mul.ts";
import { quantizeLinear } from "./quantization/quantize-linear.ts";
import { bernoulli } from "./random/bernoulli.ts";
import { multinomial } from "./random/multinomial.ts";
import { randomNormal } from "./random/random-normal.ts";
import { randomNormalLike } from "./random/random-normal-like.ts";
import { randomUniform } from "./random/random-uniform.ts";
import { randomUniformLike } from "./random/random-uniform-like.ts";
import { gru } from "./recurrent/gru.ts";
import { lstm } from "./recurrent/lstm.ts";
import { rnn } from "./recurrent/rnn.ts";
import { argMax } from "./reduction/arg-max.ts";
import { argMin } from "./reduction/arg-min.ts";
import { reduceL1 } from "./reduction/reduce-l1.ts";
import { reduceL2 } from "./reduction/reduce-l2.ts";
import { reduceLogSum } from "./reduction/reduce-log-sum.ts";
import { reduceLogSumExp } from "./reduction/reduce-log-sum-exp.ts";
import { reduceMax } from "./reduction/reduce-max.ts";
import { reduceMean } from "./reduction/reduce-mean.ts";
import { reduceMin } from "./reduction/reduce-min.ts";
import { reduceProd } from "./reduction/reduce-prod.ts";
import { reduceSum } from "./reduction/reduce-sum.ts";
import { reduceSumSquare } from "./reduction/reduce-sum-square.ts";
import { concatFromSequence } from "./sequence/concat-from-sequence.ts";
import { sequenceAt } from "./sequence/sequence-at.ts";
import { sequenceConstruct } from "./sequence/sequence-construct.ts";
import { sequenceEmpty } from "./sequence/sequence-empty.ts";
import { sequenceErase } from "./sequence/sequence-erase.ts";
import { sequenceInsert } from "./sequence/sequence-insert.ts";
import { sequenceLength } from "./sequence/sequence-length.ts";
import { sequenceMap } from "./sequence/sequence-map.ts";
import { splitToSequence } from "./sequence/split-to-sequence.ts";
import { cast } from "./shape/cast.ts";
import { castLike } from "./shape/cast-like.ts";
import { centerCropPad } from "./shape/center-crop-pad.ts";
import { compress } from "./shape/compress.ts";
import { concat } from "./shape/concat.ts";
import { constantOperator } from "./shape/constant.ts";
import { constantOfShape } from "./shape/constant-of-shape.ts";
import { depthToSpace } from "./shape/depth-to-space.ts";
import { expand } from "./shape/expand.ts";
import { eyeLike } from "./shape/eye-like.ts";
import { flatten } from "./shape/flatten.ts";
import { gather } from "./shape/gather.ts";
import { gatherElements } from "./shape/gather-elements.ts";
import { gatherNd } from "./shape/gather-nd.ts";
import { identity } from "./shape/identity.ts";
import { nonZero } from "./shape/non-zero.ts";
import { oneHot } from "./shape/one-hot.ts";
import { pad } from "./shape/pad.ts";
import { range } from "./shape/range.ts";
import { reshape } from "./shape/reshape.ts";
import { resize } from "./shape/resize.ts";
import { reverseSequence } from "./shape/reverse-sequence.ts";
import { scatter } from "./shape/scatter.ts";
import { scatterElements } from "./shape/scatter-elements.ts";
import { scatterNd } from "./shape/scatter-nd.ts";
import { shape } from "./shape/shape.ts";
import { size } from "./shape/size.ts";
import { slice } from "./shape/slice.ts";
import { spaceToDepth } from "./shape/space-to-depth.ts";
import { split } from "./shape/split.ts";
import { squeeze } from "./shape/squeeze.ts";
import { tile } from "./shape/tile.ts";
import { topK } from "./shape/top-k.ts";
import { transpose } from "./shape/transpose.ts";
import { trilu } from "./shape/trilu.ts";
import { unique } from "./shape/unique.ts";
import { unsqueeze } from "./shape/unsqueeze.ts";
import { upsample } from "./shape/upsample.ts";
import { blackmanWindow } from "./signal/blackman-window.ts";
import { dft } from "./signal/dft.ts";
import { hammingWindow } from "./signal/hamming-window.ts";
import { hannWindow } from "./signal/hann-window.ts";
import { melWeightMatrix } from "./signal/mel-weight-matrix.ts";
import { stft } from "./signal/stft.ts";
import { regexFullMatch } from "./text/regex-full-match.ts";
import { stringConcat } from "./text/string-concat.ts";
import { stringNormalizer } from "./text/string-normalizer.ts";
import { stringSplit } from "./text/string-split.ts";
import { tfIdfVectorizer } from "./text/tf-idf-vectorizer.ts";
import { arrayFeatureExtractor } from "./ml/array-feature-extractor.ts";
import { binarizer } from "./ml/binarizer.ts";
import { castMap } from "./ml/cast-map.ts";
import { categoryMapper } from "./ml/category-mapper.ts";
import { dictVectorizer } from "./ml/dict-vectorizer.ts";
import { featureVectorizer } from "./ml/feature-vectorizer.ts";
import { imputer } from "./ml/imputer.ts";
import { labelEncoder } from "./ml/label-encoder.ts";
import { normalizer } from "./ml/normalizer.ts";
import { oneHotEncoder } from "./ml/one-hot-encoder.ts";
import { scaler } from "./ml/scaler.ts";
import { zipMap } from "./ml/zip-map.ts";
import { negativeLogLikelihoodLoss } from "./training/negative-log-likelihood-loss.ts";
import { softmaxCrossEntropyLoss } from "./training/softmax-cross-entropy-loss.ts";
import { adagrad } from "./training/adagrad.ts";
import { adam } from "./training/adam.ts";
import { momentum } from "./training/momentum.ts";
import { gradient } from "./training/gradient.ts";
import { imageDecoder } from "./image/image-decoder.ts";
import { typeRulesFor } from "./type-rules.ts";

export { attributeReader } from "./attribute-reader.ts";
export { bindAttributes } from "./type-rules.ts";
export * from "./definition.ts";

/** Every operator, one line each. */
export const operators: readonly OperatorDefinition[] = [
  celu,
  elu,
  gelu,
  hardSigmoid,
  hardSwish,
  hardmax,
  leakyRelu,
  mish,
  prelu,
  relu,
  selu,
  shrink,
  sigmoid,
  softplus,
  softsign,
  swiglu,
  swish,
  tanh,
  thresholdedRelu,
  attention,
  causalConvWithState,
  flexAttention,
  linearAttention,
  rotaryEmbedding,
  tensorScatter,
  fused,
  blockChannels,
  unblockChannels,
  blockedConv,
  concatChannels,
  blockedQLinearConv,
  packedMatMul,
  widenWeight,
  strassenConv,
  strassenMatMul,
  winogradConv,
  ifOperator,
  loop,
  optional,
  optionalGetElement,
  optionalHasElement,
  scan,
  nonMaxSuppression,
  and,
  bitShift,
  bitwiseAnd,
  bitwiseNot,
  bitwiseOr,
  bitwiseXor,
  equal,
  greater,
  greaterOrEqual,
  isInf,
  isNan,
  less,
  lessOrEqual,
  not,
  or,
  where,
  xor,
  abs,
  acos,
  acosh,
  add,
  asin,
  asinh,
  atan,
  atanh,
  ceil,
  clip,
  cos,
  cosh,
  cumProd,
  cumSum,
  det,
  div,
  einsum,
  erf,
  exp,
  floor,
  gemm,
  log,
  matmul,
  max,
  mean,
  min,
  mod,
  mul,
  neg,
  pow,
  reciprocal,
  round,
  sign,
  sin,
  sinh,
  sqrt,
  sub,
  sum,
  tan,
  linearClassifier,
  linearRegressor,
  svmClassifier,
  svmRegressor,
  treeEnsemble,
  treeEnsembleClassifier,
  treeEnsembleRegressor,
  affineGrid,
  averagePool,
  batchNormalization,
  col2im,
  conv,
  convTranspose,
  deformConv,
  dropout,
  globalAveragePool,
  globalLpPool,
  globalMaxPool,
  gridSample,
  groupNormalization,
  instanceNormalization,
  layerNormalization,
  logSoftmax,
  lpNormalization,
  lpPool,
  lrn,
  maxPool,
  maxRoiPool,
  maxUnpool,
  meanVarianceNormalization,
  rmsNormalization,
  roiAlign,
  softmax,
  bitCast,
  convInteger,
  dequantizeLinear,
  dynamicQuantizeLinear,
  matMulInteger,
  qlinearConv,
  qlinearMatMul,
  quantizeLinear,
  bernoulli,
  multinomial,
  randomNormal,
  randomNormalLike,
  randomUniform,
  randomUniformLike,
  gru,
  lstm,
  rnn,
  argMax,
  argMin,
  reduceL1,
  reduceL2,
  reduceLogSum,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceProd,
  reduceSum,
  reduceSumSquare,
  concatFromSequence,
  sequenceAt,
  sequenceConstruct,
  sequenceEmpty,
  sequenceErase,
  sequenceInsert,
  sequenceLength,
  sequenceMap,
  splitToSequence,
  cast,
  castLike,
  centerCropPad,
  compress,
  concat,
  constantOperator,
  constantOfShape,
  depthToSpace,
  expand,
  eyeLike,
  flatten,
  gather,
  gatherElements,
  gatherNd,
  identity,
  nonZero,
  oneHot,
  pad,
  range,
  reshape,
  resize,
  reverseSequence,
  scatter,
  scatterElements,
  scatterNd,
  shape,
  size,
  slice,
  spaceToDepth,
  split,
  squeeze,
  tile,
  topK,
  transpose,
  trilu,
  unique,
  unsqueeze,
  upsample,
  blackmanWindow,
  dft,
  hammingWindow,
  hannWindow,
  melWeightMatrix,
  stft,
  regexFullMatch,
  stringConcat,
  stringNormalizer,
  stringSplit,
  tfIdfVectorizer,
  arrayFeatureExtractor,
  binarizer,
  castMap,
  categoryMapper,
  dictVectorizer,
  featureVectorizer,
  imputer,
  labelEncoder,
  normalizer,
  oneHotEncoder,
  scaler,
  zipMap,
  negativeLogLikelihoodLoss,
  softmaxCrossEntropyLoss,
  adagrad,
  adam,
  momentum,
  gradient,
  imageDecoder,
];

const keyOf = (domain: string, op: string): string => `${domain}/${op}`;

const byKey = new Map<string, OperatorDefinition>();
for (const definition of operators) {
  const key = keyOf(definition.domain, definition.op);
  if (byKey.has(key)) throw new Error(`two operator definitions for ${key}`);
  byKey.set(key, definition);
}

/** The definition of an operator; "" (also written "ai.onnx") is the standard's own domain. */
export const findOperator = (domain: string, op: string): OperatorDefinition | undefined =>
  byKey.get(keyOf(domain === "ai.onnx" ? "" : domain, op));

/** Type and shape inference by the definitions. Unknown operators give unknown types. */
export const typeRules: TypeRules = typeRulesFor(findOperator);
