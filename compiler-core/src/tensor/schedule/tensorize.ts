import { substitute } from "../expression.ts";
import type { Expression, Variable } from "../program.ts";
import { Scope } from "../simplify.ts";
import { transposedTile } from "../transposed-tile.ts";
import { bindingsAround } from "./nests.ts";
import { definePrimitive, findLoop, knownCount, replaceStatement, type Require } from "./primitive.ts";

/**
 * Two loops around a copy become one operation of the target: a tile whose rows are loaded as vectors, transposed by shuffles, and
 * stored as vectors. Where one side of a copy walks evenly and the other with a stride, no single loop is good for both. The loops
 * stay, and mean what they say where a target has no such vectors.
 */
export const tensorize = definePrimitive<{ outer: string; inner: string }>({
  name: "tensorize",
  summary: "Two loops around a copy become a square tile that is transposed in registers: both its sides are read and written as vectors.",
  parameters: { outer: "loop", inner: "loop" },
  conditions: [
    { name: "directly-nested", doc: "The outer loop contains the inner loop and nothing else." },
    { name: "serial-loop", doc: "Both loops are serial." },
    knownCount,
    { name: "square", doc: "Both loops have as many iterations as one vector has lanes: 4, 8 or 16 of 4 bytes, 8 of 2 bytes, 16 bytes. The one along which is read may have fewer where its dimension of the buffer goes on for a vector." },
    { name: "pure-copy", doc: "The inner loop contains one block, which copies elements of at most 4 bytes from one buffer to another, or zeros from some row on, and does nothing else." },
    { name: "across", doc: "One loop moves the place that is read by one element, the other one the place that is written; what else they move is the same everywhere." },
    { name: "own-elements", doc: "Each iteration writes elements of its own." },
  ],
  apply(program, args, require: Require) {
    const { statement: outer, around } = findLoop(program, args.outer);
    const inner = outer.body[0];
    require("directly-nested", outer.body.length === 1 && inner?.kind === "for" && inner.variable.name === args.inner, `${args.inner} is not alone in ${args.outer}`);
    require("serial-loop", outer.mode === "serial" && inner.mode === "serial" && !outer.prefetch && !inner.prefetch, "a loop is marked");
    require("known-count", outer.count === undefined && inner.count === undefined, "the sizes of the run decide how often a loop runs");
    let by: ReadonlyMap<Variable, Expression> = new Map();
    for (const [v, e] of bindingsAround(around)) by = new Map([...by, [v, substitute(e, by)]]);
    const scope = around.reduce((s, a) => (a.kind === "for" ? s.with(a.variable, a.extent) : s), Scope.empty);
    const tile = transposedTile(outer, by, scope);
    if ("condition" in tile) require(tile.condition, false, tile.detail);
    return replaceStatement(program, outer, [{ ...outer, mode: "transposed", body: [{ ...inner, mode: "transposed" }] }]);
  },
});
