/** Processor seconds that a C compiler takes for a bundle, measured on the bundle's own sources. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { buildBundle } from "../src/bundle/build-bundle.ts";
import type { BundleFile } from "../src/bundle/bundle-file.ts";
import type { Graph } from "../src/ir/graph.ts";
import { fromNumbers } from "../src/ir/tensor.ts";
import { elementCount, elementOf, staticShape } from "../src/ir/value-type.ts";

/** Writes a bundle's code, for every instruction set, without its weights and vectors. */
export async function writeBundleCode(graph: Graph, name: string, folder: string): Promise<readonly BundleFile[]> {
  // Compilers take as long whatever the reference outputs are.
  const outputs = graph.root.outputs.map(({ value }) => {
    const dims = staticShape(graph.type(value))!;
    return fromNumbers(elementOf(graph.type(value))!, dims, new Float64Array(elementCount(dims)));
  });
  const { files } = await buildBundle(graph, { name, evaluate: () => outputs, compilerVersion: "bench" });
  const code = files.filter((f) => /\.[ch]$|Makefile$/.test(f.path));
  for (const file of code) {
    const target = path.join(folder, file.path);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, Buffer.concat([...file.chunks()]));
  }
  return code;
}

/** User and system time of a command and all that it starts, in seconds. */
export function processorSeconds(command: string, folder: string): number {
  const text = execFileSync("bash", ["-c", `${command} >/dev/null 2>&1 || exit 1\ntimes`], { cwd: folder, encoding: "utf8" });
  const children = text.trim().split("\n").at(-1)!;
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

/** The library with all its variants and the programs that run, measure and test it. */
export const makeSeconds = (folder: string, flags = "-O2", compiler = "gcc"): number => processorSeconds(`make clean && make CC='${compiler}' CFLAGS='${flags}' all run bench selftest`, folder);
