import type { LayoutResult } from "./layout/index.ts";

/** Width of an edge in pixels that shows the bytes it carries, in halves; the common width where they are not known. */
export const edgeWidth = (bytes: number | undefined): number =>
  bytes === undefined ? 1.25 : Math.round(Math.max(1, Math.min(7, Math.log2(1 + bytes / 4096) * 0.55)) * 2) / 2;

/** True when a value's routes, `lead` the first, leave to the right and none to the left: its label then goes to the left. */
export function turnsRight({ edges }: LayoutResult, lead: number): boolean {
  const { from, fromPort, offsets, points } = edges;
  let right = false;
  for (let e = lead; e < from.length && from[e] === from[lead] && fromPort[e] === fromPort[lead]; e++) {
    const i = offsets[e]!;
    const turn = points[i * 2 + 2]! - points[i * 2]!;
    if (turn < -1) return false;
    if (turn > 1 && points[i * 2 + 3]! - points[i * 2 + 1]! < 120) right = true;
  }
  return right;
}
