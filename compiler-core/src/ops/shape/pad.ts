import { addDims } from "../../ir/dim.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { checkedAxis, elementOfInput, knownInts, originOf, reportProblem, tensorOutput, unknownShape } from "../support/infer.ts";
import { padLowering } from "../support/lower-shape.ts";
import { intsAt, optionalInts, optionalTensor, tensorAt } from "../support/numbers.ts";
import { padTensor } from "../support/padding.ts";
import { everything, floats8, indices, integers, optional, required, tensors } from "../support/types.ts";
import { floatBecomesInput, intsBecomeInput, lacksInput, steps, type VersionSteps } from "../support/versions.ts";

const paddingsBecomePads: VersionSteps = {
  upgrade: (node) => {
    if (node.attributes.paddings) node.attributes.pads = node.attributes.paddings;
    delete node.attributes.paddings;
  },
  downgrade: (node) => {
    if (node.attributes.pads) node.attributes.paddings = node.attributes.pads;
    delete node.attributes.pads;
    return undefined;
  },
};

const valueBecomesInput = floatBecomesInput("value", 2);

export const pad = defineOperator({
  domain: "",
  op: "Pad",
  versions: [
    { since: 1, ...paddingsBecomePads },
    { since: 2, change: "paddings is called pads", ...steps(intsBecomeInput("pads", 1), valueBecomesInput) },
    { since: 11, change: "pads and value became inputs", allows: integers },
    { since: 13, change: "more element types", allows: tensors("bfloat16", "bool", "string", "complex64", "complex128"), ...lacksInput(3, "axes") },
    { since: 18, change: "input axes added" },
    { since: 19 },
    { since: 21, change: "more element types", allows: [...floats8, ...tensors("int4", "uint4")] },
    { since: 23, change: "more element types", allows: tensors("float4e2m1") },
    { since: 24, change: "more element types", allows: tensors("float8e8m0") },
    { since: 25, change: "more element types", allows: tensors("int2", "uint2") },
  ],
  summary: "Adds elements around a tensor, or removes them where a pad is negative.",
  family: "shape",
  inputs: [
    required("data", "T", "tensor to pad"),
    required("pads", "tensor(int64)", "how many elements before each axis, then how many after"),
    optional("constant_value", "T", "value of the new elements; 0, \"\" or false when absent"),
    optional("axes", "Tind", "axes that the pads belong to; all when absent"),
  ],
  outputs: [required("output", "T", "output")],
  attributes: {
    mode: { kind: "string", doc: "constant; reflect mirrors without the edge; edge repeats it; wrap goes round", fallback: "constant" },
  },
  types: { T: everything, Tind: indices },
  infer: (context, node) => {
    const shape = shapeOf(context.type(0));
    const element = elementOfInput(context, 0);
    if (!shape) return [tensorOutput(element, null)];
    const pads = context.known(1) ?? knownInts(context, 1);
    const axes = node.inputs[3] ? knownInts(context, 3) : shape.map((_, i) => i);
    if (!pads || !axes) return [tensorOutput(element, unknownShape(shape.length))];
    if (pads.length !== 2 * axes.length) {
      reportProblem(context, node, `${pads.length} pads do not fit ${axes.length} axes: ${originOf(context, node, 1)}.`);
      return [tensorOutput(element, unknownShape(shape.length))];
    }
    const dims = [...shape];
    for (const [i, axis] of axes.entries()) {
      const at = checkedAxis(axis, shape.length);
      dims[at] = addDims(addDims(shape[at]!, pads[i]!), pads[i + axes.length]!);
    }
    return [tensorOutput(element, dims)];
  },
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const given = intsAt(inputs, 1);
    const axes = (optionalInts(inputs, 3) ?? x.dims.map((_, i) => i)).map((axis) => checkedAxis(axis, x.dims.length));
    if (given.length !== 2 * axes.length) throw new GraphwrightError("pad", `${given.length} pads do not fit ${axes.length} axes.`);
    const begins = x.dims.map(() => 0);
    const ends = x.dims.map(() => 0);
    for (const [i, axis] of axes.entries()) {
      begins[axis] = given[i]!;
      ends[axis] = given[i + axes.length]!;
    }
    return [padTensor(x, begins, ends, attributes.string("mode"), optionalTensor(inputs, 2))];
  },
  cost: () => ({ flops: 0 }),
  lower: padLowering,
});
