import type { Accelerator } from "../evaluate/index.ts";
import type { Graph } from "../ir/graph.ts";
import { nodeFlops } from "./cost.ts";
import type { EngineReport } from "./protocol.ts";
import { WasmAccelerator } from "./wasm-accelerator.ts";

/** From this many FLOPs on, loading the assembler pays. */
const worthwhile = 50_000_000;

/** What a session evaluates with: WebAssembly for the heavy nodes of heavy models, loaded when first needed. */
export class Engine {
  private loading: Promise<WasmAccelerator | undefined> | undefined;
  private unavailable: string | undefined;

  /** The options for evaluating this graph. `heavy`: it has work enough for WebAssembly, whether or not it can be had. */
  async for(graph: Graph): Promise<{ readonly accelerator?: Accelerator; readonly heavy: boolean }> {
    let flops = 0;
    for (const node of graph) {
      // Where sizes are symbolic, the work is not known and may be large.
      if (node.kind === "operator") flops += nodeFlops(graph, node) ?? (node.op === "Conv" || node.op === "MatMul" || node.op === "Gemm" ? worthwhile : 0);
      if (flops >= worthwhile) break;
    }
    if (flops < worthwhile) return { heavy: false };
    // A host that cannot run or load it evaluates all by the operators' own evaluation, and the report says so.
    this.loading ??= WasmAccelerator.create().catch((error: unknown) => {
      this.unavailable = error instanceof Error ? error.message : String(error);
      return undefined;
    });
    const accelerator = await this.loading;
    return { heavy: true, ...(accelerator ? { accelerator } : {}) };
  }

  /** What ran how since the last call; undefined when nothing heavy was evaluated. */
  async report(): Promise<EngineReport | undefined> {
    const accelerator = await this.loading;
    return accelerator?.report() ?? (this.unavailable === undefined ? undefined : { accelerated: {}, reference: {}, unavailable: this.unavailable });
  }
}
