export { assemble, type Assembler, loadAssembler, moduleText, type ModuleOptions } from "./assemble.ts";
export { hostMath } from "./math.ts";
export { measureWasmPeak, wasmCacheBytes, type WasmPeak } from "./peak.ts";
export { printWasmKernel, type WasmKernelOptions, type WasmKernelSource } from "./print.ts";
export { wasmTarget } from "./target.ts";
export { hasRelaxedSimd, wasmEngine, type WasmEngine, type WasmInstance, type WasmMemory } from "./engine.ts";
