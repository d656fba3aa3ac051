import type { LayoutResult } from "./types.ts";

/** The buffers of a layout, to be moved (not copied) out of a worker with postMessage. */
export function transferables(layout: LayoutResult): ArrayBuffer[] {
  const { nodes, edges, chips, owner } = layout;
  return [
    nodes.rects,
    nodes.groups,
    edges.from,
    edges.fromPort,
    edges.to,
    edges.toPort,
    edges.offsets,
    edges.points,
    chips.hosts,
    chips.ports,
    chips.fromPorts,
    chips.rects,
    chips.reference,
    chips.more,
    owner,
  ].map((array) => array.buffer as ArrayBuffer);
}
