import { type ElementType, isFloat } from "../ir/element-type.ts";
import { describeNode, type Graph, qualifiedOp } from "../ir/graph.ts";
import { fromNumbers, type Tensor, tensorBytes, toNumbers } from "../ir/tensor.ts";
import { elementCount } from "../ir/value-type.ts";
import { Random } from "../support/random.ts";
import type { VendorLibrary } from "../backends/c/libraries.ts";
import { silentTask, type Task } from "../support/task.ts";
import type { LoweringTable } from "../tensor/lower-node.ts";
import type { ScheduleChooser } from "../tensor/schedule-choice.ts";
import { describeStep } from "../tensor/schedule/schedule.ts";
import { type BundleFile, bytesFile, textFile } from "./bundle-file.ts";
import { benchMain, type CModel, exampleMain, filesSource, type SelftestData, selftestMain, selftestSource, type TensorInfo } from "./c-model.ts";
import { cIdentifier } from "./c-names.ts";
import { sizeText } from "./c-sizes.ts";
import { sha256Of } from "./checksum.ts";
import { cmakeLists, licenses, makefile, readme } from "./documents.ts";
import { bodiesInfo, generateCode, type Kernels, nameIn, type Variant } from "./generate.ts";
import { fewerMultiplications, keyOfValue, type LoweredGraph, refusedSchedules, type SizedGraph } from "./lower-graph.ts";
import { atSizes, trialSizes } from "./trial-sizes.ts";
import type { MemoryPlan } from "./memory-plan.ts";
import type { CheckedPlan } from "./overlap-checker.ts";
import { weightDims, type WeightsFile } from "./weights.ts";

export interface BundleOptions {
  /** the model's name; the C identifier is made from it */
  readonly name: string;
  /** outputs of the graph for inputs in its order: the reference that the self-test compares with */
  readonly evaluate: (inputs: readonly Tensor[]) => Promise<readonly Tensor[]> | readonly Tensor[];
  readonly compilerVersion: string;
  readonly task?: Task;
  /** what was done to the source model: passes and rewrites, as JSON */
  readonly recipe?: unknown;
  /** of the source model's file */
  readonly sourceSha256?: string;
  /** the optimized graph in ONNX, written as model.onnx (external data: further files beside it) */
  readonly model?: readonly BundleFile[];
  /** more inputs for the self-test: images, sentences */
  readonly samples?: readonly (readonly Tensor[])[];
  /** also writes the weights as C source */
  readonly weightsSource?: boolean;
  /** made-up integer inputs run from 0 to this minus 1 */
  readonly integerRange?: number;
  readonly lowering?: LoweringTable;
  /** steps that it covers call it; the loop nests stay for where it is not at hand */
  readonly library?: VendorLibrary;
  /** elements stored and loaded from which a nest is shared among threads */
  readonly parallelWork?: number;
  /** sizes that are given at run time; the graph is the first of its samples */
  readonly sized?: SizedGraph;
  /** schedules other than the rule's, and what was measured to choose them, for the manifest */
  readonly tuning?: { readonly schedules: ScheduleChooser; readonly evidence: unknown };
}

export interface Bundle {
  /** in the order of their paths */
  readonly files: readonly BundleFile[];
  readonly identifier: string;
  readonly arenaBytes: number;
  readonly lowerBoundBytes: number;
  readonly weightBytes: number;
  readonly steps: number;
  readonly kernels: number;
  readonly notes: readonly string[];
}

const encoder = new TextEncoder();
export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/**
 * Lowers, schedules, plans and prints a graph as a deployment bundle. Nothing is written here: the files are handed
 * back. The same graph and options give the same bytes. Throws "not-lowered", listing every node that has no lowering
 * and every value that is not static, and "unsound-plan" if the memory plan fails its independent check.
 */
export async function buildBundle(graph: Graph, options: BundleOptions): Promise<Bundle> {
  const task = options.task ?? silentTask;
  const id = cIdentifier(options.name);
  const code = await generateCode(graph, id, { modelName: options.name, ...(options.lowering ? { lowering: options.lowering } : {}), ...(options.library ? { library: options.library } : {}), ...(options.tuning ? { schedules: options.tuning.schedules } : {}), ...(options.sized ? { sized: options.sized } : {}), ...(options.parallelWork === undefined ? {} : { parallelWork: options.parallelWork }) }, task);
  const { lowered, plan, checked, weights, kernels, model } = code;

  task.progress(undefined, "reference outputs for the self-test");
  await task.pause();
  const integerRange = options.integerRange ?? 2;
  const seed = 1;
  // With sizes of the run, a set for each of a few of them.
  const trials = trialSizes(lowered.sizes, model.sizeLimits);
  const trialInputs = trials.map((values) => model.inputs.map((t) => atSizes(t, lowered.sizes, values)));
  const builtIn = trialInputs.map((infos) => builtInInputs(infos, seed, integerRange));
  const given = lowered.sizes.length > 0 ? [] : (options.samples ?? decidingInputs(lowered, builtIn[0]!));
  const sets = [...given, ...builtIn];
  const expected: (readonly Tensor[])[] = [];
  for (const set of sets) {
    expected.push(await options.evaluate(set));
    task.check();
  }
  const relative = relativeError(graph);
  const allowed = model.outputs.map((o, i) => Math.max(...expected.map((e) => tolerance(o, e[i]!, relative))));
  const selftest: SelftestData = { seed, integerRange, cases: trials.map((sizes, k) => ({ sizes, inputs: trialInputs[k]!, outputs: expected[expected.length - trials.length + k]!.map((t, i) => ({ expected: t, allowed: allowed[i]! })) })) };
  // What is built into the code is a file too where nothing else is.
  const vectors = given.length === 0 ? sets.length : given.length;

  const notes = notesOf(graph, lowered, plan, kernels, options.library);
  const sources = [...code.sources, `src/${id}_selftest.c`];
  const files: BundleFile[] = [
    ...code.files,
    textFile(`src/${id}_selftest.c`, selftestSource(model, selftest)),
    textFile("test/selftest.c", selftestMain(model, vectors, allowed, trials)),
    textFile("test/files.h", filesSource(model)),
    textFile(
      "test/tolerances.json",
      json({
        schema_version: 1,
        rule: toleranceRule(relative),
        outputs: model.outputs.map((o, i) => ({ name: o.name, absolute: allowed[i] })),
      }),
    ),
    ...vectorFiles(sets.slice(0, vectors), expected.slice(0, vectors)),
    textFile("bench.c", benchMain(model)),
    textFile("examples/run.c", exampleMain(model)),
    textFile("Makefile", makefile(model, sources, code.headers, options.library)),
    textFile("CMakeLists.txt", cmakeLists(model, sources, options.library)),
    textFile("LICENSES", licenses(options.name)),
    textFile("memory_plan.json", json({ schema_version: 1, arena_bytes: plan.arenaBytes, lower_bound_bytes: plan.lowerBoundBytes, gap_bytes: plan.arenaBytes - plan.lowerBoundBytes, alignment: 64, ...withoutArena(checked), storages: plan.storages.map((s) => ({ ...s, values: s.values.map((v) => nameIn(lowered, v)) })) })),
    { path: `weights/${id}.bin`, size: weights.bytes, chunks: () => weights.chunks() },
    ...(options.weightsSource ? [weightsSource(id, weights)] : []),
    ...(options.model ?? []),
    textFile("manifest.json", json(manifestOf(graph, lowered, plan, model, kernels, options, weights, code.variants, sources))),
    textFile(
      "README.md",
      readme(model, {
        stackBytes: Math.max(0, ...kernels.list.map((k) => k.source.stackBytes)),
        kernels: kernels.list.length,
        hasModel: (options.model ?? []).length > 0,
        weightsSource: options.weightsSource ?? false,
        vectorSets: vectors,
        trials: model.sizes.length > 0 ? trials : [],
        allowed,
        notes,
        ...(options.library ? { library: options.library } : {}),
      }),
    ),
  ];
  return {
    files: await sealFiles(files, id, options, task),
    identifier: id,
    arenaBytes: plan.arenaBytes,
    lowerBoundBytes: plan.lowerBoundBytes,
    weightBytes: weights.bytes,
    steps: model.steps.length,
    kernels: kernels.list.length,
    notes,
  };
}

/** Sorts the files and adds SBOM and checksums, which cover all of them. */
export async function sealFiles(given: readonly BundleFile[], id: string, options: Pick<BundleOptions, "name" | "compilerVersion" | "sourceSha256">, task: Task): Promise<BundleFile[]> {
  const files = [...given];
  task.progress(undefined, "checksums");
  await task.pause();
  const byPath = (a: { path: string }, b: { path: string }): number => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
  files.sort(byPath);
  const sums: { path: string; sha256: string }[] = [];
  for (const f of files) {
    task.check();
    sums.push({ path: f.path, sha256: sha256Of(f.chunks()) });
  }
  const sbom = textFile("SBOM.spdx.json", json(sbomOf(id, options, sums)));
  files.push(sbom);
  sums.push({ path: sbom.path, sha256: sha256Of(sbom.chunks()) });
  sums.sort(byPath);
  files.push(textFile("SHA256SUMS", sums.map((s) => `${s.sha256}  ${s.path}\n`).join("")));
  files.sort(byPath);
  return files;
}

export const withoutArena = ({ arena_bytes: _, ...rest }: CheckedPlan): Omit<CheckedPlan, "arena_bytes"> => rest;

/** The inputs that m_selftest makes in C: SplitMix32, 24 bits of each number. */
export function builtInInputs(inputs: readonly Pick<TensorInfo, "element" | "dims">[], seed: number, integerRange: number): Tensor[] {
  const random = new Random(seed);
  return inputs.map((t) => {
    const count = elementCount(t.dims);
    const numbers = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const u = random.uint32();
      numbers[i] = t.element === "float4e2m1" ? u & 1 : isFloat(t.element) ? (u >>> 8) / 8388608 - 1 : t.element === "bool" ? u & 1 : u % integerRange;
    }
    return fromNumbers(t.element, t.dims, numbers);
  });
}

/** Inputs for which branches and loops go one way and the other: every bool 1, or 0, and a few turns where an input is their number. */
export function decidingInputs(lowered: LoweredGraph, drawn: readonly Tensor[]): (readonly Tensor[])[] {
  if (lowered.bodies.length === 0) return [];
  const turns = new Set(lowered.steps.filter((s) => s.role === "start").flatMap((s) => (s.node.inputs[0] ? [keyOfValue(s.node.inputs[0])] : [])));
  return [1, 0].map((way) => drawn.map((t, i) => (t.element === "bool" ? fromNumbers("bool", t.dims, new Float64Array(elementCount(t.dims)).fill(way)) : t.element === "int64" && turns.has(lowered.inputs[i]!) ? fromNumbers("int64", t.dims, new Float64Array(elementCount(t.dims)).fill(2 + way)) : t)));
}

/** What tolerances.json says of itself. */
export const toleranceRule = (relative: number): string => `every element may differ from the reference by at most \`absolute\`; integers by nothing. absolute = 1e-6 + ${relative === 1e-4 ? "1e-4" : String(relative)} * (largest magnitude in the reference output)`;

/** Error that is allowed, as a part of the largest element, where values are rounded to a type on the way: four units of it. */
const roundingError: Partial<Record<ElementType, number>> = { float16: 2 ** -8, bfloat16: 2 ** -5 };

/** The part of an output's largest element by which others may be off: what the coarsest type that the graph computes values of makes of rounding in another order. */
export function relativeError(graph: Graph): number {
  let most = 1e-4;
  for (const node of graph) if (node.kind === "operator") for (const { type } of node.outputs) if (type.kind === "tensor" && type.element) most = Math.max(most, roundingError[type.element] ?? 0);
  return most;
}

/** Largest absolute error allowed in an output, from the size of its elements. */
export function tolerance(output: TensorInfo, expected: Tensor, relative: number): number {
  if (!isFloat(output.element)) return 0;
  let largest = 0;
  for (const x of toNumbers(expected)) if (Number.isFinite(x)) largest = Math.max(largest, Math.abs(x));
  return 1e-6 + relative * largest;
}

export const vectorFiles = (sets: readonly (readonly Tensor[])[], expected: readonly (readonly Tensor[])[]): BundleFile[] =>
  sets.flatMap((inputs, s) => [
    ...inputs.map((t, i) => bytesFile(`test/vectors/set_${s}/input_${i}.bin`, tensorBytes(t))),
    ...expected[s]!.map((t, i) => bytesFile(`test/vectors/set_${s}/expected_${i}.bin`, tensorBytes(t))),
  ]);

/** The weights as a C array, for targets without files. */
function weightsSource(id: string, weights: WeightsFile): BundleFile {
  const head = encoder.encode(
    `/* The bytes of weights/${id}.bin. */\n#if defined(__GNUC__)\n#define ALIGNED __attribute__((aligned(64)))\n#elif defined(_MSC_VER)\n#define ALIGNED __declspec(align(64))\n#else\n#define ALIGNED\n#endif\n\nextern const unsigned char ${id}_weights[${weights.bytes}];\nALIGNED const unsigned char ${id}_weights[${weights.bytes}] = {\n`,
  );
  const tail = encoder.encode("};\n");
  const table = Array.from({ length: 256 }, (_, b) => encoder.encode(`${b},`));
  function* lines(): Iterable<Uint8Array> {
    yield head;
    let column = 0;
    for (const chunk of weights.chunks()) {
      const piece = 1 << 16;
      for (let from = 0; from < chunk.length; from += piece) {
        const part = chunk.subarray(from, from + piece);
        const out = new Uint8Array(part.length * 5);
        let at = 0;
        for (const b of part) {
          const digits = table[b]!;
          out.set(digits, at);
          at += digits.length;
          if (++column === 32) {
            out[at++] = 10;
            column = 0;
          }
        }
        yield out.subarray(0, at);
      }
    }
    yield tail;
  }
  let size = 0;
  for (const chunk of lines()) size += chunk.length;
  return { path: `weights/${id}_weights.c`, size, chunks: lines };
}

function notesOf(graph: Graph, lowered: LoweredGraph, plan: MemoryPlan, kernels: Kernels, library: VendorLibrary | undefined): string[] {
  const notes: string[] = [];
  const views = plan.elided.filter(Boolean).length;
  if (views > 0) notes.push(`${views} of ${lowered.steps.length} operators need no code: their results lie inside other values (reshapes, concatenations, slices).`);
  const gathers = lowered.steps.filter((s) => s.node.op === "Gather").length;
  if (gathers > 0) notes.push(`Gather nodes that clamp indices outside their axis: ${gathers}.`);
  if (library) {
    const calls = kernels.calls.filter((c) => c.kernel.routine !== undefined).length;
    notes.push(`Steps that call ${library.title}: ${calls} (${library.link} unless ${library.name.toUpperCase()}_LIBS names another). \`make ${library.name.toUpperCase()}=0\` builds without it.`);
  }
  notes.push(...fewerMultiplications(graph), ...refusedSchedules(lowered));
  notes.push("C99: the code for the best instruction set of the processor is chosen at run time, and the portable one runs everywhere.");
  return notes;
}

function manifestOf(graph: Graph, lowered: LoweredGraph, plan: MemoryPlan, model: CModel, kernels: Kernels, options: BundleOptions, weights: WeightsFile, variants: readonly Variant[], sources: readonly string[]): unknown {
  const tensor = (t: TensorInfo) => ({ name: t.name, element: t.element, dims: t.dims, ...(t.shape ? { shape: t.shape.map((e) => (e.kind === "integer" ? e.value : sizeText(e))) } : {}), bytes: t.bytes, space: t.location.space, offset: t.location.offset });
  const callOf = new Map(kernels.calls.map((c) => [c.step, c.kernel]));
  return {
    schema_version: 1,
    name: options.name,
    identifier: model.id,
    source: { sha256: options.sourceSha256 ?? null, producer: graph.info.producerName || null, opsets: graph.info.opsets },
    compiler: { name: "Graphwright", version: options.compilerVersion },
    target: { language: "C99", backend: "c", variants: variants.map((v) => ({ name: v.target.target.name, title: v.target.target.title, kernels: v.kernels.list.length })), threads: { most: 1024, shared_steps: model.steps.filter((s) => s.stages > 0).length }, flags: "-std=c99 -Wall -Wextra -Wpedantic -O2" },
    recipe: options.recipe ?? null,
    ...(model.sizes.length > 0 ? { sizes: model.sizes.map((s) => ({ name: s.name, identifier: s.variable.name, min: 1, max: s.variable.max })) } : {}),
    ...(options.tuning ? { tuning: options.tuning.evidence } : {}),
    inputs: model.inputs.map(tensor),
    outputs: model.outputs.map(tensor),
    arena: { bytes: plan.arenaBytes, lower_bound_bytes: plan.lowerBoundBytes, alignment: 64 },
    weights: {
      file: `weights/${model.id}.bin`,
      bytes: weights.bytes,
      tensors: weights.tensors.map((t) => ({ name: t.name, element: t.value.type.element, dims: weightDims(t), offset: t.offset, bytes: t.bytes, crc32: t.crc32.toString(16).padStart(8, "0") })),
    },
    sources,
    kernels: kernels.list.map((k) => ({
      name: k.name,
      file: k.file,
      lines: [k.line, k.line + k.source.text.split("\n").length - 2],
      stack_bytes: k.source.stackBytes,
      stages: k.source.stages,
      blocks: k.blocks.map((b) => ({ block: b.block, ...(b.file === k.file ? {} : { file: b.file }), lines: [b.from, b.to] })),
    })),
    ...bodiesInfo(lowered, plan),
    operators: lowered.steps.map((s, i) => {
      const kernel = callOf.get(i);
      return {
        node: describeNode(s.node),
        op: qualifiedOp(s.node),
        ...(s.role ? { role: s.role } : {}),
        outputs: s.node.outputs.map((o) => o.name),
        step: kernel ? kernels.calls.findIndex((c) => c.step === i) : null,
        kernel: kernel?.name ?? null,
        file: kernel?.file ?? null,
        line: kernel?.line ?? null,
        ...(kernel?.routine === undefined ? {} : { calls: kernel.routine }),
        ...(kernel ? { schedule: s.schedule.map(describeStep) } : { view: s.views.map((v) => ({ part: nameIn(lowered, v.part), whole: nameIn(lowered, v.whole), offset: v.offset })) }),
      };
    }),
  };
}

/** SPDX 2.3. The date is fixed: equal inputs give equal bytes. */
function sbomOf(id: string, options: Pick<BundleOptions, "name" | "compilerVersion" | "sourceSha256">, sums: readonly { path: string; sha256: string }[]): unknown {
  const whole = sha256Of([encoder.encode(sums.map((s) => `${s.sha256}  ${s.path}\n`).join(""))]);
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: id,
    documentNamespace: `urn:graphwright:bundle:${whole}`,
    creationInfo: { created: "1970-01-01T00:00:00Z", creators: [`Tool: Graphwright-${options.compilerVersion}`] },
    packages: [
      { SPDXID: "SPDXRef-bundle", name: id, versionInfo: whole.slice(0, 16), downloadLocation: "NOASSERTION", filesAnalyzed: true, licenseConcluded: "NOASSERTION", licenseDeclared: "NOASSERTION", copyrightText: "NOASSERTION" },
      { SPDXID: "SPDXRef-model", name: options.name, downloadLocation: "NOASSERTION", filesAnalyzed: false, licenseConcluded: "NOASSERTION", licenseDeclared: "NOASSERTION", copyrightText: "NOASSERTION", ...(options.sourceSha256 ? { checksums: [{ algorithm: "SHA256", checksumValue: options.sourceSha256 }] } : {}) },
    ],
    files: sums.map((s, i) => ({ SPDXID: `SPDXRef-file-${i}`, fileName: `./${s.path}`, checksums: [{ algorithm: "SHA256", checksumValue: s.sha256 }], licenseConcluded: "NOASSERTION", copyrightText: "NOASSERTION" })),
    relationships: [
      { spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: "SPDXRef-bundle" },
      { spdxElementId: "SPDXRef-bundle", relationshipType: "GENERATED_FROM", relatedSpdxElement: "SPDXRef-model" },
    ],
  };
}
