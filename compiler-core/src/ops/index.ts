import type { TypeRules } from "../ir/type-rules.ts";
import type { OperatorDefinition } from "./definition.ts";
import { relu } from "./activation/relu.ts";
import { fused } from "./control/fused.ts";
import { add } from "./math/add.ts";
import { identity } from "./shape/identity.ts";
import { ifOperator } from "./control/if.ts";
import { loop } from "./control/loop.ts";
import { scan } from "./control/scan.ts";
import { optional } from "./control/optional.ts";
import { optionalHasElement } from "./control/optional-has-element.ts";
import { optionalGetElement } from "./control/optional-get-element.ts";
import { sequenceMap } from "./sequence/sequence-map.ts";
import { sequenceConstruct } from "./sequence/sequence-construct.ts";
import { sequenceEmpty } from "./sequence/sequence-empty.ts";
import { sequenceInsert } from "./sequence/sequence-insert.ts";
import { sequenceErase } from "./sequence/sequence-erase.ts";
import { sequenceAt } from "./sequence/sequence-at.ts";
import { sequenceLength } from "./sequence/sequence-length.ts";
import { concatFromSequence } from "./sequence/concat-from-sequence.ts";
import { splitToSequence } from "./sequence/split-to-sequence.ts";
import { quantizeLinear } from "./quantization/quantize-linear.ts";
import { dequantizeLinear } from "./quantization/dequantize-linear.ts";
import { dynamicQuantizeLinear } from "./quantization/dynamic-quantize-linear.ts";
import { matMulInteger } from "./quantization/mat-mul-integer.ts";
import { qlinearMatMul } from "./quantization/qlinear-mat-mul.ts";
import { convInteger } from "./quantization/conv-integer.ts";
import { qlinearConv } from "./quantization/qlinear-conv.ts";
import { bitCast } from "./quantization/bit-cast.ts";
import { typeRulesFor } from "./type-rules.ts";

export { attributeReader } from "./attribute-reader.ts";
export { bindAttributes } from "./type-rules.ts";
export * from "./definition.ts";

/** Every operator, one line each. */
export const operators: readonly OperatorDefinition[] = [
  relu,
  fused,
  add,
  identity,
  ifOperator,
  loop,
  scan,
  optional,
  optionalHasElement,
  optionalGetElement,
  sequenceMap,
  sequenceConstruct,
  sequenceEmpty,
  sequenceInsert,
  sequenceErase,
  sequenceAt,
  sequenceLength,
  concatFromSequence,
  splitToSequence,
  quantizeLinear,
  dequantizeLinear,
  dynamicQuantizeLinear,
  matMulInteger,
  qlinearMatMul,
  convInteger,
  qlinearConv,
  bitCast,
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
