import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { exportOnnx, fileBytes } from "../../src/backends/onnx/index.ts";
import { importOnnx } from "../../src/importers/onnx/index.ts";
import { AttributeProto_AttributeType as Type, ModelProtoSchema } from "../../src/importers/onnx/onnx_pb.ts";
import { ConstantValue, emptyGraph, fromNumbers, type Graph, parseGraph, printGraph, Rewriter, tensorType, verifyGraph } from "../../src/ir/index.ts";
import { typeRules } from "../../src/ops/index.ts";
import { MemoryBlob } from "../../src/support/blob.ts";
import { exportedProto, firstDifference, float, meaning, modelBytes, openModel } from "./models.ts";

const read = (text: string): Graph => {
  const graph = parseGraph(text);
  expect(verifyGraph(graph)).toEqual([]);
  return graph;
};

/** "Op(a, b) -> c" for each node that is written. */
const written = (graph: Graph): string[] => exportedProto(graph).graph!.node.map((n) => `${n.opType}(${n.input.join(", ")}) -> ${n.output.join(", ")}`);

async function run(graph: Graph, feeds: Record<string, number[]>): Promise<Record<string, number[]>> {
  const session = await InferenceSession.create(fileBytes(exportOnnx(graph).files[0]!), { graphOptimizationLevel: "disabled", logSeverityLevel: 4 });
  const inputs = Object.fromEntries(Object.entries(feeds).map(([name, values]) => [name, new OrtTensor("float32", Float32Array.from(values), [values.length])]));
  const results = (await session.run(inputs)) as Record<string, OrtTensor>;
  return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, Array.from(tensor.data as Float32Array)]));
}

describe("export", () => {
  test("a fused group is written as its body; its outputs keep their names", async () => {
    const graph = read(`graph @main(%x: float32[2], %y: float32[2]) -> (%out: float32[2]) {
  %sum: float32[2] = graphwright.Fused(%x, %y) {} body (%a: float32[2], %b: float32[2]) {
    %k = constant float32[2] [10, 20]
    %inner: float32[2] = Add(%a, %b)
    %scaled: float32[2] = Mul(%inner, %k)
    return %scaled
  }
  %out: float32[2] = Relu(%sum)
  return %out
}
`);
    expect(written(graph)).toEqual(["Add(x, y) -> inner", "Mul(inner, k) -> sum", "Relu(sum) -> out"]);
    expect(exportedProto(graph).opsetImport.map((o) => o.domain)).toEqual([""]);
    expect(await run(graph, { x: [1, -2], y: [2, 1] })).toEqual({ out: [30, 0] });
  });

  test("groups in groups, and names that meet", async () => {
    const graph = read(`graph @main(%x: float32[2]) -> (%y: float32[2]) {
  %t: float32[2] = graphwright.Fused(%x) {} body (%a: float32[2]) {
    %t: float32[2] = Neg(%a)
    %u: float32[2] = graphwright.Fused(%t) {} body (%b: float32[2]) {
      %t: float32[2] = Abs(%b)
      %v: float32[2] = Add(%t, %b)
      return %v
    }
    return %u
  }
  %y: float32[2] = Sub(%t, %x)
  return %y
}
`);
    expect(written(graph)).toEqual(["Neg(x) -> t_1", "Abs(t_1) -> t_2", "Add(t_2, t_1) -> t", "Sub(t, x) -> y"]);
    expect(await run(graph, { x: [1, -2] })).toEqual({ y: [-1, 6] });
  });

  test("outputs keep their names: inputs, shared values and constants as outputs", async () => {
    const rewriter = new Rewriter(emptyGraph({ irVersion: 8, opsets: { "": 17 } }), typeRules);
    const x = rewriter.addParameter({ name: "x", type: tensorType("float32", [2]) });
    const k = rewriter.addConstant({ value: ConstantValue.of(fromNumbers("float32", [2], [1, 2])), name: "k" });
    const h = { node: rewriter.addNode({ op: "Add", inputs: [x, k], outputs: ["h"] }), output: 0 };
    for (const [name, value] of Object.entries({ a: h, b: h, c: x, k2: k })) rewriter.addOutput(0, { name, value });
    const { graph } = rewriter.commit({ pass: "", rewrite: "", site: "", matched: [] });
    expect(written(graph)).toEqual(["Add(x, k2) -> a", "Identity(a) -> b", "Identity(x) -> c"]);
    expect(await run(graph, { x: [1, 1] })).toEqual({ a: [2, 3], b: [2, 3], c: [1, 1], k2: [1, 2] });
  });

  test("an output that took another value keeps its name; the old value makes room", async () => {
    const graph = read(`graph @main(%x: float32[2]) -> (%y: float32[2], %z: float32[2]) {
  %y: float32[2] = Relu(%x)
  %z: float32[2] = Neg(%y)
  return %y, %z
}
`);
    const rewriter = new Rewriter(graph, typeRules);
    const doubled = rewriter.addNode({ op: "Add", inputs: [{ node: 1, output: 0 }, { node: 1, output: 0 }], outputs: ["doubled"] });
    rewriter.setOutput(0, 0, { node: doubled, output: 0 });
    const after = rewriter.commit({ pass: "", rewrite: "", site: "", matched: [] }).graph;
    expect(written(after)).toEqual(["Relu(x) -> y_1", "Neg(y_1) -> z", "Add(y_1, y_1) -> y"]);
    expect(await run(after, { x: [1, -1] })).toEqual({ y: [2, 0], z: [-1, -0] });
  });

  test("the operator set stays where it can, and rises with a reason where it must", () => {
    const { graph } = openModel({ irVersion: 7n, opsetImport: [{ domain: "", version: 13n }], graph: { name: "g", node: [{ opType: "Relu", input: ["x"], output: ["y"] }], input: [float("x")], output: [float("y")] } }, { rules: typeRules });
    const same = exportOnnx(graph);
    expect([same.opsets[""], same.irVersion, same.diagnostics]).toEqual([13, 7, []]);
    const newer = exportOnnx(graph, { opset: 21 });
    expect([newer.opsets[""], newer.irVersion]).toEqual([21, 10]);
  });
});

describe("what a model holds besides its nodes survives", () => {
  const info = (name: string, doc: string) => ({ ...float(name, ["N", 3]), docString: doc, metadataProps: [{ key: "unit", value: doc }] });

  test("names, documentation, metadata, annotations, devices, training, denotations", () => {
    const typed = float("x", ["N", 3]);
    const denoted = {
      ...typed,
      type: { denotation: "IMAGE", value: { case: "tensorType" as const, value: { elemType: 1, shape: { dim: [{ denotation: "DATA_BATCH", value: { case: "dimParam" as const, value: "N" } }, { value: { case: "dimValue" as const, value: 3n } }] } } } },
    };
    const bytes = modelBytes({
      irVersion: 11n,
      producerName: "maker",
      producerVersion: "1.2",
      domain: "org.example",
      modelVersion: 7n,
      docString: "about the model",
      metadataProps: [{ key: "author", value: "someone" }],
      configuration: [{ name: "two", numDevices: 2, device: ["a", "b"] }],
      trainingInfo: [{ algorithm: { name: "step" }, updateBinding: [{ key: "w", value: "v" }] }],
      graph: {
        name: "net",
        docString: "about the graph",
        metadataProps: [{ key: "g", value: "1" }],
        input: [{ ...denoted, docString: "the picture", metadataProps: [{ key: "range", value: "0..1" }] }],
        output: [info("y", "the answer")],
        valueInfo: [info("h", "between")],
        initializer: [{ name: "w", dataType: 1, dims: [3n], rawData: new Uint8Array(12), docString: "weight", metadataProps: [{ key: "from", value: "a" }] }],
        quantizationAnnotation: [{ tensorName: "h", quantParameterTensorNames: [{ key: "SCALE_TENSOR", value: "w" }] }],
        node: [
          { opType: "Add", input: ["x", "w"], output: ["h"], name: "add", docString: "sums", metadataProps: [{ key: "n", value: "v" }], deviceConfigurations: [{ configurationId: "two", pipelineStage: 1 }] },
          { opType: "Custom", domain: "org.example.ops", overload: "fast", input: ["h", "", "w"], output: ["y", "", "extra"], attribute: [{ name: "mode", type: Type.STRING, s: Uint8Array.of(0xff, 0xfe) }] },
        ],
      },
      opsetImport: [{ domain: "", version: 23n }, { domain: "org.example.ops", version: 3n }],
    });
    const before = fromBinary(ModelProtoSchema, bytes);
    const { graph } = importOnnx(new MemoryBlob("m.onnx", bytes), { rules: typeRules });
    const after = exportedProto(graph);
    expect(firstDifference(meaning(before), meaning(after))).toBeUndefined();
    expect(after.graph!.input[0]!.type!.denotation).toBe("IMAGE");
    expect(toBinary(ModelProtoSchema, after).length).toBe(bytes.length);
  });

  test("functions with attribute references, defaults and calls", () => {
    const bytes = modelBytes({
      irVersion: 10n,
      opsetImport: [{ domain: "", version: 21n }, { domain: "local", version: 1n }],
      functions: [
        {
          domain: "local",
          name: "Scaled",
          overload: "a",
          docString: "x times alpha, plus beta",
          input: ["x"],
          output: ["y"],
          attribute: ["alpha"],
          attributeProto: [{ name: "beta", type: Type.FLOAT, f: 0.5 }],
          opsetImport: [{ domain: "", version: 21n }],
          metadataProps: [{ key: "k", value: "v" }],
          node: [
            { opType: "Constant", output: ["a"], attribute: [{ name: "value_float", type: Type.FLOAT, refAttrName: "alpha" }] },
            { opType: "Constant", output: ["b"], attribute: [{ name: "value_float", type: Type.FLOAT, refAttrName: "beta" }] },
            { opType: "Mul", input: ["x", "a"], output: ["m"] },
            { opType: "Add", input: ["m", "b"], output: ["y"] },
          ],
        },
      ],
      graph: { name: "g", input: [float("x")], output: [float("z")], node: [{ opType: "Scaled", domain: "local", overload: "a", name: "call", input: ["x"], output: ["z"], attribute: [{ name: "alpha", type: Type.FLOAT, f: 2 }] }] },
    });
    const { graph } = importOnnx(new MemoryBlob("m.onnx", bytes), { rules: typeRules });
    expect(graph.info.functions.map((f) => [f.domain, f.name, f.overload, f.attributeNames])).toEqual([["local", "Scaled", "a", ["alpha"]]]);
    expect(firstDifference(meaning(fromBinary(ModelProtoSchema, bytes)), meaning(exportedProto(graph)))).toBeUndefined();
  });

  test("sequences, optionals, maps, sparse tensors, initializers that can be overridden", () => {
    const tensor = { value: { case: "tensorType" as const, value: { elemType: 1 } } };
    const bytes = modelBytes({
      graph: {
        name: "g",
        input: [
          { name: "s", type: { value: { case: "sequenceType", value: { elemType: tensor } } } },
          { name: "o", type: { value: { case: "optionalType", value: { elemType: tensor } } } },
          { name: "m", type: { value: { case: "mapType", value: { keyType: 8, valueType: tensor } } } },
          { name: "q", type: { value: { case: "opaqueType", value: { domain: "d", name: "n" } } } },
          float("w"),
        ],
        output: [{ name: "s", type: { value: { case: "sequenceType", value: { elemType: tensor } } } }, float("d", [4])],
        initializer: [{ name: "w", dataType: 1, dims: [2n], rawData: new Uint8Array(8) }],
        sparseInitializer: [{ dims: [4n], values: { name: "d", dataType: 1, dims: [1n], rawData: Uint8Array.of(0, 0, 128, 63) }, indices: { dataType: 7, dims: [1n], rawData: new Uint8Array(8).fill(1, 0, 1) } }],
      },
    });
    const { graph } = importOnnx(new MemoryBlob("m.onnx", bytes));
    expect(graph.root.parameters.map((id) => graph.node(id)).map((n) => [n.outputs[0]!.type.text, n.kind === "parameter" && n.fallback !== undefined])).toEqual([
      ["seq(float32[*])", false],
      ["optional(float32[*])", false],
      ["map(string, float32[*])", false],
      ["?", false],
      ["float32[2]", true],
    ]);
    expect(firstDifference(meaning(fromBinary(ModelProtoSchema, bytes)), meaning(exportedProto(graph)))).toBeUndefined();
  });

  test("before IR version 4, initializers are listed as inputs, in the order they were", () => {
    const bytes = modelBytes({
      irVersion: 3n,
      opsetImport: [{ domain: "", version: 9n }],
      graph: { name: "g", input: [float("w"), float("x")], output: [float("y")], initializer: [{ name: "w", dataType: 1, dims: [2n], floatData: [1, 2] }], node: [{ opType: "Add", input: ["x", "w"], output: ["y"] }] },
    });
    const { graph } = importOnnx(new MemoryBlob("m.onnx", bytes));
    expect(printGraph(graph)).toContain("%w = constant float32[2] [1, 2]");
    expect(exportedProto(graph).graph!.input.map((i) => i.name)).toEqual(["w", "x"]);
  });
});
