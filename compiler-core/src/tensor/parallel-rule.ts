import { byteSize } from "../ir/element-type.ts";
import { elementCount } from "../ir/value-type.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { accessesOf, coefficient } from "./access.ts";
import { walkStatements } from "./build.ts";
import { loadsOf, substitute, variablesOf } from "./expression.ts";
import type { Buffer, Expression, Loop, Statement, TensorProgram, Variable } from "./program.ts";
import { bind, keepsWorkers } from "./schedule/bind.ts";
import { parallel } from "./schedule/parallel.ts";
import { Schedule } from "./schedule/schedule.ts";
import { nestsOf, stagesOf } from "./stages.ts";

/** Elements stored and loaded below which a nest is not worth sharing: a few microseconds of vector code, as measured on whole networks. */
export const parallelWork = 1 << 15;
/** Elements of a cache line: parts of fewer neighbouring elements would have threads write the same lines. */
const lineElements = 16;
/** Parts of a bundle's loops for two threads. */
const usualParts = 8;
/** From here on a loop divides evenly enough. */
const even = 0.95;

/**
 * Marks one loop of each nest of a scheduled program parallel, where its work reaches `least`: one that divides evenly among
 * two and four threads, or else the one that divides best; of several the one by which each thread reads the fewest bytes
 * (rows of a large image, panels of large weights). Loops around it are all run by every thread, so they hold nothing else.
 * Smaller nests follow where threads need not wait for it. Neighbouring nests in which an iteration needs only what the same one
 * made are bound to workers instead. A program with memory of its own outside the loops stays on one thread.
 */
export function scheduleParallel(program: TensorProgram, least = parallelWork): Schedule {
  const schedule = new Schedule(program);
  if (program.body.some((s) => s.kind === "allocate" && !s.buffer.values)) return schedule;
  bindNeighbours(schedule, least);
  const nests = nestsOf(schedule.program).filter((s): s is Loop => s.kind === "for" && s.mode === "serial");
  for (const top of nests) if (workOf(top) >= least) for (const loop of candidates(top)) if (attempt(() => schedule.apply(parallel, { loop: loop.variable.name }))) break;
  if (schedule.steps.length === 0) return schedule;
  for (const top of nests) {
    if (workOf(top) >= least) continue;
    for (const loop of candidates(top)) {
      const before = schedule.program;
      const trial = new Schedule(before);
      if (!attempt(() => trial.apply(parallel, { loop: loop.variable.name })) || stagesOf(trial.program).length > stagesOf(before).length) continue;
      schedule.apply(parallel, { loop: loop.variable.name });
      break;
    }
  }
  return schedule;
}

/** Neighbouring nests of the same outer loop, each iteration of which needs only what the same one made: no thread waits between them. */
function bindNeighbours(schedule: Schedule, least: number): void {
  const tops = schedule.program.body.filter((s) => s.kind !== "allocate");
  for (let i = 0; i < tops.length; ) {
    const group: Loop[] = [];
    for (let at = tops[i]; at?.kind === "for" && at.mode === "serial" && keepsWorkers([...group, at]); at = tops[i + group.length]) group.push(at);
    i += Math.max(1, group.length);
    const extent = group[0]?.extent ?? 0;
    if (group.length < 2 || extent < 2 || (evenness(extent, 2) + evenness(extent, 4)) / 2 < 0.95 || group.reduce((n, l) => n + workOf(l), 0) < least) continue;
    attempt(() => {
      for (const { variable } of group) schedule.apply(bind, { loop: variable.name, axis: "worker" });
    });
  }
}

/** A step that is not legal is not taken. */
function attempt(step: () => void): boolean {
  try {
    step();
    return true;
  } catch (error) {
    if (!(error instanceof GraphwrightError)) throw error;
    return false;
  }
}

/** Loops of a nest that threads could share, the best first. */
function candidates(top: Loop): Loop[] {
  const chain: Loop[] = [];
  for (let at: Statement | undefined = top; at?.kind === "for" && at.mode === "serial"; at = at.body.length === 1 ? at.body[0] : undefined) chain.push(at);
  return chain
    .map((loop, depth) => ({ loop, depth, share: Math.min(even, (evenness(loop.extent, 2) + evenness(loop.extent, 4)) / 2), bytes: bytesRead(top, loop.variable) }))
    .filter((c) => c.loop.extent >= 2 && fillsLines(top, c.loop))
    .sort((a, b) => b.share - a.share || a.bytes - b.bytes || a.depth - b.depth)
    .map((c) => c.loop);
}

/** Of the time of n threads, the part in which they work. */
const evenness = (extent: number, n: number): number => extent / (n * Math.ceil(extent / n));

/** Calls `visit` for each store of a nest, with its axes as expressions of loops. */
function eachStore(top: Loop, visit: (store: Extract<Statement, { kind: "store" }>, bindings: ReadonlyMap<Variable, Expression>, around: readonly Statement[]) => void): void {
  walkStatements([top], (s, around) => {
    if (s.kind !== "store") return;
    let by = new Map<Variable, Expression>();
    for (const a of around) if (a.kind === "block") by = new Map([...by, ...a.axes.map((x, i) => [x.variable, substitute(a.bindings[i] as Expression, by)] as const)]);
    visit(s, by, around);
  });
}

/** Bytes that each of two threads reads when they share the loop of this variable. */
function bytesRead(top: Loop, v: Variable): number {
  const moved = new Map<Buffer, boolean>();
  eachStore(top, (s, by) => {
    for (const l of loadsOf(s.value)) if (l.buffer.scope !== "local") moved.set(l.buffer, (moved.get(l.buffer) ?? false) || l.indices.some((i) => variablesOf(substitute(i, by)).has(v)));
  });
  return [...moved].reduce((sum, [b, divided]) => sum + byteSize(b.element, elementCount(b.dims)) / (divided ? 2 : 1), 0);
}

/** Does each thread write whole cache lines when they share the loop? */
function fillsLines(top: Loop, loop: Loop): boolean {
  let fills = true;
  walkStatements([top], (s, around) => {
    if (s.kind !== "block" || s.body.some((x) => x.kind === "store" && x.buffer.scope === "local")) return;
    for (const a of accessesOf(s, around.filter((x): x is Loop => x.kind === "for"))) {
      const step = a.writes ? coefficient(a.offset, loop.variable) : undefined;
      if (step !== undefined && Math.abs(step) * Math.max(1, loop.extent / usualParts) < lineElements) fills = false;
    }
  });
  return fills;
}

function workOf(top: Loop): number {
  let work = 0;
  walkStatements([top], (s, around) => {
    if (s.kind === "store") work += around.reduce((n, a) => (a.kind === "for" ? n * a.extent : n), 1) * (1 + loadsOf(s.value).length);
  });
  return work;
}
