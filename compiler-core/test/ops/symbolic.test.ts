import { expect } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { evaluateGraph } from "../../src/evaluate/index.ts";
import { isTensor } from "../../src/ops/index.ts";
import { GraphwrightError } from "../../src/support/diagnostic.ts";
import { caseInputs, importCase, listCases } from "./backend-cases.ts";
import { sizeOf, symbolicInputs } from "./symbolic.ts";

needs("shared")("inference with symbolic inputs says of every value what evaluation gives, for each case of the onnx project", { timeout: 300_000 }, () => {
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
