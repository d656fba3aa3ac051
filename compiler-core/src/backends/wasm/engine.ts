import { GraphwrightError } from "../../support/diagnostic.ts";

/** What is used of the WebAssembly JavaScript interface, which every host of the compiler has and ECMAScript's own library does not declare. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** by pages of 64 KiB; the buffer is then another one */
  grow(pages: number): number;
}
export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}
export interface WasmEngine {
  readonly Memory: new (options: { initial: number; maximum?: number; shared?: boolean }) => WasmMemory;
  readonly Global: new (type: { value: "i32"; mutable?: boolean }, value: number) => object;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object, imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>) => WasmInstance;
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  compile(bytes: Uint8Array<ArrayBuffer>): Promise<object>;
  instantiate(module: object, imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>): Promise<WasmInstance>;
}

/** Throws "no-webassembly" where the host has none. */
export function wasmEngine(): WasmEngine {
  const engine = (globalThis as { readonly WebAssembly?: WasmEngine }).WebAssembly;
  if (!engine) throw new GraphwrightError("no-webassembly", "this host cannot run WebAssembly.", undefined, "Run with the reference evaluator instead.");
  return engine;
}

/** A module with one f32x4.relaxed_madd: engines without relaxed SIMD refuse it. */
const relaxedProbe = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 1, 253, 17, 65, 2, 253, 17, 65, 3, 253, 17, 253, 133, 2, 11];

export const hasRelaxedSimd = (): boolean => wasmEngine().validate(Uint8Array.from(relaxedProbe));
