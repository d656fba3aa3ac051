import { keyOf } from "./expression.ts";
import type { Loop, Statement, TensorProgram } from "./program.ts";
import { areIndependent, type NestedLoop, racesOf } from "./schedule/dependence.ts";

/** A statement of the program's body, and its loop that threads share; without one the first thread runs it. */
export interface Nest {
  readonly statement: Statement;
  readonly shared: NestedLoop | undefined;
}

/**
 * The program in stages between which threads wait for each other, or none when nothing is parallel or a local lives across
 * nests, where each thread would have its own. Nests of one stage need no waiting: they touch nothing that the other writes,
 * or an iteration of one touches only what the same iteration of the other does, which the same thread runs.
 */
export function stagesOf(program: TensorProgram): readonly (readonly Nest[])[] {
  if (program.body.some((s) => s.kind === "allocate" && !s.buffer.values)) return [];
  const stages: Nest[][] = [];
  for (const statement of nestsOf(program)) {
    const nest = { statement, shared: sharedLoop(statement) };
    const last = stages.at(-1);
    if (last?.every((n) => runTogether(n, nest))) last.push(nest);
    else stages.push([nest]);
  }
  return stages.some((s) => s.some((n) => n.shared)) ? stages : [];
}

/** The statements of a program, one nest each: a loop that runs once (a batch of one) holds as many as it has statements. */
export function nestsOf({ body }: Pick<TensorProgram, "body">): Statement[] {
  return body.flatMap((s) => {
    if (s.kind === "allocate") return [];
    const once = s.kind === "for" && s.mode === "serial" && s.extent === 1 && !s.count && !s.prefetch && !s.body.some((x) => x.kind === "allocate");
    return once ? nestsOf(s).map((inner) => ({ ...s, body: [inner] })) : [s];
  });
}

/** The parallel loop of a nest that threads may share: around it are only loops, which all of them run. */
function sharedLoop(top: Statement): NestedLoop | undefined {
  const around: Loop[] = [];
  let at: Statement | undefined = top;
  while (at?.kind === "for" && at.mode === "serial") {
    around.push(at);
    at = at.body.length === 1 ? at.body[0] : undefined;
  }
  return at?.kind === "for" && (at.mode === "parallel" || at.mode === "worker") && at.extent > 1 ? { loop: at, around } : undefined;
}

/** Does a part of one loop have the same iterations as that part of the other? */
const sameShares = (a: Loop, b: Loop): boolean => a.extent === b.extent && (a.count && keyOf(a.count)) === (b.count && keyOf(b.count));

function runTogether(a: Nest, b: Nest): boolean {
  if (!a.shared && !b.shared) return true;
  if (a.shared && b.shared && sameShares(a.shared.loop, b.shared.loop) && racesOf(a.shared, b.shared) === undefined) return true;
  return areIndependent(a.statement, b.statement);
}
