import { ceilDivDims, type Dim, subDims } from "../../ir/dim.ts";
import { type BigArray, elementAt, isBigArray, makeTensor } from "../../ir/tensor.ts";
import type { InferContext } from "../../ir/type-rules.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { elementOfInput, isRounded, tensorOutput } from "../support/infer.ts";
import { rangeLowering } from "../support/lower-indexing.ts";
import { finished, numberAt, tensorAt, workArray } from "../support/numbers.ts";
import { floats, required, tensors } from "../support/types.ts";
import { lacksAttribute } from "../support/versions.ts";

const countOf = (start: number, limit: number, delta: number): number => Math.max(0, Math.ceil((limit - start) / delta));

/** The same of 64-bit integers, whose difference need not be exact as a number. */
function bigCountOf(start: bigint, limit: bigint, delta: bigint): number {
  if (delta === 0n) return NaN;
  const distance = delta > 0n ? limit - start : start - limit;
  const step = delta > 0n ? delta : -delta;
  return distance <= 0n ? 0 : Number((distance + step - 1n) / step);
}

/** A scalar input as a dimension or, where constant, as any number; beyond 2^53 a known number is not exact. */
function scalarOf(context: InferContext, index: number): Dim | bigint | undefined {
  const constant = context.constant(index);
  const value = constant?.count === 1 ? elementAt(constant.tensor(), 0) : undefined;
  if (typeof value === "bigint" && !Number.isSafeInteger(Number(value))) return value;
  const known = context.known(index)?.[0];
  if (known !== undefined && known !== null) return isRounded(known) ? undefined : known;
  return value === undefined ? undefined : Number(value);
}

export const range = defineOperator({
  domain: "",
  op: "Range",
  versions: [
    { since: 11, ...lacksAttribute("stash_type", 1) },
    { since: 27, change: "attribute stash_type added; more element types", allows: tensors("float16", "bfloat16") },
  ],
  summary: "Counts from a start to a limit (exclusive) in steps.",
  family: "shape",
  inputs: [
    required("start", "T", "first value, a scalar"),
    required("limit", "T", "value to stop before"),
    required("delta", "T", "step"),
  ],
  outputs: [required("output", "T", "output")],
  attributes: {
    stash_type: { kind: "int", doc: "element type the values are computed in, as its ONNX number", fallback: 1 },
  },
  types: { T: [...floats, ...tensors("int16", "int32", "int64")] },
  infer: (context) => {
    const element = elementOfInput(context, 0);
    const [start, limit, delta] = [0, 1, 2].map((i) => scalarOf(context, i));
    if (start === undefined || limit === undefined || delta === undefined) return [tensorOutput(element, [null])];
    if (typeof start === "number" && typeof limit === "number" && typeof delta === "number") {
      const count = countOf(start, limit, delta);
      const known = (element === "int64" || element === "int32") && count <= 64 ? Array.from({ length: count }, (_, i) => start + i * delta) : undefined;
      return [tensorOutput(element, [count], known)];
    }
    const given = [start, limit, delta];
    if (given.every((d) => typeof d === "number" || typeof d === "bigint")) {
      const [first, last, step] = given.map(BigInt) as [bigint, bigint, bigint];
      return [tensorOutput(element, [step === 0n ? null : bigCountOf(first, last, step)])];
    }
    if (typeof start === "bigint" || typeof limit === "bigint") return [tensorOutput(element, [null])];
    const whole = element === "int64" || element === "int32" || element === "int16";
    return [tensorOutput(element, [whole && typeof delta === "number" && delta > 0 ? ceilDivDims(subDims(limit, start), delta) : null])];
  },
  evaluate: (inputs) => {
    const start = tensorAt(inputs, 0);
    const numbers = [0, 1, 2].map((i) => numberAt(inputs, i)) as [number, number, number];
    const wide = [0, 1, 2].map((i) => tensorAt(inputs, i).data);
    const count = wide.every(isBigArray) ? bigCountOf(...(wide.map((data) => data[0]) as [bigint, bigint, bigint])) : countOf(...numbers);
    if (!Number.isFinite(count)) throw new GraphwrightError("range", "the step is 0 or a bound is not finite.");
    if (isBigArray(start.data)) {
      const first = (start.data as BigArray)[0]!;
      const step = (tensorAt(inputs, 2).data as BigArray)[0]!;
      return [makeTensor(start.element, [count], BigInt64Array.from({ length: count }, (_, i) => first + BigInt(i) * step))];
    }
    const out = workArray(start.element, count);
    for (let i = 0; i < count; i++) out[i] = numbers[0] + i * numbers[2];
    return [finished(start.element, [count], out)];
  },
  cost: () => ({ flops: 0 }),
  lower: rangeLowering,
});
