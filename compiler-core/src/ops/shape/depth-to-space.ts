import { floorDivDims, mulDims } from "../../ir/dim.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { elementOfInput, tensorOutput, unknownShape } from "../support/infer.ts";
import { depthToSpaceLowering } from "../support/lower-shape.ts";
import { tensorAt } from "../support/numbers.ts";
import { permuted, reshaped } from "../support/strides.ts";
import { ordinary, required, tensors } from "../support/types.ts";
import { lacksAttribute } from "../support/versions.ts";

export const depthToSpace = defineOperator({
  domain: "",
  op: "DepthToSpace",
  versions: [
    { since: 1, ...lacksAttribute("mode", "DCR") },
    { since: 11, change: "attribute mode added" },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
    { since: 28 },
  ],
  summary: "Moves channels into blocks of the spatial dimensions.",
  family: "shape",
  inputs: [required("input", "T", "input")],
  outputs: [required("output", "T", "output")],
  attributes: {
    blocksize: { kind: "int", doc: "edge of a block", required: true },
    mode: { kind: "string", doc: "order of the channels: DCR (block position first) or CRD (channel first)", fallback: "DCR" },
  },
  types: { T: ordinary },
  infer: (context, _node, attributes) => {
    const shape = shapeOf(context.type(0));
    const b = attributes.int("blocksize");
    return [tensorOutput(elementOfInput(context, 0), shape?.length === 4 ? [shape[0]!, floorDivDims(shape[1]!, b * b), mulDims(shape[2]!, b), mulDims(shape[3]!, b)] : unknownShape(4))];
  },
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const b = attributes.int("blocksize");
    const [n, c, h, w] = x.dims as [number, number, number, number];
    if (x.dims.length !== 4 || c % (b * b) !== 0) throw new GraphwrightError("depth-to-space", `[${x.dims.join(", ")}] has no channels for blocks of ${b} by ${b}.`);
    const depth = c / (b * b);
    const moved =
      attributes.string("mode") === "CRD"
        ? permuted(reshaped(x, [n, depth, b, b, h, w]), [0, 1, 4, 2, 5, 3])
        : permuted(reshaped(x, [n, b, b, depth, h, w]), [0, 3, 4, 1, 5, 2]);
    return [reshaped(moved, [n, depth, h * b, w * b])];
  },
  cost: () => ({ flops: 0 }),
  lower: depthToSpaceLowering,
});
