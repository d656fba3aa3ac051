import { makeTensor } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { broadcastDims, zipArrays } from "../support/elementwise.ts";
import { broadcastInputs, tensorOutput } from "../support/infer.ts";
import { tensorAt } from "../support/numbers.ts";
import { required, string } from "../support/types.ts";

export const stringConcat = defineOperator({
  domain: "",
  op: "StringConcat",
  versions: [{ since: 20 }],
  summary: "Joins two string tensors element by element, with broadcasting.",
  family: "text",
  inputs: [required("X", "T", "beginnings"), required("Y", "T", "ends")],
  outputs: [required("Z", "T", "joined strings")],
  types: { T: string },
  infer: (context, node) => [tensorOutput("string", broadcastInputs(context, node, [0, 1]))],
  evaluate: (inputs) => {
    const x = tensorAt(inputs, 0);
    const y = tensorAt(inputs, 1);
    const dims = broadcastDims(x.dims, y.dims);
    const out = new Array<string>(elementCount(dims));
    zipArrays<string, string>(dims, out, x.data as string[], x.dims, y.data as string[], y.dims, (a, b) => a + b);
    return [makeTensor("string", dims, out)];
  },
});
