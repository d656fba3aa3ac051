import { makeTensor, toNumbers } from "../../ir/tensor.ts";
import { shapeOf, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { scalerLowering } from "../support/lower-features.ts";
import { tensorAt } from "../support/numbers.ts";
import { required, tensors } from "../support/types.ts";

export const scaler = defineOperator({
  domain: "ai.onnx.ml",
  op: "Scaler",
  versions: [{ since: 1 }],
  summary: "Shifts and scales features: (x - offset) * scale.",
  family: "ml",
  inputs: [required("X", "T", "features [..., F]")],
  outputs: [required("Y", "tensor(float32)", "scaled features, shaped as X")],
  attributes: {
    offset: { kind: "floats", doc: "what is subtracted: one number, or one for each feature; 0 when absent" },
    scale: { kind: "floats", doc: "what is multiplied: one number, or one for each feature; 1 when absent" },
  },
  types: { T: tensors("float32", "float64", "int64", "int32") },
  infer: (context) => [{ type: tensorType("float32", shapeOf(context.type(0))) }],
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const columns = x.dims.at(-1) ?? 1;
    const offset = attributes.floats("offset") ?? [0];
    const scale = attributes.floats("scale") ?? [1];
    for (const list of [offset, scale])
      if (list.length !== 1 && list.length !== columns) throw new GraphwrightError("attribute-range", `${list.length} numbers are given for ${columns} features: one or ${columns} are needed.`);
    const at = (list: readonly number[], i: number): number => list[list.length === 1 ? 0 : i % columns]!;
    return [makeTensor("float32", x.dims, Float32Array.from(toNumbers(x), (v, i) => (v - at(offset, i)) * at(scale, i)))];
  },
  cost: costPerOutput(2),
  lower: scalerLowering,
});
