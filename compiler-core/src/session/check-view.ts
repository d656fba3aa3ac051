import type { CheckReport } from "../passes/check.ts";
import type { CheckView } from "./protocol.ts";

export const checkView = (report: CheckReport, scope: CheckView["scope"]): CheckView => ({
  verdict: report.verdict,
  maxAbs: report.maxAbs,
  maxRel: report.maxRel,
  maxUlp: report.maxUlp,
  runs: report.runs,
  note: report.note,
  scope,
  ...(report.worst ? { worst: report.worst } : {}),
});
