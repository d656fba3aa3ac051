/** Runs the step that is shown and shows every value: outputs, what nodes compute, weights; alone or before and after. */
import type { KeptValueView, TensorRef } from "@graphwright/compiler-core";
import { Play, Sigma } from "lucide-react";
import { useId, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button.tsx";
import { EngineLine } from "../../design/engine-line.tsx";
import * as format from "../../design/format.ts";
import { Name } from "../../design/name.tsx";
import { Empty } from "../../design/states.tsx";
import * as act from "../../state/actions.ts";
import { canvas } from "../../state/canvas.ts";
import { useQuery } from "../../state/query.ts";
import { runModel, type GivenInput } from "../../state/run-model.ts";
import { depthOf } from "../../state/steps.ts";
import type { ModelState } from "../../state/store.ts";
import type { Panel, PanelProps } from "../panel.ts";
import { InputRow } from "./input-row.tsx";
import { TensorViewer } from "./tensor-viewer.tsx";
import "./values.css";

const listedValues = 300;

/** One tensor to look at: of a run, or a constant. */
export interface Choice {
  readonly key: string;
  readonly label: string;
  readonly name: string;
  readonly tensor: TensorRef;
}

function ValuesPanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const [seed, setSeed] = useState(1);
  const [inputs, setInputs] = useState<Readonly<Record<string, GivenInput>>>({});
  const [filter, setFilter] = useState("");
  const [chosen, setChosen] = useState<string>();
  const seedId = useId();
  const set = (name: string, input: GivenInput | undefined): void =>
    setInputs((before) => {
      const next = { ...before };
      if (input) next[name] = input;
      else delete next[name];
      return next;
    });
  const run = model.run;
  const kept = run?.result.kept;
  const words = filter.trim().toLowerCase();
  const values = useMemo(() => kept?.values.filter((value) => value.name.toLowerCase().includes(words)) ?? [], [kept, words]);
  const choices = useChoices(model);
  const shown = choices.find((choice) => choice.key === chosen) ?? choices[0];
  const pick = (value: KeptValueView): void => {
    setChosen(`value/${value.node}/${value.output}`);
    act.select(model.id, [value.node], run!.step);
    canvas.current?.reveal([value.node]);
  };
  return (
    <div className="values-panel" data-testid="values-panel">
      <div className="values-side">
        <form
          className="values-form"
          onSubmit={(event) => {
            event.preventDefault();
            void runModel(model.id, seed, inputs);
          }}
        >
          <h2 className="list-title">{t("values.inputs")}</h2>
          {model.summary.inputs.map((input) => (
            <InputRow key={input.name} model={model} name={input.name} type={input.type} given={inputs[input.name]} onGive={(value) => set(input.name, value)} />
          ))}
          <div className="values-run">
            <label htmlFor={seedId}>{t("values.seed")}</label>
            <input id={seedId} className="input num" type="number" min={0} max={4294967295} value={seed} onChange={(event) => setSeed(Math.max(0, Math.trunc(Number(event.target.value)) || 0))} data-testid="seed" />
            <Button variant="primary" type="submit" data-testid="run-model">
              <Play size={13} aria-hidden /> {model.a === model.b ? t("values.run") : t("values.run-both")}
            </Button>
          </div>
        </form>
        {kept && (
          <>
            <div className="values-find">
              <input className="input" type="search" value={filter} onChange={(event) => setFilter(event.target.value)} placeholder={t("values.filter", { count: kept.values.length })} aria-label={t("values.filter", { count: kept.values.length })} />
            </div>
            <ul className="scroll kept-values" aria-label={t("values.kept")}>
              {values.slice(0, listedValues).map((value) => (
                <li key={`${value.node}/${value.output}`}>
                  <button type="button" className="row-button" aria-current={shown?.key === `value/${value.node}/${value.output}` ? "true" : undefined} disabled={!value.kept} onClick={() => pick(value)} title={`${value.name}\n${value.type}${value.kept ? "" : `\n${t("values.not-kept")}`}`} data-testid="kept-value" data-name={value.name}>
                    <Name mono>{format.withoutOutputSuffix(value.name)}</Name>
                    <span className="faint num">{value.dims.join("×") || "—"}</span>
                  </button>
                </li>
              ))}
              {values.length > listedValues && <li className="list-empty">{t("rewrites.more", { count: values.length - listedValues })}</li>}
            </ul>
            {kept.droppedBytes > 0 && <p className="note values-dropped">{t("values.dropped", { kept: format.bytes(kept.bytes), dropped: format.bytes(kept.droppedBytes) })}</p>}
          </>
        )}
      </div>
      {shown ? (
        <TensorViewer key={model.id} model={model} choices={choices} shown={shown} onChoose={setChosen} />
      ) : (
        <div className="scroll values-results">
          {!run && <Empty icon={Sigma} title={t("values.empty-title")}>{t("values.empty")}</Empty>}
          {run && <Results model={model} />}
        </div>
      )}
    </div>
  );
}

/** What there is to see at the selected node: what it computed, and the constants that go into it. */
function useChoices(model: ModelState): readonly Choice[] {
  const { t } = useTranslation();
  const node = model.selected[0];
  const step = model.selectedStep;
  const { data, last } = useQuery("node", node === undefined ? null : { model: model.id, step, node });
  const detail = data ?? (last?.node.id === node ? last : undefined);
  const run = model.run;
  return useMemo(() => {
    if (node === undefined || !detail) return [];
    const values = run?.step === step ? (run.result.kept?.values.filter((value) => value.node === node && value.kept) ?? []) : [];
    return [
      ...values.map((value): Choice => ({ key: `value/${node}/${value.output}`, label: t("values.output-of", { name: detail.operator?.outputs[value.output]?.name ?? value.output }), name: value.name, tensor: { model: model.id, step, node, output: value.output, run: run!.result.kept!.run } })),
      ...detail.node.inputs.flatMap((input): Choice[] => (input.constant && input.from !== undefined ? [{ key: `constant/${input.from}`, label: t("values.constant", { name: input.label }), name: input.name, tensor: { model: model.id, step, node: input.from } }] : [])),
    ];
  }, [node, step, detail, run, model.id, t]);
}

function Results({ model }: { readonly model: ModelState }): ReactNode {
  const { t } = useTranslation();
  const run = model.run!;
  return (
    <>
      <p className="values-note faint num" data-testid="values-note">
        {t("values.at", { step: depthOf(model.timeline, run.step), seed: run.seed, time: format.milliseconds(run.result.milliseconds) })}
        {run.step !== model.b && <span className="tag">{t("values.stale")}</span>}
      </p>
      <EngineLine engine={run.result.engine} />
      {run.result.outputs.map((output) => (
        <Output key={output.name} output={output} />
      ))}
      <p className="note values-hint">{t("values.hint")}</p>
    </>
  );
}

const listed = 32;

function Output({ output }: { readonly output: NonNullable<ModelState["run"]>["result"]["outputs"][number] }): ReactNode {
  const { t } = useTranslation();
  const shown = output.values.slice(0, listed);
  const most = Math.max(...shown.map(Math.abs), Number.MIN_VALUE);
  const best = output.values.length > 1 ? output.values.indexOf(Math.max(...output.values.slice(0, 10000))) : -1;
  const s = output.statistics;
  return (
    <section className="output" data-testid="output" aria-label={output.name}>
      <header>
        <Name mono>{output.name}</Name>
        <span className="faint mono">{output.type}</span>
        {s && <span className="faint num">{t("values.range", { min: format.number(s.min), max: format.number(s.max), mean: format.number(s.mean) })}</span>}
        {s && s.nans + s.infinities > 0 && <span className="tag bad">{t("values.not-finite", { count: s.nans + s.infinities })}</span>}
      </header>
      <ol className="value-list">
        {shown.map((value, index) => (
          <li key={index} className={index === best ? "value-best" : ""} data-best={index === best || undefined}>
            <span className="num faint">{index}</span>
            <span className="value-bar"><span style={{ width: `${(Math.abs(value) / most) * 100}%` }} /></span>
            <span className="num">{format.number(value)}</span>
          </li>
        ))}
      </ol>
      {output.count > listed && <p className="note">{t("values.first", { shown: listed, count: output.count })}</p>}
    </section>
  );
}

export const valuesPanel = { id: "values", area: "lower", icon: Sigma, component: ValuesPanel } as const satisfies Panel;
