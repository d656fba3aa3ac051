/** Measuring schedules from the command line: the C compiler, the cache file, and what is said on the way. */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { CancelledError, compileFlags, GraphwrightError, readRecord, recordText, tune, type KernelsOf, type TuneResult, type TuningEntry, type TuningSteps } from "@graphwright/compiler-core";
import { processorName, runC } from "../shared/c-runner.ts";
import { findCompiler } from "../shared/toolchain.ts";
import type { CommandContext } from "./command.ts";
import { interruptible } from "./interrupt.ts";

export const defaultBudget = "120s";

/** "90s", "5m" or seconds, in milliseconds; 0 measures nothing and takes what the cache has. */
function budgetOption(text: unknown): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(s|m)?$/.exec(String(text)) ?? [];
  if (number === undefined) throw new GraphwrightError("usage", `the time to measure is 90s or 5m, not ${JSON.stringify(text)}.`);
  return Number(number) * (unit === "m" ? 60_000 : 1000);
}

/** Caches are kept where the system keeps them. */
const defaultCache = (): string => path.join(process.env["XDG_CACHE_HOME"] || path.join(homedir(), ".cache"), "graphwright", "tuning.json");

export interface Tuner {
  run(context: CommandContext, at: KernelsOf): Promise<TuneResult>;
}

/** Finds the compiler and reads the cache: what is wrong with either is said before a model is opened. */
export async function openTuner(options: { readonly budget: unknown; readonly cache: unknown }): Promise<Tuner> {
  const budgetMs = budgetOption(options.budget);
  const compiler = await findCompiler();
  if (!compiler) throw new GraphwrightError("no-compiler", `no C compiler was found (${process.env["CC"] || "cc"}), and schedules are measured with one.`, undefined, "Install gcc or clang, or name one by CC=...; without tuning no compiler is needed. Nothing was written.");
  const file = typeof options.cache === "string" ? options.cache : defaultCache();
  const cache = new TuningCache(file);
  await cache.read();
  return { run: (context, at) => interruptible((signal) => measure(context, at, { compiler, budgetMs, cache }, signal)) };
}

async function measure(
  context: CommandContext,
  at: KernelsOf,
  { compiler, budgetMs, cache }: { compiler: { compiler: string; version: string }; budgetMs: number; cache: TuningCache },
  signal: AbortSignal,
): Promise<TuneResult> {
  const { session } = context;
  const task = {
    ...context.task,
    check() {
      if (signal.aborted) throw new CancelledError();
    },
  };
  const steps: TuningSteps = {
    layers: async (machine) => (await session.tuningLayers({ ...at, machine }, task)).layers,
    trial: (key, machine) => session.tuningTrial({ ...at, machine, key }, task),
    entry: (key, machine, printed) => session.tuningEntry({ ...at, machine, key, printed }, task),
  };
  const runner = {
    compiler: compiler.version,
    cpu: processorName(),
    async run(source: string): Promise<string> {
      const result = await runC(compiler.compiler, compileFlags, source, signal);
      task.check();
      if (!result.ok) throw new GraphwrightError("not-measured", `a schedule could not be measured: ${result.text}`, undefined, "What was measured before is kept. Name another compiler by CC=..., or build without tuning.");
      return result.text;
    },
  };
  context.warn(`tune: with ${compiler.version}, ${budgetMs / 1000} s, cache ${cache.file} (${cache.size} layers)`);
  let [byRule, byChoice, last] = [0, 0, 0];
  let measured = 0;
  try {
    const result = await tune(
      steps,
      runner,
      {
        budgetMs,
        known: cache.entries,
        clock: () => performance.now(),
        async onLayer(entry, { layer, layers, uses, fromCache }) {
          if (!fromCache) {
            await cache.add(entry);
            measured++;
          }
          byRule += uses * entry.variants[0]!.medianMs;
          byChoice += (uses * entry.variants[0]!.medianMs) / entry.speedup;
          last = byRule / byChoice;
          const won = entry.chosen === 0 ? "the rule's schedule stays" : `${entry.speedup.toFixed(2)} times as fast: ${entry.variants[entry.chosen]!.description}`;
          context.warn(`tune: ${layer} of ${layers}  ${entry.op} ${entry.shapes}: ${entry.variants.length} schedules${fromCache ? " (cache)" : ""}, ${won}; all so far ${last.toFixed(3)}`);
        },
      },
      task,
    );
    const { peakGflops, isa } = result.machine;
    const parts = [`${result.entries.length - result.fromCache} measured`, `${result.fromCache} from the cache`, `${result.single} with one schedule`, ...(result.left > 0 ? [`${result.left} left to the rule: the time was up (run again to go on)`] : []), ...(result.outOfDate > 0 ? [`${result.outOfDate} of the cache measured beside older rules, and not used`] : [])];
    context.warn(`tune: ${isa}, peak ${peakGflops.toFixed(0)} GFLOP/s; of ${result.layers} layers ${parts.join(", ")}`);
    return result;
  } catch (error) {
    if (signal.aborted) context.warn(`tune: stopped; ${measured} ${measured === 1 ? "layer is" : "layers are"} kept in ${cache.file}. Run again to go on.`);
    throw error;
  }
}

/** The file with what was measured. Written whole after each layer, beside its place and then moved there. */
class TuningCache {
  readonly file: string;
  private byKey = new Map<string, TuningEntry>();

  constructor(file: string) {
    this.file = file;
  }

  get size(): number {
    return this.byKey.size;
  }

  get entries(): TuningEntry[] {
    return [...this.byKey.values()];
  }

  /** Adds what is in the file, which another run may have written meanwhile. Throws "bad-tuning-cache". */
  async read(): Promise<void> {
    if (!existsSync(this.file)) return;
    for (const e of readRecord(await readFile(this.file, "utf8"), this.file)) this.byKey.set(e.key, e);
  }

  async add(entry: TuningEntry): Promise<void> {
    await this.read();
    this.byKey.set(entry.key, entry);
    await mkdir(path.dirname(path.resolve(this.file)), { recursive: true });
    const temporary = `${this.file}.${process.pid}.part`;
    try {
      await writeFile(temporary, recordText(this.entries));
      await rename(temporary, this.file);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}
