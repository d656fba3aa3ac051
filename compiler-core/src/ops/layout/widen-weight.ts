import { fusedDomain } from "../../ir/graph.ts";
import { fromNumbers, toNumbers } from "../../ir/tensor.ts";
import { elementCount, shapeOf } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { tensorOutput } from "../support/infer.ts";
import { widenWeightLowering } from "../support/lower-blocked.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { optional, required, tensors } from "../support/types.ts";

export const widenWeight = defineOperator({
  domain: fusedDomain,
  op: "WidenWeight",
  versions: [{ since: 1 }],
  summary: "A packed weight that is stored in fewer bits, as float32: the kernel that reads it does so in registers.",
  doc: "Y = (W - offset - zero) * scale. Scale and zero have the rank of W, and each of their dimensions is 1 or that of Y, or says blocks of `block` entries of the last dimension but one. With 4 bits a byte of W holds two neighbours of the last dimension but one, the first in its low half.",
  family: "linear",
  inputs: [required("W", "T", "stored numbers"), optional("scale", "tensor(float32)", "size of one step; 1 when absent"), optional("zero", "Z", "what stands for 0, beside the offset")],
  outputs: [required("Y", "tensor(float32)", "the weight")],
  attributes: {
    bits: { kind: "int", doc: "4: two numbers a byte", fallback: 8 },
    offset: { kind: "int", doc: "taken from each number", fallback: 0 },
    block: { kind: "int", doc: "entries of the last dimension but one that share a scale; 0: all", fallback: 0 },
  },
  types: { T: tensors("float16", "bfloat16", "int8", "uint8"), Z: tensors("int8", "uint8") },
  infer: (context, _, attributes) => {
    const w = shapeOf(context.type(0));
    const rows = w?.at(-2);
    return [tensorOutput("float32", w ? (attributes.int("bits") === 4 ? [...w.slice(0, -2), typeof rows === "number" ? 2 * rows : null, w.at(-1)!] : w) : null)];
  },
  evaluate: (inputs, context) => {
    const w = tensorAt(inputs, 0);
    const scale = optionalTensor(inputs, 1);
    const zero = optionalTensor(inputs, 2);
    const [bits, offset, block] = (["bits", "offset", "block"] as const).map((name) => context.attributes.int(name)) as [number, number, number];
    const dims = bits === 4 ? [...w.dims.slice(0, -2), 2 * w.dims.at(-2)!, w.dims.at(-1)!] : w.dims;
    const lanes = dims.at(-1)!;
    const stored = toNumbers(w);
    const [scales, zeros] = [scale && toNumbers(scale), zero && toNumbers(zero)];
    const rank = dims.length;
    const at = (of: readonly number[], index: readonly number[]): number => of.reduce((place, d, i) => place * d + (d === 1 ? 0 : i === rank - 2 && block > 0 ? Math.floor(index[i]! / block) : index[i]!), 0);
    const index = new Array<number>(rank).fill(0);
    const out = new Float32Array(elementCount(dims));
    for (let i = 0; i < out.length; i++) {
      let rest = i;
      for (let d = rank - 1; d >= 0; d--) {
        index[d] = rest % dims[d]!;
        rest = Math.floor(rest / dims[d]!);
      }
      const row = Math.floor(i / lanes);
      const number = bits === 4 ? (Number(stored[(row >> 1) * lanes + (i % lanes)]) >> (4 * (row & 1))) & 15 : Number(stored[i]);
      out[i] = Math.fround(number - offset - (zeros ? Number(zeros[at(zero!.dims, index)]) : 0)) * (scales ? Number(scales[at(scale!.dims, index)]) : 1);
    }
    return [fromNumbers("float32", dims, out)];
  },
  cost: ({ outputs }) => ({ flops: elementCount((shapeOf(outputs[0]!) ?? [0]).map(Number)) }),
  lower: widenWeightLowering,
});
