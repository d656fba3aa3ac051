import { loadAssembler, moduleText, printWasmKernel, wasmTarget, type WasmKernelSource } from "../backends/wasm/index.ts";
import { describeNode, type Graph, qualifiedOp } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { silentTask, type Task } from "../support/task.ts";
import type { LoweringTable } from "../tensor/lower-node.ts";
import { describeStep } from "../tensor/schedule/schedule.ts";
import { type Bundle, builtInInputs, type BundleOptions, decidingInputs, json, relativeError, sealFiles, tolerance, toleranceRule, vectorFiles, withoutArena } from "./build-bundle.ts";
import { type BundleFile, bytesFile, textFile } from "./bundle-file.ts";
import { cIdentifier } from "./c-names.ts";
import { licenses } from "./documents.ts";
import { dimsText, sizeText } from "./c-sizes.ts";
import { bodiesInfo, callRanges, nameIn, planGraphs, sizeInfos, sizeLimits, stepLabel } from "./generate.ts";
import { type JsModel, jsBench, jsModule, jsSelftest, type JsTensor, jsTypes } from "./js-module.ts";
import { fewerMultiplications, lowerGraph, operatorLowering, type LoweredGraph, refusedSchedules, type SizedGraph, type ValueKey } from "./lower-graph.ts";
import type { MemoryPlan } from "./memory-plan.ts";
import type { CheckedPlan } from "./overlap-checker.ts";
import { atSizes, trialSizes } from "./trial-sizes.ts";
import { makeWeights, weightDims, type WeightsFile } from "./weights.ts";

const pageBytes = 65536;
const align = (n: number): number => Math.ceil(n / 64) * 64;
/** Address 0 stays unused; local arrays of kernels begin here. */
const frameAddress = 64;
/** A module's 32-bit memory. */
const largestMemory = 2 ** 32;

/** A model as WebAssembly with all that was decided for it: what a bundle packs, and what tests run by itself. */
export interface GeneratedWasm {
  readonly id: string;
  readonly lowered: LoweredGraph;
  readonly plan: MemoryPlan;
  readonly checked: CheckedPlan;
  readonly weights: WeightsFile;
  readonly printed: Printed;
  readonly model: JsModel;
  /** the module without relaxed SIMD, before the assembler's optimizations */
  readonly text: string;
  readonly modules: readonly { readonly relaxed: boolean; readonly bytes: Uint8Array<ArrayBuffer> }[];
}

export interface GenerateWasmOptions {
  readonly modelName: string;
  readonly lowering?: LoweringTable;
  /** with fused multiply-adds or without, a module each; both when not given */
  readonly relaxed?: readonly boolean[];
  /** sizes that are given at run time; the graph is the first of its samples */
  readonly sized?: SizedGraph;
}

/**
 * Lowers, schedules, plans and assembles a graph: simd128, and a second module with fused multiply-adds where the
 * engine has relaxed SIMD. Throws "not-lowered", listing what stands in the way, and "too-large" beyond 4 GiB.
 */
export async function generateWasm(graph: Graph, id: string, options: GenerateWasmOptions, task: Task): Promise<GeneratedWasm> {
  const lowered = await lowerGraph(graph, task, options.lowering ?? operatorLowering, wasmTarget, undefined, options.sized);
  if (lowered.outputs.length === 0) throw new GraphwrightError("no-outputs", "the model has no outputs.");
  task.progress(undefined, "planning memory");
  await task.pause();
  const { plan, checked, weightTensors, at } = await planGraphs(graph, [lowered], task);
  const weights = await makeWeights(weightTensors, task);

  task.progress(undefined, "printing kernels");
  await task.pause();
  const assembler = await loadAssembler();
  const plain = printKernels(lowered, plan, false);
  const frameBytes = align(Math.max(0, ...plain.kernels.map((k) => k.frameBytes)));
  const arenaAddress = align(frameAddress + frameBytes);
  const weightsAddress = align(arenaAddress + plan.arenaBytes);
  const end = weightsAddress + weights.bytes + 64;
  if (end > largestMemory) throw new GraphwrightError("too-large", `the model needs ${end} bytes of memory, and a WebAssembly module has at most ${largestMemory}.`, undefined, "Build it as C instead.");
  const pages = Math.ceil(end / pageBytes);
  const addressOf = (key: ValueKey): number => {
    const { space, offset } = at(key);
    return (space === "arena" ? arenaAddress : weightsAddress) + offset;
  };
  const scratchAddress = (step: number, index: number): number => arenaAddress + plan.scratch[step]![index]!;
  const bodies = callRanges(lowered, plan).map(({ begin, end, flag, when, repeats }) => ({ begin, end, address: addressOf(flag), when, repeats }));
  const textOf = (printed: Printed): string => moduleText(printed.kernels, { pages, functions: callers(lowered, printed, addressOf, scratchAddress, bodies) });
  const text = textOf(plain);
  const modules: { relaxed: boolean; bytes: Uint8Array<ArrayBuffer> }[] = [];
  for (const relaxed of options.relaxed ?? [false, true]) {
    task.progress(undefined, `assembling ${id}${relaxed ? "-relaxed" : ""}.wasm`);
    await task.pause();
    modules.push({ relaxed, bytes: assembler(relaxed ? textOf(printKernels(lowered, plan, true)) : text) });
  }

  const tensor = (key: ValueKey, name: string): JsTensor => {
    const v = lowered.values.get(key)!;
    return { name, element: v.type.element!, dims: v.dims, ...(v.shape ? { shape: v.shape } : {}), bytes: v.bytes, address: addressOf(key) };
  };
  const model: JsModel = {
    id,
    modelName: options.modelName,
    inputs: lowered.inputs.map((k) => tensor(k, lowered.values.get(k)!.name)),
    outputs: lowered.outputs.map((k, i) => tensor(k, lowered.outputNames[i]!)),
    sizes: sizeInfos(lowered, options.sized),
    sizeLimits: sizeLimits(lowered),
    steps: plain.calls.map(({ step }) => ({ name: stepLabel(lowered.steps[step]!), op: qualifiedOp(lowered.steps[step]!.node) })),
    bodies,
    pages,
    frameAddress,
    arenaAddress,
    weightsAddress,
    weightBytes: weights.bytes,
    weightTensors: weights.tensors.length,
    tableCrc32: weights.tableCrc32,
    arenaBytes: plan.arenaBytes,
  };
  return { id, lowered, plan, checked, weights, printed: plain, model, text, modules };
}

/**
 * A bundle of WebAssembly with a JavaScript interface. Nothing is written here. The same graph and options give the
 * same bytes. Throws as `generateWasm` does.
 */
export async function buildWasmBundle(graph: Graph, options: BundleOptions): Promise<Bundle> {
  const task = options.task ?? silentTask;
  const id = cIdentifier(options.name);
  const { lowered, plan, checked, weights, printed: plain, model, text, modules } = await generateWasm(graph, id, { modelName: options.name, ...(options.lowering ? { lowering: options.lowering } : {}), ...(options.sized ? { sized: options.sized } : {}) }, task);

  task.progress(undefined, "reference outputs for the self-test");
  await task.pause();
  // With sizes of the run, a set for each of a few of them.
  const trials = trialSizes(lowered.sizes, model.sizeLimits);
  const drawn = trials.map((values) => builtInInputs(model.inputs.map((t) => atSizes(t, lowered.sizes, values)), 1, options.integerRange ?? 2));
  const sets = options.samples && options.samples.length > 0 && !options.sized ? options.samples : options.sized ? drawn : [...drawn, ...decidingInputs(lowered, drawn[0]!)];
  const expected: (readonly Tensor[])[] = [];
  for (const set of sets) {
    expected.push(await options.evaluate(set));
    task.check();
  }
  const relative = relativeError(graph);
  const allowed = model.outputs.map((o, i) => Math.max(...expected.map((e) => tolerance({ ...o, location: { space: "arena", offset: 0 } }, e[i]!, relative))));

  const lineOf = new Map<string, number>();
  for (const [i, line] of text.split("\n").entries()) {
    const name = /^\(func \$(kernel_\d+_\w+) /.exec(line)?.[1];
    if (name) lineOf.set(name, i + 1);
  }
  const files: BundleFile[] = [
    textFile(`js/${id}.mjs`, jsModule(model)),
    textFile(`js/${id}.d.ts`, jsTypes(model)),
    textFile("js/selftest.mjs", jsSelftest(model, sets.length, allowed, trials)),
    textFile("js/bench.mjs", jsBench(model)),
    ...modules.map(({ relaxed, bytes }) => bytesFile(`wasm/${id}${relaxed ? "-relaxed" : ""}.wasm`, bytes)),
    textFile(`wasm/${id}.wat`, `${text}\n`),
    textFile("test/tolerances.json", json({ schema_version: 1, rule: toleranceRule(relative), outputs: model.outputs.map((o, i) => ({ name: o.name, absolute: allowed[i] })) })),
    ...vectorFiles(sets, expected),
    textFile("memory_plan.json", json({ schema_version: 1, arena_bytes: plan.arenaBytes, lower_bound_bytes: plan.lowerBoundBytes, gap_bytes: plan.arenaBytes - plan.lowerBoundBytes, alignment: 64, ...withoutArena(checked), storages: plan.storages.map((s) => ({ ...s, values: s.values.map((v) => nameIn(lowered, v)) })) })),
    { path: `weights/${id}.bin`, size: weights.bytes, chunks: () => weights.chunks() },
    ...(options.model ?? []),
    textFile("LICENSES", licenses(options.name)),
    textFile("README.md", readme(model, plan, plain.kernels.length)),
    textFile(
      "manifest.json",
      json({
        schema_version: 1,
        name: options.name,
        identifier: id,
        source: { sha256: options.sourceSha256 ?? null, producer: graph.info.producerName || null, opsets: graph.info.opsets },
        compiler: { name: "Graphwright", version: options.compilerVersion },
        target: { language: "WebAssembly", backend: "wasm", variants: ["simd128", "relaxed-simd"], threads: 1, memory_pages: model.pages },
        recipe: options.recipe ?? null,
        ...(model.sizes.length > 0 ? { sizes: model.sizes.map((s) => ({ name: s.name, identifier: s.variable.name, min: 1, max: s.variable.max })) } : {}),
        inputs: model.inputs.map(withoutAddress),
        outputs: model.outputs.map(withoutAddress),
        arena: { bytes: plan.arenaBytes, lower_bound_bytes: plan.lowerBoundBytes, alignment: 64 },
        weights: { file: `weights/${id}.bin`, bytes: weights.bytes, tensors: weights.tensors.map((t) => ({ name: t.name, element: t.value.type.element, dims: weightDims(t), offset: t.offset, bytes: t.bytes, crc32: t.crc32.toString(16).padStart(8, "0") })) },
        kernels: plain.names.map((name, i) => ({ name, file: `wasm/${id}.wat`, line: lineOf.get(name) ?? null, frame_bytes: plain.kernels[i]!.frameBytes })),
        ...bodiesInfo(lowered, plan),
        operators: lowered.steps.map((s, i) => {
          const call = plain.calls.findIndex((c) => c.step === i);
          const kernel = call < 0 ? undefined : plain.names[plain.calls[call]!.kernel];
          return {
            node: describeNode(s.node),
            op: qualifiedOp(s.node),
            ...(s.role ? { role: s.role } : {}),
            outputs: s.node.outputs.map((o) => o.name),
            step: call < 0 ? null : call,
            kernel: kernel ?? null,
            file: kernel === undefined ? null : `wasm/${id}.wat`,
            line: kernel === undefined ? null : (lineOf.get(kernel) ?? null),
            ...(kernel === undefined ? { view: s.views.map((v) => ({ part: nameIn(lowered, v.part), whole: nameIn(lowered, v.whole), offset: v.offset })) } : { schedule: s.schedule.map(describeStep) }),
          };
        }),
      }),
    ),
  ];
  return {
    files: await sealFiles(files, id, options, task),
    identifier: id,
    arenaBytes: plan.arenaBytes,
    lowerBoundBytes: plan.lowerBoundBytes,
    weightBytes: weights.bytes,
    steps: plain.calls.length,
    kernels: plain.kernels.length,
    notes: ["One thread. The module with relaxed SIMD is taken where the engine has it; its sums round differently in the last place.", ...fewerMultiplications(graph), ...refusedSchedules(lowered)],
  };
}

export interface Printed {
  readonly kernels: readonly WasmKernelSource[];
  readonly names: readonly string[];
  readonly calls: readonly { readonly step: number; readonly kernel: number }[];
}

/** Prints each distinct program once; steps with equal programs share a function. */
function printKernels(lowered: LoweredGraph, plan: MemoryPlan, relaxed: boolean): Printed {
  const known = new Map<string, number>();
  const kernels: WasmKernelSource[] = [];
  const names: string[] = [];
  const calls: { step: number; kernel: number }[] = [];
  for (const [i, step] of lowered.steps.entries()) {
    if (plan.elided[i]) continue;
    const printed = printWasmKernel(step.program, { name: "KERNEL", relaxed });
    let kernel = known.get(printed.text);
    if (kernel === undefined) {
      kernel = kernels.length;
      known.set(printed.text, kernel);
      names.push(`kernel_${String(kernel).padStart(3, "0")}_${step.program.name}`);
      // Only the steps are called from outside.
      kernels.push({ ...printed, text: printed.text.replace('(func $KERNEL (export "KERNEL")', `(func $${names[kernel]!}`) });
    }
    calls.push({ step: i, kernel });
  }
  return { kernels, names, calls };
}

const withoutAddress = ({ address: _, shape, ...t }: JsTensor): object => ({ ...t, ...(shape ? { shape: shape.map((e) => (e.kind === "integer" ? e.value : sizeText(e))) } : {}) });

/** A function for each step, with every address in it, and one that runs them all. Sizes of the run are globals. */
function callers(lowered: LoweredGraph, printed: Printed, addressOf: (key: ValueKey) => number, scratchAddress: (step: number, index: number) => number, bodies: JsModel["bodies"]): string[] {
  const steps = printed.calls.map(({ step, kernel }, i) => {
    const { program, values, scratch } = lowered.steps[step]!;
    const places = program.parameters.map((p) => `(i32.const ${p.scope === "scratch" && !values.has(p) ? scratchAddress(step, scratch.indexOf(p)) : addressOf(values.get(p)!)})`);
    const sizes = printed.kernels[kernel]!.sizes.map((v) => `(global.get $size_${lowered.sizes.indexOf(v)})`);
    return `(func $step_${i} (export "step_${i}") (call $${printed.names[kernel]!} ${[...places, ...sizes].join(" ")}))`;
  });
  const sizes = lowered.sizes.map((v, i) => `(global $size_${i} (export "size_${i}") (mut i32) (i32.const ${v.max!}))`);
  return [...sizes, ...steps, `(func (export "run")${runText(0, printed.calls.length, bodies)})`];
}

/** The steps of a range in order, those of bodies under their conditions. */
function runText(begin: number, end: number, bodies: readonly (JsModel["bodies"][number])[]): string {
  let text = "";
  for (let at = begin; at < end; ) {
    const index = bodies.findIndex((b) => b.begin === at && b.end <= end);
    const body = bodies[index];
    if (!body) text += `\n  (call $step_${at++})`;
    else {
      const flag = `(i32.load8_u (i32.const ${body.address}))`;
      const inside = runText(at, body.end, bodies.slice(index + 1));
      text += `\n  (if ${body.when ? flag : `(i32.eqz ${flag})`} (then${body.repeats ? ` (loop $turn_${bodies.length}_${at}${inside}\n  (br_if $turn_${bodies.length}_${at} ${flag}))` : inside}))`;
      at = body.end;
    }
  }
  return text;
}

const s0 = (m: JsModel): number => m.sizes[0]!.variable.max!;

function readme(m: JsModel, plan: MemoryPlan, kernels: number): string {
  const list = (tensors: readonly JsTensor[]): string => tensors.map((t) => `- \`${t.name}\`: ${t.element}[${dimsText(t)}], ${m.sizes.length > 0 && t.shape ? "at most " : ""}${t.bytes} bytes`).join("\n");
  return `# ${m.modelName.replace(/[\r\n]/g, " ")} as WebAssembly

No dependency: a browser or Node 20 and newer runs it.

\`\`\`js
import { load } from "./js/${m.id}.mjs";

const model = await load();
model.input(0).set(values);
model.run();
console.log(model.output(0));
\`\`\`

Inputs
${list(m.inputs)}

Outputs
${list(m.outputs)}

${m.steps.length} steps, ${kernels} kernels; ${m.arenaBytes} bytes of activations (lower bound ${plan.lowerBoundBytes}), ${m.weightBytes} bytes of weights, ${m.pages} pages of memory.
${m.sizes.length > 0 ? `
Sizes of a run: ${m.sizes.map((s) => `\`${s.variable.name}\` from 1 to ${s.variable.max}`).join(", ")}. \`model.resize({ ${m.sizes[0]!.variable.name}: ${Math.min(3, s0(m))} })\` sets them for the runs that follow (the largest are set at first) and throws a RangeError beyond the bounds;
\`input\` and \`output\` then give views of that size, dense in the shape that \`inputShape\` and \`outputShape\` tell. Memory is planned for the largest sizes.

` : ""}Input and output lie in the module's memory: nothing is copied by a run. A view is valid until the model is dropped.

\`\`\`
node js/selftest.mjs          compares with the reference outputs in test/; exit code 0 when all agree
node js/bench.mjs 20          one JSON line; --profile adds the time of each step
sha256sum -c SHA256SUMS
\`\`\`

\`wasm/${m.id}.wasm\` needs SIMD (every current engine), \`wasm/${m.id}-relaxed.wasm\` relaxed SIMD as well; \`load\` tests for it. \`wasm/${m.id}.wat\` is the
first as text, before the assembler's optimizations; \`manifest.json\` leads from every operator of the model to a line in it.
`;
}
