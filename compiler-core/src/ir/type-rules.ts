import type { Diagnostic } from "../support/diagnostic.ts";
import type { ConstantValue } from "./constant.ts";
import type { Dim } from "./dim.ts";
import type { FunctionDefinition, Node, NodeId, OperatorNode, Region, RegionId, ValueRef } from "./graph.ts";
import type { ValueType } from "./value-type.ts";

/** What inference says of one output. */
export interface InferredOutput {
  readonly type: ValueType;
  /** the elements of a small integer tensor, where shape arithmetic knows them */
  readonly known?: readonly Dim[];
}

/** Read access to the graph as edited so far, for rules that follow calls into function bodies. */
export interface GraphView {
  node(id: NodeId): Node;
  region(id: RegionId): Region;
  /** nodes directly in a region, producers before users */
  members(region: RegionId): readonly NodeId[];
  functionOf(node: OperatorNode): FunctionDefinition | undefined;
}

export interface InferContext {
  /** type of input `index`; unknown when omitted */
  type(index: number): ValueType;
  /** compile-time value of input `index` */
  constant(index: number): ConstantValue | undefined;
  /** elements of a small integer input (constant, or known by shape arithmetic) as dimensions */
  known(index: number): readonly Dim[] | undefined;
  typeOf(ref: ValueRef | null): ValueType;
  /** Sets a body's parameter types, infers its nodes, and gives the types of its results. */
  inferBody(region: RegionId, parameters: readonly InferredOutput[]): readonly InferredOutput[];
  /** The same without writing to the graph: loops look for types that hold in every turn before they set any. */
  tryBody?(region: RegionId, parameters: readonly InferredOutput[]): readonly InferredOutput[];
  /** version of the node's operator set, from the model */
  readonly opset: number;
  /** Notes a contradiction; inference goes on. */
  report(diagnostic: Diagnostic): void;
  readonly graph?: GraphView;
}

/** Type and shape inference for operators: given to the Rewriter so that the IR does not depend on the operators. */
export interface TypeRules {
  /** One entry an output. Unknown operators give unknown types. */
  infer(node: OperatorNode, context: InferContext): readonly InferredOutput[];
}
