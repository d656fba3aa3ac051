import type { ElementType } from "../ir/element-type.ts";
import type { Layout } from "./layout.ts";

/**
 * Tensor programs: loop nests over buffers. An operator lowers to a `TensorProgram`; a schedule transforms it by
 * primitive steps; a backend only prints it. The shape follows TVM's TensorIR (Feng et al. 2023): a block has spatial
 * and reduce axes, reads and writes buffers, and its body is one store.
 */

/** A loop or axis variable. Identity is by object; within a program, names are unique too. */
export interface Variable {
  readonly kind: "variable";
  readonly name: string;
  /** a size of the model that is given at run time: an integer from 1 to this */
  readonly max?: number;
}

/**
 * `min` and `max` of floats give not-a-number when an operand is one; `floordiv` and `floormod` round towards minus
 * infinity; `div` of integers rounds towards zero; `fmod` has the sign of the dividend; `shl` and `shr` by the width or more give 0.
 */
export type BinaryOp =
  | "add" | "sub" | "mul" | "div" | "floordiv" | "floormod" | "fmod" | "min" | "max" | "pow"
  | "bitand" | "bitor" | "bitxor" | "shl" | "shr"
  | "lt" | "le" | "eq" | "ne" | "gt" | "ge" | "and" | "or" | "xor";
export type UnaryOp =
  | "neg" | "abs" | "exp" | "log" | "sqrt" | "rsqrt" | "tanh" | "sin" | "cos" | "tan" | "asin" | "acos" | "atan" | "sinh" | "cosh"
  | "asinh" | "acosh" | "atanh" | "erf" | "floor" | "ceil" | "round" | "trunc" | "bitnot" | "not" | "isnan" | "isinf";

/** What an expression computes: an element, or an index (a signed integer as wide as an address). */
export type ExpressionType = ElementType | "index";

/** Index and value expressions. Integer expressions index; others compute elements. */
export type Expression =
  | Variable
  | { readonly kind: "integer"; readonly value: number }
  /** `exact` is the value of a 64-bit integer beyond 2^53, which `value` is only near to */
  | { readonly kind: "number"; readonly value: number; readonly element: ElementType; readonly exact?: bigint }
  | { readonly kind: "load"; readonly buffer: Buffer; readonly indices: readonly Expression[] }
  | { readonly kind: "binary"; readonly op: BinaryOp; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "unary"; readonly op: UnaryOp; readonly operand: Expression }
  | { readonly kind: "select"; readonly condition: Expression; readonly then: Expression; readonly otherwise: Expression }
  /** To an integer type: truncates. To bool: "not zero". To "index": an integer element used as an index. */
  | { readonly kind: "cast"; readonly element: ExpressionType; readonly operand: Expression };

/**
 * A dense row-major array. `scope` says who owns it: the caller (input, output, weight, scratch: uninitialized memory
 * of the arena), or the program (local: registers or stack).
 */
export interface Buffer {
  readonly name: string;
  readonly element: ElementType;
  /** with sizes of run time: at most */
  readonly dims: readonly number[];
  /** the shape as it is at run time, where it depends on sizes: expressions over them. The caller's arrays are dense in this shape. */
  readonly shape?: readonly Expression[];
  readonly scope: "input" | "output" | "weight" | "scratch" | "local";
  /** a local table of constants: it is read only */
  readonly values?: readonly number[];
  /** a weight laid out anew before the program runs: its dimensions before, and what each of `dims` takes of them */
  readonly packed?: { readonly dims: readonly number[]; readonly layout: Layout };
}

export interface Axis {
  readonly variable: Variable;
  readonly extent: number;
  readonly kind: "spatial" | "reduce";
}

/**
 * "worker": the iterations are shares of the work, one for each worker; "parallel": as many at a time as there are threads.
 * "dot": the terms of a dot product that one instruction sums up in each lane of a vector.
 * "transposed": a loop and the only one in it, the rows and columns of a tile that is copied through registers.
 */
export type LoopKind = "serial" | "unrolled" | "vectorized" | "parallel" | "worker" | "dot" | "transposed";

export interface Loop {
  readonly kind: "for";
  readonly variable: Variable;
  /** with sizes of run time: at most */
  readonly extent: number;
  /** how many iterations there are, where that depends on sizes: an expression over them, from 0 to `extent` */
  readonly count?: Expression;
  readonly mode: LoopKind;
  readonly body: readonly Statement[];
  /** a hint, given last of all steps: lines of the caches to ask for in each iteration, from an element on that may lie behind the buffer */
  readonly prefetch?: { readonly buffer: Buffer; readonly index: Expression; readonly lines: number };
}

export interface Store {
  readonly kind: "store";
  readonly buffer: Buffer;
  readonly indices: readonly Expression[];
  readonly value: Expression;
}

export interface Guard {
  readonly kind: "if";
  readonly condition: Expression;
  readonly then: readonly Statement[];
  readonly otherwise?: readonly Statement[];
}

export interface Allocate {
  readonly kind: "allocate";
  readonly buffer: Buffer;
}

/**
 * A unit of computation: for each point of its axes, one store (or an update of a reduction). `init` runs at the
 * points where every reduce axis is 0. `bindings` gives each axis as an expression of the loops around the block.
 */
export interface Block {
  readonly kind: "block";
  readonly name: string;
  readonly axes: readonly Axis[];
  readonly bindings: readonly Expression[];
  readonly init?: readonly Statement[];
  readonly body: readonly Statement[];
}

export type Statement = Loop | Guard | Block | Store | Allocate;

/** A function over buffers: inputs and weights in the operator's order, then outputs, then scratch. */
export interface TensorProgram {
  readonly name: string;
  readonly parameters: readonly Buffer[];
  readonly body: readonly Statement[];
}
