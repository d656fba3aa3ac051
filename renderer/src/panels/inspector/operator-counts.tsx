import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import * as format from "../../design/format.ts";
import { Section } from "./section.tsx";

const shownAtFirst = 12;

/** How many nodes there are of each operator, the most frequent first. */
export function OperatorCounts({ counts }: { readonly counts: readonly { readonly op: string; readonly count: number }[] }): ReactNode {
  const { t } = useTranslation();
  const [all, setAll] = useState(false);
  const most = Math.max(1, ...counts.map((each) => each.count));
  const shown = all ? counts : counts.slice(0, shownAtFirst);
  return (
    <Section id="operators" title={t("inspector.operators")} note={counts.length}>
      <table className="operators">
        <tbody>
          {shown.map(({ op, count }) => (
            <tr key={op}>
              <td title={op}>{op === "graphwright.Fused" ? t("inspector.kind-fused") : op}</td>
              <td className="bar-cell"><span className="bar" style={{ width: `${(count / most) * 100}%` }} /></td>
              <td className="num">{format.count(count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {counts.length > shownAtFirst && (
        <button type="button" className="link-button" onClick={() => setAll(!all)}>
          {all ? t("inspector.fewer") : t("inspector.all", { count: counts.length })}
        </button>
      )}
    </Section>
  );
}
