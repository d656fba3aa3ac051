import { assemble, hostMath, moduleText, printWasmKernel, wasmEngine } from "../../src/backends/wasm/index.ts";
import { byteSize } from "../../src/ir/element-type.ts";
import { type Tensor, tensorBytes, tensorFromBytes } from "../../src/ir/tensor.ts";
import { elementCount } from "../../src/ir/value-type.ts";
import type { Buffer } from "../../src/tensor/program.ts";
import { parametersOf, type RunCase } from "./c-runner.ts";

const bytesOf = (b: Buffer): number => byteSize(b.element, elementCount(b.dims));
const aligned = (n: number): number => Math.ceil(n / 64) * 64;
const pageBytes = 65536;

/** Assembles programs as one module, runs each once on its inputs, and gives the outputs of each. */
export async function runInWasm(cases: readonly RunCase[], optimizeLevel: 0 | 2 = 2): Promise<Tensor[][]> {
  const kernels = cases.map((c, i) => printWasmKernel(c.program, { name: `kernel_${i}` }));
  const frameBytes = Math.max(64, ...kernels.map((k) => k.frameBytes));
  const sizes = cases.map((c) => parametersOf(c).reduce((n, p) => n + aligned(bytesOf(p)) + 64, 64));
  const pages = Math.ceil((frameBytes + Math.max(...sizes) + 128) / pageBytes);
  const binary = await assemble(moduleText(kernels, { pages }), optimizeLevel);
  const { Memory, Global, compile, instantiate } = wasmEngine();
  const memory = new Memory({ initial: pages });
  const instance = await instantiate(await compile(binary), { env: { memory, frame: new Global({ value: "i32" }, 64) }, math: hostMath });
  return cases.map((c, i) => {
    const bytes = new Uint8Array(memory.buffer);
    bytes.fill(0x7f);
    let at = 64 + aligned(frameBytes);
    let next = 0;
    const places = parametersOf(c).map((p) => {
      const place = at;
      if (p.scope === "input" || p.scope === "weight") bytes.set(tensorBytes(c.inputs[next++]!), place);
      at += aligned(bytesOf(p)) + 64;
      return place;
    });
    (instance.exports[`kernel_${i}`] as (...places: number[]) => void)(...places, ...kernels[i]!.sizes.map((s) => c.sizes!.get(s)!));
    return parametersOf(c).flatMap((p, k) => (p.scope === "output" ? [tensorFromBytes(p.element, p.dims, bytes.slice(places[k]!, places[k]! + bytesOf(p)))] : []));
  });
}
