import { byteSize } from "../ir/element-type.ts";
import { elementCount } from "../ir/value-type.ts";
import { accessesOf } from "./access.ts";
import { walkStatements } from "./build.ts";
import { keyOf, loadsOf, sameExpression } from "./expression.ts";
import type { Buffer, Loop, TensorProgram } from "./program.ts";
import { fromLinear } from "./simplify.ts";

const bytesOf = (b: Buffer): number => byteSize(b.element, elementCount(b.dims));

/**
 * Pairs of an input and an output that may be the same memory: each element of the output is written once, and
 * whenever an element of the input is read, then by the block that writes just that element of the output, or by a
 * nest that ends before the first one that writes.
 */
export function inPlaceInputs(program: TensorProgram): (readonly [input: Buffer, output: Buffer])[] {
  const pairs: (readonly [Buffer, Buffer])[] = [];
  const outputs = program.parameters.filter((p) => p.scope === "output");
  for (const output of outputs)
    for (const input of program.parameters)
      if (input.scope === "input" && bytesOf(input) === bytesOf(output) && byteSize(input.element, 1) === byteSize(output.element, 1) && sameShape(input, output) && mayShare(program, input, output))
        pairs.push([input, output]);
  return pairs;
}

/** Of equal size also when the run gives the sizes. */
const sameShape = (a: Buffer, b: Buffer): boolean => (!a.shape && !b.shape) || (a.shape?.length === b.shape?.length && a.shape!.every((e, d) => sameExpression(e, b.shape![d]!)));

function mayShare(program: TensorProgram, input: Buffer, output: Buffer): boolean {
  // What a condition between blocks reads, and what is written where data decide, has no place to compare.
  let unclear = false;
  walkStatements(program.body, (s) => {
    if (s.kind === "if") unclear ||= loadsOf(s.condition).some((l) => l.buffer === input);
    if (s.kind === "store" && s.buffer === output) unclear ||= s.indices.some((i) => loadsOf(i).length > 0);
  });
  if (unclear) return false;
  let writing = false;
  let points = 0;
  for (const top of program.body) {
    let writes = false;
    let uneven = false;
    walkStatements([top], (s, around) => {
      if (s.kind !== "block") return;
      const loops = around.filter((a): a is Loop => a.kind === "for");
      const accesses = accessesOf(s, loops);
      const stored = accesses.filter((a) => a.writes && a.buffer === output).map((a) => keyOf(fromLinear(a.offset)));
      const loaded = accesses.filter((a) => !a.writes && a.buffer === input).map((a) => keyOf(fromLinear(a.offset)));
      if (stored.length > 0) {
        writes = true;
        points += stored.length * loops.reduce((n, l) => n * l.extent, 1);
      }
      if (loaded.length > 0 && (stored.length === 0 || new Set([...stored, ...loaded]).size !== 1)) uneven = true;
    });
    if (uneven && (writing || writes)) return false;
    if (writes) writing = true;
  }
  return points === elementCount(output.dims);
}
