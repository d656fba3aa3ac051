import type { ConstantValue } from "../ir/constant.ts";
import type { Dim } from "../ir/dim.ts";
import { byteSize } from "../ir/element-type.ts";
import { describeNode, type Graph, type OperatorNode, type RegionId, rootRegion, type ValueRef } from "../ir/graph.ts";
import { topologicalOrder } from "../ir/order.ts";
import { tensorBytes, toNumbers } from "../ir/tensor.ts";
import { elementCount, staticShape, type TensorType, tensorType } from "../ir/value-type.ts";
import { attributeReader, findOperator } from "../ops/index.ts";
import { bodyKeepsCondition } from "../ops/support/bodies.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { silentTask, type Task } from "../support/task.ts";
import { freshName } from "../tensor/build.ts";
import { type BranchForm, type Control, rankOf, type TurnForm } from "../tensor/control.ts";
import { and, number, truth } from "../tensor/expression.ts";
import { Generalizer } from "../tensor/generalize.ts";
import { inPlaceInputs } from "../tensor/in-place.ts";
import { hoistScratch, type LoweredNode, lowerNode, type LoweringTable, withoutUnread } from "../tensor/lower-node.ts";
import { type Layout, printLayout } from "../tensor/layout.ts";
import type { View } from "../tensor/lowering.ts";
import type { Buffer, Expression, TensorProgram, Variable } from "../tensor/program.ts";
import { sampleSizes, sizeExpression, sizeValue } from "../tensor/sizes.ts";
import { scheduleParallel } from "../tensor/parallel-rule.ts";
import { type Chosen, scheduleByRule } from "../tensor/rules.ts";
import type { ScheduleChooser } from "../tensor/schedule-choice.ts";
import { applySteps, ownSchedule, scheduleKey } from "../tensor/schedule/own-schedule.ts";
import type { ScheduleStep } from "../tensor/schedule/schedule.ts";
import { portableTarget, type ScheduleTarget } from "../tensor/target.ts";
import { verifyProgram } from "../tensor/verifier.ts";
import { sizeIdentifier } from "./c-names.ts";
import { below, ControlProgram, oneMore, placeOf, single, type Wire } from "./control-programs.ts";

/** What lowering asks of the operators, from the operator table. */
export const operatorLowering: LoweringTable = {
  lowering: (node) => findOperator(node.domain, node.op)?.lower,
  control: (node) => findOperator(node.domain, node.op)?.control,
  attributes: (node) => attributeReader(node, findOperator(node.domain, node.op)),
  names: (node) => {
    const definition = findOperator(node.domain, node.op);
    if (!definition) return undefined;
    const spread = (list: OperatorParameters, count: number): string[] =>
      Array.from({ length: count }, (_, i) => {
        const last = list[list.length - 1];
        const info = list[i] ?? last;
        return info ? (info.presence === "variadic" ? `${info.name}${i - list.indexOf(info)}` : info.name) : `x${i}`;
      });
    return { inputs: spread(definition.inputs, node.inputs.length), outputs: spread(definition.outputs, node.outputs.length) };
  },
};
type OperatorParameters = readonly { readonly name: string; readonly presence?: string }[];

/** Key of a value: "12.0". */
export type ValueKey = string;
export const keyOfValue = (ref: ValueRef): ValueKey => `${ref.node}.${ref.output}`;

export interface GraphValue {
  readonly key: ValueKey;
  readonly ref: ValueRef;
  readonly name: string;
  readonly type: TensorType;
  /** with sizes of the run: at most */
  readonly dims: readonly number[];
  /** where sizes of the run decide it */
  readonly shape?: readonly Expression[];
  readonly bytes: number;
  /** constants lie in the weights file */
  readonly constant: boolean;
  /** no value of the graph: a loop's counter, say, whose type is here alone */
  readonly own?: boolean;
  /** a constant that a schedule laid out anew; `dims` and `bytes` are those of the packed array */
  readonly layout?: Layout;
}

/** A graph whose inputs have sizes that are given at run time, seen at a few of them: the same nodes by the same ids. */
export interface SizedGraph {
  readonly sizes: readonly { readonly name: string; readonly max: number }[];
  readonly samples: readonly { readonly graph: Graph; readonly values: ReadonlyMap<string, number> }[];
  /** other sizes, at which what the samples have in common must hold too */
  readonly checks: SizedGraph["samples"];
  /** dimensions of the graph with its symbols */
  readonly dimensions: readonly Dim[];
}

export interface LoweredStep {
  readonly node: OperatorNode;
  /** of a node with bodies: what the step does between theirs */
  readonly role?: ControlRole;
  readonly program: TensorProgram;
  readonly schedule: readonly ScheduleStep[];
  /** why a schedule that a person gave the node was not taken, and the rule's was */
  readonly refused?: string;
  /** what each parameter stands for; scratch has none */
  readonly values: ReadonlyMap<Buffer, ValueKey>;
  readonly reads: readonly ValueKey[];
  readonly writes: readonly ValueKey[];
  /** what must still be there after the step, though it does not read it: another turn or branch does */
  readonly keeps: readonly ValueKey[];
  readonly scratch: readonly Buffer[];
  /** inputs whose memory an output may take over, when both have the same size */
  readonly inPlace: readonly (readonly [input: ValueKey, output: ValueKey])[];
  readonly views: readonly { readonly part: ValueKey; readonly whole: ValueKey; /** bytes */ readonly offset: number }[];
}

/** "start": before the first turn. "slices": what a turn reads of inputs that are cut. "hold", "next": carried values and rows. "count": is there another turn? "result": of a branch. */
export type ControlRole = "start" | "slices" | "hold" | "next" | "count" | "result";

/**
 * Steps of a body, from `begin` to `end` (excluded): they run when the flag, one bool, is `when`, and are passed over otherwise. Those
 * of a loop run again after the last of them while it is. Outer ones come first.
 */
export interface BodyRange {
  readonly node: OperatorNode;
  /** the attribute that holds the body */
  readonly body: string;
  readonly begin: number;
  readonly end: number;
  readonly flag: ValueKey;
  readonly when: boolean;
  readonly repeats: boolean;
}

export interface LoweredGraph {
  readonly values: ReadonlyMap<ValueKey, GraphValue>;
  readonly inputs: readonly ValueKey[];
  readonly outputs: readonly ValueKey[];
  readonly outputNames: readonly string[];
  /** sizes that are given at run time */
  readonly sizes: readonly Variable[];
  readonly steps: readonly LoweredStep[];
  /** bodies of loops and branches among the steps */
  readonly bodies: readonly BodyRange[];
}

/** Lowers the nodes of a graph whose sizes are given at run time: at each sample, and then to what these have in common. */
class SizedLowering {
  private readonly nodes = new Map<number, LoweredNode>();
  private readonly sized: SizedGraph;
  private readonly table: LoweringTable;
  readonly sizes: readonly Variable[];
  readonly general: Generalizer;

  constructor(sized: SizedGraph, table: LoweringTable) {
    this.sized = sized;
    this.table = table;
    const names = new Set<string>();
    this.sizes = sized.sizes.map((s) => ({ kind: "variable", name: freshName(sizeIdentifier(s.name), names), max: s.max }));
    const byName = new Map(sized.sizes.map((s, i) => [s.name, this.sizes[i]!]));
    this.general = new Generalizer({
      sizes: this.sizes,
      values: sized.samples.map(({ values }) => new Map(sized.sizes.map((s, i) => [this.sizes[i]!, values.get(s.name)!]))),
      dimensions: sized.dimensions.flatMap((d) => sizeExpression(d, byName) ?? []),
    });
  }

  node(id: number): LoweredNode {
    let made = this.nodes.get(id);
    if (!made) {
      const all = this.sized.samples.map(({ graph }) => {
        const node = graph.node(id);
        return lowerNode(graph, node as OperatorNode, this.table);
      });
      const program = this.generalized(all);
      const views = all.every((l) => JSON.stringify(l.views) === JSON.stringify(all[0]!.views)) ? all[0]!.views : [];
      const byName = new Map([...all[0]!.bindings].map(([b, ref]) => [b.name, ref]));
      made = { node: all[0]!.node, program, views, plain: program, bindings: new Map(program.parameters.flatMap((p) => (byName.has(p.name) ? [[p, byName.get(p.name)!] as const] : []))) };
      this.nodes.set(id, made);
    }
    return made;
  }

  /** A program that is not a node's own, generalized likewise. */
  program(build: (graph: Graph) => TensorProgram): TensorProgram {
    return this.general.program(this.sized.samples.map(({ graph }) => build(graph)));
  }

  /** From the simplified programs, or, where those differ since some samples could be simplified further, from the programs before. */
  private generalized(all: readonly LoweredNode[]): TensorProgram {
    try {
      return this.general.program(all.map((l) => l.program));
    } catch (error) {
      if (!(error instanceof GraphwrightError)) throw error;
      try {
        return withoutUnread(this.general.program(all.map((l) => l.plain)));
      } catch {
        throw error;
      }
    }
  }

  /** The shape of a value, where sizes of the run decide it. */
  shape(ref: ValueRef): readonly Expression[] | undefined {
    const dims = this.sized.samples.map(({ graph }) => staticShape(graph.type(ref)));
    const found = dims[0]?.map((_, d) => this.general.integer(dims.map((list) => list?.[d] ?? -1)));
    if (!found?.every((e) => e !== undefined)) return undefined;
    for (const { graph, values } of this.sized.checks) {
      const node = graph.nodes.get(ref.node);
      const own = node && staticShape(graph.type(ref));
      // Other sizes may have led to other nodes.
      if (!own || own.length !== found.length || node.kind === "constant" || (node.kind === "operator" && node.op !== (this.sized.samples[0]!.graph.node(ref.node) as OperatorNode).op)) continue;
      const at = new Map(this.sized.sizes.map((s, i) => [this.sizes[i]!, values.get(s.name)!]));
      const general = found.map((e) => sizeValue(e, at));
      if (general.join() !== own.join())
        throw new GraphwrightError("not-lowered", `cannot be lowered for sizes of run time: the shape of ${node.outputs[ref.output]?.name} is [${own.join(", ")}] at ${[...values].map(([s, n]) => `${s} = ${n}`).join(", ")}, and not [${general.join(", ")}] as at other sizes.`);
    }
    // Memory is planned for the largest sizes.
    const most = new Map(this.sizes.map((v) => [v, v.max!]));
    for (const e of found)
      if (e.kind !== "integer" && (sizeValue(e, most) < 1 || sampleSizes(this.sizes).some((at) => sizeValue(e, at) > sizeValue(e, most))))
        throw new GraphwrightError("not-lowered", `cannot be lowered for sizes of run time: the shape of ${this.sized.samples[0]!.graph.node(ref.node).outputs[ref.output]?.name} is ${sizeValue(e, most) < 1 ? "empty" : "smaller"} at the largest sizes, for which memory is planned.`);
    return found.some((e) => e.kind !== "integer") ? found : undefined;
  }

  /** Is an output of the model the same constant at all sizes? */
  sameOutput(index: number): boolean {
    const [first, ...others] = [...this.sized.samples, ...this.sized.checks].map(({ graph }) => graph.constant(graph.root.outputs[index]?.value));
    return first !== undefined && others.every((c) => c !== undefined && sameConstant(c, first));
  }

  /** Is it the same constant in every sample, and, where it is a small one, at the other sizes? What is computed from a size may be alike at all large ones. */
  same(ref: ValueRef): boolean {
    const { samples, checks } = this.sized;
    const [first, ...others] = samples.map(({ graph }) => graph.constant(ref));
    if (!first) return others.every((c) => c === undefined);
    const alike = (c: typeof first | undefined): boolean => c !== undefined && sameConstant(c, first);
    if (!others.every(alike)) return false;
    // Other sizes may have led to other nodes.
    return first.bytes > mostComputed || checks.every(({ graph }) => graph.nodes.length !== samples[0]!.graph.nodes.length || graph.nodes.get(ref.node)?.kind !== "constant" || alike(graph.constant(ref)));
  }
}

/** Bytes of a constant that may have been computed from sizes: weights are larger, and packed in one way or another. */
const mostComputed = 4096;

const sameConstant = (a: ConstantValue, b: ConstantValue): boolean => a === b || (a.type === b.type && sameBytes(tensorBytes(a.tensor()), tensorBytes(b.tensor())));
const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

const sizedLowerings = new WeakMap<SizedGraph, SizedLowering>();
function sizedLowering(sized: SizedGraph, table: LoweringTable): SizedLowering {
  let made = sizedLowerings.get(sized);
  if (!made) sizedLowerings.set(sized, (made = new SizedLowering(sized, table)));
  return made;
}

/** A program with its default schedule, or another choice; large locals become scratch, then threads share its loops. */
export function scheduleKernel(plain: TensorProgram, target: ScheduleTarget, parallelWork?: number, chosen?: Chosen): { readonly steps: readonly ScheduleStep[]; readonly program: TensorProgram } {
  const serial = scheduleByRule(plain, target, chosen);
  // After large locals became scratch, which threads share. WebAssembly's code runs on one thread.
  const shared = scheduleParallel(hoistScratch(serial.program), target.name === "wasm" ? Infinity : parallelWork);
  return { steps: [...serial.steps, ...shared.steps], program: shared.program };
}

/** A node's program after its default schedule, or the one that `chooser` has for it, verified. */
export function scheduledNode(graph: Graph, node: OperatorNode, table: LoweringTable = operatorLowering, target: ScheduleTarget = portableTarget, parallelWork?: number, chooser?: ScheduleChooser) {
  return scheduled(lowerNode(graph, node, table), target, parallelWork, chooser);
}

/** The same for sizes that are given at run time. */
export const sizedNode = (sized: SizedGraph, node: OperatorNode, table: LoweringTable = operatorLowering, target: ScheduleTarget = portableTarget) => scheduled(sizedLowering(sized, table).node(node.id), target);

function scheduled(lowered: LoweredNode, target: ScheduleTarget, parallelWork?: number, chooser?: ScheduleChooser) {
  const { node } = lowered;
  const own = ownKernel(lowered);
  const choice = own?.schedule ? undefined : chooser?.(lowered.program, target);
  const schedule = own?.schedule ?? scheduleKernel(lowered.program, target, parallelWork, choice ? { choice } : {});
  const { program } = schedule;
  const problems = verifyProgram(program);
  if (problems.length > 0)
    throw new GraphwrightError("unsound-program", `its tensor program does not pass the verifier: ${problems[0]!.message}`, { node: describeNode(node) }, "This is a defect of Graphwright: please report it with the model.");
  return { lowered, schedule, program, own: own?.schedule !== undefined, ...(own?.refused === undefined ? {} : { refused: own.refused }) };
}

/** The schedule that a person gave the node, or why it cannot be taken: a rewrite may have made another nest of the node since. */
function ownKernel({ node, program }: LoweredNode): { readonly schedule?: { readonly steps: readonly ScheduleStep[]; readonly program: TensorProgram }; readonly refused?: string } | undefined {
  if (node.metadata[scheduleKey] === undefined) return undefined;
  try {
    const schedule = applySteps(program, ownSchedule(node.metadata)!);
    const [problem] = verifyProgram(schedule.program);
    return problem ? { refused: problem.message } : { schedule };
  } catch (error) {
    if (!(error instanceof GraphwrightError)) throw error;
    return { refused: error.diagnostic.message };
  }
}

/** Steps, and bodies with steps and bodies of their own. */
type Part = LoweredStep | (Omit<BodyRange, "begin" | "end"> & { readonly parts: readonly Part[] });

/**
 * Lowers every operator of the graph. What cannot be lowered is collected: one error "not-lowered" lists every
 * offending node, value and reason.
 */
export async function lowerGraph(graph: Graph, task: Task, table: LoweringTable = operatorLowering, target: ScheduleTarget = portableTarget, parallelWork?: number, sized?: SizedGraph, chooser?: ScheduleChooser): Promise<LoweredGraph> {
  return new GraphLowering(graph, task, table, target, parallelWork, sized, chooser).run();
}

/** A node with bodies as steps, by itself: what a build makes of it, but for kernels that rewrites choose. Undefined for other nodes. */
export async function lowerBodies(graph: Graph, node: OperatorNode, sized?: SizedGraph, table: LoweringTable = operatorLowering): Promise<Pick<LoweredGraph, "steps" | "bodies" | "values"> | undefined> {
  return table.control?.(node) && new GraphLowering(graph, silentTask, table, portableTarget, undefined, sized, undefined).node(node);
}

class GraphLowering {
  private readonly general: SizedLowering | undefined;
  private readonly refused: string[] = [];
  /** Nodes that a size of an input reaches: a line for each would hide what else is refused. */
  private readonly reached: string[] = [];
  private openInputs = false;
  private readonly values = new Map<ValueKey, GraphValue>();
  /** values of bodies that lie where another value does: parameters of a loop, results of a branch */
  private readonly standIns = new Map<ValueKey, GraphValue>();
  /** values that more than one step writes: nothing else may be a part of them */
  private readonly shared = new Set<ValueKey>();
  /** values that the turns around change */
  private readonly changing = new Set<ValueKey>();
  private readonly wanted = new Set<ValueKey>();
  private done = 0;
  private readonly graph: Graph;
  private readonly task: Task;
  private readonly table: LoweringTable;
  private readonly target: ScheduleTarget;
  private readonly parallelWork: number | undefined;
  private readonly chooser: ScheduleChooser | undefined;

  constructor(graph: Graph, task: Task, table: LoweringTable, target: ScheduleTarget, parallelWork: number | undefined, sized: SizedGraph | undefined, chooser: ScheduleChooser | undefined) {
    this.graph = graph;
    this.task = task;
    this.table = table;
    this.target = target;
    this.parallelWork = parallelWork;
    this.chooser = chooser;
    this.general = sized && sizedLowering(sized, table);
  }

  async run(): Promise<LoweredGraph> {
    const { graph, refused, reached } = this;
    const { root } = graph;
    for (const id of root.parameters) {
      const node = graph.node(id);
      const type = node.outputs[0]?.type;
      if (type?.kind !== "tensor" || type.element === null || !staticShape(type))
        refused.push(`the input ${node.outputs[0]?.name} is ${type?.text}: its shape must be static`);
    }
    this.openInputs = refused.length > 0;
    for (const o of root.outputs) this.wanted.add(keyOfValue(o.value));
    const parts = await this.region(rootRegion);
    const outputs = root.outputs.map((o) => this.addValue(o.value).key);
    for (const [i, o] of root.outputs.entries()) if (this.general && graph.node(o.value.node).kind === "constant" && !this.general.sameOutput(i)) refused.push(`the output ${o.name} was folded to a constant, and differs with sizes of the run`);
    if (reached.length > 0) refused.push(`shapes that follow from these inputs, of ${reached.length} ${reached.length === 1 ? "node" : "nodes"}: ${reached.join(", ")}`);
    if (refused.length > 0)
      throw new GraphwrightError(
        "not-lowered",
        refused.length === 1 ? `the model cannot be built: 1 place is not supported.\n  - ${refused[0]}` : `the model cannot be built: ${refused.length} places are not supported.\n${refused.map((r) => `  - ${r}`).join("\n")}`,
        undefined,
        "Nothing was written. Fix input shapes (build --fix N=1) or give bounds (build --max N=8), fold constants, or replace the operators listed.",
      );
    const inputs = root.parameters.map((id) => this.addValue({ node: id, output: 0 }).key);
    return { values: this.values, inputs, outputs, outputNames: root.outputs.map((o) => o.name), sizes: this.general?.sizes ?? [], ...inOrder(parts, inputs) };
  }

  async node(node: OperatorNode): Promise<Pick<LoweredGraph, "steps" | "bodies" | "values">> {
    const parts = await this.control(node, this.table.control!(node)!);
    if (this.refused.length > 0) throw new GraphwrightError("not-lowered", `cannot be lowered: in its bodies, ${this.refused.join("; ")}`);
    return { values: this.values, ...inOrder(parts, []) };
  }

  private addValue(ref: ValueRef, packed?: Buffer): GraphValue {
    const { graph, general } = this;
    const layout = packed?.packed?.layout;
    const key = layout ? `${keyOfValue(ref)} ${printLayout(layout)}` : keyOfValue(ref);
    const known = this.standIns.get(key) ?? this.values.get(key);
    if (known) return known;
    const node = graph.node(ref.node);
    const type = graph.type(ref) as TensorType;
    const shape = packed ? undefined : general?.shape(ref);
    const dims = packed ? packed.dims : shape ? shape.map((e) => sizeValue(e, new Map(general!.sizes.map((s) => [s, s.max!])))) : (staticShape(type) ?? []);
    const value: GraphValue = {
      key,
      ref,
      name: (node.outputs[ref.output]?.name || describeNode(node)) + (layout ? ` ${printLayout(layout)}` : ""),
      type,
      dims,
      ...(shape ? { shape } : {}),
      bytes: type.element ? byteSize(type.element, elementCount(dims)) : 0,
      constant: node.kind === "constant",
      ...(layout ? { layout } : {}),
    };
    this.values.set(key, value);
    return value;
  }

  /** A value of a loop's own. */
  private ownValue(node: OperatorNode, what: string, type: TensorType, like?: GraphValue): GraphValue {
    const dims = like?.dims ?? [];
    const value: GraphValue = { key: `${node.id} ${what}`, ref: { node: node.id, output: 0 }, name: `${node.name || node.outputs.find((o) => o.name !== "")?.name || `node_${node.id}`} ${what}`, type, dims, ...(like?.shape ? { shape: like.shape } : {}), bytes: byteSize(type.element!, elementCount(dims)), constant: false, own: true };
    this.values.set(value.key, value);
    return value;
  }

  /** The steps of a region's operators. */
  private async region(region: RegionId): Promise<Part[]> {
    const { graph, general, task } = this;
    // Sizes that a graph computes from shapes are known when it is lowered: only what feeds a program is a step.
    const needed = (node: OperatorNode): boolean => !general || node.outputs.some((_, output) => this.wanted.has(this.keyFor({ node: node.id, output })));
    const operators = topologicalOrder(graph, region).map((id) => graph.node(id)).filter((n): n is OperatorNode => n.kind === "operator" && reachesOutput(graph, n));
    const parts: (readonly Part[])[] = [];
    // From the last to the first where not all are needed.
    for (const [i, node] of (general ? [...operators].reverse() : operators).entries()) {
      if (!needed(node)) continue;
      task.check();
      if (this.done++ % 8 === 0) {
        task.progress(region === rootRegion ? i / operators.length : undefined, `lowering ${node.name || node.op}`);
        await task.pause();
      }
      try {
        const control = this.table.control?.(node);
        parts.push(control ? await this.control(node, control) : [this.step(general ? general.node(node.id) : lowerNode(graph, node, this.table))]);
      } catch (error) {
        if (!(error instanceof GraphwrightError)) throw error;
        if (this.openInputs && error.diagnostic.message.includes("is not static")) this.reached.push(describeNode(node));
        else this.refused.push(`${describeNode(node)} ${error.diagnostic.message}`);
      }
    }
    if (general) parts.reverse();
    return parts.flat();
  }

  private keyFor(ref: ValueRef): ValueKey {
    const key = keyOfValue(ref);
    return this.standIns.get(key)?.key ?? key;
  }

  /** A scheduled program as a step; `bound` names the values of a program that is not the node's own. */
  private step(plain: LoweredNode, bound?: ReadonlyMap<string, GraphValue>, more: { readonly role?: ControlRole; readonly writes?: readonly ValueKey[] } = {}): LoweredStep {
    const { general } = this;
    const { lowered, schedule, program, refused } = scheduled(plain, this.target, this.parallelWork, this.chooser);
    const parameterValues = new Map<Buffer, ValueKey>();
    // Scheduling keeps parameters: they are matched by name.
    const byName = new Map([...lowered.bindings].map(([b, ref]) => [b.name, ref]));
    for (const p of program.parameters) {
      const value = bound?.get(p.name);
      const ref = byName.get(p.name);
      if (value) parameterValues.set(p, value.key);
      else if (ref && p.scope !== "scratch") parameterValues.set(p, this.addValue(ref, p.packed && p).key);
    }
    if (general)
      for (const key of parameterValues.values()) {
        this.wanted.add(key);
        const { ref, constant, name } = this.values.get(key)!;
        if (constant && !general.same(ref)) throw new GraphwrightError("not-lowered", `cannot be lowered for sizes of run time: the constant ${name} differs with them.`);
      }
    const of = (scope: Buffer["scope"][]): ValueKey[] => program.parameters.filter((p) => scope.includes(p.scope)).flatMap((p) => parameterValues.get(p) ?? []);
    const writes = [...new Set([...of(["output", "scratch"]), ...(more.writes ?? [])])];
    const views = viewsOf(lowered.node, lowered.views, (ref) => this.addValue(ref));
    return {
      node: lowered.node,
      ...(more.role ? { role: more.role } : {}),
      program,
      schedule: schedule.steps,
      ...(refused === undefined ? {} : { refused }),
      values: parameterValues,
      reads: of(["input", "weight", "scratch"]),
      writes,
      keeps: [],
      scratch: program.parameters.filter((p) => p.scope === "scratch" && !parameterValues.has(p)),
      inPlace: inPlaceInputs(program).map(([from, to]) => [parameterValues.get(from) as ValueKey, parameterValues.get(to) as ValueKey] as const),
      views: writes.some((key) => this.shared.has(key)) || views.some((v) => this.changing.has(v.part) || this.changing.has(v.whole)) ? [] : views,
    };
  }

  /** A step of a node with bodies. */
  private between(node: OperatorNode, role: ControlRole, build: (p: ControlProgram<GraphValue>) => void, writes: readonly ValueKey[] = []): LoweredStep {
    let bound: ReadonlyMap<string, GraphValue> = new Map();
    const program = (graph: Graph): TensorProgram => {
      const made = new ControlProgram<GraphValue>(graph);
      build(made);
      bound = made.bindings;
      return made.finish(`${node.op.toLowerCase().replace(/[^a-z0-9_]/g, "_")}_${role}`);
    };
    const made = this.general ? this.general.program(program) : program(this.graph);
    return this.step({ node, program: made, plain: made, bindings: new Map(), views: [] }, bound, { role, writes });
  }

  private wire(of: ValueRef | GraphValue): Wire<GraphValue> {
    const value = "key" in of ? of : this.addValue(of);
    return { value, type: (graph) => (value.own ? value.type : graph.type(value.ref)), constant: value.constant };
  }

  /** Where a body's results go. Those that a step of the body makes are made there; the others are copied by what is returned. */
  private results(node: OperatorNode, region: RegionId, targets: readonly (GraphValue | undefined)[]): (() => Part[]) {
    const { graph } = this;
    const copies: { readonly from: ValueRef; readonly to: GraphValue }[] = [];
    for (const [i, { value: from }] of graph.region(region).outputs.entries()) {
      const to = targets[i];
      if (!to) continue;
      const producer = graph.node(from.node);
      const key = keyOfValue(from);
      if (producer.kind === "operator" && producer.region === region && !this.standIns.has(key)) this.standIns.set(key, to);
      else copies.push({ from, to });
      if (this.general) this.wanted.add(this.keyFor(from));
    }
    return () => copies.map(({ from, to }) => this.between(node, "result", (p) => p.copy(p.read(this.wire(from), "from"), p.write(this.wire(to), "to"))));
  }

  private control(node: OperatorNode, control: Control): Promise<Part[]> {
    const { graph } = this;
    const form = control({ node, attributes: this.table.attributes(node), inputType: (i) => graph.type(node.inputs[i]) });
    return form.kind === "branches" ? this.branches(node, form) : this.turns(node, form);
  }

  private async branches(node: OperatorNode, { condition, bodies }: BranchForm): Promise<Part[]> {
    const { graph } = this;
    const regions = bodies.map((body) => regionOf(node, body));
    const targets = node.outputs.map((o, output): GraphValue | undefined => {
      if (o.name === "" || graph.usesOfValue({ node: node.id, output }).length === 0) return undefined;
      const types = regions.map((r) => graph.type(graph.region(r).outputs[output]?.value));
      const differing = types.find((t) => t.kind !== "tensor" || !staticShape(t)) ?? types.find((t) => t !== types[0]);
      if (differing) throw new GraphwrightError("not-lowered", `cannot be lowered: ${o.name} is ${types[0]!.text} in ${bodies[0]} and ${types[1]!.text} in ${bodies[1]}, and generated code needs tensors of one shape that is known.`);
      return this.addValue({ node: node.id, output });
    });
    for (const t of targets) if (t) this.shared.add(t.key);
    const from = node.inputs[condition]!;
    const constant = graph.constant(from);
    const taken = constant && (toNumbers(constant.tensor())[0] !== 0 ? 0 : 1);
    const parts: Part[] = [];
    for (const [i, region] of regions.entries()) {
      if (taken !== undefined && i !== taken) continue;
      const copies = this.results(node, region, targets);
      const inside = await this.region(region);
      inside.push(...copies());
      if (taken !== undefined) parts.push(...inside);
      else parts.push({ node, body: bodies[i]!, flag: this.addValue(from).key, when: i === 0, repeats: false, parts: inside });
    }
    if (this.general) this.wanted.add(this.keyFor(from));
    return parts;
  }

  private async turns(node: OperatorNode, form: TurnForm): Promise<Part[]> {
    const { graph } = this;
    const region = regionOf(node, form.body);
    const { parameters, outputs: results } = graph.region(region);
    const { limit, condition } = form;
    const input = (i: number): ValueRef => {
      const ref = node.inputs[i];
      if (!ref) throw new GraphwrightError("not-lowered", `cannot be lowered: its input ${i} is omitted.`);
      return ref;
    };
    const asked = (output: number): boolean => node.outputs[output] !== undefined && graph.usesOfValue({ node: node.id, output }).length > 0;
    const stacks = form.stacks.filter((s) => asked(s.output));

    // What stays of one shape is refused before anything is made of it.
    for (const { input: from, parameter, result } of form.states) {
      const types = [graph.type(input(from)), graph.type({ node: parameters[parameter]!, output: 0 }), graph.type(results[result]!.value)] as const;
      const [first, , next] = types;
      const name = graph.node(parameters[parameter]!).outputs[0]!.name;
      if (first.kind !== "tensor" || !staticShape(first)) throw new GraphwrightError("not-lowered", `cannot be lowered: it carries ${name}, which is ${first.text}, and generated code needs tensors whose shapes are known.`);
      if (next !== first) throw new GraphwrightError("not-lowered", `cannot be lowered: the carried value ${name} is ${first.text} before a turn and ${next.text} after one, and its shape must stay.`);
    }
    const keeps = condition === undefined || bodyKeepsCondition(graph, region);
    if (keeps && limit === undefined) throw new GraphwrightError("not-lowered", "cannot be lowered: neither M nor its condition ever ends it.");
    for (const { output } of stacks) {
      const type = graph.type({ node: node.id, output });
      if (type.kind !== "tensor" || !staticShape(type)) throw new GraphwrightError("not-lowered", `cannot be lowered: its scan output ${node.outputs[output]!.name} is ${type.text}: how many turns it has rows for is decided by data.`);
    }

    const states = form.states.map((s) => ({ ...s, value: this.addValue(asked(s.output) ? { node: node.id, output: s.output } : { node: parameters[s.parameter]!, output: 0 }) }));
    const rows = stacks.map((s) => ({ ...s, value: this.addValue({ node: node.id, output: s.output }), axis: s.axis < 0 ? s.axis + rankOf(graph.type({ node: node.id, output: s.output })) : s.axis }));
    const turn = this.ownValue(node, "turn", tensorType("int64", []));
    const going = this.ownValue(node, "goes on", tensorType("bool", []));
    for (const value of [...states.map((s) => s.value), ...rows.map((r) => r.value), turn, going]) this.shared.add(value.key);
    const stands = (parameter: number | undefined, value: GraphValue): void => void (parameter !== undefined && this.standIns.set(keyOfValue({ node: parameters[parameter]!, output: 0 }), value));
    stands(form.counter, turn);
    stands(condition?.parameter, going);
    for (const s of states) stands(s.parameter, s.value);
    const changing = [...states.map((s) => s.value), turn, going];
    const slices = form.slices.filter((s) => graph.usesOf(parameters[s.parameter]!).length > 0);

    const limitIn = (p: ControlProgram<GraphValue>): Buffer | number | undefined => (limit === undefined ? undefined : "input" in limit ? p.read(this.wire(input(limit.input)), "limit") : this.countIn(node, p.graph));
    const start = this.between(
      node,
      "start",
      (p) => {
        const first = condition?.input === undefined ? truth(true) : single(p.read(this.wire(input(condition.input)), "condition"));
        const most = limitIn(p);
        for (const s of states) p.copy(p.read(this.wire(input(s.input)), "first"), p.write(this.wire(s.value), "state"));
        p.set(p.write(this.wire(turn), "turn"), number("int64", 0));
        p.set(p.write(this.wire(going), "goes_on"), and(first, below(number("int64", 0), most)));
      },
      rows.map((r) => r.value.key),
    );

    // What a turn gives is read after all of the turn; values that another one would overwrite first are held.
    const before: Part[] = [];
    const after: Part[] = [];
    if (slices.length > 0)
      before.push(this.between(node, "slices", (p) => {
        const at = p.read(this.wire(turn), "turn");
        for (const s of slices) {
          const from = p.read(this.wire(input(s.input)), "all");
          p.slice(from, p.write(this.wire({ node: parameters[s.parameter]!, output: 0 }), "slice"), s.axis, placeOf(at, from.dims[s.axis]!, s.reversed));
        }
      }));
    const resultOf = (i: number): GraphValue => this.addValue(results[i]!.value);
    const next = states.map((s) => ({ to: s.value, from: resultOf(s.result) })).filter(({ from, to }) => from !== to);
    const held = new Map<GraphValue, GraphValue>();
    // Whether another turn follows is decided after the carried values are those of that turn.
    const more = keeps ? undefined : resultOf(condition.result);
    for (const from of [...next.map((n) => n.from), ...(more ? [more] : [])]) if (next.some((n) => n.to === from) && !held.has(from)) held.set(from, this.ownValue(node, `held ${held.size}`, from.type, from));
    for (const [from, to] of held) after.push(this.between(node, "hold", (p) => p.copy(p.read(this.wire(from), "from"), p.write(this.heldWire(to, from), "to"))));
    const asResult = (from: GraphValue): Wire<GraphValue> => (held.has(from) ? this.heldWire(held.get(from)!, from) : this.wire(from));
    if (next.length + rows.length > 0)
      after.push(this.between(node, "next", (p) => {
        if (rows.length > 0) {
          const at = p.read(this.wire(turn), "turn");
          for (const r of rows) {
            const from = p.read(this.wire(resultOf(r.result)), "slice");
            const to = p.update(this.wire(r.value), "all");
            p.row(from, to, r.axis, placeOf(at, to.dims[r.axis]!, r.reversed));
          }
        }
        for (const { from, to } of next) p.copy(p.read(asResult(from), "next"), p.write(this.wire(to), "state"));
      }));
    after.push(this.between(node, "count", (p) => {
      const at = p.read(this.wire(turn), "turn");
      const wanted = more ? single(p.read(asResult(more), "condition")) : truth(true);
      const most = limitIn(p);
      p.set(p.write(this.wire(going), "goes_on"), and(wanted, below(oneMore(at), most)));
      p.set(p.write(this.wire(turn), "next_turn"), oneMore(at));
    }));
    for (const value of changing) this.changing.add(value.key);
    const inside = await this.region(region);
    for (const value of changing) this.changing.delete(value.key);
    return [start, { node, body: form.body, flag: going.key, when: true, repeats: true, parts: [...before, ...inside, ...after] }];
  }

  /** A held value has the type of what it holds. */
  private heldWire(held: GraphValue, like: GraphValue): Wire<GraphValue> {
    return { value: held, type: (graph) => (like.own ? like.type : graph.type(like.ref)), constant: false };
  }

  /** The number of turns in a sample of a graph. */
  private countIn(node: OperatorNode, graph: Graph): number {
    const there = graph.node(node.id) as OperatorNode;
    const form = this.table.control!(there)!({ node: there, attributes: this.table.attributes(there), inputType: (i) => graph.type(there.inputs[i]) });
    return form.kind === "turns" && form.limit && "count" in form.limit ? form.limit.count : 0;
  }
}

function regionOf(node: OperatorNode, body: string): RegionId {
  const region = node.regions[body];
  if (region === undefined) throw new GraphwrightError("not-lowered", `cannot be lowered: it has no body ${body}.`);
  return region;
}

/** Steps one after the other, with the ranges of the bodies and what those keep for later turns and other branches. */
function inOrder(parts: readonly Part[], inputs: readonly ValueKey[]): Pick<LoweredGraph, "steps" | "bodies"> {
  const steps: LoweredStep[] = [];
  const bodies: BodyRange[] = [];
  const lay = (list: readonly Part[]): void => {
    for (const part of list) {
      if ("program" in part) {
        steps.push(part);
        continue;
      }
      const { parts: inside, ...body } = part;
      const at = bodies.length;
      bodies.push({ ...body, begin: steps.length, end: steps.length });
      lay(inside);
      bodies[at] = { ...bodies[at]!, end: steps.length };
    }
  };
  lay(parts);
  const keeps = steps.map(() => new Set<ValueKey>());
  for (const { begin, end, flag, repeats } of bodies) {
    if (begin === end) continue;
    keeps[end - 1]!.add(flag);
    if (!repeats) continue;
    // What was there before the first turn must be there before each.
    const before = new Set([...inputs, ...steps.slice(0, begin).flatMap((s) => s.writes)]);
    for (const s of steps.slice(begin, end)) for (const key of [...s.reads, ...s.writes, ...s.views.flatMap((v) => [v.part, v.whole])]) if (before.has(key)) keeps[end - 1]!.add(key);
  }
  return { steps: steps.map((s, i) => (keeps[i]!.size === 0 ? s : { ...s, keeps: [...keeps[i]!] })), bodies: bodies.filter((b) => b.begin < b.end) };
}

const reach = new WeakMap<Graph, Set<number>>();
/** Does the node contribute to an output of the model? Dead code is not built. */
function reachesOutput(graph: Graph, node: OperatorNode): boolean {
  let live = reach.get(graph);
  if (!live) {
    live = new Set<number>();
    const pending = graph.root.outputs.map((o) => o.value.node);
    while (pending.length > 0) {
      const id = pending.pop() as number;
      if (live.has(id)) continue;
      live.add(id);
      const at = graph.node(id);
      for (const input of at.inputs) if (input) pending.push(input.node);
      // What the results of bodies need: captured values among them.
      if (at.kind === "operator") for (const region of Object.values(at.regions)) for (const o of graph.region(region).outputs) pending.push(o.value.node);
    }
    reach.set(graph, live);
  }
  return live.has(node.id);
}

function viewsOf(node: OperatorNode, views: readonly View[], addValue: (ref: ValueRef) => GraphValue): LoweredStep["views"] {
  const resolve = (place: View["part"]): GraphValue | undefined => {
    const ref = "input" in place ? node.inputs[place.input] : { node: node.id, output: place.output };
    return ref ? addValue(ref) : undefined;
  };
  return views.flatMap((v) => {
    const part = resolve(v.part);
    const whole = resolve(v.whole);
    if (!part || !whole || part.type.element === null) return [];
    return [{ part: part.key, whole: whole.key, offset: byteSize(part.type.element, v.offset) }];
  });
}

/** What is computed with fewer multiplications than its definition has, for the notes of a bundle. */
export function fewerMultiplications(graph: Graph): string[] {
  const count = (op: string): number => [...graph].filter((n) => n.kind === "operator" && n.op === op).length;
  const [filtered, halved] = [count("WinogradConv"), count("StrassenMatMul") + count("StrassenConv")];
  const notes: string[] = [];
  if (filtered + halved > 0) notes.push(`Convolutions by minimal filtering: ${filtered}; products by Strassen's algorithm: ${halved}. Their rounding errors are up to ten times those of computing directly, which a strict build does.`);
  return notes;
}

/** One note for each node whose own schedule was not taken. */
export const refusedSchedules = (lowered: LoweredGraph): string[] =>
  lowered.steps.filter((s) => s.refused !== undefined).map((s) => `${describeNode(s.node)} has a schedule of its own that does not fit what it is lowered to, so it has the rule's: ${s.refused}`);
