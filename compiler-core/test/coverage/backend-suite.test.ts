/**
 * The onnx project's cases: at least 99% pass, as they are, after export and import, and after the default pipeline. Every other
 * case is listed in known-failures.json with its reason; one that begins to pass must be struck from there.
 */
import { expect } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { knownFailures, runSuites } from "./backend-suite.ts";

const test = needs("shared");
const modes = {
  "as they are": { roundtrip: false, optimize: false },
  "after export and import": { roundtrip: true, optimize: false },
  "after the default pipeline, export and import": { roundtrip: false, optimize: true },
};

for (const [how, mode] of Object.entries(modes))
  test(`the onnx project's cases pass ${how}`, { timeout: 300_000 }, async () => {
    const { count, failed } = await runSuites(mode);
    expect(count).toBeGreaterThan(1200);
    expect(failed.size / count).toBeLessThanOrEqual(0.01);
    const unexplained = [...failed].filter(([name]) => !(name in knownFailures));
    expect(unexplained, "cases that fail and are not listed").toEqual([]);
    expect(Object.keys(knownFailures).filter((name) => !failed.has(name)), "listed cases that pass").toEqual([]);
  });
