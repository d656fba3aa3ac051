import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "vitest";
import { createSession, silentTask } from "@graphwright/compiler-core";
import { needs, sharedFolder } from "../tooling/need.ts";
import { coverageTable, type CaseOutcome } from "../cli/coverage-table.ts";
import { backendTest } from "../cli/commands/backend-test.ts";

interface Report {
  readonly passed: number;
  readonly failed: number;
  readonly cases: readonly CaseOutcome[];
}

async function backendTestC(...filters: readonly string[][]): Promise<Report[]> {
  const reports: Report[] = [];
  for (const filter of filters) {
    const lines: string[] = [];
    const context = { session: createSession(), task: silentTask, print: (line: string) => void lines.push(line), warn: () => undefined };
    const options = { backend: "c", cc: "gcc -O1", json: true, ...Object.fromEntries(filter.map((f) => f.split("=") as [string, string])) };
    await backendTest.run(context, [path.join(sharedFolder(), "onnx-backend/node")], options);
    reports.push(JSON.parse(lines[0]!) as Report);
  }
  return reports;
}

needs("gcc", "shared")("a sample of the onnx project's cases passes as generated C, and what is left out names its reason", async () => {
  const [report] = await backendTestC(["sample=24"]);
  const { cases, failed, passed } = report!;
  expect(cases.filter((c) => c.outcome === "failed")).toEqual([]);
  expect(failed).toBe(0);
  expect(passed).toBeGreaterThan(35);
  for (const c of cases) if (c.outcome === "skipped") expect(c.reason).toMatch(/no lowering|cannot be lowered|is a (sequence|optional)|test data/);
}, 120_000);

needs("gcc", "shared")("wrong code is noticed: a compiler that changes arithmetic makes cases fail", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "graphwright-cases-"));
  try {
    const compiler = path.join(folder, "cc");
    writeFileSync(compiler, "#!/bin/sh\nsed -i 's/= expf(/= sinf(/' src/*.c\nexec gcc -O1 \"$@\"\n", { mode: 0o755 });
    const [report] = await backendTestC(["filter=test_exp", `cc=${compiler}`, `coverage=${path.join(folder, "coverage.md")}`]);
    expect(report!.failed).toBeGreaterThan(0);
    expect(report!.cases.find((c) => c.outcome === "failed")?.reason).toMatch(/element \d+: .*, not /);
    expect(coverageTable(report!.cases, "c")).toMatch(/\| Exp \| \d+ \| [1-9]/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
