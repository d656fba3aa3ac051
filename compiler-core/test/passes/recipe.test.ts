import { describe, expect, test } from "vitest";
import { parseGraph } from "../../src/ir/parser.ts";
import { printGraph } from "../../src/ir/printer.ts";
import { lineageTable } from "../../src/ir/lineage-table.ts";
import { Timeline } from "../../src/ir/timeline.ts";
import { typeRules } from "../../src/ops/index.ts";
import { bisect, bisectModels } from "../../src/passes/bisect.ts";
import { parseCustomRewrites } from "../../src/passes/custom-rewrite.ts";
import { applyAt } from "../../src/passes/driver/driver.ts";
import { findRewrite } from "../../src/passes/index.ts";
import { parseRecipe, recordRecipe, replayRecipe, selectSteps, type Recipe } from "../../src/passes/recipe.ts";
import { runPipeline } from "../../src/passes/run-pipeline.ts";
import { CancelledError, silentTask } from "../../src/support/task.ts";
import { syntheticGraph } from "../../bench/synthetic.ts";

const parse = (text: string) => parseGraph(text, { rules: typeRules });
const idOf = (graph: ReturnType<typeof parse>, name: string): number => [...graph].find((n) => n.outputs.some((o) => o.name === name))!.id;

const block = (second = "Relu"): string => `graph @main(%x: float32[N, 1, 4, 4]) -> (%y: float32[N, 1, 4, 4]) {
  %w = constant float32[1, 1, 1, 1] [2]
  %s = constant float32[1] [3]
  %z = constant float32[1] [0.5]
  %o = constant float32[1] [1]
  %i = Identity(%x)
  %c1 = Conv(%i, %w) "conv1"
  %n1 = BatchNormalization(%c1, %s, %z, %z, %o) "bn1"
  %r1 = ${second}(%n1)
  %c2 = Conv(%r1, %w) "conv2"
  %n2 = BatchNormalization(%c2, %s, %z, %z, %o) "bn2"
  %a = Add(%n2, %r1)
  %y = Relu(%a)
  return %y
}`;

async function optimized(text: string, skip: readonly string[] = []): Promise<Timeline> {
  const timeline = new Timeline(parse(text));
  await runPipeline(timeline, "default", { skip });
  return timeline;
}

describe("recipes", () => {
  test("recorded, written, read and replayed on the same model gives the same graph, step by step", async () => {
    const timeline = await optimized(block());
    const recipe = parseRecipe(JSON.stringify(recordRecipe(timeline, timeline.head.id, [], "block.onnx")));
    expect(recipe.steps).toContainEqual({ rewrite: "batch-norm-into-conv", site: "n1", pass: "fold-into-weights" });
    const again = new Timeline(parse(block()));
    const { applied, failed } = await replayRecipe(again, recipe);
    expect({ applied, failed }).toEqual({ applied: timeline.steps.length - 1, failed: [] });
    expect(printGraph(again.head.graph)).toBe(printGraph(timeline.head.graph));
    expect(again.steps.map((s) => s.delta?.rewrite)).toEqual(timeline.steps.map((s) => s.delta?.rewrite));
  });

  test("replays thousands of steps in the time that they take", async () => {
    const timeline = new Timeline(syntheticGraph(3000));
    await runPipeline(timeline, "default");
    const again = new Timeline(syntheticGraph(3000));
    const { failed } = await replayRecipe(again, recordRecipe(timeline, timeline.head.id));
    expect(failed).toEqual([]);
    expect(printGraph(again.head.graph)).toBe(printGraph(timeline.head.graph));
  }, 60_000);

  test("on another model, what no longer matches is reported with the reason, and the rest is applied", async () => {
    const timeline = await optimized(block());
    const recipe = recordRecipe(timeline, timeline.head.id);
    const other = new Timeline(parse(block("Sigmoid").replace("%n1 = BatchNormalization(%c1, %s, %z, %z, %o)", "%n1 = BatchNormalization(%c1, %s, %z, %z, %s2)").replace("(%x: float32[N, 1, 4, 4])", "(%x: float32[N, 1, 4, 4], %s2: float32[1])").replace("%c2 = Conv", "%renamed = Conv").replace("(%c2, %s, %z, %z, %o)", "(%renamed, %s, %z, %z, %o)")));
    const { applied, failed } = await replayRecipe(other, recipe);
    expect(applied).toBeGreaterThan(1);
    const fold = failed.find((f) => f.rewrite === "batch-norm-into-conv")!;
    expect(fold).toMatchObject({ site: "n1", reason: '"constants" is failed (s2 is not constant)' });
    expect(fold.preconditions.find((p) => p.state === "failed")!.enable).toContain("constant");
    expect(other.head.graph.root.outputs.map((o) => o.name)).toEqual(["y"]);
    const missing: Recipe = { ...recipe, steps: [{ rewrite: "eliminate-identity", site: "nowhere" }, { rewrite: "eliminate-identity", site: "i", nth: 3 }, { rewrite: "eliminate-identity", site: "r1" }] };
    expect((await replayRecipe(new Timeline(parse(block())), missing)).failed.map((f) => f.reason)).toEqual(['no node or value is called "nowhere"', 'there are only 1 nodes called "i"', "r1 is a Relu to which eliminate-identity cannot apply; it starts at Identity"]);
  });

  test("passes and pipelines run whole; only and skip choose", async () => {
    const recipe = parseRecipe('{"graphwright":"recipe","version":1,"steps":[{"pass":"clean-up"},{"pipeline":"strict","skip":["epilogue-fusion"]}]}');
    const timeline = new Timeline(parse(block()));
    await replayRecipe(timeline, recipe);
    const ops = [...timeline.head.graph].flatMap((n) => (n.kind === "operator" ? [n.op] : []));
    expect(ops).toEqual(expect.arrayContaining(["BatchNormalization"]));
    expect(ops).not.toContain("Identity");
    const full = recordRecipe(await optimized(block()), (await optimized(block())).head.id);
    expect(selectSteps(full, ["fold-into-weights"], undefined).steps.length).toBe(2);
    expect(selectSteps(full, undefined, ["batch-norm-into-conv@n1"]).steps.length).toBe(full.steps.length - 1);
    expect(() => selectSteps(full, ["fold-into-weight"], undefined)).toThrow("Did you mean fold-into-weights");
  });

  test("names that bodies use again are told apart", async () => {
    const graph = parse(`graph @main(%x: float32[4], %c: bool[]) -> (%y: float32[4]) {
  %y = If(%c) then_branch () { %t = Identity(%x) %u = Relu(%t) return %u } else_branch () { %t = Identity(%x) %u = Neg(%t) return %u }
  return %y
}`);
    const timeline = new Timeline(graph);
    const second = [...graph].filter((n) => n.outputs[0]?.name === "t")[1]!.id;
    const { graph: after, delta } = applyAt(timeline.editBase(), findRewrite("eliminate-identity"), second);
    timeline.append(after, delta);
    const recipe = recordRecipe(timeline, 1);
    expect(recipe.steps).toEqual([{ rewrite: "eliminate-identity", site: "t", nth: 1 }]);
    const again = new Timeline(graph);
    expect((await replayRecipe(again, recipe)).failed).toEqual([]);
    expect(printGraph(again.head.graph)).toBe(printGraph(after));
  });

  test("a cancelled replay leaves nothing", async () => {
    const timeline = await optimized(block());
    const again = new Timeline(parse(block()));
    let calls = 0;
    const task = { ...silentTask, check: () => { if (++calls > 3) throw new CancelledError(); } };
    await expect(replayRecipe(again, recordRecipe(timeline, timeline.head.id), { task })).rejects.toThrow(CancelledError);
    expect(again.steps).toHaveLength(1);
  });

  const wrap = (steps: string): string => `{"graphwright":"recipe","version":1,"steps":${steps}}`;
  test.each([
    ["", "recipe: the file is not JSON"],
    ["[".repeat(200_000), "not JSON"],
    ["null", "an object is expected, not null"],
    ["{}", 'this is not a recipe: the field "graphwright" is not "recipe"'],
    ['{"graphwright":"recipe","version":2,"steps":[]}', "made by a newer Graphwright"],
    ['{"graphwright":"recipe","version":"1","steps":[]}', 'has version "1"'],
    ['{"graphwright":"recipe"}', "does not say its version"],
    ['{"graphwright":"recipe","version":1}', "steps: a list is expected, not nothing"],
    ['{"graphwright":"recipe","version":1,"step":[],"steps":[]}', "step: a recipe has no such field. Did you mean steps?"],
    [wrap("[1]"), "steps[0]: an object is expected, not 1"],
    [wrap("[{}]"), 'steps[0]: a step names a "rewrite" and its "site", or a "pass", or a "pipeline"'],
    [wrap('[{"rewrite":"eliminate-identity"}]'), "steps[0].site: a text is expected, not nothing"],
    [wrap('[{"rewrite":"eliminate-identity","site":"x","nth":-1}]'), "steps[0].nth: a whole number from 0 is expected, not -1"],
    [wrap('[{"rewrite":"eliminate-identity","site":"x","nth":1e999}]'), "steps[0].nth"],
    [wrap('[{"pass":"clean-up","skip":"x"}]'), 'steps[0].skip: a list is expected, not "x"'],
    [wrap('[{"pass":"clean-up","__proto__":{"x":1}}]'), "no such field"],
    [wrap(`[{"rewrite":"a","site":"${"x".repeat(70_000)}"}]`), "at most 65536 are read"],
    [`{"graphwright":"recipe","version":1,"custom":[5],"steps":[]}`, "custom[0]: a text is expected, not 5"],
  ])("a broken file says what is wrong: %.60s", (text, message) => {
    expect(() => parseRecipe(text)).toThrow(message);
  });

  test("unknown rewrites are refused before anything is done", async () => {
    const timeline = new Timeline(parse(block()));
    await expect(replayRecipe(timeline, parseRecipe(wrap('[{"pass":"clean-up"},{"rewrite":"eliminate-identitty","site":"i"}]')))).rejects.toThrow("steps[1].rewrite: there is no rewrite");
    expect(timeline.steps).toHaveLength(1);
  });
});

describe("bisect", () => {
  const wrong = parseCustomRewrites(`rewrite "wrong-relu" { pattern (%x) { %y = Relu(%x) return %y } replace { %z = Abs(%x) return %z } }`)[0]!.definition;

  test("finds the one step of many that is wrong", async () => {
    for (const where of [0, 3, 17]) {
      const timeline = new Timeline(syntheticGraph(60));
      const half = { count: 0 };
      await runPipeline(timeline, "default", { skip: ["fuse-epilogues"], onStep: () => (++half.count >= where ? "stop" : undefined), ...(where === 0 ? { only: ["epilogue-fusion"] } : {}) });
      const relu = [...timeline.head.graph].find((n) => n.kind === "operator" && n.op === "Relu")!;
      const { graph, delta } = applyAt(timeline.editBase(), wrong, relu.id);
      const bad = timeline.append(graph, delta).id;
      await runPipeline(timeline, "default", { skip: ["fuse-epilogues"] });
      const found = await bisect(timeline, 0, timeline.head.id);
      expect(found).toMatchObject({ outcome: "found", step: bad, report: { verdict: "different" }, region: { verdict: "different" } });
      expect(found.probes.length).toBeLessThanOrEqual(Math.ceil(Math.log2(timeline.steps.length)) + 2);
    }
  }, 60_000);

  test("ends that agree, and steps of another branch", async () => {
    const timeline = await optimized(block());
    expect((await bisect(timeline, 0, timeline.head.id)).outcome).toBe("same");
    const last = timeline.head.id;
    timeline.moveTo(0);
    const { graph, delta } = applyAt(timeline.editBase(), findRewrite("eliminate-identity"), idOf(timeline.head.graph, "i"));
    const other = timeline.append(graph, delta).id;
    await expect(bisect(timeline, other, last)).rejects.toThrow("not on the way");
  });

  test("two models: the first value that both name and compute differently", async () => {
    const a = parse(block());
    const b = parse(block().replace('%s = constant float32[1] [3]', '%s = constant float32[1] [3]\n  %t = constant float32[1] [3.5]').replace("%n2 = BatchNormalization(%c2, %s", "%n2 = BatchNormalization(%c2, %t"));
    expect(await bisectModels(a, b)).toMatchObject({ outcome: "found", value: "n2" });
    expect((await bisectModels(a, a)).outcome).toBe("same");
    // After optimization the names that are left still say the same.
    const c = (await optimized(block().replace("%a = Add(%n2, %r1)", "%a = Sub(%n2, %r1)"), ["fuse-epilogues", "group-elementwise"])).head.graph;
    expect(await bisectModels(a, c)).toMatchObject({ outcome: "found", value: "a" });
  });
});

test("lineage: what every node came from, what every original became", async () => {
  const timeline = await optimized(block());
  const { nodes, originals } = lineageTable(timeline, timeline.head.id);
  const of = (name: string) => nodes.filter((n) => n.name === name || n.outputs.includes(name));
  const fate = (name: string) => originals.find((n) => n.name === name || n.outputs.includes(name))!;
  // A folded convolution comes from both, its weight from the weight and the parameters, through the fusion.
  expect(of("n1").some((n) => n.op === "Conv" && ["conv1", "bn1"].every((name) => n.origins.includes(name)))).toBe(true);
  expect(nodes.find((n) => n.kind === "constant" && n.origins.includes("s") && n.origins.includes("w"))).toBeDefined();
  expect(of("y").find((n) => n.op === "graphwright.Fused")!.origins).toEqual(expect.arrayContaining(["conv2", "bn2", "a", "y"]));
  expect(fate("bn1").became).toEqual(expect.arrayContaining(["conv1"]));
  expect(fate("i")).toMatchObject({ became: [], eliminated: { rewrite: "eliminate-identity", site: "i", instead: ["x"] } });
  expect(fate("x")).toMatchObject({ became: ["x"] });
  // Nobody is left without an answer.
  for (const original of originals) expect(original.became.length > 0 || original.eliminated !== undefined, original.name).toBe(true);
  for (const node of nodes) expect(node.origins.length, node.name).toBeGreaterThan(0);
});
