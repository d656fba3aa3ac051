import type { TypeRules } from "../ir/type-rules.ts";
import type { OperatorDefinition } from "./definition.ts";
import { gelu } from "./activation/gelu.ts";
import { leakyRelu } from "./activation/leaky-relu.ts";
import { relu } from "./activation/relu.ts";
import { sigmoid } from "./activation/sigmoid.ts";
import { tanh } from "./activation/tanh.ts";
import { fused } from "./control/fused.ts";
import { ifOperator } from "./control/if.ts";
import { loop } from "./control/loop.ts";
import { optional } from "./control/optional.ts";
import { optionalGetElement } from "./control/optional-get-element.ts";
import { optionalHasElement } from "./control/optional-has-element.ts";
import { scan } from "./control/scan.ts";
import { add } from "./math/add.ts";
import { clip } from "./math/clip.ts";
import { div } from "./math/div.ts";
import { erf } from "./math/erf.ts";
import { exp } from "./math/exp.ts";
import { gemm } from "./math/gemm.ts";
import { matmul } from "./math/matmul.ts";
import { mul } from "./math/mul.ts";
import { neg } from "./math/neg.ts";
import { pow } from "./math/pow.ts";
import { sqrt } from "./math/sqrt.ts";
import { sub } from "./math/sub.ts";
import { sum } from "./math/sum.ts";
import { averagePool } from "./nn/average-pool.ts";
import { batchNormalization } from "./nn/batch-normalization.ts";
import { conv } from "./nn/conv.ts";
import { dropout } from "./nn/dropout.ts";
import { globalAveragePool } from "./nn/global-average-pool.ts";
import { globalMaxPool } from "./nn/global-max-pool.ts";
import { layerNormalization } from "./nn/layer-normalization.ts";
import { logSoftmax } from "./nn/log-softmax.ts";
import { lrn } from "./nn/lrn.ts";
import { maxPool } from "./nn/max-pool.ts";
import { softmax } from "./nn/softmax.ts";
import { bitCast } from "./quantization/bit-cast.ts";
import { convInteger } from "./quantization/conv-integer.ts";
import { dequantizeLinear } from "./quantization/dequantize-linear.ts";
import { dynamicQuantizeLinear } from "./quantization/dynamic-quantize-linear.ts";
import { matMulInteger } from "./quantization/mat-mul-integer.ts";
import { qlinearConv } from "./quantization/qlinear-conv.ts";
import { qlinearMatMul } from "./quantization/qlinear-mat-mul.ts";
import { quantizeLinear } from "./quantization/quantize-linear.ts";
import { gru } from "./recurrent/gru.ts";
import { lstm } from "./recurrent/lstm.ts";
import { rnn } from "./recurrent/rnn.ts";
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
import { concat } from "./shape/concat.ts";
import { constantOperator } from "./shape/constant.ts";
import { constantOfShape } from "./shape/constant-of-shape.ts";
import { expand } from "./shape/expand.ts";
import { flatten } from "./shape/flatten.ts";
import { gather } from "./shape/gather.ts";
import { identity } from "./shape/identity.ts";
import { reshape } from "./shape/reshape.ts";
import { shape } from "./shape/shape.ts";
import { size } from "./shape/size.ts";
import { slice } from "./shape/slice.ts";
import { squeeze } from "./shape/squeeze.ts";
import { transpose } from "./shape/transpose.ts";
import { unsqueeze } from "./shape/unsqueeze.ts";
import { attention } from "./attention/attention.ts";
import { rotaryEmbedding } from "./attention/rotary-embedding.ts";
import { tensorScatter } from "./attention/tensor-scatter.ts";
import { linearAttention } from "./attention/linear-attention.ts";
import { causalConvWithState } from "./attention/causal-conv-with-state.ts";
import { flexAttention } from "./attention/flex-attention.ts";
import { swish } from "./activation/swish.ts";
import { swiglu } from "./activation/swiglu.ts";
import { typeRulesFor } from "./type-rules.ts";

export { attributeReader } from "./attribute-reader.ts";
export { bindAttributes } from "./type-rules.ts";
export * from "./definition.ts";

/** Every operator, one line each. */
export const operators: readonly OperatorDefinition[] = [
  gelu,
  leakyRelu,
  relu,
  sigmoid,
  tanh,
  fused,
  ifOperator,
  loop,
  optional,
  optionalGetElement,
  optionalHasElement,
  scan,
  add,
  clip,
  div,
  erf,
  exp,
  gemm,
  matmul,
  mul,
  neg,
  pow,
  sqrt,
  sub,
  sum,
  averagePool,
  batchNormalization,
  conv,
  dropout,
  globalAveragePool,
  globalMaxPool,
  layerNormalization,
  logSoftmax,
  lrn,
  maxPool,
  softmax,
  bitCast,
  convInteger,
  dequantizeLinear,
  dynamicQuantizeLinear,
  matMulInteger,
  qlinearConv,
  qlinearMatMul,
  quantizeLinear,
  gru,
  lstm,
  rnn,
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
  concat,
  constantOperator,
  constantOfShape,
  expand,
  flatten,
  gather,
  identity,
  reshape,
  shape,
  size,
  slice,
  squeeze,
  transpose,
  unsqueeze,
  attention,
  rotaryEmbedding,
  tensorScatter,
  linearAttention,
  causalConvWithState,
  flexAttention,
  swish,
  swiglu,
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
