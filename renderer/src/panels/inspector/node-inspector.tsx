import type { InputView, NodeDetail, NodeId } from "@graphwright/compiler-core";
import { ArrowRight, Copy, X } from "lucide-react";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../design/button.tsx";
import { DiagnosticView } from "../../design/diagnostic.tsx";
import * as format from "../../design/format.ts";
import { Name } from "../../design/name.tsx";
import { OperatorMark } from "../../design/operator-mark.tsx";
import { Failed, Loading } from "../../design/states.tsx";
import * as act from "../../state/actions.ts";
import { selectionSide } from "../../state/beside.ts";
import { canvas } from "../../state/canvas.ts";
import { operatorDocIn, operatorIn } from "../../i18n/compiler.ts";
import { useQuery } from "../../state/query.ts";
import { positionOf } from "../../state/steps.ts";
import { useStore, type ModelState } from "../../state/store.ts";
import { Constant, Statistics } from "./constant.tsx";
import { Pairs, Section } from "./section.tsx";
import { WhyNotHere } from "./why-not-here.tsx";

interface NodeProps {
  readonly model: ModelState;
  readonly node: NodeId;
}

export function NodeInspector({ model, node }: NodeProps): ReactNode {
  const { t, i18n } = useTranslation();
  const step = model.selectedStep;
  const { data: detail, last, error } = useQuery("node", { model: model.id, step, node });
  if (error) return <Failed title={t("error.inspect")} error={error} />;
  const shown = detail ?? last;
  if (!shown) return <Loading />;
  const go = (nodes: readonly NodeId[]): void => {
    act.select(model.id, nodes, step);
    canvas.current?.reveal(nodes);
  };
  const { node: view } = shown;
  const data = view.inputs.filter((input) => !input.constant);
  const constants = view.inputs.filter((input) => input.constant);
  return (
    <div className="scroll">
      <NodeHead model={model} detail={shown} />
      {shown.problems.length > 0 && (
        <div className="node-problems" role="group" aria-label={t("inspector.problems")} data-testid="node-problems">
          {/* Which node it is stands above. */}
          {shown.problems.map(({ where: _, ...problem }, index) => <DiagnosticView key={index} diagnostic={problem} />)}
        </div>
      )}
      {shown.attributes.length > 0 && (
        <Section id="attributes" title={t("inspector.attributes")} note={shown.attributes.length}>
          <Pairs
            rows={shown.attributes.map((attribute) => [
              attribute.name,
              <span key="v" className={`mono ${attribute.isDefault ? "faint" : ""}`} data-default={attribute.isDefault}>
                {attribute.value}
              </span>,
              [operatorDocIn(attribute.doc, i18n.language), attribute.isDefault ? t("inspector.default") : ""].filter(Boolean).join("\n"),
            ])}
          />
        </Section>
      )}
      {data.length > 0 && (
        <Section id="inputs" title={t("inspector.inputs")} note={data.length}>
          <ul className="links">
            {data.map((input, index) => (
              <InputRow key={index} input={input} index={view.inputs.indexOf(input)} onGo={go} />
            ))}
          </ul>
        </Section>
      )}
      {constants.length > 0 && (
        <Section id="constants" title={t("inspector.constants")} note={format.bytes(view.weightBytes)}>
          <ul className="links">
            {constants.map((input, index) => (
              <Constant key={index} model={model} step={step} input={input} open={index === 0} />
            ))}
          </ul>
        </Section>
      )}
      {isConstant(view) && (
        <Section id="value" title={t("inspector.value")} note={format.bytes(view.weightBytes)}>
          <Statistics model={model} step={step} node={node} />
        </Section>
      )}
      <Section id="outputs" title={t("inspector.outputs")} note={view.outputs.length}>
        <Outputs detail={shown} onGo={go} />
      </Section>
      {step === model.b && <WhyNotHere model={model} node={node} onGo={go} />}
      <Lineage model={model} detail={shown} />
      {shown.operator && (
        <Section id="documentation" title={t("inspector.documentation")}>
          <p className="doc-summary">{operatorIn(shown.operator.summary, i18n.language)}</p>
          {shown.operator.doc !== shown.operator.summary && <p className="doc-text">{operatorDocIn(shown.operator.doc, i18n.language)}</p>}
          <Pairs rows={[...shown.operator.inputs, ...shown.operator.outputs].filter((each) => each.doc).map((each) => [each.name, operatorDocIn(each.doc, i18n.language)])} />
          {shown.operator.since.length > 0 && <p className="faint doc-since">{t("inspector.since", { versions: shown.operator.since.join(", ") })}</p>}
        </Section>
      )}
      {Object.keys(shown.metadata).length > 0 && (
        <Section id="metadata" title={t("inspector.metadata")}>
          <Pairs rows={Object.entries(shown.metadata).map(([key, value]) => [key, value])} />
        </Section>
      )}
    </div>
  );
}

/** A weight: it has no card of its own, and is selected from the text. */
const isConstant = (node: NodeDetail["node"]): boolean => node.op === "Constant" && node.domain === "" && node.inputs.length === 0;

function NodeHead({ model, detail }: { readonly model: ModelState; readonly detail: NodeDetail }): ReactNode {
  const { t } = useTranslation();
  const { node } = detail;
  // On two canvases: which of them the node is on.
  const side = useStore((state) => selectionSide(state, model));
  const gone = model.selectedStep !== model.b && side === undefined;
  return (
    <header className="inspector-head">
      <p className="overline">
        {side && <span className={`place-side place-${side}`} data-testid="inspector-side">{t(`beside.${side}`)}</span>}
        {node.scope.length > 0 ? <Name>{node.scope.join(" / ")}</Name> : t(isConstant(node) ? "inspector.kind-constant" : `inspector.kind-${node.kind}`)}
        <span className="spacer" />
        <IconButton label={t("command.edit-copy-name")} className="small" onClick={() => void act.copyText(node.name)}>
          <Copy size={12} />
        </IconButton>
        <IconButton label={t("command.edit-clear")} className="small" onClick={() => act.select(model.id, [])}>
          <X size={13} />
        </IconButton>
      </p>
      <h2 data-testid="inspector-op">
        <OperatorMark family={node.family} />
        {node.kind === "fused" ? node.parts.join(" + ") : node.op}
        {node.domain && <span className="faint domain">{node.domain}</span>}
      </h2>
      <p className="inspector-name" data-testid="inspector-name">
        <Name mono>{node.name}</Name>
      </p>
      {gone && <p className="banner">{t("inspector.not-here", { step: positionOf(model.timeline, model.selectedStep) })}</p>}
      {node.kind === "operator" && !detail.operator && node.domain !== "graphwright" && node.op !== "Constant" && <p className="banner banner-quiet" data-testid="unknown-operator">{t("inspector.unknown-operator")}</p>}
      {detail.doc && <p className="inspector-doc">{detail.doc}</p>}
      <div className="facts">
        {node.flops !== undefined && <span className="num">{format.flops(node.flops)}</span>}
        {node.outputBytes !== undefined && <span className="num" title={t("inspector.output-bytes")}>{format.bytes(node.outputBytes)}</span>}
        {model.selected.length > 1 && <span className="faint">{t("inspector.and-more", { count: model.selected.length - 1 })}</span>}
      </div>
    </header>
  );
}

function InputRow({ input, index, onGo }: { readonly input: InputView; readonly index: number; readonly onGo: (nodes: readonly NodeId[]) => void }): ReactNode {
  const { t } = useTranslation();
  if (input.from === undefined) {
    return (
      <li className="link-line faint">
        <span className="port">{input.label}</span> {t("inspector.omitted")}
      </li>
    );
  }
  const { from } = input;
  return (
    <li>
      <button type="button" className="link-line" onClick={() => onGo([from])} title={t("inspector.go-to-producer")} data-testid="go-to-producer">
        <span className="port">{input.label || index + 1}</span>
        <Name mono>{input.name}</Name>
        <span className="type"><Name mono>{input.type}</Name></span>
      </button>
    </li>
  );
}

function Outputs({ detail, onGo }: { readonly detail: NodeDetail; readonly onGo: (nodes: readonly NodeId[]) => void }): ReactNode {
  const { t } = useTranslation();
  return (
    <ul className="links">
      {detail.node.outputs.map((output, index) => {
        const users = detail.users.filter((user) => user.output === index);
        return (
          <li key={index}>
            <div className="link-line">
              <span className="port">{detail.operator?.outputs[index]?.name ?? index + 1}</span>
              <Name mono>{output.name}</Name>
              <span className="type"><Name mono>{output.type}</Name></span>
            </div>
            <ul className="users">
              {users.slice(0, 20).map((user) => (
                <li key={`${user.node}/${user.input}`}>
                  <button type="button" className="link-line" onClick={() => onGo([user.node])} data-testid="go-to-user">
                    <ArrowRight size={12} aria-hidden />
                    <Name mono>{user.label}</Name>
                  </button>
                </li>
              ))}
              {users.length > 20 && <li className="link-line faint">{t("inspector.more-users", { count: users.length - 20 })}</li>}
            </ul>
          </li>
        );
      })}
    </ul>
  );
}

/** What the node came from, what became of it, and the rewrites that made it. */
function Lineage({ model, detail }: { readonly model: ModelState; readonly detail: NodeDetail }): ReactNode {
  const { t } = useTranslation();
  const catalog = useStore((state) => state.catalog);
  const [all, setAll] = useState(false);
  const { timeline } = model;
  const first = timeline.branch[0]!;
  const origins = all ? detail.origins : detail.origins.slice(0, 8);
  const unchanged = detail.history.length === 0;
  return (
    <Section id="lineage" title={t("inspector.lineage")} note={unchanged ? undefined : detail.history.length}>
      {unchanged ? (
        <p className="note">{t("inspector.imported")}</p>
      ) : (
        <>
          <p className="lineage-label">{t("inspector.from")}</p>
          <ul className="origins">
            {origins.map((origin) => (
              <li key={origin.id}>
                <button
                  type="button"
                  className={`origin ${origin.alive ? "" : "origin-gone"}`}
                  title={origin.alive ? t("inspector.origin-here") : t("inspector.origin-gone")}
                  onClick={() => {
                    if (origin.alive) act.select(model.id, [origin.id]);
                    else {
                      act.showBetween(model.id, first, model.b);
                      act.select(model.id, [origin.id], first);
                    }
                    canvas.current?.reveal([origin.id]);
                  }}
                >
                  <Name mono>{origin.label}</Name>
                </button>
              </li>
            ))}
          </ul>
          {detail.origins.length > 8 && (
            <button type="button" className="link-button" onClick={() => setAll(!all)}>
              {all ? t("inspector.fewer") : t("inspector.all", { count: detail.origins.length })}
            </button>
          )}
          <ol className="history">
            {detail.history.map((entry) => (
              <li key={entry.step}>
                <button type="button" className="link-line" onClick={() => act.goTo(model.id, entry.step)} disabled={positionOf(timeline, entry.step) < 0} data-testid="history-entry">
                  <span className="num faint">{positionOf(timeline, entry.step)}</span>
                  <span className="history-title">{catalog?.rewrites.find((rewrite) => rewrite.name === entry.rewrite)?.title ?? entry.rewrite}</span>
                  <span className="tag">{entry.kind}</span>
                </button>
              </li>
            ))}
          </ol>
        </>
      )}
    </Section>
  );
}
