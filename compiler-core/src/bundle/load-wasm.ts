import { hostMath, wasmEngine } from "../backends/wasm/index.ts";
import type { GeneratedWasm } from "./build-wasm-bundle.ts";

/** A generated module in this engine, its weights in place. */
export interface LoadedWasm {
  /** its memory: inputs and outputs lie in it at the addresses of the model's tensors */
  readonly bytes: Uint8Array;
  /** `run`, and `step_0` onwards */
  readonly functions: Readonly<Record<string, () => void>>;
  /** Writes the inputs, as bytes in the model's order: before each run, since a run may use their memory again. */
  setInputs(inputs: readonly Uint8Array[]): void;
  /** Runs a step at a time, in the order in which they come. */
  runSteps(run: (step: number) => void): void;
  /** Sets the sizes of the runs from now on, in the model's order; the bounds are the caller's to keep. */
  setSizes(sizes: readonly number[]): void;
}

/** Compiles and instantiates a module; the memory is filled with `garbage` first, to show what reads without having written. */
export async function loadWasm({ model, weights }: GeneratedWasm, module: GeneratedWasm["modules"][number], garbage = 0): Promise<LoadedWasm> {
  const { Memory, Global, compile, instantiate } = wasmEngine();
  const memory = new Memory({ initial: model.pages });
  const bytes = new Uint8Array(memory.buffer).fill(garbage);
  let at = model.weightsAddress;
  for (const chunk of weights.chunks()) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  const { exports } = await instantiate(await compile(module.bytes), { env: { memory, frame: new Global({ value: "i32" }, model.frameAddress) }, math: hostMath });
  return {
    bytes,
    functions: exports as Readonly<Record<string, () => void>>,
    setInputs(inputs) {
      for (const [i, { address }] of model.inputs.entries()) bytes.set(inputs[i]!, address);
    },
    runSteps(run) {
      const runs = ({ address, when }: (typeof model.bodies)[number]): boolean => (bytes[address] !== 0) === when;
      const entered = (step: number): number => model.bodies.reduce((at, b) => (b.begin <= at && at < b.end && !runs(b) ? b.end : at), step);
      const followed = (step: number): number => model.bodies.find((b) => b.repeats && b.end === step + 1 && runs(b))?.begin ?? step + 1;
      for (let step = entered(0); step < model.steps.length; step = entered(followed(step))) run(step);
    },
    setSizes(sizes) {
      for (const [i, size] of sizes.entries()) (exports as Readonly<Record<string, { value: number }>>)[`size_${i}`]!.value = size;
    },
  };
}
