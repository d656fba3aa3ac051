import { describe, expect } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import exceptions from "./backend-exceptions.json" with { type: "json" };
import { listCases, runCase } from "./backend-cases.ts";

/**
 * The onnx project's own cases. Those that do not pass are listed in backend-exceptions.json, each with its reason; one
 * that begins to pass must be struck from it.
 */
const known: Readonly<Record<string, string>> = exceptions;

describe("cases of the onnx project", () => {
  for (const set of ["node", "pytorch-converted", "pytorch-operator", "simple"])
    needs("shared")(set, { timeout: 300_000 }, () => {
      const cases = listCases(set);
      const failed: string[] = [];
      const unexpectedlyPassed: string[] = [];
      for (const item of cases) {
        const why = runCase(item);
        if (why !== undefined && !known[item.name]) failed.push(`${item.name}: ${why}`);
        if (why === undefined && known[item.name]) unexpectedlyPassed.push(item.name);
      }
      expect(cases.length).toBeGreaterThan(10);
      expect(failed).toEqual([]);
      expect(unexpectedlyPassed).toEqual([]);
    });
});
