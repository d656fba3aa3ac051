/** Which lines of a tensor program and of its C belong together. */
import type { ProgramView } from "@graphwright/compiler-core";
import type { LineRange } from "../../editor/code-editor.tsx";

export type Side = "program" | "source";
const within = (line: number, [first, last]: LineRange): boolean => first <= line && line <= last;

/** The line and what is nested in it, by indentation. */
function nestOf(text: string, line: number): LineRange {
  const lines = text.split("\n");
  const indent = (each: string): number => each.search(/\S/);
  const own = indent(lines[line - 1] ?? "");
  let last = line;
  for (let next = line; own >= 0 && next < lines.length; next++) {
    const deep = indent(lines[next]!);
    if (deep >= 0 && deep <= own) break;
    if (deep > own) last = next + 1;
  }
  return [line, last];
}

/**
 * The innermost block that a line is of, on both sides; of a loop around several blocks, or of the head of the program, all
 * that is inside. Lines are counted from 1.
 */
export function linkedLines({ program, source, links }: Pick<ProgramView, "program" | "source" | "links">, side: Side, line: number): Readonly<Record<Side, readonly LineRange[]>> {
  const length = (range: LineRange): number => range[1] - range[0];
  const [best] = links.filter((link) => within(line, link[side])).sort((a, b) => length(a[side]) - length(b[side]));
  const nest = nestOf(side === "program" ? program : source, line);
  const found = best ? [best] : links.filter((link) => nest[0] <= link[side][0] && link[side][1] <= nest[1]);
  return { program: found.map((link) => link.program), source: found.map((link) => link.source) };
}
