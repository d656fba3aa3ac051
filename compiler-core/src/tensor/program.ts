import type { ElementType } from "../ir/element-type.ts";

/**
 * Tensor programs: loop nests over buffers. An operator lowers to a `TensorProgram`; a schedule transforms it by
 * primitive steps; a backend only prints it. The shape follows TVM's TensorIR (Feng et al. 2023): a block has spatial
 * and reduce axes, reads and writes buffers, and its body is one store.
 */

/** A loop or axis variable. Identity is by object. */
export interface Variable {
  readonly kind: "variable";
  readonly name: string;
}

export type BinaryOp = "add" | "sub" | "mul" | "div" | "floordiv" | "floormod" | "min" | "max" | "pow" | "lt" | "le" | "eq" | "ne" | "gt" | "ge" | "and" | "or";
export type UnaryOp =
  | "neg" | "abs" | "exp" | "log" | "sqrt" | "rsqrt" | "tanh" | "sin" | "cos" | "tan" | "asin" | "acos" | "atan" | "sinh" | "cosh" | "asinh" | "acosh" | "atanh"
  | "erf" | "floor" | "ceil" | "round" | "not" | "isnan";

/** Index and value expressions. Integer expressions index; others compute elements. */
export type Expression =
  | Variable
  | { readonly kind: "integer"; readonly value: number }
  | { readonly kind: "number"; readonly value: number; readonly element: ElementType }
  | { readonly kind: "load"; readonly buffer: Buffer; readonly indices: readonly Expression[] }
  | { readonly kind: "binary"; readonly op: BinaryOp; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "unary"; readonly op: UnaryOp; readonly operand: Expression }
  | { readonly kind: "select"; readonly condition: Expression; readonly then: Expression; readonly otherwise: Expression }
  | { readonly kind: "cast"; readonly element: ElementType; readonly operand: Expression };

/** A dense row-major array. `scope` says who owns it. */
export interface Buffer {
  readonly name: string;
  readonly element: ElementType;
  readonly dims: readonly number[];
  readonly scope: "input" | "output" | "weight" | "local";
}

export interface Axis {
  readonly variable: Variable;
  readonly extent: number;
  readonly kind: "spatial" | "reduce";
}

export type LoopKind = "serial" | "unrolled" | "vectorized" | "parallel";

export type Statement =
  | { readonly kind: "for"; readonly variable: Variable; readonly extent: number; readonly mode: LoopKind; readonly body: readonly Statement[] }
  | { readonly kind: "if"; readonly condition: Expression; readonly then: readonly Statement[]; readonly otherwise?: readonly Statement[] }
  | Block
  | { readonly kind: "store"; readonly buffer: Buffer; readonly indices: readonly Expression[]; readonly value: Expression }
  | { readonly kind: "allocate"; readonly buffer: Buffer };

/**
 * A unit of computation: for each point of its axes, one store (or an update of a reduction). `init` runs before the
 * first point of the reduce axes. `bindings` gives each axis as an expression of the loops around the block.
 */
export interface Block {
  readonly kind: "block";
  readonly name: string;
  readonly axes: readonly Axis[];
  readonly bindings: readonly Expression[];
  readonly init?: readonly Statement[];
  readonly body: readonly Statement[];
}

/** A function over buffers: inputs, weights, then outputs, in order. */
export interface TensorProgram {
  readonly name: string;
  readonly parameters: readonly Buffer[];
  readonly body: readonly Statement[];
}
