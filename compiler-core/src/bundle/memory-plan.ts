import { Random } from "../support/random.ts";

/**
 * The memory planner: a place in one static arena for every value that is not a weight. Inputs are steps with live
 * values; nothing here knows of graphs or programs.
 */
export interface PlanValue {
  readonly key: string;
  readonly bytes: number;
  /** lies in the weights: an offset there */
  readonly weightOffset?: number;
}

export interface PlanStep {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** bytes of uninitialized memory that the step needs while it runs */
  readonly scratch: readonly number[];
  readonly inPlace: readonly (readonly [input: string, output: string])[];
  readonly views: readonly { readonly part: string; readonly whole: string; readonly offset: number }[];
}

export interface PlanProblem {
  readonly values: readonly PlanValue[];
  readonly steps: readonly PlanStep[];
  /** written by the caller before the first step */
  readonly inputs: readonly string[];
  /** read by the caller after the last step */
  readonly outputs: readonly string[];
}

export interface Location {
  readonly space: "arena" | "weights";
  readonly offset: number;
}

export interface MemoryPlan {
  readonly locations: ReadonlyMap<string, Location>;
  /** arena offsets of each step's scratch */
  readonly scratch: readonly (readonly number[])[];
  /** steps that need no code: all their results already lie where they must */
  readonly elided: readonly boolean[];
  readonly takenInPlace: readonly (readonly (readonly [string, string])[])[];
  readonly storages: readonly StorageInfo[];
  readonly arenaBytes: number;
  /** the largest sum of what is live at one step: no plan with these decisions can be smaller */
  readonly lowerBoundBytes: number;
}

export interface StorageInfo {
  readonly offset: number;
  readonly bytes: number;
  /** first and last step; -1 is before the first */
  readonly from: number;
  readonly to: number;
  readonly values: readonly string[];
}

export const alignment = 64;
const align = (bytes: number): number => Math.ceil(Math.max(bytes, 1) / alignment) * alignment;

/** Plans with and without placing concatenated parts in their whole, and keeps the smaller arena. */
export function planMemory(problem: PlanProblem): MemoryPlan {
  const joined = place(problem, shareStorage(problem, true));
  const separate = place(problem, shareStorage(problem, false));
  return separate.arenaBytes < joined.arenaBytes ? separate : joined;
}

interface Storage {
  bytes: number;
  from: number;
  to: number;
  readonly members: Map<string, number>;
}

interface Shared {
  readonly storageOf: Map<string, Storage>;
  readonly weightOf: Map<string, number>;
  readonly elided: boolean[];
  readonly taken: [string, string][][];
  readonly scratch: Storage[][];
}

function shareStorage(problem: PlanProblem, joinParts: boolean): Shared {
  const sizes = new Map(problem.values.map((v) => [v.key, v.bytes]));
  const weightOf = new Map<string, number>();
  for (const v of problem.values) if (v.weightOffset !== undefined) weightOf.set(v.key, v.weightOffset);
  const lastUse = new Map<string, number>();
  problem.steps.forEach((s, i) => {
    for (const r of s.reads) lastUse.set(r, i);
    for (const v of s.views) {
      lastUse.set(v.part, Math.max(lastUse.get(v.part) ?? i, i));
      lastUse.set(v.whole, Math.max(lastUse.get(v.whole) ?? i, i));
    }
    for (const w of s.writes) lastUse.set(w, Math.max(lastUse.get(w) ?? i, i));
  });
  for (const o of problem.outputs) lastUse.set(o, problem.steps.length);

  const storageOf = new Map<string, Storage>();
  const create = (key: string, at: number): Storage => {
    const made: Storage = { bytes: sizes.get(key) as number, from: at, to: lastUse.get(key) ?? at, members: new Map([[key, 0]]) };
    storageOf.set(key, made);
    return made;
  };
  const addMember = (storage: Storage, key: string, offset: number, at: number): void => {
    storage.members.set(key, offset);
    storageOf.set(key, storage);
    storage.from = Math.min(storage.from, at);
    storage.to = Math.max(storage.to, lastUse.get(key) ?? at);
  };
  /** is a value other than `except` that shares bytes with the range still needed after `step`? */
  const neededLater = (storage: Storage, offset: number, bytes: number, step: number): boolean =>
    [...storage.members].some(([key, at]) => at < offset + bytes && offset < at + (sizes.get(key) as number) && (lastUse.get(key) ?? -1) > step);

  for (const key of problem.inputs) create(key, -1);
  const elided = problem.steps.map(() => false);
  const taken: [string, string][][] = problem.steps.map(() => []);
  const scratch = problem.steps.map((s, i) => s.scratch.map((bytes): Storage => ({ bytes, from: i, to: i, members: new Map() })));

  problem.steps.forEach((step, i) => {
    const made = new Set(step.writes);
    const viewed = step.views.length > 0 && arrangeViews(step, i);
    if (viewed) {
      elided[i] = true;
      return;
    }
    for (const [input, output] of step.inPlace) {
      const storage = storageOf.get(input);
      if (!storage || !made.has(output) || storageOf.has(output)) continue;
      const offset = storage.members.get(input) as number;
      const bytes = sizes.get(input) as number;
      if (bytes !== sizes.get(output) || neededLater(storage, offset, bytes, i)) continue;
      // Another output of the step has taken these bytes over.
      if ([...storage.members].some(([key, at]) => made.has(key) && at < offset + bytes && offset < at + (sizes.get(key) as number))) continue;
      // Another operand that shares these bytes would be overwritten while it is read.
      const clash = step.reads.some((r) => {
        if (r === input) return false;
        const other = storageOf.get(r);
        if (other !== storage) return false;
        const at = storage.members.get(r) as number;
        return at < offset + bytes && offset < at + (sizes.get(r) as number);
      });
      if (clash) continue;
      addMember(storage, output, offset, i);
      taken[i]!.push([input, output]);
    }
    for (const w of step.writes) if (!storageOf.has(w)) create(w, i);
  });

  /** All views of a step, or none. */
  function arrangeViews(step: PlanStep, i: number): boolean {
    const outputs = new Set(step.writes);
    const partsAreOutputs = step.views.every((v) => outputs.has(v.part));
    if (partsAreOutputs) {
      if (new Set(step.views.map((v) => v.part)).size !== outputs.size) return false;
      for (const v of step.views) {
        const weight = weightOf.get(v.whole);
        const storage = storageOf.get(v.whole);
        if (weight !== undefined) weightOf.set(v.part, weight + v.offset);
        else if (storage) addMember(storage, v.part, (storage.members.get(v.whole) as number) + v.offset, i);
        else return false;
      }
      return true;
    }
    const whole = step.writes[0];
    if (!joinParts || whole === undefined || step.writes.length !== 1 || step.views.some((v) => v.whole !== whole)) return false;
    const parts = new Set<Storage>();
    for (const v of step.views) {
      const storage = storageOf.get(v.part);
      // A part must be a whole storage of its own, so that it can be moved.
      if (!storage || parts.has(storage) || storage.members.get(v.part) !== 0 || storage.bytes !== sizes.get(v.part)) return false;
      parts.add(storage);
    }
    const joined: Storage = { bytes: sizes.get(whole) as number, from: i, to: lastUse.get(whole) ?? i, members: new Map() };
    for (const v of step.views) {
      const storage = storageOf.get(v.part) as Storage;
      for (const [key, offset] of storage.members) {
        joined.members.set(key, offset + v.offset);
        storageOf.set(key, joined);
      }
      joined.from = Math.min(joined.from, storage.from);
      joined.to = Math.max(joined.to, storage.to);
    }
    joined.members.set(whole, 0);
    storageOf.set(whole, joined);
    return true;
  }
  return { storageOf, weightOf, elided, taken, scratch };
}

function place(problem: PlanProblem, shared: Shared): MemoryPlan {
  const all: Storage[] = [...new Set(shared.storageOf.values()), ...shared.scratch.flat()];
  const live = new Array<number>(problem.steps.length + 2).fill(0);
  for (const s of all) for (let t = s.from; t <= s.to; t++) live[t + 1]! += align(s.bytes);
  const lowerBoundBytes = Math.max(0, ...live);

  const breadth = (s: Storage): number => Math.max(...live.slice(s.from + 1, s.to + 2));
  const span = (s: Storage): number => s.to - s.from + 1;
  const index = new Map(all.map((s, i) => [s, i]));
  const byIndex = (a: Storage, b: Storage): number => index.get(a)! - index.get(b)!;
  const orders: ((a: Storage, b: Storage) => number)[] = [
    (a, b) => b.bytes - a.bytes || a.from - b.from,
    (a, b) => b.bytes * span(b) - a.bytes * span(a),
    (a, b) => span(b) - span(a) || b.bytes - a.bytes,
    (a, b) => breadth(b) - breadth(a) || b.bytes - a.bytes,
    (a, b) => a.from - b.from || b.bytes - a.bytes,
    (a, b) => b.to - a.to || b.bytes - a.bytes,
  ];
  let best: { offsets: Map<Storage, number>; bytes: number; order: Storage[] } | undefined;
  const attempt = (order: Storage[]): void => {
    const result = firstFit(order);
    if (!best || result.bytes < best.bytes) best = { ...result, order };
  };
  for (const compare of orders) attempt([...all].sort((a, b) => compare(a, b) || byIndex(a, b)));
  // What the orders leave above the bound, small changes of the best order may still save.
  const random = new Random(1);
  const tries = all.length > 1 ? Math.min(2000, Math.ceil(4e6 / (all.length * all.length))) : 0;
  for (let i = 0; i < tries && best && best.bytes > lowerBoundBytes; i++) {
    const order = [...best.order];
    const from = random.below(order.length);
    const to = random.below(order.length);
    order.splice(to, 0, ...order.splice(from, 1));
    attempt(order);
  }
  const offsets = best?.offsets ?? new Map<Storage, number>();

  const locations = new Map<string, Location>();
  for (const [key, offset] of shared.weightOf) locations.set(key, { space: "weights", offset });
  for (const [key, storage] of shared.storageOf) locations.set(key, { space: "arena", offset: (offsets.get(storage) ?? 0) + (storage.members.get(key) as number) });
  const storages = all
    .map((s): StorageInfo => ({ offset: offsets.get(s) ?? 0, bytes: s.bytes, from: s.from, to: s.to, values: [...s.members.keys()] }))
    .sort((a, b) => a.from - b.from || a.offset - b.offset || a.to - b.to);
  return {
    locations,
    scratch: shared.scratch.map((list) => list.map((s) => offsets.get(s) ?? 0)),
    elided: shared.elided,
    takenInPlace: shared.taken,
    storages,
    arenaBytes: Math.max(alignment, best?.bytes ?? 0),
    lowerBoundBytes: Math.max(alignment, lowerBoundBytes),
  };
}

/** Each storage at the lowest offset that is free during its life. */
function firstFit(order: readonly Storage[]): { offsets: Map<Storage, number>; bytes: number } {
  const placed: { storage: Storage; offset: number; end: number }[] = [];
  const offsets = new Map<Storage, number>();
  let bytes = 0;
  for (const s of order) {
    const size = align(s.bytes);
    let offset = 0;
    // `placed` is kept in the order of offsets.
    for (const p of placed) {
      if (p.storage.from > s.to || p.storage.to < s.from) continue;
      if (p.offset >= offset + size) break;
      offset = Math.max(offset, p.end);
    }
    const entry = { storage: s, offset, end: offset + size };
    let at = placed.length;
    while (at > 0 && placed[at - 1]!.offset > offset) at--;
    placed.splice(at, 0, entry);
    offsets.set(s, offset);
    bytes = Math.max(bytes, entry.end);
  }
  return { offsets, bytes };
}
