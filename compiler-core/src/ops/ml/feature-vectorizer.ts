import { addDims, type Dim } from "../../ir/dim.ts";
import { makeTensor } from "../../ir/tensor.ts";
import { shapeOf, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { featureMatrix, sampleCount } from "../support/classical.ts";
import { tensorAt } from "../support/numbers.ts";
import { required, tensors, variadic } from "../support/types.ts";

export const featureVectorizer = defineOperator({
  domain: "ai.onnx.ml",
  op: "FeatureVectorizer",
  versions: [{ since: 1 }],
  summary: "Joins feature matrices side by side, as float32.",
  doc: "A vector counts as one row. With inputdimensions each input is cut, or filled up with zeros, to its number of columns.",
  family: "ml",
  inputs: [variadic("X", "T1", "features [N, F] or [F]")],
  outputs: [required("Y", "tensor(float32)", "[N, all columns]")],
  attributes: { inputdimensions: { kind: "ints", doc: "columns of each input" } },
  types: { T1: tensors("int32", "int64", "float32", "float64") },
  infer: (context, node, attributes) => {
    const given = attributes.ints("inputdimensions");
    const columns = node.inputs.map((_, i): Dim => given?.[i] ?? shapeOf(context.type(i))?.at(-1) ?? null);
    return [{ type: tensorType("float32", [sampleCount(context), columns.reduce(addDims, 0)]) }];
  },
  evaluate: (inputs, { attributes }) => {
    const given = attributes.ints("inputdimensions");
    const parts = inputs.map((_, i) => ({ ...featureMatrix(tensorAt(inputs, i)), width: given?.[i] }));
    const rows = parts[0]?.rows ?? 0;
    if (parts.some((part) => part.rows !== rows)) throw new GraphwrightError("shape-contradiction", `the inputs have ${parts.map((part) => part.rows).join(", ")} rows.`);
    const widths = parts.map((part) => part.width ?? part.columns);
    const total = widths.reduce((a, b) => a + b, 0);
    const out = new Float32Array(rows * total);
    let at = 0;
    for (const [i, part] of parts.entries()) {
      for (let n = 0; n < rows; n++) for (let f = 0; f < Math.min(widths[i]!, part.columns); f++) out[n * total + at + f] = part.numbers[n * part.columns + f]!;
      at += widths[i]!;
    }
    return [makeTensor("float32", [rows, total], out)];
  },
});
