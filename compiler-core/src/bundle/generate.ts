import { byteSize } from "../ir/element-type.ts";
import { type Graph, type OperatorNode, qualifiedOp } from "../ir/graph.ts";
import { elementCount } from "../ir/value-type.ts";
import { helperDefinitions } from "../backends/c/helpers.ts";
import { type KernelSource, printKernel } from "../backends/c/print.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { Task } from "../support/task.ts";
import type { LoweringTable } from "../tensor/lower-node.ts";
import type { Buffer } from "../tensor/program.ts";
import { type BundleFile, textFile } from "./bundle-file.ts";
import { type CModel, headerSource, modelSource, type StepCall, type TensorInfo } from "./c-model.ts";
import { commentText } from "./c-names.ts";
import { lowerGraph, type LoweredGraph, type LoweredStep, operatorLowering, type ValueKey } from "./lower-graph.ts";
import { type Location, type MemoryPlan, planMemory } from "./memory-plan.ts";
import { checkMemoryPlan, type CheckedPlan } from "./overlap-checker.ts";
import { layOutWeights, makeWeights, type WeightsFile } from "./weights.ts";

/** The code of a model with all that was decided for it: what a bundle packs, and what tests compile by itself. */
export interface GeneratedCode {
  readonly id: string;
  readonly lowered: LoweredGraph;
  readonly plan: MemoryPlan;
  readonly checked: CheckedPlan;
  readonly weights: WeightsFile;
  readonly kernels: Kernels;
  readonly model: CModel;
  /** header, model and kernels */
  readonly files: readonly BundleFile[];
}

/**
 * Lowers, schedules, plans and prints a graph as C. Throws "not-lowered", listing every node that has no lowering
 * and every value that is not static, and "unsound-plan" if the memory plan fails its independent check.
 */
export async function generateCode(graph: Graph, id: string, options: { readonly modelName: string; readonly lowering?: LoweringTable }, task: Task): Promise<GeneratedCode> {
  const lowered = await lowerGraph(graph, task, options.lowering ?? operatorLowering);
  if (lowered.outputs.length === 0) throw new GraphwrightError("no-outputs", "the model has no outputs.");

  const constants = [...lowered.values.values()].filter((v) => v.constant && v.type.element !== null && isRead(lowered, v.key));
  const weightTensors = constants.map((v) => ({ name: v.name, value: graph.constant(v.ref)! }));
  const weightOffsets = new Map(constants.map((v, i) => [v.key, layOutWeights(weightTensors).offsets[i]!]));

  task.progress(undefined, "planning memory");
  await task.pause();
  const plan = planMemory({
    values: [...lowered.values.values()].map((v) => ({ key: v.key, bytes: v.bytes, ...(weightOffsets.has(v.key) ? { weightOffset: weightOffsets.get(v.key)! } : {}) })),
    steps: lowered.steps.map((s) => ({
      reads: s.reads,
      writes: s.writes,
      scratch: s.scratch.map((b) => byteSize(b.element, elementCount(b.dims))),
      inPlace: s.inPlace,
      views: s.views,
    })),
    inputs: lowered.inputs,
    outputs: lowered.outputs,
  });
  const checked = checkedPlan(lowered, plan);
  const violations = checkMemoryPlan(checked);
  if (violations.length > 0)
    throw new GraphwrightError("unsound-plan", `the memory plan does not pass its check: ${violations[0]}${violations.length > 1 ? ` (and ${violations.length - 1} more)` : ""}.`, undefined, "This is a defect of Graphwright: please report it with the model.");

  const weights = await makeWeights(weightTensors, task);
  task.progress(undefined, "printing kernels");
  await task.pause();
  const kernels = printKernels(id, lowered, plan);
  const at = (key: ValueKey): Location => plan.locations.get(key) ?? { space: "arena", offset: 0 };
  const infoOf = (key: ValueKey, name: string): TensorInfo => {
    const v = lowered.values.get(key)!;
    return { name, element: v.type.element!, dims: v.dims, bytes: v.bytes, location: at(key) };
  };
  const steps: StepCall[] = kernels.calls.map(({ step, kernel }) => ({
    label: labelOf(lowered.steps[step]!.node),
    op: qualifiedOp(lowered.steps[step]!.node),
    kernel: kernel.name,
    arguments: lowered.steps[step]!.program.parameters.map((p) => ({
      location: p.scope === "scratch" ? { space: "arena", offset: plan.scratch[step]![lowered.steps[step]!.scratch.indexOf(p)]! } : at(lowered.steps[step]!.values.get(p)!),
      element: p.element,
      writes: p.scope === "output" || p.scope === "scratch",
    })),
  }));
  const model: CModel = {
    id,
    modelName: options.modelName,
    inputs: lowered.inputs.map((k) => infoOf(k, lowered.values.get(k)!.name)),
    outputs: lowered.outputs.map((k, i) => infoOf(k, lowered.outputNames[i]!)),
    steps,
    arenaBytes: plan.arenaBytes,
    lowerBoundBytes: plan.lowerBoundBytes,
    weights,
  };
  const files = [
    textFile(`include/${id}.h`, headerSource(model)),
    textFile(`src/${id}.c`, modelSource(model)),
    textFile(`src/${id}_kernels.h`, kernels.header),
    ...kernels.files.map((f) => textFile(f.path, f.text)),
  ];
  return { id, lowered, plan, checked, weights, kernels, model, files };
}

/** C sources above this many characters are split, so that compilers can work on them side by side. */
const sourceLimit = 120_000;

const isRead = (lowered: LoweredGraph, key: ValueKey): boolean =>
  lowered.outputs.includes(key) || lowered.steps.some((s) => s.reads.includes(key) || s.views.some((v) => v.part === key || v.whole === key));

export const labelOf = (node: OperatorNode): string => node.name || node.outputs.find((o) => o.name !== "")?.name || `node_${node.id}`;

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

function checkedPlan(lowered: LoweredGraph, plan: MemoryPlan): CheckedPlan {
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
      name: `${i}: ${labelOf(s.node)}`,
      kind: plan.elided[i] ? "view" : "kernel",
      reads: (plan.elided[i] ? s.reads.filter((r) => s.views.some((v) => v.part === r || v.whole === r)) : s.reads).map(name),
      writes: s.writes.map(name),
      scratch: plan.elided[i] ? [] : s.scratch.map((b, k) => ({ offset: plan.scratch[i]![k]!, bytes: byteSize(b.element, elementCount(b.dims)) })),
      in_place: plan.takenInPlace[i]!.map(([a, b]) => [name(a), name(b)] as const),
      views: plan.elided[i] ? s.views.map((v) => ({ part: name(v.part), whole: name(v.whole), offset: v.offset })) : [],
    })),
  };
}

export interface Kernel {
  readonly name: string;
  readonly source: KernelSource;
  file: string;
  /** line of the function's first line in its file */
  line: number;
}

export interface Kernels {
  readonly list: readonly Kernel[];
  readonly calls: readonly { readonly step: number; readonly kernel: Kernel }[];
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly header: string;
}

/** Prints each distinct program once; steps with equal programs share a kernel. */
function printKernels(id: string, lowered: LoweredGraph, plan: MemoryPlan): Kernels {
  const placeholder = "KERNEL";
  const byText = new Map<string, Kernel>();
  const calls: { step: number; kernel: Kernel }[] = [];
  const users = new Map<Kernel, LoweredStep[]>();
  for (const [i, step] of lowered.steps.entries()) {
    if (plan.elided[i]) continue;
    const mayAlias = new Set<Buffer>();
    const of = (key: ValueKey, scope: string): Buffer[] => step.program.parameters.filter((p) => step.values.get(p) === key && (scope === "output") === (p.scope === "output"));
    for (const [input, output] of plan.takenInPlace[i]!) for (const p of [...of(input, "input"), ...of(output, "output")]) mayAlias.add(p);
    const printed = printKernel(step.program, { name: placeholder, mayAlias });
    let kernel = byText.get(printed.text);
    if (!kernel) {
      const name = `${id}_k${String(byText.size).padStart(3, "0")}_${step.program.name}`;
      const rename = (text: string): string => text.replace(`void ${placeholder}(`, `void ${name}(`);
      kernel = { name, source: { ...printed, text: rename(printed.text), prototype: rename(printed.prototype) }, file: "", line: 0 };
      byText.set(printed.text, kernel);
    }
    calls.push({ step: i, kernel });
    users.set(kernel, [...(users.get(kernel) ?? []), step]);
  }
  const list = [...byText.values()];
  const files: { path: string; text: string }[] = [];
  let text = "";
  let lines = 0;
  const open = (): void => {
    text = `#include "${id}_kernels.h"\n`;
    lines = 1;
  };
  const close = (): void => {
    files.push({ path: `src/${id}_kernels_${files.length}.c`, text });
  };
  open();
  let begun = false;
  for (const kernel of list) {
    if (begun && text.length + kernel.source.text.length > sourceLimit) {
      close();
      open();
    }
    begun = true;
    const steps = users.get(kernel)!;
    const comment = `\n/*\n${steps.map((s) => ` * ${commentText(labelOf(s.node))} (${commentText(qualifiedOp(s.node))})\n`).join("")} */\n`;
    text += comment;
    lines += comment.split("\n").length - 1;
    kernel.file = `src/${id}_kernels_${files.length}.c`;
    kernel.line = lines + 1;
    text += kernel.source.text;
    lines += kernel.source.text.split("\n").length - 1;
  }
  if (begun) close();
  const helpers = new Set(list.flatMap((k) => [...k.source.helpers]));
  const guard = `${id.toUpperCase()}_KERNELS_H`;
  const definitions = helperDefinitions(helpers);
  const header = `/* Private to the bundle: what the model calls. */
#ifndef ${guard}
#define ${guard}

#include <math.h>
#include <stddef.h>
#include <stdint.h>

${definitions.length > 0 ? `${definitions.join("\n")}\n\n` : ""}${list.map((k) => `${k.source.prototype};`).join("\n")}

#endif
`;
  return { list, calls, files, header };
}
