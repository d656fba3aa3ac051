import type { OperatorNode } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { TensorType } from "../ir/value-type.ts";
import type { Buffer, Statement } from "./program.ts";

/** What an operator's lowering may look at. Shapes are static: lowering of symbolic ones comes with an upper bound. */
export interface LoweringContext {
  readonly node: OperatorNode;
  /** buffers of the inputs; null for an omitted one */
  readonly inputs: readonly (Buffer | null)[];
  readonly outputs: readonly Buffer[];
  inputType(index: number): TensorType;
  outputType(index: number): TensorType;
  /** compile-time elements of an input (axes, pads, shapes) */
  constant(index: number): Tensor | undefined;
  /** a scratch buffer inside the program */
  local(name: string, element: Buffer["element"], dims: readonly number[]): Buffer;
}

/** Gives the loop nests, or throws GraphwrightError "not-lowered" with the reason. */
export type Lowering = (context: LoweringContext) => readonly Statement[];
