import { toNumbers } from "../../ir/tensor.ts";
import { elementOf, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { type AttributeReader, defineOperator } from "../definition.ts";
import { featureMatrix, sampleCount, transformScores } from "../support/classical.ts";
import { finished, tensorAt } from "../support/numbers.ts";
import { aggregate, type Vote } from "../support/trees.ts";
import { required, tensors } from "../support/types.ts";

const aggregates = ["AVERAGE", "SUM", "MIN", "MAX"];
const transforms = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"];
const memberMode = 6;

const comparisons: readonly ((x: number, split: number) => boolean)[] = [
  (x, split) => x <= split,
  (x, split) => x < split,
  (x, split) => x >= split,
  (x, split) => x > split,
  (x, split) => x === split,
  (x, split) => x !== split,
];

function tensorNumbers(attributes: AttributeReader, name: string): ArrayLike<number> {
  const tensor = attributes.tensor(name);
  if (!tensor) throw new GraphwrightError("missing-attribute", `the attribute "${name}" is required.`);
  return toNumbers(tensor);
}

/** Gives the leaf (an index into leaf_*) that a sample reaches from a root. */
function readTrees(attributes: AttributeReader): (root: number, x: ArrayLike<number>, at: number) => number {
  const list = (name: string): number[] => attributes.ints(name) ?? [];
  const modes = tensorNumbers(attributes, "nodes_modes");
  const splits = tensorNumbers(attributes, "nodes_splits");
  const features = list("nodes_featureids");
  const trueIds = list("nodes_truenodeids");
  const falseIds = list("nodes_falsenodeids");
  const trueLeaves = list("nodes_trueleafs");
  const falseLeaves = list("nodes_falseleafs");
  const missing = list("nodes_missing_value_tracks_true");
  const members = new Map<number, Set<number>>();
  const membership = attributes.tensor("membership_values");
  const values = membership ? toNumbers(membership) : [];
  let next = 0;
  for (let node = 0; node < modes.length; node++) {
    if (modes[node] !== memberMode) continue;
    const set = new Set<number>();
    while (next < values.length && !Number.isNaN(values[next]!)) set.add(values[next++]!);
    next++;
    members.set(node, set);
  }
  return (root, x, at) => {
    let node = root;
    for (let steps = 0; steps <= modes.length; steps++) {
      const value = x[at + features[node]!]!;
      const mode = modes[node]!;
      const test = mode === memberMode ? (v: number): boolean => members.get(node)!.has(v) : comparisons[mode];
      if (!test) throw new GraphwrightError("attribute-range", `${mode} is not the number of a comparison of tree nodes.`);
      const holds = Number.isNaN(value) && missing[node] === 1 ? true : test(value, splits[node]!);
      const leaf = (holds ? trueLeaves : falseLeaves)[node] === 1;
      node = (holds ? trueIds : falseIds)[node]!;
      if (leaf) return node;
    }
    throw new GraphwrightError("attribute-range", "the nodes of a tree lead in a circle.");
  };
}

export const treeEnsemble = defineOperator({
  domain: "ai.onnx.ml",
  op: "TreeEnsemble",
  versions: [{ since: 5 }],
  summary: "Targets from the leaves that a sample reaches in many decision trees.",
  doc: "Inner nodes compare a feature with a split value, or ask whether it is a member of a set. The sets lie one after another in membership_values, in the order of their nodes, each ended by NaN. A tree of one leaf is a node both of whose branches lead to it.",
  family: "ml",
  inputs: [required("X", "T", "features [N, F]")],
  outputs: [required("Y", "T", "targets [N, n_targets]")],
  attributes: {
    aggregate_function: { kind: "int", doc: "0 average over trees, 1 sum, 2 least, 3 greatest", fallback: 1 },
    leaf_targetids: { kind: "ints", doc: "target of each leaf", required: true },
    leaf_weights: { kind: "tensor", doc: "weight of each leaf", required: true },
    membership_values: { kind: "tensor", doc: "members of the sets, each set ended by NaN" },
    n_targets: { kind: "int", doc: "number of targets" },
    nodes_falseleafs: { kind: "ints", doc: "1 where the false branch is a leaf", required: true },
    nodes_falsenodeids: { kind: "ints", doc: "node or leaf of the false branch", required: true },
    nodes_featureids: { kind: "ints", doc: "feature that each node looks at", required: true },
    nodes_hitrates: { kind: "tensor", doc: "how often each node is reached; changes nothing" },
    nodes_missing_value_tracks_true: { kind: "ints", doc: "1 where a feature that is not a number goes the true way; 0 when absent" },
    nodes_modes: { kind: "tensor", doc: "comparison: 0 <=, 1 <, 2 >=, 3 >, 4 ==, 5 !=, 6 member", required: true },
    nodes_splits: { kind: "tensor", doc: "what each node compares with", required: true },
    nodes_trueleafs: { kind: "ints", doc: "1 where the true branch is a leaf", required: true },
    nodes_truenodeids: { kind: "ints", doc: "node or leaf of the true branch", required: true },
    post_transform: { kind: "int", doc: "0 none, 1 softmax, 2 logistic, 3 softmax that keeps zeros small, 4 probit", fallback: 0 },
    tree_roots: { kind: "ints", doc: "first node of each tree", required: true },
  },
  types: { T: tensors("float32", "float64", "float16") },
  infer: (context, _node, attributes) => [{ type: tensorType(elementOf(context.type(0)), [sampleCount(context), attributes.optionalInt("n_targets") ?? null]) }],
  evaluate: (inputs, { attributes, task }) => {
    const input = tensorAt(inputs, 0);
    const x = featureMatrix(input);
    const leafOf = readTrees(attributes);
    const roots = attributes.ints("tree_roots") ?? [];
    const leafTargets = attributes.ints("leaf_targetids") ?? [];
    const leafWeights = tensorNumbers(attributes, "leaf_weights");
    const targets = attributes.optionalInt("n_targets") ?? Math.max(0, ...leafTargets) + 1;
    const how = aggregates[attributes.int("aggregate_function")];
    const transform = transforms[attributes.int("post_transform")];
    if (!how || !transform) throw new GraphwrightError("attribute-range", "aggregate_function must be 0 to 3 and post_transform 0 to 4.");
    const out: number[] = [];
    for (let n = 0; n < x.rows; n++) {
      task.check();
      const votes = roots.map((root): Vote[] => {
        const leaf = leafOf(root, x.numbers, n * x.columns);
        return [{ target: leafTargets[leaf]!, weight: leafWeights[leaf]! }];
      });
      out.push(...transformScores(aggregate(votes, targets, how), transform));
    }
    return [finished(input.element, [x.rows, targets], Float64Array.from(out))];
  },
});
