import { toNumbers } from "../../ir/tensor.ts";
import { elementCount, shapeOf, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { checkedAxis, elementOfInput, knownInts, tensorOutput } from "../support/infer.ts";
import { resizeLowering } from "../support/lower-sample.ts";
import { optionalInts, optionalTensor, tensorAt } from "../support/numbers.ts";
import { fitSizes, resizeTensor, scaledSize } from "../support/resize.ts";
import { optional, ordinary, required, tensors } from "../support/types.ts";
import { lacksAttribute, steps, type VersionSteps } from "../support/versions.ts";

/** Version 10: inputs X and scales; an output coordinate divided by the scale, rounded down for nearest. */
const plainCoordinates: VersionSteps = {
  upgrade: (node) => {
    node.inputs = [node.inputs[0]!, null, node.inputs[1] ?? null];
    node.attributes.coordinate_transformation_mode = { kind: "string", value: "asymmetric" };
    if (node.attributes.mode?.kind !== "string" || node.attributes.mode.value === "nearest") node.attributes.nearest_mode = { kind: "string", value: "floor" };
  },
  downgrade: (node) => {
    const text = (name: string, fallback: string): string => {
      const attribute = node.attributes[name];
      return attribute?.kind === "string" ? attribute.value : fallback;
    };
    if (text("coordinate_transformation_mode", "half_pixel") !== "asymmetric" || text("mode", "nearest") === "cubic") return "it maps coordinates in a newer way";
    if (text("mode", "nearest") === "nearest" && text("nearest_mode", "round_prefer_floor") !== "floor") return "it rounds coordinates in a newer way";
    if (!node.inputs[2]) return "it has no scales";
    node.inputs = [node.inputs[0]!, node.inputs[2]];
    for (const name of Object.keys(node.attributes)) if (name !== "mode") delete node.attributes[name];
    return undefined;
  },
};

export const resize = defineOperator({
  domain: "",
  op: "Resize",
  versions: [
    { since: 10, ...plainCoordinates },
    { since: 11, change: "roi, sizes and the coordinate and rounding modes added" },
    { since: 13, change: "roi and scales are optional", allows: tensors("bfloat16"), ...steps(lacksAttribute("antialias", 0), lacksAttribute("axes", undefined), lacksAttribute("keep_aspect_ratio_policy", "stretch")) },
    { since: 18, change: "attribute antialias added; attribute axes added; attribute keep_aspect_ratio_policy added" },
    { since: 19 },
  ],
  summary: "Resamples a tensor to another size by nearest, linear or cubic interpolation.",
  doc: "Interpolation runs along one axis after the other. Keys 1981 for the cubic filter.",
  family: "shape",
  inputs: [
    required("X", "T1", "input"),
    optional("roi", "T2", "region of interest, starts then ends, for tf_crop_and_resize"),
    optional("scales", "tensor(float32)", "factor by axis"),
    optional("sizes", "tensor(int64)", "output size by axis"),
  ],
  outputs: [required("Y", "T1", "output")],
  attributes: {
    antialias: { kind: "int", doc: "1 widens the filter when sizes shrink", fallback: 0 },
    axes: { kind: "ints", doc: "axes that the inputs speak of; all when absent" },
    coordinate_transformation_mode: { kind: "string", doc: "how an output coordinate maps to the input", fallback: "half_pixel" },
    cubic_coeff_a: { kind: "float", doc: "parameter of the cubic filter", fallback: -0.75 },
    exclude_outside: { kind: "int", doc: "1 gives no weight to places outside", fallback: 0 },
    extrapolation_value: { kind: "float", doc: "value outside the region with tf_crop_and_resize", fallback: 0 },
    keep_aspect_ratio_policy: { kind: "string", doc: "stretch, not_larger or not_smaller", fallback: "stretch" },
    mode: { kind: "string", doc: "nearest, linear or cubic", fallback: "nearest" },
    nearest_mode: { kind: "string", doc: "how nearest rounds: round_prefer_floor, round_prefer_ceil, floor or ceil", fallback: "round_prefer_floor" },
  },
  types: { T1: ordinary, T2: tensors("float16", "float32", "float64") },
  infer: (context, _node, attributes) => {
    const shape = shapeOf(context.type(0));
    const element = elementOfInput(context, 0);
    if (!shape) return [tensorOutput(element, null)];
    const axes = attributes.ints("axes")?.map((axis) => checkedAxis(axis, shape.length)) ?? shape.map((_, i) => i);
    const sizes = context.known(3) ?? knownInts(context, 3);
    const factors = context.constant(2);
    const dims = [...shape];
    if (sizes && sizes.length > 0) {
      const stretch = attributes.string("keep_aspect_ratio_policy") === "stretch";
      const known = axes.every((axis, i) => typeof shape[axis] === "number" && typeof sizes[i] === "number");
      const fitted = !stretch && known ? fitSizes(axes.map((axis) => shape[axis] as number), sizes as number[], attributes.string("keep_aspect_ratio_policy")).sizes : sizes;
      for (const [i, axis] of axes.entries()) dims[axis] = stretch || known ? fitted[i]! : null;
    } else if (factors && factors.count > 0) {
      const scales = toNumbers(factors.tensor());
      for (const [i, axis] of axes.entries()) dims[axis] = scaledSize(shape[axis]!, scales[i]!);
    } else for (const axis of axes) dims[axis] = null;
    return [tensorOutput(element, dims)];
  },
  evaluate: (inputs, context) => [resizeTensor(tensorAt(inputs, 0), optionalTensor(inputs, 1), optionalTensor(inputs, 2), optionalInts(inputs, 3), context.attributes, context.task)],
  cost: ({ attributes, outputs }) => ({ flops: { nearest: 0, linear: 8, cubic: 32 }[attributes.string("mode")]! * elementCount(staticShape(outputs[0]) ?? [0]) }),
  lower: resizeLowering,
});
