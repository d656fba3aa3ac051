/** The networks that benchmarks run: files that are there, and graphs built with seeded weights. */
import path from "node:path";
import { FileBlob, siblingsOf } from "../../app/cli/file-blob.ts";
import { exportOnnx, fileBytes } from "../src/backends/onnx/index.ts";
import { importModel } from "../src/importers/index.ts";
import type { Graph } from "../src/ir/graph.ts";
import { fromNumbers } from "../src/ir/tensor.ts";
import { typeRules } from "../src/ops/index.ts";
import { Random } from "../src/support/random.ts";
import { lightFile, type lightNames } from "../test/fixtures/light.ts";
import { npmModels, openModel, withSizes } from "../test/models/npm-models.ts";
import { bertBase, mobileNetV2 } from "./networks.ts";

export interface Network {
  readonly name: string;
  readonly open: () => { graph: Graph; file: string | Uint8Array };
}

const shared = path.resolve(process.env["GRAPHWRIGHT_SHARED"] || "../shared");
const fromFile = (file: string): { graph: Graph; file: string } => ({ graph: importModel(new FileBlob(file), { rules: typeRules, siblings: siblingsOf(file) }).graph, file });
const light = (name: string, file: (typeof lightNames)[number]): Network => ({ name, open: () => fromFile(lightFile(shared, file)) });
const built = (name: string, make: () => Graph): Network => ({
  name,
  open: () => {
    const graph = make();
    return { graph, file: fileBytes(exportOnnx(graph, { name: "m.onnx" }).files[0]!) };
  },
});
const ocr = (name: string, model: string, dims: readonly number[]): Network => ({
  name,
  open: () => {
    const found = npmModels.find((m) => m.name === model)!;
    const random = new Random(1);
    const x = fromNumbers("float32", dims, Float64Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()));
    return { graph: withSizes(openModel(found), { x }), file: found.file };
  },
});

export const ofFile = (file: string): Network => ({ name: path.basename(file, ".onnx"), open: () => fromFile(path.resolve(file)) });

export const networks: readonly Network[] = [
  light("ResNet-50", "resnet50"),
  built("MobileNetV2", mobileNetV2),
  built("BERT-base, 128 tokens", bertBase),
  ocr("PP-OCR detector, 640 x 640", "text detector", [1, 3, 640, 640]),
  ocr("PP-OCR recogniser, 48 x 320", "text recogniser", [1, 3, 48, 320]),
  light("SqueezeNet", "squeezenet"),
  light("DenseNet-121", "densenet121"),
  light("Inception v1", "inception_v1"),
  light("Inception v2", "inception_v2"),
  light("ShuffleNet", "shufflenet"),
  { name: "digits", open: () => fromFile(path.resolve("examples/digits/digits.onnx")) },
];
