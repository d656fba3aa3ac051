/** Speed of single WebAssembly kernels in this engine. Usage: wasm-kernels [text] */
import { assemble, hostMath, moduleText, printWasmKernel, wasmEngine, wasmTarget } from "../src/backends/wasm/index.ts";
import { parseGraph } from "../src/ir/parser.ts";
import type { OperatorNode } from "../src/ir/graph.ts";
import { byteSize } from "../src/ir/element-type.ts";
import { elementCount } from "../src/ir/value-type.ts";
import { typeRules } from "../src/ops/index.ts";
import { operatorLowering, scheduledNode } from "../src/bundle/lower-graph.ts";
import { topologicalOrder } from "../src/ir/order.ts";

const cases = {
  "MatMul 512x512x512": ["graph @main(%x: float32[512, 512]) -> (%y: float32[512, 512]) {\n %w = constant float32[512, 512] random(1)\n %y = MatMul(%x, %w)\n return %y\n}", 2 * 512 ** 3],
  "Conv 3x3 56x56x64": ["graph @main(%x: float32[1, 64, 56, 56]) -> (%y: float32[1, 64, 56, 56]) {\n %w = constant float32[64, 64, 3, 3] random(1)\n %y = Conv(%x, %w) {pads = [1, 1, 1, 1]}\n return %y\n}", 2 * 56 * 56 * 64 * 64 * 9],
  "Conv 1x1 28x28x256x128": ["graph @main(%x: float32[1, 256, 28, 28]) -> (%y: float32[1, 128, 28, 28]) {\n %w = constant float32[128, 256, 1, 1] random(1)\n %y = Conv(%x, %w)\n return %y\n}", 2 * 28 * 28 * 128 * 256],
  "Gelu 1M": ["graph @main(%x: float32[1048576]) -> (%y: float32[1048576]) {\n %y = Gelu(%x)\n return %y\n}", 1048576],
  "Softmax 1024x1024": ["graph @main(%x: float32[1024, 1024]) -> (%y: float32[1024, 1024]) {\n %y = Softmax(%x)\n return %y\n}", 1048576],
} as const;
for (const [name, [text, flops]] of Object.entries(cases)) {
  const graph = parseGraph(text, { rules: typeRules, info: { opsets: { "": 21 } } });
  const node = topologicalOrder(graph).map((id) => graph.node(id)).find((n): n is OperatorNode => n.kind === "operator")!;
  const { program } = scheduledNode(graph, node, operatorLowering, wasmTarget);
  const kernel = printWasmKernel(program, { name: "k" });
  if (process.argv[2] === "text") console.log(kernel.text);
  let at = 64 + kernel.frameBytes;
  const places = program.parameters.map((p) => { at = Math.ceil(at / 64) * 64; const place = at; at += byteSize(p.element, elementCount(p.dims)); return place; });
  const pages = Math.ceil(at / 65536) + 1;
  const { Memory, Global, compile, instantiate } = wasmEngine();
  const memory = new Memory({ initial: pages });
  const t = performance.now();
  const binary = await assemble(moduleText([kernel], { pages }));
  const assembled = performance.now() - t;
  const instance = await instantiate(await compile(binary), { env: { memory, frame: new Global({ value: "i32" }, 64) }, math: hostMath });
  new Float32Array(memory.buffer).fill(0.5);
  const k = instance.exports.k as (...a: number[]) => void;
  const times: number[] = [];
  for (let i = 0; i < 12; i++) { const s = performance.now(); k(...places); times.push(performance.now() - s); }
  times.sort((a, b) => a - b);
  console.log(`${name}: ${times[0]!.toFixed(2)} ms, ${(flops / times[0]! / 1e6).toFixed(2)} G/s, assembled in ${assembled.toFixed(0)} ms, ${binary.length} bytes`);
}
