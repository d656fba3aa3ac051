/** Pure questions about a timeline: which step is where, what a handle may stand on, what a pass did. */
import type { CostView, PassRunView, StepId, StepView, TimelineView } from "@graphwright/compiler-core";

export const stepOf = (timeline: TimelineView, id: StepId): StepView | undefined => {
  const guess = timeline.steps[id];
  return guess?.id === id ? guess : timeline.steps.find((step) => step.id === id);
};

/** Position of a step on the current branch, -1 elsewhere. */
export const positionOf = (timeline: TimelineView, id: StepId): number => timeline.branch.indexOf(id);

/** The nearest step at or above `id` that lies on the current branch. */
export function onBranch(timeline: TimelineView, id: StepId): StepId {
  const branch = new Set(timeline.branch);
  let at: StepId | null = id;
  while (at !== null && !branch.has(at)) at = stepOf(timeline, at)?.parent ?? null;
  return at ?? timeline.branch[0]!;
}

/** The last step of every branch of the tree, oldest first. */
export function leavesOf(timeline: TimelineView): readonly StepView[] {
  const parents = new Set(timeline.steps.map((step) => step.parent));
  return timeline.steps.filter((step) => !parents.has(step.id));
}

/** Steps from the root to `id`. */
export function pathTo(timeline: TimelineView, id: StepId): readonly StepId[] {
  const path: StepId[] = [];
  for (let at: StepId | null = id; at !== null; at = stepOf(timeline, at)?.parent ?? null) path.push(at);
  return path.reverse();
}

/** How many steps lie before a step, wherever it is. */
export const depthOf = (timeline: TimelineView, id: StepId): number => pathTo(timeline, id).length - 1;

/** Number of the branch that a step elsewhere is on, from 1; undefined on the current branch. */
export function branchOf(timeline: TimelineView, id: StepId): number | undefined {
  if (positionOf(timeline, id) >= 0) return undefined;
  const at = leavesOf(timeline).findIndex((leaf) => pathTo(timeline, leaf.id).includes(id));
  return at < 0 ? undefined : at + 1;
}

/** One row of the pipeline list: a pass that ran, or rewrites applied by hand, in the order of the branch. */
export type Block =
  | {
      readonly kind: "run";
      readonly key: string;
      readonly run: PassRunView;
      /** more than one where the pass was stopped and went on */
      readonly runs: readonly PassRunView[];
      /** position of the first of them in the timeline's runs */
      readonly first: number;
      readonly steps: readonly StepView[];
      readonly from: StepId;
      readonly to: StepId;
    }
  | { readonly kind: "hand"; readonly key: string; readonly steps: readonly StepView[]; readonly from: StepId; readonly to: StepId };

interface RunOnBranch {
  readonly run: PassRunView;
  /** position in the timeline's runs */
  readonly index: number;
  /** positions on the branch */
  readonly from: number;
  readonly to: number;
  /** it ends on this branch */
  readonly whole: boolean;
}

/** The runs that made the branch, in their order: from the one that reaches furthest, each is followed back to the one before. */
function runsOnBranch({ runs, branch, steps }: TimelineView, position = new Map(branch.map((id, index) => [id, index]))): readonly RunOnBranch[] {
  const placed = (index: number): RunOnBranch | undefined => {
    const run = runs[index]!;
    const from = position.get(run.from);
    let at: StepId | null = run.to;
    while (at !== null && !position.has(at)) at = steps[at]?.parent ?? null;
    const whole = at === run.to;
    const to = at === null ? undefined : position.get(at);
    return from === undefined || to === undefined || (!whole && to <= from) ? undefined : { run, index, from, to, whole };
  };
  const last = runs.reduce<RunOnBranch | undefined>((best, _, index) => {
    const each = placed(index);
    return each && (!best || each.to >= best.to) ? each : best;
  }, undefined);
  const chain: RunOnBranch[] = [];
  for (let index = last?.index ?? null; index !== null; index = runs[index]!.previous) {
    const each = placed(index);
    if (each) chain.push(each);
  }
  return chain.reverse();
}

/**
 * What happened on the current branch. A pass that changed nothing stands where it ran; of a run whose end is on
 * another branch, what both branches share; a run that goes on with the pass that was stopped is one with it.
 */
export function blocksOf(timeline: TimelineView): readonly Block[] {
  const position = new Map(timeline.branch.map((id, index) => [id, index]));
  const runs = runsOnBranch(timeline, position);
  const blocks: Block[] = [];
  let at = 0;
  const steps = (from: number, to: number): StepView[] =>
    timeline.branch.slice(from + 1, to + 1).map((id) => stepOf(timeline, id)!);
  const byHand = (to: number): void => {
    if (to <= at) return;
    const [from, last] = [timeline.branch[at]!, timeline.branch[to]!];
    blocks.push({ kind: "hand", key: `hand-${from}-${last}`, steps: steps(at, to), from, to: last });
    at = to;
  };
  let resumable = false;
  for (const { run, index, from, to, whole } of runs) {
    // Runs never overlap on one branch; one that was partly undone and redone otherwise is covered by hand steps.
    if (from < at) continue;
    byHand(from);
    const before = blocks.at(-1);
    if (resumable && before?.kind === "run" && before.run.pass === run.pass && before.to === run.from) {
      blocks[blocks.length - 1] = { ...before, run, runs: [...before.runs, run], steps: [...before.steps, ...steps(from, to)], to: timeline.branch[to]! };
    } else {
      blocks.push({ kind: "run", key: `run-${index}`, run, runs: [run], first: index, steps: steps(from, to), from: run.from, to: timeline.branch[to]! });
    }
    resumable = run.stopped === true || !whole;
    at = to;
  }
  byHand(timeline.branch.length - 1);
  return blocks;
}

/** The ends of passes on the branch, for stepping pass by pass: positions, ascending, first and last included. */
export function passEnds(timeline: TimelineView): readonly number[] {
  const ends = new Set([0, timeline.branch.length - 1]);
  for (const block of blocksOf(timeline)) ends.add(positionOf(timeline, block.to));
  return [...ends].sort((a, b) => a - b);
}

export interface CostDelta {
  readonly nodes: number;
  readonly flops: number;
  readonly weightBytes: number;
  readonly peakBytes: number | undefined;
}

export const costDelta = (a: CostView, b: CostView): CostDelta => ({
  nodes: b.nodes - a.nodes,
  flops: b.flops - a.flops,
  weightBytes: b.weightBytes - a.weightBytes,
  peakBytes: a.peakBytes === undefined || b.peakBytes === undefined ? undefined : b.peakBytes - a.peakBytes,
});

/** The old object where nothing but the head differs, so that what was worked out from it stays valid. */
export function sameTimeline(before: TimelineView, after: TimelineView): TimelineView {
  const same =
    before.steps.length === after.steps.length &&
    before.runs.length === after.runs.length &&
    before.branch.length === after.branch.length &&
    before.branch.every((id, index) => id === after.branch[index]) &&
    // Checks may come later than their steps.
    before.steps.every((step, index) => step.check?.verdict === after.steps[index]!.check?.verdict);
  return same ? before : after;
}
