import { History } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../design/button.tsx";
import { ago } from "../design/format.ts";
import { discardLost, takeLost } from "../state/journal.ts";
import { useStore } from "../state/store.ts";

/** Offers the work of a window that ended without closing it. */
export function LostBar(): ReactNode {
  const { t, i18n } = useTranslation();
  const work = useStore((state) => state.lost[0]);
  if (!work) return null;
  const models = work.models.map(({ name, steps }) => t("lost.model", { name, count: steps }));
  return (
    <section className="lost-bar" role="status" aria-label={t("lost.label")} data-testid="lost-work">
      <History size={14} aria-hidden />
      <span className="lost-text">{t("lost.text", { when: ago(work.modified, i18n.language), models: new Intl.ListFormat(i18n.language, { type: "unit" }).format(models) })}</span>
      <Button small variant="primary" onClick={() => void takeLost(work)} data-testid="lost-restore">{t("lost.restore")}</Button>
      <Button small onClick={() => void discardLost(work)} data-testid="lost-discard">{t("lost.discard")}</Button>
    </section>
  );
}
