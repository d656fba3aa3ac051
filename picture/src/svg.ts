/**
 * A picture as an SVG file. It stands alone: literal colours, fonts by name with fallbacks, text shortened by the same
 * measure as the cards of the window, and no script. Viewers that know no Inter put their own sans-serif in its place;
 * `textLength` is not used, so that letters keep their shape.
 */

import type { CanvasBadge, CanvasData, CanvasEdge, CanvasGroup, CanvasNode, DiffMark } from "./cards.ts";
import { edgeWidth, turnsRight } from "./edges.ts";
import { routePath, type Bounds, type LayoutResult, type NodeKey, type PlacedGroup } from "./layout/index.ts";
import { shortenMiddle, textEms } from "./measure.ts";
import { closedBadges } from "./cards.ts";
import { heatColor, mix, themeColors, type Colors, type ColorToken, type ThemeName } from "./palette.ts";

export interface SvgTexts {
  /** "12 nodes" */
  readonly nodes: (count: number) => string;
}

export const englishSvgTexts: SvgTexts = { nodes: (count) => (count === 1 ? "1 node" : `${count.toLocaleString("en")} nodes`) };

export interface SvgOptions {
  readonly theme: ThemeName;
  /** `title` of the file: what a screen reader says of it */
  readonly title: string;
  readonly texts: SvgTexts;
  /** the part that is drawn, in the layout's pixels; absent: all of it, with a margin */
  readonly part?: Bounds | undefined;
  readonly widthByBytes?: boolean;
  /** nodes with the ring of what is selected */
  readonly selected?: ReadonlySet<NodeKey>;
  /** more style, for example fonts that are embedded */
  readonly style?: string;
}

export const sansFamily = `Inter, "Inter Variable", "Noto Sans SC", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif`;
export const monoFamily = `"JetBrains Mono", "JetBrains Mono Variable", ui-monospace, monospace`;
const pictureMargin = 24;
/** Boxes between two pieces of text. */
const perPiece = 200;

/** For text and attributes; characters that XML does not allow are left out. */
export function escapeXml(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "").replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);
}

/** What the file shows, in the layout's pixels. */
export function svgBounds(layout: LayoutResult, part: Bounds | undefined): Bounds {
  if (part) return part;
  const { bounds } = layout;
  // Tags and chips may stand out to the right of the last box.
  let right = bounds.x + bounds.width;
  const { rects } = layout.chips;
  for (let c = 0; c < rects.length; c += 4) right = Math.max(right, rects[c]! + rects[c + 2]!);
  return { x: bounds.x - pictureMargin, y: bounds.y - pictureMargin, width: Math.max(1, right - bounds.x) + 2 * pictureMargin, height: Math.max(1, bounds.height) + 2 * pictureMargin };
}

const n = (value: number): string => String(Math.round(value * 10) / 10);
const marks: Readonly<Record<Exclude<DiffMark, "unchanged">, string>> = { added: "+", removed: "−", changed: "~" };
type Changed = keyof typeof marks;
const changed = (diff: DiffMark | undefined): Changed | undefined => (diff === "unchanged" ? undefined : diff);

function styleOf(colors: Colors): string {
  const color = (token: ColorToken): string => colors[token];
  const lines = [
    `text{font-family:${sansFamily};fill:${color("color-text")}}`,
    `.op{font-size:12.5px;font-weight:600}`,
    `.de{font-size:11px;font-weight:400;fill:${color("color-text-muted")}}`,
    `.na{font-size:10.5px;fill:${color("color-text-faint")}}`,
    `.nm{font-size:10.5px;fill:${color("color-text-muted")}}`,
    `.ch{font-family:${monoFamily};font-size:9.5px;text-anchor:middle;letter-spacing:-.02em;fill:${color("color-text-muted")}}`,
    `.ta{font-size:9.5px;fill:${color("color-accent-text")}}`,
    `.la{font-family:${monoFamily};font-size:10px;letter-spacing:-.02em;fill:${color("color-edge-label")};stroke:${color("color-canvas")};stroke-width:3px;stroke-linejoin:round;paint-order:stroke}`,
    `.gt{font-size:11.5px;font-weight:600;fill:${color("color-group-title")}}`,
    `.gn{font-size:10px;font-weight:400;fill:${color("color-text-faint")}}`,
    `.re{font-family:${monoFamily};font-size:10px;font-weight:400;fill:${color("color-text-faint")}}`,
    `.ba{font-size:10px;font-weight:500;text-anchor:middle}`,
    `.ma{font-family:${monoFamily};font-size:12px;font-weight:700;text-anchor:middle;fill:${color("color-surface")}}`,
    `.ed{fill:none}`,
    `.mid{text-anchor:middle}.end{text-anchor:end}`,
  ];
  return lines.join("");
}

/** The file in pieces, so that the caller may stop between two of them. */
export function* svgPieces(layout: LayoutResult, data: CanvasData, options: SvgOptions): Generator<string, void, void> {
  const colors = themeColors[options.theme];
  const view = svgBounds(layout, options.part);
  // Coordinates near zero: some renderers count in 32 bits, and graphs are up to millions of pixels tall.
  const [ox, oy] = [-view.x, -view.y];
  const shown = (x: number, y: number, width: number, height: number): boolean => x < view.width && y < view.height && x + width > 0 && y + height > 0;
  yield `<svg xmlns="http://www.w3.org/2000/svg" width="${n(view.width)}" height="${n(view.height)}" viewBox="0 0 ${n(view.width)} ${n(view.height)}" role="img">\n<title>${escapeXml(options.title)}</title>\n<style>${options.style === undefined ? "" : escapeXml(options.style)}${escapeXml(styleOf(colors))}</style>\n<rect width="${n(view.width)}" height="${n(view.height)}" fill="${colors["color-canvas"]}"/>\n`;

  // Open groups, outermost first.
  const groupCount = layout.groups.length;
  const open = layout.groups.flatMap((group, g) => (group.expanded ? [g] : [])).sort((a, b) => layout.groups[a]!.depth - layout.groups[b]!.depth);
  let piece: string[] = [];
  const full = (): boolean => piece.length >= perPiece;
  const flush = (): string => {
    const text = `${piece.join("\n")}\n`;
    piece = [];
    return text;
  };
  for (const g of open) {
    const group = layout.groups[g]!;
    if (!shown(group.x + ox, group.y + oy, group.width, group.height)) continue;
    piece.push(frame(group, group.x + ox, group.y + oy, data.groups?.get(group.id), colors));
    if (full()) yield flush();
  }
  // Edges lie over the frames.
  if (piece.length > 0) yield flush();

  // Edges: a path for each style in a piece, and the labels above them.
  const { from, fromPort, offsets, points, ids } = layout.edges;
  const labels: string[] = [];
  let strands = new Map<string, { readonly edge: CanvasEdge | undefined; readonly width: number; lines: string; heads: string }>();
  const strandText = (): string => {
    const text = [...strands.values()].map(({ edge, width, lines, heads }) => {
      const diff = changed(edge?.diff);
      const stroke = diff ? colors[`state-${diff}`] : colors["color-edge"];
      return `<g${edge?.dimmed ? ' opacity=".3"' : ""}><path class="ed" stroke="${stroke}" stroke-width="${width}"${diff === "removed" ? ' stroke-dasharray="4 3"' : ""} d="${lines}"/><path fill="${stroke}" d="${heads}"/></g>\n`;
    });
    strands = new Map();
    return text.join("");
  };
  for (let e = 0; e < from.length; e++) {
    const [start, end] = [offsets[e]!, offsets[e + 1]!];
    const local = points.slice(start * 2, end * 2);
    let [minX, maxX] = [Infinity, -Infinity];
    for (let i = 0; i < local.length; i += 2) {
      local[i]! += ox;
      local[i + 1]! += oy;
      minX = Math.min(minX, local[i]!);
      maxX = Math.max(maxX, local[i]!);
    }
    if (local.length < 4 || !shown(minX - 4, local[1]! - 4, maxX - minX + 8, local[local.length - 1]! - local[1]! + 8)) continue;
    const edge = data.edges?.get(ids[e]!);
    const width = edgeWidth(options.widthByBytes ? edge?.bytes : undefined);
    const key = `${edge?.diff ?? ""} ${edge?.dimmed === true} ${width}`;
    let strand = strands.get(key);
    if (!strand) strands.set(key, (strand = { edge, width, lines: "", heads: "" }));
    strand.lines += routePath(local, 0, local.length / 2);
    strand.heads += `M${n(local[local.length - 2]!)} ${n(local[local.length - 1]! - 0.5)}l-3.6 -6.5h7.2z`;
    const lead = e === 0 || from[e] !== from[e - 1] || fromPort[e] !== fromPort[e - 1];
    if (lead && edge?.label !== undefined && edge.label !== "") {
      const left = turnsRight(layout, e);
      labels.push(`<text class="la${left ? " end" : ""}" x="${n(local[0]! + (left ? -7 : 7))}" y="${n(local[1]! + (from[e]! >= layout.nodes.ids.length ? 17 : 14))}"${edge.dimmed ? ' opacity=".3"' : ""}>${escapeXml(edge.label)}</text>`);
    }
    if (e % 500 === 499) yield strandText();
  }
  yield strandText();
  // Titles are readable where edges cross them.
  for (const g of open) {
    const group = layout.groups[g]!;
    if (!shown(group.x + ox, group.y + oy, group.width, 26)) continue;
    piece.push(frameTitle(group, group.x + ox, group.y + oy, data.groups?.get(group.id), colors));
    if (full()) yield flush();
  }

  // Chips by host, boxes over edges.
  const nodeCount = layout.nodes.ids.length;
  const chipsOf = new Map<number, number[]>();
  layout.chips.hosts.forEach((host, c) => {
    const list = chipsOf.get(host);
    if (list) list.push(c);
    else chipsOf.set(host, [c]);
  });
  for (let box = 0; box < nodeCount + groupCount; box++) {
    const group = box < nodeCount ? undefined : layout.groups[box - nodeCount]!;
    if (group?.expanded) continue;
    const [x, y, width, height] = group ? [group.x + ox, group.y + oy, group.width, group.height] : [layout.nodes.rects[box * 4]! + ox, layout.nodes.rects[box * 4 + 1]! + oy, layout.nodes.rects[box * 4 + 2]!, layout.nodes.rects[box * 4 + 3]!];
    const own = chipsOf.get(box) ?? [];
    const reach = own.reduce((right, c) => Math.max(right, layout.chips.rects[c * 4]! + ox + layout.chips.rects[c * 4 + 2]!), x + width);
    if (!shown(x - 9, y - 9, reach - x + 9, height + 16)) continue;
    if (own.length > 0) piece.push(chips(layout, own, data, x, y, width, height, ox, oy, colors));
    const node = group ? undefined : data.nodes.get(layout.nodes.ids[box]!);
    const key = group ? undefined : layout.nodes.ids[box]!;
    const ring = key !== undefined && options.selected?.has(key) === true;
    if (group) piece.push(closedGroup(group, x, y, data.groups?.get(group.id), colors, options.texts));
    else if (node) piece.push(card(node, x, y, width, height, colors, ring));
    if (full()) yield flush();
  }
  if (piece.length > 0) yield flush();
  for (let at = 0; at < labels.length; at += 2 * perPiece) yield `${labels.slice(at, at + 2 * perPiece).join("\n")}\n`;
  yield "</svg>\n";
}

export const svgText = (layout: LayoutResult, data: CanvasData, options: SvgOptions): string => [...svgPieces(layout, data, options)].join("");

const familyColor = (colors: Colors, family: string): string => (colors as Readonly<Record<string, string>>)[`family-${family}`] ?? colors["family-custom"];

/** Border and ground of a card by what happened to it, its heat, or nothing. */
function skin(colors: Colors, diff: Changed | undefined, heat: number | undefined, plain: { readonly fill: string; readonly stroke: string }): { readonly fill: string; readonly stroke: string; readonly dash: string } {
  if (diff) return { fill: colors[`state-${diff}-soft`], stroke: colors[`state-${diff}`], dash: diff === "removed" ? ' stroke-dasharray="4 3"' : "" };
  if (heat !== undefined) return { fill: mix(heatColor(colors, heat), colors["color-surface"], 0.26), stroke: plain.stroke, dash: "" };
  return { ...plain, dash: "" };
}

/** Ground colours may be half transparent ("#rrggbbaa"): as a fill with its opacity, which every viewer knows. */
const fillOf = (color: string): string => (color.length === 9 ? `fill="${color.slice(0, 7)}" fill-opacity="${Math.round((parseInt(color.slice(7), 16) / 255) * 100) / 100}"` : `fill="${color}"`);

function markOf(diff: Changed | undefined, x: number, y: number, colors: Colors): string {
  if (!diff) return "";
  const shape = diff === "removed" ? `<rect x="${n(x - 8)}" y="${n(y - 8)}" width="16" height="16" rx="3"` : `<circle cx="${n(x)}" cy="${n(y)}" r="8"`;
  return `${shape} fill="${colors[`state-${diff}`]}" stroke="${colors["color-canvas"]}" stroke-width="2"/><text class="ma" x="${n(x)}" y="${n(y + 4.2)}">${marks[diff]}</text>`;
}

const tones: Readonly<Record<CanvasBadge["tone"], readonly [ColorToken, ColorToken]>> = {
  neutral: ["color-active", "color-text-muted"],
  accent: ["color-accent-soft", "color-accent-text"],
  ok: ["state-added-soft", "state-ok"],
  warning: ["state-changed-soft", "state-warning"],
  error: ["state-removed-soft", "state-error"],
};

/** Badges that end at `right`, and how much room they take. */
function badgesAt(badges: readonly CanvasBadge[] | undefined, right: number, middle: number, colors: Colors): { readonly text: string; readonly width: number } {
  if (!badges || badges.length === 0) return { text: "", width: 0 };
  let text = "";
  let at = right;
  for (const badge of [...badges].reverse()) {
    const width = textEms(badge.text) * 10 + 10;
    const [ground, ink] = tones[badge.tone];
    const x = at - width;
    text += `<g><title>${escapeXml(badge.label)}</title><rect x="${n(x)}" y="${n(middle - 7.5)}" width="${n(width)}" height="15" rx="7.5" fill="${colors[ground]}"/>`;
    text += `<text class="ba" x="${n(x + width / 2)}" y="${n(middle + 3.6)}" style="fill:${colors[ink]}">${escapeXml(badge.text)}</text></g>`;
    at = x - 4;
  }
  return { text, width: right - at };
}

function card(node: CanvasNode, x: number, y: number, width: number, height: number, colors: Colors, selected: boolean): string {
  const diff = changed(node.diff);
  const round = node.kind === "input" || node.kind === "output";
  const fused = node.kind === "fused";
  const family = familyColor(colors, node.family);
  const plain = {
    fill: round ? colors["color-sunken"] : fused ? mix(family, colors["color-raised"], 0.09) : colors["color-raised"],
    stroke: fused ? mix(family, colors["color-line-strong"], 0.55) : colors["color-line-strong"],
  };
  const { fill, stroke, dash } = skin(colors, diff, node.heat, plain);
  const radius = round ? height / 2 : 5;
  let text = `<g${node.dimmed ? ' opacity=".32"' : ""}><title>${escapeXml(node.title === "" ? node.op : node.title)}</title>`;
  if (selected) text += `<rect x="${n(x - 1.5)}" y="${n(y - 1.5)}" width="${n(width + 3)}" height="${n(height + 3)}" rx="${n(radius + 1.5)}" fill="${colors["color-accent"]}"/>`;
  text += `<rect x="${n(x + 0.5)}" y="${n(y + 0.5)}" width="${n(width - 1)}" height="${n(height - 1)}" rx="${n(radius)}" fill="${fill}" stroke="${stroke}"${dash}/>`;
  // The family's edge follows the rounded corners.
  if (!round) {
    const bar = (left: number, right: number, color: string): string => `<path fill="${color}" d="M${n(x + right)} ${n(y + 1)}V${n(y + height - 1)}H${n(x + Math.max(left, 4))}${left < 4 ? `Q${n(x + 1)} ${n(y + height - 1)} ${n(x + 1)} ${n(y + height - 4)}V${n(y + 4)}Q${n(x + 1)} ${n(y + 1)} ${n(x + 4)} ${n(y + 1)}` : `V${n(y + 1)}`}z"/>`;
    text += bar(0, 4, family);
    if (fused) text += bar(5.5, 7.5, family);
  }
  if (node.heat !== undefined) text += `<rect x="${n(x + 1)}" y="${n(y + height - 4)}" width="${n((width - 2) * node.heat)}" height="3" fill="${heatColor(colors, node.heat)}"/>`;
  const second = height >= 40 && node.title !== "" && node.title !== node.op;
  const line = second ? y + 16.5 : y + height / 2 + 4.4;
  const badges = badgesAt(node.badges, x + width - 8, line - 4.4, colors);
  const room = width - 26 - badges.width;
  const op = shortenMiddle(node.op, room / 13);
  const detail = node.subtitle !== undefined && node.subtitle !== "" && textEms(node.op) * 13 + 30 < room ? shortenMiddle(node.subtitle, (room - textEms(node.op) * 13 - 6) / 11) : "";
  const strike = diff === "removed" ? ' text-decoration="line-through"' : "";
  const detailSpan = detail === "" ? "" : `<tspan class="de" dx="6">${escapeXml(detail)}</tspan>`;
  const left = x + (fused ? 15 : 13);
  text += round
    ? `<text class="op mid" x="${n(x + width / 2)}" y="${n(line)}"${strike}>${escapeXml(op)}${detailSpan}</text>`
    : `<text class="op" x="${n(left)}" y="${n(line)}"><tspan${strike}>${escapeXml(op)}</tspan>${detailSpan}</text>`;
  if (second) {
    const name = escapeXml(shortenMiddle(node.title, (width - 24) / 10.4));
    text += `<text class="${diff || node.heat !== undefined ? "nm" : "na"}${round ? " mid" : ""}" x="${n(round ? x + width / 2 : left)}" y="${n(y + 30.5)}">${name}</text>`;
  }
  return `${text}${badges.text}${markOf(diff, x, y, colors)}</g>`;
}

/** A chevron as on the window's buttons: closed points right, open down. */
const chevron = (x: number, y: number, open: boolean, color: string): string => `<path fill="none" stroke="${color}" stroke-width="1.3" stroke-linecap="round" stroke-linejoin="round" d="${open ? `M${n(x - 3.5)} ${n(y - 1.75)}l3.5 3.5 3.5 -3.5` : `M${n(x - 1.75)} ${n(y - 3.5)}l3.5 3.5 -3.5 3.5`}"/>`;

function closedGroup(group: PlacedGroup, x: number, y: number, extra: CanvasGroup | undefined, colors: Colors, texts: SvgTexts): string {
  const { width, height } = group;
  const diff = changed(extra?.diff);
  const { fill, stroke, dash } = skin(colors, diff, extra?.heat, { fill: colors["color-raised"], stroke: colors["color-line-strong"] });
  const title = extra?.title ?? group.title;
  let text = `<g${extra?.dimmed ? ' opacity=".32"' : ""}><title>${escapeXml(title)}</title>`;
  // A stack: two more cards look out below.
  for (const [inset, down] of [[2, 6], [1, 3]] as const) text += `<rect x="${n(x + inset + 0.5)}" y="${n(y + down + 0.5)}" width="${n(width - 2 * inset - 1)}" height="${n(height - 1)}" rx="8" fill="${colors["color-raised"]}" stroke="${colors["color-line-strong"]}"/>`;
  text += `<rect x="${n(x + 0.5)}" y="${n(y + 0.5)}" width="${n(width - 1)}" height="${n(height - 1)}" rx="8" fill="${fill}" stroke="${stroke}"${dash}/>`;
  if (extra?.heat !== undefined) text += `<rect x="${n(x + 6)}" y="${n(y + height - 4)}" width="${n((width - 12) * extra.heat)}" height="3" fill="${heatColor(colors, extra.heat)}"/>`;
  text += chevron(x + 17, y + height / 2, false, colors["color-text-muted"]);
  const middle = y + height / 2;
  const { beside, below } = closedBadges(extra?.badges);
  const marks = badgesAt(beside, x + width - 10, middle - 7.5, colors);
  text += `<text class="op" x="${n(x + 33)}" y="${n(middle - 3.5)}">${escapeXml(shortenMiddle(title, Math.max(4, (width - 44 - marks.width) / 13)))}</text>${marks.text}`;
  const badges = badgesAt(below, x + width - 10, middle + 9, colors);
  const repeat = group.repeat.count > 1 ? `<tspan class="re" dx="6">${group.repeat.index}/${group.repeat.count}</tspan>` : "";
  const note = shortenMiddle(extra?.subtitle ?? texts.nodes(group.nodeCount), Math.max(2, (width - 44 - badges.width) / 11));
  text += `<text class="de" x="${n(x + 33)}" y="${n(middle + 12)}">${escapeXml(note)}${repeat}</text>`;
  return `${text}${badges.text}${markOf(diff, x, y, colors)}</g>`;
}

function frame(group: PlacedGroup, x: number, y: number, extra: CanvasGroup | undefined, colors: Colors): string {
  const diff = changed(extra?.diff);
  const stroke = diff ? colors[`state-${diff}`] : colors["color-group-line"];
  return `<g><title>${escapeXml(extra?.title ?? group.title)}</title><rect x="${n(x + 0.5)}" y="${n(y + 0.5)}" width="${n(group.width - 1)}" height="${n(group.height - 1)}" rx="8" ${fillOf(colors["color-group"])} stroke="${stroke}"/></g>`;
}

function frameTitle(group: PlacedGroup, x: number, y: number, extra: CanvasGroup | undefined, colors: Colors): string {
  const name = shortenMiddle(extra?.title ?? group.title, Math.max(2, Math.min(32, (group.width - 96) / 12)));
  const number = group.nodeCount.toLocaleString("en");
  const badgesFrom = x + 27 + textEms(name) * 11.5 + 8 + textEms(number) * 10 + 8;
  const { width } = badgesAt(extra?.badges, 0, 0, colors);
  const badges = width > 0 ? badgesAt(extra?.badges, badgesFrom + width, y + 12.5, colors).text : "";
  return `${chevron(x + 13, y + 12.5, true, colors["color-text-muted"])}<text class="gt" x="${n(x + 27)}" y="${n(y + 16.6)}">${escapeXml(name)}<tspan class="gn" dx="8">${number}</tspan></text>${badges}`;
}

/** Constants and tags beside their user. */
function chips(layout: LayoutResult, items: readonly number[], data: CanvasData, x: number, y: number, width: number, height: number, ox: number, oy: number, colors: Colors): string {
  const { ids, rects, reference, more } = layout.chips;
  const firstX = rects[items[0]! * 4]! + ox;
  let text = `<g><path stroke="${colors["color-edge"]}" d="M${n(x + width)} ${n(y + height / 2)}H${n(firstX)}"/>`;
  for (const c of items) {
    const node = data.nodes.get(ids[c]!);
    const [cx, cy, w, h] = [rects[c * 4]! + ox, rects[c * 4 + 1]! + oy, rects[c * 4 + 2]!, rects[c * 4 + 3]!];
    const name = node?.title ?? String(ids[c]!);
    const tag = reference[c] === 1;
    const words = tag ? (name === "" ? (node?.op ?? "") : name) : (node?.subtitle ?? name);
    const label = more[c]! > 0 ? `+${more[c]! + 1}` : shortenMiddle(words, (w - (tag ? 22 : 14)) / 9.5);
    const diff = changed(node?.diff);
    text += `<g><title>${escapeXml(name)}</title>`;
    text += tag
      ? `<rect x="${n(cx)}" y="${n(cy)}" width="${n(w)}" height="${n(h)}" rx="${n(h / 2)}" fill="${colors["color-accent-soft"]}"/><circle cx="${n(cx + 8.5)}" cy="${n(cy + h / 2)}" r="2.5" fill="${colors["color-accent-text"]}"/><text class="ta" x="${n(cx + 16)}" y="${n(cy + h / 2 + 3.4)}">${escapeXml(label)}</text>`
      : `<rect x="${n(cx + 0.5)}" y="${n(cy + 0.5)}" width="${n(w - 1)}" height="${n(h - 1)}" rx="3" fill="${colors["color-surface"]}" stroke="${diff ? colors[`state-${diff}`] : colors["color-line"]}"${diff === "removed" ? ' stroke-dasharray="3 2"' : ""}/><text class="ch" x="${n(cx + w / 2)}" y="${n(cy + h / 2 + 3.3)}">${escapeXml(label)}</text>`;
    text += "</g>";
  }
  return `${text}</g>`;
}
