import type { Attribute } from "../ir/attribute.ts";
import type { ElementType } from "../ir/element-type.ts";
import type { OperatorNode, RegionId, ValueRef } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { InferContext, InferredOutput } from "../ir/type-rules.ts";
import type { ValueType } from "../ir/value-type.ts";
import type { Task } from "../support/task.ts";
import type { Control } from "../tensor/control.ts";
import type { Lowering, LoweringAttributes } from "../tensor/lowering.ts";

/** A runtime value: what an edge carries when a graph is evaluated. */
export type Value =
  | Tensor
  | { readonly kind: "sequence"; readonly items: readonly Value[]; readonly of?: ValueType }
  | { readonly kind: "optional"; readonly value: Value | null; readonly of?: ValueType }
  | { readonly kind: "map"; readonly entries: ReadonlyMap<string | bigint, Value>; readonly key: ElementType }
  | { readonly kind: "sparse"; readonly values: Tensor; readonly indices: Tensor; readonly dims: readonly number[] };

export const isTensor = (value: Value | null | undefined): value is Tensor => !!value && "data" in value;

/** One formal input or output. */
export interface ParameterInfo {
  readonly name: string;
  readonly doc: string;
  /** type variable of `types`, or a type, as in the specification: "T", "tensor(int64)" */
  readonly type: string;
  readonly presence?: "required" | "optional" | "variadic";
}

export interface AttributeInfo {
  readonly kind: Exclude<Attribute["kind"], "ref" | "bytes"> | "graph";
  readonly doc: string;
  readonly required?: boolean;
  /** the value taken when the attribute is absent */
  readonly fallback?: number | bigint | string | readonly (number | string)[];
}

/** Typed access to a node's attributes, with the schema's defaults; unlike a lowering, also as they are. */
export interface AttributeReader extends LoweringAttributes {
  raw(name: string): Attribute | undefined;
}

/** What an evaluation may ask of its surroundings. */
export interface EvaluateContext {
  readonly node: OperatorNode;
  readonly attributes: AttributeReader;
  readonly task: Task;
  /** Number of outputs the node lists; an output with an empty name is not wanted. */
  readonly outputCount: number;
  wanted(output: number): boolean;
  /** Runs one of the node's bodies (If, Loop, Scan, fused groups) with these parameter values. */
  runBody(name: string, parameters: readonly Value[]): Value[];
  /** Seed of the run, for operators that draw random numbers and carry no seed of their own. */
  readonly seed: number;
}

/** Work of one node, for the cost strip. FLOPs count a multiply-add as two. */
export interface Cost {
  readonly flops: number;
}

export interface CostContext {
  readonly attributes: AttributeReader;
  readonly inputs: readonly ValueType[];
  readonly outputs: readonly ValueType[];
}

/**
 * A node in the form of one version of its operator, on its way to the newest form or back. Importers build it from
 * the file; `upgrade` steps change it.
 */
export interface RawNode {
  op: string;
  domain: string;
  name: string;
  inputs: (ValueRef | null)[];
  attributes: Record<string, Attribute>;
  regions: Record<string, RegionId>;
  outputs: string[];
}

/** Lets an `upgrade` or `downgrade` step look at inputs and add constants or nodes around the one it changes. */
export interface ConversionContext {
  type(ref: ValueRef | null | undefined): ValueType;
  /** the elements of a constant input, or undefined when it is computed */
  constant(ref: ValueRef | null | undefined): Tensor | undefined;
  /** adds a constant and gives its value */
  addConstant(tensor: Tensor, nameHint: string): ValueRef;
  /** adds a helper node before the converted one and gives its first output */
  addNode(op: string, inputs: (ValueRef | null)[], attributes?: Record<string, Attribute>, nameHint?: string): ValueRef;
}

/** One version of an operator's schema. Entries go from the oldest to the newest; the IR holds the newest form. */
export interface OperatorVersion {
  /** the operator-set version that introduced this form */
  readonly since: number;
  /** what changed, in a few words */
  readonly change?: string;
  /**
   * Turns a node of this form into the next newer form, in place. Absent when a node of this form is also a valid
   * node of the next. Throws GraphwrightError "version-semantics" when the older meaning cannot be said in the newer form.
   */
  readonly upgrade?: (node: RawNode, context: ConversionContext) => void;
  /**
   * Turns a node of the next newer form into this one, in place, or gives the reason why this form cannot hold it.
   * Absent when every node that uses nothing new is valid as it is; return undefined when done.
   */
  readonly downgrade?: (node: RawNode, context: ConversionContext) => string | undefined;
  /** types that this version is the first to allow, as in `types`: "tensor(bfloat16)" */
  readonly allows?: readonly string[];
  /** no such operator from this version on */
  readonly removed?: boolean;
}

export interface OperatorDefinition {
  /** "" is ai.onnx */
  readonly domain: string;
  readonly op: string;
  readonly versions: readonly OperatorVersion[];
  /** one sentence in our own words */
  readonly summary: string;
  /** what a reader needs beyond the summary: formula, edge cases, source */
  readonly doc?: string;
  /** hue class in the window */
  readonly family: OperatorFamily;
  readonly inputs: readonly ParameterInfo[];
  readonly outputs: readonly ParameterInfo[];
  readonly attributes?: Readonly<Record<string, AttributeInfo>>;
  /** allowed types by type variable */
  readonly types?: Readonly<Record<string, readonly string[]>>;
  /** true when equal inputs need not give equal outputs (random numbers): never folded or merged */
  readonly nondeterministic?: boolean;
  /** Shape and type inference: one entry an output. */
  readonly infer: (context: InferContext, node: OperatorNode, attributes: AttributeReader) => readonly InferredOutput[];
  /** Values of all outputs; null for an output that is not wanted. Throws GraphwrightError on inputs the schema forbids. */
  readonly evaluate?: (inputs: readonly (Value | null)[], context: EvaluateContext) => readonly (Value | null)[];
  readonly cost?: (context: CostContext) => Cost;
  /** Loop nests for the operator with static shapes. */
  readonly lower?: Lowering;
  /** What an operator with bodies does with them, for generated code. */
  readonly control?: Control;
}

export type OperatorFamily =
  | "linear"
  | "normalization"
  | "activation"
  | "pooling"
  | "elementwise"
  | "reduction"
  | "shape"
  | "quantization"
  | "control"
  | "sequence"
  | "text"
  | "random"
  | "ml"
  | "training"
  | "fused"
  | "custom";

export const defineOperator = (definition: OperatorDefinition): OperatorDefinition => Object.freeze(definition);
