import type { ScheduleTarget } from "../../tensor/target.ts";

/**
 * 128-bit vectors. On x86-64, engines have 15 registers for them, of which they keep some for products and moves: 8 accumulators, two
 * loaded vectors and one broadcast element spill nothing, and are faster than 12 accumulators (`npm run bench:wasm-models`: BERT-base
 * in 475 instead of 633 ms). AArch64 has 32, but modules are made once for both.
 */
export const wasmTarget: ScheduleTarget = { name: "wasm", title: "WebAssembly", vectorLanes: 4, vectorRegisters: 11, vectorTile: 16, lanes: 4, rowTile: 4 };
