import type { CheckView } from "@graphwright/compiler-core";
import { CircleCheck, CircleDashed, CircleX } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import * as format from "./format.ts";
import { Tip } from "./button.tsx";
import { EngineNote } from "./engine-line.tsx";
import { noteIn } from "../i18n/compiler.ts";

const icons = { identical: CircleCheck, rounding: CircleCheck, different: CircleX, "not-checked": CircleDashed } as const;

/** One line for a check: "rounding, max 2.4e−7". */
export function useCheckText(): (check: CheckView) => string {
  const { t } = useTranslation();
  return (check) =>
    check.verdict === "rounding" || check.verdict === "different"
      ? t(`check.${check.verdict}-with`, { error: format.error(check.maxAbs) })
      : t(`check.${check.verdict}`);
}

/** Verdict of a numerical check as a mark with its numbers on hover. */
export function CheckMark({ check, short = false }: { readonly check: CheckView; readonly short?: boolean }): ReactNode {
  const text = useCheckText()(check);
  const Icon = icons[check.verdict];
  return (
    <Tip text={<CheckNumbers check={check} />}>
      <span className={`check check-${check.verdict}`} data-verdict={check.verdict} tabIndex={short ? -1 : 0} {...(short ? { role: "img", "aria-label": text } : {})}>
        <Icon size={13} aria-hidden />
        {!short && <span>{text}</span>}
      </span>
    </Tip>
  );
}

export function CheckNumbers({ check }: { readonly check: CheckView }): ReactNode {
  const { t, i18n } = useTranslation();
  const worst = check.worst;
  return (
    <>
      {check.verdict !== "not-checked" && (
        <dl className="numbers">
          <Row label={t("check.max-abs")} value={format.error(check.maxAbs)} />
          <Row label={t("check.max-rel")} value={format.error(check.maxRel)} />
          <Row label={t("check.max-ulp")} value={format.number(check.maxUlp)} />
          <Row label={t("check.runs")} value={String(check.runs)} />
          <Row label={t("check.scope")} value={t(`check.scope-${check.scope}`)} />
          {worst && <Row label={t("check.worst")} value={`${worst.output}[${worst.index.join(", ")}]  ${format.number(worst.a)} → ${format.number(worst.b)}`} />}
        </dl>
      )}
      {check.scope === "model" && check.verdict !== "not-checked" && <EngineNote engine={check.engine} />}
      {check.note && <div className="numbers-note">{noteIn(check.note, i18n.language)}</div>}
    </>
  );
}

function Row({ label, value }: { readonly label: string; readonly value: string }): ReactNode {
  return (
    <div>
      <dt>{label}</dt>
      <dd className="num">{value}</dd>
    </div>
  );
}
