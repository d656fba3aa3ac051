import { makeTensor, toNumbers } from "../../ir/tensor.ts";
import { elementCount, shapeOf } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { tensorOutput } from "../support/infer.ts";
import { dropoutLowering } from "../support/lower-shape.ts";
import { finished, optionalTensor, tensorAt, workArray } from "../support/numbers.ts";
import { generatorOf } from "../support/random-fill.ts";
import { bool, floats8, optional, required, tensors } from "../support/types.ts";
import { floatBecomesInput, setInput, takeInt, type VersionSteps } from "../support/versions.ts";

/** Versions 1 and 6 train unless `is_test` is set. The wish is kept for version 12, which says it as an input. */
const testFlag: VersionSteps = {
  upgrade: (node) => {
    delete node.attributes.consumed_inputs;
    if (!takeInt(node, "is_test")) node.attributes.training_mode = { kind: "int", value: 1 };
  },
  downgrade: (node) => {
    node.attributes.is_test = { kind: "int", value: 1 };
    return undefined;
  },
};

const ratio = floatBecomesInput("ratio", 1);
const ratioBecomesInput: VersionSteps = {
  upgrade: (node, context) => {
    ratio.upgrade!(node, context);
    if (takeInt(node, "training_mode")) setInput(node, 2, context.addConstant(makeTensor("bool", [], Uint8Array.of(1)), "training"));
  },
  downgrade: (node, context) => {
    if (node.inputs[2]) {
      const training = context.constant(node.inputs[2]);
      if (!training || toNumbers(training)[0] !== 0) return "it trains, which older versions do not say";
      node.inputs.length = 2;
    }
    delete node.attributes.seed;
    return ratio.downgrade!(node, context);
  },
};

export const dropout = defineOperator({
  domain: "",
  op: "Dropout",
  versions: [
    { since: 1, ...testFlag },
    { since: 6, change: "attribute consumed_inputs dropped", ...testFlag },
    { since: 7, change: "is_test dropped: it does not train" },
    { since: 10, change: "the mask is bool", allows: bool, ...ratioBecomesInput },
    { since: 12, change: "ratio became an input; attribute seed added; input training_mode added" },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
    { since: 22, change: "more element types", allows: floats8 },
  ],
  summary: "Zeroes random elements while training and scales the rest; gives its input unchanged otherwise.",
  doc: "In training, an element stays with probability 1 - ratio and is multiplied by 1 / (1 - ratio). Srivastava et al. 2014.",
  family: "training",
  inputs: [
    required("data", "T", "input"),
    optional("ratio", "T1", "share of elements that are zeroed"),
    optional("training_mode", "T2", "true zeroes elements"),
  ],
  outputs: [
    required("output", "T", "output"),
    optional("mask", "T2", "which elements were kept"),
  ],
  attributes: {
    seed: { kind: "int", doc: "seed of the random numbers" },
  },
  types: { T: tensors("float16", "float32", "float64", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz"), T1: tensors("float16", "float32", "float64", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz"), T2: bool },
  infer: (context, node) => [{ type: context.type(0), }, tensorOutput("bool", shapeOf(context.type(0)))].slice(0, Math.max(1, node.outputs.length)),
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const ratioInput = optionalTensor(inputs, 1);
    const trainingInput = optionalTensor(inputs, 2);
    const ratio = ratioInput ? toNumbers(ratioInput)[0]! : 0.5;
    const training = trainingInput ? toNumbers(trainingInput)[0] !== 0 : false;
    const mask = new Uint8Array(elementCount(x.dims)).fill(1);
    if (!training || ratio === 0) return [x, context.wanted(1) ? makeTensor("bool", x.dims, mask) : null];
    const random = generatorOf(context);
    for (let i = 0; i < mask.length; i++) mask[i] = random.uniform() >= ratio ? 1 : 0;
    const scale = 1 / (1 - ratio);
    const numbers = toNumbers(x);
    const out = workArray(x.element, mask.length);
    for (let i = 0; i < mask.length; i++) out[i] = mask[i] ? numbers[i]! * scale : 0;
    return [finished(x.element, x.dims, out), makeTensor("bool", x.dims, mask)];
  },
  cost: () => ({ flops: 0 }),
  lower: dropoutLowering,
});
