import { describe, expect, test } from "vitest";
import type { PassRunView, StepId, StepView, TimelineView } from "@graphwright/compiler-core";
import { blocksOf, leavesOf, onBranch, passEnds, pathTo } from "../src/state/steps.ts";

const cost = { nodes: 1, flops: 0, flopsUnknown: 0, parameters: 0, weightBytes: 0 };
const step = (id: number, parent: number | null): StepView => ({
  id: id as StepId, parent: parent as StepId | null, pass: "", rewrite: `r${id}`, site: "", added: 0, removed: 0, changed: 0, cost,
});
const run = (pass: string, from: number, to: number): PassRunView => ({ pass, from: from as StepId, to: to as StepId, applied: to - from, milliseconds: 1, notes: [], previous: null });
const timeline = (parents: readonly (number | null)[], branch: readonly number[], runs: readonly PassRunView[] = []): TimelineView => ({
  head: branch.at(-1) as StepId,
  steps: parents.map((parent, id) => step(id, parent)),
  branch: branch as readonly StepId[],
  runs: runs.map((each, index) => ({ ...each, previous: index === 0 ? null : index - 1 })),
});
const shown = (view: TimelineView): string[] => blocksOf(view).map((block) => `${block.kind === "run" ? block.run.pass : "hand"} ${block.from}-${block.to}`);

describe("the pass list of a branch", () => {
  test("only the import: nothing was done", () => {
    expect(shown(timeline([null], [0]))).toEqual([]);
  });

  test("rewrites by hand between pass runs, and passes that changed nothing where they ran", () => {
    const view = timeline([null, 0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5], [run("clean", 1, 3), run("fold", 3, 3), run("fuse", 3, 4)]);
    expect(shown(view)).toEqual(["hand 0-1", "clean 1-3", "fold 3-3", "fuse 3-4", "hand 4-5"]);
    expect(passEnds(view)).toEqual([0, 1, 3, 4, 5]);
  });

  test("runs of another branch are not shown", () => {
    // 0 - 1 - 2 was run, then undone to 1, and 3 was applied by hand
    const view = timeline([null, 0, 1, 1], [0, 1, 3], [run("clean", 0, 1), run("fold", 1, 2)]);
    expect(shown(view)).toEqual(["clean 0-1", "hand 1-3"]);
  });

  test("the same pass run twice stands twice", () => {
    const view = timeline([null, 0, 1], [0, 1, 2], [run("clean", 0, 1), run("clean", 1, 1), run("clean", 1, 2)]);
    expect(shown(view)).toEqual(["clean 0-1", "clean 1-1", "clean 1-2"]);
  });
});

describe("branches", () => {
  const view = timeline([null, 0, 1, 1, 3], [0, 1, 3, 4]);
  test("every end of the tree is a branch", () => {
    expect(leavesOf(view).map((leaf) => leaf.id)).toEqual([2, 4]);
    expect(pathTo(view, 4 as StepId)).toEqual([0, 1, 3, 4]);
  });
  test("a step elsewhere stands where its branch left this one", () => {
    expect(onBranch(view, 2 as StepId)).toBe(1);
    expect(onBranch(view, 3 as StepId)).toBe(3);
  });
});
