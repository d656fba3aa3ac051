import type { i18n } from "i18next";
import type { CanvasLabels } from "../../graph/index.ts";

export function canvasLabels({ t }: i18n, side?: "before" | "after"): CanvasLabels {
  return {
    canvas: side === undefined ? t("graph.canvas") : t(`beside.canvas-${side}`),
    help: t("graph.help"),
    zoomIn: t("command.view-zoom-in"),
    zoomOut: t("command.view-zoom-out"),
    fit: t("command.view-fit"),
    minimap: t("graph.minimap"),
    expand: (title) => t("graph.expand", { title }),
    collapse: (title) => t("graph.collapse", { title }),
    nodes: (count) => t("graph.nodes", { count }),
    repeated: (index, count) => t("graph.repeated", { index, count }),
    diff: { added: t("mark.added"), removed: t("mark.removed"), changed: t("mark.changed"), unchanged: t("mark.unchanged") },
    constant: t("graph.constant"),
    reference: (name) => t("graph.reference", { name }),
    more: (count) => t("graph.more", { count }),
    selected: (name, inputs, outputs) => t("graph.selected", { name, inputs, outputs }),
    nothingSelected: t("graph.nothing-selected"),
  };
}
