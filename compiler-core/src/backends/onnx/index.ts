import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { FunctionDefinition, Graph, NodeId } from "../../ir/graph.ts";
import type { Diagnostic } from "../../support/diagnostic.ts";
import { silentTask, type Task } from "../../support/task.ts";
import { modelKey } from "../../importers/onnx/carried.ts";
import { ModelProtoSchema } from "../../importers/onnx/onnx_pb.ts";
import { ExternalFile } from "./external-file.ts";
import { GraphWriter } from "./graph-writer.ts";
import { irVersionForElement, irVersionForOpset } from "./ir-version.ts";
import { type Chunk, Parts } from "./parts.ts";
import { type PlannedGraph, Planner, type Opsets } from "./plan.ts";

export type { Chunk } from "./parts.ts";

export interface ExportOptions {
  /** name of the model file; external data goes beside it under this name with ".data" added. Default "model.onnx" */
  readonly name?: string;
  /** operator-set version of ai.onnx; default the source's. Raised, with a warning, when it cannot hold the graph */
  readonly opset?: number;
  /** tensors of at least this many bytes go to a second file; default: none, unless the model is over 2 GB */
  readonly externalData?: number;
  /** entries that are added to the metadata of a node or constant, by its id */
  readonly metadata?: (id: NodeId) => Readonly<Record<string, string>> | undefined;
  readonly task?: Task;
}

/** A file to be written: the chunks one after another. Chunks in files are read by the writer, piece by piece. */
export interface ExportedFile {
  readonly name: string;
  readonly size: number;
  readonly chunks: readonly Chunk[];
}

export interface Exported {
  /** the model, and the external data if there is any */
  readonly files: readonly ExportedFile[];
  readonly opsets: Readonly<Record<string, number>>;
  readonly irVersion: number;
  readonly diagnostics: readonly Diagnostic[];
}

/** Protobuf messages end at 2 GB; room is left for everything but weights. */
const largestFile = 2 ** 31 - 2 ** 26;
/** Tensors below this stay in the model when it has to be split. */
const splitBytes = 1024;

/**
 * Writes a graph as an ONNX model: nodes in topological order, fused groups inlined, functions kept, operator sets as
 * low as the source's where they hold the result, names of inputs and outputs as they are, other names made unique.
 * Weights that lie in files are not read. Throws GraphwrightError "opset" for what no operator set can say.
 */
export function exportOnnx(graph: Graph, options: ExportOptions = {}): Exported {
  const task = options.task ?? silentTask;
  const { info } = graph;
  const planner = new Planner(graph, task, options.metadata);
  const main = planner.plan(0);
  const bodies = info.functions.map((definition): [FunctionDefinition, PlannedGraph] => [definition, planner.plan(definition.region)]);

  const base: Opsets = { ...info.opsets, ...(options.opset === undefined ? {} : { "": options.opset }) };
  const opsets = planner.chooseOpsets(main, base, options.opset !== undefined);
  planner.lower(main, opsets);

  const name = options.name ?? "model.onnx";
  const threshold = options.externalData ?? (weightBytes(graph) > largestFile ? splitBytes : undefined);
  const external = threshold === undefined ? undefined : new ExternalFile(`${name}.data`, threshold);
  const irVersion = chooseIrVersion(graph, opsets);
  const writer = new GraphWriter({ planner, irVersion, external, task });

  const content = writer.writeModelGraph(main);
  const functions = bodies.map(([definition, plan]) => {
    const own = planner.chooseOpsets(plan, definition.opsets, false);
    planner.lower(plan, own);
    return writer.writeFunction(definition, plan, own);
  });

  const file = new Parts();
  const carried = info.carried?.[modelKey];
  file.add(
    toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        irVersion: BigInt(irVersion),
        ...(info.producerName === "" ? {} : { producerName: info.producerName }),
        ...(info.producerVersion === "" ? {} : { producerVersion: info.producerVersion }),
        ...(info.domain === "" ? {} : { domain: info.domain }),
        ...(info.modelVersion === 0 ? {} : { modelVersion: BigInt(info.modelVersion) }),
        ...(info.doc === "" ? {} : { docString: info.doc }),
      }),
    ),
  );
  file.field(7, content);
  file.add(
    toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        opsetImport: Object.entries(opsets).map(([domain, version]) => ({ domain, version: BigInt(version) })),
        metadataProps: Object.entries(info.metadata).map(([key, value]) => ({ key, value })),
        ...(carried ? { trainingInfo: fromBinary(ModelProtoSchema, carried).trainingInfo, configuration: fromBinary(ModelProtoSchema, carried).configuration } : {}),
      }),
    ),
  );
  for (const part of functions) file.field(25, part);

  const files: ExportedFile[] = [{ name, size: file.length, chunks: file.chunks }];
  if (external && external.parts.length > 0) files.push({ name: external.name, size: external.parts.length, chunks: external.parts.chunks });
  return { files, opsets, irVersion, diagnostics: [...planner.diagnostics, ...writer.diagnostics] };
}

/** The whole file in memory: for small models and tests. */
export function fileBytes(file: ExportedFile): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(file.size);
  let at = 0;
  for (const chunk of file.chunks) {
    bytes.set("source" in chunk ? chunk.source.read(chunk.offset, chunk.length) : chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function weightBytes(graph: Graph): number {
  let total = 0;
  for (const node of graph) {
    if (node.kind === "constant") total += node.value.bytes;
    else if (node.kind === "parameter" && node.fallback) total += node.fallback.bytes;
  }
  return total;
}

/** The source's IR version, raised to what the operator sets (where raised) and element types need. */
function chooseIrVersion(graph: Graph, opsets: Readonly<Opsets>): number {
  const { info } = graph;
  let version = Math.max(1, info.irVersion);
  const raise = (to: number): void => {
    version = Math.max(version, to);
  };
  if ((opsets[""] ?? 0) > (info.opsets[""] ?? 0)) raise(irVersionForOpset(opsets[""] ?? 0));
  if (info.functions.length > 0) raise(8);
  if (info.functions.some((definition) => definition.overload !== "")) raise(10);
  for (const node of graph) {
    if (node.kind === "constant") raise(irVersionForElement(node.value.type.element));
    else if (node.kind === "parameter" && node.fallback) raise(4);
  }
  return version;
}
