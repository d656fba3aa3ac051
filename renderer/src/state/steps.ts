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

/** One row of the pipeline list: a pass that ran, or rewrites applied by hand, in the order of the branch. */
export type Block =
  | { readonly kind: "run"; readonly key: string; readonly run: PassRunView; readonly steps: readonly StepView[]; readonly from: StepId; readonly to: StepId }
  | { readonly kind: "hand"; readonly key: string; readonly steps: readonly StepView[]; readonly from: StepId; readonly to: StepId };

/** What happened on the current branch. A pass that changed nothing stands where it ran. */
export function blocksOf(timeline: TimelineView): readonly Block[] {
  const position = new Map(timeline.branch.map((id, index) => [id, index]));
  const runs = timeline.runs
    .map((run, order) => ({ run, order, from: position.get(run.from), to: position.get(run.to) }))
    .filter((each): each is typeof each & { from: number; to: number } => each.from !== undefined && each.to !== undefined)
    .sort((a, b) => a.from - b.from || a.to - b.to || a.order - b.order);
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
  for (const { run, order, from, to } of runs) {
    // Runs never overlap on one branch; one that was partly undone and redone otherwise is covered by hand steps.
    if (from < at) continue;
    byHand(from);
    blocks.push({ kind: "run", key: `run-${order}`, run, steps: steps(from, to), from: run.from, to: run.to });
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
    before.branch.every((id, index) => id === after.branch[index]);
  return same ? before : after;
}
