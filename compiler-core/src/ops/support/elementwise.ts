import type { Dim } from "../../ir/dim.ts";
import { type ElementType, isFloat } from "../../ir/element-type.ts";
import { allocate, type BigArray, isBigArray, type NumericArray, type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementCount, shapeOf, staticShape } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { AttributeReader, CostContext, OperatorDefinition } from "../definition.ts";
import { broadcastInputs, elementOfInput, isRounded, knownBinary, sameAsInput, tensorOutput } from "./infer.ts";
import { finished, tensorAt, workArray } from "./numbers.ts";
import { broadcastStrides, forEachRow, stridesOf } from "./strides.ts";

type Behaviour = Pick<OperatorDefinition, "infer" | "evaluate" | "cost">;

/** FLOPs of an operation that does `each` for every output element. */
export const costPerOutput = (each: number) => ({ outputs }: CostContext): { flops: number } => ({ flops: each * elementCount(staticShape(outputs[0]) ?? [0]) });

/** Applies a function to every element; the result is rounded to `element`. */
export function mapNumbers(x: Tensor, apply: (x: number) => number, element: ElementType = x.element): Tensor {
  const source = toNumbers(x);
  const out = workArray(element, source.length);
  for (let i = 0; i < source.length; i++) out[i] = apply(source[i]!);
  return finished(element, x.dims, out);
}

export function mapBig(x: Tensor, apply: (x: bigint) => bigint): Tensor {
  const source = x.data as BigArray;
  const out = allocate(x.element, source.length) as BigArray;
  for (let i = 0; i < source.length; i++) out[i] = apply(source[i]!);
  return { element: x.element, dims: x.dims, data: out };
}

/** Dimensions of a NumPy broadcast. Throws "broadcast". */
export function broadcastDims(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, i) => {
    let size = 1;
    for (const shape of shapes) {
      const d = shape[i - (rank - shape.length)] ?? 1;
      if (d === 1 || d === size) continue;
      if (size !== 1) throw new GraphwrightError("broadcast", `the shapes ${shapes.map((s) => `[${s.join(", ")}]`).join(" and ")} do not broadcast: ${size} against ${d}.`);
      size = d;
    }
    return size;
  });
}

/** Combines two broadcast arrays into `out`. */
export function zipArrays<A, O>(dims: readonly number[], out: { [i: number]: O }, a: ArrayLike<A>, aDims: readonly number[], b: ArrayLike<A>, bDims: readonly number[], combine: (a: A, b: A) => O): void {
  forEachRow(dims, [stridesOf(dims), broadcastStrides(aDims, dims), broadcastStrides(bDims, dims)], (count, offsets, steps) => {
    let o = offsets[0]!;
    let i = offsets[1]!;
    let j = offsets[2]!;
    const si = steps[1]!;
    const sj = steps[2]!;
    for (let n = 0; n < count; n++, o++, i += si, j += sj) out[o] = combine(a[i]!, b[j]!);
  });
}

/** Combines two tensors element by element with broadcasting. int64 and uint64 are combined exactly by `big`. */
export function zipTensors(a: Tensor, b: Tensor, combine: (a: number, b: number) => number, big?: (a: bigint, b: bigint) => bigint, element: ElementType = a.element): Tensor {
  if (a.element !== b.element) throw new GraphwrightError("element-type", `the inputs must have one element type, but are ${a.element} and ${b.element}.`);
  const dims = broadcastDims(a.dims, b.dims);
  if (big && isBigArray(a.data) && isBigArray(b.data)) {
    const out = allocate(element, elementCount(dims)) as BigArray;
    zipArrays<bigint, bigint>(dims, out, a.data, a.dims, b.data, b.dims, big);
    return { element, dims: Object.freeze(dims), data: out };
  }
  const out = workArray(element, elementCount(dims));
  zipArrays<number, number>(dims, out, toNumbers(a), a.dims, toNumbers(b), b.dims, combine);
  return finished(element, dims, out);
}

/** Compares two tensors of any type with broadcasting. */
export function compareTensors(a: Tensor, b: Tensor, test: (a: number | bigint | string, b: number | bigint | string) => boolean): Tensor {
  if (a.element !== b.element) throw new GraphwrightError("element-type", `the inputs must have one element type, but are ${a.element} and ${b.element}.`);
  const dims = broadcastDims(a.dims, b.dims);
  const out = new Uint8Array(elementCount(dims));
  type Item = number | bigint | string;
  const plain = (t: Tensor): ArrayLike<Item> => (Array.isArray(t.data) || isBigArray(t.data) ? t.data : toNumbers(t));
  zipArrays<Item, number>(dims, out, plain(a), a.dims, plain(b), b.dims, (x, y) => (test(x, y) ? 1 : 0));
  return { element: "bool", dims: Object.freeze(dims), data: out };
}

/** A unary operator whose output has the input's type. `flops` is the work an element takes. */
export const elementwiseUnary = (options: { readonly apply: (x: number) => number; readonly big?: (x: bigint) => bigint; readonly known?: (x: Dim) => Dim; readonly flops?: number }): Behaviour => ({
  infer: (context) => {
    const known = options.known && context.known(0)?.map((d) => (isRounded(d) ? null : options.known!(d)));
    return [known ? { type: context.type(0), known } : { type: context.type(0) }];
  },
  evaluate: (inputs) => {
    const x = tensorAt(inputs, 0);
    return [options.big && isBigArray(x.data) ? mapBig(x, options.big) : mapNumbers(x, options.apply)];
  },
  cost: costPerOutput(options.flops ?? 1),
});

/** A unary operator whose function depends on attributes. */
export const parametricUnary = (options: { readonly apply: (attributes: AttributeReader) => (x: number) => number; readonly flops?: number }): Behaviour => ({
  infer: sameAsInput,
  evaluate: (inputs, context) => [mapNumbers(tensorAt(inputs, 0), options.apply(context.attributes))],
  cost: costPerOutput(options.flops ?? 1),
});

/** A binary operator with broadcasting whose output has the inputs' element type. */
export function elementwiseBinary(options: {
  readonly combine: (a: number, b: number) => number;
  /** for 64-bit integers */
  readonly big?: (a: bigint, b: bigint) => bigint;
  /** for integers of up to 32 bits, where `combine` is not enough */
  readonly integer?: (a: number, b: number) => number;
  /** the same on dimensions, for shape arithmetic */
  readonly known?: (a: Dim, b: Dim) => Dim;
  readonly flops?: number;
}): Behaviour {
  return {
    infer: (context, node) => {
      const shape = broadcastInputs(context, node, [0, 1]);
      const known = options.known ? knownBinary(context, options.known) : undefined;
      return [tensorOutput(elementOfInput(context, 0) ?? elementOfInput(context, 1), shape, known)];
    },
    evaluate: (inputs) => {
      const a = tensorAt(inputs, 0);
      const b = tensorAt(inputs, 1);
      const whole = options.integer && !isFloat(a.element);
      return [zipTensors(a, b, whole ? options.integer! : options.combine, options.big)];
    },
    cost: costPerOutput(options.flops ?? 1),
  };
}

/** A comparison: bool output. */
export function comparison(test: (a: number | bigint | string, b: number | bigint | string) => boolean, known?: (a: Dim, b: Dim) => Dim): Behaviour {
  return {
    infer: (context, node) => [tensorOutput("bool", broadcastInputs(context, node, [0, 1]), known ? knownBinary(context, known, "comparison") : undefined)],
    evaluate: (inputs) => [compareTensors(tensorAt(inputs, 0), tensorAt(inputs, 1), test)],
    cost: costPerOutput(1),
  };
}

/** An operator over any number of broadcast inputs (Sum, Max, ...). */
export function variadicElementwise(options: {
  readonly combine: (a: number, b: number) => number;
  readonly big?: (a: bigint, b: bigint) => bigint;
  readonly known?: (a: Dim, b: Dim) => Dim;
  /** the result is one of the operands */
  readonly chooses?: boolean;
  /** done to the combined value */
  readonly finish?: (sum: number, count: number) => number;
}): Behaviour {
  return {
    infer: (context, node) => {
      const indices = node.inputs.map((_, i) => i);
      const known = options.known && indices.length === 2 ? knownBinary(context, options.known, options.chooses ? "choice" : "arithmetic") : indices.length === 1 ? context.known(0) : undefined;
      return [tensorOutput(elementOfInput(context, 0), indices.length === 1 ? shapeOf(context.type(0)) : broadcastInputs(context, node, indices), known)];
    },
    evaluate: (inputs) => {
      const first = tensorAt(inputs, 0);
      if (options.big && isBigArray(first.data)) return [inputs.slice(1).reduce<Tensor>((sum, _, i) => zipTensors(sum, tensorAt(inputs, i + 1), options.combine, options.big), first)];
      if (inputs.length === 2 && !options.finish) return [zipTensors(first, tensorAt(inputs, 1), options.combine)];
      const dims = broadcastDims(...inputs.map((_, i) => tensorAt(inputs, i).dims));
      let sum: NumericArray = new Float64Array(elementCount(dims));
      for (let i = 0; i < inputs.length; i++) {
        const next = tensorAt(inputs, i);
        if (next.element !== first.element) throw new GraphwrightError("element-type", `the inputs must have one element type, but are ${first.element} and ${next.element}.`);
        if (i === 0) zipArrays<number, number>(dims, sum, sum, dims, toNumbers(next), next.dims, (_, x) => x);
        else zipArrays<number, number>(dims, sum, sum, dims, toNumbers(next), next.dims, options.combine);
      }
      const finish = options.finish;
      if (finish) sum = sum.map((x) => finish(x, inputs.length));
      if (first.element === "float32") return [finished("float32", dims, Float32Array.from(sum))];
      return [finished(first.element, dims, sum as Float64Array)];
    },
    cost: ({ inputs, outputs }) => ({ flops: (inputs.length - 1 + (options.finish ? 1 : 0)) * elementCount(staticShape(outputs[0]) ?? [0]) }),
  };
}
