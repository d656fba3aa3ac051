import type { NodeId, SiteView } from "@graphwright/compiler-core";
import { ChevronRight } from "lucide-react";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button.tsx";
import { Name } from "../../design/name.tsx";
import { Preconditions } from "../../design/preconditions.tsx";
import { Failed, Loading } from "../../design/states.tsx";
import { messageIn } from "../../i18n/compiler.ts";
import * as act from "../../state/actions.ts";
import { useQuery } from "../../state/query.ts";
import { useStore, type ModelState } from "../../state/store.ts";
import { Section } from "./section.tsx";

interface WhyProps {
  readonly model: ModelState;
  readonly node: NodeId;
  readonly onGo: (nodes: readonly NodeId[]) => void;
}

/** Every rewrite that could be rooted here, and the conditions that decide it. */
export function WhyNotHere({ model, node, onGo }: WhyProps): ReactNode {
  const { t } = useTranslation();
  const { data, error } = useQuery("explain", { model: model.id, step: model.b, node });
  // The compiler ranks them: what applies, then near misses by the share of conditions that hold.
  const sites = data?.sites ?? [];
  const applicable = sites.filter((site) => site.applies).length;
  return (
    <Section id="why" title={t("why.title")} note={data ? t("why.note", { applies: applicable, all: sites.length }) : undefined}>
      {error ? <Failed title={t("error.explain")} error={error} /> : !data ? <Loading /> : null}
      {data && sites.length === 0 && <p className="note">{t("why.none")}</p>}
      <ul className="why-list">
        {sites.map((site, index) => (
          <Explained key={`${site.rewrite}/${index}`} site={site} several={sites.some((other) => other !== site && other.rewrite === site.rewrite)} model={model} onGo={onGo} />
        ))}
      </ul>
    </Section>
  );
}

function Explained({ site, several, model, onGo }: { readonly site: SiteView; /** the rewrite could be rooted at more than one place here */ readonly several: boolean; readonly model: ModelState; readonly onGo: WhyProps["onGo"] }): ReactNode {
  const { t, i18n } = useTranslation();
  const rewrite = useStore((state) => state.catalog?.rewrites.find((each) => each.name === site.rewrite));
  const [open, setOpen] = useState(false);
  const first = site.preconditions.find((each) => each.state !== "satisfied");
  const state = site.applies ? "satisfied" : (first?.state ?? "failed");
  return (
    <li className="why" data-testid="why-row" data-rewrite={site.rewrite} data-applies={site.applies}>
      <div className="why-line">
        <button type="button" className="row-button" aria-expanded={open} onClick={() => setOpen(!open)} title={`${rewrite?.summary ?? ""}\n${site.site}`}>
          <ChevronRight size={12} className="chevron" aria-hidden />
          <span className={`dot dot-${state}`} role="img" aria-label={t(site.applies ? "why.applies" : `precondition.${state}`)} />
          <span className="why-title">{rewrite?.title ?? site.rewrite}</span>
          {!site.applies && <span className="faint num" title={t("why.share")}>{site.preconditions.filter((each) => each.state === "satisfied").length}/{rewrite?.preconditions.length ?? site.preconditions.length}</span>}
        </button>
        {site.applies && (
          <Button small variant="primary" disabled={model.changing !== null} onClick={() => void act.applyRewrite(model.id, { rewrite: site.rewrite, root: site.root })} data-testid="apply-here">
            {t("rewrites.apply")}
          </Button>
        )}
      </div>
      {several && <p className="why-site"><Name mono>{site.site}</Name></p>}
      {!open && !site.applies && first && <p className="why-reason">{first.detail ? messageIn(first.detail, i18n.language) : (rewrite?.preconditions.find((each) => each.name === first.name)?.doc ?? first.name)}{first.enable && <span className="precondition-enable">{messageIn(first.enable, i18n.language)}</span>}</p>}
      {open && <Preconditions results={site.preconditions} infos={rewrite?.preconditions ?? []} onNodes={onGo} />}
    </li>
  );
}
