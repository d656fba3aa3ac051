import { byteSize } from "../ir/element-type.ts";
import { describeNode, type Graph, type OperatorNode, qualifiedOp } from "../ir/graph.ts";
import { elementCount } from "../ir/value-type.ts";
import { helperDefinitions } from "../backends/c/helpers.ts";
import { byteUseOf, cTarget, type CTarget } from "../backends/c/isa.ts";
import type { LibraryCall, VendorLibrary } from "../backends/c/libraries.ts";
import { type KernelSource, printKernel } from "../backends/c/print.ts";
import { shareKernels } from "../backends/c/share-kernels.ts";
import { shareTiles, type TiledKernels } from "../backends/c/share-tiles.ts";
import { vectorDefinitions } from "../backends/c/vector-helpers.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { Task } from "../support/task.ts";
import type { LoweringTable } from "../tensor/lower-node.ts";
import { keyOf } from "../tensor/expression.ts";
import type { Buffer, Expression } from "../tensor/program.ts";
import { sizeRange, sizesOf } from "../tensor/sizes.ts";
import type { ScheduleChooser } from "../tensor/schedule-choice.ts";
import { type ScheduleTarget, scheduleTargets } from "../tensor/target.ts";
import { type BundleFile, textFile } from "./bundle-file.ts";
import { type CModel, headerSource, modelSource, type StepCall, type TensorInfo } from "./c-model.ts";
import { dispatchSource, kernelsSource, stepsHeader, stepsSource } from "./c-variants.ts";
import { memoryHeader, memorySource } from "./c-memory.ts";
import { threadsHeader, threadsSource } from "./c-threads.ts";
import { commentText } from "./c-names.ts";
import type { SizeInfo } from "./c-sizes.ts";
import { type BodyRange, type ControlRole, keyOfValue, lowerGraph, type LoweredGraph, type LoweredStep, operatorLowering, type SizedGraph, type ValueKey } from "./lower-graph.ts";
import { type Location, type MemoryPlan, planMemory } from "./memory-plan.ts";
import { checkMemoryPlan, type CheckedPlan } from "./overlap-checker.ts";
import { layOutWeights, makeWeights, type WeightsFile, type WeightTensor } from "./weights.ts";

/** The code of a model with all that was decided for it: what a bundle packs, and what tests compile by itself. */
export interface GeneratedCode {
  readonly id: string;
  readonly lowered: LoweredGraph;
  readonly plan: MemoryPlan;
  readonly checked: CheckedPlan;
  readonly weights: WeightsFile;
  readonly kernels: Kernels;
  readonly model: CModel;
  /** one for each target, the one that runs everywhere first */
  readonly variants: readonly Variant[];
  /** header, model, dispatch and kernels */
  readonly files: readonly BundleFile[];
  readonly sources: readonly string[];
  /** private headers */
  readonly headers: readonly string[];
}

export interface GenerateOptions {
  readonly modelName: string;
  readonly lowering?: LoweringTable;
  /** instruction sets to schedule and print for, the one that runs everywhere first; all when not given */
  readonly targets?: readonly ScheduleTarget[];
  /** steps that it covers call it, where the code is compiled with its macro */
  readonly library?: VendorLibrary;
  /** elements stored and loaded from which a nest is shared among threads */
  readonly parallelWork?: number;
  /** the graph with sizes that are given at run time; `graph` is then its first sample */
  readonly sized?: SizedGraph;
  /** schedules other than the rule's, as measured */
  readonly schedules?: ScheduleChooser;
}

/** The steps of one target. All targets share the memory plan, the weights and the order of steps. */
export interface Variant {
  readonly target: CTarget;
  readonly lowered: LoweredGraph;
  readonly kernels: Kernels;
}

/** What all variants need at once: the largest scratch of each step, and only memory sharing that suits every one. */
function joinedSteps(variants: readonly LoweredGraph[]): { readonly scratch: readonly (readonly number[])[]; readonly inPlace: readonly LoweredStep["inPlace"][] } {
  const base = variants[0]!;
  const sizes = (s: LoweredStep): number[] => s.scratch.map((b) => byteSize(b.element, elementCount(b.dims)));
  return {
    scratch: base.steps.map((_, i) => {
      const all = variants.map((v) => sizes(v.steps[i]!));
      return Array.from({ length: Math.max(...all.map((s) => s.length)) }, (_, k) => Math.max(...all.map((s) => s[k] ?? 0)));
    }),
    inPlace: base.steps.map((s, i) => s.inPlace.filter(([a, b]) => variants.every((v) => v.steps[i]!.inPlace.some(([x, y]) => x === a && y === b)))),
  };
}

/** A place for every value and every weight; the plan has passed its independent check. */
export interface PlannedGraphs {
  readonly plan: MemoryPlan;
  readonly checked: CheckedPlan;
  readonly weightTensors: readonly WeightTensor[];
  at(key: ValueKey): Location;
}

/** One memory plan for the lowerings of a graph to one or more targets. Throws "unsound-plan" if it fails its check. */
export async function planGraphs(graph: Graph, graphs: readonly LoweredGraph[], task: Task): Promise<PlannedGraphs> {
  const lowered = graphs[0]!;
  const joined = joinedSteps(graphs);
  if (lowered.outputs.length === 0) throw new GraphwrightError("no-outputs", "the model has no outputs.");

  // Targets may pack a weight differently.
  const values = new Map(graphs.flatMap((g) => [...g.values]));
  const constants = [...values.values()].filter((v) => v.constant && v.type.element !== null && graphs.some((g) => isRead(g, v.key)));
  const weightTensors = constants.map((v) => ({ name: v.name, value: graph.constant(v.ref)!, ...(v.layout ? { layout: v.layout } : {}) }));
  const { offsets } = layOutWeights(weightTensors);
  const weightOffsets = new Map(constants.map((v, i) => [v.key, offsets[i]!]));

  task.progress(undefined, "planning memory");
  await task.pause();
  const plan = planMemory({
    values: [...values.values()].map((v) => ({ key: v.key, bytes: v.bytes, ...(weightOffsets.has(v.key) ? { weightOffset: weightOffsets.get(v.key)! } : {}) })),
    steps: lowered.steps.map((s, i) => ({
      reads: [...new Set([...s.reads, ...s.keeps])],
      writes: s.writes,
      scratch: joined.scratch[i]!,
      inPlace: joined.inPlace[i]!,
      views: s.views,
    })),
    inputs: lowered.inputs,
    // A run on what the last one has left in an input's memory might never end where it decides the turns of a loop.
    outputs: lowered.bodies.length > 0 ? [...lowered.outputs, ...lowered.inputs] : lowered.outputs,
  });
  const checked = checkedPlan(lowered, plan, joined.scratch);
  const violations = checkMemoryPlan(checked);
  if (violations.length > 0)
    throw new GraphwrightError("unsound-plan", `the memory plan does not pass its check: ${violations[0]}${violations.length > 1 ? ` (and ${violations.length - 1} more)` : ""}.`, undefined, "This is a defect of Graphwright: please report it with the model.");

  return { plan, checked, weightTensors, at: (key) => plan.locations.get(key) ?? { space: "arena", offset: 0 } };
}

/**
 * Lowers, schedules, plans and prints a graph as C. Throws "not-lowered", listing every node that has no lowering
 * and every value that is not static, and "unsound-plan" if the memory plan fails its independent check.
 */
export async function generateCode(graph: Graph, id: string, options: GenerateOptions, task: Task): Promise<GeneratedCode> {
  const targets = options.targets ?? scheduleTargets;
  const graphs: LoweredGraph[] = [];
  for (const target of targets) graphs.push(withoutSharing(await lowerGraph(graph, task, options.lowering ?? operatorLowering, target, options.parallelWork, options.sized, options.schedules), options));
  const lowered = graphs[0]!;
  const { plan, checked, weightTensors, at } = await planGraphs(graph, graphs, task);
  const weights = await makeWeights(weightTensors, task);
  task.progress(undefined, "printing kernels");
  await task.pause();
  const use = byteUseOf(graphs.flatMap((g) => g.steps.map((s) => s.program)));
  const variants = graphs.map((g, v): Variant => {
    const target = cTarget(targets[v]!.name, use);
    return { target, lowered: g, kernels: printKernels(id, g, plan, target, options) };
  });
  const { kernels } = variants[0]!;
  const infoOf = (key: ValueKey, name: string): TensorInfo => {
    const v = lowered.values.get(key)!;
    return { name, element: v.type.element!, dims: v.dims, ...(v.shape ? { shape: v.shape } : {}), bytes: v.bytes, location: at(key) };
  };
  const callsOf = (variant: Variant): StepCall[] =>
    variant.kernels.calls.map(({ step, kernel, numbers }) => {
      const s = variant.lowered.steps[step]!;
      return {
        label: stepLabel(s),
        op: qualifiedOp(s.node),
        kernel: kernel.name,
        stages: kernel.source.stages,
        numbers,
        sizes: sizesOf(s.program).map((v) => lowered.sizes.indexOf(v)),
        arguments: s.program.parameters.map((p) => ({
          location: p.scope === "scratch" && !s.values.has(p) ? { space: "arena", offset: plan.scratch[step]![s.scratch.indexOf(p)]! } : at(s.values.get(p)!),
          element: p.element,
          writes: p.scope === "output" || p.scope === "scratch",
        })),
      };
    });
  const steps = callsOf(variants[0]!);
  const model: CModel = {
    id,
    modelName: options.modelName,
    inputs: lowered.inputs.map((k) => infoOf(k, lowered.values.get(k)!.name)),
    outputs: lowered.outputs.map((k, i) => infoOf(k, lowered.outputNames[i]!)),
    steps,
    bodies: callRanges(lowered, plan).map(({ begin, end, flag, when, repeats }) => ({ begin, end, flag: at(flag), when, repeats })),
    sizes: sizeInfos(lowered, options.sized),
    sizeLimits: sizeLimits(lowered),
    arenaBytes: plan.arenaBytes,
    lowerBoundBytes: plan.lowerBoundBytes,
    weights,
  };
  const files = [
    textFile(`include/${id}.h`, headerSource(model)),
    textFile(`include/${id}_threads.h`, threadsHeader(model)),
    textFile(`include/${id}_memory.h`, memoryHeader(model)),
    textFile(`src/${id}.c`, modelSource(model)),
    textFile(`src/${id}_threads.c`, threadsSource(model)),
    textFile(`src/${id}_memory.c`, memorySource(model)),
    textFile(`src/${id}_steps.h`, stepsHeader(model, variants.map((v) => v.target))),
    textFile(`src/${id}_dispatch.c`, dispatchSource(model, variants.map((v) => v.target))),
    textFile(`src/${id}_helpers.h`, helpersHeader(id, new Set(variants.flatMap((v) => v.kernels.list.flatMap((k) => [...k.source.helpers]))), options.library)),
    ...variants.flatMap((v) => [
      ...v.kernels.headers.map((f) => textFile(f.path, f.text)),
      textFile(`src/${id}_${v.target.target.name}.c`, stepsSource(model, v.target, callsOf(v))),
      ...v.kernels.files.map((f) => textFile(f.path, f.text)),
    ]),
  ];
  const sources = files.map((f) => f.path).filter((path) => path.endsWith(".c"));
  const headers = files.map((f) => f.path).filter((path) => path.startsWith("src/") && path.endsWith(".h"));
  return { id, lowered, plan, checked, weights, kernels, variants, model, files, sources, headers };
}

/** The bodies as ranges of the steps that have code. */
export function callRanges(lowered: LoweredGraph, plan: MemoryPlan): BodyRange[] {
  const calls = [0];
  for (const elided of plan.elided) calls.push(calls.at(-1)! + (elided ? 0 : 1));
  return lowered.bodies.map((b) => ({ ...b, begin: calls[b.begin]!, end: calls[b.end]! }));
}

/** The bodies for a manifest: which steps, and what their flag must be. */
export const bodiesInfo = (lowered: LoweredGraph, plan: MemoryPlan): object =>
  lowered.bodies.length === 0 ? {} : { bodies: callRanges(lowered, plan).map((b) => ({ node: describeNode(b.node), op: qualifiedOp(b.node), body: b.body, steps: [b.begin, b.end - 1], flag: nameIn(lowered, b.flag), when: b.when, repeats: b.repeats })) };

export const sizeInfos = (lowered: LoweredGraph, sized: SizedGraph | undefined): SizeInfo[] => lowered.sizes.map((variable, i) => ({ name: sized!.sizes[i]!.name, variable }));

/** Dimensions of values that some sizes within their bounds would make empty: such sizes are refused. */
export function sizeLimits(lowered: LoweredGraph): Expression[] {
  const found = new Map<string, Expression>();
  for (const v of lowered.values.values()) for (const e of v.shape ?? []) if (e.kind !== "integer" && sizeRange(e).low < 1) found.set(keyOf(e), e);
  return [...found.values()];
}

/** C sources above this many characters are split, so that compilers can work on them side by side. */
const sourceLimit = 170_000;

const isRead = (lowered: LoweredGraph, key: ValueKey): boolean =>
  lowered.outputs.includes(key) || lowered.steps.some((s) => s.reads.includes(key) || s.views.some((v) => v.part === key || v.whole === key));

export const labelOf = (node: OperatorNode): string => node.name || node.outputs.find((o) => o.name !== "")?.name || `node_${node.id}`;

const roleNames: Record<ControlRole, string> = { start: "start", slices: "slices", hold: "hold", next: "next turn", count: "count turns", result: "result" };
/** What a step is called: the node's name, and for one with bodies what is done between them. */
export const stepLabel = (step: Pick<LoweredStep, "node" | "role">): string => (step.role ? `${labelOf(step.node)}: ${roleNames[step.role]}` : labelOf(step.node));

/** Names in documents are unique: a value's own name, with its key where two share one. */
export function nameIn(lowered: LoweredGraph, key: ValueKey): string {
  let names = uniqueNames.get(lowered);
  if (!names) {
    names = new Map();
    const taken = new Set<string>();
    for (const v of lowered.values.values()) {
      const name = taken.has(v.name) ? `${v.name}#${v.key}` : v.name;
      taken.add(name);
      names.set(v.key, name);
    }
    uniqueNames.set(lowered, names);
  }
  return names.get(key) ?? key;
}
const uniqueNames = new WeakMap<LoweredGraph, Map<ValueKey, string>>();

function checkedPlan(lowered: LoweredGraph, plan: MemoryPlan, scratch: readonly (readonly number[])[]): CheckedPlan {
  const name = (key: ValueKey): string => nameIn(lowered, key);
  return {
    arena_bytes: plan.arenaBytes,
    values: [...lowered.values.values()].flatMap((v) => {
      const location = plan.locations.get(v.key);
      return location ? [{ name: name(v.key), space: location.space, offset: location.offset, bytes: v.bytes, element_bytes: byteSize(v.type.element!, 1) }] : [];
    }),
    inputs: lowered.inputs.map(name),
    outputs: lowered.outputs.map(name),
    steps: lowered.steps.map((s, i) => ({
      name: `${i}: ${stepLabel(s)}`,
      kind: plan.elided[i] ? "view" : "kernel",
      reads: (plan.elided[i] ? s.reads.filter((r) => s.views.some((v) => v.part === r || v.whole === r)) : s.reads).map(name),
      ...(s.keeps.length > 0 ? { keeps: s.keeps.map(name) } : {}),
      writes: s.writes.map(name),
      scratch: plan.elided[i] ? [] : scratch[i]!.map((bytes, k) => ({ offset: plan.scratch[i]![k]!, bytes })),
      in_place: [...plan.takenInPlace[i]!, ...updated(s)].map(([a, b]) => [name(a), name(b)] as const),
      views: plan.elided[i] ? s.views.map((v) => ({ part: name(v.part), whole: name(v.whole), offset: v.offset })) : [],
    })),
    ...(lowered.bodies.length > 0 ? { bodies: lowered.bodies.map((b) => ({ begin: b.begin, end: b.end, flag: name(b.flag), when: b.when, repeats: b.repeats })) } : {}),
  };
}

/** Values that a step reads and writes at once. */
const updated = (s: LoweredStep): (readonly [ValueKey, ValueKey])[] => s.writes.filter((w) => s.reads.includes(w)).map((w) => [w, w] as const);

export interface Kernel {
  readonly name: string;
  /** what it calls, where the bundle is compiled with the vendor library */
  readonly routine?: string;
  readonly source: KernelSource;
  file: string;
  /** line of the function's first line in its file */
  line: number;
  /** in its own lines, or in those of a tile that it shares */
  blocks: readonly BlockPlace[];
}

interface Place {
  readonly file: string;
  readonly line: number;
}

/** The lines of a block of the program. */
export interface BlockPlace {
  readonly block: string;
  readonly file: string;
  readonly from: number;
  readonly to: number;
}

export interface Kernels {
  readonly list: readonly Kernel[];
  readonly calls: readonly { readonly step: number; readonly kernel: Kernel; /** what the step passes for numbers of its shapes */ readonly numbers: readonly number[] }[];
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly headers: readonly { readonly path: string; readonly text: string }[];
}

/** The buffers of a step's inputs and outputs, in the node's order. */
function buffersOf(step: LoweredStep): { inputs: (Buffer | null)[]; outputs: Buffer[] } {
  const bufferOf = (key: ValueKey, output: boolean): Buffer | undefined => step.program.parameters.find((p) => step.values.get(p) === key && (p.scope === "output") === output);
  return {
    inputs: step.node.inputs.map((ref) => (ref ? (bufferOf(keyOfValue(ref), false) ?? null) : null)),
    outputs: step.node.outputs.flatMap((_, output) => bufferOf(keyOfValue({ node: step.node.id, output }), true) ?? []),
  };
}

const callOf = (step: LoweredStep, library: VendorLibrary, lowering: LoweringTable): LibraryCall | undefined => sizesOf(step.program).length > 0 ? undefined : library.callOf({ node: step.node, attributes: lowering.attributes(step.node), ...buffersOf(step) });

/** A library writes its result while it reads its factors, whatever the loop nest does: only what it adds to may lie in the same place. */
function withoutSharing(graph: LoweredGraph, { library, lowering = operatorLowering }: GenerateOptions): LoweredGraph {
  if (!library) return graph;
  return {
    ...graph,
    steps: graph.steps.map((step) => {
      const factors = callOf(step, library, lowering) ? step.node.inputs.slice(0, 2).map((ref) => ref && keyOfValue(ref)) : [];
      return factors.length === 0 ? step : { ...step, inPlace: step.inPlace.filter(([input]) => !factors.includes(input)) };
    }),
  };
}

/** Prints each distinct program once; steps whose programs are equal, or differ in numbers of their shapes alone, share a kernel. */
function printKernels(id: string, lowered: LoweredGraph, plan: MemoryPlan, variant: CTarget, { library, lowering = operatorLowering }: GenerateOptions): Kernels {
  const { name: isa } = variant.target;
  const placeholder = "KERNEL";
  const printed = lowered.steps.flatMap((step, i) => {
    if (plan.elided[i]) return [];
    const mayAlias = new Set<Buffer>();
    const of = (key: ValueKey, scope: string): Buffer[] => step.program.parameters.filter((p) => step.values.get(p) === key && (scope === "output") === (p.scope === "output"));
    for (const [input, output] of [...plan.takenInPlace[i]!, ...updated(step)]) for (const p of [...of(input, "input"), ...of(output, "output")]) mayAlias.add(p);
    const called = library && callOf(step, library, lowering);
    const source = printKernel(step.program, { name: placeholder, mayAlias, target: variant.target, threads: true, ...(library && called ? { call: { macro: library.macro, call: called } } : {}) });
    return [{ step: i, source, routine: called?.routine }];
  });
  const calls: { step: number; kernel: Kernel; numbers: readonly number[] }[] = [];
  const users = new Map<Kernel, LoweredStep[]>();
  const moved = new Map<Kernel, TiledKernels["moved"][number]>();
  const tiled = shareTiles(printed.map((p) => p.source), (tile) => `${id}_${isa}_t${String(tile).padStart(3, "0")}`);
  const list = shareKernels(tiled.kernels).map(({ source, uses }, k): Kernel => {
    const first = printed[uses[0]!.at]!;
    const name = `${id}_${isa}_k${String(k).padStart(3, "0")}_${lowered.steps[first.step]!.program.name}`;
    const rename = (text: string): string => text.replace(`void ${placeholder}(`, `void ${name}(`);
    const kernel: Kernel = { name, ...(first.routine === undefined ? {} : { routine: first.routine }), source: { ...source, text: rename(source.text), prototype: rename(source.prototype) }, file: "", line: 0, blocks: [] };
    for (const { at, numbers } of uses) calls.push({ step: printed[at]!.step, kernel, numbers });
    users.set(kernel, uses.map(({ at }) => lowered.steps[printed[at]!.step]!));
    moved.set(kernel, tiled.moved[uses[0]!.at]!);
    return kernel;
  });
  calls.sort((a, b) => a.step - b.step);
  const files: { path: string; text: string }[] = [];
  const vectors = vectorDefinitions(new Set(list.flatMap((k) => [...k.source.vectorHelpers])), new Set(list.flatMap((k) => [...k.source.vectorWidths])));
  const includes = [`${id}_${isa}.h`, `${id}_helpers.h`, ...(vectors.length > 0 ? [`${id}_${isa}_vectors.h`] : [])].map((h) => `#include "${h}"\n`).join("");
  // Lines above what is added here: the guard and the target's instructions.
  const above = kernelsSource(variant, "", includes).split(includes)[0]! + includes;
  let text = "";
  let lines = 0;
  const open = (): void => {
    text = includes;
    lines = above.split("\n").length - 1;
  };
  const close = (): void => {
    const name = `${id}_${isa}_kernels_${files.length}`;
    files.push({ path: `src/${name}.c`, text: kernelsSource(variant, name, text) });
  };
  open();
  let begun = false;
  const label = (s: LoweredStep): string => `${commentText(stepLabel(s))} (${commentText(qualifiedOp(s.node))})`;
  const add = (source: KernelSource, above: readonly string[]): Place => {
    if (begun && text.length + source.text.length > sourceLimit) {
      close();
      open();
    }
    begun = true;
    const comment = `\n/*\n${above.map((line) => ` * ${line}\n`).join("")} */\n`;
    const place = { file: `src/${id}_${isa}_kernels_${files.length}.c`, line: lines + comment.split("\n").length };
    text += comment + source.text;
    lines = place.line + source.text.split("\n").length - 2;
    return place;
  };
  const tilePlaces = tiled.tiles.map(({ source, callers }) => add(source, callers.map((at) => `tile of ${label(lowered.steps[printed[at]!.step]!)}`)));
  for (const kernel of list) {
    Object.assign(kernel, add(kernel.source, users.get(kernel)!.map(label)));
    const own = kernel.source.blocks.map((b): BlockPlace => ({ block: b.block, file: kernel.file, from: b.from + kernel.line - 1, to: b.to + kernel.line - 1 }));
    const inTiles = moved.get(kernel)!.map((b): BlockPlace => {
      const { file, line } = tilePlaces[b.tile]!;
      return { block: b.block, file, from: b.from + line - 1, to: b.to + line - 1 };
    });
    kernel.blocks = [...own, ...inTiles];
  }
  if (begun) close();
  const header = (name: string, about: string, body: string): { path: string; text: string } => {
    const guard = `${name}_H`.toUpperCase();
    return { path: `src/${name}.h`, text: `/* Private to the bundle: ${about} for ${variant.target.title}. */\n#ifndef ${guard}\n#define ${guard}\n\n#include <stddef.h>\n#include <stdint.h>\n\n${body}\n\n#endif\n` };
  };
  const headers = [
    header(`${id}_${isa}`, "kernels", [...tiled.tiles, ...list].map((k) => `${k.source.prototype.replace("GW_TILED ", "")};`).join("\n")),
    ...(vectors.length > 0 ? [header(`${id}_${isa}_vectors`, "operations on vectors", vectors.join("\n"))] : []),
  ];
  return { list, calls, files, headers };
}

/** Small functions that kernels of every variant call. */
function helpersHeader(id: string, helpers: ReadonlySet<string>, library: VendorLibrary | undefined): string {
  const guard = `${id}_HELPERS_H`.toUpperCase();
  const definitions = helperDefinitions(helpers);
  return `/* Private to the bundle. */
#ifndef ${guard}
#define ${guard}

#include <math.h>
#include <stddef.h>
#include <stdint.h>
${library ? `#ifdef ${library.macro}\n#include <${library.header}>\n#endif\n` : ""}${definitions.length > 0 ? `\n${definitions.join("\n")}\n` : ""}
#endif
`;
}
