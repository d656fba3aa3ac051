import type { OperatorNode } from "../ir/graph.ts";
import type { Value } from "../ops/index.ts";

/** Runs some nodes in another way than by their operator's own evaluation. */
export interface Accelerator {
  /** the node's outputs for these inputs, or undefined to leave it to its operator's own evaluation */
  run(node: OperatorNode, inputs: readonly (Value | null)[]): readonly (Value | null)[] | undefined;
}
