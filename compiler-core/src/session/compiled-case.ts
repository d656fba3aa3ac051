import { hasRelaxedSimd } from "../backends/wasm/index.ts";
import { fileBytes, generateCode, generateWasm, type GeneratedWasm, loadWasm, operatorLowering } from "../bundle/index.ts";
import { importModel } from "../importers/index.ts";
import { readValueFile } from "../importers/onnx/tensor-file.ts";
import { elementKind, type ElementType } from "../ir/element-type.ts";
import { type Graph, type NodeId, qualifiedOp } from "../ir/graph.ts";
import { type Tensor, tensorBytes, tensorFromBytes } from "../ir/tensor.ts";
import { Timeline } from "../ir/timeline.ts";
import { isTensor, typeRules, type Value } from "../ops/index.ts";
import { applyRepeatedly, siteOf } from "../passes/driver/driver.ts";
import { findRewrite } from "../passes/index.ts";
import { runPipeline } from "../passes/run-pipeline.ts";
import { specialize } from "../passes/specialize.ts";
import { portableTarget, scheduleTargets } from "../tensor/target.ts";
import { formatDiagnostic, GraphwrightError } from "../support/diagnostic.ts";
import type { Task } from "../support/task.ts";
import { defaultAtol, defaultRtol, difference } from "./backend-case.ts";
import type { BackendCase, CompiledCase, WasmCaseResult } from "./protocol.ts";

/**
 * Nodes whose value decides a shape or an option that generated code has fixed: what feeds an input that a lowering
 * reads at compile time. Shape and Size look at types only, so the walk ends there.
 */
function compileTimeNodes(graph: Graph, apart: boolean): Set<NodeId> {
  const found = new Set<NodeId>();
  const pending: NodeId[] = [];
  for (const node of graph) {
    if (node.kind !== "operator") continue;
    const early = operatorLowering.lowering(node)?.compileTimeInputs ?? [];
    for (const index of early) if (node.inputs[index] && node.op !== "Shape" && node.op !== "Size") pending.push(node.inputs[index].node);
    // How often a Loop runs is the length of what it stacks. To take it apart, what ends it must be known too, and which body an If runs.
    const control = node.op === "If" ? (apart ? 1 : 0) : node.op !== "Loop" ? 0 : apart ? 2 : node.outputs.length > node.inputs.length - 2 ? 1 : 0;
    for (const ref of node.inputs.slice(0, control)) if (ref) pending.push(ref.node);
  }
  while (pending.length > 0) {
    const id = pending.pop()!;
    if (found.has(id)) continue;
    found.add(id);
    const node = graph.node(id);
    if (node.kind === "operator" && node.op !== "Shape" && node.op !== "Size") for (const input of node.inputs) if (input) pending.push(input.node);
  }
  return found;
}

/** The graph with everything settled that generated code needs early, and nothing else computed; `apart`: with loops and branches put in their places. */
function settled(graph: Graph, inputs: ReadonlyMap<string, Tensor>, apart: boolean): Graph {
  const names = new Set(graph.root.parameters.map((id) => graph.node(id).outputs[0]!.name));
  const shapes = new Map([...inputs].flatMap(([name, t]) => (names.has(name) ? [[name, t.dims] as const] : [])));
  let current = specialize(graph, { shapes }).graph;
  for (let round = 0; round < 8; round++) {
    const before = current;
    const early = compileTimeNodes(current, apart);
    const constants = new Map(
      current.root.parameters.flatMap((id) => {
        const { name } = current.node(id).outputs[0]!;
        return early.has(id) && inputs.has(name) ? [[name, inputs.get(name)!] as const] : [];
      }),
    );
    if (constants.size > 0) current = specialize(current, { constants }).graph;
    const sites = new Set([...early].flatMap((id) => (current.find(id) ? [siteOf(current.node(id))] : [])));
    const rewrites = ["inline-function", "constant-folding", "shape-subgraph-folding", "inline-constant-if", ...(apart ? ["loop-unrolling", "scan-unrolling", "if-conversion"] : []), "dead-code-elimination"].map(findRewrite);
    const steps = applyRepeatedly(current, rewrites, { pass: "settle", skipSite: (rewrite, site) => /folding/.test(rewrite) && !sites.has(site) });
    for (let next = steps.next(); !next.done; next = steps.next()) current = next.value.graph;
    if (current === before) break;
  }
  return current;
}

/** What kind of case it is, for counting: the first that fits. */
function kindOf(graph: Graph): CompiledCase["kind"] {
  const elements = new Set<ElementType>();
  let plain = true;
  let control = false;
  for (const node of graph) {
    if (node.kind === "operator" && ["If", "Loop", "Scan", "SequenceMap"].includes(node.op)) control = true;
    for (const { type } of node.outputs) {
      if (type.kind !== "tensor") plain = false;
      else if (type.element) elements.add(type.element);
    }
  }
  if (elements.has("string")) return "strings";
  if (!plain) return "sequences";
  if (control) return "control flow";
  return [...elements].some((e) => elementKind(e) === "float") ? "float" : "integer";
}

/** A case with everything settled that generated code needs early; `refused` says why there is none. */
interface PreparedCase {
  readonly operators: readonly string[];
  readonly kind: CompiledCase["kind"];
  readonly refused?: string;
  /** what may be built: with loops and branches as they are, then with them taken apart */
  readonly ready?: readonly { readonly graph: Graph; /** for each data set, the inputs in the graph's order */ readonly inputs: readonly (readonly Tensor[])[] }[];
}

const reasonOf = (error: unknown): string => {
  if (!(error instanceof GraphwrightError)) throw error;
  return error.diagnostic.code === "not-lowered" ? error.diagnostic.message : formatDiagnostic(error.diagnostic);
};

async function prepare(each: BackendCase, optimize: boolean, task: Task): Promise<PreparedCase> {
  let operators: string[] = [];
  let kind: CompiledCase["kind"] = "float";
  const refused = (reason: string): PreparedCase => ({ operators, kind, refused: reason });
  try {
    const original = importModel(each.model, { rules: typeRules, task, ...(each.siblings ? { siblings: each.siblings } : {}) }).graph;
    operators = [...new Set([...original].flatMap((n) => (n.kind === "operator" ? [qualifiedOp(n)] : [])))];
    kind = kindOf(original);
    const parameters = original.root.parameters.map((id) => original.node(id).outputs[0]!);
    const surplus = each.sets.find((set) => set.inputs.length > parameters.length);
    if (surplus) return refused(`${surplus.name} has ${surplus.inputs.length} inputs, the model ${parameters.length}`);
    const sets: Map<string, Value>[] = each.sets.map((set) => new Map(set.inputs.map((bytes, i) => [parameters[i]!.name, readValueFile(bytes, parameters[i]!.type)])));
    const [first] = sets;
    if (!first) return refused("the case has no test data");
    for (const [name, value] of first) if (!isTensor(value)) return refused(`the input ${name} is a ${value.kind}`);
    const ready: NonNullable<PreparedCase["ready"]>[number][] = [];
    for (const apart of [...original].some((n) => n.kind === "operator" && (n.op === "If" || n.op === "Loop" || n.op === "Scan")) ? [false, true] : [true]) {
      let graph = settled(original, first as Map<string, Tensor>, apart);
      if (optimize) {
        const timeline = new Timeline(graph);
        await runPipeline(timeline, "default", { task });
        graph = settled(timeline.head.graph, first as Map<string, Tensor>, apart);
      }
      const names = graph.root.parameters.map((id) => graph.node(id).outputs[0]!.name);
      ready.push({ graph, inputs: sets.map((set) => names.map((n) => set.get(n) as Tensor)) });
    }
    return { operators, kind, ready };
  } catch (error) {
    return refused(reasonOf(error));
  }
}

/** Builds the first that lowering covers. Throws what the last is refused for. */
async function firstBuilt<T>(ready: NonNullable<PreparedCase["ready"]>, build: (graph: Graph) => Promise<T>): Promise<{ readonly code: T; readonly inputs: readonly (readonly Tensor[])[] }> {
  const [first, ...others] = ready;
  const { graph, inputs } = first!;
  try {
    return { code: await build(graph), inputs };
  } catch (error) {
    if (!(error instanceof GraphwrightError) || others.length === 0) throw error;
    return firstBuilt(others, build);
  }
}

/**
 * A case as C: its sources, and its inputs as they lie in memory. What lowering does not cover is refused with the
 * reason. Inputs that only decide shapes or options become constants, as a deployed model has them.
 */
export async function compileCase(each: BackendCase, { identifier, optimize, target }: { readonly identifier: string; readonly optimize: boolean; readonly target: string | undefined }, task: Task): Promise<CompiledCase> {
  const { ready, ...about } = await prepare(each, optimize, task);
  if (!ready) return about;
  try {
    const { code, inputs } = await firstBuilt(ready, (graph) => generateCode(graph, identifier, { modelName: identifier, targets: target === undefined ? [portableTarget] : [portableTarget, ...scheduleTargets.filter((t) => t.name === target && t !== portableTarget)] }, task));
    return {
      ...about,
      code: {
        files: code.files.map((f) => ({ path: f.path, bytes: fileBytes(f) })).concat({ path: `weights/${identifier}.bin`, bytes: joined([...code.weights.chunks()]) }),
        inputs: inputs.map((set) => joined(set.map(tensorBytes))),
        outputs: code.model.outputs.map((o) => ({ name: o.name, element: o.element, dims: o.dims, bytes: o.bytes })),
      },
    };
  } catch (error) {
    return { ...about, refused: reasonOf(error) };
  }
}

/**
 * Runs a case as WebAssembly, in this engine: the module that a bundle would carry, on each data set, in memory that
 * held something else before. What is not covered is refused with the reason, as for C. Throws "no-relaxed-simd" where
 * that is asked of an engine without it.
 */
export async function runWasmCase(each: BackendCase, { optimize, relaxed }: { readonly optimize: boolean; readonly relaxed: boolean }, task: Task): Promise<WasmCaseResult> {
  if (relaxed && !hasRelaxedSimd()) throw new GraphwrightError("no-relaxed-simd", "this engine has no relaxed SIMD.", undefined, "Run without it, or in Node 22 and newer, or with node --experimental-wasm-relaxed-simd.");
  const { ready, ...about } = await prepare(each, optimize, task);
  if (!ready) return about;
  let built: { readonly code: GeneratedWasm; readonly inputs: readonly (readonly Tensor[])[] };
  try {
    built = await firstBuilt(ready, (graph) => generateWasm(graph, "wasm_case", { modelName: "case", relaxed: [relaxed] }, task));
  } catch (error) {
    return { ...about, refused: reasonOf(error) };
  }
  const { code, inputs: sets } = built;
  const { model } = code;
  const { bytes, functions, setInputs } = await loadWasm(code, code.modules[0]!, 0x7f);
  for (const [set, inputs] of sets.entries()) {
    setInputs(inputs.map(tensorBytes));
    try {
      functions["run"]!();
    } catch (error) {
      return { ...about, failed: `${each.sets[set]!.name}: ${error instanceof Error ? error.message : String(error)}` };
    }
    const wrong = compareCompiled(each, set, model.outputs, joined(model.outputs.map((o) => bytes.slice(o.address, o.address + o.bytes))));
    if (wrong !== undefined) return { ...about, failed: wrong };
  }
  return about;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return all;
}

/** Why what the compiled code gave is not what the case expects, or undefined when it is. */
export function compareCompiled(each: BackendCase, set: number, outputs: NonNullable<CompiledCase["code"]>["outputs"], bytes: Uint8Array): string | undefined {
  let at = 0;
  for (const [i, expected] of each.sets[set]!.outputs.entries()) {
    const o = outputs[i];
    if (!o) return `${outputs.length} outputs, not ${each.sets[set]!.outputs.length}`;
    const actual = tensorFromBytes(o.element, o.dims, bytes.slice(at, at + o.bytes));
    at += o.bytes;
    const wrong = difference(actual, readValueFile(expected), each.rtol ?? defaultRtol, each.atol ?? defaultAtol);
    if (wrong !== undefined) return `${each.sets[set]!.name}, output ${o.name}: ${wrong}`;
  }
  return undefined;
}
