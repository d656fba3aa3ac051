import { GraphwrightError } from "../support/diagnostic.ts";
import { walkStatements } from "./build.ts";
import { loadsOf } from "./expression.ts";
import type { Loop, Statement, TensorProgram } from "./program.ts";
import { parallel } from "./schedule/parallel.ts";
import { Schedule } from "./schedule/schedule.ts";

/** Elements stored and loaded below which a nest is not worth sharing: a few microseconds of vector code, as measured on whole networks. */
export const parallelWork = 1 << 15;

/**
 * Marks one loop of each nest of a scheduled program parallel, where its work reaches `least`: the outermost loop that
 * divides evenly among two and four threads, or else the one that divides best. Loops around it are all run by every
 * thread, so they hold nothing else. A program with memory of its own outside the loops stays on one thread.
 */
export function scheduleParallel(program: TensorProgram, least = parallelWork): Schedule {
  const schedule = new Schedule(program);
  if (program.body.some((s) => s.kind === "allocate" && !s.buffer.values)) return schedule;
  for (const top of program.body) {
    if (top.kind !== "for" || workOf(top) < least) continue;
    const chain: Loop[] = [];
    for (let at: Statement | undefined = top; at?.kind === "for" && at.mode === "serial"; at = at.body.length === 1 ? at.body[0] : undefined) chain.push(at);
    const order = chain
      .map((loop, depth) => ({ loop, depth, share: loop.extent < 2 ? 0 : (evenness(loop.extent, 2) + evenness(loop.extent, 4)) / 2 }))
      .filter((c) => c.share > 0)
      .sort((a, b) => Math.min(b.share, 0.95) - Math.min(a.share, 0.95) || a.depth - b.depth);
    for (const { loop } of order) {
      try {
        schedule.apply(parallel, { loop: loop.variable.name });
        break;
      } catch (error) {
        if (!(error instanceof GraphwrightError)) throw error;
      }
    }
  }
  return schedule;
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
