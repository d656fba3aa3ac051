import { GraphwrightError } from "../../support/diagnostic.ts";
import { helperFunctions, mathArity } from "./instructions.ts";
import type { WasmKernelSource } from "./print.ts";
import { tableSegments } from "./tables.ts";

type Binaryen = (typeof import("binaryen"))["default"];

export interface ModuleOptions {
  /** 64 KiB pages that the imported memory has at least */
  readonly pages: number;
  /** the memory is shared between threads; `pages` is then also its size */
  readonly shared?: boolean;
  /** further functions, in text format: a function that runs all kernels, say */
  readonly functions?: readonly string[];
}

/**
 * A module's text: it imports `env.memory`, the address `env.frame` of the local arrays, and functions from `math`.
 * Each kernel is exported by its name.
 */
export function moduleText(kernels: readonly WasmKernelSource[], options: ModuleOptions): string {
  const math = new Set(kernels.flatMap((k) => [...k.math]));
  const helpers = new Set(kernels.flatMap((k) => [...k.helpers]));
  return [
    "(module",
    `(import "env" "memory" (memory ${options.pages}${options.shared ? ` ${options.pages} shared` : ""}))`,
    '(import "env" "frame" (global $frame i32))',
    ...[...math].sort().map((name) => `(import "math" "${name}" (func $math.${name}${" (param f64)".repeat(mathArity(name))} (result f64)))`),
    ...tableSegments(kernels.flatMap((k) => k.tables)),
    ...helperFunctions(helpers),
    ...kernels.map((k) => k.text),
    ...(options.functions ?? []),
    ")",
  ].join("\n");
}

/** Turns a module's text into its bytes. Throws "bad-module" with the assembler's message: a defect of ours. */
export type Assembler = (text: string, optimizeLevel?: 0 | 1 | 2 | 3) => Uint8Array<ArrayBuffer>;

/** The assembler is large: it is loaded when the first module is made. */
export async function loadAssembler(): Promise<Assembler> {
  const { default: binaryen } = await import("binaryen");
  return (text, optimizeLevel = 2) => assembleWith(binaryen, text, optimizeLevel);
}

export const assemble = async (text: string, optimizeLevel: 0 | 1 | 2 | 3 = 2): Promise<Uint8Array<ArrayBuffer>> => (await loadAssembler())(text, optimizeLevel);

function assembleWith(binaryen: Binaryen, text: string, optimizeLevel: number): Uint8Array<ArrayBuffer> {
  let module;
  try {
    module = binaryen.parseText(text);
  } catch (error) {
    throw new GraphwrightError("bad-module", `the WebAssembly text is not well-formed: ${error instanceof Error ? error.message : String(error)}.`, undefined, "This is a defect of Graphwright: please report it with the model.");
  }
  try {
    const { MutableGlobals, SignExt, NontrappingFPToInt, SIMD128, RelaxedSIMD, BulkMemory, Atomics } = binaryen.Features;
    module.setFeatures(MutableGlobals | SignExt | NontrappingFPToInt | SIMD128 | RelaxedSIMD | BulkMemory | Atomics);
    if (!module.validate()) throw new GraphwrightError("bad-module", "the WebAssembly module does not validate.", undefined, "This is a defect of Graphwright: please report it with the model.");
    if (optimizeLevel > 0) {
      binaryen.setOptimizeLevel(optimizeLevel);
      binaryen.setShrinkLevel(0);
      module.optimize();
    }
    return new Uint8Array(module.emitBinary());
  } finally {
    module.dispose();
  }
}
