/** The text form of a step, or of two steps side by side, under the same selection as the graph. */
import type { NodeId, StepId, TextView } from "@graphwright/compiler-core";
import { Columns2, FileText, Rows2 } from "lucide-react";
import { Suspense, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../design/button.tsx";
import { Failed, Loading } from "../../design/states.tsx";
import type { LineRange } from "../../editor/code-editor.tsx";
import { CodeEditor, DiffEditor } from "../../editor/lazy.tsx";
import * as act from "../../state/actions.ts";
import { canvas } from "../../state/canvas.ts";
import { useQuery, useSettled } from "../../state/query.ts";
import { branchOf, depthOf } from "../../state/steps.ts";
import { useStore } from "../../state/store.ts";
import type { Panel, PanelProps } from "../panel.ts";

const textIr = "graphwright-ir";

/** The innermost node that a line belongs to. */
function nodeAt(view: TextView, line: number): NodeId | undefined {
  let best: readonly [NodeId, number, number] | undefined;
  for (const range of view.lines) {
    if (range[1] <= line && line <= range[2] && (!best || range[2] - range[1] < best[2] - best[1])) best = range;
  }
  return best?.[0];
}

const linesOf = (view: TextView | undefined, nodes: readonly NodeId[]): readonly LineRange[] =>
  view ? view.lines.filter(([node]) => nodes.includes(node)).map(([, first, last]) => [first, last]) : [];

function TextPanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const sideBySide = useStore((state) => state.settings.diffSideBySide);
  const [changes, setChanges] = useState<number>();
  // Texts are large: while a key is held only the graph follows every step.
  const [a, b] = [useSettled(model.a), useSettled(model.b)];
  const comparing = a !== b;
  const after = useQuery("text", { model: model.id, step: b });
  const before = useQuery("text", comparing ? { model: model.id, step: a } : null);
  const [afterText, beforeText] = [after.data ?? after.last, before.data ?? before.last];
  const selected = model.selected;
  const highlightAfter = useMemo(() => linesOf(afterText, selected), [afterText, selected]);
  const highlightBefore = useMemo(() => linesOf(beforeText, selected), [beforeText, selected]);
  const error = after.error ?? before.error;
  if (error) return <Failed title={t("error.text")} error={error} />;
  if (!afterText || (comparing && !beforeText)) return <Loading />;

  const pick = (view: TextView, step: StepId, line: number): void => {
    const node = nodeAt(view, line);
    if (node === undefined || (selected.length === 1 && selected[0] === node)) return;
    act.select(model.id, [node], step);
    canvas.current?.reveal([node]);
  };
  const name = (step: StepId): string => {
    const branch = branchOf(model.timeline, step);
    return t("text.step", { step: depthOf(model.timeline, step) }) + (branch === undefined ? "" : ` (${t("timeline.branch-name", { number: branch })})`);
  };
  return (
    <div className="text-panel" data-testid="text-panel" data-comparing={comparing}>
      {comparing && (
        <div className="sub-bar">
          <span className="num">
            {name(a)} → {name(b)}
          </span>
          {changes !== undefined && <span className="faint" data-testid="text-changes">{t("text.changes", { count: changes })}</span>}
          <span className="spacer" />
          <IconButton label={sideBySide ? t("text.inline") : t("text.side-by-side")} onClick={() => act.changeSettings({ diffSideBySide: !sideBySide })}>
            {sideBySide ? <Rows2 size={14} /> : <Columns2 size={14} />}
          </IconButton>
        </div>
      )}
      <Suspense fallback={<Loading label={t("text.loading-editor")} />}>
        {comparing && beforeText ? (
          <DiffEditor
            before={beforeText.text}
            after={afterText.text}
            language={textIr}
            label={t("text.diff-label")}
            sideBySide={sideBySide}
            highlightBefore={highlightBefore}
            highlightAfter={highlightAfter}
            onLine={(side, line) => (side === "before" ? pick(beforeText, a, line) : pick(afterText, b, line))}
            onChanges={setChanges}
            testId="text-diff"
          />
        ) : (
          <CodeEditor text={afterText.text} language={textIr} label={t("text.label")} highlight={highlightAfter} onLine={(line) => pick(afterText, b, line)} testId="text-editor" />
        )}
      </Suspense>
    </div>
  );
}

export const textPanel = { id: "text", area: "lower", icon: FileText, component: TextPanel } as const satisfies Panel;
