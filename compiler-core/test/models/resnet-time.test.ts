import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { needs, sharedFolder } from "../../../app/tooling/need.ts";
import { evaluateGraph } from "../../src/evaluate/index.ts";
import { isTensor } from "../../src/ops/index.ts";
import { drawInputs } from "../../src/session/run.ts";
import { lightFile } from "../fixtures/light.ts";
import { open } from "./npm-models.ts";

needs("shared")("ResNet-50 at 224 x 224 takes less than 20 s of processor time", { timeout: 120_000 }, () => {
  const graph = open("resnet50.onnx", readFileSync(lightFile(sharedFolder(), "resnet50")));
  const inputs = drawInputs(graph, new Map(), 1);
  const start = process.cpuUsage();
  const [scores] = evaluateGraph(graph, inputs);
  expect(process.cpuUsage(start).user / 1e6).toBeLessThan(20);
  expect(isTensor(scores) && scores.dims).toEqual([1, 1000]);
});
