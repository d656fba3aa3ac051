import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { needs, sharedFolder } from "../../../app/tooling/need.ts";
import { evaluateModel } from "../../src/evaluate/index.ts";
import { importOnnx } from "../../src/importers/onnx/index.ts";
import { readValueFile } from "../../src/importers/onnx/tensor-file.ts";
import type { Graph, ParameterNode } from "../../src/ir/graph.ts";
import { elementCount, fromNumbers, staticShape, type Tensor } from "../../src/ir/index.ts";
import { attributeReader, findOperator, typeRules } from "../../src/ops/index.ts";
import { MemoryBlob } from "../../src/support/blob.ts";
import { Random } from "../../src/support/random.ts";
import { difference } from "../ops/backend-cases.ts";

const file = (name: string): string => join(sharedFolder(), "onnx-backend/light", `light_${name}`);
const load = (name: string): Graph => importOnnx(new MemoryBlob(`${name}.onnx`, readFileSync(`${file(name)}.onnx`)), { rules: typeRules }).graph;

function randomInputs(graph: Graph): Map<string, Tensor> {
  const random = new Random(3);
  const parameters = graph.root.parameters.map((id) => graph.node(id) as ParameterNode).filter((p) => !p.fallback);
  return new Map(
    parameters.map((p) => {
      const dims = staticShape(p.outputs[0]!.type)!;
      return [p.outputs[0]!.name, fromNumbers("float32", dims, Float32Array.from({ length: elementCount(dims) }, () => random.uniform()))];
    }),
  );
}

describe("light networks", () => {
  // Their weights are all equal, so every input gives the expected output.
  needs("shared").each(["squeezenet", "shufflenet"])("%s gives the expected output", { timeout: 120_000 }, (name) => {
    const graph = load(name);
    const [output] = evaluateModel(graph, randomInputs(graph)).values();
    expect(difference(output!, readValueFile(readFileSync(`${file(name)}_output_0.pb`)), 1e-3, 1e-7)).toBeUndefined();
  });

  // Published counts (He et al. 2016, ResNet-50 with strides in the 3x3 convolutions; Simonyan and Zisserman 2015).
  needs("shared").each([
    ["resnet50", 4.1],
    ["vgg19", 19.6],
  ])("%s costs %f billion multiply-adds", (name, billions) => {
    const graph = load(name);
    let flops = 0;
    for (const node of graph) {
      if (node.kind !== "operator") continue;
      expect(node.outputs.filter((o) => o.name !== "").every((o) => staticShape(o.type))).toBe(true);
      const definition = findOperator(node.domain, node.op)!;
      if (definition.family !== "linear") continue;
      flops += definition.cost!({ attributes: attributeReader(node, definition), inputs: node.inputs.map((i) => graph.type(i)), outputs: node.outputs.map((o) => o.type) }).flops;
    }
    expect(flops / 2e9).toBeGreaterThan(billions * 0.93);
    expect(flops / 2e9).toBeLessThan(billions * 1.07);
  });
});
