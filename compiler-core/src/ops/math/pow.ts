import { isInteger } from "../../ir/element-type.ts";
import { allocate, isBigArray, type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { broadcastDims, costPerOutput, zipArrays } from "../support/elementwise.ts";
import { broadcastInputs, elementOfInput, tensorOutput } from "../support/infer.ts";
import { powLowering } from "../support/lower-elementwise.ts";
import { finished, tensorAt, workArray } from "../support/numbers.ts";
import { floats, integers, numbers, required, tensors } from "../support/types.ts";
import { legacyBroadcast } from "../support/versions.ts";

/** Modulo 2^64, as the result wraps: the exponent alone may be that large. */
function bigPower(base: bigint, exponent: bigint): bigint {
  if (exponent < 0n) return base === 1n ? 1n : base === -1n ? (exponent % 2n === 0n ? 1n : -1n) : 0n;
  let result = 1n;
  for (let square = base; exponent > 0n; square = BigInt.asIntN(64, square * square), exponent >>= 1n) if (exponent & 1n) result = BigInt.asIntN(64, result * square);
  return result;
}

const integersOf = (t: Tensor): ArrayLike<bigint> => (isBigArray(t.data) ? t.data : Array.from(toNumbers(t), BigInt));

function powTensors(x: Tensor, y: Tensor): Tensor {
  const dims = broadcastDims(x.dims, y.dims);
  const count = elementCount(dims);
  if (isInteger(x.element) && isInteger(y.element)) {
    const wide = new BigInt64Array(count);
    zipArrays<bigint, bigint>(dims, wide, integersOf(x), x.dims, integersOf(y), y.dims, bigPower);
    const data = allocate(x.element, count);
    if (isBigArray(data)) data.set(wide as BigInt64Array<ArrayBuffer>);
    else (data as Int32Array).set(Array.from(wide, (v) => Number(BigInt.asIntN(32, v))));
    return { element: x.element, dims: Object.freeze(dims), data };
  }
  const out = workArray(x.element, count);
  zipArrays<number, number>(dims, out, toNumbers(x), x.dims, toNumbers(y), y.dims, Math.pow);
  return finished(x.element, dims, out);
}

export const pow = defineOperator({
  domain: "",
  op: "Pow",
  versions: [
    { since: 1, ...legacyBroadcast },
    { since: 7, change: "broadcasts as NumPy does" },
    { since: 12, change: "more element types", allows: integers },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
    { since: 15 },
  ],
  summary: "Raises the first tensor to the power of the second element by element, with broadcasting.",
  doc: "The result has the type of the base. Integer bases with negative exponents give 0, except for bases of 1 and -1.",
  family: "elementwise",
  inputs: [
    required("X", "T", "base"),
    required("Y", "T1", "exponent"),
  ],
  outputs: [required("Z", "T", "the power")],
  types: { T: [...floats, ...tensors("int32", "int64")], T1: numbers },
  infer: (context, node) => [tensorOutput(elementOfInput(context, 0), broadcastInputs(context, node, [0, 1]))],
  evaluate: (inputs) => [powTensors(tensorAt(inputs, 0), tensorAt(inputs, 1))],
  cost: costPerOutput(1),
  lower: powLowering,
});
