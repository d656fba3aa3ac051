import { type Tensor, toNumbers } from "../../ir/tensor.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { AttributeInfo, AttributeReader, OperatorVersion } from "../definition.ts";

/** Decision trees as ai.onnx.ml has had them until version 5: nodes by tree and node id, leaves with votes. */

export const treeAttributes: Readonly<Record<string, AttributeInfo>> = {
  base_values: { kind: "floats", doc: "what each score starts from" },
  base_values_as_tensor: { kind: "tensor", doc: "base_values in double precision" },
  nodes_treeids: { kind: "ints", doc: "tree of each node" },
  nodes_nodeids: { kind: "ints", doc: "id of each node within its tree" },
  nodes_featureids: { kind: "ints", doc: "feature that each node compares" },
  nodes_modes: { kind: "strings", doc: "BRANCH_LEQ, BRANCH_LT, BRANCH_GTE, BRANCH_GT, BRANCH_EQ, BRANCH_NEQ or LEAF" },
  nodes_values: { kind: "floats", doc: "what each node compares with" },
  nodes_values_as_tensor: { kind: "tensor", doc: "nodes_values in double precision" },
  nodes_truenodeids: { kind: "ints", doc: "where to go when the comparison holds" },
  nodes_falsenodeids: { kind: "ints", doc: "where to go when it does not" },
  nodes_missing_value_tracks_true: { kind: "ints", doc: "1 where a feature that is not a number goes the true way; 0 when absent" },
  nodes_hitrates: { kind: "floats", doc: "how often each node is reached; changes nothing" },
  nodes_hitrates_as_tensor: { kind: "tensor", doc: "nodes_hitrates in double precision" },
};

/** Attributes in double precision came in version 3. */
export const noDoubleAttributes: Pick<OperatorVersion, "downgrade"> = {
  downgrade: (node) => {
    const name = Object.keys(node.attributes).find((key) => key.endsWith("_as_tensor"));
    return name ? `its attribute ${name} needs a newer version` : undefined;
  },
};

/** A list of floats, or of doubles given by the attribute of the same name with "_as_tensor". */
export function floatsOrTensor(attributes: AttributeReader, name: string): ArrayLike<number> {
  const tensor: Tensor | undefined = attributes.tensor(`${name}_as_tensor`);
  return tensor ? toNumbers(tensor) : (attributes.floats(name) ?? []);
}

const compare: Readonly<Record<string, (x: number, value: number) => boolean>> = {
  BRANCH_LEQ: (x, value) => x <= value,
  BRANCH_LT: (x, value) => x < value,
  BRANCH_GTE: (x, value) => x >= value,
  BRANCH_GT: (x, value) => x > value,
  BRANCH_EQ: (x, value) => x === value,
  BRANCH_NEQ: (x, value) => x !== value,
};

export interface Vote {
  readonly target: number;
  readonly weight: number;
}

export interface Forest {
  readonly trees: number;
  /** the votes of the leaves that a sample reaches, tree by tree */
  votes(features: ArrayLike<number>, at: number): readonly (readonly Vote[])[];
}

/** Reads the trees; `prefix` is "class" or "target", by which the votes' attributes are named. */
export function readForest(attributes: AttributeReader, prefix: "class" | "target"): Forest {
  const treeIds = attributes.ints("nodes_treeids") ?? [];
  const nodeIds = attributes.ints("nodes_nodeids") ?? [];
  const features = attributes.ints("nodes_featureids") ?? [];
  const modes = attributes.strings("nodes_modes") ?? [];
  const values = floatsOrTensor(attributes, "nodes_values");
  const trueIds = attributes.ints("nodes_truenodeids") ?? [];
  const falseIds = attributes.ints("nodes_falsenodeids") ?? [];
  const missing = attributes.ints("nodes_missing_value_tracks_true") ?? [];
  const place = new Map<string, number>(treeIds.map((tree, i) => [`${tree}/${nodeIds[i]}`, i]));
  const roots = new Map<number, number>();
  for (const [i, tree] of treeIds.entries()) if (!roots.has(tree)) roots.set(tree, i);
  const follow = (tree: number, id: number): number => {
    const at = place.get(`${tree}/${id}`);
    if (at === undefined) throw new GraphwrightError("attribute-range", `tree ${tree} has no node ${id}, to which one of its nodes leads.`);
    return at;
  };
  const tests = modes.map((mode) => {
    if (mode === "LEAF") return undefined;
    const test = compare[mode];
    if (!test) throw new GraphwrightError("attribute-range", `"${mode}" is not a comparison of tree nodes.`);
    return test;
  });
  const whenTrue = treeIds.map((tree, i) => (tests[i] ? follow(tree, trueIds[i]!) : -1));
  const whenFalse = treeIds.map((tree, i) => (tests[i] ? follow(tree, falseIds[i]!) : -1));
  const votes: Vote[][] = treeIds.map(() => []);
  const voteTrees = attributes.ints(`${prefix}_treeids`) ?? [];
  const voteNodes = attributes.ints(`${prefix}_nodeids`) ?? [];
  const voteTargets = attributes.ints(`${prefix}_ids`) ?? [];
  const weights = floatsOrTensor(attributes, `${prefix}_weights`);
  for (const [i, tree] of voteTrees.entries()) votes[follow(tree, voteNodes[i]!)]!.push({ target: voteTargets[i]!, weight: weights[i]! });
  const leafOf = (root: number, x: ArrayLike<number>, at: number): number => {
    let node = root;
    for (let steps = 0; steps <= treeIds.length; steps++) {
      const test = tests[node];
      if (!test) return node;
      const value = x[at + features[node]!]!;
      const holds = test(value, values[node]!) || (missing[node] === 1 && Number.isNaN(value));
      node = (holds ? whenTrue : whenFalse)[node]!;
    }
    throw new GraphwrightError("attribute-range", "the nodes of a tree lead in a circle.");
  };
  return { trees: roots.size, votes: (x, at) => [...roots.values()].map((root) => votes[leafOf(root, x, at)]!) };
}

/** Combines the votes for each of `targets` results: SUM, AVERAGE (over trees), MIN or MAX; 0 where there are none. */
export function aggregate(votes: readonly (readonly Vote[])[], targets: number, how: string): number[] {
  const out = new Array<number>(targets).fill(0);
  const seen = new Array<boolean>(targets).fill(false);
  for (const tree of votes)
    for (const { target, weight } of tree) {
      if (how === "MIN" || how === "MAX") out[target] = seen[target] ? Math[how === "MIN" ? "min" : "max"](out[target]!, weight) : weight;
      else out[target]! += weight;
      seen[target] = true;
    }
  return how === "AVERAGE" ? out.map((sum) => sum / votes.length) : out;
}
