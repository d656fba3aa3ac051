import { describe, expect, test } from "vitest";
import { parseGraph } from "../../src/ir/parser.ts";
import { printGraph } from "../../src/ir/printer.ts";
import { Timeline } from "../../src/ir/timeline.ts";
import { verifyGraph } from "../../src/ir/verifier.ts";
import { typeRules } from "../../src/ops/index.ts";
import { checkModels, checkStep } from "../../src/passes/check.ts";
import { defineRewrite } from "../../src/passes/definition.ts";
import { applyAt, applyEverywhere, explain, findMatches } from "../../src/passes/driver/driver.ts";
import { findRewrite, rewrites } from "../../src/passes/index.ts";
import { describePasses, findPass, findPipeline } from "../../src/passes/pipelines.ts";
import { runPipeline } from "../../src/passes/run-pipeline.ts";
import { CancelledError, silentTask } from "../../src/support/task.ts";

const parse = (text: string) => parseGraph(text, { rules: typeRules });
const idOf = (graph: ReturnType<typeof parse>, name: string): number => [...graph].find((n) => n.outputs.some((o) => o.name === name))!.id;

const twoBlocks = `graph @main(%x: float32[N, 1, 4, 4]) -> (%y: float32[N, 1, 4, 4]) {
  %w = constant float32[1, 1, 1, 1] [2]
  %s = constant float32[1] [3]
  %z = constant float32[1] [0]
  %o = constant float32[1] [1]
  %i = Identity(%x)
  %c1 = Conv(%i, %w) "conv1"
  %n1 = BatchNormalization(%c1, %s, %z, %z, %o) "bn1"
  %r1 = Relu(%n1)
  %c2 = Conv(%r1, %w) "conv2"
  %n2 = BatchNormalization(%c2, %s, %z, %z, %o) "bn2"
  %a = Add(%n2, %r1)
  %y = Relu(%a)
  return %y
}`;

describe("driver", () => {
  test("finds sites and applies at one of them", () => {
    const graph = parse(twoBlocks);
    const fold = findRewrite("batch-norm-into-conv");
    expect(findMatches(graph, fold).map((m) => graph.node(m.root).name)).toEqual(["bn1", "bn2"]);
    const { graph: after, delta } = applyAt(graph, fold, idOf(graph, "n2"), { pass: "by hand" });
    expect(delta).toMatchObject({ pass: "by hand", rewrite: "batch-norm-into-conv", site: "n2" });
    expect(verifyGraph(after)).toEqual([]);
    expect(findMatches(after, fold)).toHaveLength(1);
    // The folded Conv keeps the Conv's name and gives the value that the BatchNormalization gave.
    expect(after.node(idOf(after, "n2"))).toMatchObject({ op: "Conv", name: "conv2" });
    // Provenance: the new Conv comes from both, the new weight from the weight and the parameters.
    const made = idOf(after, "n2");
    expect(delta.provenance.find((entry) => entry.to.includes(made))!.from).toEqual([idOf(graph, "n2"), idOf(graph, "c2")]);
    const weight = after.node(made).inputs[1]!.node;
    expect(delta.provenance.find((entry) => entry.to.includes(weight))!.from).toContain(idOf(graph, "w"));
  });

  test("says which precondition stands in the way", () => {
    const graph = parse(twoBlocks);
    expect(() => applyAt(graph, findRewrite("affine-into-conv"), idOf(graph, "a"))).toThrow(/affine-into-conv/);
    expect(() => applyAt(graph, findRewrite("eliminate-identity"), idOf(graph, "a"))).toThrow("starts at Identity");
    const [site] = explain(graph, findRewrite("batch-norm-into-conv"), idOf(graph, "c1"));
    expect(site).toMatchObject({ site: "n1", applies: true });
  });

  test("ranks near misses, most satisfied first", () => {
    const graph = parse(`graph @main(%x: float32[1, 1, 4, 4], %v: float32[1]) -> (%y: float32[1, 1, 4, 4], %z: float32[1, 1, 4, 4]) {
  %w = constant float32[1, 1, 1, 1] [2]
  %o = constant float32[1] [1]
  %r = Relu(%x)
  %n0 = BatchNormalization(%r, %o, %o, %o, %o)
  %c = Conv(%n0, %w)
  %y = BatchNormalization(%c, %o, %o, %o, %v)
  %d = Conv(%y, %w)
  %z = BatchNormalization(%d, %o, %o, %o, %o)
  return %y, %z
}`);
    const sites = explain(graph, findRewrite("batch-norm-into-conv"));
    expect(sites.map((s) => [s.site, s.applies, s.preconditions.filter((p) => p.state === "satisfied").length])).toEqual([
      ["z", true, 7],
      ["y", false, 3],
      ["n0", false, 0],
    ]);
    expect(sites[1]!.preconditions.find((p) => p.state === "failed")).toMatchObject({ name: "constants", detail: "v is not constant", enable: expect.stringContaining("constant") });
    expect(sites[2]!.preconditions[0]).toMatchObject({ state: "failed", detail: "the input comes from r (Relu)" });
  });

  test("each application is one step, to a fixed point", () => {
    const before = parse(twoBlocks);
    const { graph, steps } = applyEverywhere(before, [findRewrite("batch-norm-into-conv"), findRewrite("eliminate-identity")]);
    expect(steps.map((s) => s.delta.rewrite)).toEqual(["eliminate-identity", "batch-norm-into-conv", "batch-norm-into-conv"]);
    for (const step of steps) expect(verifyGraph(step.graph)).toEqual([]);
    expect(applyEverywhere(graph, rewrites.filter((r) => steps.some((s) => s.delta.rewrite === r.name))).steps).toEqual([]);
  });

  test("rewrites that undo one another end with a clear error", () => {
    const flip = defineRewrite({
      name: "flip",
      title: "",
      summary: "",
      why: "",
      exactness: "approximates",
      roots: ["Relu", "Neg"],
      preconditions: [{ name: "any", doc: "Always." }],
      match: (root, context) => (context.require("any", true) ? { nodes: [root.id], bindings: {} } : undefined),
      rewrite: (match, rewriter, context) => rewriter.update(match.root, { op: context.find(match.root)!.op === "Relu" ? "Neg" : "Relu" }),
      examples: [],
    });
    expect(() => applyEverywhere(parse(twoBlocks), flip)).toThrow(/more than \d+ rewrites .* flip at r1: some rewrites undo one another/);
    expect(() => applyEverywhere(parse(twoBlocks), flip, { budget: 3 })).toThrow("more than 3 rewrites");
  });

  test("does not look into bodies of fused groups", () => {
    const fused = applyEverywhere(parse(twoBlocks), findRewrite("epilogue-fusion")).graph;
    expect(applyEverywhere(fused, findRewrite("epilogue-fusion")).steps).toEqual([]);
    for (const rewrite of rewrites) for (const match of findMatches(fused, rewrite)) expect(fused.node(match.root).region).toBe(0);
  });

  test("a long chain takes one step for each node", () => {
    const chain = (n: number): string => `graph @main(%x: float32[4]) -> (%v${n}: float32[4]) {\n${Array.from({ length: n }, (_, i) => `  %v${i + 1} = ${i % 2 ? "Identity" : "Relu"}(%${i === 0 ? "x" : `v${i}`})`).join("\n")}\n  return %v${n}\n}`;
    const { graph, steps } = applyEverywhere(parse(chain(1000)), findRewrite("eliminate-identity"));
    expect(steps).toHaveLength(500);
    expect([...graph].filter((n) => n.kind === "operator")).toHaveLength(500);
  });
});

describe("names", () => {
  test("a misspelled name is an error with a suggestion", async () => {
    expect(() => findRewrite("batchnorm-into-conv")).toThrow("Did you mean batch-norm-into-conv");
    expect(() => findPass("clean-upp")).toThrow("clean-up");
    expect(() => findPipeline("defualt")).toThrow("Did you mean default?");
    const timeline = new Timeline(parse(twoBlocks));
    await expect(runPipeline(timeline, "default", { skip: ["fold-constant"] })).rejects.toThrow("Did you mean fold-constants");
    await expect(runPipeline(timeline, "default", { only: ["nothing-like-it-at-all"] })).rejects.toThrow("There are: ");
    await expect(runPipeline(timeline, "default", { skip: ["eliminate-identiti@x"] })).rejects.toThrow("eliminate-identity");
    expect(timeline.steps).toHaveLength(1);
  });

  test("the catalog is plain data", () => {
    const catalog = describePasses();
    expect(JSON.parse(JSON.stringify(catalog))).toEqual(catalog);
    expect(catalog.rewrites.map((r) => r.name)).toContain("epilogue-fusion");
    expect(new Set(catalog.pipelines.map((p) => p.name))).toEqual(new Set(["default", "strict", "size", "teaching", "quantized", "half", "half-weights", "int8-weights", "unroll", "kernels"]));
    // Every rewrite that keeps the function runs in the default pipeline, in the one of integers, or in the one that chooses kernels.
    const reached = new Set(["default", "quantized", "unroll", "kernels"].flatMap((name) => catalog.pipelines.find((p) => p.name === name)!.passes).flatMap((name) => findPass(name).rewrites));
    expect(catalog.rewrites.filter((r) => r.exactness !== "approximates" && !reached.has(r.name))).toEqual([]);
  });
});

describe("pipelines", () => {
  test("default: every step checked, verified, on the timeline", async () => {
    const timeline = new Timeline(parse(twoBlocks));
    const verdicts: string[] = [];
    const run = await runPipeline(timeline, "default", {
      check: (before, after, delta) => checkStep(before, after, delta),
      onStep: (step, check) => {
        expect(verifyGraph(step.graph)).toEqual([]);
        verdicts.push(check!.verdict);
      },
    });
    expect(run.diagnostics).toEqual([]);
    expect(verdicts.every((v) => v === "identical" || v === "rounding")).toBe(true);
    expect(verdicts).toHaveLength(timeline.steps.length - 1);
    const ops = [...timeline.head.graph].flatMap((n) => (n.kind === "operator" && n.region === 0 ? [n.op] : []));
    expect(ops).toEqual(["Fused", "Fused"]);
    const whole = await checkModels(timeline.step(0).graph, timeline.head.graph);
    expect(whole.verdict, whole.note).toBe("rounding");
    // Undo all the way gives the model as it was.
    while (timeline.undo());
    expect(printGraph(timeline.head.graph)).toBe(printGraph(parse(twoBlocks)));
  });

  test("strict runs exact rewrites only", async () => {
    const timeline = new Timeline(parse(twoBlocks));
    await runPipeline(timeline, "strict");
    const used = new Set(timeline.steps.slice(1).map((s) => s.delta!.rewrite));
    expect(used).toContain("eliminate-identity");
    for (const name of used) expect(findRewrite(name).exactness).toBe("exact");
    expect((await checkModels(timeline.step(0).graph, timeline.head.graph)).verdict).toBe("identical");
  });

  test("only, skip, and skipping one site", async () => {
    const only = new Timeline(parse(twoBlocks));
    await runPipeline(only, "default", { only: ["batch-norm-into-conv"], skip: ["batch-norm-into-conv@n1"] });
    expect(only.steps.slice(1).map((s) => s.delta!.site)).toEqual(["n2"]);
    const skip = new Timeline(parse(twoBlocks));
    await runPipeline(skip, "default", { skip: ["fold-into-weights", "fuse-epilogues", "group-elementwise", "affine-chain-merging"] });
    expect(skip.steps.slice(1).map((s) => s.delta!.rewrite)).toEqual(["eliminate-identity"]);
  });

  test("a step that a check calls different is not taken, and is reported", async () => {
    const timeline = new Timeline(parse(twoBlocks));
    const run = await runPipeline(timeline, "default", {
      only: ["batch-norm-into-conv"],
      check: (_before, _after, delta) => ({ verdict: delta.site === "n1" ? ("different" as const) : ("identical" as const), note: "by decree" }),
    });
    expect(timeline.steps.slice(1).map((s) => s.delta!.site)).toEqual(["n2"]);
    expect(run.diagnostics).toMatchObject([{ code: "rewrite-changes-outputs", severity: "error", message: expect.stringContaining("by decree") }]);
  });

  test("a person can stop inside a pass", async () => {
    const timeline = new Timeline(parse(twoBlocks));
    const run = await runPipeline(timeline, "default", { onStep: () => "stop" as const });
    expect(run.stopped).toBe(true);
    expect(timeline.steps).toHaveLength(2);
  });

  test("cancelling leaves the timeline as it was", async () => {
    const timeline = new Timeline(parse(twoBlocks));
    let steps = 0;
    const task = { ...silentTask, check: () => void (steps >= 2 && cancel()) };
    const cancel = (): never => {
      throw new CancelledError();
    };
    await expect(runPipeline(timeline, "default", { task, onStep: () => void steps++ })).rejects.toThrow(CancelledError);
    expect(timeline.steps).toHaveLength(1);
    expect(timeline.head.id).toBe(0);
  });

  test("what only a budget kept from folding is listed with its size", async () => {
    const timeline = new Timeline(
      parse(`graph @main(%x: float32[1000, 1000]) -> (%y: float32[1000, 1000]) {
  %shape = constant int64[2] [1000, 1000]
  %w = ConstantOfShape(%shape) {value = tensor float32[1] [0.5]}
  %y = Mul(%x, %w)
  return %y
}`),
    );
    const run = await runPipeline(timeline, "default");
    expect(timeline.steps).toHaveLength(1);
    expect(run.diagnostics).toMatchObject([{ code: "over-budget", severity: "info", message: expect.stringContaining("4.0 MB"), where: { node: "w" }, hint: expect.stringContaining("4.0 MB") }]);
  });
});
