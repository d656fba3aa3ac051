import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { needs, sharedFolder } from "../../../app/tooling/need.ts";
import { readNpy, writeNpy } from "../../src/importers/npy.ts";
import { readValueFile, writeValueFile } from "../../src/importers/onnx/tensor-file.ts";
import { importOnnx } from "../../src/importers/onnx/index.ts";
import { type ElementType, fromNumbers, makeTensor, mapType, optionalType, sequenceType, tensorsIdentical, tensorType } from "../../src/ir/index.ts";
import type { Value } from "../../src/ops/definition.ts";
import { MemoryBlob } from "../../src/support/blob.ts";

const floats = tensorType("float32", null);
const a = fromNumbers("float32", [2, 2], [1, 2, 3, 4]);

describe("value files", () => {
  test("sequences, optionals and maps come back as they were", () => {
    const check = (value: Value, type: Parameters<typeof readValueFile>[1]): void => expect(readValueFile(writeValueFile(value), type)).toEqual(value);
    check(a, floats);
    check({ kind: "sequence", items: [a, a], of: floats }, sequenceType(floats));
    check({ kind: "sequence", items: [], of: floats }, sequenceType(floats));
    check({ kind: "optional", value: null, of: floats }, optionalType(floats));
    check({ kind: "optional", value: a, of: floats }, optionalType(floats));
    check({ kind: "map", key: "string", entries: new Map([["k", a]]) }, mapType("string", floats));
    check({ kind: "map", key: "int64", entries: new Map([[-3n, a]]) }, mapType("int64", floats));
    // A present optional may be stored as the value alone.
    expect(readValueFile(writeValueFile(a), optionalType(floats))).toEqual({ kind: "optional", value: a, of: floats });
  });

  needs("shared")("every input and output of the shared cases reads as its declared type", () => {
    let read = 0;
    const base = join(sharedFolder(), "onnx-backend/node");
    for (const name of readdirSync(base)) {
      const model = join(base, name, "model.onnx");
      const set = join(base, name, "test_data_set_0");
      if (!existsSync(model) || !existsSync(set)) continue;
      const { graph } = importOnnx(new MemoryBlob(name, readFileSync(model)));
      const types = { input: graph.root.parameters.map((id) => graph.node(id).outputs[0]!.type), output: graph.root.outputs.map((o) => o.declared) };
      for (const file of readdirSync(set)) {
        const [, kind, index] = /^(input|output)_(\d+)\.pb$/.exec(file)!;
        const type = types[kind as "input" | "output"][Number(index)]!;
        const value = readValueFile(readFileSync(join(set, file)), type);
        const actual = "data" in value ? "tensor" : value.kind;
        expect(actual, `${name}/${file}`).toBe(type.kind);
        if ("data" in value && type.kind === "tensor") expect(value.element, `${name}/${file}`).toBe(type.element);
        read++;
      }
    }
    expect(read).toBeGreaterThan(2000);
  });
});

describe("npy", () => {
  const header = (descr: string, order: string, shape: string, data: number[], version = 1): Uint8Array => {
    const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
    const length = version === 1 ? [text.length, 0] : [text.length, 0, 0, 0];
    return Uint8Array.of(0x93, ...Buffer.from("NUMPY"), version, 0, ...length, ...Buffer.from(text), ...data);
  };

  test.each<ElementType>(["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"])("%s comes back as it was", (element) => {
    const tensor = fromNumbers(element, [2, 3], [0, 1, 1, 0, 1, 1]);
    const bytes = writeNpy(tensor);
    expect((bytes.length - 6 * (tensor.data as Uint8Array).BYTES_PER_ELEMENT) % 64).toBe(0);
    expect(tensorsIdentical(readNpy(bytes), tensor)).toBe(true);
  });

  test("scalars, vectors, strings and complex numbers", () => {
    for (const tensor of [fromNumbers("float32", [], [5]), fromNumbers("int64", [1], [7]), makeTensor("string", [2], ["ab", "ü"]), makeTensor("complex64", [1], Float32Array.of(1, -1)), fromNumbers("float32", [0, 3], [])])
      expect(tensorsIdentical(readNpy(writeNpy(tensor)), tensor)).toBe(true);
  });

  test("Fortran order and big-endian data", () => {
    expect(Array.from(readNpy(header("|u1", "True", "(2, 3)", [1, 4, 2, 5, 3, 6])).data as Uint8Array)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(Array.from(readNpy(header(">i2", "False", "(2,)", [1, 0, 0, 2], 2)).data as Int16Array)).toEqual([256, 2]);
  });

  test.each([
    ["objects", header("|O", "False", "(1,)", [0])],
    ["too few bytes", header("<f4", "False", "(3,)", [0, 0, 0, 0])],
    ["another file", Uint8Array.from(Buffer.from("not an array"))],
    ["a shape that is none", header("<f4", "False", "(-1,)", [])],
    ["strings without end", header("<U0", "False", "(99999999,)", [])],
  ])("refuses %s", (_, bytes) => {
    expect(() => readNpy(bytes, "bad.npy")).toThrow(/bad\.npy/);
  });
});
