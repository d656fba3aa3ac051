import { describe, expect, test } from "vitest";
import { fromBinary } from "@bufbuild/protobuf";
import { evaluateModel } from "../../src/evaluate/index.ts";
import { importOnnx } from "../../src/importers/onnx/index.ts";
import { TensorProtoSchema } from "../../src/importers/onnx/onnx_pb.ts";
import { noContext, readTensor } from "../../src/importers/onnx/tensor-proto.ts";
import { contradiction, type Tensor, typeOfTensor } from "../../src/ir/index.ts";
import { isTensor, typeRules } from "../../src/ops/index.ts";
import { MemoryBlob } from "../../src/support/blob.ts";
import { difference } from "./backend-cases.ts";
import cases from "./older-versions.json" with { type: "json" };

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));
const tensor = (text: string): Tensor => readTensor(fromBinary(TensorProtoSchema, bytes(text)), noContext);

/** Nodes of old operator sets, raised at import; expected values come from ONNX Runtime and NumPy (older-versions.py). */
describe("older forms of operators", () => {
  test.each(cases.map((item) => [item.name, item] as const))("%s", (_name, item) => {
    const { graph, diagnostics } = importOnnx(new MemoryBlob("model.onnx", bytes(item.model)), { rules: typeRules });
    expect(diagnostics.map((d) => d.message)).toEqual([]);
    const inputs = new Map(Object.entries(item.inputs).map(([name, text]) => [name, tensor(text)]));
    const outputs = [...evaluateModel(graph, inputs).values()];
    for (const [index, text] of item.outputs.entries()) {
      const value = outputs[index]!;
      expect(difference(value, tensor(text), 1e-4, 1e-5)).toBeUndefined();
      if (isTensor(value)) expect(contradiction(graph.type(graph.root.outputs[index]!.value), typeOfTensor(value))).toBeUndefined();
    }
  });
});
