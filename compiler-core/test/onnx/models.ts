import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sharedFolder } from "../../../app/tooling/need.ts";
import { exportOnnx, fileBytes, type ExportOptions } from "../../src/backends/onnx/index.ts";
import { AttributeProto_AttributeType as Type, type GraphProto, type ModelProto, ModelProtoSchema, type NodeProto, type TensorProto } from "../../src/importers/onnx/onnx_pb.ts";
import { type Imported, importOnnx, type ImportOptions } from "../../src/importers/onnx/index.ts";
import { readTensor } from "../../src/importers/onnx/tensor-proto.ts";
import { needsDowngrade, needsUpgrade } from "../../src/ops/versions.ts";
import { tensorBytes } from "../../src/ir/tensor.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { type BlobSource, checkRange, MemoryBlob, type SiblingFiles } from "../../src/support/blob.ts";

/** Every model of the shared test cases: [name, path]. */
export function sharedModels(): [string, string][] {
  const base = join(sharedFolder(), "onnx-backend");
  const found: [string, string][] = [];
  for (const suite of ["node", "simple", "pytorch-converted", "pytorch-operator"]) {
    if (!existsSync(join(base, suite))) continue;
    for (const name of readdirSync(join(base, suite)).sort()) {
      const path = join(base, suite, name, "model.onnx");
      if (existsSync(path)) found.push([`${suite}/${name}`, path]);
    }
  }
  if (existsSync(join(base, "light"))) for (const name of readdirSync(join(base, "light")).sort()) if (name.endsWith(".onnx")) found.push([`light/${name}`, join(base, "light", name)]);
  return found;
}

export const siblingsOf = (path: string): SiblingFiles => (relative) => {
  const file = join(dirname(path), relative);
  return existsSync(file) ? new MemoryBlob(relative, readFileSync(file)) : undefined;
};

/** A source that counts what is read of it. */
export class CountingBlob implements BlobSource {
  readonly name: string;
  readonly bytes: Uint8Array;
  bytesRead = 0;

  constructor(name: string, bytes: Uint8Array) {
    this.name = name;
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  read(offset: number, length: number): Uint8Array {
    checkRange(this, offset, length);
    this.bytesRead += length;
    return this.bytes.slice(offset, offset + length);
  }
}

export const modelBytes = (model: MessageInitShape<typeof ModelProtoSchema>): Uint8Array =>
  toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ domain: "", version: 17n }], ...model }));

export const openModel = (model: MessageInitShape<typeof ModelProtoSchema>, options?: ImportOptions): Imported => importOnnx(new MemoryBlob("model.onnx", modelBytes(model)), options);

/** The exported model file, decoded by the protobuf library. */
export function exportedProto(graph: Graph, options?: ExportOptions): ModelProto {
  const [file] = exportOnnx(graph, options).files;
  return fromBinary(ModelProtoSchema, fileBytes(file!));
}

export const float = (name: string, dims: readonly (number | string)[] = [2]) => ({
  name,
  type: {
    value: {
      case: "tensorType" as const,
      value: { elemType: 1, shape: { dim: dims.map((d) => ({ value: typeof d === "number" ? { case: "dimValue" as const, value: BigInt(d) } : { case: "dimParam" as const, value: d } })) } },
    },
  },
});

/**
 * What a model says, with the freedoms of the format taken away: tensors by their bytes, attributes by name, Constant's
 * short forms as tensors. Two models that say the same give equal results.
 */
export function meaning(model: ModelProto): unknown {
  return {
    irVersion: model.irVersion,
    opsets: model.opsetImport.map((o) => [o.domain === "ai.onnx" ? "" : o.domain, o.version]).sort(),
    producer: [model.producerName, model.producerVersion, model.domain, model.modelVersion, model.docString],
    metadata: entries(model.metadataProps),
    graph: model.graph && graphMeaning(model.graph, false),
    functions: model.functions.map((f) => ({
      key: [f.domain, f.name, f.overload, f.docString],
      input: f.input,
      output: f.output,
      attribute: f.attribute,
      defaults: attributes(f.attributeProto),
      nodes: f.node.map(nodeMeaning),
      opsets: f.opsetImport.map((o) => [o.domain, o.version]).sort(),
      metadata: entries(f.metadataProps),
      valueInfo: f.valueInfo.map((v) => v.name),
    })),
    training: model.trainingInfo.length,
    configuration: model.configuration.map((c) => [c.name, c.numDevices, c.device]),
  };
}

const entries = (list: readonly { key: string; value: string }[]): [string, string][] => list.map((e): [string, string] => [e.key, e.value]).sort();

function graphMeaning(graph: GraphProto, body = true): unknown {
  return {
    name: graph.name,
    doc: graph.docString,
    // A body may leave its types open; inference fills them in.
    input: graph.input.map((info) => infoMeaning(info, !body)),
    output: graph.output.map((info) => infoMeaning(info, !body)),
    // Inference may know more than the file declares: names are compared, types by other tests.
    valueInfo: graph.valueInfo.map((v) => [v.name, v.docString, entries(v.metadataProps)]),
    initializer: Object.fromEntries(graph.initializer.map((t) => [t.name, tensorMeaning(t)])),
    sparse: graph.sparseInitializer.map((s) => [s.values?.name, s.values && tensorMeaning(s.values), s.indices && tensorMeaning(s.indices), s.dims]),
    nodes: graph.node.map(nodeMeaning),
    metadata: entries(graph.metadataProps),
    quantization: graph.quantizationAnnotation.map((q) => [q.tensorName, entries(q.quantParameterTensorNames)]),
  };
}

const infoMeaning = (info: GraphProto["input"][number], typed: boolean): unknown => [
  info.name,
  info.docString,
  entries(info.metadataProps),
  typed ? JSON.stringify(info.type, (_, v: unknown) => (typeof v === "bigint" ? `${v}` : v)) : "",
];

function nodeMeaning(node: NodeProto): unknown {
  return {
    op: `${node.domain === "ai.onnx" ? "" : node.domain}.${node.opType}.${node.overload}`,
    name: node.name,
    input: node.input,
    output: node.output,
    doc: node.docString,
    metadata: entries(node.metadataProps),
    attributes: node.opType === "Constant" && node.attribute.length === 1 && node.attribute[0]!.refAttrName === "" ? constantMeaning(node.attribute[0]!) : attributes(node.attribute),
    devices: node.deviceConfigurations.map((d) => [d.configurationId, d.pipelineStage]),
  };
}

function constantMeaning(attribute: NodeProto["attribute"][number]): unknown {
  switch (attribute.name) {
    case "value_float":
      return ["float32", [], Buffer.from(tensorBytes({ element: "float32", dims: [], data: Float32Array.of(attribute.f) })).toString("base64")];
    case "value_floats":
      return ["float32", [attribute.floats.length], Buffer.from(tensorBytes({ element: "float32", dims: [], data: Float32Array.from(attribute.floats) })).toString("base64")];
    case "value_int":
      return ["int64", [], Buffer.from(tensorBytes({ element: "int64", dims: [], data: BigInt64Array.of(attribute.i) })).toString("base64")];
    case "value_ints":
      return ["int64", [attribute.ints.length], Buffer.from(tensorBytes({ element: "int64", dims: [], data: BigInt64Array.from(attribute.ints) })).toString("base64")];
    case "value":
      return tensorMeaning(attribute.t!);
    default:
      return attributes([attribute]);
  }
}

function attributes(list: readonly NodeProto["attribute"][number][]): unknown {
  return [...list]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((a) => [
      a.name,
      a.type,
      a.refAttrName,
      a.type === Type.FLOAT ? a.f : 0,
      a.type === Type.INT ? a.i : 0n,
      [...a.s],
      a.t && tensorMeaning(a.t),
      a.g && graphMeaning(a.g),
      a.floats,
      a.ints,
      a.strings.map((s) => [...s]),
      a.tensors.map(tensorMeaning),
      a.graphs.map((g) => graphMeaning(g)),
      JSON.stringify(a.tp ?? a.typeProtos, (_, v: unknown) => (typeof v === "bigint" ? `${v}` : v)),
      a.sparseTensor && [tensorMeaning(a.sparseTensor.values!), tensorMeaning(a.sparseTensor.indices!), a.sparseTensor.dims],
    ]);
}

function tensorMeaning(proto: TensorProto): unknown {
  const tensor = readTensor(proto, { file: "", lazy: new Map() });
  return [tensor.element, tensor.dims, Array.isArray(tensor.data) ? tensor.data : Buffer.from(tensorBytes(tensor)).toString("base64")];
}

/** The first place where two meanings differ, or undefined. */
export function firstDifference(a: unknown, b: unknown, path = "model"): string | undefined {
  if (Object.is(a, b)) return undefined;
  if (typeof a === "object" && typeof b === "object" && a !== null && b !== null) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const found = firstDifference((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const show = (v: unknown): string => (JSON.stringify(v, (_, x: unknown) => (typeof x === "bigint" ? `${x}n` : x)) ?? "nothing").slice(0, 300);
  return `${path}: ${show(a)} became ${show(b)}`;
}

/** True when a node (of a body too) is raised to a newer form at import: it may be spelled differently afterwards. */
export function isConverted(model: ModelProto): boolean {
  const opsets = new Map(model.opsetImport.map((o) => [o.domain, Number(o.version)]));
  const visit = (nodes: readonly NodeProto[]): boolean =>
    nodes.some(
      (node) =>
        needsUpgrade(node.domain, node.opType, opsets.get(node.domain) ?? 1) ||
        needsDowngrade(node.domain, node.opType, opsets.get(node.domain) ?? 1) ||
        node.attribute.some((a) => [...(a.g ? [a.g] : []), ...a.graphs].some((g) => visit(g.node))),
    );
  return visit(model.graph?.node ?? []);
}
