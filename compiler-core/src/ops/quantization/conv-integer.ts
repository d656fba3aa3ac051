import { fromNumbers } from "../../ir/tensor.ts";
import { tensorType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { convAttributes, convolutionCost, convolveIntegers } from "../support/integer-conv.ts";
import { inferConv } from "../support/infer-conv.ts";
import { convIntegerLowering } from "../support/lower-quantization.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { bytes, int32, optional, required } from "../support/types.ts";

export const convInteger = defineOperator({
  domain: "",
  op: "ConvInteger",
  versions: [{ since: 10 }],
  summary: "Convolves 8-bit integers, less their zero points, into 32-bit integers.",
  doc: "Padding stands for 0, so it has the value of the zero point.",
  family: "quantization",
  inputs: [
    required("x", "T1", "input [N, C, ...spatial]"),
    required("w", "T2", "filters [M, C / group, ...kernel]"),
    optional("x_zero_point", "T1", "scalar: what stands for 0 in x"),
    optional("w_zero_point", "T2", "what stands for 0 in w: a scalar or one for each filter"),
  ],
  outputs: [required("y", "T3", "sums [N, M, ...spatial]")],
  attributes: convAttributes,
  types: { T1: bytes, T2: bytes, T3: int32 },
  infer: (context, node, attributes) => [{ type: tensorType("int32", inferConv(context, node, attributes, 0, 1)) }],
  evaluate: (inputs, context) => {
    const { dims, numbers } = convolveIntegers(tensorAt(inputs, 0), optionalTensor(inputs, 2), tensorAt(inputs, 1), optionalTensor(inputs, 3), context);
    return [fromNumbers("int32", dims, numbers)];
  },
  cost: convolutionCost(1),
  lower: convIntegerLowering,
});
