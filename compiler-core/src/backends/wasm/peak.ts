import type { Task } from "../../support/task.ts";
import type { Assembler } from "./assemble.ts";
import { hasRelaxedSimd, wasmEngine, type WasmMemory } from "./engine.ts";

/** What this engine on this machine can do at most, for a roofline. */
export interface WasmPeak {
  /** float32 multiply-adds, two operations each, in 10^9 a second */
  readonly gflops: number;
  /** 10^9 bytes a second, read in order */
  readonly memoryGBps: number;
  readonly cacheGBps: number;
}

/** Independent chains of multiply-adds: more than an instruction is long, and no more than there are registers. */
const chains = 12;
const cachedBytes = 1 << 18;
const uncachedBytes = 1 << 26;
/** rounds of multiply-adds in one call */
const rounds = 4096;
/** milliseconds */
const warmUp = 100;
const turnLength = 8;
const turns = 8;
const mostCalls = 1 << 16;

const lanes = (n: number, text: (i: number) => string): string => Array.from({ length: n }, (_, i) => text(i)).join("\n");

/** `compute`: n rounds of multiply-adds in registers; `read`: `bytes` from memory, n times. */
function moduleText(relaxed: boolean): string {
  const madd = (i: number): string => (relaxed ? `(local.set $a${i} (f32x4.relaxed_madd (local.get $x) (local.get $y) (local.get $a${i})))` : `(local.set $a${i} (f32x4.add (f32x4.mul (local.get $x) (local.get $y)) (local.get $a${i})))`);
  const sum = (count: number): string => Array.from({ length: count }, (_, i) => `(local.get $a${i})`).reduce((all, each) => `(f32x4.add ${all} ${each})`);
  return `(module
(memory (export "memory") ${(uncachedBytes + 65536) / 65536})
(func (export "compute") (param $n i32) (result f32) (local $x v128) (local $y v128) ${lanes(chains, (i) => `(local $a${i} v128)`)}
  (local.set $x (f32x4.splat (f32.const 0.9999)))
  (local.set $y (f32x4.splat (f32.const 0.0001)))
  (loop $again
    ${lanes(chains, madd)}
    ${lanes(chains, madd)}
    (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
  (f32x4.extract_lane 0 ${sum(chains)}))
(func (export "read") (param $bytes i32) (param $n i32) (result f32) (local $at i32) ${lanes(8, (i) => `(local $a${i} v128)`)}
  (loop $again
    (local.set $at (i32.const 0))
    (loop $next
      ${lanes(8, (i) => `(local.set $a${i} (f32x4.add (local.get $a${i}) (v128.load offset=${16 * i} (local.get $at))))`)}
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 128))) (local.get $bytes))))
    (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
  (f32x4.extract_lane 0 ${sum(8)})))`;
}

/**
 * Measures for about half a second. `clock` gives milliseconds; 0 everywhere where it stands still. Engines optimize a
 * function between calls: each measurement is many short ones, the first of which do not count.
 */
export async function measureWasmPeak(assembler: Assembler, clock: () => number, task: Task): Promise<WasmPeak> {
  const { Module, Instance } = wasmEngine();
  const { compute, read, memory } = new Instance(new Module(assembler(moduleText(hasRelaxedSimd()), 0)), {}).exports as { compute: (n: number) => number; read: (bytes: number, n: number) => number; memory: WasmMemory };
  // Memory that was never written is one page of zeros for the machine.
  new Uint8Array(memory.buffer).fill(1);
  /** work a millisecond: the best of some turns, each long enough for the clock */
  const best = async (work: number, run: () => void): Promise<number> => {
    const start = clock();
    let calls = 0;
    while (clock() - start < warmUp && calls < mostCalls) {
      run();
      calls++;
    }
    const each = Math.max(1, Math.ceil((turnLength * calls) / Math.max(clock() - start, turnLength)));
    let fastest = 0;
    for (let turn = 0; turn < turns; turn++) {
      task.check();
      await task.pause();
      const began = clock();
      for (let call = 0; call < each; call++) run();
      const took = clock() - began;
      if (took > 0) fastest = Math.max(fastest, (work * each) / took);
    }
    return fastest;
  };
  return {
    gflops: (await best(rounds * chains * 2 * 4 * 2, () => void compute(rounds))) / 1e6,
    memoryGBps: (await best(uncachedBytes, () => void read(uncachedBytes, 1))) / 1e6,
    cacheGBps: (await best(cachedBytes, () => void read(cachedBytes, 1))) / 1e6,
  };
}

/** Values that together are no larger than this are taken to lie in a cache. */
export const wasmCacheBytes = 1 << 20;
