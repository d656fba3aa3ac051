import { toNumbers } from "../../ir/tensor.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { zipArrays } from "../support/elementwise.ts";
import { multiplyMatrices } from "../support/gemm.ts";
import { dimsDiffer, elementOfInput, rankedInput, reportConflict, reportProblem, tensorOutput } from "../support/infer.ts";
import { gemmLowering } from "../support/lower-contraction.ts";
import { finished, optionalTensor, tensorAt } from "../support/numbers.ts";
import { optional, required, tensors, wideNumbers } from "../support/types.ts";
import type { VersionSteps } from "../support/versions.ts";

/** C had to be told to broadcast. */
const broadcastsC: VersionSteps = {
  upgrade: (node) => {
    delete node.attributes.broadcast;
  },
  downgrade: (node) => {
    node.attributes.broadcast = { kind: "int", value: 1 };
    return undefined;
  },
};
/** C was required. */
const needsC: VersionSteps = { downgrade: (node) => (node.inputs[2] ? undefined : "it has no input C") };

export const gemm = defineOperator({
  domain: "",
  op: "Gemm",
  versions: [
    { since: 1, ...broadcastsC },
    { since: 6, ...broadcastsC },
    { since: 7, change: "C broadcasts by itself", ...needsC },
    { since: 9, change: "more element types", allows: tensors("int32", "int64", "uint32", "uint64"), ...needsC },
    { since: 11 },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "General matrix product: alpha A B + beta C, with A and B transposed when told.",
  family: "linear",
  inputs: [
    required("A", "T", "left factor [M, K], or [K, M] with transA"),
    required("B", "T", "right factor [K, N], or [N, K] with transB"),
    optional("C", "T", "added to the product, broadcast to [M, N]"),
  ],
  outputs: [required("Y", "T", "result [M, N]")],
  attributes: {
    alpha: { kind: "float", doc: "factor of the product", fallback: 1 },
    beta: { kind: "float", doc: "factor of C", fallback: 1 },
    transA: { kind: "int", doc: "1 transposes A", fallback: 0 },
    transB: { kind: "int", doc: "1 transposes B", fallback: 0 },
  },
  types: { T: wideNumbers },
  infer: (context, node, attributes) => {
    const a = rankedInput(context, 0);
    const b = rankedInput(context, 1);
    if (!a || !b) return [tensorOutput(elementOfInput(context, 0), [null, null])];
    if (a.shape.length !== 2 || b.shape.length !== 2) {
      reportProblem(context, node, "both factors must be matrices.");
      return [tensorOutput(a.element, [null, null])];
    }
    const [m, k] = attributes.int("transA") ? [a.shape[1]!, a.shape[0]!] : [a.shape[0]!, a.shape[1]!];
    const [inner, n] = attributes.int("transB") ? [b.shape[1]!, b.shape[0]!] : [b.shape[0]!, b.shape[1]!];
    if (dimsDiffer(k, inner)) reportConflict(context, node, 0, 1, `the inner dimensions ${k} and ${inner} differ`);
    return [tensorOutput(a.element, [m, n])];
  },
  evaluate: (inputs, context) => {
    const a = tensorAt(inputs, 0);
    const b = tensorAt(inputs, 1);
    const c = optionalTensor(inputs, 2);
    const { attributes } = context;
    if (a.dims.length !== 2 || b.dims.length !== 2) throw new GraphwrightError("gemm-shape", "both factors must be matrices.");
    const [m, k] = attributes.int("transA") ? [a.dims[1]!, a.dims[0]!] : [a.dims[0]!, a.dims[1]!];
    const [inner, n] = attributes.int("transB") ? [b.dims[1]!, b.dims[0]!] : [b.dims[0]!, b.dims[1]!];
    if (k !== inner) throw new GraphwrightError("gemm-shape", `the inner dimensions ${k} and ${inner} differ.`);
    const sums = new Float64Array(m * n);
    const left = { data: toNumbers(a), offset: 0, ...(attributes.int("transA") ? { rowStride: 1, columnStride: m } : { rowStride: k, columnStride: 1 }) };
    const right = { data: toNumbers(b), offset: 0, ...(attributes.int("transB") ? { rowStride: 1, columnStride: k } : { rowStride: n, columnStride: 1 }) };
    multiplyMatrices(m, n, k, left, right, sums, 0, n, context.task);
    const alpha = attributes.float("alpha");
    const beta = attributes.float("beta");
    if (alpha !== 1) for (let i = 0; i < sums.length; i++) sums[i]! *= alpha;
    if (c) zipArrays<number, number>([m, n], sums, sums, [m, n], toNumbers(c), c.dims, (sum, bias) => sum + beta * bias);
    return [finished(a.element, [m, n], a.element === "float32" ? Float32Array.from(sums) : sums)];
  },
  cost: ({ attributes, inputs, outputs }) => {
    const count = elementCount(staticShape(outputs[0]) ?? [0]);
    const k = staticShape(inputs[0])?.[attributes.int("transA") ? 0 : 1] ?? 0;
    return { flops: 2 * count * k + (inputs[2]?.kind === "tensor" ? count : 0) };
  },
  lower: gemmLowering,
});
