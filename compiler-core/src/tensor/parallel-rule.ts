import { GraphwrightError } from "../support/diagnostic.ts";
import { walkStatements } from "./build.ts";
import { loadsOf } from "./expression.ts";
import type { Loop, Statement, TensorProgram } from "./program.ts";
import { bind, keepsWorkers } from "./schedule/bind.ts";
import { parallel } from "./schedule/parallel.ts";
import { Schedule } from "./schedule/schedule.ts";

/** Elements stored and loaded below which a nest is not worth sharing: a few microseconds of vector code, as measured on whole networks. */
export const parallelWork = 1 << 15;

/**
 * Marks one loop of each nest of a scheduled program parallel, where its work reaches `least`: the outermost loop that
 * divides evenly among two and four threads, or else the one that divides best. Loops around it are all run by every
 * thread, so they hold nothing else. Neighbouring nests in which an iteration needs only what the same one made are bound
 * to workers instead. A program with memory of its own outside the loops stays on one thread.
 */
export function scheduleParallel(program: TensorProgram, least = parallelWork): Schedule {
  const schedule = new Schedule(program);
  if (program.body.some((s) => s.kind === "allocate" && !s.buffer.values)) return schedule;
  bindNeighbours(schedule, least);
  for (const top of schedule.program.body) {
    if (top.kind !== "for" || top.mode !== "serial" || workOf(top) < least) continue;
    const chain: Loop[] = [];
    for (let at: Statement | undefined = top; at?.kind === "for" && at.mode === "serial"; at = at.body.length === 1 ? at.body[0] : undefined) chain.push(at);
    const order = chain
      .map((loop, depth) => ({ loop, depth, share: loop.extent < 2 ? 0 : (evenness(loop.extent, 2) + evenness(loop.extent, 4)) / 2 }))
      .filter((c) => c.share > 0)
      .sort((a, b) => Math.min(b.share, 0.95) - Math.min(a.share, 0.95) || a.depth - b.depth);
    order.some(({ loop }) => attempt(() => schedule.apply(parallel, { loop: loop.variable.name })));
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

/** Of the time of n threads, the part in which they work. */
const evenness = (extent: number, n: number): number => extent / (n * Math.ceil(extent / n));

function workOf(top: Loop): number {
  let work = 0;
  walkStatements([top], (s, around) => {
    if (s.kind === "store") work += around.reduce((n, a) => (a.kind === "for" ? n * a.extent : n), 1) * (1 + loadsOf(s.value).length);
  });
  return work;
}
