import type { i18n } from "i18next";
import type { CanvasLabels } from "../../graph/index.ts";

/** More than this is counted, not read out. */
const spoken = 4;

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
    selected: (name, inputs, outputs) => {
      const list = (names: readonly string[]): string => [...names.slice(0, spoken), ...(names.length > spoken ? [t("graph.more", { count: names.length - spoken })] : [])].join("; ");
      return [name, ...(inputs.length > 0 ? [t("graph.spoken-inputs", { names: list(inputs) })] : []), ...(outputs.length > 0 ? [t("graph.spoken-outputs", { names: list(outputs) })] : [])].join(". ");
    },
    nothingSelected: t("graph.nothing-selected"),
  };
}
