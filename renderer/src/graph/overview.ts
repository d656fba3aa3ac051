/** The far view: blocks in family colours, painted on a canvas. Costs the same for 500 and for 50,000 nodes. */

import { shortenMiddle, textEms } from "../../../picture/src/index.ts";
import type { Palette } from "./palette.ts";
import { groupAt, isGroup, nodeAt, type Scene } from "./scene.ts";

export interface View {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

export interface OverviewState {
  readonly selected: ReadonlySet<number>;
  readonly hovered: number;
}

/** More than this many blocks or edges in view are sampled: they would fall on the same pixels. */
const MAX_BLOCKS = 5_000;
const MAX_EDGES = 2_500;
/** How strongly a card takes the colour of its heat: as much as its text stays readable. */
const heatOfCard = 0.45;

export function paintOverview(
  context: CanvasRenderingContext2D,
  scene: Scene,
  view: View,
  size: { readonly width: number; readonly height: number; readonly ratio: number },
  palette: Palette,
  state: OverviewState,
): void {
  const { zoom } = view;
  const { rects, layout } = scene;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, size.width * size.ratio, size.height * size.ratio);
  context.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);

  const minX = -view.x / zoom;
  const minY = -view.y / zoom;
  const maxX = minX + size.width / zoom;
  const maxY = minY + size.height / zoom;
  const sx = (x: number): number => x * zoom + view.x;
  const sy = (y: number): number => y * zoom + view.y;

  const blocks: number[] = [];
  const frames: number[] = [];
  const nodeCount = layout.nodes.ids.length;
  scene.boxes.query(minX, minY, maxX, maxY, (box) => {
    if (box < nodeCount) blocks.push(box);
    else if (!groupAt(scene, box).expanded) blocks.push(box);
    else if (rects[box * 4 + 2]! * zoom >= 4 && rects[box * 4 + 3]! * zoom >= 4) frames.push(box);
  });

  // Frames, outer first.
  frames.sort((a, b) => groupAt(scene, a).depth - groupAt(scene, b).depth);
  for (const box of frames) {
    const w = rects[box * 4 + 2]! * zoom;
    const h = rects[box * 4 + 3]! * zoom;
    const x = sx(rects[box * 4]!);
    // Very tall frames are clipped by hand: coordinates in the millions are not exact.
    const top = Math.max(-20, sy(rects[box * 4 + 1]!));
    const bottom = Math.min(size.height + 20, sy(rects[box * 4 + 1]!) + h);
    context.fillStyle = palette.color("--color-group");
    context.strokeStyle = palette.color("--color-group-line");
    context.lineWidth = 1;
    context.beginPath();
    context.roundRect(x, top, w, bottom - top, Math.min(8, 12 * zoom));
    context.fill();
    context.stroke();
    const font = 11;
    if (w > 70 && top > -20 && h > 60) {
      const { title } = groupAt(scene, box);
      context.font = `600 ${font}px ${palette.color("--font-sans")}`;
      context.fillStyle = palette.color("--color-group-title");
      context.textBaseline = "alphabetic";
      context.fillText(shortenMiddle(title, (w - 12) / font), x + 6, top + 14);
    }
  }

  // Edges, thinned out when they are too many to be told apart.
  const { points, offsets } = layout.edges;
  const visible: number[] = [];
  if (zoom > 0.03) scene.edges.query(minX, minY, maxX, maxY, (e) => visible.push(e));
  if (visible.length > 0) {
    const stride = Math.ceil(visible.length / MAX_EDGES);
    context.strokeStyle = palette.color("--color-edge");
    context.lineWidth = Math.max(0.5, 1.3 * zoom);
    context.globalAlpha = stride > 1 ? 0.5 : 0.85;
    context.beginPath();
    for (let k = 0; k < visible.length; k += stride) {
      const e = visible[k]!;
      let i = offsets[e]!;
      let px = sx(points[i * 2]!);
      let py = sy(points[i * 2 + 1]!);
      context.moveTo(px, py);
      for (i++; i < offsets[e + 1]!; i++) {
        const x = sx(points[i * 2]!);
        const y = sy(points[i * 2 + 1]!);
        if (Math.abs(x - px) < 1 || zoom < 0.12) context.lineTo(x, y);
        else context.bezierCurveTo(px, (py + y) / 2, x, (py + y) / 2, x, y);
        px = x;
        py = y;
      }
    }
    context.stroke();
    context.globalAlpha = 1;
  }

  // Blocks by colour, so that the fill changes a dozen times and not once a block.
  const stride = Math.ceil(blocks.length / MAX_BLOCKS);
  const byColor = new Map<number, number[]>();
  const marked: number[] = [];
  const { token, tokens, flags, heats } = scene;
  for (let k = 0; k < blocks.length; k++) {
    const box = blocks[k]!;
    if (flags[box] === 2) marked.push(box);
    if (k % stride !== 0) continue;
    const warm = heats?.[box];
    const key = warm !== undefined && !Number.isNaN(warm) ? -1 - Math.round(warm * 4) : token[box]! * 2 + (flags[box] === 1 ? 1 : 0);
    const list = byColor.get(key);
    if (list === undefined) byColor.set(key, [box]);
    else list.push(box);
  }
  const cards = zoom > 0.16;
  for (const [key, list] of byColor) {
    const color = palette.color(key < 0 ? `--heat-${-1 - key}` : tokens[key >> 1]!);
    context.globalAlpha = key >= 0 && key % 2 === 1 ? 0.25 : 1;
    if (cards) {
      context.fillStyle = palette.color("--color-surface");
      context.strokeStyle = palette.color("--color-line-strong");
      context.lineWidth = 0.75;
      context.beginPath();
      for (const box of list) {
        context.roundRect(sx(rects[box * 4]!), sy(rects[box * 4 + 1]!), rects[box * 4 + 2]! * zoom, rects[box * 4 + 3]! * zoom, 5 * zoom);
      }
      context.fill();
      if (key < 0) {
        context.globalAlpha = heatOfCard;
        context.fillStyle = color;
        context.fill();
        context.globalAlpha = 1;
      }
      context.stroke();
    }
    context.fillStyle = color;
    for (const box of list) {
      const w = cards ? Math.max(2, 5 * zoom) : Math.max(1.5, rects[box * 4 + 2]! * zoom);
      const h = Math.max(1, rects[box * 4 + 3]! * zoom);
      context.fillRect(sx(rects[box * 4]!), sy(rects[box * 4 + 1]!), w, h);
    }
  }
  context.globalAlpha = 1;

  if (zoom > 0.24 && blocks.length < 1_500) {
    const font = Math.max(7, 13.5 * zoom + 0.5);
    context.font = `600 ${font}px ${palette.color("--font-sans")}`;
    context.textBaseline = "middle";
    context.fillStyle = palette.color("--color-text");
    for (const box of blocks) {
      const w = rects[box * 4 + 2]! * zoom;
      const text = isGroup(scene, box) ? groupAt(scene, box).title : (nodeAt(scene, box)?.op ?? "");
      const room = (w - 14 * zoom) / font;
      // Too small for an ellipsis: the first letters say more.
      let shown = text;
      while (shown.length > 1 && textEms(shown) > room) shown = shown.slice(0, -1);
      context.fillText(shown, sx(rects[box * 4]!) + 10 * zoom, sy(rects[box * 4 + 1]!) + (rects[box * 4 + 3]! * zoom) / 2);
    }
  }

  // What must be found again at any distance: changes, then the selection.
  const outline = (box: number, color: string, width: number): void => {
    const w = Math.max(6, rects[box * 4 + 2]! * zoom);
    const h = Math.max(3, rects[box * 4 + 3]! * zoom);
    context.strokeStyle = color;
    context.lineWidth = width;
    context.beginPath();
    context.roundRect(sx(rects[box * 4]!) - 1.5, sy(rects[box * 4 + 1]!) - 1.5, w + 3, h + 3, Math.min(4, 6 * zoom + 1));
    context.stroke();
  };
  const mark: Record<string, string> = { added: "+", removed: "−", changed: "~" };
  for (const box of marked) {
    const diff = isGroup(scene, box) ? scene.data.groups?.get(groupAt(scene, box).id)?.diff : nodeAt(scene, box)?.diff;
    const color = palette.color(`--state-${diff}`);
    outline(box, color, 1.5);
    if (zoom > 0.1) {
      context.fillStyle = color;
      context.font = `700 11px ${palette.color("--font-mono")}`;
      context.textBaseline = "middle";
      context.fillText(mark[diff!]!, sx(rects[box * 4]!) - 11, sy(rects[box * 4 + 1]!) + (rects[box * 4 + 3]! * zoom) / 2);
    }
  }
  if (state.hovered >= 0) outline(state.hovered, palette.color("--color-accent-line"), 1.5);
  for (const box of state.selected) outline(box, palette.color("--color-accent"), 2.5);
}
