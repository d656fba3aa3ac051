import type { OperatorNode } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { TensorType } from "../ir/value-type.ts";
import type { Buffer, Statement } from "./program.ts";

/** The attributes of a node as a lowering reads them, with the schema's defaults. */
export interface LoweringAttributes {
  has(name: string): boolean;
  int(name: string, fallback?: number): number;
  /** undefined when absent and without a default */
  optionalInt(name: string): number | undefined;
  float(name: string, fallback?: number): number;
  optionalFloat(name: string): number | undefined;
  string(name: string, fallback?: string): string;
  ints(name: string): number[] | undefined;
  floats(name: string): number[] | undefined;
  strings(name: string): readonly string[] | undefined;
  tensor(name: string): Tensor | undefined;
}

/** What an operator's lowering may look at. Shapes are static; for sizes of the run it is asked at several of them, and its programs are generalized. */
export interface LoweringContext {
  readonly node: OperatorNode;
  readonly attributes: LoweringAttributes;
  /** buffers of the inputs; null for an omitted one. Small floats are seen as float32, integers of less than 8 bits as int8 or uint8: they are converted where they are read and written. */
  readonly inputs: readonly (Buffer | null)[];
  /** buffers of the outputs; null for one that nobody asked for */
  readonly outputs: readonly (Buffer | null)[];
  inputType(index: number): TensorType;
  outputType(index: number): TensorType;
  /** compile-time elements of an input (axes, pads, shapes) */
  constant(index: number): Tensor | undefined;
  /** a buffer inside the program, already allocated for the statements; large ones become scratch memory of the caller */
  local(name: string, element: Buffer["element"], dims: readonly number[]): Buffer;
  /** a buffer of constants inside the program: precomputed weights, places, windows */
  table(name: string, element: Buffer["element"], dims: readonly number[], values: readonly number[]): Buffer;
}

/**
 * Says that two of a node's buffers may be one piece of memory: `part` lies in `whole` at an element offset.
 * A reshape's output lies in its input; a concatenation's inputs lie in its output. Where the planner arranges all of
 * a node's views, the node needs no code at all.
 */
export interface View {
  readonly part: { readonly input: number } | { readonly output: number };
  readonly whole: { readonly input: number } | { readonly output: number };
  /** in elements */
  readonly offset: number;
}

export interface Lowering {
  /** Gives the loop nests, or throws GraphwrightError "not-lowered" with the reason. */
  readonly build: (context: LoweringContext) => readonly Statement[];
  /** memory the planner may share, empty when it may not */
  readonly views?: (context: LoweringContext) => readonly View[];
  /** inputs that are read at compile time only (shapes, axes): they need no memory when constant */
  readonly compileTimeInputs?: readonly number[];
  /** Inputs and outputs are seen as the bytes of their elements: what is moved whatever it means. */
  readonly bytes?: boolean;
}
