import { makeTensor } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { lowest, maxPoolLowering } from "../support/lower-pool.ts";
import { tensorAt } from "../support/numbers.ts";
import { inferPool, poolCost, slidePool } from "../support/pool.ts";
import { bytes, floats, int64, optional, required, tensors } from "../support/types.ts";
import { lacksAttribute, lacksOutputs, steps } from "../support/versions.ts";

/** The index of a row-major position when the spatial dimensions are stored first dimension fastest. */
function columnMajor(at: number, dims: readonly number[]): number {
  const spatial = dims.slice(2);
  const volume = elementCount(spatial);
  let rest = at % volume;
  const index = spatial.map(() => 0);
  for (let d = spatial.length - 1; d >= 0; d--) {
    index[d] = rest % spatial[d]!;
    rest = Math.floor(rest / spatial[d]!);
  }
  let flat = 0;
  let step = 1;
  for (const [d, i] of index.entries()) {
    flat += i * step;
    step *= spatial[d]!;
  }
  return at - (at % volume) + flat;
}

export const maxPool = defineOperator({
  domain: "",
  op: "MaxPool",
  versions: [
    { since: 1, ...steps(lacksAttribute("storage_order", 0), lacksOutputs(1)) },
    { since: 8, change: "attribute storage_order added; 2 outputs; more element types", allows: int64, ...steps(lacksAttribute("ceil_mode", 0), lacksAttribute("dilations", undefined)) },
    { since: 10, change: "attribute ceil_mode added; attribute dilations added" },
    { since: 11 },
    { since: 12, change: "more element types", allows: bytes },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Takes the largest element of each window; padding never wins.",
  doc: "Indices count through the whole input. With storage_order = 1 they count its spatial dimensions column by column.",
  family: "pooling",
  inputs: [required("X", "T", "input")],
  outputs: [
    required("Y", "T", "output"),
    optional("Indices", "I", "where each largest element was found, counted through the flattened input"),
  ],
  attributes: {
    auto_pad: { kind: "string", doc: "NOTSET uses pads; SAME_UPPER and SAME_LOWER pad to input size / stride; VALID pads nothing", fallback: "NOTSET" },
    ceil_mode: { kind: "int", doc: "1 rounds output sizes up", fallback: 0 },
    dilations: { kind: "ints", doc: "distance between kernel elements, by spatial dimension; 1 when absent" },
    kernel_shape: { kind: "ints", doc: "window size by spatial dimension", required: true },
    pads: { kind: "ints", doc: "padding: beginnings of all spatial dimensions, then ends" },
    storage_order: { kind: "int", doc: "how indices count: 0 row major, 1 column major", fallback: 0 },
    strides: { kind: "ints", doc: "step of the window by spatial dimension; 1 when absent" },
  },
  types: { T: [...floats, ...tensors("int8", "uint8")], I: int64 },
  infer: (context, node, attributes) => inferPool(context, attributes, node.outputs.length > 1 ? "int64" : undefined),
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const found: number[] = [];
    const indices = context.wanted(1);
    const least = lowest(x.element);
    let best = 0;
    const y = slidePool(x, context.attributes, context.task, (numbers, base, offsets, count) => {
      // A window that lies in the padding has no place.
      let top = least;
      best = count > 0 ? offsets[0]! : -1;
      for (let i = 0; i < count; i++) {
        const value = numbers[base + offsets[i]!]!;
        if (value > top || Number.isNaN(value)) {
          top = value;
          best = offsets[i]!;
        }
      }
      return top;
    }, indices ? (output, base) => { found[output] = best < 0 ? -1 : base + best; } : undefined);
    if (!indices) return [y, null];
    const columns = context.attributes.int("storage_order") === 1;
    return [y, makeTensor("int64", y.dims, BigInt64Array.from(found, (at) => BigInt(columns && at >= 0 ? columnMajor(at, x.dims) : at)))];
  },
  cost: poolCost,
  lower: maxPoolLowering,
});
