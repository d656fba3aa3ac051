import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBundle, bytesFile, type Bundle, type BundleFile, type BundleOptions } from "../../src/bundle/index.ts";
import { evaluateGraph } from "../../src/evaluate/index.ts";
import { importOnnx } from "../../src/importers/onnx/index.ts";
import type { Graph } from "../../src/ir/graph.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { typeRules } from "../../src/ops/index.ts";
import { MemoryBlob } from "../../src/support/blob.ts";

export const repository = fileURLToPath(new URL("../../..", import.meta.url));

export const open = (path: string): Graph => importOnnx(new MemoryBlob(path, new Uint8Array(readFileSync(path))), { rules: typeRules }).graph;

export const reference = (graph: Graph) => (inputs: readonly Tensor[]): Tensor[] =>
  evaluateGraph(graph, new Map(graph.root.parameters.map((id, i) => [id, inputs[i]!]))) as Tensor[];

export const bundleOf = (graph: Graph, options: Partial<BundleOptions> = {}): Promise<Bundle> =>
  buildBundle(graph, { name: "model", compilerVersion: "test", evaluate: reference(graph), ...options });

/** A folder for one test, removed by `done`. */
export function folder(): { path: string; done: () => void } {
  const path = mkdtempSync(join(tmpdir(), "graphwright-bundle-"));
  return { path, done: () => rmSync(path, { recursive: true, force: true }) };
}

export function write(files: readonly BundleFile[], to: string): void {
  for (const file of files) {
    const path = join(to, file.path);
    mkdirSync(dirname(path), { recursive: true });
    const out = openSync(path, "w");
    for (const chunk of file.chunks()) writeSync(out, chunk);
    closeSync(out);
  }
}

/** Runs a command; gives its exit code and all it printed. */
export function run(command: string, args: readonly string[], cwd?: string): { code: number | null; text: string } {
  const result = spawnSync(command, args, { cwd, encoding: "utf8" });
  return { code: result.status, text: `${result.stdout ?? ""}${result.stderr ?? ""}${result.error ?? ""}` };
}

/** make with the flags given; warnings are errors. */
export const make = (at: string, target: string, flags = "-O1"): { code: number | null; text: string } => run("make", ["-s", "-j2", "-C", at, target, `CFLAGS=${flags} -Werror`]);

/** Makes a bundle's self-test without a warning and runs it; what make said instead, where it said anything. */
export function selfTest(at: string, flags?: string): { code: number | null; text: string } {
  const made = make(at, "selftest", flags);
  return made.code === 0 && made.text === "" ? run(join(at, "selftest"), []) : { code: made.code ?? 1, text: made.text };
}

/** Writes what a session built, makes its self-test without a warning and runs it; the folder is removed. */
export function selfTestOf({ files }: { readonly files: readonly { readonly path: string; readonly bytes: Uint8Array }[] }, flags: string): { code: number | null; text: string } {
  const at = folder();
  try {
    write(files.map((file) => bytesFile(file.path, file.bytes)), at.path);
    return selfTest(at.path, flags);
  } finally {
    at.done();
  }
}
