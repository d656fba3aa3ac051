import { type Draw, type Generator, is } from "../node-case.ts";

/** Shapes of x and its scale: one scale, one per entry of an axis, or one per block. */
function scaled(d: Draw): { x: number[]; scale: number[]; attributes: Record<string, ReturnType<typeof is.int>> } {
  const how = d.int(0, 2);
  if (how === 0) return { x: d.dims(0, 4), scale: [], attributes: {} };
  const x = d.dims(1, 4);
  const axis = d.int(0, x.length - 1);
  if (how === 1) return { x, scale: [x[axis]!], attributes: { axis: is.int(d.signed(axis, x.length)) } };
  const block = d.int(1, 3);
  const scale = [...x];
  x[axis] = scale[axis]! * block;
  return { x, scale, attributes: { axis: is.int(d.signed(axis, x.length)), block_size: is.int(block) } };
}

const integers = ["uint8", "int8", "uint16", "int16", "uint4", "int4"] as const;

export const quantizations: Readonly<Record<string, Generator>> = {
  QuantizeLinear: (d) => {
    const { x, scale, attributes } = scaled(d);
    const zero = d.bool() ? d.tensor(d.pick([...integers, "float8e4m3fn"] as const), scale) : null;
    return { op: "QuantizeLinear", inputs: [d.float(x), d.float(scale, [0.1, 1]), zero], attributes: zero || d.bool() ? attributes : { ...attributes, output_dtype: is.int(d.pick([2, 3, 4, 5, 21, 22])) } };
  },
  DequantizeLinear: (d) => {
    const { x, scale, attributes } = scaled(d);
    const element = d.pick([...integers, "int32"] as const);
    const scales = d.tensor(d.pick(["float32", "float16"] as const), scale, [0.1, 1]);
    return { op: "DequantizeLinear", inputs: [d.tensor(element, x), scales, element !== "int32" && d.bool() ? d.tensor(element, scale) : null], attributes };
  },
  DynamicQuantizeLinear: (d) => ({ op: "DynamicQuantizeLinear", inputs: [d.float(d.dims(1, 4))], outputs: 3 }),
};
