import { toNumbers } from "../../ir/tensor.ts";
import { elementOf, elementCount, shapeOf, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { productOf } from "../support/infer.ts";
import { defineOperator } from "../definition.ts";
import { arrayFeatureExtractorLowering } from "../support/lower-features.ts";
import { tensorAt } from "../support/numbers.ts";
import { reshaped, takeAlong } from "../support/strides.ts";
import { required, tensors } from "../support/types.ts";

export const arrayFeatureExtractor = defineOperator({
  domain: "ai.onnx.ml",
  op: "ArrayFeatureExtractor",
  versions: [{ since: 1 }],
  summary: "Picks entries along the last axis.",
  doc: "A vector counts as a matrix of one row.",
  family: "ml",
  inputs: [required("X", "T", "features [..., F]"), required("Y", "tensor(int64)", "places along the last axis")],
  outputs: [required("Z", "T", "picked entries [..., count]")],
  types: { T: tensors("float32", "float64", "int64", "int32", "string") },
  infer: (context) => {
    const x = shapeOf(context.type(0));
    const y = shapeOf(context.type(1));
    const count = y === null ? null : productOf(y);
    return [{ type: tensorType(elementOf(context.type(0)), x === null ? null : x.length === 1 ? [1, count] : [...x.slice(0, -1), count]) }];
  },
  evaluate: (inputs) => {
    const x = tensorAt(inputs, 0);
    const places = Array.from(toNumbers(tensorAt(inputs, 1)));
    const matrix = x.dims.length === 1 ? reshaped(x, [1, elementCount(x.dims)]) : x;
    const axis = matrix.dims.length - 1;
    const bad = places.find((place) => place < 0 || place >= matrix.dims[axis]!);
    if (bad !== undefined) throw new GraphwrightError("index-range", `the place ${bad} lies outside the last axis of [${x.dims.join(", ")}].`);
    return [takeAlong(matrix, axis, places)];
  },
  lower: arrayFeatureExtractorLowering,
});
