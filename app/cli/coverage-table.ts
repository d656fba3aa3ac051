import type { CompiledCase } from "@graphwright/compiler-core";

export interface CaseOutcome {
  readonly name: string;
  readonly folder: string;
  readonly operators: readonly string[];
  readonly kind: CompiledCase["kind"];
  readonly outcome: "passed" | "failed" | "skipped";
  /** why it failed or is not covered */
  readonly reason: string;
}

const kinds = ["float", "integer", "control flow", "sequences", "strings"] as const;
const cell = (text: string): string => text.replace(/\n\s*/g, " ").replace(/\|/g, "\\|");

/** The reason without the names of one case, so that equal ones are counted together. */
const generalReason = (reason: string): string =>
  cell(reason)
    .replace(/^the model cannot be built: \d+ places? (is|are) not supported\. - /, "")
    .replace(/^(?:"[^"]*"|\S+) \((\S+)\)/, "$1")
    .slice(0, 160);

/** A page on what generated code covers of the onnx project's cases: by kind, by operator, and what is left out and why. */
export function coverageTable(outcomes: readonly CaseOutcome[], backend: string): string {
  const rows = new Map<string, { passed: number; failed: number; skipped: number }>();
  const count = (key: string, outcome: CaseOutcome["outcome"], into: typeof rows): void => {
    const row = into.get(key) ?? { passed: 0, failed: 0, skipped: 0 };
    row[outcome]++;
    into.set(key, row);
  };
  const byKind: typeof rows = new Map();
  for (const o of outcomes) {
    count(o.kind, o.outcome, byKind);
    for (const op of o.operators) count(op, o.outcome, rows);
  }
  const line = (key: string, r: { passed: number; failed: number; skipped: number }): string => `| ${key} | ${r.passed} | ${r.failed} | ${r.skipped} |`;
  const reasons = new Map<string, number>();
  for (const o of outcomes) if (o.outcome !== "passed") reasons.set(generalReason(o.reason), (reasons.get(generalReason(o.reason)) ?? 0) + 1);
  return `# What generated code covers

Written by \`graphwright backend-test --backend ${backend} --coverage\` on the cases of the onnx project. Each case that lowering covers is
${backend === "c" ? "built as a bundle's sources, compiled without a warning, run," : "built as a bundle's module, run in this engine,"} and compared within the case's tolerances. Inputs that only decide shapes
or options (axes, pads, target shapes) are made constants, as deployed models have them. A case counts for each operator in it.
Loops and branches run as they are where lowering covers them, and are taken apart elsewhere; a Loop that stacks rows is given its number of turns.
Sizes are those of the case; what can be left to run time is in [sizes.md](sizes.md).

| Kind | Passed | Failed | Not covered |
|---|---|---|---|
${kinds.filter((k) => byKind.has(k)).map((k) => line(k, byKind.get(k)!)).join("\n")}

## By operator

| Operator | Passed | Failed | Not covered |
|---|---|---|---|
${[...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([op, r]) => line(op, r)).join("\n")}

## What is left out, and why

| Reason | Cases |
|---|---|
${[...reasons].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([reason, n]) => `| ${reason} | ${n} |`).join("\n")}
`;
}
