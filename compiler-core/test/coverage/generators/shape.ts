import { fromNumbers } from "../../../src/ir/tensor.ts";
import { type Draw, type Generator, is, type NodeCase, number, vector } from "../node-case.ts";

const count = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** Sizes with the same product, one of them perhaps -1 or copied by 0. */
function regrouped(d: Draw, dims: readonly number[]): number[] {
  const out: number[] = [];
  let group = 1;
  for (const size of dims) {
    group *= size;
    if (d.bool()) {
      out.push(group);
      group = 1;
    }
  }
  if (group > 1 || d.bool()) out.push(group);
  const how = d.int(0, 2);
  if (how === 1 && out.length > 0 && count(dims) > 0) out[d.int(0, out.length - 1)] = -1;
  const copied = out.findIndex((size, i) => size === dims[i]);
  if (how === 2 && copied >= 0) out[copied] = 0;
  return out;
}

const indexing = (d: Draw, dims: readonly number[], limit: number, element: "int64" | "int32" = d.bool() ? "int64" : "int32") => d.tensor(element, dims, [-limit, limit - 1]);

const blocks = (op: "DepthToSpace" | "SpaceToDepth"): Generator => (d) => {
  const b = d.int(1, 3);
  const [n, c, h, w] = [d.int(1, 2), d.int(1, 2), d.int(1, 3), d.int(1, 3)];
  const dims = op === "DepthToSpace" ? [n, c * b * b, h, w] : [n, c, h * b, w * b];
  return { op, inputs: [d.float(dims)], attributes: { blocksize: is.int(b), ...(op === "DepthToSpace" ? { mode: is.string(d.pick(["DCR", "CRD"])) } : {}) } };
};

export const shapes: Readonly<Record<string, Generator>> = {
  Reshape: (d) => {
    const dims = d.dims(0, 4);
    return { op: "Reshape", inputs: [d.tensor(d.element("Reshape"), dims), vector(regrouped(d, dims))], constants: [1] };
  },
  Flatten: (d) => {
    const dims = d.dims(0, 4, 0);
    return { op: "Flatten", inputs: [d.float(dims)], attributes: { axis: is.int(d.int(-dims.length, dims.length)) } };
  },
  Transpose: (d) => {
    const dims = d.dims(0, 4, 0);
    return { op: "Transpose", inputs: [d.tensor(d.element("Transpose"), dims)], ...(d.bool() ? { attributes: { perm: is.ints(d.permutation(dims.length)) } } : {}) };
  },
  Squeeze: (d) => {
    const dims = d.dims(0, 4).map((size) => (d.bool() ? 1 : size));
    if (d.bool()) return { op: "Squeeze", inputs: [d.float(dims)] };
    const ones = dims.flatMap((size, i) => (size === 1 && d.bool() ? [d.signed(i, dims.length)] : []));
    return { op: "Squeeze", inputs: [d.float(dims), vector(ones)], constants: [1] };
  },
  Unsqueeze: (d) => {
    const dims = d.dims(0, 3, 0);
    const rank = dims.length + d.int(0, 2);
    const axes = d.permutation(rank).slice(0, rank - dims.length).map((a) => d.signed(a, rank));
    return { op: "Unsqueeze", inputs: [d.tensor(d.element("Unsqueeze"), dims), vector(axes)], constants: [1] };
  },
  Expand: (d) => {
    const dims = d.dims(0, 4, 0);
    const target = d.broadcastable(dims);
    return { op: "Expand", inputs: [d.float(d.broadcastable(dims)), vector(target.length > 0 ? target : dims)], constants: [1] };
  },
  Tile: (d) => {
    const dims = d.dims(1, 4, 0, 3);
    return { op: "Tile", inputs: [d.float(dims), vector(dims.map(() => d.int(0, 2)))], constants: [1] };
  },
  Shape: (d) => ({ op: "Shape", inputs: [d.float(d.dims(0, 4, 0))], attributes: { ...(d.bool() ? { start: is.int(d.int(-5, 5)) } : {}), ...(d.bool() ? { end: is.int(d.int(-5, 5)) } : {}) } }),
  Size: (d) => ({ op: "Size", inputs: [d.float(d.dims(0, 4, 0))] }),
  Concat: (d) => {
    const dims = d.dims(1, 4, 0);
    const axis = d.axis(dims.length);
    const element = d.element("Concat");
    const at = axis < 0 ? axis + dims.length : axis;
    return { op: "Concat", inputs: d.list(d.int(1, 3), () => d.tensor(element, dims.map((size, i) => (i === at ? d.int(0, 3) : size)))), attributes: { axis: is.int(axis) } };
  },
  Split: (d): NodeCase => {
    const dims = d.dims(1, 4, 0);
    const axis = d.int(0, dims.length - 1);
    const signed = is.int(d.signed(axis, dims.length));
    const parts = d.int(1, 3);
    const element = d.element("Split");
    if (d.bool()) {
      dims[axis] = Math.max(parts, dims[axis]!);
      // Even parts must leave something for the last.
      const chunk = Math.ceil(dims[axis] / parts);
      if (chunk * (parts - 1) >= dims[axis]) dims[axis] = chunk * parts;
      return { op: "Split", inputs: [d.tensor(element, dims)], attributes: { axis: signed, num_outputs: is.int(parts) }, outputs: parts };
    }
    const sizes = d.list(parts, () => d.int(0, 3));
    dims[axis] = sizes.reduce((a, b) => a + b, 0);
    return { op: "Split", inputs: [d.tensor(element, dims), vector(sizes)], constants: [1], attributes: { axis: signed }, outputs: parts };
  },
  Slice: (d) => {
    const dims = d.dims(1, 4, 0, 5);
    const axes = d.subset(dims.length, 1);
    const steps = axes.map(() => d.pick([1, 1, 2, 3, -1, -2]));
    const far = () => d.pick([-100, -(2 ** 31), 2 ** 31 - 1, d.int(-6, 6), d.int(-6, 6), d.int(-6, 6)]);
    const element = d.bool() ? "int64" : "int32";
    const every = d.bool();
    return {
      op: "Slice",
      inputs: [
        d.tensor(d.element("Slice"), dims),
        vector((every ? dims : axes).map(far), element),
        vector((every ? dims : axes).map(far), element),
        every ? null : vector(axes.map((a) => d.signed(a, dims.length)), element),
        every ? null : vector(steps, element),
      ],
      constants: [1, 2, 3, 4],
    };
  },
  Pad: (d) => {
    const mode = d.pick(["constant", "reflect", "edge", "wrap"]);
    const dims = d.dims(1, 4, 2);
    const axes = d.bool() ? d.subset(dims.length) : undefined;
    const padded = axes ?? dims.map((_, i) => i);
    const amounts = d.list(2 * padded.length, () => d.int(mode === "constant" ? -1 : 0, 1));
    const x = d.tensor("float32", dims);
    return { op: "Pad", inputs: [x, vector(amounts), d.bool() ? null : d.float([]), axes ? vector(axes.map((a) => d.signed(a, dims.length))) : null], constants: [1, 3], attributes: { mode: is.string(mode) } };
  },
  Gather: (d) => {
    const dims = d.dims(1, 4);
    const axis = d.axis(dims.length);
    return { op: "Gather", inputs: [d.tensor(d.element("Gather"), dims), indexing(d, d.dims(0, 3, 0, 3), dims.at(axis)!)], constants: [1], attributes: { axis: is.int(axis) } };
  },
  GatherElements: (d) => {
    const dims = d.dims(1, 4);
    const axis = d.axis(dims.length);
    const at = axis < 0 ? axis + dims.length : axis;
    return { op: "GatherElements", inputs: [d.float(dims), indexing(d, dims.map((size, i) => (i === at ? d.int(0, 3) : d.int(1, size))), dims[at]!)], attributes: { axis: is.int(axis) } };
  },
  GatherND: (d) => {
    const dims = d.dims(1, 4, 2, 3);
    const batch = d.int(0, dims.length - 1);
    const depth = d.int(1, dims.length - batch);
    return { op: "GatherND", inputs: [d.float(dims), d.tensor("int64", [...dims.slice(0, batch), ...d.dims(0, 2, 1, 3), depth], [-2, 1])], attributes: { batch_dims: is.int(batch) } };
  },
  ScatterElements: (d) => {
    const dims = d.dims(1, 4);
    const axis = d.axis(dims.length);
    const at = axis < 0 ? axis + dims.length : axis;
    const updated = dims.map((size, i) => (i === at ? d.int(0, 3) : d.int(1, size)));
    return { op: "ScatterElements", inputs: [d.float(dims), indexing(d, updated, dims[at]!), d.float(updated)], attributes: { axis: is.int(axis), reduction: is.string(d.pick(["none", "add", "mul", "min", "max"])) } };
  },
  ScatterND: (d) => {
    const dims = d.dims(1, 4, 2, 3);
    const depth = d.int(1, dims.length);
    const rows = d.dims(0, 2, 1, 3);
    return { op: "ScatterND", inputs: [d.float(dims), d.tensor("int64", [...rows, depth], [-2, 1]), d.float([...rows, ...dims.slice(depth)])], attributes: { reduction: is.string(d.pick(["none", "add", "mul", "min", "max"])) } };
  },
  OneHot: (d) => {
    const dims = d.dims(0, 3, 0);
    const values = d.element("OneHot", "T3");
    return { op: "OneHot", inputs: [d.tensor("int64", dims, [-3, 4]), d.bool() ? vector([d.int(1, 4)]) : number(d.int(1, 4)), d.tensor(values, [2])], constants: [1], attributes: { axis: is.int(d.int(-dims.length - 1, dims.length)) } };
  },
  Range: (d) => {
    const element = d.pick(["int64", "int32", "float32", "float64"] as const);
    const step = d.pick([-3, -1, 1, 2, 3]);
    const whole = element.startsWith("int");
    const at = (x: number) => number(whole ? x : x / 2, element);
    return { op: "Range", inputs: [at(d.int(-5, 5)), at(d.int(-5, 9)), at(step)], constants: [0, 1, 2] };
  },
  ConstantOfShape: (d) => ({ op: "ConstantOfShape", inputs: [vector(d.dims(0, 4, 0))], constants: [0], ...(d.bool() ? { attributes: { value: { kind: "tensor" as const, value: vector([d.int(-3, 3)], d.pick(["int64", "int32", "float32", "bool"] as const)) } } } : {}) }),
  EyeLike: (d) => ({ op: "EyeLike", inputs: [d.tensor("int32", d.dims(2, 2))], attributes: { k: is.int(d.int(-4, 4)), ...(d.bool() ? { dtype: is.int(d.pick([1, 7, 11])) } : {}) } }),
  Trilu: (d) => ({ op: "Trilu", inputs: [d.tensor(d.element("Trilu"), d.dims(2, 4, 0)), d.bool() ? null : number(d.int(-4, 4))], attributes: { upper: is.flag(d.bool()) } }),
  DepthToSpace: blocks("DepthToSpace"),
  SpaceToDepth: blocks("SpaceToDepth"),
  ReverseSequence: (d) => {
    const time = d.int(0, 1);
    const dims = d.dims(2, 4, 1);
    const lengths = d.tensor("int64", [dims[1 - time]!], [1, dims[time]!]);
    return { op: "ReverseSequence", inputs: [d.float(dims), lengths], attributes: { batch_axis: is.int(1 - time), time_axis: is.int(time) } };
  },
  Compress: (d) => {
    const dims = d.dims(1, 4);
    const axis = d.bool() ? d.axis(dims.length) : undefined;
    return { op: "Compress", inputs: [d.float(dims), d.tensor("bool", [d.int(0, 3) === 0 ? 1 : (axis === undefined ? count(dims) : dims.at(axis)!)])], ...(axis === undefined ? {} : { attributes: { axis: is.int(axis) } }), open: true };
  },
  NonZero: (d) => ({ op: "NonZero", inputs: [d.tensor(d.element("NonZero"), d.dims(1, 4, 0))], open: true }),
  Unique: (d) => {
    const dims = d.dims(1, 3);
    return { op: "Unique", inputs: [d.tensor("int32", dims)], attributes: { sorted: is.flag(d.bool()), ...(d.bool() ? { axis: is.int(d.axis(dims.length)) } : {}) }, outputs: 4, open: true };
  },
  CenterCropPad: (d) => {
    const dims = d.dims(1, 4, 1, 5);
    const axes = d.bool() ? d.subset(dims.length, 1) : undefined;
    return { op: "CenterCropPad", inputs: [d.float(dims), vector((axes ?? dims).map(() => d.int(1, 6)))], constants: [1], ...(axes ? { attributes: { axes: is.ints(axes.map((a) => d.signed(a, dims.length))) } } : {}) };
  },
  Cast: (d) => {
    const from = d.pick(["float32", "float64", "float16", "bfloat16", "int8", "int32", "int64", "uint8", "bool", "int4", "float8e4m3fn"] as const);
    return { op: "Cast", inputs: [d.tensor(from, d.dims(0, 3, 0))], attributes: { to: is.int(d.pick([1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 19, 21, 22])) } };
  },
  CastLike: (d) => ({ op: "CastLike", inputs: [d.float(d.dims(0, 3, 0)), d.tensor(d.pick(["float16", "int64", "bool", "string"] as const), d.dims(0, 2, 0))] }),
  BitCast: (d) => {
    const [from, code] = d.pick([["float32", 6], ["int32", 1], ["float64", 7], ["int16", 10], ["uint8", 3]] as const);
    return { op: "BitCast", inputs: [d.tensor(from, d.dims(0, 3))], attributes: { to: is.int(code) } };
  },
  Resize: (d) => {
    const dims = [d.int(1, 2), d.int(1, 2), d.int(1, 5), d.int(1, 5)];
    const axes = d.bool() ? [2, 3] : undefined;
    const attributes = {
      mode: is.string(d.pick(["nearest", "linear", "cubic"])),
      coordinate_transformation_mode: is.string(d.pick(["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"])),
      ...(axes ? { axes: is.ints(axes) } : {}),
    };
    if (d.bool()) {
      const scales = d.list(2, () => d.pick([0.5, 1, 1.5, 2]));
      return { op: "Resize", inputs: [d.float(dims), null, fromNumbers("float32", [axes ? 2 : 4], axes ? scales : [1, 1, ...scales])], constants: [2], attributes };
    }
    const sizes = d.list(2, () => d.int(1, 6));
    const policy = d.pick(axes ? ["stretch", "not_larger", "not_smaller"] : ["stretch"]);
    return { op: "Resize", inputs: [d.float(dims), null, null, vector(axes ? sizes : [dims[0]!, dims[1]!, ...sizes])], constants: [3], attributes: { ...attributes, keep_aspect_ratio_policy: is.string(policy) } };
  },
};
