import { describe, expect, test } from "vitest";
import type { PassRunView, StepId, StepView, TimelineView } from "@graphwright/compiler-core";
import { flat, movePass, runFrom, withoutSkipped, type Plan } from "../src/state/plan.ts";
import { blocksOf } from "../src/state/steps.ts";

const cost = { nodes: 1, flops: 0, flopsUnknown: 0, parameters: 0, weightBytes: 0 };
/** A branch 0..last on which passes ran: "clean 0-2" or, stopped, "clean 0-1!". */
function timeline(last: number, runs: readonly string[], parents: Readonly<Record<number, number>> = {}, branch = Array.from({ length: last + 1 }, (_, id) => id)): TimelineView {
  const count = Math.max(last + 1, ...Object.keys(parents).map((id) => Number(id) + 1));
  return {
    head: branch.at(-1) as StepId,
    branch: branch as StepId[],
    steps: Array.from({ length: count }, (_, id): StepView => ({ id: id as StepId, parent: (id === 0 ? null : (parents[id] ?? id - 1)) as StepId | null, pass: "", rewrite: `r${id}`, site: "", added: 0, removed: 0, changed: 0, cost })),
    runs: runs.map((text, index): PassRunView => {
      const [, pass, from, to, stopped] = /^(\S+) (\d+)-(\d+)(!?)$/.exec(text)!;
      return { pass: pass!, from: Number(from) as StepId, to: Number(to) as StepId, applied: Number(to) - Number(from), milliseconds: 0, notes: [], previous: index === 0 ? null : index - 1, ...(stopped ? { stopped: true } : {}) };
    }),
  };
}
const plan: Plan = { passes: ["a", "b", "c"], finally: ["y", "z"] };
const known = new Set(["a", "b", "c", "y", "z"]);
const whole = ["a 0-1", "b 1-3", "c 3-3", "a 3-3", "b 3-3", "c 3-3", "y 3-4", "z 4-4"];

describe("moving passes", () => {
  test("inside the repeated ones, and across the border to those that run once", () => {
    expect(movePass(plan, "c", 0)).toEqual({ passes: ["c", "a", "b"], finally: ["y", "z"] });
    expect(movePass(plan, "a", 4)).toEqual({ passes: ["b", "c"], finally: ["y", "z", "a"] });
    expect(movePass(plan, "z", 0)).toEqual({ passes: ["z", "a", "b", "c"], finally: ["y"] });
    expect(movePass(plan, "z", 3)).toEqual({ passes: ["a", "b", "c"], finally: ["z", "y"] });
    expect(movePass(plan, "a", 2)).toEqual({ passes: ["b", "c", "a"], finally: ["y", "z"] });
  });
  test("nothing is lost, whatever is moved where", () => {
    for (const pass of flat(plan)) for (let to = -1; to < 7; to++) expect(flat(movePass(plan, pass, to)).toSorted()).toEqual(flat(plan).toSorted());
  });
});

describe("where a changed plan must be run again", () => {
  test("nowhere, when everything ran as planned, or nothing ran", () => {
    expect(runFrom(timeline(4, whole), plan, known)).toBeUndefined();
    expect(runFrom(timeline(0, []), plan, known)).toBeUndefined();
  });
  test("from the first pass that would not stand there", () => {
    expect(runFrom(timeline(4, whole), { ...plan, passes: ["a", "c", "b"] }, known)).toEqual({ kind: "changed", from: 1, after: 0, startAt: 1 });
    expect(runFrom(timeline(4, whole), withoutSkipped(plan, ["b"]), known)).toEqual({ kind: "changed", from: 1, after: 0, startAt: 1 });
    expect(runFrom(timeline(4, whole), withoutSkipped(plan, ["y"]), known)).toEqual({ kind: "changed", from: 3, after: 5, startAt: 3 });
  });
  test("not for a pass that changed nothing", () => {
    expect(runFrom(timeline(4, whole), withoutSkipped(plan, ["c", "z"]), known)).toBeUndefined();
  });
  test("an unfinished run goes on where it stopped, also inside a pass", () => {
    expect(runFrom(timeline(2, ["a 0-1", "b 1-2!"]), plan, known)).toEqual({ kind: "unfinished", from: 2, after: 1, startAt: 1 });
    expect(runFrom(timeline(3, ["a 0-1", "b 1-2!", "b 2-3", "c 3-3", "a 3-3", "b 3-3", "c 3-3"]), plan, known)).toEqual({ kind: "unfinished", from: 3, after: 6, startAt: 3 });
  });
  test("a branch that left a pass half-way is unfinished there", () => {
    const view = timeline(3, ["a 0-1", "b 1-3"], { 4: 2 }, [0, 1, 2, 4]);
    expect(blocksOf(view).map((block) => `${block.kind === "run" ? block.run.pass : "hand"} ${block.from}-${block.to}`)).toEqual(["a 0-1", "b 1-2", "hand 2-4"]);
    expect(runFrom(view, plan, known)).toEqual({ kind: "unfinished", from: 2, after: 1, startAt: 1 });
  });
});

test("a pass that was stopped and went on is one row", () => {
  const blocks = blocksOf(timeline(3, ["b 0-1!", "b 1-2!", "b 2-3"]));
  expect(blocks).toHaveLength(1);
  expect(blocks[0]).toMatchObject({ kind: "run", from: 0, to: 3 });
  expect(blocks[0]!.steps.map((step) => step.id)).toEqual([1, 2, 3]);
});
