import { fromNumbers, toNumbers } from "../../ir/tensor.ts";
import { fusedDomain } from "../../ir/graph.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { unpackColumns } from "../support/blocked.ts";
import { multiplyMatrices } from "../support/gemm.ts";
import { rankedInput, tensorOutput } from "../support/infer.ts";
import { packedMatMulLowering } from "../support/lower-blocked.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { optional, required, tensors } from "../support/types.ts";

export const packedMatMul = defineOperator({
  domain: fusedDomain,
  op: "PackedMatMul",
  versions: [{ since: 1 }],
  summary: "A matrix product by a constant whose columns lie in panels, in the order in which the kernel reads them.",
  doc: "Y[..., n] = B[n] + sum over k of X[..., k] * W[n / b, k, n % b]. Columns of the last panel beyond `columns` are 0.",
  family: "linear",
  inputs: [required("X", "T", "[..., K]"), required("W", "T", "right factor in panels [ceil(columns / b), K, b]"), optional("B", "T", "bias [columns]")],
  outputs: [required("Y", "T", "[..., columns]")],
  attributes: { columns: { kind: "int", doc: "columns of the product", required: true } },
  types: { T: tensors("float32") },
  infer: (context, _, attributes) => {
    const x = rankedInput(context, 0)?.shape;
    return [tensorOutput("float32", x ? [...x.slice(0, -1), attributes.int("columns")] : null)];
  },
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const w = tensorAt(inputs, 1);
    const bias = optionalTensor(inputs, 2);
    const columns = context.attributes.int("columns");
    const depth = w.dims[1]!;
    const rows = elementCount(x.dims.slice(0, -1));
    const out = new Float32Array(rows * columns);
    if (bias) for (let i = 0; i < rows; i++) out.set(toNumbers(bias), i * columns);
    multiplyMatrices(rows, columns, depth, { data: toNumbers(x), offset: 0, rowStride: depth, columnStride: 1 }, { data: unpackColumns(toNumbers(w), w.dims, columns), offset: 0, rowStride: columns, columnStride: 1 }, out, 0, columns, context.task);
    return [fromNumbers("float32", [...x.dims.slice(0, -1), columns], out)];
  },
  cost: ({ inputs, outputs }) => ({ flops: elementCount(staticShape(outputs[0]) ?? [0]) * (2 * (staticShape(inputs[1])?.[1] ?? 0) + (inputs[2]?.kind === "tensor" ? 1 : 0)) }),
  lower: packedMatMulLowering,
});
