/**
 * Sizes of cards and chips before anything is drawn, so that the layout can run in a worker. Text is measured by
 * character class: the cards shorten what does not fit, so being a few pixels off is harmless.
 */

import type { CanvasNode } from "./cards.ts";
import { CHIP_HEIGHT } from "./layout/types.ts";

const NARROW = new Set("iljtfrI.,:;'|![](){}/\\ ·-");
const WIDE = new Set("mwMW@%—");

/** Width in em of a text in Inter. */
export function textEms(text: string): number {
  let ems = 0;
  for (const c of text) {
    const code = c.codePointAt(0)!;
    if (code > 0x2e80) ems += 1;
    else if (NARROW.has(c)) ems += 0.32;
    else if (WIDE.has(c)) ems += 0.88;
    else if (c >= "A" && c <= "Z") ems += 0.68;
    else ems += 0.58;
  }
  return ems;
}

export const CARD_HEIGHT = 40;
export const CARD_HEIGHT_SINGLE = 32;
export const CARD_MIN_WIDTH = 88;
export const CARD_MAX_WIDTH = 248;

/** Widths are multiples of this, so that blocks with slightly different names still share a layout. */
const WIDTH_STEP = 8;

type Sized = Pick<CanvasNode, "op" | "title" | "subtitle" | "kind" | "badges">;

/** Size of a node's card, or of its chip when it is a constant. */
export function nodeSize(node: Sized): { width: number; height: number } {
  if (node.kind === "constant") {
    const width = textEms(node.subtitle ?? node.title) * 9.5 + 18;
    return { width: Math.max(28, Math.min(128, Math.ceil(width / 4) * 4)), height: CHIP_HEIGHT };
  }
  const badges = node.badges?.reduce((sum, badge) => sum + textEms(badge.text) * 10 + 14, 0) ?? 0;
  const first = textEms(node.op) * 12.5 * 1.04 + (node.subtitle ? textEms(node.subtitle) * 11 + 8 : 0) + badges;
  const second = node.title === "" || node.title === node.op ? 0 : Math.min(textEms(node.title) * 10.5, 176);
  const width = Math.ceil((Math.max(first, second) + 28) / WIDTH_STEP) * WIDTH_STEP;
  return {
    width: Math.max(CARD_MIN_WIDTH, Math.min(CARD_MAX_WIDTH, width)),
    height: second === 0 ? CARD_HEIGHT_SINGLE : CARD_HEIGHT,
  };
}

/** Width of a reference tag with the node's name. */
export function tagWidth(node: Pick<CanvasNode, "title" | "op">): number {
  const ems = textEms(node.title === "" ? node.op : node.title);
  return Math.max(44, Math.min(120, Math.ceil((ems * 9.5 + 26) / 4) * 4));
}

/** Shortens in the middle: the ends of a node's name are what tells it apart. */
export function shortenMiddle(text: string, ems: number): string {
  if (textEms(text) <= ems) return text;
  const chars = [...text];
  let head = 0;
  let tail = 0;
  let used = 1;
  while (head + tail < chars.length) {
    const fromTail = tail <= head * 1.3;
    const next = fromTail ? chars[chars.length - 1 - tail]! : chars[head]!;
    used += textEms(next);
    if (used > ems) break;
    if (fromTail) tail++;
    else head++;
  }
  return `${chars.slice(0, head).join("")}…${chars.slice(chars.length - tail).join("")}`;
}
