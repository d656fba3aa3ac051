/** What schedules know of the machine. */
export interface ScheduleTarget {
  readonly name: "portable" | "avx2" | "avx512" | "neon" | "wasm";
  readonly title: string;
  /** float32 elements in a vector register of vector types; 1 where the code has none and the compiler finds its own */
  readonly vectorLanes: number;
  /** vector registers: accumulators, loaded vectors and one broadcast element must fit */
  readonly vectorRegisters: number;
  /** iterations of the vectorized loop in a register tile of scalars, where its loads are contiguous */
  readonly vectorTile: number;
  /** iterations that fill one vector; shorter remainders are computed one by one */
  readonly lanes: number;
  /** rows of a register tile of scalars: each loaded vector is used so many times */
  readonly rowTile: number;
}

/** Any compiler: 4 rows of 8 floats fill the 16 vector registers of SSE2 and NEON. */
export const portableTarget: ScheduleTarget = { name: "portable", title: "portable C99", vectorLanes: 1, vectorRegisters: 16, vectorTile: 8, lanes: 4, rowTile: 4 };
export const avx2Target: ScheduleTarget = { name: "avx2", title: "x86-64 with AVX2 and FMA", vectorLanes: 8, vectorRegisters: 16, vectorTile: 16, lanes: 8, rowTile: 6 };
export const avx512Target: ScheduleTarget = { name: "avx512", title: "x86-64 with AVX-512 (F, VL, DQ, BW)", vectorLanes: 16, vectorRegisters: 32, vectorTile: 32, lanes: 16, rowTile: 14 };
export const neonTarget: ScheduleTarget = { name: "neon", title: "AArch64 NEON", vectorLanes: 4, vectorRegisters: 32, vectorTile: 16, lanes: 4, rowTile: 6 };

/** Every target, one line each; the first runs everywhere. */
export const scheduleTargets = [portableTarget, avx2Target, avx512Target, neonTarget] as const;
