import { type Assembler, hasRelaxedSimd, hostMath, loadAssembler, moduleText, printWasmKernel, wasmEngine, type WasmMemory, wasmTarget } from "../backends/wasm/index.ts";
import { operatorLowering, scheduledNode } from "../bundle/lower-graph.ts";
import type { Accelerator } from "../evaluate/index.ts";
import { ConstantValue } from "../ir/constant.ts";
import { byteSize } from "../ir/element-type.ts";
import { emptyGraph, type OperatorNode, type ValueRef } from "../ir/graph.ts";
import { Rewriter } from "../ir/rewriter.ts";
import { type Tensor, tensorBytes, tensorFromBytes } from "../ir/tensor.ts";
import { elementCount, tensorType } from "../ir/value-type.ts";
import { findOperator, isTensor, typeRules, type Value } from "../ops/index.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { nodeFlops } from "./cost.ts";
import type { EngineReport } from "./protocol.ts";

interface Kernel {
  readonly call: (...places: number[]) => void;
  /** bytes of each parameter; what fills it: an input, or an output's type */
  readonly parameters: readonly { readonly bytes: number; readonly input?: number; readonly output?: { readonly index: number; readonly element: Tensor["element"]; readonly dims: readonly number[] } }[];
  readonly outputCount: number;
  /** bytes of its tables and local arrays */
  readonly frameBytes: number;
}

const pageBytes = 65536;
const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64;
/** Below this, making a kernel costs more than evaluating the node. */
const worthwhile = 2_000_000;
/** Elements of an input that is needed when the kernel is made: shapes, axes, pads. */
const largestEarlyInput = 256;

/**
 * Evaluates heavy nodes as WebAssembly, from the same tensor programs that bundles are made of. Sizes are those of the
 * values at hand, so models with symbolic sizes and bodies of loops are covered too. A kernel is made once for each operator, attributes and
 * sizes, and kept. What has no lowering is left to the operator's own evaluation, and `report` says so.
 */
export class WasmAccelerator implements Accelerator {
  private readonly assembler: Assembler;
  private readonly memory: WasmMemory;
  private readonly relaxed: boolean;
  private readonly kernels = new Map<string, Kernel | string>();
  private accelerated = new Map<string, number>();
  private reference = new Map<string, { count: number; reason: string }>();

  private readonly leastFlops: number;

  private constructor(assembler: Assembler, leastFlops: number) {
    this.assembler = assembler;
    this.leastFlops = leastFlops;
    this.memory = new (wasmEngine().Memory)({ initial: 16 });
    this.relaxed = hasRelaxedSimd();
  }

  static async create(leastFlops = worthwhile): Promise<WasmAccelerator> {
    return new WasmAccelerator(await loadAssembler(), leastFlops);
  }

  /** Counts since the last call. */
  report(): EngineReport {
    const result = { accelerated: Object.fromEntries(this.accelerated), reference: Object.fromEntries(this.reference) };
    this.accelerated = new Map();
    this.reference = new Map();
    return result;
  }

  run(node: OperatorNode, inputs: readonly (Value | null)[]): readonly (Value | null)[] | undefined {
    const kernel = this.kernelOf(node, inputs);
    if (typeof kernel === "string") return this.leave(node, kernel);
    const places: number[] = [];
    let at = frameAddress + aligned(kernel.frameBytes);
    for (const p of kernel.parameters) {
      places.push(at);
      at += aligned(p.bytes) + 64;
    }
    const missing = Math.ceil((at + pageBytes - this.memory.buffer.byteLength) / pageBytes);
    if (missing > 0) {
      try {
        this.memory.grow(missing);
      } catch {
        return this.leave(node, "its values do not fit in WebAssembly's memory");
      }
    }
    const bytes = new Uint8Array(this.memory.buffer);
    for (const [i, p] of kernel.parameters.entries()) if (p.input !== undefined) bytes.set(tensorBytes(inputs[p.input] as Tensor), places[i]!);
    kernel.call(...places);
    this.accelerated.set(node.op, (this.accelerated.get(node.op) ?? 0) + 1);
    const outputs = new Array<Value | null>(kernel.outputCount).fill(null);
    for (const [i, p] of kernel.parameters.entries()) if (p.output) outputs[p.output.index] = tensorFromBytes(p.output.element, p.output.dims, bytes.slice(places[i]!, places[i]! + p.bytes));
    return outputs;
  }

  /** The node's own evaluation runs it: the report says why. */
  private leave(node: OperatorNode, reason: string): undefined {
    const known = this.reference.get(node.op);
    this.reference.set(node.op, { count: (known?.count ?? 0) + 1, reason: known?.reason ?? reason });
    return undefined;
  }

  private kernelOf(node: OperatorNode, inputs: readonly (Value | null)[]): Kernel | string {
    const lowering = findOperator(node.domain, node.op)?.lower;
    if (!lowering) return "it has no lowering";
    if (Object.keys(node.regions).length > 0) return "it has a body";
    if (!inputs.every((v) => v === null || isTensor(v))) return "an input is not a tensor";
    const early = new Set(lowering.compileTimeInputs ?? []);
    const parts = [node.domain, node.op, node.outputs.map((o) => (o.name === "" ? 0 : 1)).join("")];
    for (const [name, attribute] of Object.entries(node.attributes).sort()) parts.push(`${name}=${JSON.stringify(attribute, (_, v: unknown) => (typeof v === "bigint" ? `${v}n` : v))}`);
    for (const [i, value] of inputs.entries()) {
      if (!value) parts.push("-");
      else {
        const t = value as Tensor;
        parts.push(`${t.element}[${t.dims.join()}]`);
        if (!early.has(i)) continue;
        if (elementCount(t.dims) > largestEarlyInput) return "an input that lowering reads is too large";
        parts.push(`{${Array.from(t.data as ArrayLike<unknown>, String).join()}}`);
      }
    }
    const key = parts.join(" ");
    let kernel = this.kernels.get(key);
    if (kernel === undefined) {
      kernel = this.make(node, inputs as readonly (Tensor | null)[], early);
      this.kernels.set(key, kernel);
    }
    return kernel;
  }

  private make(node: OperatorNode, inputs: readonly (Tensor | null)[], early: ReadonlySet<number>): Kernel | string {
    try {
      const rewriter = new Rewriter(emptyGraph(), typeRules);
      const parameterOf = new Map<number, number>();
      const refs = inputs.map((t, i): ValueRef | null => {
        if (!t) return null;
        if (early.has(i)) return rewriter.addConstant({ name: `early_${i}`, value: ConstantValue.of(t) });
        const ref = rewriter.addParameter({ name: `x${i}`, type: tensorType(t.element, t.dims) });
        parameterOf.set(ref.node, i);
        return ref;
      });
      const id = rewriter.addNode({ op: node.op, domain: node.domain, inputs: refs, outputs: node.outputs.map((o, i) => (o.name === "" && i > 0 ? "" : `y${i}`)), attributes: node.attributes });
      for (const [i, o] of node.outputs.entries()) if (o.name !== "" || i === 0) rewriter.addOutput(0, { name: `y${i}`, value: { node: id, output: i } });
      const { graph } = rewriter.commit({ pass: "evaluate", rewrite: "isolate", site: node.name, matched: [] });
      const alone = graph.operator(id)!;
      const flops = nodeFlops(graph, alone);
      if (flops !== undefined && flops < this.leastFlops) return "it is small";
      const { lowered, program } = scheduledNode(graph, alone, operatorLowering, wasmTarget);
      const printed = printWasmKernel(program, { name: "kernel", relaxed: this.relaxed });
      // Engines optimize on their own: the assembler's passes cost more than they gain for a kernel that runs a few times.
      const binary = this.assembler(moduleText([printed], { pages: 1 }), 0);
      const { Module, Instance, Global } = wasmEngine();
      const instance = new Instance(new Module(binary), { env: { memory: this.memory, frame: new Global({ value: "i32" }, frameAddress) }, math: hostMath });
      const byName = new Map([...lowered.bindings].map(([b, ref]) => [b.name, ref]));
      const parameters = program.parameters.map((p) => {
        const bytes = byteSize(p.element, elementCount(p.dims));
        if (p.scope === "scratch") return { bytes };
        const ref = byName.get(p.name)!;
        return p.scope === "output" ? { bytes, output: { index: ref.output, element: p.element, dims: p.dims } } : { bytes, input: parameterOf.get(ref.node) ?? refs.findIndex((r) => r?.node === ref.node) };
      });
      return { call: instance.exports["kernel"] as Kernel["call"], parameters, outputCount: node.outputs.length, frameBytes: printed.frameBytes };
    } catch (error) {
      if (error instanceof GraphwrightError) return error.diagnostic.message;
      throw error;
    }
  }
}

/** Tables and local arrays of the kernel that runs; address 0 stays unused. */
const frameAddress = 64;
