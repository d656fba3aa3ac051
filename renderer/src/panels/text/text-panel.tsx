/** The text form of a step, or of two steps side by side, under the same selection as the graph. */
import type { ModelId, NodeId, StepId, TextView } from "@graphwright/compiler-core";
import type { TFunction } from "i18next";
import { Columns2, FileText, Rows2 } from "lucide-react";
import { Suspense, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../design/button.tsx";
import { Failed, Loading } from "../../design/states.tsx";
import type { LineRange } from "../../editor/code-editor.tsx";
import type { TextAssist } from "../../editor/text-ir-assist.ts";
import { CodeEditor, DiffEditor } from "../../editor/lazy.tsx";
import * as act from "../../state/actions.ts";
import { canvas } from "../../state/canvas.ts";
import { query, useQuery, useSettled } from "../../state/query.ts";
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

/** What hovering says: operator, shapes in and out, and what it was made from. */
function assistOf(t: TFunction, view: TextView, model: ModelId, step: StepId): TextAssist {
  // In Markdown a name is code, whatever characters it has.
  const code = (text: string): string => `\`${text.replaceAll("`", "'")}\``;
  return {
    nodeAt: (line) => nodeAt(view, line),
    async describe(node) {
      const { node: shown, origins, history, operator } = await query("node", { model, step, node });
      const title = shown.kind === "fused" ? shown.parts.join(" + ") : shown.kind === "parameter" ? t("inspector.kind-parameter") : shown.op;
      const value = (name: string, type: string): string => `- ${code(name)} ${code(type)}`;
      const made = history.length === 0 ? [] : [`${t("inspector.from")}: ${origins.slice(0, 6).map((each) => code(each.label)).join(", ")}${origins.length > 6 ? " …" : ""}`];
      return [
        `**${title}** ${code(shown.name)}${shown.detail ? ` ${shown.detail}` : ""}${operator ? `\n\n${operator.summary}` : ""}`,
        ...(shown.inputs.length > 0 ? [`${t("inspector.inputs")}\n${shown.inputs.filter((each) => each.from !== undefined).map((each) => value(each.name, each.type)).join("\n")}`] : []),
        `${t("inspector.outputs")}\n${shown.outputs.map((each) => value(each.name, each.type)).join("\n")}`,
        ...made,
      ];
    },
  };
}

function TextPanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const { diffSideBySide: sideBySide, diffOnlyChanged: onlyChanged } = useStore((state) => state.settings);
  const [changes, setChanges] = useState<number>();
  // Texts are large: while a key is held only the graph follows every step.
  const [a, b] = [useSettled(model.a), useSettled(model.b)];
  const comparing = a !== b;
  const one = useQuery("text", comparing ? null : { model: model.id, step: b });
  const two = useQuery("textDiff", comparing ? { model: model.id, step: b, base: a } : null);
  const diff = comparing ? (two.data ?? two.last) : undefined;
  const [afterText, beforeText] = [diff ? diff.after : (one.data ?? one.last), diff?.before];
  const selected = model.selected;
  const highlightAfter = useMemo(() => linesOf(afterText, selected), [afterText, selected]);
  const highlightBefore = useMemo(() => linesOf(beforeText, selected), [beforeText, selected]);
  const id = model.id;
  const assistAfter = useMemo(() => afterText && assistOf(t, afterText, id, b), [t, afterText, id, b]);
  const assistBefore = useMemo(() => beforeText && assistOf(t, beforeText, id, a), [t, beforeText, id, a]);
  const error = one.error ?? two.error;
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
          {changes !== undefined && <span className="faint" data-testid="text-changes">{t("text.changes", { count: diff?.places ?? changes })}</span>}
          {diff?.places !== undefined && diff.shown !== diff.places && <span className="faint" data-testid="text-first">{t("text.first", { count: diff.shown ?? 0 })}</span>}
          <span className="spacer" />
          <button type="button" className="chip" aria-pressed={onlyChanged} onClick={() => act.changeSettings({ diffOnlyChanged: !onlyChanged })} data-testid="text-only-changed">{t("text.only-changed")}</button>
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
            onlyChanged={onlyChanged}
            numbersBefore={diff?.before.numbers}
            numbersAfter={diff?.after.numbers}
            assistBefore={assistBefore}
            assistAfter={assistAfter}
            highlightBefore={highlightBefore}
            highlightAfter={highlightAfter}
            onLine={(side, line) => (side === "before" ? pick(beforeText, a, line) : pick(afterText, b, line))}
            onChanges={setChanges}
            testId="text-diff"
          />
        ) : (
          <CodeEditor text={afterText.text} language={textIr} label={t("text.label")} highlight={highlightAfter} assist={assistAfter} onLine={(line) => pick(afterText, b, line)} testId="text-editor" />
        )}
      </Suspense>
    </div>
  );
}

export const textPanel = { id: "text", area: "lower", icon: FileText, component: TextPanel } as const satisfies Panel;
