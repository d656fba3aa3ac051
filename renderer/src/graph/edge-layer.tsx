/** The near edges: one path for each style, not one for each edge, and a label for each value. */

import { memo, useMemo, type ReactNode } from "react";
import { edgeWidth, routePath, turnsRight } from "../../../picture/src/index.ts";
import type { DiffMark } from "./model.ts";
import { targetAt, type Scene } from "./scene.ts";
import styles from "./graph-canvas.module.css";

export interface Region {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
}

interface Strand {
  readonly key: string;
  readonly diff: DiffMark | undefined;
  readonly dimmed: boolean;
  readonly width: number;
  lines: string;
  heads: string;
}

function arrow(x: number, y: number): string {
  return `M${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10 - 0.5}l-3.6 -6.5h7.2z`;
}

/** Coordinates relative to the region, so that they stay small in graphs millions of pixels tall. */
function shifted(scene: Scene, e: number, ox: number, oy: number): Float64Array {
  const { offsets, points } = scene.layout.edges;
  const local = points.slice(offsets[e]! * 2, offsets[e + 1]! * 2);
  for (let i = 0; i < local.length; i += 2) {
    local[i]! -= ox;
    local[i + 1]! -= oy;
  }
  return local;
}

/** The value that an edge carries: what makes it, and which of its outputs it is. */
function valueKey(scene: Scene, e: number): string {
  const { from, fromPort } = scene.layout.edges;
  const { kind, id } = targetAt(scene, from[e]!);
  return `${kind} ${id} ${fromPort[e]!}`;
}

export const EdgeLayer = memo(function EdgeLayer({ scene, region, showLabels, widthByBytes, fade }: {
  readonly scene: Scene;
  readonly region: Region;
  readonly showLabels: boolean;
  readonly widthByBytes: boolean;
  readonly fade: boolean;
}): ReactNode {
  const ox = Math.floor(region.minX / 1000) * 1000;
  const oy = Math.floor(region.minY / 1000) * 1000;
  const { strands, labels } = useMemo(() => {
    const byKey = new Map<string, Strand>();
    const labelled = new Set<string>();
    const labels: { key: string; x: number; y: number; left: boolean; text: string; dimmed: boolean }[] = [];
    scene.edges.query(region.minX, region.minY, region.maxX, region.maxY, (e) => {
      const extra = scene.data.edges?.get(scene.layout.edges.ids[e]!);
      const width = edgeWidth(widthByBytes ? extra?.bytes : undefined);
      const key = `${extra?.diff ?? ""} ${extra?.dimmed === true} ${width}`;
      let strand = byKey.get(key);
      if (strand === undefined) {
        strand = { key, diff: extra?.diff, dimmed: extra?.dimmed === true, width, lines: "", heads: "" };
        byKey.set(key, strand);
      }
      const local = shifted(scene, e, ox, oy);
      const size = local.length / 2;
      strand.lines += routePath(local, 0, size);
      strand.heads += arrow(local[local.length - 2]!, local[local.length - 1]!);
      if (extra?.label !== undefined && extra.label !== "" && scene.leads[e] === 1) {
        const left = turnsRight(scene.layout, e);
        // By the value: numbers of edges change with every step, and each label would be another one's.
        let key = valueKey(scene, e);
        if (labelled.has(key)) key += ` ${scene.layout.edges.ids[e]!}`;
        labelled.add(key);
        labels.push({
          key,
          left,
          x: local[0]! + (left ? -7 : 7),
          y: local[1]! + 14,
          text: extra.label,
          dimmed: extra.dimmed === true,
        });
      }
    });
    return { strands: [...byKey.values()], labels };
  }, [scene, region, ox, oy, widthByBytes]);
  return (
    <svg className={styles["edges"]} data-fade={fade || undefined} style={{ transform: `translate(${ox}px, ${oy}px)` }} aria-hidden>
      {strands.map((strand) => (
        <g key={strand.key} data-diff={strand.diff} data-dimmed={strand.dimmed || undefined}>
          <path className={styles["edge"]} d={strand.lines} strokeWidth={strand.width} />
          <path className={styles["head"]} d={strand.heads} />
        </g>
      ))}
      {showLabels &&
        labels.map((label) => (
          <text key={label.key} className={styles["edge-label"]} x={label.x} y={label.y} textAnchor={label.left ? "end" : "start"} data-dimmed={label.dimmed || undefined}>
            {label.text}
          </text>
        ))}
    </svg>
  );
});

/** The edges of what is selected or hovered, drawn again on top. */
export const EdgeHighlight = memo(function EdgeHighlight({ scene, edges, region, strong }: {
  readonly scene: Scene;
  readonly edges: readonly number[];
  readonly region: Region;
  readonly strong: boolean;
}): ReactNode {
  if (edges.length === 0) return null;
  const ox = Math.floor(region.minX / 1000) * 1000;
  const oy = Math.floor(region.minY / 1000) * 1000;
  let lines = "";
  let heads = "";
  for (const e of edges) {
    const local = shifted(scene, e, ox, oy);
    lines += routePath(local, 0, local.length / 2);
    heads += arrow(local[local.length - 2]!, local[local.length - 1]!);
  }
  return (
    <svg className={styles["edges"]} data-strong={strong || undefined} data-highlight style={{ transform: `translate(${ox}px, ${oy}px)` }} aria-hidden>
      <path className={styles["edge"]} d={lines} />
      <path className={styles["head"]} d={heads} />
    </svg>
  );
});
