import { Languages, X } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCheckText } from "../design/check-mark.tsx";
import * as format from "../design/format.ts";
import { Name } from "../design/name.tsx";
import { languages, type Language } from "../i18n/index.ts";
import * as act from "../state/actions.ts";
import { positionOf, stepOf } from "../state/steps.ts";
import { activeModel, useStore, type TaskState } from "../state/store.ts";
import { BriefNotice } from "./notices.tsx";

export function StatusBar(): ReactNode {
  const { t, i18n } = useTranslation();
  const model = useStore(activeModel);
  const tasks = useStore((state) => state.tasks);
  const checkText = useCheckText();
  const next: Language = i18n.language === "en" ? "zh-CN" : "en";
  const first = model && stepOf(model.timeline, model.a);
  const now = model && stepOf(model.timeline, model.b);
  const last = model?.verification;
  return (
    <footer className="status-place">
      <div className="status-bar" data-testid="status-bar">
      {model && now ? (
        <>
          <Name className="status-file">{model.name}</Name>
          <span className="num">{t("status.step", { step: positionOf(model.timeline, model.b), last: model.timeline.branch.length - 1 })}</span>
          <span className="num" data-testid="status-nodes">
            {first && first.id !== now.id ? t("status.nodes-between", { a: format.count(first.cost.nodes), b: format.count(now.cost.nodes) }) : t("status.nodes", { count: now.cost.nodes })}
          </span>
          {now.cost.flops > 0 && <span className="num status-optional">{format.costFlops(now.cost)}</span>}
          {now.cost.peakBytes !== undefined && <span className="num status-optional">{t("status.peak", { bytes: format.bytes(now.cost.peakBytes) })}</span>}
          {last?.to === now.id && <span className="num status-optional" data-testid="status-check">{checkText(last.check)}</span>}
        </>
      ) : (
        <span>{t("status.ready")}</span>
      )}
      <span className="spacer" />
      <BriefNotice />
      <Tasks tasks={tasks} />
      <button type="button" className="status-button" onClick={() => act.changeSettings({ language: next })} title={t("status.language", { language: languages[next].name })} aria-label={t("status.language", { language: languages[next].name })} data-testid="language">
        <Languages size={12} aria-hidden />
        {i18n.language === "en" ? "en" : "中文"}
      </button>
      </div>
    </footer>
  );
}

/** Short work never shows: a bar that flashes says nothing. */
const patience = 150;

function Tasks({ tasks }: { readonly tasks: readonly TaskState[] }): ReactNode {
  const { t } = useTranslation();
  const [now, setNow] = useState(() => performance.now());
  const waiting = tasks.some((task) => now - task.started < patience);
  useEffect(() => {
    if (tasks.length === 0) return;
    const timer = setTimeout(() => setNow(performance.now()), waiting ? patience : 1000);
    return () => clearTimeout(timer);
  }, [tasks, waiting, now]);
  const shown = tasks.filter((task) => now - task.started >= patience || task.fraction !== undefined);
  const task = shown.at(-1);
  return (
    <>
      {/* What is under way is spoken when it begins, not with every percent. */}
      <span className="unseen" role="status">{task && (task.cancelling ? t("status.cancelling") : task.title)}</span>
      {task && <Task task={task} others={shown.length - 1} />}
    </>
  );
}

function Task({ task, others }: { readonly task: TaskState; readonly others: number }): ReactNode {
  const { t } = useTranslation();
  return (
    <div className="task" data-testid="task">
      {others > 0 && <span className="faint num">+{others}</span>}
      <span className="task-title">{task.cancelling ? t("status.cancelling") : task.title}</span>
      {task.label && !task.cancelling && <Name className="task-label faint">{task.label}</Name>}
      <span className="progress" role="progressbar" aria-label={task.title} aria-valuemin={0} aria-valuemax={100} {...(task.fraction === undefined ? {} : { "aria-valuenow": Math.round(task.fraction * 100) })}>
        <span className={task.fraction === undefined ? "progress-unknown" : ""} style={task.fraction === undefined ? undefined : { width: `${task.fraction * 100}%` }} />
      </span>
      {task.fraction !== undefined && <span className="num task-percent">{format.percent(task.fraction)}</span>}
      <button type="button" className="icon-button tiny" aria-label={t("status.cancel", { title: task.title })} title={t("status.cancel", { title: task.title })} disabled={task.cancelling} onClick={task.cancel} data-testid="cancel-task">
        <X size={12} aria-hidden />
      </button>
    </div>
  );
}
