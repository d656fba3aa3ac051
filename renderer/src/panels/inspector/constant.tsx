import type { InputView, StepId, TensorView } from "@graphwright/compiler-core";
import { ChevronRight } from "lucide-react";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import * as format from "../../design/format.ts";
import { Histogram } from "../../design/histogram.tsx";
import { Name } from "../../design/name.tsx";
import { Failed, Loading } from "../../design/states.tsx";
import { useQuery } from "../../state/query.ts";
import type { ModelState } from "../../state/store.ts";
import { Pairs } from "./section.tsx";

interface ConstantProps {
  readonly model: ModelState;
  readonly step: StepId;
  readonly input: InputView;
  readonly open: boolean;
}

/** A constant input: its type, and on opening its statistics and distribution. */
export function Constant({ model, step, input, open: openAtFirst }: ConstantProps): ReactNode {
  const [open, setOpen] = useState(openAtFirst);
  return (
    <li data-testid="constant-row">
      <button type="button" className="link-line" aria-expanded={open} onClick={() => setOpen(!open)}>
        <ChevronRight size={12} className="chevron" aria-hidden />
        <span className="port">{input.label}</span>
        <Name mono>{input.name}</Name>
        <span className="type">
          <Name mono>{input.type}</Name>
        </span>
      </button>
      {open && input.from !== undefined && <Statistics model={model} step={step} node={input.from} />}
    </li>
  );
}

export function Statistics({ model, step, node }: { readonly model: ModelState; readonly step: StepId; readonly node: number }): ReactNode {
  const { t } = useTranslation();
  const { data, error } = useQuery("tensor", { model: model.id, step, node: node as TensorNode });
  if (error) return <Failed title={t("error.tensor")} error={error} />;
  if (!data) return <Loading />;
  return <TensorStatistics tensor={data} />;
}
type TensorNode = NonNullable<InputView["from"]>;

function TensorStatistics({ tensor }: { readonly tensor: TensorView }): ReactNode {
  const { t } = useTranslation();
  const s = tensor.statistics;
  const few = tensor.count <= 1;
  return (
    <div className="statistics" data-testid="tensor-statistics">
      {s && !few && (
        <>
          <Histogram histogram={s.histogram} label={t("tensor.histogram", { name: tensor.name, low: format.number(s.min), high: format.number(s.max) })} />
          <dl className="stat-grid">
            {(
              [
                ["min", s.min], ["max", s.max], ["mean", s.mean], ["deviation", s.deviation],
              ] as const
            ).map(([key, value]) => (
              <div key={key}>
                <dt>{t(`tensor.${key}`)}</dt>
                <dd className="num">{format.number(value)}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
      <Pairs
        rows={[
          [t("tensor.count"), <span key="v" className="num">{format.count(tensor.count)}</span>],
          [t("tensor.bytes"), <span key="v" className="num">{format.bytes(tensor.bytes)}</span>],
          !!s && s.zeros > 0 && [t("tensor.zeros"), <span key="v" className="num">{format.count(s.zeros)} ({format.percent(s.zeros / tensor.count)})</span>],
          !!s && s.distinct !== null && !few && [t("tensor.distinct"), <span key="v" className="num">{format.count(s.distinct)}</span>],
          !!s && s.nans > 0 && [t("tensor.nans"), <span key="v" className="num bad">{format.count(s.nans)}</span>],
          !!s && s.infinities > 0 && [t("tensor.infinities"), <span key="v" className="num bad">{format.count(s.infinities)}</span>],
        ]}
      />
      {tensor.sample.length > 0 && (
        <p className="sample mono" title={tensor.sample.join(", ")}>
          [{tensor.sample.slice(0, 8).join(", ")}
          {tensor.count > 8 && ", …"}]
        </p>
      )}
    </div>
  );
}
