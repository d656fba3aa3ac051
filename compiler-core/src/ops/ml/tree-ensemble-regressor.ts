import { makeTensor } from "../../ir/tensor.ts";
import { tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { featureMatrix, postTransform, sampleCount, transformScores } from "../support/classical.ts";
import { tensorAt } from "../support/numbers.ts";
import { aggregate, floatsOrTensor, noDoubleAttributes, readForest, treeAttributes } from "../support/trees.ts";
import { required, tensors } from "../support/types.ts";

export const treeEnsembleRegressor = defineOperator({
  domain: "ai.onnx.ml",
  op: "TreeEnsembleRegressor",
  versions: [{ since: 1, ...noDoubleAttributes }, { since: 3, change: "attributes in double precision" }, { since: 5, change: "discouraged: TreeEnsemble takes its place" }],
  summary: "Targets from the leaves that a sample reaches in many decision trees.",
  doc: "The leaves' weights are summed, averaged over trees, or their least or greatest is taken, and base_values are added.",
  family: "ml",
  inputs: [required("X", "T", "features [N, F]")],
  outputs: [required("Y", "tensor(float32)", "targets [N, n_targets]")],
  attributes: {
    ...treeAttributes,
    aggregate_function: { kind: "string", doc: "SUM, AVERAGE, MIN or MAX", fallback: "SUM" },
    n_targets: { kind: "int", doc: "number of targets" },
    target_treeids: { kind: "ints", doc: "tree of each weight" },
    target_nodeids: { kind: "ints", doc: "leaf of each weight" },
    target_ids: { kind: "ints", doc: "target of each weight" },
    target_weights: { kind: "floats", doc: "the weights" },
    target_weights_as_tensor: { kind: "tensor", doc: "the weights in double precision" },
    ...postTransform,
  },
  types: { T: tensors("float32", "float64", "int64", "int32") },
  infer: (context, _node, attributes) => [{ type: tensorType("float32", [sampleCount(context), attributes.optionalInt("n_targets") ?? null]) }],
  evaluate: (inputs, { attributes, task }) => {
    const x = featureMatrix(tensorAt(inputs, 0));
    const forest = readForest(attributes, "target");
    const targets = attributes.int("n_targets", 1);
    const base = floatsOrTensor(attributes, "base_values");
    const how = attributes.string("aggregate_function");
    if (!["SUM", "AVERAGE", "MIN", "MAX"].includes(how)) throw new GraphwrightError("attribute-range", `aggregate_function is "${how}", which is none of SUM, AVERAGE, MIN and MAX.`);
    const transform = attributes.string("post_transform");
    const out: number[] = [];
    for (let n = 0; n < x.rows; n++) {
      task.check();
      const scores = aggregate(forest.votes(x.numbers, n * x.columns), targets, how).map((score, t) => score + (base[t] ?? 0));
      out.push(...transformScores(scores, transform));
    }
    return [makeTensor("float32", [x.rows, targets], Float32Array.from(out))];
  },
});
