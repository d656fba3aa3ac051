/** The command line as a person runs it: a process, its output and its exit code. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

  test("program reads a tensor program, applies steps and runs it; an error says where", () => {
    const product = inRoot("examples/programs/product.txt");
    const { code, out, err } = graphwright("program", product, "--apply", "split(loop=j, factor=8)", "--apply", "reorder(loops=[k, j_i])", "--run", "--json");
    expect(code, err).toBe(0);
    const json = JSON.parse(out) as Json & { program: string; steps: { step: string; applies: boolean; check: { verdict: string } }[]; outputs: { name: string; dims: number[] }[] };
    expect(json.steps.map((s) => [s.applies, s.check.verdict])).toEqual([[true, "identical"], [true, "identical"]]);
    expect(json.program).toContain("for j_i in range(8):");
    expect(json.outputs).toMatchObject([{ name: "y", dims: [6, 16] }]);
    const refused = graphwright("program", product, "--apply", "vectorize(loop=k)");
    expect(refused.code).toBe(1);
    expect(refused.out).toContain("vectorize(loop=k): does not apply");
    const wrong = file("wrong.txt", Buffer.from(readFileSync(product, "utf8").replace("range(5)", "range(five)")));
    expect(graphwright("program", wrong)).toMatchObject({ code: 1, err: `graphwright: ${wrong}, line 7:22: there is no loop, axis or size five here. Known here: i, j.\n` });
  });

  test.runIf(needs("gcc"))("tune measures schedules, keeps them, and build takes them; what is wrong is said first", () => {
    const [cache, out] = [path.join(folder, "tuning.json"), path.join(folder, "tuned")];
    const first = graphwright("tune", digits, "--cache", cache, "--budget", "0.5s", "--json");
    expect(first.code, first.err).toBe(0);
    const { entries } = JSON.parse(first.out) as Json & { entries: { key: string; variants: { runs: number; error: number }[] }[] };
    expect(entries.length).toBeGreaterThan(0);
    expect(first.err).toMatch(/tune: 1 of \d+ .* schedules/);
    for (const e of entries) for (const v of e.variants) expect([v.runs > 0, v.error < 1e-4]).toEqual([true, true]);
    const built = graphwright("build", digits, "-o", out, "--tune", "--tune-cache", cache, "--tune-budget", "0");
    expect(built.code, built.err).toBe(0);
    expect(built.err).toContain(`${entries.length} from the cache`);
    const { tuning } = JSON.parse(readFileSync(path.join(out, "manifest.json"), "utf8")) as { tuning: { compiler: string; isa: string; layers: { key: string }[] } };
    expect(tuning.layers.map((l) => l.key)).toEqual(entries.map((e) => e.key));
    const nothing = path.join(folder, "nothing");
    const without = spawnSync(process.execPath, [inRoot("app/bin/graphwright.mjs"), "build", digits, "-o", nothing, "--tune"], { encoding: "utf8", env: { ...process.env, CC: "no-such-compiler" } });
    expect([without.status, without.stderr]).toEqual([1, expect.stringContaining("no C compiler was found (no-such-compiler)")]);
    writeFileSync(cache, readFileSync(cache, "utf8").replace(/"speedup": \S+?(,?)\n/, '"speedup": 9$1\n'));
    expect(graphwright("build", digits, "-o", nothing, "--tune", "--tune-cache", cache)).toMatchObject({ code: 1, err: expect.stringContaining("does not agree with its own checksum") as string });
    expect(existsSync(nothing)).toBe(false);
  }, 120_000);

  test("render draws a model and the difference of two steps as SVG and PNG", () => {
    const svg = path.join(folder, "view.svg");
    expect(graphwright("render", digits, "-o", svg).code).toBe(0);
    expect(readFileSync(svg, "utf8")).toMatch(/^<svg [^]*BatchNormalization[^]*<\/svg>\n$/);
    const png = path.join(folder, "view.png");
    const { code, out } = graphwright("render", digits, "-o", png, "--pipeline", "default", "--base", "0", "--scale", "1", "--json");
    expect(code).toBe(0);
    const json = JSON.parse(out) as Json & { width: number; height: number; added: number; removed: number };
    const bytes = readFileSync(png);
    expect([...bytes.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([json.width, json.height]);
    expect(json.added).toBeGreaterThan(0);
    expect(json.removed).toBeGreaterThan(json.added);
    for (const [options, message] of [
      [["-o", "view.gif"], "ends in .svg or .png"],
      [["-o", png, "--step", "1"], "no rewrite was applied"],
      [["-o", png, "--around", "relu"], "Similar: /stem/relu/Relu"],
      [["-o", png, "--theme", "pink"], "light, dark, high-contrast"],
    ] as const) {
      const failed = graphwright("render", digits, ...options);
      expect([failed.code, failed.err]).toEqual([2, expect.stringContaining(message)]);
    }
    const large = graphwright("render", digits, "-o", path.join(folder, "large.png"), "--groups", "open", "--scale", "8");
    expect([large.code, large.err]).toEqual([1, expect.stringMatching(/30,\d{3} pixels|at most .*\n? *.*--scale/)]);
    expect(existsSync(path.join(folder, "large.png"))).toBe(false);
  });

  test("Ctrl+C leaves all of a bundle or nothing, and what was there before", async () => {
    const place = path.join(folder, "interrupted");
    const output = path.join(place, "bundle");
    mkdirSync(place);
    for (const moment of ["computing", "writing"] as const) {
      const child = spawn(process.execPath, [inRoot("app/bin/graphwright.mjs"), "build", digits, "-o", output], { cwd: folder, stdio: "ignore" });
      const ended = new Promise<number>((resolve) => child.once("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : -1))));
      const over = ended.then(() => true);
      const begun = async (): Promise<boolean> => {
        if (moment === "computing") return true;
        while (!readdirSync(place).some((name) => name.includes(".part-"))) if (await Promise.race([over, new Promise<boolean>((resolve) => setTimeout(resolve, 2, false))])) return false;
        return true;
      };
      if (await begun()) child.kill("SIGINT");
      const code = await ended;
      expect([0, 130], moment).toContain(code);
      // It may have been done before the signal came: then it is whole.
      expect(readdirSync(place), moment).toEqual(code === 0 ? ["bundle"] : []);
      if (code === 0) expect(existsSync(path.join(output, "SHA256SUMS"))).toBe(true);
      rmSync(output, { recursive: true, force: true });
    }
  });

  test("diff: the same model, and what a pipeline changed", () => {
    expect(graphwright("diff", digits, digits)).toMatchObject({ code: 0, out: "no difference in 41 nodes\n" });
    const output = path.join(folder, "one.onnx");
    graphwright("optimize", digits, "-o", output, "--only", "batch-norm-into-conv");
    const { code, out } = graphwright("diff", digits, output, "--json");
    expect(code).toBe(1);
    const json = JSON.parse(out) as Json & { added: { op: string }[]; removed: { op: string }[] };
    expect(json.removed.filter(({ op }) => op === "BatchNormalization").length).toBeGreaterThan(0);
    expect(json.added).toEqual([]);
    expect(graphwright("diff", digits, output).out).toContain("- BatchNormalization /stem/bn/BatchNormalization");
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
    const all = graphwright("explain", digits, "--json");
    const ranked = (JSON.parse(all.out) as { rewrite: null; sites: { rewrite: string; applies: boolean; preconditions: { state: string }[] }[] }).sites;
    expect(ranked.filter((s) => s.applies && s.rewrite === "batch-norm-into-conv")).toHaveLength(6);
    const unmet = ranked.filter((s) => !s.applies).map((s) => s.preconditions.filter((p) => p.state !== "satisfied").length);
    expect(unmet.length).toBeGreaterThan(0);
    expect(unmet).toEqual([...unmet].sort((a, b) => a - b));
    expect(graphwright("explain", digits, "--limit", "1").out).toContain("more near misses");
    const text = graphwright("explain", digits, "--rewrite", "eliminate-dropout", "--node", "/head/dropout/Dropout");
    expect(text.code).toBe(0);
    expect(text.out).toContain("applies");
  });

  test.each([
    ["sorting/sorting.onnx", "default", 137, 23, "digits=samples/3141592653.npy", [1, 1, 2, 3, 3, 4, 5, 5, 6, 9]],
    ["shapes/shapes.onnx", "default", 105, 36, "image=images/star.npy", [5]],
    ["shapes-int8/shapes-int8.onnx", "quantized", 238, 133, "image=images/heart.npy", [7]],
    ["parity/parity.onnx", "default", 23, 12, "bits=samples/1011010011100101.npy", [1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1].map((_, at, bits) => bits.slice(0, at + 1).reduce((a, b) => a ^ b))],
  ] as const)("%s becomes what it says, and computes it still", (model, pipeline, before, after, input, expected) => {
    const [name, sample] = input.split("=") as [string, string];
    const smaller = path.join(folder, path.basename(model));
    const optimized = JSON.parse(graphwright("optimize", inRoot(`examples/${model}`), "-o", smaller, "--pipeline", pipeline, "--check", "--json").out) as { before: { nodes: number }; after: { nodes: number }; check: { verdict: string } };
    expect(optimized.check.verdict).toMatch(/^(identical|rounding)$/);
    expect([optimized.before.nodes, optimized.after.nodes]).toEqual([before, after]);
    const { outputs } = JSON.parse(graphwright("run", smaller, "--input", `${name}=${inRoot(`examples/${path.dirname(model)}/${sample}`)}`, "--json").out) as { outputs: { values: number[] }[] };
    const { values } = outputs[0]!;
    expect(model.startsWith("shapes") ? [values.indexOf(Math.max(...values))] : values.map(Math.round)).toEqual(expected);
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

describe("recipes", () => {
  const recipe = (): string => path.join(folder, "digits.recipe.json");

  test("recipe, optimize --recipe and --lineage: the same model as the pipeline gives", () => {
    expect(graphwright("recipe", digits, "-o", recipe())).toMatchObject({ code: 0, err: "" });
    const saved = JSON.parse(readFileSync(recipe(), "utf8")) as { graphwright: string; version: number; steps: { rewrite: string; site: string }[] };
    expect(saved).toMatchObject({ graphwright: "recipe", version: 1 });
    const [byPipeline, byRecipe, lineage] = ["pipeline.onnx", "recipe.onnx", "lineage.json"].map((name) => path.join(folder, name)) as [string, string, string];
    expect(graphwright("optimize", digits, "-o", byPipeline).code).toBe(0);
    const { code, out } = graphwright("optimize", digits, "-o", byRecipe, "--recipe", recipe(), "--check", "--lineage", lineage, "--json");
    expect(code).toBe(0);
    const json = JSON.parse(out) as Json & { applied: number; failed: unknown[]; steps: { rewrite: string; site: string }[] };
    expect(json.applied).toBe(saved.steps.length);
    expect(json.failed).toEqual([]);
    expect(json.steps.map(({ rewrite, site }) => ({ rewrite, site }))).toEqual(saved.steps.map(({ rewrite, site }) => ({ rewrite, site })));
    expect(readFileSync(byRecipe).equals(readFileSync(byPipeline))).toBe(true);
    const table = JSON.parse(readFileSync(lineage, "utf8")) as Json & { nodes: { origins: string[] }[]; originals: { became: string[]; eliminated?: object }[] };
    expect(table.command).toBe("lineage");
    expect(table.nodes.every((n) => n.origins.length > 0)).toBe(true);
    expect(table.originals.every((n) => n.became.length > 0 || n.eliminated)).toBe(true);
    const bare = path.join(folder, "bare.onnx");
    expect(graphwright("optimize", digits, "-o", bare, "--recipe", recipe(), "--no-origins").code).toBe(0);
    expect(readFileSync(bare).includes("graphwright.origins")).toBe(false);
    expect(readFileSync(byRecipe).includes("graphwright.origins")).toBe(true);
    const part = graphwright("optimize", digits, "-o", bare, "--recipe", recipe(), "--only", "batch-norm-into-conv", "--json");
    expect((JSON.parse(part.out) as { applied: number }).applied).toBe(6);
  });

  test("steps that do not match are reported, and the rest is done; a broken recipe names the file and the field", () => {
    const saved = JSON.parse(readFileSync(recipe(), "utf8")) as { steps: unknown[] };
    const odd = file("odd.json", new TextEncoder().encode(JSON.stringify({ ...saved, steps: [{ rewrite: "eliminate-identity", site: "nowhere" }, ...saved.steps] })));
    const { code, err } = graphwright("optimize", digits, "-o", path.join(folder, "odd.onnx"), "--recipe", odd);
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('step 1, eliminate-identity at nowhere, was not applied: no node or value is called "nowhere"') as string });
    const broken = file("broken.json", new TextEncoder().encode('{"graphwright":"recipe","version":1,"steps":[{"rewrite":"batch-norm-in-conv","site":"x"}]}'));
    for (const args of [["optimize", digits, "-o", path.join(folder, "no.onnx"), "--recipe", broken], ["build", digits, "-o", path.join(folder, "no"), "--recipe", broken]])
      expect(graphwright(...args)).toMatchObject({ code: 1, out: "", err: expect.stringMatching(/broken\.json, steps\[0\]\.rewrite: there is no rewrite .*batch-norm-into-conv/) as string });
    expect(graphwright("optimize", digits, "-o", path.join(folder, "no.onnx"), "--recipe", path.join(folder, "absent.json"))).toMatchObject({ code: 1, err: expect.stringContaining("absent.json") as string });
    expect(existsSync(path.join(folder, "no.onnx"))).toBe(false);
  });

  test("bisect finds the step, and the value, at which two ends disagree", () => {
    const saved = JSON.parse(readFileSync(recipe(), "utf8")) as { steps: { rewrite: string }[] };
    expect(graphwright("bisect", digits, recipe(), "--seeds", "1")).toMatchObject({ code: 0, out: expect.stringContaining("agree") as string });
    const wrong = 'rewrite "softmax-left-out" { pattern (%x) { %y = Softmax(%x) {...} return %y } replace { %z = Sigmoid(%x) return %z } }';
    const at = saved.steps.length >> 1;
    const bad = file("bad.json", new TextEncoder().encode(JSON.stringify({ ...saved, custom: [wrong], steps: [...saved.steps.slice(0, at), { rewrite: "softmax-left-out", site: "probabilities" }, ...saved.steps.slice(at)] })));
    const { code, out } = graphwright("bisect", digits, bad, "--seeds", "1", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ graphwright: 1, command: "bisect", kind: "recipe", outcome: "found", step: { id: at + 1, rewrite: "softmax-left-out", site: "probabilities" }, check: { verdict: "different" }, failed: [] });
    const custom = file("wrong.rewrite", new TextEncoder().encode(wrong));
    const checked = graphwright("optimize", digits, "-o", path.join(folder, "kept.onnx"), "--custom", custom, "--json");
    expect(checked.code).toBe(0);
    expect((JSON.parse(checked.out) as { notes: string[] }).notes.join()).toContain("softmax-left-out was not applied at probabilities, since the outputs would differ");
    expect(graphwright("verify", digits, path.join(folder, "kept.onnx")).code).toBe(0);
    expect(graphwright("explain", digits, "--custom", custom, "--rewrite", "softmax-left-out").out).toContain("applies at 1 of 1 places");
    const models = graphwright("bisect", digits, path.join(folder, "pipeline.onnx"), "--seeds", "1", "--json");
    expect(models.code).toBe(0);
    expect(JSON.parse(models.out)).toMatchObject({ kind: "models", outcome: "same" });
  });
});

describe("build", () => {
  test("a bundle's manifest holds the recipe, and is built from one", () => {
    const output = path.join(folder, "from-recipe");
    expect(graphwright("build", digits, "-o", output, "--recipe", path.join(folder, "digits.recipe.json"))).toMatchObject({ code: 0, err: "" });
    const { recipe } = JSON.parse(readFileSync(path.join(output, "manifest.json"), "utf8")) as { recipe: unknown };
    expect(recipe).toEqual(JSON.parse(readFileSync(path.join(folder, "digits.recipe.json"), "utf8")));
  });

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
