/** A node's tensor program beside the C that is generated from it, lines linked. */
import { Braces } from "lucide-react";
import { Suspense, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import type { LineRange } from "../../editor/code-editor.tsx";
import { CodeEditor } from "../../editor/lazy.tsx";
import { useQuery } from "../../state/query.ts";
import type { Panel, PanelProps } from "../panel.ts";

const within = (line: number, [first, last]: LineRange): boolean => first <= line && line <= last;

function ProgramPanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const node = model.selected[0];
  const { data, error } = useQuery("program", node === undefined ? null : { model: model.id, step: model.selectedStep, node });
  const [at, setAt] = useState<{ readonly side: "program" | "source"; readonly line: number }>();
  const linked = useMemo(() => {
    const links = data && at ? data.links.filter((link) => within(at.line, link[at.side])) : [];
    // The innermost link: the one that covers the fewest lines on the side where the cursor is.
    const [best] = [...links].sort((a, b) => a[at!.side][1] - a[at!.side][0] - (b[at!.side][1] - b[at!.side][0]));
    return { program: best ? [best.program] : [], source: best ? [best.source] : [] };
  }, [data, at]);
  if (node === undefined) return <Empty icon={Braces} title={t("program.empty-title")}>{t("program.empty")}</Empty>;
  if (error) return <Failed title={t("error.program")} error={error} />;
  if (!data) return <Loading />;
  return (
    <div className="program-panel" data-testid="program-panel">
      <section aria-label={t("program.program")}>
        <h2 className="sub-bar">
          {t("program.program")}
          <span className="spacer" />
          {data.schedule.length > 0 && <span className="faint" title={data.schedule.join("\n")}>{t("program.schedule", { count: data.schedule.length })}</span>}
        </h2>
        <Suspense fallback={<Loading />}>
          <CodeEditor text={data.program} language="graphwright-program" label={t("program.program")} highlight={linked.program} onLine={(line) => setAt({ side: "program", line })} testId="tensor-program" />
        </Suspense>
      </section>
      <section aria-label={t("program.source")}>
        <h2 className="sub-bar">{t("program.source")}</h2>
        <Suspense fallback={<Loading />}>
          <CodeEditor text={data.source} language="c" label={t("program.source")} highlight={linked.source} onLine={(line) => setAt({ side: "source", line })} testId="c-source" />
        </Suspense>
      </section>
    </div>
  );
}

export const programPanel = { id: "program", area: "lower", icon: Braces, component: ProgramPanel } as const satisfies Panel;
