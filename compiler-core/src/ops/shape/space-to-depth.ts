import { floorDivDims, mulDims } from "../../ir/dim.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { elementOfInput, tensorOutput, unknownShape } from "../support/infer.ts";
import { spaceToDepthLowering } from "../support/lower-shape.ts";
import { tensorAt } from "../support/numbers.ts";
import { permuted, reshaped } from "../support/strides.ts";
import { ordinary, required, tensors } from "../support/types.ts";
import { lacksAttribute } from "../support/versions.ts";

export const spaceToDepth = defineOperator({
  domain: "",
  op: "SpaceToDepth",
  versions: [
    { since: 1 },
    { since: 13, change: "more element types", allows: tensors("bfloat16"), ...lacksAttribute("mode", "DCR") },
    { since: 28, change: "attribute mode added" },
  ],
  summary: "Moves blocks of the spatial dimensions into channels.",
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
    return [tensorOutput(elementOfInput(context, 0), shape?.length === 4 ? [shape[0]!, mulDims(shape[1]!, b * b), floorDivDims(shape[2]!, b), floorDivDims(shape[3]!, b)] : unknownShape(4))];
  },
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const b = attributes.int("blocksize");
    const [n, c, h, w] = x.dims as [number, number, number, number];
    if (x.dims.length !== 4 || h % b !== 0 || w % b !== 0) throw new GraphwrightError("space-to-depth", `[${x.dims.join(", ")}] does not divide into blocks of ${b} by ${b}.`);
    const blocks = reshaped(x, [n, c, h / b, b, w / b, b]);
    const order = attributes.string("mode", "DCR") === "CRD" ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4];
    return [reshaped(permuted(blocks, order), [n, c * b * b, h / b, w / b])];
  },
  cost: () => ({ flops: 0 }),
  lower: spaceToDepthLowering,
});
