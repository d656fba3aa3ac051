import type { ScheduleTarget } from "../../tensor/target.ts";

/** 128-bit vectors: 4 rows of 16 floats are 16 accumulators, which engines keep in registers. */
export const wasmTarget: ScheduleTarget = { name: "wasm", title: "WebAssembly", vectorLanes: 4, vectorRegisters: 20, vectorTile: 16, lanes: 4, rowTile: 4 };
