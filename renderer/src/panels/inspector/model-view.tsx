import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import * as format from "../../design/format.ts";
import { Name } from "../../design/name.tsx";
import { useQuery, useSettled } from "../../state/query.ts";
import type { ModelState } from "../../state/store.ts";
import { OperatorCounts } from "./operator-counts.tsx";
import { Pairs, Section } from "./section.tsx";

/** What the model is: interface, operators, cost, and where it came from. */
export function ModelView({ model }: { readonly model: ModelState }): ReactNode {
  const { t } = useTranslation();
  const { data, last } = useQuery("summary", { model: model.id, step: useSettled(model.b) });
  const summary = data ?? last ?? model.summary;
  const { cost } = summary;
  return (
    <div className="scroll" data-testid="model-summary">
      <header className="inspector-head">
        <p className="overline">{t("inspector.model")}</p>
        <h2><Name>{model.name}</Name></h2>
        {summary.doc && <p className="inspector-doc">{summary.doc}</p>}
      </header>
      <Section id="cost" title={t("inspector.cost")}>
        <Pairs
          rows={[
            [t("cost.nodes"), <span key="v" className="num" data-testid="summary-nodes">{format.count(cost.nodes)}</span>],
            [t("cost.flops"), <span key="v" className="num">{format.costFlops(cost)}{cost.flopsUnknown > 0 && <span className="faint"> {t("cost.unknown", { count: cost.flopsUnknown })}</span>}</span>],
            [t("cost.parameters"), <span key="v" className="num">{format.si(cost.parameters)}</span>],
            [t("cost.weights"), <span key="v" className="num">{format.bytes(cost.weightBytes)}</span>],
            [t("cost.peak"), <span key="v" className="num">{cost.peakBytes === undefined ? t("cost.not-static") : format.bytes(cost.peakBytes)}</span>],
          ]}
        />
      </Section>
      <Section id="interface" title={t("inspector.interface")}>
        <table className="values">
          <tbody>
            {([["in", summary.inputs], ["out", summary.outputs]] as const).map(([direction, values]) =>
              values.map((value) => (
                <tr key={direction + value.name}>
                  <td className="faint">{t(`inspector.${direction}`)}</td>
                  <td><Name mono>{value.name}</Name></td>
                  <td className="type mono">{value.type}</td>
                </tr>
              )),
            )}
          </tbody>
        </table>
      </Section>
      <OperatorCounts counts={summary.operators} />
      <Section id="file" title={t("inspector.file")}>
        <Pairs
          rows={[
            [t("inspector.format"), summary.format],
            [t("inspector.graph-name"), <Name key="v" mono>{summary.name || "—"}</Name>],
            [t("inspector.producer"), summary.producer || "—"],
            [t("inspector.ir-version"), <span key="v" className="num">{summary.irVersion}</span>],
            ...Object.entries(summary.opsets).map(([domain, version]) => [t("inspector.opset", { domain: domain || "ai.onnx" }), <span key="v" className="num">{version}</span>] as const),
            [t("inspector.size"), <span key="v" className="num">{format.bytes(summary.fileBytes)}</span>],
            model.file.path !== undefined && [t("inspector.path"), <Name key="v" mono>{model.file.path}</Name>],
            ...Object.entries(summary.metadata).map(([key, value]) => [key, value] as const),
          ]}
        />
      </Section>
    </div>
  );
}
