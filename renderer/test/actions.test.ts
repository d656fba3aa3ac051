import { afterEach, describe, expect, test } from "vitest";
import * as act from "../src/state/actions.ts";
import { exportModel, exportName, nameProblem } from "../src/state/export-model.ts";
import { query } from "../src/state/query.ts";
import { inputOf, runModel } from "../src/state/run-model.ts";
import { readFileSync } from "node:fs";
import { blocksOf, stepOf } from "../src/state/steps.ts";
import { compareModels } from "../src/state/beside.ts";
import { canvasViews } from "../src/state/canvas.ts";
import { writeNote } from "../src/state/notes.ts";
import { parseProject, writeProject } from "../src/state/project.ts";
import { setView, updateModel, useStore, type ModelState } from "../src/state/store.ts";
import { rememberViews, viewBack, viewForward } from "../src/state/view-history.ts";
import { openProject, snapshot } from "../src/state/workspace.ts";
import { exampleFile, fileOf, testWindow, type TestWindow } from "./session.ts";

let current: TestWindow | undefined;
afterEach(() => {
  current?.close();
  current = undefined;
});

async function openDigits(change?: Parameters<typeof testWindow>[0]): Promise<{ readonly window: TestWindow; readonly id: string; model(): ModelState }> {
  const window = (current = testWindow(change));
  await act.start();
  const id = await act.openFile(exampleFile());
  expect(id).toBeDefined();
  const model = (): ModelState => useStore.getState().models[id!]!;
  // What a project knows the model by comes a moment later.
  await expect.poll(() => model().hash).not.toBeNull();
  return { window, id: id!, model };
}

async function foldOne(id: string): Promise<void> {
  const { b } = useStore.getState().models[id]!;
  const { sites } = await query("sites", { model: id, step: b, rewrite: "batch-norm-into-conv" });
  await act.applyRewrite(id, { rewrite: "batch-norm-into-conv", root: sites.find((site) => site.applies)!.root });
}

describe("opening", () => {
  test("a model gets a tab and shows its first step", async () => {
    const { model, id } = await openDigits();
    expect(useStore.getState()).toMatchObject({ active: id, order: [id], tasks: [] });
    expect(model().a).toBe(model().b);
    expect(model().summary.inputs.map((input) => input.type)).toEqual(["float32[1, 1, 28, 28]"]);
  });

  test("a damaged file says what and where, and leaves what was open", async () => {
    const { model, id } = await openDigits();
    await foldOne(id);
    const before = model();
    const whole = new Uint8Array(await exampleFile().blob!.arrayBuffer());
    for (const [name, bytes] of [["truncated.onnx", whole.slice(0, 50_000)], ["empty.onnx", new Uint8Array(0)], ["picture.onnx", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10)]] as const) {
      expect(await act.openFile(fileOf(name, bytes))).toBeUndefined();
      const notice = useStore.getState().notices.at(-1)!;
      expect(notice).toMatchObject({ severity: "error", diagnostic: { where: { file: name } } });
      expect(notice.title).toContain(name);
      expect(notice.diagnostic!.hint).toBeTruthy();
    }
    expect(useStore.getState().order).toEqual([id]);
    expect(model()).toBe(before);
  });

  test("closing the tab that is shown shows its neighbour", async () => {
    const { id } = await openDigits();
    const second = (await act.openFile(exampleFile()))!;
    await act.closeModel(second);
    expect(useStore.getState()).toMatchObject({ active: id, order: [id] });
    await act.closeModel(id);
    expect(useStore.getState()).toMatchObject({ active: null, order: [] });
  });
});

describe("rewriting", () => {
  test("a rewrite shows itself: A before it, B after it, checked on its region; undo and redo move between", async () => {
    const { id, model } = await openDigits();
    const first = model().b;
    const nodes = stepOf(model().timeline, first)!.cost.nodes;
    await foldOne(id);
    expect(model()).toMatchObject({ a: first, compare: "previous", changing: null });
    const step = stepOf(model().timeline, model().b)!;
    expect(step.cost.nodes).toBe(nodes - 1);
    expect(step.check?.verdict).toMatch(/identical|rounding/);
    const folded = model().b;
    await act.undo(id);
    expect(model()).toMatchObject({ a: first, b: first });
    await act.redo(id);
    expect(model()).toMatchObject({ a: first, b: folded });
  });

  test("the pipeline leaves A where it started; verifying compares the first step with B", async () => {
    const { id, model } = await openDigits();
    const first = model().b;
    await act.runPipeline(id);
    expect(model().a).toBe(first);
    expect(stepOf(model().timeline, model().b)!.cost.nodes).toBeLessThan(stepOf(model().timeline, first)!.cost.nodes / 2);
    const check = await act.verify(id);
    expect(check).toMatchObject({ verdict: "rounding", scope: "model" });
    expect(check!.maxAbs).toBeLessThan(1e-5);
    expect(model().verification).toMatchObject({ from: first, to: model().b });
  });

  test("skipped passes do not run", async () => {
    const { id, model } = await openDigits();
    const passes = useStore.getState().catalog!.pipelines[0]!.passes;
    for (const pass of passes.slice(1)) act.setSkipped(id, pass, true);
    await act.runPipeline(id);
    const changed = model().timeline.runs.filter((run) => run.applied > 0);
    expect(changed.map((run) => run.pass)).toEqual([passes[0]]);
  });

  test("a rewrite that fails leaves everything as it was", async () => {
    const { id, model } = await openDigits();
    const before = model();
    await act.applyRewrite(id, { rewrite: "batch-norm-into-conv", root: before.timeline.steps.length + 100000 });
    expect(model()).toEqual(before);
    expect(useStore.getState().notices.at(-1)).toMatchObject({ severity: "error" });
  });

  test("an edit after undo is a second branch; a pinned A keeps its place", async () => {
    const { id, model } = await openDigits();
    const first = model().b;
    await foldOne(id);
    const old = model().b;
    await act.undo(id);
    await act.applyEverywhere(id, "eliminate-dropout");
    expect(model().timeline.branch).not.toContain(old);
    act.compareWith(id, first);
    await foldOne(id);
    expect(model()).toMatchObject({ a: first, compare: "pinned" });
    act.goTo(id, old);
    await act.settle(id);
    expect(model().b).toBe(old);
    expect(model().timeline.branch).toContain(old);
  });

  test("while a change runs, another one waits for its turn to be asked again", async () => {
    const { id, model } = await openDigits();
    const running = act.runPipeline(id);
    await new Promise((resolve) => setTimeout(resolve, 0));
    const { b } = model();
    act.stepBy(id, 1);
    await act.undo(id);
    expect(model().b).toBe(b);
    await running;
    expect(model().changing).toBeNull();
  });

  test("cancelling a pipeline leaves the head where it was, and says nothing", async () => {
    const { id, model } = await openDigits((session) => ({
      runPipeline: async (params, task) => {
        const result = session.runPipeline(params, { ...task, pause: async () => { await new Promise((resolve) => setTimeout(resolve, 20)); await task.pause(); task.check(); } });
        return result;
      },
    }));
    const before = model();
    const running = act.runPipeline(id);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(useStore.getState().tasks).toHaveLength(1);
    useStore.getState().tasks[0]!.cancel();
    await running;
    expect(model()).toEqual(before);
    expect(useStore.getState()).toMatchObject({ tasks: [], notices: [] });
  });

  test("a cancel that crosses the answer takes back what was done: window and compiler are as before, the next run gives the same steps", async () => {
    let late = true;
    const { id, model } = await openDigits((session) => ({
      runPipeline: async (params, task) => {
        const result = await session.runPipeline(params, task);
        if (late) useStore.getState().tasks[0]!.cancel();
        return result;
      },
    }));
    const before = model();
    await act.runPipeline(id);
    expect(model()).toEqual(before);
    expect(useStore.getState()).toMatchObject({ tasks: [], notices: [] });
    late = false;
    await act.runPipeline(id);
    expect(model().timeline.steps[1]).toMatchObject({ id: 1, parent: 0 });
    expect(model().timeline.runs[0]).toMatchObject({ from: 0 });
  });
});

describe("stepping", () => {
  test("moves that come faster than the compiler answers are one move, to the last", async () => {
    const asked: unknown[] = [];
    const { id, model } = await openDigits((session) => ({
      moveTo: async (params, task) => {
        asked.push(params.step);
        await new Promise((resolve) => setTimeout(resolve, 15));
        return session.moveTo(params, task);
      },
    }));
    await act.runPipeline(id);
    const { branch } = model().timeline;
    for (let i = 0; i < branch.length - 1; i++) act.stepBy(id, -1);
    expect(model().b).toBe(branch[0]);
    await act.settle(id);
    expect(model()).toMatchObject({ b: branch[0], head: branch[0] });
    expect(asked).toEqual([branch[0]]);
  });

  test("by passes: each shows what the pass changed", async () => {
    const { id, model } = await openDigits();
    await act.runPipeline(id);
    const run = model().timeline.runs.find((each) => each.applied > 1)!;
    act.goTo(id, run.from);
    await act.settle(id);
    act.passBy(id, 1);
    expect(model()).toMatchObject({ a: run.from, b: run.to });
    act.passBy(id, -1);
    expect(model().b).toBe(run.from);
  });

  test("the selection follows a node through the rewrites, there and back", async () => {
    const { id, model } = await openDigits();
    const first = model().b;
    const graph = await query("graph", { model: id, step: first });
    const bn = graph.nodes.find((node) => node.op === "BatchNormalization")!;
    act.select(id, [bn.id]);
    await act.runPipeline(id);
    const after = await query("graph", { model: id, step: model().b });
    const found = after.nodes.filter((node) => model().selected.includes(node.id));
    expect(found.length).toBeGreaterThan(0);
    expect(found[0]!.kind).toBe("fused");
    expect(model().selectedStep).toBe(model().b);
    act.goTo(id, first);
    await act.settle(id);
    expect(model().selected).toContain(bn.id);
  });
});

describe("views", () => {
  const view = () => useStore.getState().view;

  test("back and forward go through switches, parts, groups and selections; stepping is none of them", async () => {
    const { id, model } = await openDigits();
    const end = rememberViews();
    try {
      await foldOne(id);
      const [node] = model().timeline.steps.slice(-1).map((step) => step.id);
      setView({ heat: "flops" });
      act.select(id, [1]);
      updateModel(id, { isolation: { nodes: [1], direction: "inputs" } });
      canvasViews.set(`${id}/0`, { expanded: ["stem"] });
      canvasViews.set(`${id}/0`, { viewport: { x: 1, y: 2, zoom: 1 } });
      act.stepBy(id, -1);
      await act.settle(id);
      act.stepBy(id, 1);
      await act.settle(id);
      expect(model()).toMatchObject({ b: node, views: { back: { length: 4 }, forward: [] } });
      viewBack(id);
      expect(canvasViews.get(`${id}/0`)).toMatchObject({ expanded: undefined, viewport: { x: 1 } });
      viewBack(id);
      expect(model().isolation).toBeNull();
      viewBack(id);
      viewBack(id);
      expect([model().selected, view().heat]).toEqual([[], "none"]);
      expect(viewBack(id)).toEqual([]);
      viewForward(id);
      expect(viewForward(id)).toEqual([1]);
      expect([model().selected, view().heat, model().isolation]).toEqual([[1], "flops", null]);
      // Another way from here: what was ahead is gone.
      setView({ constants: false });
      expect(model().views).toMatchObject({ back: { length: 3 }, forward: [] });
    } finally {
      end();
    }
  });

  test("undo takes back notes and changes of what is drawn at this step in the order in which they came, then the step", async () => {
    const { id, model } = await openDigits();
    const end = rememberViews();
    try {
      setView({ constants: false });
      await foldOne(id);
      const folded = model().b;
      canvasViews.set(`${id}/0`, { expanded: "all" });
      writeNote(id, { kind: "model" }, "why");
      updateModel(id, { isolation: { nodes: [1], direction: "both" } });
      act.select(id, [2]);
      setView({ heat: "bytes", difference: "beside" });
      const now = () => [model().isolation !== null, model().notes.model, canvasViews.get(`${id}/0`)?.expanded, model().b === folded, view().constants];
      const states = [now()];
      for (let i = 0; i < 5; i++) {
        await act.undo(id);
        states.push(now());
      }
      expect(states).toEqual([
        [true, "why", "all", true, false],
        [false, "why", "all", true, false],
        [false, "", "all", true, false],
        [false, "", undefined, true, false],
        [false, "", undefined, false, false],
        [false, "", undefined, false, true],
      ]);
      // How it is looked at is as it was.
      expect([model().selected, view().heat, view().difference]).toEqual([[2], "bytes", "beside"]);
      const again = [now()];
      for (let i = 0; i < 5; i++) {
        await act.redo(id);
        again.unshift(now());
      }
      expect(again).toEqual(states);
    } finally {
      end();
    }
  });

  test("a project keeps the model beside a model, the part that is drawn and how it is drawn", async () => {
    const { id, model } = await openDigits();
    const second = (await act.openFile(exampleFile()))!;
    await expect.poll(() => useStore.getState().models[second]?.hash).toBeTruthy();
    await foldOne(second);
    compareModels(second, id);
    updateModel(second, { isolation: { nodes: [3], direction: "inputs" } });
    setView({ edgeWidth: true, linked: false, difference: "beside" });
    for (const project of [await snapshot(), await snapshot(second)]) {
      for (const open of useStore.getState().order) await act.closeModel(open);
      setView({ edgeWidth: false, linked: true, difference: "overlay" });
      const opened = await openProject(parseProject(writeProject(project)), null);
      expect(opened).toHaveLength(2);
      const [first, after] = opened.map((each) => useStore.getState().models[each]!);
      expect(after).toMatchObject({ against: { model: first!.id, side: "before" }, isolation: { nodes: [3], direction: "inputs" } });
      expect(first!.against).toBeNull();
      expect(view()).toMatchObject({ edgeWidth: true, linked: false, difference: "beside" });
      expect(useStore.getState().active).toBe(after!.id);
    }
    expect(model()).toBeUndefined();
  });

  test("a dialog that is opened while a model is opening stays; the one that it was chosen in closes", async () => {
    await openDigits();
    for (const [during, after] of [["settings", "settings"], ["link", null]] as const) {
      setView({ dialog: "link" });
      const opening = act.openFile(exampleFile());
      setView({ dialog: during });
      await opening;
      expect(view().dialog).toBe(after);
    }
  });
});

describe("running and exporting", () => {
  test("a digit is recognised, at the first step and after every pass", async () => {
    const { id, model } = await openDigits();
    const three = inputOf("3.npy", readFileSync(new URL("../../examples/digits/images/3.npy", import.meta.url)));
    const input = model().summary.inputs[0]!.name;
    const best = async (): Promise<number> => {
      await runModel(id, 1, { [input]: three });
      const { values } = model().run!.result.outputs[0]!;
      return values.indexOf(Math.max(...values));
    };
    expect(await best()).toBe(3);
    await act.runPipeline(id);
    expect(await best()).toBe(3);
  });

  test("a bundle is written whole, and the tab is no longer marked as changed", async () => {
    const { id, model, window } = await openDigits();
    await act.runPipeline(id);
    const options = { signal: new AbortController().signal, onProgress: () => undefined };
    const result = await exportModel(id, { format: "bundle", name: "digits", overwrite: false }, options);
    const paths = window.host.exports.get("digits")!.map((file) => file.path);
    expect(paths).toEqual(expect.arrayContaining(["Makefile", "README.md", "manifest.json"]));
    expect(result!.files.map((file) => file.path)).toEqual(paths);
    expect(result!.memory!.arenaBytes).toBeGreaterThanOrEqual(result!.memory!.lowerBoundBytes);
    expect(model().saved).toBe(model().b);
    await expect(exportModel(id, { format: "bundle", name: "digits", overwrite: false }, options)).rejects.toMatchObject({ code: "exists" });
    await exportModel(id, { format: "bundle", name: "digits", overwrite: true }, options);
  }, 60_000);

  test("a bundle that is asked to compute directly is built so", async () => {
    const asked: boolean[] = [];
    const { id } = await openDigits((session) => ({
      build: (request, task) => {
        asked.push(request.strict ?? false);
        return session.build(request, task);
      },
    }));
    const options = { signal: new AbortController().signal, onProgress: () => undefined };
    for (const strict of [true, false]) await exportModel(id, { format: "wasm", name: `digits-${strict}`, overwrite: false, strict }, options);
    expect(asked).toEqual([true, false]);
  }, 60_000);

  test("an exported ONNX file opens again with the same interface", async () => {
    const { id, model, window } = await openDigits();
    await act.runPipeline(id);
    await exportModel(id, { format: "onnx", name: "small", overwrite: false }, { signal: new AbortController().signal, onProgress: () => undefined });
    const [[name, bytes]] = [...window.host.saved] as [[string, Uint8Array]];
    const again = (await act.openFile(fileOf(name, bytes)))!;
    expect(useStore.getState().models[again]!.summary.inputs).toEqual(model().summary.inputs);
    expect(useStore.getState().models[again]!.summary.outputs).toEqual(model().summary.outputs);
  });

  test("names that file systems take", () => {
    expect(["digits.onnx", "my model (v1).ONNX", "模型.onnx", "../x.onnx", "???.onnx"].map(exportName)).toEqual(["digits", "my-model-v1", "模型", "x", "model"]);
    expect(["ok", "", " ", "a/b", ".hidden", "dot.", "a".repeat(101)].map(nameProblem)).toEqual([undefined, "empty", "empty", "characters", "characters", "characters", "long"]);
  });
});

test("a changed plan is run again from where it differs, on a branch whose rows are its own", async () => {
  const window = testWindow();
  try {
    await act.start();
    const id = (await act.openFile(exampleFile()))!;
    const model = () => useStore.getState().models[id]!;
    await act.stepPipeline(id);
    await act.stepPipeline(id);
    expect(act.planChange(model())).toMatchObject({ kind: "unfinished", from: model().b, startAt: 0 });
    await act.runChangedPlan(id);
    expect(act.planChange(model())).toBeUndefined();
    const whole = model().timeline;
    const names = () => blocksOf(model().timeline).map((block) => (block.kind === "run" ? block.run.pass : "by hand"));
    const first = names();
    act.reorderPass(id, "fold-into-weights", 2);
    const change = act.planChange(model())!;
    expect(change).toMatchObject({ kind: "changed", startAt: 2 });
    await act.runChangedPlan(id);
    expect(act.planChange(model())).toBeUndefined();
    expect(names().slice(0, 3)).toEqual(["clean-up", "fold-constants", "fold-into-weights"]);
    // What came before the change is the same steps, not the same steps again.
    expect(model().timeline.branch.slice(0, model().timeline.branch.indexOf(change.from) + 1)).toEqual(whole.branch.slice(0, whole.branch.indexOf(change.from) + 1));
    // A place left out stays out, and the earlier ones stay.
    const folds = blocksOf(model().timeline).find((block) => block.kind === "run" && block.run.pass === "fold-into-weights")!.steps;
    const { parent, rewrite, site } = folds[1]!;
    await act.leaveOut(id, folds[1]!.id);
    expect(model().skipped).toEqual([`${rewrite}@${site}`]);
    expect(model().timeline.branch).toContain(parent);
    expect(model().timeline.branch.map((step) => stepOf(model().timeline, step)!).some((step) => step.rewrite === rewrite && step.site === site)).toBe(false);
    expect(names().filter((name) => name === "fold-into-weights").length).toBeLessThanOrEqual(2);
    act.goTo(id, whole.head);
    await act.settle(id);
    expect(names()).toEqual(first);
  } finally {
    window.close();
  }
});
