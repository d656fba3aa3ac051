/** An editor of custom rewrites: live matches while typing, a numerical check, and only then a place in the recipe. */
import type { SiteView } from "@graphwright/compiler-core";
import { CircleHelp, PencilRuler, Save } from "lucide-react";
import { Suspense, useEffect, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import helpText from "../../../../docs/custom-rewrites.md?raw";
import helpTextZh from "../../../../docs/custom-rewrites.zh-CN.md?raw";
import { Button, IconButton } from "../../design/button.tsx";
import { Dialog } from "../../design/dialog.tsx";
import { withoutOutputSuffix } from "../../design/format.ts";
import { Markdown } from "../../design/markdown.tsx";
import { Name } from "../../design/name.tsx";
import { Preconditions } from "../../design/preconditions.tsx";
import { SelectBox } from "../../design/select-box.tsx";
import { Loading } from "../../design/states.tsx";
import { RewriteEditor } from "../../editor/lazy.tsx";
import * as act from "../../state/actions.ts";
import { canvas } from "../../state/canvas.ts";
import { applyCustom, checkCustom, customChecks, loadCustomText, matchCustom, setCustomText, useCustomText, type LiveMatches } from "../../state/custom.ts";
import { messageIn } from "../../i18n/compiler.ts";
import { useQuery, useSettled } from "../../state/query.ts";
import { saveRecipe } from "../../state/recipe.ts";
import type { ModelState } from "../../state/store.ts";
import { updateTools } from "../../state/tools.ts";
import type { Panel, PanelProps } from "../panel.ts";
import { customExamples } from "./examples.ts";
import "./custom.css";

const shownMisses = 40;
const shownSites = 300;

function CustomPanel({ model }: PanelProps): ReactNode {
  const { t, i18n } = useTranslation();
  const { text, loaded } = useCustomText();
  const [check, setCheck] = useState(true);
  const [help, setHelp] = useState(false);
  const [live, setLive] = useState<LiveMatches & { readonly text: string }>();
  const { id } = model;
  const step = useSettled(model.b);
  const catalogue = useQuery("operators", {});
  const operators = useMemo(() => catalogue.data?.operators.filter((each) => each.domain === "").map((each) => each.op) ?? [], [catalogue.data]);
  useEffect(() => void loadCustomText(customExamples[0].text), []);

  useEffect(() => {
    if (!loaded) return;
    const controller = new AbortController();
    const timer = setTimeout(() => void matchCustom(id, step, text, controller.signal).then((found) => found && !controller.signal.aborted && setLive({ ...found, text })), 200);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [id, step, text, loaded]);

  const matches = useMemo(() => live?.sites.filter((site) => site.applies) ?? [], [live]);
  // The graph shows where it would apply, for as long as this panel is open.
  useEffect(() => {
    updateTools(id, { pointed: matches.length > 0 ? matches.flatMap((site) => site.nodes) : null });
    return () => updateTools(id, { pointed: null });
  }, [id, matches]);

  const where = live?.error?.where;
  const error = useMemo(() => (live?.error ? { message: messageIn(live.error.message, i18n.language), line: where?.line ?? 1, column: where?.column ?? 1 } : undefined), [live, where, i18n.language]);
  const busy = model.changing !== null || live?.text !== text;
  const names = [...new Set(live?.rewrites.map((each) => each.name))];
  const apply = (site: SiteView | null, name: string): void => void applyCustom(id, text, name, site?.root ?? null, check);
  return (
    <div className="custom" data-testid="custom-panel">
      <div className="custom-write">
        <div className="sub-bar">
          <SelectBox small label={t("custom.examples")} value="" placeholder={t("custom.examples")} options={customExamples.map((each) => ({ value: each.id, label: t(`custom.example-${each.id}`), hint: /rewrite "([^"]*)"/.exec(each.text)![1]! }))} onChange={(chosen) => setCustomText(customExamples.find((each) => each.id === chosen)!.text)} testId="custom-examples" />
          <span className="spacer" />
          <span className={error ? "bad custom-error" : "faint"} role="status" title={error?.message} data-testid="custom-status" data-error={error !== undefined} data-matches={live?.text === text ? matches.length : ""}>
            {error ? `${error.line}:${error.column} ${error.message}` : live ? t("custom.matches", { count: matches.length }) : ""}
          </span>
          <IconButton label={t("custom.help")} className="small" onClick={() => setHelp(true)} data-testid="custom-help"><CircleHelp size={14} /></IconButton>
        </div>
        <Suspense fallback={<Loading label={t("text.loading-editor")} />}>
          {loaded && <RewriteEditor text={text} label={t("custom.label")} error={error} operators={operators} onChange={setCustomText} testId="custom-editor" />}
        </Suspense>
      </div>
      <div className="custom-found">
        <div className="sub-bar">
          <label className="check-line"><input type="checkbox" checked={check} onChange={(event) => setCheck(event.target.checked)} data-testid="custom-check" />{t("custom.check")}</label>
          <span className="spacer" />
          {names.map((name) => {
            const count = matches.filter((site) => site.rewrite === name).length;
            return <Button key={name} small variant={names.length === 1 ? "primary" : "secondary"} disabled={busy || count === 0} title={name} onClick={() => apply(null, name)} data-testid="custom-apply-all">{t("rewrites.apply-everywhere", { count })}</Button>;
          })}
        </div>
        <Saving model={model} names={names} />
        <div className="scroll">
          <Sites model={model} live={live} busy={busy} onApply={(site) => apply(site, site.rewrite)} />
        </div>
      </div>
      {help && (
        <Dialog title={t("custom.help-title")} wide onClose={() => setHelp(false)} testId="custom-help-dialog">
          <Markdown text={(i18n.language === "zh-CN" ? helpTextZh : helpText).replace(/^# .*\n/, "")} />
        </Dialog>
      )}
    </div>
  );
}

/** Whether what was applied may be saved: only what a numerical check has confirmed goes into a recipe. */
function Saving({ model, names }: { readonly model: ModelState; readonly names: readonly string[] }): ReactNode {
  const { t } = useTranslation();
  const { applied, checked, bad } = customChecks(model, new Set(names));
  if (applied === 0) return null;
  const unchecked = applied - checked - bad.length;
  const state = bad.length > 0 ? "different" : unchecked > 0 ? "unchecked" : "confirmed";
  return (
    <div className={`custom-saving saving-${state}`} data-testid="custom-saving" data-state={state}>
      <p>{t(`custom.${state}`, { applied, count: state === "different" ? bad.length : state === "unchecked" ? unchecked : applied, site: withoutOutputSuffix(bad[0] ?? "") })}</p>
      {state === "unchecked" && <Button small disabled={model.changing !== null} onClick={() => void checkCustom(model.id)} data-testid="custom-check-now">{t("custom.check-now")}</Button>}
      <Button small variant="primary" disabled={state !== "confirmed" || model.changing !== null} onClick={() => void saveRecipe(model.id)} data-testid="custom-save"><Save size={12} aria-hidden /> {t("custom.save")}</Button>
    </div>
  );
}

function Sites({ model, live, busy, onApply }: { readonly model: ModelState; readonly live: LiveMatches | undefined; readonly busy: boolean; readonly onApply: (site: SiteView) => void }): ReactNode {
  const { t } = useTranslation();
  if (!live) return null;
  if (live.error) return <p className="note custom-note">{t("custom.not-yet")}</p>;
  const matches = live.sites.filter((site) => site.applies);
  const satisfied = (site: SiteView): number => site.preconditions.filter((each) => each.state === "satisfied").length;
  const misses = live.sites.filter((site) => !site.applies).sort((a, b) => satisfied(b) - satisfied(a));
  const go = (site: SiteView): void => {
    act.select(model.id, [site.root, ...site.nodes.filter((node) => node !== site.root)]);
    canvas.current?.reveal(site.nodes.length > 0 ? site.nodes : [site.root]);
  };
  const infos = live.rewrites.find((each) => each.name === misses[0]?.rewrite)?.preconditions ?? [];
  return (
    <>
      {matches.length === 0 && <p className="note custom-note">{t("custom.nowhere")}</p>}
      <ul className="site-list" aria-label={t("custom.matches", { count: matches.length })}>
        {matches.slice(0, shownSites).map((site) => (
          <li key={`${site.rewrite}/${site.root}`} className="custom-site" data-testid="custom-match">
            <button type="button" className="row-button" onClick={() => go(site)} title={site.site}><span className="dot dot-satisfied" aria-hidden /><Name mono>{withoutOutputSuffix(site.site)}</Name></button>
            <Button small disabled={busy} onClick={() => onApply(site)} data-testid="custom-apply">{t("rewrites.apply")}</Button>
          </li>
        ))}
      </ul>
      {misses.length > 0 && <h3 className="list-title">{t("rewrites.near-misses", { count: misses.length })}</h3>}
      <ul className="site-list">
        {misses.slice(0, shownMisses).map((site) => (
          <li key={`${site.rewrite}/${site.root}`} className="custom-miss" data-testid="custom-miss">
            <button type="button" className="row-button" onClick={() => go(site)} title={site.site}>
              <span className="dot dot-failed" aria-hidden />
              <Name mono>{withoutOutputSuffix(site.site)}</Name>
              <span className="faint num">{satisfied(site)}/{site.preconditions.length}</span>
            </button>
            <Preconditions results={site.preconditions} infos={infos} brief onNodes={(nodes) => { act.select(model.id, nodes); canvas.current?.reveal(nodes); }} />
          </li>
        ))}
      </ul>
    </>
  );
}

export const customPanel = { id: "custom", area: "lower", icon: PencilRuler, component: CustomPanel } as const satisfies Panel;
