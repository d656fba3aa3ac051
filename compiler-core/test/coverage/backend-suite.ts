import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { sharedFolder } from "../../../app/tooling/need.ts";
import { createSession, MemoryBlob, silentTask, type BackendCase } from "../../src/session/index.ts";
import known from "./known-failures.json" with { type: "json" };

/** The four folders of the onnx project's cases. */
export const suites = ["node", "pytorch-converted", "pytorch-operator", "simple"] as const;

/** Cases that do not pass, as "folder/name", and why. */
export const knownFailures: Readonly<Record<string, string>> = known;

const valuesIn = (folder: string, prefix: string): Uint8Array[] => {
  const files: string[] = [];
  for (let i = 0; existsSync(path.join(folder, `${prefix}_${i}.pb`)); i++) files.push(path.join(folder, `${prefix}_${i}.pb`));
  return files.map((file) => readFileSync(file));
};

export function readCase(folder: string): BackendCase {
  const sets = readdirSync(folder)
    .filter((name) => /^test_data_set_\d+$/.test(name))
    .map((name) => ({ name, inputs: valuesIn(path.join(folder, name), "input"), outputs: valuesIn(path.join(folder, name), "output") }));
  const extra = path.join(folder, "data.json");
  const tolerances = existsSync(extra) ? (JSON.parse(readFileSync(extra, "utf8")) as { rtol?: number; atol?: number }) : {};
  return { model: new MemoryBlob("model.onnx", readFileSync(path.join(folder, "model.onnx"))), sets, ...tolerances };
}

export interface SuiteResult {
  readonly count: number;
  /** by "folder/name", the reason */
  readonly failed: ReadonlyMap<string, string>;
}

/** The folders of all cases, as "folder/name". */
export const caseNames = (): string[] =>
  suites.flatMap((suite) => {
    const folder = path.join(sharedFolder(), "onnx-backend", suite);
    return readdirSync(folder).sort().filter((name) => existsSync(path.join(folder, name, "model.onnx"))).map((name) => `${suite}/${name}`);
  });

/** Runs every case of the four folders. */
export async function runSuites(modes: { readonly roundtrip: boolean; readonly optimize: boolean }): Promise<SuiteResult> {
  const session = createSession();
  const failed = new Map<string, string>();
  let count = 0;
  for (const name of caseNames()) {
    count++;
    const { passed, reason } = await session.backendCase({ case: readCase(path.join(sharedFolder(), "onnx-backend", name)), ...modes }, silentTask);
    if (!passed) failed.set(name, reason);
  }
  return { count, failed };
}
