import { freshName, loop } from "../build.ts";
import { substitute, variable } from "../expression.ts";
import type { Axis, Block, Expression, Loop, Statement, Variable } from "../program.ts";
import { bindingsOf } from "./primitive.ts";

/**
 * A nest over the elements that a block writes: the loops given, which move its spatial axes, and the axes under names of their own.
 * `body` makes the new block's statements from the fresh loops, in order, and from what stands for the old loops and axes.
 */
export function spatialCopy(block: Block, name: string, loops: readonly Loop[], taken: Set<string>, body: (own: readonly Variable[], by: ReadonlyMap<Variable, Expression>) => readonly Statement[]): readonly Statement[] {
  const by = new Map<Variable, Expression>();
  const own = loops.map((l) => {
    const v = variable(freshName(l.variable.name, taken));
    by.set(l.variable, v);
    return v;
  });
  const bindings = bindingsOf(block);
  const spatial = block.axes.filter((a) => a.kind === "spatial");
  const outside = spatial.map((a) => substitute(bindings.get(a.variable) as Expression, by));
  const axes = spatial.map((a): Axis => {
    const v = variable(freshName(a.variable.name, taken));
    by.set(a.variable, v);
    return { ...a, variable: v };
  });
  const made: Block = { kind: "block", name: freshName(name, taken), axes, bindings: outside, body: body(own, by) };
  return loops.reduceRight<readonly Statement[]>((inner, l, i) => [loop(own[i]!, l.extent, inner, l.mode, l.count)], [made]);
}
