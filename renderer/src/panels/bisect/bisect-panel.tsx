/** Where two ends begin to disagree: the first step of one model, or the first value of two. */
import type { CheckView, StepId } from "@graphwright/compiler-core";
import { Crosshair, Search } from "lucide-react";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button.tsx";
import { CheckMark, CheckNumbers } from "../../design/check-mark.tsx";
import { Name } from "../../design/name.tsx";
import { Segmented } from "../../design/segmented.tsx";
import { SelectBox } from "../../design/select-box.tsx";
import { Empty } from "../../design/states.tsx";
import * as act from "../../state/actions.ts";
import { bisectSteps, bisectValues, showNode } from "../../state/bisect.ts";
import { depthOf, stepOf } from "../../state/steps.ts";
import { useStore, type ModelState } from "../../state/store.ts";
import { useModelTools, type Bisection } from "../../state/tools.ts";
import type { Panel, PanelProps } from "../panel.ts";
import "./bisect.css";

function BisectPanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const models = useStore((state) => state.models);
  const [kind, setKind] = useState<Bisection["kind"]>("steps");
  const [from, setFrom] = useState<"imported" | "a">("imported");
  const [other, setOther] = useState<string>("imported");
  const { bisection } = useModelTools(model.id);
  const first = model.timeline.branch[0]!;
  const numberOf = (step: StepId): number => depthOf(model.timeline, step);
  const start = from === "a" ? model.a : first;
  const others = Object.values(models).filter((each) => each.id !== model.id);
  const target = others.find((each) => each.id === other);
  const reference = target ? { model: target.id, step: target.b } : { model: model.id, step: other === "a" ? model.a : first };
  const run = (): void => void (kind === "steps" ? bisectSteps(model.id, start, model.b) : bisectValues(model.id, reference, { model: model.id, step: model.b }));
  const nothing = kind === "steps" ? start === model.b : reference.model === model.id && reference.step === model.b;
  return (
    <div className="bisect" data-testid="bisect-panel">
      <div className="sub-bar bisect-bar">
        <Segmented label={t("bisect.kind")} value={kind} options={[{ value: "steps", label: t("bisect.steps"), hint: t("bisect.steps-hint") }, { value: "values", label: t("bisect.values"), hint: t("bisect.values-hint") }]} onChange={setKind} testId="bisect-kind" />
        <span>{t("bisect.between")}</span>
        {kind === "steps" ? (
          <SelectBox small label={t("bisect.from")} value={from} options={[{ value: "imported", label: t("bisect.imported") }, ...(model.a !== model.b && model.a !== first ? [{ value: "a", label: t("bisect.step-a", { step: numberOf(model.a) }) }] : [])]} onChange={(value) => setFrom(value as typeof from)} />
        ) : (
          <SelectBox small label={t("bisect.from")} value={target || other !== "a" ? (target ? other : "imported") : "a"} options={[{ value: "imported", label: t("bisect.imported") }, ...(model.a !== model.b && model.a !== first ? [{ value: "a", label: t("bisect.step-a", { step: numberOf(model.a) }) }] : []), ...others.map((each) => ({ value: each.id, label: t("bisect.model", { name: each.name, step: depthOf(each.timeline, each.b) }) }))]} onChange={setOther} testId="bisect-other" />
        )}
        <span>{t("bisect.and", { step: numberOf(model.b) })}</span>
        <span className="spacer" />
        <Button small variant="primary" disabled={nothing} title={nothing ? t("bisect.same-ends") : undefined} onClick={run} data-testid="run-bisect"><Search size={12} aria-hidden /> {t("bisect.run")}</Button>
      </div>
      <div className="scroll">
        {!bisection && <Empty icon={Crosshair} title={t("bisect.empty-title")}>{t("bisect.empty")}</Empty>}
        {bisection?.kind === "steps" && <Steps model={model} found={bisection} />}
        {bisection?.kind === "values" && <Values model={model} found={bisection} />}
      </div>
    </div>
  );
}

function Steps({ model, found }: { readonly model: ModelState; readonly found: Bisection & { readonly kind: "steps" } }): ReactNode {
  const { t } = useTranslation();
  const catalog = useStore((state) => state.catalog);
  const { view } = found;
  const culprit = view.step === undefined ? undefined : stepOf(model.timeline, view.step);
  const titleOf = (step: StepId): string => {
    const rewrite = stepOf(model.timeline, step)?.rewrite ?? "";
    return catalog?.rewrites.find((each) => each.name === rewrite)?.title ?? rewrite;
  };
  const show = (step: StepId): void => {
    const parent = stepOf(model.timeline, step)?.parent;
    if (parent !== undefined && parent !== null) act.showBetween(model.id, parent, step);
  };
  return (
    <div className="bisect-result" data-testid="bisect-result" data-outcome={view.outcome}>
      <Verdict outcome={view.outcome} check={view.check} />
      {culprit && (
        <div className="culprit">
          <p>{t("bisect.culprit", { step: depthOf(model.timeline, culprit.id), rewrite: titleOf(culprit.id) })} <Name mono>{culprit.site}</Name></p>
          <Button small variant="primary" onClick={() => show(culprit.id)} data-testid="show-culprit">{t("bisect.show")}</Button>
          {view.region && <div className="bisect-region"><h3>{t("bisect.region")}</h3><CheckMark check={view.region} /><CheckNumbers check={view.region} /></div>}
        </div>
      )}
      <h3>{t("bisect.probes", { count: view.probes.length })}</h3>
      <table className="probes">
        <tbody>
          {view.probes.map((probe, index) => (
            <tr key={index} data-testid="probe">
              <td className="num faint">{index + 1}</td>
              <td><button type="button" className="link-button" onClick={() => show(probe.step)}>{t("text.step", { step: depthOf(model.timeline, probe.step) })}</button></td>
              <td>{titleOf(probe.step)}</td>
              <td><CheckMark check={probe.check} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Values({ model, found }: { readonly model: ModelState; readonly found: Bisection & { readonly kind: "values" } }): ReactNode {
  const { t } = useTranslation();
  const nameA = useStore((state) => state.models[found.a.model]?.name ?? "A");
  const { view, a, b } = found;
  return (
    <div className="bisect-result" data-testid="bisect-result" data-outcome={view.outcome}>
      <Verdict outcome={view.outcome} check={view.check} />
      <p className="faint">{t("bisect.common", { count: view.common })}</p>
      {view.value !== undefined && (
        <div className="culprit">
          <p>{t("bisect.first-value")} <Name mono>{view.value}</Name></p>
          {view.nodes && (
            <span className="button-row">
              <Button small variant="primary" onClick={() => showNode(b.model, view.nodes![1], b.step)} data-testid="show-culprit">{t("bisect.show-in", { name: model.name })}</Button>
              <Button small onClick={() => showNode(a.model, view.nodes![0], a.step)}>{a.model === model.id ? t("bisect.show-before") : t("bisect.show-in", { name: nameA })}</Button>
            </span>
          )}
          <div className="bisect-region"><CheckNumbers check={view.check} /></div>
        </div>
      )}
      <h3>{t("bisect.probes", { count: view.probes.length })}</h3>
      <table className="probes">
        <tbody>
          {view.probes.map((probe, index) => (
            <tr key={index} data-testid="probe">
              <td className="num faint">{index + 1}</td>
              <td>{t("bisect.probe-values", { count: probe.values })}</td>
              <td><CheckMark check={probe.check} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Verdict({ outcome, check }: { readonly outcome: "same" | "found" | "not-checked"; readonly check: CheckView }): ReactNode {
  const { t } = useTranslation();
  return <p className={`bisect-verdict verdict-${outcome}`}>{t(`bisect.${outcome}`)} <CheckMark check={check} /></p>;
}

export const bisectPanel = { id: "bisect", area: "lower", icon: Crosshair, component: BisectPanel } as const satisfies Panel;
