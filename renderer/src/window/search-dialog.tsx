import { Command } from "cmdk";
import { useDeferredValue, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../design/name.tsx";
import { OperatorMark } from "../design/operator-mark.tsx";
import * as act from "../state/actions.ts";
import { canvas } from "../state/canvas.ts";
import { useQuery } from "../state/query.ts";
import { searchNodes } from "../state/search.ts";
import { setView, type ModelState } from "../state/store.ts";

export function SearchDialog({ model }: { readonly model: ModelState }): ReactNode {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const asked = useDeferredValue(text);
  const { data } = useQuery("graph", { model: model.id, step: model.b, ...(model.a === model.b ? {} : { base: model.a }) });
  const found = useMemo(() => (data ? searchNodes(data.nodes, asked) : undefined), [data, asked]);
  const [chosen, setChosen] = useState("");
  const first = found?.nodes[0];
  // The list comes later than the text: the first result is chosen as soon as it is there.
  const value = found?.nodes.some((node) => String(node.id) === chosen) ? chosen : first ? String(first.id) : "";
  const close = (): void => setView({ dialog: null });
  return (
    <Command.Dialog open onOpenChange={(open) => !open && close()} label={t("search.label")} className="palette" overlayClassName="overlay" contentClassName="palette-content" shouldFilter={false} loop value={value} onValueChange={setChosen} data-testid="search">
      <Command.Input className="palette-input" value={text} onValueChange={setText} placeholder={t("search.placeholder")} data-testid="search-input" />
      <Command.List className="palette-list">
        {found?.count === 0 && <div className="palette-empty">{t("search.empty")}</div>}
        {found && found.count > 0 && <div className="palette-note faint num" data-testid="search-count">{t("search.count", { count: found.count })}</div>}
        {found?.nodes.map((node) => (
          <Command.Item
            key={node.id}
            value={String(node.id)}
            className="palette-item"
            data-testid="search-result"
            onSelect={() => {
              // Enter may come before the list of what was typed last: then it means the first of that.
              const target = asked === text ? node : data && searchNodes(data.nodes, text).nodes[0];
              if (!target) return;
              act.select(model.id, [target.id], target.mark === "removed" ? model.a : model.b);
              close();
              setTimeout(() => canvas.current?.reveal([target.id]), 0);
            }}
          >
            <OperatorMark family={node.family} />
            <span className={`palette-op ${node.mark === "removed" ? "struck" : ""}`}>{node.kind === "fused" ? node.parts.join(" + ") : node.op}</span>
            <Name mono className="faint palette-name">{node.name}</Name>
            <Name mono className="faint palette-type">{node.outputs[0]?.type ?? ""}</Name>
          </Command.Item>
        ))}
      </Command.List>
    </Command.Dialog>
  );
}
