import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { evaluateModel } from "../../src/evaluate/index.ts";
import { importOnnx } from "../../src/importers/onnx/index.ts";
import { TensorProtoSchema } from "../../src/importers/onnx/onnx_pb.ts";
import { noContext, readTensor } from "../../src/importers/onnx/tensor-proto.ts";
import type { Graph, ParameterNode } from "../../src/ir/graph.ts";
import { contradiction, isBigArray, isInteger, type Tensor, toNumbers, type ValueType } from "../../src/ir/index.ts";
import { isTensor, type Value } from "../../src/ops/definition.ts";
import { typeRules } from "../../src/ops/index.ts";
import { typeOfValue } from "../../src/ops/support/sequences.ts";
import { MemoryBlob } from "../../src/support/blob.ts";
import { formatDiagnostic, GraphwrightError } from "../../src/support/diagnostic.ts";

/** Test cases of the onnx project: the folder, or undefined when it is not beside this repository. */
export function backendFolder(): string | undefined {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
  const shared = process.env.GRAPHWRIGHT_SHARED ?? resolve(root, "../shared");
  const folder = join(shared, "onnx-backend");
  return existsSync(folder) ? folder : undefined;
}

export interface BackendCase {
  readonly name: string;
  readonly folder: string;
}

export function listCases(set: string, pattern: RegExp = /^test_/): BackendCase[] {
  const folder = backendFolder();
  if (!folder) return [];
  return readdirSync(join(folder, set))
    .filter((name) => pattern.test(name) && existsSync(join(folder, set, name, "model.onnx")))
    .sort()
    .map((name) => ({ name, folder: join(folder, set, name) }));
}

type Field = readonly [number: number, value: Uint8Array | number];

/** Fields of a protobuf message: the files of sequences and optionals have a schema of their own. */
function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag % 8 === 2) {
      const length = varint();
      yield [Math.floor(tag / 8), bytes.subarray(at, at + length)];
      at += length;
    } else yield [Math.floor(tag / 8), varint()];
  }
}

function readValue(bytes: Uint8Array, type: ValueType): Value {
  if (type.kind === "sequence") {
    const items: Value[] = [];
    for (const [number, value] of fieldsOf(bytes))
      if (value instanceof Uint8Array && number >= 3) items.push(readValue(value, number === 7 ? { ...type, kind: "optional" } : type.of));
    return { kind: "sequence", items, of: type.of };
  }
  if (type.kind === "optional") {
    let value: Value | null = null;
    for (const [number, content] of fieldsOf(bytes)) if (content instanceof Uint8Array && number >= 3) value = readValue(content, type.of);
    return { kind: "optional", value, of: type.of };
  }
  return readTensor(fromBinary(TensorProtoSchema, bytes), noContext);
}

const filesOf = (folder: string, kind: string): Uint8Array[] =>
  readdirSync(folder)
    .filter((name) => name.startsWith(`${kind}_`))
    .sort((a, b) => Number(/\d+/.exec(a)![0]) - Number(/\d+/.exec(b)![0]))
    .map((name) => readFileSync(join(folder, name)));

export function importCase(test: BackendCase): Graph {
  return importOnnx(new MemoryBlob("model.onnx", readFileSync(join(test.folder, "model.onnx"))), { rules: typeRules }).graph;
}

/** Inputs of a case's first data set, by name. */
export function caseInputs(graph: Graph, test: BackendCase): Map<string, Value> {
  const parameters = graph.root.parameters.map((id) => graph.node(id) as ParameterNode);
  return new Map(filesOf(join(test.folder, "test_data_set_0"), "input").map((bytes, i) => [parameters[i]!.outputs[0]!.name, readValue(bytes, parameters[i]!.outputs[0]!.type)]));
}

const describeFailure = (error: unknown): string =>
  error instanceof GraphwrightError ? `${error.diagnostic.code}: ${formatDiagnostic(error.diagnostic)}` : String((error as Error).stack);

/** One model and its data, all as bytes of protobuf messages. */
export interface StoredCase {
  readonly name: string;
  /** base64 */
  readonly model: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** Why the case fails, or undefined when it passes: values within the tolerances, inferred types not contradicted. */
export function runStored(stored: StoredCase, rtol = 1e-3, atol = 1e-5): string | undefined {
  const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));
  try {
    const { graph } = importOnnx(new MemoryBlob("model.onnx", bytes(stored.model)), { rules: typeRules });
    return runData(graph, stored.inputs.map(bytes), stored.outputs.map(bytes), rtol, atol);
  } catch (error) {
    return describeFailure(error);
  }
}

function runData(graph: Graph, inputFiles: readonly Uint8Array[], outputFiles: readonly Uint8Array[], rtol: number, atol: number): string | undefined {
  const parameters = graph.root.parameters.map((id) => graph.node(id) as ParameterNode);
  const inputs = new Map<string, Value>();
  for (const [i, bytes] of inputFiles.entries()) inputs.set(parameters[i]!.outputs[0]!.name, readValue(bytes, parameters[i]!.outputs[0]!.type));
  const results = [...evaluateModel(graph, inputs, { seed: 1 }).values()];
  for (const [i, bytes] of outputFiles.entries()) {
    const output = graph.root.outputs[i]!;
    const expected = readValue(bytes, output.declared.kind === "unknown" ? graph.type(output.value) : output.declared);
    const problem = difference(results[i]!, expected, rtol, atol) ?? inferenceProblem(graph.type(output.value), results[i]!);
    if (problem) return `output ${i} (${output.name}): ${problem}`;
  }
  return undefined;
}

/** Says why an evaluated value is not of the inferred type. */
function inferenceProblem(inferred: ValueType, value: Value): string | undefined {
  const actual = typeOfValue(value);
  const why = contradiction(inferred, actual);
  return why ? `inferred as ${inferred.text}, evaluated as ${actual.text}: ${why}` : undefined;
}

/** What differs between two values, or undefined. */
export function difference(actual: Value, expected: Value, rtol: number, atol: number): string | undefined {
  if (isTensor(expected)) return isTensor(actual) ? tensorDifference(actual, expected, rtol, atol) : "not a tensor";
  if (isTensor(actual) || actual.kind !== expected.kind) return `not of kind ${expected.kind}`;
  if (expected.kind === "sequence" && actual.kind === "sequence") {
    if (actual.items.length !== expected.items.length) return `${actual.items.length} elements, not ${expected.items.length}`;
    for (const [i, item] of expected.items.entries()) {
      const problem = difference(actual.items[i]!, item, rtol, atol);
      if (problem) return `element ${i}: ${problem}`;
    }
    return undefined;
  }
  if (expected.kind === "optional" && actual.kind === "optional") {
    if (!expected.value || !actual.value) return !expected.value === !actual.value ? undefined : `${actual.value ? "a" : "no"} value`;
    return difference(actual.value, expected.value, rtol, atol);
  }
  return `values of kind ${expected.kind} cannot be compared`;
}

function tensorDifference(actual: Tensor, expected: Tensor, rtol: number, atol: number): string | undefined {
  const text = (t: Tensor): string => `${t.element}[${t.dims.join(", ")}]`;
  if (text(actual) !== text(expected)) return `${text(actual)}, not ${text(expected)}`;
  if (Array.isArray(expected.data)) {
    const data = actual.data as string[];
    const at = expected.data.findIndex((s, i) => s !== data[i]);
    return at < 0 ? undefined : `element ${at} is ${JSON.stringify(data[at])}, not ${JSON.stringify(expected.data[at])}`;
  }
  if (isBigArray(actual.data) && isBigArray(expected.data)) {
    const [x, y] = [actual.data, expected.data];
    const at = Array.from(y).findIndex((v, i) => v !== x[i]);
    return at < 0 ? undefined : `element ${at} of ${y.length} is ${x[at]}, not ${y[at]}`;
  }
  const exact = isInteger(actual.element);
  const a = toNumbers(actual);
  const e = toNumbers(expected);
  for (let i = 0; i < e.length; i++) {
    const x = a[i]!;
    const y = e[i]!;
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    if (exact || !(Math.abs(x - y) <= atol + rtol * Math.abs(y))) return `element ${i} of ${e.length} is ${x}, not ${y}`;
  }
  return undefined;
}
