import type { ConstantValue } from "../ir/constant.ts";
import type { Dim } from "../ir/dim.ts";
import type { ConstantNode, Graph, Node, NodeId, OperatorNode, ValueRef } from "../ir/graph.ts";
import type { Rewriter } from "../ir/rewriter.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { ValueType } from "../ir/value-type.ts";
import type { AttributeReader, OperatorDefinition } from "../ops/definition.ts";

/**
 * - exact: the same bits
 * - reassociates: equal up to the order and rounding of floating-point operations
 * - approximates: changes the function; opt-in only
 */
export type Exactness = "exact" | "reassociates" | "approximates";

export type PreconditionState = "satisfied" | "failed" | "unknown";

/** The answer to one precondition at one place. */
export interface PreconditionResult {
  /** the precondition's name, as in the definition */
  readonly name: string;
  readonly state: PreconditionState;
  /** the value that decided it, in words: "add_3 also uses the output" */
  readonly detail?: string;
  /** an edit that would enable the rewrite, where there is one */
  readonly enable?: string;
  /** nodes the detail speaks of */
  readonly nodes?: readonly NodeId[];
}

export interface PreconditionInfo {
  readonly name: string;
  /** a full sentence: "The convolution's output is used once." */
  readonly doc: string;
  /** the person set this limit: places where it alone stands in the way are listed after a pipeline */
  readonly budget?: boolean;
}

/** More about the value that decided a precondition. */
export interface Because {
  readonly enable?: string;
  readonly nodes?: readonly NodeId[];
}

/** Read access for matching, on one version of a graph. All of it is cheap; `tensor` reads weights. */
export interface MatchContext {
  readonly graph: Graph;
  find(id: NodeId): OperatorNode | undefined;
  /** the operator node that makes `ref`, if its operator is one of `ops` (ai.onnx); any operator when none is named */
  producer(ref: ValueRef | null | undefined, ...ops: string[]): OperatorNode | undefined;
  type(ref: ValueRef | null | undefined): ValueType;
  shape(ref: ValueRef | null | undefined): readonly Dim[] | undefined;
  constant(ref: ValueRef | null | undefined): ConstantValue | undefined;
  /** the elements of a constant input */
  tensor(ref: ValueRef | null | undefined): Tensor | undefined;
  attributes(node: OperatorNode): AttributeReader;
  definition(node: OperatorNode): OperatorDefinition | undefined;
  /** the only user node of the value, if one node of the same region uses it once and it is no region output */
  onlyUser(ref: ValueRef): OperatorNode | undefined;
  /** whether the value is an output of a region */
  isResult(ref: ValueRef): boolean;
  /** operator nodes of the same operator with the same inputs, position by position, `node` included, ascending */
  alike(node: OperatorNode): readonly NodeId[];
  /** other constants of the same type and bits, ascending, found as they are asked for */
  identicalConstants(node: ConstantNode): Iterable<NodeId>;
  /** a value name that the graph does not have: `base`, or `base` with a number */
  freshName(base: string): string;
  /** whether at most one value of the graph and its bodies has this name */
  isUniqueName(name: string): boolean;
  /** how a person reads a value: its name, or its maker's */
  describe(ref: ValueRef): string;
  /**
   * States one precondition. All of them are stated in the order of the definition until one makes the next
   * impossible to ask. Details are worked out for the explain view only.
   */
  require(name: string, state: boolean | PreconditionState, detail?: string | (() => string), because?: Because | (() => Because)): boolean;
}

/**
 * Where a rewrite applies: the nodes that the pattern binds, root first, and whatever `rewrite` needs again.
 * A match is made from a graph version and is valid for that version only.
 */
export interface Match {
  readonly root: NodeId;
  /** every node the rewrite consumes or changes, root included */
  readonly nodes: readonly NodeId[];
  /** values whose meaning must stay the same: old value, for checking on the region */
  readonly bindings: Readonly<Record<string, unknown>>;
}

export interface RewriteExample {
  readonly title: string;
  /** text IR; weights as `random(seed)` where their values do not matter */
  readonly before: string;
  /** text IR after one application everywhere; the same text as `before` when the rewrite must not apply */
  readonly after: string;
  /** for an example where nothing must happen: the precondition that fails */
  readonly fails?: string;
  /** budgets and switches that differ from the defaults in this example */
  readonly options?: Partial<RewriteOptions>;
}

/** Budgets and switches that a pipeline sets. */
export interface RewriteOptions {
  /** bytes that one folded constant may grow beyond the constants it was made from */
  readonly foldGrowthBytes: number;
  /** only exact rewrites */
  readonly strict: boolean;
  /**
   * Operator set of ai.onnx up to which a rewrite may bring in newer operators than the model's own set has; an export
   * is then written for the lowest set that holds the result. The default, 20, has LayerNormalization, HardSwish, Mish
   * and Gelu, and runtimes since the end of 2023 read it. The model's own set, where higher, always counts.
   */
  readonly highestOpset: number;
  /** channels in a block, where values are laid out for kernels */
  readonly channelBlock: number;
  /** most outputs along one side of a Winograd tile: 4, 2, or 0 for direct convolutions only */
  readonly winograd: 0 | 2 | 4;
  /** outputs along one side of the tiles of each convolution, by its node, where that was chosen already; what is not named stays direct */
  readonly winogradAt?: ReadonlyMap<NodeId, number>;
  /** least size of a matrix product, the harmonic mean of its depth and columns, that is computed by seven products of halves; 0 for none */
  readonly strassen: number;
  /** axes (from the end) by which the rows of products are halved, by their nodes, where that was chosen already; what is not named is multiplied directly */
  readonly strassenAt?: ReadonlyMap<NodeId, number>;
  /** convolutions are padded by what they declare, also where an image of this size needs less: for images whose size is given at run time */
  readonly wholePads?: boolean;
  /** operators that the turns of one loop may have together once it is unrolled */
  readonly unrolledOperators: number;
  /** operators that the branches of one If may have together where both are computed */
  readonly bothBranches: number;
}

export const defaultOptions: RewriteOptions = { foldGrowthBytes: 64 * 1024, strict: false, highestOpset: 20, channelBlock: 16, winograd: 4, strassen: 280, unrolledOperators: 8192, bothBranches: 32 };

/** Constants can be roots too, under this name. */
export const constantRoot = "constant";

/**
 * One rewrite: a local, named, reversible change of the graph.
 * `match` looks at one root and calls `context.require` for every named precondition, in order, so that the same code
 * answers "does it apply?" and "why not here?". It returns bindings when everything holds, else undefined.
 * A root whose operator alone does not fit the pattern returns undefined before the first `require`.
 */
export interface RewriteDefinition<Root extends Node = OperatorNode | ConstantNode> {
  /** kebab-case field term, as "batch-norm-into-conv" */
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  /** why it helps */
  readonly why: string;
  readonly exactness: Exactness;
  /** what a rewrite that approximates may change a value by: a share of its largest magnitude, and for integers steps */
  readonly tolerance?: { readonly share: number; readonly steps?: number };
  /** operators (ai.onnx names, others with their domain, or "*" for any) whose nodes can be a root, or `constantRoot` */
  readonly roots: readonly string[];
  readonly preconditions: readonly PreconditionInfo[];
  // Methods, so that a rewrite whose roots are operators only may say so in its types.
  match(root: Root, context: MatchContext, options: RewriteOptions): Omit<Match, "root"> | undefined;
  rewrite(match: Match, rewriter: Rewriter, context: MatchContext, options: RewriteOptions): void;
  readonly examples: readonly RewriteExample[];
}

export const defineRewrite = <Root extends OperatorNode | ConstantNode = OperatorNode>(definition: RewriteDefinition<Root>): RewriteDefinition =>
  Object.freeze(definition) as RewriteDefinition;
