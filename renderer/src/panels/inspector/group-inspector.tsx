import type { NodeId } from "@graphwright/compiler-core";
import { Pencil, X } from "lucide-react";
import { useMemo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { runCommand } from "../../commands/table.ts";
import { IconButton } from "../../design/button.tsx";
import * as format from "../../design/format.ts";
import { Name } from "../../design/name.tsx";
import * as act from "../../state/actions.ts";
import { canvas } from "../../state/canvas.ts";
import { showGroup, type GroupContents, type GroupValue } from "../../state/group-shown.ts";
import { useQuery, useSettled } from "../../state/query.ts";
import type { ModelState } from "../../state/store.ts";
import { OperatorCounts } from "./operator-counts.tsx";
import { Pairs, Section } from "./section.tsx";

/** A chosen group: its cost, its operators, and what comes in and goes out. */
export function GroupInspector({ model, contents }: { readonly model: ModelState; readonly contents: GroupContents }): ReactNode {
  const { t } = useTranslation();
  const { data } = useQuery("flops", { model: model.id, step: useSettled(model.b) });
  const { flops, unknown } = useMemo(() => {
    const inside = new Set(contents.nodes);
    let [sum, without] = [0, 0];
    data?.nodes.forEach((node, i) => {
      if (!inside.has(node)) return;
      const value = data.values[i]!;
      if (Number.isNaN(value)) without++;
      else sum += value;
    });
    return { flops: sum, unknown: without };
  }, [data, contents]);
  const go = (nodes: readonly NodeId[]): void => {
    act.select(model.id, nodes, model.b);
    canvas.current?.reveal(nodes);
  };
  const values = (id: "inputs" | "outputs", listed: readonly GroupValue[]): ReactNode =>
    listed.length > 0 && (
      <Section id={id} title={t(`inspector.${id}`)} note={listed.length}>
        <ul className="links">
          {listed.map(({ name, type, ends }) => (
            <li key={name}>
              <button type="button" className="link-line" disabled={ends.length === 0} onClick={() => go(ends)} title={t(id === "inputs" ? "inspector.go-to-producer" : "inspector.go-to-users")}>
                <Name mono>{name}</Name>
                <span className="type"><Name mono>{type}</Name></span>
              </button>
            </li>
          ))}
        </ul>
      </Section>
    );
  return (
    <div className="scroll" data-testid="group-inspector">
      <header className="inspector-head">
        <p className="overline">
          {t("inspector.kind-group")}
          <span className="spacer" />
          <IconButton label={t("command.view-rename-group")} className="small" onClick={() => runCommand("view-rename-group")}>
            <Pencil size={12} />
          </IconButton>
          <IconButton label={t("command.edit-clear")} className="small" onClick={() => showGroup(null)}>
            <X size={13} />
          </IconButton>
        </p>
        <h2><Name>{contents.title}</Name></h2>
      </header>
      <Section id="cost" title={t("inspector.cost")}>
        <Pairs
          rows={[
            [t("cost.nodes"), <span key="v" className="num" data-testid="group-nodes">{format.count(contents.nodes.length)}</span>],
            [t("cost.flops"), <span key="v" className="num">{data ? format.costFlops({ flops, flopsUnknown: unknown }) : "…"}{unknown > 0 && <span className="faint"> {t("cost.unknown", { count: unknown })}</span>}</span>],
            [t("cost.weights"), <span key="v" className="num">{format.bytes(contents.weightBytes)}</span>],
          ]}
        />
      </Section>
      <OperatorCounts counts={contents.operators} />
      {values("inputs", contents.inputs)}
      {values("outputs", contents.outputs)}
    </div>
  );
}
