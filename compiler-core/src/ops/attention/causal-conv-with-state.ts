import { subDims } from "../../ir/dim.ts";
import { makeTensor, toNumbers } from "../../ir/tensor.ts";
import { elementOf, shapeOf, staticShape, elementCount, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { concatTensors, sliceAlong } from "../support/join-tensors.ts";
import { causalConvLowering } from "../support/lower-attention.ts";
import { finished, optionalTensor, tensorAt } from "../support/numbers.ts";
import { rounderOf } from "../support/quantization.ts";
import { optional, required, tensors } from "../support/types.ts";

export const causalConvWithState = defineOperator({
  domain: "",
  op: "CausalConvWithState",
  versions: [{ since: 27 }],
  summary: "Depthwise one-dimensional convolution that looks back only, and carries its last inputs from call to call.",
  doc: "The input is preceded by the state (or zeros); the new state is the last k - 1 entries of both together. The activation silu (also called swish) is x * sigmoid(x).",
  family: "linear",
  inputs: [
    required("input", "T", "[batch, channels, length]"),
    required("weight", "T", "one filter a channel [channels, 1, k]"),
    optional("bias", "T", "[channels]"),
    optional("past_state", "T", "the k - 1 inputs before [batch, channels, k - 1]; 0 when omitted"),
  ],
  outputs: [required("output", "T", "shaped as the input"), required("present_state", "T", "the last k - 1 inputs [batch, channels, k - 1]")],
  attributes: { activation: { kind: "string", doc: "none, silu or swish", fallback: "none" } },
  types: { T: tensors("float32", "float16", "bfloat16") },
  infer: (context) => {
    const input = shapeOf(context.type(0));
    const weight = shapeOf(context.type(1));
    const element = elementOf(context.type(0));
    return [{ type: context.type(0) }, { type: tensorType(element, input?.length === 3 ? [input[0]!, input[1]!, subDims(weight?.[2] ?? null, 1)] : null) }];
  },
  evaluate: (inputs, { attributes, task }) => {
    const input = tensorAt(inputs, 0);
    const weight = tensorAt(inputs, 1);
    const biasTensor = optionalTensor(inputs, 2);
    const activation = attributes.string("activation");
    if (!["none", "silu", "swish"].includes(activation)) throw new GraphwrightError("attribute-range", `activation is "${activation}", which is none of none, silu and swish.`);
    const [batch, channels, length] = input.dims as [number, number, number];
    const taps = weight.dims[2]!;
    if (weight.dims[0] !== channels || weight.dims[1] !== 1)
      throw new GraphwrightError("shape-contradiction", `weights of shape [${weight.dims.join(", ")}] do not fit ${channels} channels.`);
    const state = optionalTensor(inputs, 3) ?? makeTensor(input.element, [batch, channels, taps - 1]);
    const all = concatTensors([state, input], 2);
    const x = toNumbers(all);
    const w = toNumbers(weight);
    const bias = biasTensor && toNumbers(biasTensor);
    const round = rounderOf(input.element);
    const out = new Float64Array(batch * channels * length);
    const span = length + taps - 1;
    for (let row = 0; row < batch * channels; row++) {
      task.check();
      const c = row % channels;
      for (let t = 0; t < length; t++) {
        let sum = bias ? bias[c]! : 0;
        for (let k = 0; k < taps; k++) sum += x[row * span + t + k]! * w[c * taps + k]!;
        const value = round(sum);
        out[row * length + t] = activation === "none" ? value : value / (1 + Math.exp(-value));
      }
    }
    return [finished(input.element, input.dims, out), sliceAlong(all, 2, length, taps - 1)];
  },
  cost: ({ inputs, outputs }) => {
    const weight = staticShape(inputs[1]);
    const output = staticShape(outputs[0]);
    return { flops: weight && output ? 2 * elementCount(output) * weight[2]! : 0 };
  },
  lower: causalConvLowering,
});
