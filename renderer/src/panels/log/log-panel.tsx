/** Everything the compiler and the host said, latest first. */
import { CircleAlert, Info, ScrollText, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { DiagnosticView } from "../../design/diagnostic.tsx";
import { useRoving } from "../../design/roving.ts";
import { Empty } from "../../design/states.tsx";
import { useStore } from "../../state/store.ts";
import type { Panel, PanelProps } from "../panel.ts";
import "./log.css";

const icons = { error: CircleAlert, warning: TriangleAlert, info: Info } as const;

function LogPanel({ model }: PanelProps): ReactNode {
  const { t, i18n } = useTranslation();
  const log = useStore((state) => state.log);
  const rows = useRoving<HTMLUListElement>("list");
  const entries = log.filter((entry) => entry.model === null || entry.model === model.id).reverse();
  if (entries.length === 0) return <Empty icon={ScrollText} title={t("log.empty-title")}>{t("log.empty")}</Empty>;
  const clock = new Intl.DateTimeFormat(i18n.language, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return (
    <ul ref={rows} className="scroll log" aria-label={t("panel.log")} data-testid="log-panel">
      {entries.map(({ id, time, diagnostic }) => {
        const Icon = icons[diagnostic.severity];
        return (
          <li key={id} data-row tabIndex={-1} className={`log-entry log-${diagnostic.severity}`} data-code={diagnostic.code}>
            <time className="num faint">{clock.format(time)}</time>
            <Icon size={14} role="img" aria-label={t(`severity.${diagnostic.severity}`)} />
            <DiagnosticView diagnostic={diagnostic} />
            <code className="log-code faint">{diagnostic.code}</code>
          </li>
        );
      })}
    </ul>
  );
}

export const logPanel = { id: "log", area: "lower", icon: ScrollText, component: LogPanel } as const satisfies Panel;
