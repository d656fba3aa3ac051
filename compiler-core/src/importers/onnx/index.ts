import { create, toBinary } from "@bufbuild/protobuf";
import { emptyGraph, rootRegion, type Graph, type ModelInfo } from "../../ir/graph.ts";
import { Rewriter } from "../../ir/rewriter.ts";
import type { TypeRules } from "../../ir/type-rules.ts";
import { type BlobSource, MemoryBlob, type SiblingFiles } from "../../support/blob.ts";
import { type Diagnostic, GraphwrightError } from "../../support/diagnostic.ts";
import { silentTask, type Task } from "../../support/task.ts";
import { describeBytes } from "../file-kind.ts";
import { modelKey } from "./carried.ts";
import { GraphReader } from "./graph-reader.ts";
import { type GraphProto, type ModelProto, ModelProtoSchema, type NodeProto, type OperatorSetIdProto, type StringStringEntryProto } from "./onnx_pb.ts";
import { skimModel, type Skimmed } from "./skim.ts";
import { Window } from "./window.ts";

export interface ImportOptions {
  /** opens files beside the model, for external data */
  readonly siblings?: SiblingFiles;
  /** infers types and shapes while the graph is built; without it only declared types are known */
  readonly rules?: TypeRules;
  readonly task?: Task;
}

export interface Imported {
  readonly graph: Graph;
  readonly diagnostics: readonly Diagnostic[];
}

/** True when the bytes (a file's beginning will do) can be an ONNX model: ONNX has no signature. */
export function sniff(bytes: Uint8Array, name: string): boolean {
  if (describeBytes(bytes) !== undefined) return false;
  return /\.onnx$/i.test(name) || looksLikeModel(bytes);
}

/** The first fields are a small ir_version and then fields of ModelProto with the right wire types. */
function looksLikeModel(bytes: Uint8Array): boolean {
  const window = new Window(new MemoryBlob("", bytes));
  const wires: Record<number, number> = { 1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2 };
  let version = 0;
  try {
    for (let fields = 0; fields < 8 && window.at < bytes.length; fields++) {
      const tag = window.varint(bytes.length);
      if (wires[Math.floor(tag / 8)] !== tag % 8) return false;
      const value = window.varint(bytes.length);
      if (tag === 8) version = value;
      if (tag === 0x3a) return version > 0 && version < 1000;
      if (tag % 8 === 2) window.at += value;
    }
  } catch (error) {
    if (!(error instanceof GraphwrightError)) throw error;
  }
  return version > 0 && version < 1000;
}

/**
 * Reads an ONNX model of any size without its weights: each node in the newest form of its operator, each large tensor
 * as a place in its file. Whatever the graph cannot hold is carried along for export (`ModelInfo.carried`) or named in
 * the diagnostics. Normalised without a word: the names of tensors in attributes, the kind of a Constant node's value
 * attribute, which field of a tensor holds its elements, the domain "ai.onnx" (""), the order of attributes.
 *
 * Throws GraphwrightError with file, offset, field or node; nothing else for any content of the file.
 */
export function importOnnx(source: BlobSource, options: ImportOptions = {}): Imported {
  const task = options.task ?? silentTask;
  const { message: model, lazy } = readModelProto(source, () => task.check());
  task.check();
  const graphProto = model.graph;
  if (!graphProto) throw notOnnx(source, "it has no graph");
  const diagnostics: Diagnostic[] = [];
  const opsets = readOpsets(model.opsetImport);
  const irVersion = toVersion(model.irVersion);
  if (model.opsetImport.length === 0) {
    opsets[""] = 1;
    if (irVersion >= 3) diagnostics.push({ severity: "warning", code: "missing-opset", message: "the model names no operator set: version 1 is taken.", where: { file: source.name, field: "opset_import" } });
  }
  if (model.$unknown)
    diagnostics.push({ severity: "warning", code: "unknown-fields", message: `${model.$unknown.length} fields of the model are unknown here and left out (numbers ${[...new Set(model.$unknown.map((f) => f.no))].join(", ")}).`, where: { file: source.name } });
  let info: ModelInfo = {
    format: "onnx",
    irVersion,
    opsets,
    producerName: model.producerName,
    producerVersion: model.producerVersion,
    domain: model.domain,
    modelVersion: toVersion(model.modelVersion),
    doc: model.docString,
    metadata: readEntries(model.metadataProps),
    functions: [],
  };
  const rewriter = new Rewriter(emptyGraph(info, graphProto.name), options.rules);
  const reader = new GraphReader({ rewriter, context: { file: source.name, lazy, ...(options.siblings ? { siblings: options.siblings } : {}) }, irVersion, diagnostics, task, valueNames: () => valueNames(model) });
  // Functions first: calls infer their types from the bodies.
  const functions = model.functions.map((proto) => reader.readFunction(proto, readOpsets(proto.opsetImport), readEntries(proto.metadataProps)));
  if (functions.length > 0) {
    info = { ...info, functions };
    rewriter.setInfo(info);
  }
  reader.readGraph(graphProto, rootRegion, undefined, opsets, "graph");
  const carried = { ...carriedModel(model), ...reader.carried };
  if (Object.keys(carried).length > 0) rewriter.setInfo({ ...info, carried });
  task.check();
  const { graph } = rewriter.commit({ pass: "import", rewrite: "onnx", site: source.name, matched: [] });
  reader.finish();
  return { graph, diagnostics: [...diagnostics, ...rewriter.diagnostics] };
}

function readModelProto(source: BlobSource, check: () => void): Skimmed<ModelProto> {
  if (source.size === 0) throw new GraphwrightError("empty-file", "the file is empty.", { file: source.name, offset: 0 }, "Fetch or export it again.");
  const head = source.read(0, Math.min(source.size, 512));
  const kind = describeBytes(head);
  if (kind !== undefined) throw notOnnx(source, `it is ${kind}`);
  let skimmed: Skimmed<ModelProto>;
  try {
    skimmed = skimModel(source, check);
  } catch (error) {
    if (error instanceof GraphwrightError && !looksLikeModel(head)) throw notOnnx(source, `at byte ${error.diagnostic.where?.offset ?? 0} ${error.diagnostic.message.replace(/\.$/, "")}`);
    throw error;
  }
  const { message } = skimmed;
  if (!message.graph && message.functions.length === 0) throw notOnnx(source, "it has no graph");
  return skimmed;
}

const notOnnx = (source: BlobSource, why: string): GraphwrightError =>
  new GraphwrightError("not-onnx", `this is not an ONNX model: ${why}.`, { file: source.name, offset: 0 }, "Choose a .onnx file.");

/** Versions beyond any that exist are damage; they are kept small so that numbers stay exact. */
function toVersion(value: bigint): number {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : 0;
}

function readOpsets(list: readonly OperatorSetIdProto[]): Record<string, number> {
  const opsets: Record<string, number> = {};
  for (const entry of list) opsets[entry.domain === "ai.onnx" ? "" : entry.domain] = toVersion(entry.version);
  return opsets;
}

/** Later entries win, as everywhere in ONNX. */
function readEntries(list: readonly StringStringEntryProto[]): Readonly<Record<string, string>> {
  return Object.fromEntries(list.map((entry) => [entry.key, entry.value]));
}

/** Every name of a value anywhere in the model. */
function valueNames(model: ModelProto): Set<string> {
  const names = new Set<string>();
  const visitNodes = (nodes: readonly NodeProto[]): void => {
    for (const node of nodes) {
      for (const name of node.output) names.add(name);
      for (const attribute of node.attribute) {
        if (attribute.g) visitGraph(attribute.g);
        attribute.graphs.forEach(visitGraph);
      }
    }
  };
  const visitGraph = (graph: GraphProto): void => {
    for (const input of graph.input) names.add(input.name);
    for (const output of graph.output) names.add(output.name);
    for (const tensor of graph.initializer) names.add(tensor.name);
    for (const tensor of graph.sparseInitializer) names.add(tensor.values?.name ?? "");
    visitNodes(graph.node);
  };
  if (model.graph) visitGraph(model.graph);
  for (const entry of model.functions) {
    for (const name of entry.input) names.add(name);
    visitNodes(entry.node);
  }
  return names;
}

function carriedModel(model: ModelProto): Record<string, Uint8Array> {
  if (model.trainingInfo.length === 0 && model.configuration.length === 0) return {};
  return { [modelKey]: toBinary(ModelProtoSchema, create(ModelProtoSchema, { trainingInfo: model.trainingInfo, configuration: model.configuration })) };
}
