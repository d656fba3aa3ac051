import type { i18n } from "i18next";
import type { CanvasLabels } from "../../graph/index.ts";

/** More than this is counted, not read out. */
const spoken = 4;

/** Texts that are asked for again with every step, for every card: put together once for the same words. */
function remembered<A extends readonly (string | number)[]>(text: (...args: A) => string): (...args: A) => string {
  const known = new Map<string, string>();
  return (...args) => {
    const key = args.join("\n");
    let made = known.get(key);
    if (made === undefined) {
      if (known.size >= rememberedTexts) known.clear();
      known.set(key, (made = text(...args)));
    }
    return made;
  };
}
const rememberedTexts = 2000;

export function canvasLabels({ t }: i18n, side?: "before" | "after"): CanvasLabels {
  return {
    canvas: side === undefined ? t("graph.canvas") : t(`beside.canvas-${side}`),
    help: t("graph.help"),
    zoomIn: t("command.view-zoom-in"),
    zoomOut: t("command.view-zoom-out"),
    fit: t("command.view-fit"),
    minimap: t("graph.minimap"),
    expand: remembered((title: string) => t("graph.expand", { title })),
    collapse: remembered((title: string) => t("graph.collapse", { title })),
    nodes: remembered((count: number) => t("graph.nodes", { count })),
    repeated: remembered((index: number, count: number) => t("graph.repeated", { index, count })),
    diff: { added: t("mark.added"), removed: t("mark.removed"), changed: t("mark.changed"), unchanged: t("mark.unchanged") },
    constant: t("graph.constant"),
    reference: remembered((name: string) => t("graph.reference", { name })),
    more: remembered((count: number) => t("graph.more", { count })),
    selected: (name, inputs, outputs) => {
      const list = (names: readonly string[]): string => [...names.slice(0, spoken), ...(names.length > spoken ? [t("graph.more", { count: names.length - spoken })] : [])].join("; ");
      return [name, ...(inputs.length > 0 ? [t("graph.spoken-inputs", { names: list(inputs) })] : []), ...(outputs.length > 0 ? [t("graph.spoken-outputs", { names: list(outputs) })] : [])].join(". ");
    },
    nothingSelected: t("graph.nothing-selected"),
  };
}
