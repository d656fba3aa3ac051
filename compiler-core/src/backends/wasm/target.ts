import type { ScheduleTarget } from "../../tensor/target.ts";

/**
 * 128-bit vectors. On x86-64, engines have 15 registers for them (one is kept for moves): 12 accumulators, two loaded
 * vectors and one broadcast element. AArch64 has 32, but modules are made once for both.
 */
export const wasmTarget: ScheduleTarget = { name: "wasm", title: "WebAssembly", vectorLanes: 4, vectorRegisters: 15, vectorTile: 16, lanes: 4, rowTile: 4 };
