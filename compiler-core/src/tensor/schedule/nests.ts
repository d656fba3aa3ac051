import { loop, walkStatements } from "../build.ts";
import { add, integer, loadsOf, variable } from "../expression.ts";
import type { Block, Buffer, Expression, Loop, Statement, TensorProgram, Variable } from "../program.ts";
import { bindingsOf, storesOf } from "./primitive.ts";
import type { Span } from "./region.ts";

export const contains = (s: Statement, what: Statement): boolean => {
  let found = false;
  walkStatements([s], (t) => void (found ||= t === what));
  return found;
};

/** The innermost body in which two statements stand in (or as) different statements, and where they stand. */
export function commonBody(program: TensorProgram, a: Statement, b: Statement): { readonly body: readonly Statement[]; readonly around: readonly Statement[]; readonly a: number; readonly b: number } {
  const around: Statement[] = [];
  let body = program.body;
  for (;;) {
    const at = { a: body.findIndex((s) => contains(s, a)), b: body.findIndex((s) => contains(s, b)) };
    const both = body[at.a];
    if (at.a !== at.b || !both || both === a || both === b || (both.kind !== "for" && both.kind !== "if")) return { body, around, ...at };
    around.push(both);
    body = both.kind === "for" ? both.body : contains({ kind: "for", variable: { kind: "variable", name: "" }, extent: 1, mode: "serial", body: both.then }, a) ? both.then : (both.otherwise ?? []);
  }
}

/** The loops from `root` to the block where nothing else stands in them, or undefined. */
export function plainNest(root: Statement, block: Block): readonly Loop[] | undefined {
  const loops: Loop[] = [];
  let at = root;
  while (at !== block) {
    if (at.kind !== "for" || at.body.length !== 1) return undefined;
    loops.push(at);
    at = at.body[0] as Statement;
  }
  return loops;
}

/**
 * For each dimension, the axis at which the block's one store writes: distinct spatial axes, each bound to a loop of
 * its own (undefined in a dimension of extent 1 written at 0). Undefined when the block is of another form.
 */
export function plainAxes(block: Block, loops: readonly Loop[], indices: readonly Expression[], dims: readonly number[]): readonly (Variable | undefined)[] | undefined {
  const bindings = bindingsOf(block);
  const spatial = block.axes.filter((a) => a.kind === "spatial");
  // Each spatial axis is a loop that moves nothing else; the reduce axes are whatever the other loops make of them.
  const movers = spatial.map((a) => loops.find((l) => l.variable === bindings.get(a.variable)));
  if (spatial.some((a, i) => (movers[i] ? movers.indexOf(movers[i]) !== i || movers[i].extent !== a.extent : a.extent !== 1))) return undefined;
  const axes = indices.map((i): Variable | undefined => (i.kind === "variable" ? spatial.find((a) => a.variable === i)?.variable : undefined));
  const plain = indices.every((i, d) => (axes[d] ? axes.indexOf(axes[d]) === d : dims[d] === 1 && i.kind === "integer" && i.value === 0));
  const used = spatial.every((a) => a.extent === 1 || axes.includes(a.variable));
  return plain && used && storesOf(block).length === 1 && block.body.length === 1 ? axes : undefined;
}

/** Buffers that statements write. */
export function buffersWritten(body: readonly Statement[]): Set<Buffer> {
  const found = new Set<Buffer>();
  walkStatements(body, (s) => void (s.kind === "store" && found.add(s.buffer)));
  return found;
}

/** Every load in the statements, its indices as they stand, with the statements around it. */
export function readsOf(body: readonly Statement[], buffer: Buffer, around: readonly Statement[] = []): { readonly indices: readonly Expression[]; readonly around: readonly Statement[] }[] {
  const found: { indices: readonly Expression[]; around: readonly Statement[] }[] = [];
  walkStatements(
    body,
    (s, outside) => {
      const own = s.kind === "store" ? [s.value, ...s.indices] : s.kind === "if" ? [s.condition] : s.kind === "block" ? s.bindings : [];
      for (const l of own.flatMap(loadsOf)) if (l.buffer === buffer) found.push({ indices: l.indices, around: outside });
    },
    around,
  );
  return found;
}

/** Axes of the blocks around a place, as expressions of loops. */
export const bindingsAround = (around: readonly Statement[]): Map<Variable, Expression> => new Map(around.flatMap((s) => (s.kind === "block" ? [...bindingsOf(s)] : [])));

/** A vectorized loop, or one of a transposed tile, holds one block and nothing else: no nest is put into it. */
export const takesNests = { name: "takes-nests", doc: "The loop is neither vectorized nor transposed: such a loop holds one block and nothing else." } as const;
export const holdsOneBlock = (l: Loop): boolean => l.mode === "vectorized" || l.mode === "transposed";

/** A nest that runs over parts of its loops. */
export interface PartNest {
  /** from the outermost, without bodies; a loop whose part is one iteration is left out */
  readonly loops: readonly Loop[];
  /** what stands for each old loop */
  readonly place: ReadonlyMap<Variable, Expression>;
  /** the same, counted from where the part begins; loops that keep their extent have none */
  readonly offset: ReadonlyMap<Variable, Expression>;
}

/** The loops of a nest, each over the span that is asked of it, or as it was. */
export function partNest(loops: readonly Loop[], spanOfLoop: (l: Loop) => Span | undefined): PartNest {
  const place = new Map<Variable, Expression>();
  const offset = new Map<Variable, Expression>();
  const parts = loops.flatMap((l): Loop[] => {
    const span = spanOfLoop(l);
    const v = variable(l.variable.name);
    if (span) {
      offset.set(l.variable, span.extent === 1 ? integer(0) : v);
      place.set(l.variable, add(span.base, offset.get(l.variable)!));
    } else place.set(l.variable, v);
    // Inside of other loops, iterations of these may meet: what was proven for threads at the old place is not at the new one.
    // A part of a tile is no tile.
    const serial = l.mode === "parallel" || l.mode === "worker" || l.mode === "transposed";
    return span?.extent === 1 ? [] : [loop(v, span?.extent ?? l.extent, [], serial ? "serial" : l.mode, span ? undefined : l.count)];
  });
  return { loops: parts, place, offset };
}

/** Puts a body into loops made by `partNest`. */
export const intoLoops = (loops: readonly Loop[], body: readonly Statement[]): readonly Statement[] => loops.reduceRight<readonly Statement[]>((inner, l) => [{ ...l, body: inner }], body);

/** Frees the names that a nest had at its old place, so that it keeps them at its new one. */
export function freeNames(taken: Set<string>, block: Block, loops: readonly Loop[]): void {
  for (const name of [block.name, ...block.axes.map((a) => a.variable.name), ...loops.map((l) => l.variable.name)]) taken.delete(name);
}
