import { CircleSlash, GripVertical, RotateCcw, X } from "lucide-react";
import { Switch } from "radix-ui";
import { useState, type DragEvent, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../design/button.tsx";
import { Name } from "../../design/name.tsx";
import { useRoving } from "../../design/roving.ts";
import * as act from "../../state/actions.ts";
import { flat } from "../../state/plan.ts";
import type { Block } from "../../state/steps.ts";
import { useStore, type ModelState } from "../../state/store.ts";

interface PlanListProps {
  readonly model: ModelState;
  readonly blocks: readonly Block[];
  readonly titleOf: (pass: string) => string;
}

/** The order of the next run: passes can be moved (by dragging, or Alt with an arrow key) and left out. */
export function PlanList({ model, blocks, titleOf }: PlanListProps): ReactNode {
  const { t } = useTranslation();
  const catalog = useStore((state) => state.catalog);
  const [dragged, setDragged] = useState<string>();
  const [over, setOver] = useState<string>();
  const { all } = act.currentPlan(model);
  const order = flat(all);
  const left = model.skipped.filter((name) => name.includes("@"));
  const changed = model.plan !== null || model.skipped.length > 0;
  const grips = useRoving<HTMLUListElement>("list");
  const drop = (event: DragEvent, pass: string): void => {
    event.preventDefault();
    if (dragged !== undefined) act.reorderPass(model.id, dragged, order.indexOf(pass));
    setDragged(undefined);
    setOver(undefined);
  };
  const key = (pass: string) => (event: KeyboardEvent<HTMLElement>): void => {
    const by = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    if (by === 0 || !event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    act.reorderPass(model.id, pass, order.indexOf(pass) + by);
    // The row is moved, not made anew, and browsers drop the focus of what moves.
    const grip = event.currentTarget;
    requestAnimationFrame(() => grip.focus());
  };
  return (
    <section aria-label={t("pipeline.plan")} data-testid="plan">
      <h2 className="list-title plan-title">
        {t("pipeline.plan")}
        {changed && (
          <IconButton label={t("pipeline.reset")} className="small" onClick={() => act.resetPlan(model.id)} data-testid="reset-plan">
            <RotateCcw size={12} />
          </IconButton>
        )}
      </h2>
      <ul ref={grips} className="pass-list" aria-label={t("pipeline.plan")} aria-describedby="plan-help">
        {order.map((pass, index) => {
          const skipped = model.skipped.includes(pass);
          const state = stateOf(blocks, pass);
          const summary = catalog?.passes.find((each) => each.name === pass)?.summary ?? catalog?.rewrites.find((each) => each.name === pass)?.summary ?? "";
          return (
            <li
              key={pass}
              className={`planned ${skipped ? "planned-skipped" : ""} ${over === pass && dragged !== pass ? "planned-over" : ""} ${index === all.passes.length && index > 0 ? "planned-final" : ""}`}
              data-testid="planned-pass"
              data-pass={pass}
              data-below={over === pass && dragged !== undefined && order.indexOf(dragged) < index}
              draggable
              onDragStart={(event) => {
                event.dataTransfer.effectAllowed = "move";
                event.dataTransfer.setData("text/plain", pass);
                setDragged(pass);
              }}
              onDragEnd={() => { setDragged(undefined); setOver(undefined); }}
              onDragOver={(event) => {
                if (dragged === undefined) return;
                event.preventDefault();
                if (over !== pass) setOver(pass);
              }}
              onDrop={(event) => drop(event, pass)}
            >
              <button type="button" data-row className="grip" aria-label={t("pipeline.move", { pass: titleOf(pass), position: index + 1, count: order.length })} aria-keyshortcuts="Alt+ArrowUp Alt+ArrowDown" onKeyDown={key(pass)} data-testid="pass-grip">
                <GripVertical size={12} aria-hidden />
              </button>
              {skipped ? <CircleSlash size={12} aria-hidden className="planned-mark" /> : <span className={`dot dot-${state}`} role="img" aria-label={t(`pipeline.state-${state}`)} />}
              <span className="pass-title" title={summary ? `${titleOf(pass)}\n${summary}` : titleOf(pass)}>{titleOf(pass)}</span>
              {index >= all.passes.length && <span className="tag" title={t("pipeline.once-hint")}>{t("pipeline.once")}</span>}
              <Switch.Root className="switch" checked={!skipped} onCheckedChange={(run) => act.setSkipped(model.id, pass, !run)} aria-label={t("pipeline.include", { pass: titleOf(pass) })} data-testid="skip-toggle">
                <Switch.Thumb className="switch-thumb" />
              </Switch.Root>
            </li>
          );
        })}
      </ul>
      <p id="plan-help" className="unseen">{t("pipeline.move-help")}</p>
      {left.length > 0 && (
        <>
          <h3 className="list-title">{t("pipeline.left-out")}</h3>
          <ul className="left-out">
            {left.map((name) => (
              <li key={name} data-testid="left-out">
                <Name mono>{name}</Name>
                <IconButton label={t("pipeline.take-in", { name })} className="small" onClick={() => act.takeIn(model.id, name)}><X size={12} /></IconButton>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function stateOf(blocks: readonly Block[], pass: string): "waiting" | "changed" | "no-op" | "failed" {
  const own = blocks.filter((block) => block.kind === "run" && block.run.pass === pass);
  if (own.length === 0) return "waiting";
  if (own.some((block) => block.kind === "run" && block.runs.some((run) => run.error))) return "failed";
  return own.some((block) => block.steps.length > 0) ? "changed" : "no-op";
}
