/** Runs the step that is shown, on random or given inputs, and shows what comes out. */
import { Play, Sigma, Upload, X } from "lucide-react";
import { useId, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "../../design/button.tsx";
import * as format from "../../design/format.ts";
import { Name } from "../../design/name.tsx";
import { Empty } from "../../design/states.tsx";
import { SelectBox } from "../../design/select-box.tsx";
import { loadInputFile, loadInputUrl, runModel, type GivenInput } from "../../state/run-model.ts";
import { positionOf } from "../../state/steps.ts";
import { useStore, type ModelState } from "../../state/store.ts";
import type { Panel, PanelProps } from "../panel.ts";
import "./values.css";

function ValuesPanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const [seed, setSeed] = useState(1);
  const [inputs, setInputs] = useState<Readonly<Record<string, GivenInput>>>({});
  const seedId = useId();
  const set = (name: string, input: GivenInput | undefined): void =>
    setInputs((before) => {
      const next = { ...before };
      if (input) next[name] = input;
      else delete next[name];
      return next;
    });
  const run = model.run;
  return (
    <div className="values-panel" data-testid="values-panel">
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
            <Play size={13} aria-hidden /> {t("values.run")}
          </Button>
        </div>
      </form>
      <div className="scroll values-results">
        {!run && <Empty icon={Sigma} title={t("values.empty-title")}>{t("values.empty")}</Empty>}
        {run && (
          <>
            <p className="values-note faint num" data-testid="values-note">
              {t("values.at", { step: positionOf(model.timeline, run.step), seed: run.seed, time: format.milliseconds(run.result.milliseconds) })}
              {run.step !== model.b && <span className="tag">{t("values.stale")}</span>}
            </p>
            {run.result.outputs.map((output) => (
              <Output key={output.name} output={output} />
            ))}
          </>
        )}
      </div>
    </div>
  );
}

interface InputRowProps {
  readonly model: ModelState;
  readonly name: string;
  readonly type: string;
  readonly given: GivenInput | undefined;
  readonly onGive: (input: GivenInput | undefined) => void;
}

function InputRow({ model, name, type, given, onGive }: InputRowProps): ReactNode {
  const { t } = useTranslation();
  const file = useRef<HTMLInputElement>(null);
  const examples = useStore((state) => state.examples);
  const samples = examples?.find((example) => example.models.some((each) => each.id === model.file.id))?.files.filter((each) => /\.npy$/i.test(each.name)) ?? [];
  const give = async (loading: Promise<GivenInput | undefined>): Promise<void> => {
    const input = await loading;
    if (input) onGive(input);
  };
  return (
    <div className="values-input">
      <Name mono>{name}</Name>
      <span className="faint mono values-type">{given ? `${given.label} [${given.dims.join(", ")}]` : type}</span>
      {samples.length > 0 && (
        <SelectBox
          small
          label={t("values.sample", { name })}
          value={samples.find((each) => each.name === given?.label)?.name ?? "random"}
          options={[{ value: "random", label: t("values.random") }, ...samples.map((each) => ({ value: each.name, label: each.name }))]}
          onChange={(choice) => (choice === "random" ? onGive(undefined) : void give(loadInputUrl(model.id, samples.find((each) => each.name === choice)!)))}
          testId="sample-select"
        />
      )}
      <input ref={file} type="file" accept=".npy" hidden onChange={(event) => event.target.files?.[0] && void give(loadInputFile(model.id, event.target.files[0]))} />
      {given ? (
        <IconButton label={t("values.use-random")} className="small" type="button" onClick={() => onGive(undefined)}><X size={13} /></IconButton>
      ) : (
        <IconButton label={t("values.load")} className="small" type="button" onClick={() => file.current?.click()}><Upload size={13} /></IconButton>
      )}
    </div>
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
