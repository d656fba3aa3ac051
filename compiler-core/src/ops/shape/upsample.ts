import { toNumbers } from "../../ir/tensor.ts";
import { elementCount, shapeOf, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { elementOfInput, tensorOutput } from "../support/infer.ts";
import { scaledSize } from "../support/resize.ts";
import { classic, required, tensors } from "../support/types.ts";
import { floatsBecomeInput, type VersionSteps } from "../support/versions.ts";

const scalesByName: VersionSteps = {
  upgrade: (node) => {
    const take = (name: string): number => {
      const attribute = node.attributes[name];
      delete node.attributes[name];
      return attribute?.kind === "float" ? attribute.value : 1;
    };
    node.attributes.scales = { kind: "floats", value: [1, 1, take("height_scale"), take("width_scale")] };
  },
};

const renamed: VersionSteps = {
  upgrade: (node) => {
    node.op = "Resize";
  },
};

export const upsample = defineOperator({
  domain: "",
  op: "Upsample",
  versions: [
    { since: 1, ...scalesByName },
    { since: 7, change: "scales by axis", allows: tensors("int8", "int16", "uint8", "uint16", "uint32", "uint64", "string", "complex64", "complex128"), ...floatsBecomeInput("scales", 1) },
    { since: 9, change: "scales became an input", ...renamed },
    { since: 10, change: "called Resize", removed: true },
  ],
  summary: "The older name of Resize, for growing tensors only.",
  family: "shape",
  inputs: [
    required("X", "T", "input"),
    required("scales", "tensor(float32)", "factor by axis"),
  ],
  outputs: [required("Y", "T", "output")],
  attributes: {
    mode: { kind: "string", doc: "nearest or linear", fallback: "nearest" },
  },
  types: { T: classic },
  infer: (context) => {
    const shape = shapeOf(context.type(0));
    const factors = context.constant(1);
    const scales = factors ? toNumbers(factors.tensor()) : undefined;
    return [tensorOutput(elementOfInput(context, 0), shape ? shape.map((d, i) => (scales ? scaledSize(d, scales[i]!) : null)) : null)];
  },
  cost: ({ outputs }) => ({ flops: elementCount(staticShape(outputs[0]) ?? [0]) }),
});
