/** The command line as a person runs it: a process, its output and its exit code. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { needs } from "../tooling/need.ts";
import { inRoot } from "../tooling/run.mjs";

const digits = inRoot("examples/digits/digits.onnx");
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "graphwright-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function graphwright(...args: string[]): { code: number; out: string; err: string } {
  const result = spawnSync(process.execPath, [inRoot("app/bin/graphwright.mjs"), ...args], { encoding: "utf8", cwd: folder, maxBuffer: 1 << 26 });
  return { code: result.status ?? -1, out: result.stdout, err: result.stderr };
}

function file(name: string, bytes: Uint8Array): string {
  const target = path.join(folder, name);
  writeFileSync(target, bytes);
  return target;
}

interface Json {
  graphwright: number;
  command: string;
  [field: string]: unknown;
}

describe("graphwright", () => {
  test("inspect says what the model consists of", () => {
    const { code, out } = graphwright("inspect", digits, "--json");
    expect(code).toBe(0);
    const json = JSON.parse(out) as Json & { model: { operators: { op: string; count: number }[]; inputs: unknown; outputs: unknown; cost: { nodes: number; peakBytes: number } } };
    expect(json.graphwright).toBe(1);
    expect(json.model.inputs).toEqual([{ name: "image", type: "float32[1, 1, 28, 28]" }]);
    expect(json.model.outputs).toEqual([{ name: "probabilities", type: "float32[1, 10]" }]);
    expect(json.model.operators.find((o) => o.op === "BatchNormalization")?.count).toBe(6);
    expect(json.model.cost.peakBytes).toBeGreaterThan(0);
    expect(graphwright("inspect", digits).out).toContain("BatchNormalization");
  });

  test("passes documents every rewrite", () => {
    const { out } = graphwright("passes", "--json");
    const json = JSON.parse(out) as Json & { rewrites: { name: string; preconditions: { name: string; doc: string }[]; examples: unknown[] }[] };
    expect(json.rewrites.map((r) => r.name)).toContain("batch-norm-into-conv");
    for (const r of json.rewrites) {
      expect(r.preconditions.length, r.name).toBeGreaterThan(0);
      expect(r.examples.length, r.name).toBeGreaterThan(1);
    }
  });

  test("optimize checks each step and the whole, and verify agrees with it", () => {
    const output = path.join(folder, "small.onnx");
    const { code, out, err } = graphwright("optimize", digits, "-o", output, "--check", "--json");
    expect(err).toBe("");
    expect(code).toBe(0);
    const json = JSON.parse(out) as Json & { before: { nodes: number }; after: { nodes: number }; check: { verdict: string }; steps: { check: { verdict: string } }[] };
    expect(json.after.nodes).toBeLessThan(json.before.nodes / 2);
    expect(["identical", "rounding"]).toContain(json.check.verdict);
    for (const step of json.steps) expect(["identical", "rounding"]).toContain(step.check.verdict);
    const verified = graphwright("verify", digits, output, "--json");
    expect(verified.code).toBe(0);
    const other = path.join(folder, "bn-only.onnx");
    expect(graphwright("optimize", digits, "-o", other, "--only", "batch-norm-into-conv").code).toBe(0);
    expect(graphwright("verify", digits, other).code).toBe(0);
  });

  test("explain lists where a rewrite applies and why not elsewhere", () => {
    const { code, out } = graphwright("explain", digits, "--rewrite", "batch-norm-into-conv", "--json");
    expect(code).toBe(0);
    const json = JSON.parse(out) as Json & { sites: { applies: boolean; preconditions: { state: string }[] }[] };
    expect(json.sites.filter((s) => s.applies)).toHaveLength(6);
    const text = graphwright("explain", digits, "--rewrite", "eliminate-dropout", "--node", "/head/dropout/Dropout");
    expect(text.code).toBe(0);
    expect(text.out).toContain("applies");
  });

  test("run recognises the test images", () => {
    const labels = JSON.parse(readFileSync(inRoot("examples/digits/images/labels.json"), "utf8")) as unknown;
    expect(labels).toBeTruthy();
    for (const digit of [0, 7]) {
      const { code, out } = graphwright("run", digits, "--input", `image=${inRoot(`examples/digits/images/${digit}.npy`)}`, "--out-dir", path.join(folder, `out${digit}`), "--json");
      expect(code).toBe(0);
      const json = JSON.parse(out) as Json & { outputs: { values: number[] }[] };
      const [{ values }] = json.outputs as [{ values: number[] }];
      expect(values.indexOf(Math.max(...values))).toBe(digit);
      expect(existsSync(path.join(folder, `out${digit}`, "probabilities.npy"))).toBe(true);
    }
  });

  test("wrong usage exits with 2 and says what would be right", () => {
    expect(graphwright("inspct", digits)).toMatchObject({ code: 2, err: expect.stringContaining("inspect") as string });
    expect(graphwright("inspect")).toMatchObject({ code: 2, err: expect.stringContaining("model") as string });
    expect(graphwright("verify", digits, digits, "--seeds", "none")).toMatchObject({ code: 2 });
    expect(graphwright("optimize", digits, "-o", "x.onnx", "--only", "batch-norm-in-conv")).toMatchObject({ code: 1, err: expect.stringContaining("batch-norm-into-conv") as string });
    expect(graphwright("--help").code).toBe(0);
  });

  const bytes = readFileSync(digits);
  const flipped = Uint8Array.from(bytes);
  flipped[bytes.indexOf("stem.conv.weight") - 1]! ^= 0x55;
  test.each([
    ["truncated", bytes.subarray(0, 5000), /broken\.onnx.*(byte \d+|truncated|ends)/i],
    ["zero-byte", new Uint8Array(0), /broken\.onnx.*empty/],
    ["wrong-type", readFileSync(inRoot("examples/digits/images/0.png")), /broken\.onnx.*PNG/],
    ["bit-flipped", flipped, /broken\.onnx/],
    ["missing", undefined, /no such file/],
  ])("a %s model gives a clear error and writes nothing", (_kind, content, message) => {
    const broken = path.join(folder, "broken.onnx");
    if (content) file("broken.onnx", content);
    else rmSync(broken, { force: true });
    const before = readdirSync(folder).sort();
    for (const args of [["inspect", broken], ["optimize", broken, "-o", path.join(folder, "never.onnx")], ["build", broken, "-o", path.join(folder, "never")]]) {
      const { code, out, err } = graphwright(...args);
      expect(code, err).toBe(1);
      expect(err).toMatch(message);
      expect(err).not.toMatch(/internal error|at .*\.mjs/);
      expect(out).toBe("");
    }
    expect(readdirSync(folder).sort()).toEqual(before);
  });
});

describe("build", () => {
  needs("gcc", "make")("the digits bundle compiles without a warning and its self-test passes", () => {
    const output = path.join(folder, "bundle");
    expect(graphwright("build", digits, "-o", output)).toMatchObject({ code: 0, err: "" });
    const make = spawnSync("make", ["-C", output, "selftest", "CFLAGS=-O2 -std=c99 -Wall -Wextra -Wpedantic -Werror"], { encoding: "utf8" });
    expect(make.stderr).toBe("");
    expect(make.status).toBe(0);
    const test = spawnSync(path.join(output, "selftest"), { encoding: "utf8" });
    expect(test.status, test.stdout + test.stderr).toBe(0);
    expect(test.stdout).toMatch(/error/);
    const again = path.join(folder, "bundle-again");
    expect(graphwright("build", digits, "-o", again).code).toBe(0);
    expect(readFileSync(path.join(again, "SHA256SUMS"), "utf8")).toBe(readFileSync(path.join(output, "SHA256SUMS"), "utf8"));
    expect(graphwright("build", digits, "-o", folder)).toMatchObject({ code: 2, err: expect.stringContaining("not empty") as string });
  });
});
