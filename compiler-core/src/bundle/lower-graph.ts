import type { Dim } from "../ir/dim.ts";
import { byteSize } from "../ir/element-type.ts";
import { describeNode, type Graph, type Node, type OperatorNode, rootRegion, type ValueRef } from "../ir/graph.ts";
import { topologicalOrder } from "../ir/order.ts";
import { tensorBytes } from "../ir/tensor.ts";
import { elementCount, staticShape, type TensorType } from "../ir/value-type.ts";
import { attributeReader, findOperator } from "../ops/index.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { Task } from "../support/task.ts";
import { freshName } from "../tensor/build.ts";
import { Generalizer } from "../tensor/generalize.ts";
import { inPlaceInputs } from "../tensor/in-place.ts";
import { hoistScratch, type LoweredNode, lowerNode, type LoweringTable, withoutUnread } from "../tensor/lower-node.ts";
import { type Layout, printLayout } from "../tensor/layout.ts";
import type { View } from "../tensor/lowering.ts";
import type { Buffer, Expression, TensorProgram, Variable } from "../tensor/program.ts";
import { sizeExpression, sizeValue } from "../tensor/sizes.ts";
import { scheduleParallel } from "../tensor/parallel-rule.ts";
import { type Chosen, scheduleByRule } from "../tensor/rules.ts";
import type { ScheduleChooser } from "../tensor/schedule-choice.ts";
import { applySteps, ownSchedule, scheduleKey } from "../tensor/schedule/own-schedule.ts";
import type { ScheduleStep } from "../tensor/schedule/schedule.ts";
import { portableTarget, type ScheduleTarget } from "../tensor/target.ts";
import { verifyProgram } from "../tensor/verifier.ts";
import { sizeIdentifier } from "./c-names.ts";

/** What lowering asks of the operators, from the operator table. */
export const operatorLowering: LoweringTable = {
  lowering: (node) => findOperator(node.domain, node.op)?.lower,
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
  readonly program: TensorProgram;
  readonly schedule: readonly ScheduleStep[];
  /** why a schedule that a person gave the node was not taken, and the rule's was */
  readonly refused?: string;
  /** what each parameter stands for; scratch has none */
  readonly values: ReadonlyMap<Buffer, ValueKey>;
  readonly reads: readonly ValueKey[];
  readonly writes: readonly ValueKey[];
  readonly scratch: readonly Buffer[];
  /** inputs whose memory an output may take over, when both have the same size */
  readonly inPlace: readonly (readonly [input: ValueKey, output: ValueKey])[];
  readonly views: readonly { readonly part: ValueKey; readonly whole: ValueKey; /** bytes */ readonly offset: number }[];
}

export interface LoweredGraph {
  readonly values: ReadonlyMap<ValueKey, GraphValue>;
  readonly inputs: readonly ValueKey[];
  readonly outputs: readonly ValueKey[];
  readonly outputNames: readonly string[];
  /** sizes that are given at run time */
  readonly sizes: readonly Variable[];
  readonly steps: readonly LoweredStep[];
}

/** Lowers the nodes of a graph whose sizes are given at run time: at each sample, and then to what these have in common. */
export class SizedLowering {
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
    return found.some((e) => e.kind !== "integer") ? found : undefined;
  }

  /** Is it the same constant in every sample? */
  same(ref: ValueRef): boolean {
    const [first, ...others] = this.sized.samples.map(({ graph }) => graph.constant(ref));
    return others.every((c) => c === first || (c !== undefined && first !== undefined && c.type === first.type && sameBytes(tensorBytes(c.tensor()), tensorBytes(first.tensor()))));
  }
}

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

/**
 * Lowers every operator of the root region. What cannot be lowered is collected: one error "not-lowered" lists every
 * offending node, value and reason.
 */
export async function lowerGraph(graph: Graph, task: Task, table: LoweringTable = operatorLowering, target: ScheduleTarget = portableTarget, parallelWork?: number, sized?: SizedGraph, chooser?: ScheduleChooser): Promise<LoweredGraph> {
  const root = graph.root;
  const general = sized && sizedLowering(sized, table);
  const refused: string[] = [];
  const values = new Map<ValueKey, GraphValue>();
  const describeValue = (node: Node, ref: ValueRef): string => node.outputs[ref.output]?.name || describeNode(node);

  const addValue = (ref: ValueRef, packed?: Buffer): GraphValue => {
    const layout = packed?.packed?.layout;
    const key = layout ? `${keyOfValue(ref)} ${printLayout(layout)}` : keyOfValue(ref);
    const known = values.get(key);
    if (known) return known;
    const node = graph.node(ref.node);
    const type = graph.type(ref) as TensorType;
    const shape = packed ? undefined : general?.shape(ref);
    const dims = packed ? packed.dims : shape ? shape.map((e) => sizeValue(e, new Map(general!.sizes.map((s) => [s, s.max!])))) : (staticShape(type) ?? []);
    const value: GraphValue = {
      key,
      ref,
      name: describeValue(node, ref) + (layout ? ` ${printLayout(layout)}` : ""),
      type,
      dims,
      ...(shape ? { shape } : {}),
      bytes: type.element ? byteSize(type.element, elementCount(dims)) : 0,
      constant: node.kind === "constant",
      ...(layout ? { layout } : {}),
    };
    values.set(key, value);
    return value;
  };

  for (const id of root.parameters) {
    const node = graph.node(id);
    const type = node.outputs[0]?.type;
    if (type?.kind !== "tensor" || type.element === null || !staticShape(type))
      refused.push(`the input ${node.outputs[0]?.name} is ${type?.text}: its shape must be static`);
  }
  // Nodes that a size of an input reaches: a line for each would hide what else is refused.
  const openInputs = refused.length > 0;
  const reached: string[] = [];
  const order = topologicalOrder(graph, rootRegion);
  // Sizes that a graph computes from shapes are known when it is lowered: only what feeds a program is a step.
  const wanted = new Set(root.outputs.map((o) => keyOfValue(o.value)));
  const needed = (node: OperatorNode): boolean => !general || node.outputs.some((_, output) => wanted.has(keyOfValue({ node: node.id, output })));
  const operators = order.map((id) => graph.node(id)).filter((n): n is OperatorNode => n.kind === "operator" && reachesOutput(graph, n));
  const steps: LoweredStep[] = [];
  // From the last to the first where not all are needed.
  for (const [i, node] of (general ? [...operators].reverse() : operators).entries()) {
    if (!needed(node)) continue;
    task.check();
    if (i % 8 === 0) {
      task.progress(i / operators.length, `lowering ${node.name || node.op}`);
      await task.pause();
    }
    try {
      const { lowered, schedule, program, refused: refusedSchedule } = scheduled(general ? general.node(node.id) : lowerNode(graph, node, table), target, parallelWork, chooser);
      const parameterValues = new Map<Buffer, ValueKey>();
      // Scheduling keeps parameters: they are matched by name.
      const byName = new Map([...lowered.bindings].map(([b, ref]) => [b.name, ref]));
      for (const p of program.parameters) {
        const ref = byName.get(p.name);
        if (ref && p.scope !== "scratch") parameterValues.set(p, addValue(ref, p.packed && p).key);
      }
      if (general)
        for (const key of parameterValues.values()) {
          wanted.add(key);
          const { ref, constant, name } = values.get(key)!;
          if (constant && !general.same(ref)) throw new GraphwrightError("not-lowered", `cannot be lowered for sizes of run time: the constant ${name} differs with them.`);
        }
      const of = (scope: Buffer["scope"][]): ValueKey[] => program.parameters.filter((p) => scope.includes(p.scope)).map((p) => parameterValues.get(p) as ValueKey);
      steps.push({
        node,
        program,
        schedule: schedule.steps,
        ...(refusedSchedule === undefined ? {} : { refused: refusedSchedule }),
        values: parameterValues,
        reads: of(["input", "weight"]),
        writes: of(["output"]),
        scratch: program.parameters.filter((p) => p.scope === "scratch"),
        inPlace: inPlaceInputs(program).map(([from, to]) => [parameterValues.get(from) as ValueKey, parameterValues.get(to) as ValueKey] as const),
        views: viewsOf(node, lowered.views, addValue),
      });
    } catch (error) {
      if (!(error instanceof GraphwrightError)) throw error;
      if (openInputs && error.diagnostic.message.includes("is not static")) reached.push(describeNode(node));
      else refused.push(`${describeNode(node)} ${error.diagnostic.message}`);
    }
  }
  if (general) steps.reverse();
  const outputs = root.outputs.map((o) => addValue(o.value).key);
  if (reached.length > 0) refused.push(`shapes that follow from these inputs, of ${reached.length} ${reached.length === 1 ? "node" : "nodes"}: ${reached.join(", ")}`);
  if (refused.length > 0)
    throw new GraphwrightError(
      "not-lowered",
      `the model cannot be built: ${refused.length} ${refused.length === 1 ? "place is" : "places are"} not supported.\n${refused.map((r) => `  - ${r}`).join("\n")}`,
      undefined,
      "Nothing was written. Fix input shapes (build --fix N=1) or give bounds (build --max N=8), fold constants, or replace the operators listed.",
    );
  const inputs = root.parameters.map((id) => addValue({ node: id, output: 0 }).key);
  return { values, inputs, outputs, outputNames: root.outputs.map((o) => o.name), sizes: general?.sizes ?? [], steps };
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
      for (const input of graph.node(id).inputs) if (input) pending.push(input.node);
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

/** One note for each node whose own schedule was not taken. */
export const refusedSchedules = (lowered: LoweredGraph): string[] =>
  lowered.steps.filter((s) => s.refused !== undefined).map((s) => `${describeNode(s.node)} has a schedule of its own that does not fit what it is lowered to, so it has the rule's: ${s.refused}`);
