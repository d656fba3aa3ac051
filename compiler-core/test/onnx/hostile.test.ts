import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { importOnnx, sniff } from "../../src/importers/onnx/index.ts";
import { typeRules } from "../../src/ops/index.ts";
import { MemoryBlob } from "../../src/support/blob.ts";
import { GraphwrightError } from "../../src/support/diagnostic.ts";
import { float, modelBytes, openModel, sharedModels } from "./models.ts";

const open = (bytes: Uint8Array, name = "model.onnx") => importOnnx(new MemoryBlob(name, bytes), { rules: typeRules });
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The diagnostic that opening these bytes gives. */
function failure(bytes: Uint8Array): { code: string; message: string; file: string | undefined; offset: number | undefined; field: string | undefined; node: string | undefined } {
  try {
    open(bytes);
  } catch (error) {
    if (!(error instanceof GraphwrightError)) throw error;
    const { code, message, where } = error.diagnostic;
    return { code, message, file: where?.file, offset: where?.offset, field: where?.field, node: where?.node };
  }
  throw new Error("the file was accepted");
}

const relu = (input: string, output: string) => ({ opType: "Relu", input: [input], output: [output], name: `make_${output}` });
const small = modelBytes({ graph: { name: "g", node: [relu("x", "y")], input: [float("x")], output: [float("y")] } });

describe("files that are no ONNX model are called what they are", () => {
  test.each<[string, Uint8Array, RegExp]>([
    ["a PNG picture", Uint8Array.of(0x89, ...ascii("PNG\r\n\x1a\n"), 0, 0, 0, 13), /a PNG picture/],
    ["a zip archive", Uint8Array.of(...ascii("PK\x03\x04"), 20, 0, 0, 0), /a zip archive \(a PyTorch checkpoint\?\)/],
    ["a pickle", Uint8Array.of(0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc), /a Python pickle/],
    ["text", ascii("hello, this is not a model\n"), /a text file/],
    ["JSON", ascii('{"a": [1, 2, 3]}      '), /a text file \(JSON\?\)/],
    ["a Git LFS pointer", ascii("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), /Git LFS pointer/],
    ["an HDF5 file", Uint8Array.of(0x89, ...ascii("HDF\r\n\x1a\n")), /an HDF5 file/],
    ["zero bytes", new Uint8Array(100), /filled with zero bytes/],
  ])("%s", (_, bytes, words) => {
    const { code, message, file, offset } = failure(bytes);
    expect(code).toBe("not-onnx");
    expect(message).toMatch(words);
    expect([file, offset]).toEqual(["model.onnx", 0]);
    expect(sniff(bytes, "model.onnx")).toBe(false);
  });

  test("an empty file", () => {
    expect(failure(new Uint8Array(0))).toMatchObject({ code: "empty-file", file: "model.onnx" });
  });

  test("a model is told by its bytes, whatever its name", () => {
    expect(sniff(small, "unnamed")).toBe(true);
    expect(sniff(Uint8Array.of(0x12, 0x03, 1, 2, 3), "unnamed")).toBe(false);
  });
});

describe("damaged models give an error with its place", () => {
  test("every truncation", () => {
    for (let length = 1; length < small.length; length++) {
      let accepted = false;
      try {
        open(small.subarray(0, length));
        accepted = true;
      } catch (error) {
        expect(error).toBeInstanceOf(GraphwrightError);
        expect((error as GraphwrightError).diagnostic.where?.file).toBe("model.onnx");
      }
      // Only the operator sets lie after the graph: without them the model is still whole.
      if (accepted) expect(length).toBeGreaterThan(20);
    }
  });

  test("a length that goes beyond the file", () => {
    const bytes = modelBytes({ graph: { name: "g", initializer: [{ name: "w", dataType: 1, dims: [1024n], rawData: new Uint8Array(4096) }] } });
    const cut = failure(bytes.subarray(0, 2000));
    expect(cut).toMatchObject({ code: "truncated-file", file: "model.onnx" });
    expect(cut.field).toMatch(/^graph/);
    expect(cut.offset).toBeGreaterThan(0);
  });

  test("a tensor whose bytes do not fit its shape", () => {
    const bytes = (dims: bigint[]) => modelBytes({ graph: { name: "g", initializer: [{ name: "w", dataType: 1, dims, rawData: new Uint8Array(4096) }] } });
    expect(failure(bytes([1023n]))).toMatchObject({ code: "tensor-size", field: 'tensor "w"', message: "float32[1023] takes 4092 bytes, but 4096 are there." });
    expect(failure(bytes([-1n]))).toMatchObject({ code: "bad-dimension" });
    expect(failure(bytes([2n ** 40n, 2n ** 40n]))).toMatchObject({ code: "bad-dimension" });
    expect(failure(bytes([2n ** 46n]))).toMatchObject({ code: "tensor-size" });
  });

  test("undefined and duplicate values, cycles", () => {
    const graph = (nodes: ReturnType<typeof relu>[]) => failure(modelBytes({ graph: { name: "g", node: nodes, input: [float("x")], output: [float("y")] } }));
    expect(graph([relu("lost", "y")])).toMatchObject({ code: "undefined-value", node: "make_y (Relu)" });
    expect(graph([relu("x", "z")])).toMatchObject({ code: "undefined-value", field: "graph.output" });
    expect(graph([relu("x", "y"), relu("x", "y")])).toMatchObject({ code: "duplicate-value" });
    expect(graph([relu("x", "x"), relu("x", "y")])).toMatchObject({ code: "duplicate-value" });
    const cycle = graph([relu("b", "a"), relu("a", "b"), relu("a", "y")]);
    expect(cycle.code).toBe("cycle");
    expect(cycle.message).toContain("make_a (Relu) <- make_b (Relu) <- make_a (Relu)");
  });

  test("nodes out of order are sorted, with a warning", () => {
    const { graph, diagnostics } = openModel({ graph: { name: "g", node: [relu("m", "y"), relu("x", "m")], input: [float("x")], output: [float("y")] } });
    expect(diagnostics.map((d) => d.code)).toContain("unsorted-nodes");
    expect([...graph].filter((n) => n.kind === "operator").map((n) => n.name)).toEqual(["make_m", "make_y"]);
  });

  test("bodies nested without end", () => {
    const nest = (depth: number): object => ({
      name: "g",
      node: depth === 0 ? [] : [{ opType: "If", input: ["c"], output: [`y${depth}`], attribute: [{ name: "then_branch", type: 5, g: nest(depth - 1) }] }],
    });
    const code = (depth: number): string => failure(modelBytes({ graph: { ...nest(depth), input: [float("c")], output: [] } })).code;
    expect(openModel({ graph: { ...nest(30), input: [float("c")], output: [] } }).graph.regions.length).toBe(31);
    expect(code(70)).toBe("nesting");
    expect(code(150)).toBe("damaged-file");
  });
});

describe("mutations", () => {
  /** Opens what is left of a model; anything but an answer or a GraphwrightError fails. */
  const survive = (bytes: Uint8Array): void => {
    const began = performance.now();
    try {
      open(bytes);
    } catch (error) {
      if (!(error instanceof GraphwrightError)) throw error;
      expect(error.message.length).toBeGreaterThan(10);
    }
    expect(performance.now() - began).toBeLessThan(2000);
  };

  const mutation = fc.oneof(
    fc.record({ kind: fc.constant("flip" as const), at: fc.nat(), bit: fc.nat(7) }),
    fc.record({ kind: fc.constant("cut" as const), at: fc.nat(), bit: fc.constant(0) }),
    // A byte with its continuation bit joins the next: lengths and tags become huge.
    fc.record({ kind: fc.constant("varint" as const), at: fc.nat(), bit: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ kind: fc.constant("remove" as const), at: fc.nat(), bit: fc.integer({ min: 1, max: 9 }) }),
  );

  const mutate = (source: Uint8Array, list: readonly { kind: string; at: number; bit: number }[]): Uint8Array => {
    let bytes = Uint8Array.from(source);
    for (const { kind, at, bit } of list) {
      const index = at % Math.max(1, bytes.length);
      if (kind === "flip") bytes[index]! ^= 1 << bit;
      else if (kind === "cut") bytes = bytes.slice(0, index);
      else if (kind === "varint") bytes.fill(0xff, index, index + bit);
      else bytes = Uint8Array.from([...bytes.subarray(0, index), ...bytes.subarray(index + bit)]);
    }
    return bytes;
  };

  needs("shared")("mutated models of the shared cases are opened or refused, never more", () => {
    const models = sharedModels().map(([, path]) => readFileSync(path)).filter((bytes) => bytes.length < 20_000);
    fc.assert(
      fc.property(fc.nat(), fc.array(mutation, { minLength: 1, maxLength: 4 }), (which, list) => survive(mutate(models[which % models.length]!, list))),
      { numRuns: 1500, seed: 20240117 },
    );
  }, 60_000);

  test("random bytes after a plausible beginning", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => survive(Uint8Array.of(0x08, 0x08, 0x3a, ...bytes))),
      { numRuns: 500, seed: 7 },
    );
  });
});
