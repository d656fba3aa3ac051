import { type Assembler, hostMath, loadAssembler, moduleText, printWasmKernel, wasmEngine } from "../backends/wasm/index.ts";
import { byteSize, elementKind, type ElementType } from "../ir/element-type.ts";
import { fromNumbers, type Tensor, tensorBytes, tensorFromBytes } from "../ir/tensor.ts";
import { elementCount } from "../ir/value-type.ts";
import { compareTensors, epsilonOf } from "../passes/check/compare.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { Random } from "../support/random.ts";
import type { Task } from "../support/task.ts";
import { walkStatements } from "../tensor/build.ts";
import { packTensor } from "../tensor/layout.ts";
import { interpret } from "../tensor/interpreter.ts";
import type { Buffer, Loop, TensorProgram } from "../tensor/program.ts";
import type { CheckView } from "./protocol.ts";

/** Up to as many stores the interpreter runs, which also checks every access; beyond, WebAssembly does. */
const interpreted = 400_000;
/** More than this, even WebAssembly takes too long for a look. */
const mostStores = 20_000_000_000;
const pageBytes = 65536;

/** Stores that a run makes, about. */
export function storesOf(program: TensorProgram): number {
  let count = 0;
  walkStatements(program.body, (s, around) => {
    if (s.kind === "store") count += around.reduce((n, a) => n * (a.kind === "for" ? (a as Loop).extent : 1), 1);
  });
  return count;
}

/** Terms that one element sums, at most. */
function termsOf(program: TensorProgram): number {
  let most = 1;
  walkStatements(program.body, (s) => {
    if (s.kind === "block") most = Math.max(most, s.axes.reduce((n, a) => n * (a.kind === "reduce" ? a.extent : 1), 1));
  });
  return most;
}

/** Values for inputs and weights: the same for the same seed, whatever their layout. */
export function drawParameters(program: TensorProgram, seed: number): Tensor[] {
  return program.parameters
    .filter((p) => p.scope === "input" || p.scope === "weight")
    .map((p, i) => {
      const random = new Random(seed * 7919 + i);
      const dims = p.packed?.dims ?? p.dims;
      return fromNumbers(p.element, dims, Float64Array.from({ length: elementCount(dims) }, () => drawn(p.element, random)));
    });
}

function drawn(element: ElementType, random: Random): number {
  const kind = elementKind(element);
  return kind === "float" ? random.normal() : kind === "bool" ? random.below(2) : kind === "uint" ? random.below(20) : random.below(20) - 10;
}

/** Runs programs on the same values: by the interpreter where they are small, as WebAssembly where it can be had. */
export class ProgramRunner {
  private assembler: Assembler | undefined;
  private unavailable = "";

  /** Loads what runs programs fast; without it, large ones are not run. */
  async load(): Promise<this> {
    try {
      this.assembler ??= await loadAssembler();
    } catch (error) {
      this.unavailable = error instanceof Error ? error.message : String(error);
    }
    return this;
  }

  /** The outputs, and by what; a text says why it was not run. */
  run(program: TensorProgram, inputs: readonly Tensor[]): { readonly outputs: readonly Tensor[]; readonly engine: "interpreter" | "WebAssembly" } | string {
    const stores = storesOf(program);
    if (stores <= interpreted) return { outputs: interpret(program, inputs), engine: "interpreter" };
    if (!this.assembler) return `${stores.toPrecision(2)} stores are too many for the interpreter, and WebAssembly cannot be loaded: ${this.unavailable}`;
    if (stores > mostStores) return `${stores.toPrecision(2)} stores are too many`;
    return { outputs: this.runInWasm(this.assembler, program, inputs), engine: "WebAssembly" };
  }

  private runInWasm(assembler: Assembler, program: TensorProgram, inputs: readonly Tensor[]): Tensor[] {
    const aligned = (n: number): number => Math.ceil(n / 64) * 64;
    const bytesOf = (b: Buffer): number => byteSize(b.element, elementCount(b.dims));
    const kernel = printWasmKernel(program, { name: "kernel" });
    const { Module, Instance, Memory, Global } = wasmEngine();
    const frame = 64;
    const start = frame + aligned(Math.max(64, kernel.frameBytes));
    const pages = Math.ceil(program.parameters.reduce((n, p) => n + aligned(bytesOf(p)) + 64, start + 64) / pageBytes);
    const memory = new Memory({ initial: pages });
    const instance = new Instance(new Module(assembler(moduleText([kernel], { pages }), 0)), { env: { memory, frame: new Global({ value: "i32" }, frame) }, math: hostMath });
    const bytes = new Uint8Array(memory.buffer);
    let at = start;
    let next = 0;
    const places = program.parameters.map((p) => {
      const place = at;
      if (p.scope === "input" || p.scope === "weight") {
        const given = inputs[next++]!;
        bytes.set(tensorBytes(p.packed ? packTensor(given, p.packed.layout) : given), place);
      }
      at += aligned(bytesOf(p)) + 64;
      return place;
    });
    (instance.exports["kernel"] as (...places: number[]) => void)(...places);
    return program.parameters.flatMap((p, i) => (p.scope === "output" ? [tensorFromBytes(p.element, p.dims, bytes.slice(places[i]!, places[i]! + bytesOf(p)))] : []));
  }
}

const nothing = { maxAbs: 0, maxRel: 0, maxUlp: 0, runs: 0, scope: "region" } as const;

/** Compares what two programs of one function compute, on drawn values. */
export function comparePrograms(before: TensorProgram, after: TensorProgram, runner: ProgramRunner, task: Task, seeds = 2): CheckView {
  let result: CheckView = { ...nothing, verdict: "identical", note: "" };
  const terms = termsOf(before);
  for (let seed = 1; seed <= seeds; seed++) {
    task.check();
    let runs: readonly ReturnType<ProgramRunner["run"]>[];
    try {
      runs = [before, after].map((program) => runner.run(program, drawParameters(before, seed)));
    } catch (error) {
      if (!(error instanceof GraphwrightError)) throw error;
      return { ...nothing, verdict: "different", runs: seed, note: error.diagnostic.message };
    }
    const [a, b] = runs;
    if (typeof a === "string" || typeof b === "string") return { ...nothing, verdict: "not-checked", note: typeof a === "string" ? a : (b as string) };
    result = { ...result, runs: seed, note: b!.engine === "WebAssembly" ? "as WebAssembly" : "by the interpreter" };
    const names = after.parameters.filter((p) => p.scope === "output").map((p) => p.name);
    for (const [i, x] of a!.outputs.entries()) {
      const found = compareTensors(x, b!.outputs[i]!);
      if (found.identical) continue;
      const within = !found.mismatch && found.maxAbs <= 16 * Math.sqrt(terms) * epsilonOf(x.element) * found.scale;
      const verdict = result.verdict === "different" || !within ? "different" : "rounding";
      const worst = found.worst && found.maxAbs >= result.maxAbs ? { worst: { output: names[i]!, ...found.worst } } : {};
      result = { ...result, ...worst, verdict, maxAbs: Math.max(result.maxAbs, found.maxAbs), maxRel: Math.max(result.maxRel, found.maxRel), maxUlp: Math.max(result.maxUlp, found.maxUlp), note: found.mismatch ?? result.note };
    }
    if (result.verdict === "different") break;
  }
  return result;
}
