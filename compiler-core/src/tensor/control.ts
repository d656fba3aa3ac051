import type { OperatorNode } from "../ir/graph.ts";
import type { TensorType, ValueType } from "../ir/value-type.ts";
import type { LoweringAttributes } from "./lowering.ts";

/** What a node with bodies does when it runs, in terms that lowering knows. Numbers are positions among the node's inputs and outputs, and a body's parameters and results. */
export type ControlForm = BranchForm | TurnForm;

/** One of two bodies runs; its results are the node's outputs. */
export interface BranchForm {
  readonly kind: "branches";
  /** the input whose one element chooses */
  readonly condition: number;
  /** attributes of the bodies */
  readonly bodies: readonly [whenTrue: string, whenFalse: string];
}

/** A body runs turn after turn. A turn runs while the count is below the limit and the condition holds. */
export interface TurnForm {
  readonly kind: "turns";
  /** attribute of the body */
  readonly body: string;
  /** an input with the largest number of turns, or that number; without it only the condition ends the turns */
  readonly limit?: { readonly input: number } | { readonly count: number };
  /** input: does the first turn run? result: does another follow? */
  readonly condition?: { readonly input?: number; readonly parameter: number; readonly result: number };
  /** parameter that is the number of the turn, from 0 */
  readonly counter?: number;
  readonly states: readonly { readonly input: number; readonly parameter: number; readonly result: number; readonly output: number }[];
  /** inputs that are cut along an axis, a slice a turn */
  readonly slices: readonly { readonly input: number; readonly parameter: number; readonly axis: number; readonly reversed: boolean }[];
  /** results that are stacked along a new axis */
  readonly stacks: readonly { readonly result: number; readonly output: number; readonly axis: number; readonly reversed: boolean }[];
}

export interface ControlContext {
  readonly node: OperatorNode;
  readonly attributes: LoweringAttributes;
  inputType(index: number): ValueType;
}

/** How an operator says its form. Throws "not-lowered" with the reason for what has none. */
export type Control = (context: ControlContext) => ControlForm;

export const rankOf = (type: ValueType): number => ((type as TensorType).shape ?? []).length;
