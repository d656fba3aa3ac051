import { describe, expect, test } from "vitest";
import { evaluateGraph } from "../../src/evaluate/index.ts";
import { isTensor } from "../../src/ops/index.ts";
import { GraphwrightError } from "../../src/support/diagnostic.ts";
import { backendFolder, caseInputs, importCase, listCases } from "./backend-cases.ts";
import { sizeOf, symbolicInputs } from "./symbolic.ts";

describe.skipIf(backendFolder() === undefined)("inference with symbolic inputs (skipped where ../shared/onnx-backend is missing)", () => {
  test("says of every value what evaluation gives, for each case of the onnx project", { timeout: 300_000 }, () => {
    const wrong: string[] = [];
    let symbolic = 0;
    for (const item of listCases("node")) {
      const graph = importCase(item);
      const open = symbolicInputs(graph);
      for (const message of open.problems) wrong.push(`${item.name}: ${message}`);
      try {
        evaluateGraph(graph, caseInputs(graph, item), {
          keep: (ref, value) => {
            const type = open.graph.type(ref);
            if (!isTensor(value) || type.kind !== "tensor") return;
            if (type.element !== null && type.element !== value.element) wrong.push(`${item.name}: ${graph.valueName(ref)} is ${value.element}, not ${type.element}`);
            if (type.shape === null) return;
            const dims = type.shape.map((d) => sizeOf(d, open.sizes));
            symbolic += type.shape.filter((d) => d !== null && typeof d !== "number").length;
            if (dims.length !== value.dims.length || dims.some((d, i) => d !== null && d !== value.dims[i])) wrong.push(`${item.name}: ${graph.valueName(ref)} is ${type.text}, evaluated as [${value.dims.join(", ")}]`);
          },
        });
      } catch (error) {
        // Cases that cannot be evaluated are the business of the backend test.
        if (!(error instanceof GraphwrightError)) throw error;
      }
    }
    expect(wrong).toEqual([]);
    expect(symbolic).toBeGreaterThan(3000);
  });
});
