import { GitBranch } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button.tsx";
import * as format from "../../design/format.ts";
import * as act from "../../state/actions.ts";
import { leavesOf, pathTo, stepOf } from "../../state/steps.ts";
import type { ModelState } from "../../state/store.ts";

/** The ends of the timeline's branches, to switch to and to compare with. */
export function BranchList({ model }: { readonly model: ModelState }): ReactNode {
  const { t } = useTranslation();
  const { timeline } = model;
  const leaves = leavesOf(timeline);
  if (leaves.length < 2) return null;
  const current = timeline.branch.at(-1)!;
  const first = timeline.steps[0]!.cost.nodes;
  return (
    <section aria-label={t("pipeline.branches")} data-testid="branch-list">
      <h2 className="list-title">{t("pipeline.branches")}</h2>
      <ul className="pass-list">
        {leaves.map((leaf, index) => {
          const path = pathTo(timeline, leaf.id);
          const fork = path.findLast((id) => timeline.steps.some((step) => step.parent === id && step.id !== path[path.indexOf(id) + 1]));
          return (
            <li key={leaf.id} className={`branch ${leaf.id === current ? "branch-current" : ""}`} data-testid="branch-row" data-step={leaf.id}>
              <button type="button" className="row-button" aria-current={leaf.id === current ? "true" : undefined} onClick={() => act.goTo(model.id, leaf.id)} title={t("pipeline.branch-hint", { steps: path.length - 1, rewrite: leaf.rewrite, fork: fork === undefined ? 0 : path.indexOf(fork) })}>
                <GitBranch size={12} aria-hidden />
                <span className="pass-title">{t("timeline.branch-name", { number: index + 1 })}</span>
                <span className="faint num">{t("pipeline.branch-steps", { count: path.length - 1 })}</span>
                <span className="pass-delta num good">{format.signed(stepOf(timeline, leaf.id)!.cost.nodes - first)}</span>
              </button>
              <Button small disabled={leaf.id === model.b || model.a === leaf.id} onClick={() => act.compareWith(model.id, leaf.id)} data-testid="branch-compare">{t("pipeline.branch-compare")}</Button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
