import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { exportOnnx, fileBytes } from "../../src/backends/onnx/index.ts";
import { importOnnx } from "../../src/importers/onnx/index.ts";
import { GraphProtoSchema, ModelProtoSchema } from "../../src/importers/onnx/onnx_pb.ts";
import { ConstantValue, elementTypes, type ElementType, emptyGraph, fromNumbers, type Graph, makeTensor, Rewriter, type Tensor, tensorsIdentical } from "../../src/ir/index.ts";
import { type BlobSource, MemoryBlob, type SiblingFiles } from "../../src/support/blob.ts";
import type { GraphwrightError } from "../../src/support/diagnostic.ts";
import { Random } from "../../src/support/random.ts";
import { CountingBlob, exportedProto, float, modelBytes } from "./models.ts";

const constants = (graph: Graph): Map<string, Tensor> =>
  new Map([...graph].flatMap((n): [string, Tensor][] => (n.kind === "constant" ? [[n.outputs[0]!.name, n.value.tensor()]] : [])));

const random = (bytes: number, seed = 1): Uint8Array => {
  const source = new Random(seed);
  return Uint8Array.from({ length: bytes }, () => source.below(256));
};

describe("weights stay in the file", () => {
  /** 8 weights of 1 MB, and one inside a body. */
  const large = (): Uint8Array =>
    modelBytes({
      graph: {
        name: "g",
        input: [float("x"), float("c", [])],
        output: [float("y")],
        initializer: Array.from({ length: 8 }, (_, i) => ({ name: `w${i}`, dataType: 1, dims: [512n, 512n], rawData: random(1 << 20, i) })),
        node: [
          { opType: "Sum", input: ["x", ...Array.from({ length: 8 }, (_, i) => `w${i}`)], output: ["s"] },
          {
            opType: "If",
            input: ["c"],
            output: ["y"],
            attribute: [
              { name: "then_branch", type: 5, g: { name: "t", initializer: [{ name: "v", dataType: 1, dims: [512n, 512n], rawData: random(1 << 20, 99) }], output: [float("v")] } },
              { name: "else_branch", type: 5, g: { name: "e", node: [{ opType: "Relu", input: ["s"], output: ["r"] }], output: [float("r")] } },
            ],
          },
          { opType: "Constant", output: ["k"], attribute: [{ name: "value", type: 4, t: { dataType: 1, dims: [512n, 512n], rawData: random(1 << 20, 98) } }] },
        ],
      },
    });

  test("opening a file of 10 MB reads under 1 % of it, and export reads none", () => {
    const source = new CountingBlob("large.onnx", large());
    const { graph } = importOnnx(source);
    expect(source.size).toBeGreaterThan(10 << 20);
    expect(source.bytesRead).toBeLessThan(source.size / 100);
    const opened = source.bytesRead;
    const { files } = exportOnnx(graph);
    expect(source.bytesRead).toBe(opened);
    expect(files[0]!.chunks.filter((chunk) => "source" in chunk)).toHaveLength(10);
    const again = importOnnx(new MemoryBlob("again.onnx", fileBytes(files[0]!))).graph;
    const [before, after] = [constants(graph), constants(again)];
    expect([...after.keys()].sort()).toEqual(["k", "v", ...Array.from({ length: 8 }, (_, i) => `w${i}`)]);
    for (const [name, tensor] of before) expect(tensorsIdentical(tensor, after.get(name)!), name).toBe(true);
  });

  test("float_data and double_data lie in the file as raw bytes do", () => {
    const values = Array.from({ length: 20_000 }, (_, i) => i / 8);
    const bytes = modelBytes({
      graph: { name: "g", initializer: [{ name: "f", dataType: 1, dims: [20_000n], floatData: values }, { name: "d", dataType: 11, dims: [20_000n], doubleData: values }] },
    });
    const source = new CountingBlob("typed.onnx", bytes);
    const { graph } = importOnnx(source);
    expect(source.bytesRead).toBeLessThan(source.size / 10);
    for (const tensor of constants(graph).values()) expect(Array.from(tensor.data as Float32Array)).toEqual(values);
  });

  test("a source of 6 GB is opened by its structure", () => {
    // One weight of 3 GB before and one after the nodes; only the bytes around them exist.
    const size = 3 * 2 ** 30;
    const model = modelBytes({ graph: { name: "g", node: [{ opType: "Relu", input: ["x"], output: ["y"] }], input: [float("x")], output: [float("y")] } });
    const tensor = (name: string): number[] => [0x08, ...varint(size / 4), 0x10, 1, 0x42, name.length, ...new TextEncoder().encode(name), 0x4a, ...varint(size)];
    const initializer = (name: string): Uint8Array => Uint8Array.of(0x2a, ...varint(tensor(name).length + size), ...tensor(name));
    const graphField = importedGraphBytes(model);
    const pieces: (Uint8Array | number)[] = [initializer("a"), size, initializer("b"), size, graphField];
    const graphLength = pieces.reduce<number>((sum, p) => sum + (typeof p === "number" ? p : p.length), 0);
    const all: (Uint8Array | number)[] = [Uint8Array.of(0x08, 8, 0x42, 2, 0x10, 17, 0x3a, ...varint(graphLength)), ...pieces];
    const source = new SparseSource("huge.onnx", all);
    const { graph } = importOnnx(source);
    expect(source.bytesRead).toBeLessThan(100_000);
    const weights = [...graph].filter((n) => n.kind === "constant");
    expect(weights.map((n) => [n.outputs[0]!.name, n.value.blob!.length])).toEqual([["a", size], ["b", size]]);
    const exported = exportOnnx(graph);
    expect(exported.files.map((f) => f.name)).toEqual(["model.onnx", "model.onnx.data"]);
    expect(exported.files[0]!.size).toBeLessThan(1000);
    expect(exported.files[1]!.size).toBeGreaterThanOrEqual(2 * size);
  });
});

describe("external data", () => {
  const bytes = random(4000);
  const model = (externalData: Record<string, string>) =>
    modelBytes({
      graph: { name: "g", initializer: [{ name: "w", dataType: 1, dims: [1000n], dataLocation: 1, externalData: Object.entries(externalData).map(([key, value]) => ({ key, value })) }] },
    });
  const beside: SiblingFiles = (path) => (path === "weights/w.bin" ? new MemoryBlob(path, Uint8Array.of(...new Uint8Array(64), ...bytes)) : undefined);
  const open = (externalData: Record<string, string>, siblings: SiblingFiles | null = beside) => importOnnx(new MemoryBlob("model.onnx", model(externalData)), siblings ? { siblings } : {});
  const failure = (externalData: Record<string, string>, siblings?: SiblingFiles | null) => {
    try {
      open(externalData, siblings);
    } catch (error) {
      return (error as GraphwrightError).diagnostic;
    }
    throw new Error("accepted");
  };

  test("location, offset and length", () => {
    const { graph, diagnostics } = open({ location: "weights/w.bin", offset: "64", length: "4000", checksum: createHash("sha1").update(bytes).digest("hex") });
    expect(tensorsIdentical(constants(graph).get("w")!, makeTensor("float32", [1000], new Float32Array(bytes.buffer)))).toBe(true);
    expect(diagnostics.map((d) => d.code)).toEqual(["external-checksum"]);
    expect(constants(open({ location: "./weights//w.bin", offset: "64" }).graph).get("w")!.dims).toEqual([1000]);
  });

  test.each([["/etc/passwd"], ["../w.bin"], ["weights/../../w.bin"], ["weights\\w.bin"], ["C:/w.bin"], ["a\0b"]])("the location %j is refused before any file is asked for", (location) => {
    const asked: string[] = [];
    const diagnostic = failure({ location, length: "4000" }, (path) => {
      asked.push(path);
      return undefined;
    });
    expect(asked).toEqual([]);
    expect(diagnostic).toMatchObject({ code: "external-data", where: { file: "model.onnx", field: 'tensor "w"' } });
  });

  test("a missing file, a short one, and numbers that are none", () => {
    expect(failure({ location: "gone.bin" })).toMatchObject({ code: "external-data", where: { field: 'tensor "w"' }, hint: 'Put "gone.bin" beside the model.' });
    expect(failure({ location: "weights/w.bin" }, null).hint).toMatch(/open the folder or both files/);
    expect(failure({ location: "weights/w.bin", offset: "65", length: "4000" })).toMatchObject({ code: "truncated-file", where: { file: "weights/w.bin", offset: 65 } });
    expect(failure({ location: "weights/w.bin", offset: "64", length: "3996" })).toMatchObject({ code: "tensor-size" });
    expect(failure({ location: "weights/w.bin", offset: "-4" })).toMatchObject({ code: "external-data" });
    expect(failure({ location: "weights/w.bin", length: "1e3" })).toMatchObject({ code: "external-data" });
    expect(failure({ offset: "0" })).toMatchObject({ code: "external-data" });
  });

  test("export puts large tensors into a second file and reads them back", () => {
    const { graph } = open({ location: "weights/w.bin", offset: "64", length: "4000" });
    const { files } = exportOnnx(graph, { name: "out.onnx", externalData: 1000 });
    expect(files.map((f) => f.name)).toEqual(["out.onnx", "out.onnx.data"]);
    expect(files[0]!.size).toBeLessThan(400);
    const again = importOnnx(new MemoryBlob("out.onnx", fileBytes(files[0]!)), { siblings: (path) => (path === "out.onnx.data" ? new MemoryBlob(path, fileBytes(files[1]!)) : undefined) });
    expect(tensorsIdentical(constants(again.graph).get("w")!, constants(graph).get("w")!)).toBe(true);
  });
});

describe("tensors of every element type", () => {
  test.each((Object.keys(elementTypes) as ElementType[]).filter((e) => elementTypes[e].kind !== "complex"))("%s", (element) => {
    const numbers = elementTypes[element].kind === "float" ? [0.5, 1, 2, 1, 0.5] : [1, 0, 1, 1, 1];
    const tensor = element === "string" ? makeTensor("string", [5], ["a", "", "ä", "\udcff", "z"]) : fromNumbers(element, [5], numbers);
    const proto = exportedProto(withConstant(tensor));
    const again = importOnnx(new MemoryBlob("a.onnx", fileBytes(exportOnnx(withConstant(tensor)).files[0]!))).graph;
    expect(proto.graph!.initializer[0]!.dims).toEqual([5n]);
    expect(tensorsIdentical(constants(again).get("w")!, tensor)).toBe(true);
  });
});

function withConstant(tensor: Tensor): Graph {
  const rewriter = new Rewriter(emptyGraph({ irVersion: 13, opsets: { "": 25 } }));
  const value = rewriter.addConstant({ value: ConstantValue.of(tensor), name: "w" });
  rewriter.addOutput(0, { name: "w", value });
  return rewriter.commit({ pass: "", rewrite: "", site: "", matched: [] }).graph;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

/** The content of the model's graph field. */
function importedGraphBytes(model: Uint8Array): Uint8Array {
  return toBinary(GraphProtoSchema, fromBinary(ModelProtoSchema, model).graph!);
}

/** Pieces of bytes and holes of zeros; holes must not be read whole. */
class SparseSource implements BlobSource {
  readonly name: string;
  readonly size: number;
  bytesRead = 0;
  private readonly pieces: readonly (Uint8Array | number)[];

  constructor(name: string, pieces: readonly (Uint8Array | number)[]) {
    this.name = name;
    this.pieces = pieces;
    this.size = pieces.reduce<number>((sum, p) => sum + (typeof p === "number" ? p : p.length), 0);
  }

  read(offset: number, length: number): Uint8Array {
    this.bytesRead += length;
    const out = new Uint8Array(length);
    let start = 0;
    for (const piece of this.pieces) {
      const size = typeof piece === "number" ? piece : piece.length;
      if (typeof piece !== "number") {
        const from = Math.max(offset, start);
        const to = Math.min(offset + length, start + size);
        if (from < to) out.set(piece.subarray(from - start, to - start), from - offset);
      }
      start += size;
    }
    return out;
  }
}
