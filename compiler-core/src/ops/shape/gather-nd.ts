import { elementCount, shapeOf } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { elementOfInput, tensorOutput } from "../support/infer.ts";
import { gatherNdLowering } from "../support/lower-indexing.ts";
import { tensorAt } from "../support/numbers.ts";
import { takeBlocks, tupleOffsets } from "../support/scatter.ts";
import { reshaped } from "../support/strides.ts";
import { ordinary, required, tensors } from "../support/types.ts";
import { lacksAttribute } from "../support/versions.ts";

export const gatherNd = defineOperator({
  domain: "",
  op: "GatherND",
  versions: [
    { since: 11, ...lacksAttribute("batch_dims", 0) },
    { since: 12, change: "attribute batch_dims added" },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Picks elements or slices by index tuples.",
  family: "shape",
  inputs: [
    required("data", "T", "input"),
    required("indices", "tensor(int64)", "tuples of indices in the last dimension"),
  ],
  outputs: [required("output", "T", "output")],
  attributes: {
    batch_dims: { kind: "int", doc: "leading dimensions that both inputs share", fallback: 0 },
  },
  types: { T: ordinary },
  infer: (context, _node, attributes) => {
    const shape = shapeOf(context.type(0));
    const indices = shapeOf(context.type(1));
    const tuple = indices?.at(-1);
    if (!shape || !indices || typeof tuple !== "number") return [tensorOutput(elementOfInput(context, 0), null)];
    return [tensorOutput(elementOfInput(context, 0), [...indices.slice(0, -1), ...shape.slice(attributes.int("batch_dims") + tuple)])];
  },
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const indices = tensorAt(inputs, 1);
    const batch = attributes.int("batch_dims");
    const tuple = indices.dims.at(-1)!;
    const inner = x.dims.slice(batch + tuple);
    const dims = [...indices.dims.slice(0, -1), ...inner];
    return [reshaped(takeBlocks(x, tupleOffsets(indices, x.dims, batch), elementCount(inner)), dims)];
  },
  cost: () => ({ flops: 0 }),
  lower: gatherNdLowering,
});
