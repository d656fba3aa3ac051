/**
 * What the window and the command line may ask of the compiler, as plain data that crosses a worker boundary.
 * Each method of `SessionApi` takes one parameter object and a `Task` (progress and cancel), and gives a promise.
 * A failure is a GraphwrightError; its `diagnostic` crosses the boundary. A cancelled method leaves everything as it was.
 */
import type { MeasuredVariant, TuningEntry, TuningLayer, TuningMachine } from "../tuner/index.ts";
import type { BlobSource, SiblingFiles } from "../support/blob.ts";
import type { Diagnostic } from "../support/diagnostic.ts";
import type { StringColumn } from "../support/string-table.ts";
import type { Task } from "../support/task.ts";
import type { ElementType } from "../ir/element-type.ts";
import type { NodeId, RegionId } from "../ir/graph.ts";
import type { LineageTable } from "../ir/lineage-table.ts";
import type { StepId } from "../ir/timeline.ts";
import type { OperatorFamily } from "../ops/definition.ts";
import type { Exactness, PreconditionResult, PreconditionState } from "../passes/definition.ts";
import type { ArgumentKind } from "../tensor/schedule/primitive.ts";
import type { Recipe, RecipeFailure, RecipeSite, RecipeStep } from "../passes/recipe.ts";

export type ModelId = string;

/** Totals of one step. FLOPs count a multiply-add as two; undefined where a shape is unknown. */
export interface CostView {
  /** operator nodes, constants not counted; a fused group is one */
  readonly nodes: number;
  readonly flops: number;
  /** nodes whose FLOPs are unknown (no shape, or no formula) */
  readonly flopsUnknown: number;
  /** elements and bytes of all constants in use */
  readonly parameters: number;
  readonly weightBytes: number;
  /** largest sum of live activations in execution order; undefined where a shape is not static */
  readonly peakBytes?: number;
}

export interface ValueView {
  readonly name: string;
  /** text form, as "float32[1, 3, 224, 224]" */
  readonly type: string;
}

export interface ModelSummary {
  readonly format: string;
  readonly name: string;
  readonly fileBytes: number;
  readonly irVersion: number;
  readonly opsets: Readonly<Record<string, number>>;
  readonly producer: string;
  readonly doc: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly inputs: readonly ValueView[];
  readonly outputs: readonly ValueView[];
  readonly operators: readonly { readonly op: string; readonly count: number }[];
  readonly cost: CostView;
}

export interface CheckView {
  /** identical bits; equal up to rounding; different; or not checked, with the reason in `note` */
  readonly verdict: "identical" | "rounding" | "different" | "not-checked";
  readonly maxAbs: number;
  readonly maxRel: number;
  readonly maxUlp: number;
  /** where the largest error stands */
  readonly worst?: { readonly output: string; readonly index: readonly number[]; readonly a: number; readonly b: number };
  /** input sets tried */
  readonly runs: number;
  readonly note: string;
  readonly scope: "region" | "model";
  /** what ran how; absent where there was too little work for WebAssembly to pay: the operators' own evaluation ran all */
  readonly engine?: EngineReport;
}

export interface StepView {
  readonly id: StepId;
  readonly parent: StepId | null;
  readonly pass: string;
  readonly rewrite: string;
  /** name of the node that the rewrite was applied at */
  readonly site: string;
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  readonly cost: CostView;
  readonly check?: CheckView;
}

/** One pass of a pipeline run, also when it changed nothing. */
export interface PassRunView {
  readonly pass: string;
  /** steps from..to (exclusive..inclusive); equal when nothing changed */
  readonly from: StepId;
  readonly to: StepId;
  readonly applied: number;
  readonly milliseconds: number;
  /** what was skipped and why: budgets, switches, missing evaluators */
  readonly notes: readonly string[];
  /** it was stopped before it had done everything */
  readonly stopped?: boolean;
  /** position in the timeline's runs of the one that it followed: which runs a branch is made of */
  readonly previous: number | null;
  readonly error?: Diagnostic;
}

export interface TimelineView {
  readonly head: StepId;
  readonly steps: readonly StepView[];
  /** the steps on the current branch, oldest first, including those that redo would visit */
  readonly branch: readonly StepId[];
  readonly runs: readonly PassRunView[];
}

export interface OpenResult {
  readonly model: ModelId;
  readonly summary: ModelSummary;
  readonly timeline: TimelineView;
  readonly diagnostics: readonly Diagnostic[];
}

export type Mark = "added" | "removed" | "changed" | "unchanged";

/** An input as the canvas needs it. Constants are not nodes of their own: they ride on the edge's target. */
export interface InputView {
  /** the schema's name, as "W" */
  readonly label: string;
  /** the value's name in the model */
  readonly name: string;
  readonly type: string;
  /** the producing node and output; absent for an omitted input */
  readonly from?: NodeId;
  readonly output?: number;
  readonly constant?: { readonly bytes: number; /** the value, when it is one element */ readonly scalar?: number | string };
  /** the producer lies in an enclosing region */
  readonly captured?: boolean;
}

export interface NodeView {
  readonly id: NodeId;
  readonly kind: "parameter" | "operator" | "fused";
  readonly op: string;
  readonly domain: string;
  readonly family: OperatorFamily | "parameter";
  readonly name: string;
  /** the attributes that tell this node from its like, short: "3×3, stride 2" */
  readonly detail: string;
  /** name-scope path, outermost first, without the node's own name: ["block1", "conv"] */
  readonly scope: readonly string[];
  readonly region: RegionId;
  readonly inputs: readonly InputView[];
  readonly outputs: readonly ValueView[];
  readonly bodies: readonly { readonly name: string; readonly region: RegionId }[];
  /** what a fused group is made of, in order: ["Conv", "Add", "Relu"] */
  readonly parts: readonly string[];
  readonly flops?: number;
  readonly outputBytes?: number;
  readonly weightBytes: number;
  /** only in a comparison of two steps */
  readonly mark?: Mark;
}

/** A node that a search found. */
export interface SearchHit {
  readonly id: NodeId;
  readonly op: string;
  readonly name: string;
  readonly family: OperatorFamily | "parameter";
  /** of the first output */
  readonly type: string;
  readonly mark?: Mark;
}

/** A term that cannot match: a state, an operator or an attribute that no node has. */
export interface SearchProblem {
  readonly kind: "is" | "has" | "rewrite" | "attribute" | "op";
  readonly term: string;
  readonly known: readonly string[];
  /** what may have been meant instead, the nearest first, as terms: "is:fused" */
  readonly meant: readonly string[];
}

/** What may stand for the last term, and how many nodes have it. */
export interface SearchSuggestion {
  readonly text: string;
  readonly count?: number;
}

export interface SearchResult {
  /** all that match */
  readonly count: number;
  /** which of them `nodes` begins with */
  readonly offset: number;
  readonly nodes: readonly SearchHit[];
  readonly problems: readonly SearchProblem[];
  readonly suggestions: readonly SearchSuggestion[];
}

export interface RegionView {
  readonly id: RegionId;
  readonly owner: NodeId | null;
  readonly name: string;
  readonly parameters: readonly NodeId[];
  readonly outputs: readonly { readonly name: string; readonly type: string; readonly from: NodeId; readonly output: number }[];
}

/**
 * What the canvas draws for a step, nodes in topological order. With a base step, the union of both: nodes that only
 * the base has are there too, marked removed, with their inputs as they were.
 */
export interface GraphView {
  readonly model: ModelId;
  readonly step: StepId;
  readonly base?: StepId;
  readonly nodes: readonly NodeView[];
  readonly regions: readonly RegionView[];
  /** for layouts that keep their place: what each new node came from, when there is a base */
  readonly lineage: readonly (readonly [node: NodeId, from: readonly NodeId[]])[];
}

/**
 * `GraphView` in columns, for graphs of any size: typed arrays are handed from worker to worker, and nobody makes an
 * object for a node that is not looked at. Row i is a node, in topological order; names of columns that hold numbers of
 * strings are marked (s). FLOPs are not here: `metric` gives them when they are asked for.
 */
export interface GraphTable {
  readonly model: ModelId;
  readonly step: StepId;
  readonly base?: StepId;
  readonly strings: StringColumn;
  readonly ids: Int32Array;
  /** index in `nodeKinds` */
  readonly kinds: Uint8Array;
  /** (s) */
  readonly ops: Uint32Array;
  /** (s) */
  readonly domains: Uint32Array;
  /** (s) */
  readonly families: Uint32Array;
  /** (s) */
  readonly names: Uint32Array;
  /** (s) */
  readonly details: Uint32Array;
  /** (s) name-scope path, parts separated by "/" */
  readonly scopes: Uint32Array;
  readonly regions: Int32Array;
  /** index in `marks`; 0 where nothing is compared */
  readonly marks: Uint8Array;
  /** bytes of all outputs; NaN when unknown */
  readonly outputBytes: Float64Array;
  readonly weightBytes: Float64Array;
  /** inputs of row i: inputStart[i] .. inputStart[i + 1] */
  readonly inputStart: Uint32Array;
  readonly inputs: {
    /** (s) the schema's name, as "W" */
    readonly labels: Uint32Array;
    /** (s) the value's name */
    readonly names: Uint32Array;
    /** (s) */
    readonly types: Uint32Array;
    /** the producing node, -1 for an omitted input */
    readonly from: Int32Array;
    readonly outputs: Uint16Array;
    /** 1: constant, 2: captured from an enclosing region, 4: the constant is one element, whose text is in `scalars` */
    readonly flags: Uint8Array;
    /** (s) */
    readonly scalars: Uint32Array;
  };
  readonly outputStart: Uint32Array;
  readonly outputs: {
    /** (s) */
    readonly names: Uint32Array;
    /** (s) */
    readonly types: Uint32Array;
  };
  /** rows with bodies, and what fused groups are made of */
  readonly bodies: readonly { readonly row: number; readonly name: string; readonly region: RegionId }[];
  readonly parts: readonly { readonly row: number; readonly ops: readonly string[] }[];
  /** rows that a message of the import names, or whose making failed its numerical check */
  readonly problems: readonly { readonly row: number; readonly message: string }[];
  readonly regionViews: readonly RegionView[];
  readonly lineage: readonly (readonly [node: NodeId, from: readonly NodeId[]])[];
}
/** values of `GraphTable.kinds` */
export type NodeKind = NodeView["kind"];

/** A number for some nodes of a step: what heat colours and sorting are made of. NaN where there is none. */
export interface MetricView {
  readonly nodes: Int32Array;
  readonly values: Float64Array;
}

export interface TextView {
  readonly text: string;
  /** 1-based first and last line of each node */
  readonly lines: readonly (readonly [node: NodeId, first: number, last: number])[];
}

/** The texts of two steps; of long ones the places that differ, with some lines around. */
export interface TextDiffView {
  readonly before: TextView & { readonly numbers?: readonly number[] };
  readonly after: TextView & {
    /** the line of the whole text that each line is; 0 for a line that stands for the equal ones left out. Undefined: all lines are there */
    readonly numbers?: readonly number[];
  };
  /** places that differ, and how many of them are given; undefined where the texts are whole */
  readonly places?: number;
  readonly shown?: number;
}

export interface AttributeView {
  readonly name: string;
  readonly value: string;
  /** taken from the schema because the node does not say */
  readonly isDefault: boolean;
  readonly doc: string;
}

export interface LineageView {
  readonly id: NodeId;
  readonly label: string;
  readonly alive: boolean;
}

export interface NodeDetail {
  readonly node: NodeView;
  /** messages of the import that name it, and a numerical check that what made it failed */
  readonly problems: readonly Diagnostic[];
  readonly doc: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly attributes: readonly AttributeView[];
  readonly operator?: { readonly summary: string; readonly doc: string; readonly since: readonly number[]; readonly inputs: readonly { name: string; doc: string }[]; readonly outputs: readonly { name: string; doc: string }[] };
  readonly users: readonly { readonly node: NodeId; readonly label: string; readonly input: number; readonly output: number }[];
  /** nodes of the imported model that this one came from (constants too) */
  readonly origins: readonly LineageView[];
  /** the rewrites that made it, oldest first */
  readonly history: readonly { readonly step: StepId; readonly rewrite: string; readonly kind: string; readonly from: readonly string[] }[];
}

export interface HistogramView {
  readonly low: number;
  readonly high: number;
  readonly counts: readonly number[];
}

export interface TensorView {
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
  readonly count: number;
  /** for numeric tensors; not-a-numbers and infinities are counted apart and left out of the rest */
  readonly statistics?: {
    readonly min: number;
    readonly max: number;
    readonly mean: number;
    readonly deviation: number;
    readonly zeros: number;
    readonly nans: number;
    readonly infinities: number;
    readonly distinct: number | null;
    readonly histogram: HistogramView;
  };
  /** the first elements, printed */
  readonly sample: readonly string[];
}

export interface RewriteView {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly why: string;
  readonly exactness: Exactness;
  readonly preconditions: readonly { readonly name: string; readonly doc: string }[];
  readonly examples: readonly { readonly title: string; readonly before: string; readonly after: string; readonly fails?: string }[];
}

export interface PassView {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly rewrites: readonly string[];
}

export interface PipelineView {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly passes: readonly string[];
  /** those of `passes`, at their end, that run once after the others were repeated */
  readonly finally: readonly string[];
}

/** What is supported for one operator. */
export interface OperatorView {
  readonly domain: string;
  readonly op: string;
  readonly family: OperatorFamily;
  /** versions of the operator set that changed it, oldest first */
  readonly since: readonly number[];
  readonly summary: string;
  readonly doc: string;
  /** documentation of inputs, outputs and attributes, where it was asked for */
  readonly parameterDocs?: readonly string[];
  readonly infer: boolean;
  readonly evaluate: boolean;
  readonly lower: boolean;
  readonly fold: boolean;
}

export interface CatalogView {
  /** steps that a schedule may take */
  readonly primitives: readonly PrimitiveView[];
  readonly rewrites: readonly RewriteView[];
  readonly passes: readonly PassView[];
  readonly pipelines: readonly PipelineView[];
}

/** A place where a rewrite applies, or would if its failed preconditions held. */
export interface SiteView {
  readonly rewrite: string;
  readonly root: NodeId;
  readonly site: string;
  readonly applies: boolean;
  /** nodes the rewrite would consume or change */
  readonly nodes: readonly NodeId[];
  readonly preconditions: readonly PreconditionResult[];
}

/** The result of anything that may have moved the head or added steps. */
export interface ChangeResult {
  readonly timeline: TimelineView;
  /** how many rewrites were applied */
  readonly applied: number;
  readonly notes: readonly string[];
}

export interface OutputFile {
  /** relative path with forward slashes */
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface ProgramView {
  /** the tensor program's text */
  readonly program: string;
  /** generated C for the same node */
  readonly source: string;
  /** lines of the program beside lines of the source */
  readonly links: readonly { readonly program: readonly [number, number]; readonly source: readonly [number, number] }[];
  /** schedule steps from the plain loop nest to this program */
  readonly schedule: readonly string[];
  /** what each of these steps does, in a sentence */
  readonly summaries: readonly string[];
  /** how many of them are applied here */
  readonly scheduled: number;
  /** the schedule is the node's own: a person made it, step by step */
  readonly own: boolean;
  /** why the node's own schedule could not be taken, and the rule's was */
  readonly refused?: string;
  /** what a next step may name in this program */
  readonly names: ProgramNames;
  /** what the timeline's steps call the node */
  readonly site: string;
  /** of a node with bodies: how many; the text then has the programs of their nodes, one after the other, and no schedule */
  readonly bodies?: number;
  /** sizes that are given at run time; steps are taken by hand, and checked, where there are none */
  readonly sizes: readonly { readonly name: string; /** the program is shown for sizes up to this one; a build has bounds of its own */ readonly max: number }[];
}

export interface ProgramNames {
  readonly loops: readonly string[];
  readonly blocks: readonly string[];
  readonly buffers: readonly string[];
}

/** A step that a schedule may take. */
export interface PrimitiveView {
  readonly name: string;
  readonly summary: string;
  readonly parameters: readonly { readonly name: string; readonly kind: ArgumentKind }[];
  readonly conditions: readonly { readonly name: string; readonly doc: string }[];
}

/** A step that is not taken yet. */
export interface ScheduleTrial {
  /** the step reads well, and its conditions were asked */
  readonly applies: boolean;
  /** legality: each condition, whether it holds, and what decided it */
  readonly conditions: readonly PreconditionResult[];
  readonly infos: readonly { readonly name: string; readonly doc: string }[];
  /** why the step cannot be read */
  readonly problem?: Diagnostic;
}

/** A tensor program that a person wrote, with steps of a schedule applied one after the other. */
export interface WrittenProgram {
  readonly name: string;
  /** as it is printed, after the steps that apply */
  readonly program: string;
  /** generated C */
  readonly source: string;
  /** what the verifier finds in it */
  readonly problems: readonly Diagnostic[];
  readonly steps: readonly {
    readonly step: string;
    readonly summary: string;
    readonly applies: boolean;
    readonly conditions: readonly { readonly name: string; readonly doc: string; readonly state: PreconditionState; readonly detail?: string }[];
    /** texts; the same twice where it does not apply */
    readonly before: string;
    readonly after: string;
    readonly check?: CheckView;
  }[];
  /** what it computes of values drawn from the seed, when it was to be run; a text says why it was not */
  readonly outputs?: string | readonly (TensorView & { readonly dims: readonly number[] })[];
}

/** c: portable C99; wasm: WebAssembly with a JavaScript interface */
export type BuildTarget = "c" | "wasm";

export interface BuildResult {
  readonly files: readonly OutputFile[];
  readonly arenaBytes: number;
  readonly lowerBoundBytes: number;
  readonly weightBytes: number;
  readonly notes: readonly string[];
}

/** What one step of the generated code took, and what it could. */
export interface ProfileRow {
  /** the step's name in the bundle */
  readonly name: string;
  readonly op: string;
  /** nodes of the profiled step that it computes */
  readonly nodes: readonly NodeId[];
  /** mean over the runs */
  readonly milliseconds: number;
  /** undefined where an operator has no formula */
  readonly flops?: number;
  /** of all that it reads and writes, each value once */
  readonly bytes: number;
  /** the least that the roofline allows: the longer of computing and of moving the bytes */
  readonly possible: number;
  /** which of the two that is */
  readonly bound: "compute" | "memory";
}

/** A step of the timeline measured as WebAssembly, step by step as a bundle runs it (roofline: Williams, Waterman and Patterson 2009). */
export interface ProfileView {
  readonly runs: number;
  /** mean of a run, all steps together */
  readonly milliseconds: number;
  readonly rows: readonly ProfileRow[];
  /** measured here and now: multiply-adds of float32 (two operations each), and bytes read from main memory and from cache */
  readonly peak: { readonly gflops: number; readonly memoryGBps: number; readonly cacheGBps: number; /** values of a step that together fit in so many bytes count as cached */ readonly cacheBytes: number };
  readonly relaxedSimd: boolean;
}

/** A value for a run: plain floats, or the bytes of a .npy file or of a TensorProto (or SequenceProto, ...) file. */
export type RunInput =
  | { readonly dims: readonly number[]; readonly data: Float32Array }
  | { readonly format: "npy" | "pb"; readonly bytes: Uint8Array };

export interface RunOutput extends TensorView {
  readonly dims: readonly number[];
  /** the first 4,096 elements of a numeric tensor */
  readonly values: readonly number[];
  /** the whole value as a .npy file, when asked for; tensors with a NumPy type only */
  readonly npy?: Uint8Array;
}

/** A value that a run computed; its elements are there only when it was `kept`. */
export interface KeptValueView {
  readonly node: NodeId;
  readonly output: number;
  readonly name: string;
  readonly type: string;
  readonly dims: readonly number[];
  readonly bytes: number;
  readonly kept: boolean;
}

/** Where a tensor is: a constant of a step (without `run`), or a value that a run kept. */
export interface TensorRef extends At {
  readonly node: NodeId;
  readonly output?: number;
  readonly run?: number;
}

export interface TensorPartParams {
  readonly tensor: TensorRef;
  /** the axes that run down and across; null where the tensor has too few */
  readonly rowAxis: number | null;
  readonly columnAxis: number | null;
  /** index by axis; those of the two axes above are not looked at */
  readonly fixed: readonly number[];
  readonly rows: readonly [from: number, to: number];
  readonly columns: readonly [from: number, to: number];
  /** elements that one number stands for; default 1 */
  readonly rowStep?: number;
  readonly columnStep?: number;
}

/** A plane of a tensor, row by row. */
export interface TensorPart {
  readonly rows: readonly [from: number, to: number];
  readonly columns: readonly [from: number, to: number];
  readonly height: number;
  readonly width: number;
  readonly values: Float64Array;
  /** instead of numbers, or besides them where numbers would be rounded: strings, 64-bit integers, complex numbers */
  readonly texts?: readonly string[];
}

export interface TensorComparison {
  readonly identical: boolean;
  readonly maxAbs: number;
  readonly maxRel: number;
  readonly maxUlp: number;
  readonly worst?: { readonly index: readonly number[]; readonly a: number; readonly b: number };
  /** type or shape, or a not-a-number on one side only */
  readonly mismatch?: string;
  readonly count: number;
  readonly differing: number;
  /** of b - a */
  readonly histogram?: HistogramView;
}

export interface RunResult {
  readonly inputs: readonly (TensorView & { readonly drawn: boolean })[];
  readonly outputs: readonly RunOutput[];
  readonly milliseconds: number;
  /** every computed value in the order of the run, when they were to be kept; `run` names them for `tensorPart` */
  readonly kept?: { readonly run: number; readonly values: readonly KeptValueView[]; readonly bytes: number; readonly droppedBytes: number };
  /** heavy models: what ran as WebAssembly, and what by its operator's own evaluation and why */
  readonly engine?: EngineReport;
}

/** Nodes that ran, by operator. */
export interface EngineReport {
  readonly accelerated: Readonly<Record<string, number>>;
  readonly reference: Readonly<Record<string, { readonly count: number; readonly reason: string }>>;
  /** why this host has no WebAssembly to evaluate with: all ran by the operators' own evaluation */
  readonly unavailable?: string;
}

/** One case in the layout of the onnx project's backend suite. */
export interface BackendCase {
  readonly model: BlobSource;
  readonly siblings?: SiblingFiles;
  readonly sets: readonly { readonly name: string; readonly inputs: readonly Uint8Array[]; readonly outputs: readonly Uint8Array[] }[];
  /** tolerances from the case's own data, where it has them */
  readonly rtol?: number;
  readonly atol?: number;
}

export interface BackendCaseResult {
  readonly passed: boolean;
  /** why not */
  readonly reason: string;
  readonly milliseconds: number;
}

/** A case as generated code, or the reason why there is none. */
export interface CompiledCase {
  readonly operators: readonly string[];
  /** "float": some tensor is a float, and there are no strings, sequences or control flow; the first that fits */
  readonly kind: "strings" | "sequences" | "control flow" | "float" | "integer";
  readonly refused?: string;
  readonly code?: {
    /** a header, sources and weights, as in a bundle */
    readonly files: readonly OutputFile[];
    /** for each data set, all inputs one after another */
    readonly inputs: readonly Uint8Array[];
    readonly outputs: readonly { readonly name: string; readonly element: ElementType; readonly dims: readonly number[]; readonly bytes: number }[];
  };
}

/** A case as WebAssembly: it passed where neither is there. */
export interface WasmCaseResult extends Pick<CompiledCase, "operators" | "kind"> {
  /** why there is no code */
  readonly refused?: string;
  /** what the code gave that the case does not expect */
  readonly failed?: string;
}

/** What a recipe did: steps whose sites do not match are listed, the others are applied. */
export interface RecipeResult extends ChangeResult {
  readonly failed: readonly RecipeFailure[];
}

/** One step of a saved tree: what was applied where, and after which step (0 is the model as imported, 1 the first here). */
export interface TreeStep extends RecipeSite {
  readonly parent: StepId;
}

/** The whole tree of steps as plain data, for a project file. */
export interface TreeView {
  readonly steps: readonly TreeStep[];
  /** texts of the custom rewrites that the steps name */
  readonly custom: readonly string[];
  readonly runs: readonly PassRunView[];
}

/** Steps whose sites do not match are listed, with their number in the saved tree; the others are applied. */
export interface RestoreResult extends ChangeResult {
  readonly failed: readonly (RecipeFailure & { readonly step: StepId })[];
  /** for each saved step, from 0, the step that it is now */
  readonly places: readonly StepId[];
}

export interface BisectView {
  /** "same": the ends agree; "found": `step` is the first that differs; "not-checked": they could not be compared */
  readonly outcome: "same" | "found" | "not-checked";
  readonly step?: StepId;
  /** the first step's model and that after the found step */
  readonly check: CheckView;
  /** what the found step rewrote, on inputs of its own */
  readonly region?: CheckView;
  readonly probes: readonly { readonly step: StepId; readonly check: CheckView }[];
}

export interface ValueBisectView {
  readonly outcome: BisectView["outcome"];
  /** the first value, in the first model's order, that the two compute differently */
  readonly value?: string;
  readonly nodes?: readonly [a: NodeId, b: NodeId];
  /** computed values that both models name */
  readonly common: number;
  readonly check: CheckView;
  readonly probes: readonly { readonly values: number; readonly check: CheckView }[];
}

/** A field in which two matched nodes differ, as text; constants of one type say in how many elements and by how much at most. */
export interface NodeDifference {
  readonly field: "operator" | "attribute" | "type" | "input" | "constant";
  /** the attribute's, value's or constant's name, or the input's number */
  readonly label: string;
  readonly before: string;
  readonly after: string;
  /** `largest` only of numbers */
  readonly elements?: { readonly differing: number; readonly of: number; readonly largest?: number };
}

export interface DiffNode {
  readonly id: NodeId;
  readonly op: string;
  readonly name: string;
}

/** What a step is compared with where the two stand side by side, and on which side this one stands. */
export interface Against extends At {
  readonly side: "before" | "after";
}

/** What differs between two models, or two steps of one. */
export interface ModelDiff {
  readonly nodes: readonly [a: number, b: number];
  readonly matched: number;
  readonly added: readonly DiffNode[];
  readonly removed: readonly DiffNode[];
  readonly changed: readonly { readonly a: DiffNode; readonly b: DiffNode; readonly differences: readonly NodeDifference[] }[];
  /** matched nodes, those on the same place belong together; of two steps of one model empty: the same ids */
  readonly pairs: { readonly a: Int32Array; readonly b: Int32Array };
}

/** A custom rewrite as the editor needs it. */
export interface CustomRewriteView extends RewriteView {
  readonly text: string;
}

/** An order of passes to try. */
export interface OrderSpec {
  readonly name: string;
  /** a pipeline by name, or passes: repeated in this order until nothing changes, then `finally` once */
  readonly pipeline?: string;
  readonly passes?: readonly string[];
  readonly finally?: readonly string[];
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
}

export interface OrderResult {
  readonly name: string;
  /** the last step of the order's own branch */
  readonly step: StepId;
  readonly applied: number;
  /** applications by rewrite, the most frequent first */
  readonly rewrites: readonly (readonly [rewrite: string, count: number])[];
  readonly cost: CostView;
  readonly operators: readonly { readonly op: string; readonly count: number }[];
  readonly notes: readonly string[];
}

export interface OrdersView {
  readonly timeline: TimelineView;
  readonly orders: readonly OrderResult[];
  /** operators whose counts are not the same everywhere; counts in the order of `orders` */
  readonly differences: readonly { readonly op: string; readonly counts: readonly number[] }[];
  /** each result against that of the first order, when asked for */
  readonly checks: readonly CheckView[];
}

export interface PipelineParams {
  readonly model: ModelId;
  readonly pipeline: string;
  /** another order of passes than the pipeline's, and those to run once at the end */
  readonly passes?: readonly string[];
  readonly finally?: readonly string[];
  readonly only?: readonly string[];
  /** passes, rewrites, or single places ("rewrite@site") to leave out */
  readonly skip?: readonly string[];
  readonly check?: boolean;
  /** the step to run from, which may fork the timeline; default: the head */
  readonly from?: StepId;
  /** position in the timeline's runs of the last one that stays as it was, null for none; default: the last one up to `from` */
  readonly after?: number | null;
  /** position in the list of passes (repeated, then final) at which the first round begins; default 0 */
  readonly startAt?: number;
  /** stops after so many rewrites, also inside a pass */
  readonly limit?: number;
}

type Method<Params, Result> = (params: Params, task: Task) => Promise<Result>;
export interface At {
  readonly model: ModelId;
  readonly step: StepId;
}

/** A step, and how a build chooses its kernels. */
export interface KernelsOf extends At {
  /** as for a build */
  readonly strict?: boolean;
}

export interface SessionApi {
  open: Method<{ readonly source: BlobSource; readonly siblings?: SiblingFiles }, OpenResult>;
  close: Method<{ readonly model: ModelId }, void>;
  catalog: Method<Record<string, never>, CatalogView>;
  operators: Method<{ readonly documented?: boolean }, { readonly operators: readonly OperatorView[] }>;
  summary: Method<At, ModelSummary>;
  graph: Method<At & { readonly base?: StepId }, GraphView>;
  /** the same in columns */
  graphTable: Method<At & { readonly base?: StepId; /** marks nodes by what the other side has, and adds none */ readonly against?: Against }, GraphTable>;
  /** nodes by words and terms, best first (docs/search.md); with `base` also those that were removed since */
  search: Method<At & { readonly base?: StepId; readonly query: string; readonly offset?: number; readonly limit?: number }, SearchResult>;
  /** FLOPs of every node of a step */
  flops: Method<At, MetricView>;
  text: Method<At, TextView>;
  /** the texts of a step and of its base, to be compared */
  textDiff: Method<At & { readonly base: StepId }, TextDiffView>;
  node: Method<At & { readonly node: NodeId }, NodeDetail>;
  /** statistics of a constant, by the node that is the constant (an InputView's `from`) */
  tensor: Method<At & { readonly node: NodeId }, TensorView>;
  /** what `node` of `step` is in step `to`, through every rewrite between */
  follow: Method<At & { readonly node: NodeId; readonly to: StepId }, { readonly nodes: readonly NodeId[] }>;
  /** for each step of the branch, whether the node (or what it came from or became) appeared, changed, is there or not */
  presence: Method<At & { readonly node: NodeId }, { readonly steps: readonly (readonly [StepId, "appeared" | "changed" | "unchanged" | "absent"])[] }>;
  cost: Method<At, CostView>;
  /** every site of a rewrite; with near misses, also those that fail, most satisfied first */
  sites: Method<At & { readonly rewrite: string; readonly nearMisses?: boolean }, { readonly sites: readonly SiteView[] }>;
  /** every rewrite that could be rooted at a node, with its preconditions: "why not here?" */
  explain: Method<At & { readonly node: NodeId }, { readonly sites: readonly SiteView[] }>;
  apply: Method<{ readonly model: ModelId; readonly rewrite: string; readonly node: NodeId; readonly check?: boolean }, ChangeResult>;
  applyAll: Method<{ readonly model: ModelId; readonly rewrite: string; readonly check?: boolean }, ChangeResult>;
  /** reports each pass by progress; on cancel the head returns to where it was */
  runPipeline: Method<PipelineParams, ChangeResult>;
  /** fixes symbolic sizes of the inputs ("N": 8), as one step */
  specialize: Method<{ readonly model: ModelId; readonly sizes: Readonly<Record<string, number>> }, ChangeResult>;
  /** the way to a step, to be saved. Refused while a custom rewrite on it is not confirmed by a numerical check */
  recipe: Method<At, { readonly recipe: Recipe; readonly text: string }>;
  /**
   * replays a recipe (its text, or the value) on the head, or on another step, which may fork the timeline. Steps of custom rewrites are checked; with `check` all are,
   * with `unchecked` none, for looking for the one that is wrong. `only` and `skip` choose among its steps
   */
  applyRecipe: Method<{ readonly model: ModelId; readonly recipe: string | Recipe; readonly from?: StepId; readonly only?: readonly string[]; readonly skip?: readonly string[]; readonly check?: boolean; readonly unchecked?: boolean }, RecipeResult>;
  /** every step of the tree after `since` (all: 0), custom rewrites and runs, to be saved */
  tree: Method<{ readonly model: ModelId; readonly since: StepId }, TreeView>;
  /** grows a saved tree on a model that has no steps yet, and puts the head on the saved step `head`; redo leads on to `leaf` */
  restoreTree: Method<{ readonly model: ModelId; readonly tree: TreeView; readonly head: StepId; readonly leaf?: StepId }, RestoreResult>;
  /** the first step after `from` on the way to `to` that makes the model compute something else */
  bisect: Method<{ readonly model: ModelId; readonly from: StepId; readonly to: StepId; readonly seeds?: number }, BisectView>;
  /** the first value that two models compute differently, among those that both name */
  bisectModels: Method<{ readonly a: At; readonly b: At; readonly seeds?: number }, ValueBisectView>;
  /** what differs between two models, matched by name and then by structure, or between two steps of one */
  diffModels: Method<{ readonly a: At; readonly b: At }, ModelDiff>;
  /** what every node and constant of a step came from, and what every original became */
  lineage: Method<At, LineageTable>;
  /** reads custom rewrites and keeps nothing; errors say line and column */
  parseCustom: Method<{ readonly text: string }, { readonly rewrites: readonly CustomRewriteView[] }>;
  /** live matches of custom rewrites that are being written; with near misses, also where they fail */
  customSites: Method<At & { readonly text: string; readonly nearMisses?: boolean }, { readonly sites: readonly SiteView[] }>;
  /** makes custom rewrites known by name, so that sites, explain, apply and applyAll take them; replaces those of the same name */
  defineCustom: Method<{ readonly text: string }, { readonly rewrites: readonly CustomRewriteView[] }>;
  removeCustom: Method<{ readonly name: string }, void>;
  customRewrites: Method<Record<string, never>, { readonly rewrites: readonly CustomRewriteView[] }>;
  /** runs several orders of passes from one step, each on a branch of its own, and compares what they give; the head stays */
  compareOrders: Method<At & { readonly orders: readonly OrderSpec[]; readonly verify?: boolean }, OrdersView>;
  moveTo: Method<{ readonly model: ModelId; readonly step: StepId }, ChangeResult>;
  undo: Method<{ readonly model: ModelId }, ChangeResult>;
  redo: Method<{ readonly model: ModelId }, ChangeResult>;
  /** makes the timeline what it was with `steps` steps and `runs` runs and its head at `head`: for a change whose cancel came after its last look at it */
  withdraw: Method<{ readonly model: ModelId; readonly steps: number; readonly runs: number; readonly head: StepId }, void>;
  /** compares what two steps compute, on the whole model */
  verify: Method<{ readonly model: ModelId; readonly from: StepId; readonly to: StepId; readonly seeds?: number }, CheckView>;
  /** compares what two models compute: inputs are matched by name, else by position */
  compare: Method<{ readonly a: At; readonly b: At; readonly seeds?: number }, CheckView>;
  /** a case as C sources and raw inputs, to be compiled and run by the caller */
  compileCase: Method<{ readonly case: BackendCase; readonly identifier: string; readonly optimize?: boolean; /** besides the portable code, that for these instructions */ readonly target?: string }, CompiledCase>;
  /** compares what the compiled code gave for a data set: all outputs one after another; null when it agrees */
  compareCompiled: Method<{ readonly case: BackendCase; readonly set: number; readonly outputs: NonNullable<CompiledCase["code"]>["outputs"]; readonly bytes: Uint8Array }, string | null>;
  /** runs a case as WebAssembly in this engine; `relaxed`: with relaxed SIMD */
  wasmCase: Method<{ readonly case: BackendCase; readonly optimize?: boolean; readonly relaxed?: boolean }, WasmCaseResult>;
  /** runs a test case; `roundtrip` after export and import, `optimize` after the default pipeline */
  backendCase: Method<{ readonly case: BackendCase; readonly roundtrip?: boolean; readonly optimize?: boolean }, BackendCaseResult>;
  /** evaluates a step; inputs that are not given are drawn from the seed. With `keep`, all values are kept up to a limit of memory (256 MiB) */
  run: Method<At & { readonly seed: number; readonly inputs?: Readonly<Record<string, RunInput>>; readonly npy?: boolean; readonly keep?: { readonly limitBytes?: number }; /** "reference": nothing as WebAssembly */ readonly engine?: "auto" | "reference" }, RunResult>;
  /** measures the step's generated code as WebAssembly; throws "not-lowered" where there is none */
  profile: Method<At & { /** how long to measure, about */ readonly milliseconds?: number }, ProfileView>;
  /** numbers of a plane of a tensor */
  tensorPart: Method<TensorPartParams, TensorPart>;
  tensorStatistics: Method<{ readonly tensor: TensorRef }, TensorView & { readonly dims: readonly number[] }>;
  compareTensors: Method<{ readonly a: TensorRef; readonly b: TensorRef }, TensorComparison>;
  /** of two kept runs: how far the values of each of b's nodes are from a's of the same names and shapes, at most and absolute. Nodes without such a value are left out */
  runErrors: Method<{ readonly model: ModelId; readonly a: number; readonly b: number }, MetricView>;
  /** the program and its C after all of its schedule, or after so many steps of it: 0 is the plain loop nest */
  program: Method<At & { readonly node: NodeId; readonly scheduled?: number }, ProgramView>;
  /** compares what the node's programs before and after the schedule's step `scheduled` (from 1) compute, on drawn values */
  scheduleCheck: Method<At & { readonly node: NodeId; readonly scheduled: number }, CheckView>;
  /** would the step apply to the node's schedule as it is? */
  scheduleTrial: Method<At & { readonly node: NodeId; readonly text: string }, ScheduleTrial>;
  /**
   * takes a step of a schedule for a node, as a step of the timeline: "split(loop=i, factor=4)", and "keep(steps=2)", which drops the steps behind the first two.
   * The schedule is then the node's own, in place of the rule's. `check` compares what the programs before and after it compute
   */
  schedule: Method<{ readonly model: ModelId; readonly node: NodeId; readonly text: string; readonly check?: boolean }, ChangeResult>;
  /** reads a tensor program and applies steps to it; throws "program-syntax" with line and column. `run`: with a seed */
  writtenProgram: Method<{ readonly text: string; readonly steps?: readonly string[]; readonly run?: number }, WrittenProgram>;
  /** names of the originals go into the metadata of what rewrites made, unless `origins` is false */
  exportOnnx: Method<At & { readonly name: string; readonly opset?: number; readonly origins?: boolean }, { readonly files: readonly OutputFile[]; readonly notes: readonly string[] }>;
  /** the symbolic sizes of a step's inputs, which a build fixes or gives bounds: the first dimension of an input is a batch */
  sizes: Method<At, { readonly sizes: readonly { readonly name: string; readonly batch: boolean }[] }>;
  build: Method<At & { readonly name: string; readonly target: BuildTarget; /** a vendor library for steps that it covers: "cblas" */ readonly library?: string; /** bounds of symbolic sizes that are then given at run time: { N: 8 } */ readonly max?: Readonly<Record<string, number>>; /** convolutions and products computed directly, without minimal filtering and Strassen's algorithm */ readonly strict?: boolean; /** schedules that were measured, for C */ readonly tuning?: Tuning }, BuildResult>;
  /** C programs that find the best instruction set and, for it, the peak of the machine */
  tuningProbe: Method<{ readonly isa?: TuningMachine["isa"] }, { readonly source: string; readonly flags: readonly string[] }>;
  /** the machine from what the probes printed; without a peak, one to ask for the second probe with */
  tuningMachine: Method<{ readonly compiler: string; readonly cpu: string; readonly isa: string; readonly peak?: string }, TuningMachine>;
  /** the distinct kernels of a step's generated code for which schedules can be measured, the most work first */
  tuningLayers: Method<KernelsOf & { readonly machine: TuningMachine }, { readonly layers: readonly TuningLayer[] }>;
  /** a layer's schedules as one C program that measures them; with less than two there is nothing to measure */
  tuningTrial: Method<KernelsOf & { readonly machine: TuningMachine; readonly key: string }, { readonly variants: number; readonly source: string; readonly flags: readonly string[] }>;
  /** what follows from what a trial's program printed */
  tuningEntry: Method<KernelsOf & { readonly machine: TuningMachine; readonly key: string; readonly printed: string }, TuningEntry>;
}

/** Where schedules were measured, and what was found. */
export interface Tuning {
  readonly machine: TuningMachine;
  readonly entries: readonly TuningEntry[];
}

export type { MeasuredVariant, TuningEntry, TuningLayer, TuningMachine };

export type { LineageTable, StringColumn, Recipe, RecipeFailure, RecipeStep };
export type { ArgumentKind, Diagnostic, Exactness, NodeId, PreconditionResult, PreconditionState, RegionId, StepId };
