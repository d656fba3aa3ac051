/** Every rewrite with the places where it applies at this step, and the places where it nearly does. */
import type { RewriteView, SiteView } from "@graphwright/compiler-core";
import { ChevronRight, Replace } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button.tsx";
import { withoutOutputSuffix } from "../../design/format.ts";
import { Name } from "../../design/name.tsx";
import { Preconditions } from "../../design/preconditions.tsx";
import { useRoving } from "../../design/roving.ts";
import { Failed, Loading } from "../../design/states.tsx";
import * as act from "../../state/actions.ts";
import { canvas } from "../../state/canvas.ts";
import { query, useQuery } from "../../state/query.ts";
import { isCancelled } from "../../worker/rpc.ts";
import { useStore, type ModelState } from "../../state/store.ts";
import type { Panel, PanelProps } from "../panel.ts";
import "./rewrites.css";

/** Sites of each rewrite at a step, asked for one after another so that other questions get in between. */
function useSiteCounts(model: ModelState, rewrites: readonly RewriteView[]): ReadonlyMap<string, number | "failed"> {
  const [counts, setCounts] = useState<{ readonly key: string; readonly map: ReadonlyMap<string, number | "failed"> }>({ key: "", map: new Map() });
  const { id, b: step } = model;
  const key = `${id}/${step}`;
  useEffect(() => {
    const controller = new AbortController();
    const count = async (): Promise<void> => {
      const map = new Map<string, number | "failed">();
      // Stepping quickly must not ask for what nobody sees.
      await new Promise((resolve) => setTimeout(resolve, 120));
      for (const { name } of rewrites) {
        if (controller.signal.aborted) return;
        try {
          const { sites } = await query("sites", { model: id, step, rewrite: name }, controller.signal);
          map.set(name, sites.filter((site) => site.applies).length);
        } catch (error) {
          if (isCancelled(error)) return;
          map.set(name, "failed");
        }
        if (!controller.signal.aborted) setCounts({ key, map: new Map(map) });
      }
    };
    void count();
    return () => controller.abort();
  }, [id, step, key, rewrites]);
  return counts.key === key ? counts.map : new Map();
}

const none: readonly RewriteView[] = [];

function RewritesPanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const catalog = useStore((state) => state.catalog);
  const checkRewrites = useStore((state) => state.settings.checkRewrites);
  const [open, setOpen] = useState<string | null>(null);
  const [filter, setFilter] = useState("");
  const rewrites = catalog?.rewrites ?? none;
  const counts = useSiteCounts(model, rewrites);
  const list = useRoving<HTMLUListElement>("list");
  const shown = rewrites.filter((rewrite) => `${rewrite.title} ${rewrite.name}`.toLowerCase().includes(filter.trim().toLowerCase()));
  if (!catalog) return <Loading />;
  return (
    <div className="rewrites" data-testid="rewrites-panel">
      <div className="rewrites-bar">
        <input className="input" type="search" value={filter} onChange={(event) => setFilter(event.target.value)} placeholder={t("rewrites.filter")} aria-label={t("rewrites.filter")} data-testid="rewrite-filter" />
        <label className="check-line">
          <input type="checkbox" checked={checkRewrites} onChange={(event) => act.changeSettings({ checkRewrites: event.target.checked })} data-testid="check-rewrites" />
          {t("rewrites.check")}
        </label>
      </div>
      <ul ref={list} className="scroll rewrite-list" aria-label={t("rewrites.title")}>
        {shown.map((rewrite) => {
          const count = counts.get(rewrite.name);
          const expanded = open === rewrite.name;
          return (
            <li key={rewrite.name} data-testid="rewrite-row" data-rewrite={rewrite.name} data-sites={count ?? ""}>
              <button type="button" data-row className="row-button" aria-expanded={expanded} onClick={() => setOpen(expanded ? null : rewrite.name)} title={rewrite.summary}>
                <ChevronRight size={13} className="chevron" aria-hidden />
                <span className={`rewrite-title ${count === 0 ? "faint" : ""}`}>{rewrite.title}</span>
                {rewrite.exactness !== "exact" && <span className="tag" title={t(`rewrites.${rewrite.exactness}-doc`)}>{t(`rewrites.${rewrite.exactness}`)}</span>}
                <span className={`count-badge num ${count === 0 ? "count-zero" : ""}`} aria-label={typeof count === "number" ? t("rewrites.sites", { count }) : t("state.loading")}>
                  {count === "failed" ? "!" : (count ?? "·")}
                </span>
              </button>
              {expanded && <Sites model={model} rewrite={rewrite} />}
            </li>
          );
        })}
        {shown.length === 0 && <li className="list-empty">{t("rewrites.no-match")}</li>}
      </ul>
    </div>
  );
}

/** A rewrite of a large model may apply in thousands of places. */
const fewSites = 100;

function Sites({ model, rewrite }: { readonly model: ModelState; readonly rewrite: RewriteView }): ReactNode {
  const { t } = useTranslation();
  const [showMisses, setShowMisses] = useState(false);
  const [shownSites, setShownSites] = useState(fewSites);
  const { data, last, error } = useQuery("sites", { model: model.id, step: model.b, rewrite: rewrite.name, nearMisses: true });
  const sites = (data ?? last)?.sites;
  if (error) return <Failed title={t("error.sites")} error={error} />;
  if (!sites) return <Loading />;
  const applicable = sites.filter((site) => site.applies);
  const misses = sites.filter((site) => !site.applies);
  const shownMisses = misses.slice(0, 50);
  return (
    <div className="sites">
      <p className="rewrite-summary">{rewrite.summary}</p>
      {rewrite.why && <p className="rewrite-summary rewrite-why">{rewrite.why}</p>}
      {applicable.length > 0 && (
        <>
          <ul className="site-list" aria-label={t("rewrites.sites", { count: applicable.length })}>
            {applicable.slice(0, shownSites).map((site) => (
              <SiteRow key={site.root} model={model} site={site} />
            ))}
          </ul>
          {applicable.length > shownSites && <button type="button" className="link-button" onClick={() => setShownSites(shownSites + fewSites)} data-testid="more-sites">{t("rewrites.more", { count: applicable.length - shownSites })}</button>}
          <div className="site-actions">
            <Button small disabled={model.changing !== null} onClick={() => void act.applyEverywhere(model.id, rewrite.name)} data-testid="apply-everywhere">
              {t("rewrites.apply-everywhere", { count: applicable.length })}
            </Button>
          </div>
        </>
      )}
      {applicable.length === 0 && <p className="note">{t("rewrites.nowhere")}</p>}
      {misses.length > 0 && (
        <>
          <button type="button" className="link-button" aria-expanded={showMisses} onClick={() => setShowMisses(!showMisses)} data-testid="near-misses">
            {t("rewrites.near-misses", { count: misses.length })}
          </button>
          {showMisses && (
            <ul className="site-list">
              {shownMisses.map((site) => (
                <MissRow key={site.root} model={model} site={site} rewrite={rewrite} />
              ))}
              {misses.length > shownMisses.length && <li className="list-empty">{t("rewrites.more", { count: misses.length - shownMisses.length })}</li>}
            </ul>
          )}
        </>
      )}
    </div>
  );
}

const choose = (model: ModelState, site: SiteView): void => {
  act.chooseSite(model.id, { rewrite: site.rewrite, root: site.root }, [site.root, ...site.nodes.filter((node) => node !== site.root)]);
  canvas.current?.reveal(site.nodes.length > 0 ? site.nodes : [site.root]);
};

function SiteRow({ model, site }: { readonly model: ModelState; readonly site: SiteView }): ReactNode {
  const { t } = useTranslation();
  const chosen = model.site?.rewrite === site.rewrite && model.site.root === site.root;
  const apply = (): void => void act.applyRewrite(model.id, { rewrite: site.rewrite, root: site.root });
  return (
    <li className={`site ${chosen ? "site-chosen" : ""}`} data-testid="site-row">
      <button
        type="button"
        data-row
        className="row-button"
        aria-pressed={chosen}
        onClick={() => choose(model, site)}
        title={`${site.site}\n${t("rewrites.node-count", { count: Math.max(1, site.nodes.length) })}`}
        onDoubleClick={apply}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || !chosen) return;
          event.preventDefault();
          apply();
        }}
      >
        <Name mono>{withoutOutputSuffix(site.site)}</Name>
      </button>
      <Button small variant={chosen ? "primary" : "secondary"} disabled={model.changing !== null} onClick={apply} data-testid="apply-site">
        {t("rewrites.apply")}
      </Button>
    </li>
  );
}

function MissRow({ model, site, rewrite }: { readonly model: ModelState; readonly site: SiteView; readonly rewrite: RewriteView }): ReactNode {
  return (
    <li className="miss" data-testid="near-miss-row">
      <button type="button" data-row className="row-button" onClick={() => { act.select(model.id, [site.root]); canvas.current?.reveal([site.root]); }}>
        <Name mono>{withoutOutputSuffix(site.site)}</Name>
      </button>
      <Preconditions results={site.preconditions} infos={rewrite.preconditions} brief onNodes={(nodes) => { act.select(model.id, nodes); canvas.current?.reveal(nodes); }} />
    </li>
  );
}

export const rewritesPanel = { id: "rewrites", area: "left", icon: Replace, component: RewritesPanel } as const satisfies Panel;
