import { shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput, zipTensors } from "../support/elementwise.ts";
import { sameAsInput } from "../support/infer.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { tensorAt } from "../support/numbers.ts";
import { required, tensors, wideNumbers } from "../support/types.ts";
import { constantInts, dropsAttributes, steps, type VersionSteps } from "../support/versions.ts";

/** A slope vector stood for the channels; NumPy would align it with the last dimension. */
const slopeByChannel: VersionSteps = {
  upgrade: (node, context) => {
    const rank = shapeOf(context.type(node.inputs[0]))?.length;
    const slope = shapeOf(context.type(node.inputs[1]));
    if (!rank || !slope) throw new GraphwrightError("version-semantics", "PRelu: the slope cannot be brought to the newer form, since the ranks of its inputs are unknown.");
    if (slope.length !== 1 || slope[0] === 1 || rank <= 2) return;
    const axes = constantInts(context, Array.from({ length: rank - 2 }, (_, i) => i + 1), "slope_axes");
    node.inputs[1] = context.addNode("Unsqueeze", [node.inputs[1]!, axes], {}, "slope_by_channel");
  },
};

export const prelu = defineOperator({
  domain: "",
  op: "PRelu",
  versions: [
    { since: 1, ...steps(dropsAttributes("consumed_inputs")) },
    { since: 6, change: "attribute consumed_inputs dropped", ...slopeByChannel },
    { since: 7, change: "the slope broadcasts as NumPy does" },
    { since: 9, change: "more element types", allows: tensors("int32", "int64", "uint32", "uint64") },
    { since: 16, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Multiplies negative elements by a learned slope, broadcast to the input.",
  doc: "He et al. 2015.",
  family: "activation",
  inputs: [
    required("X", "T", "input"),
    required("slope", "T", "slope of the negative half"),
  ],
  outputs: [required("Y", "T", "output")],
  types: { T: wideNumbers },
  infer: sameAsInput,
  evaluate: (inputs) => [zipTensors(tensorAt(inputs, 0), tensorAt(inputs, 1), (x, slope) => (x < 0 ? x * slope : x), (x, slope) => (x < 0n ? x * slope : x))],
  cost: costPerOutput(1),
  lower: elementwiseLowering(activations.prelu),
});
