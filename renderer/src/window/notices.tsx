import { CircleAlert, CircleCheck, Info, TriangleAlert, X } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { DiagnosticView } from "../design/diagnostic.tsx";
import { dismiss } from "../state/notices.ts";
import { setView, useStore } from "../state/store.ts";

const icons = { error: CircleAlert, warning: TriangleAlert, info: Info, success: CircleCheck } as const;

export function Notices(): ReactNode {
  const { t } = useTranslation();
  const notices = useStore((state) => state.notices);
  const hasModel = useStore((state) => state.active !== null);
  return (
    <section className="notices" aria-label={t("notice.label")} aria-live="polite">
      {notices.map((notice) => {
        const Icon = icons[notice.severity];
        return (
          <article key={notice.id} className={`notice notice-${notice.severity}`} role={notice.severity === "error" ? "alert" : undefined} data-testid="notice" data-severity={notice.severity} data-code={notice.diagnostic?.code}>
            <Icon size={16} aria-hidden />
            <div className="notice-body">
              <p className="notice-title">{notice.title}</p>
              {notice.diagnostic && <DiagnosticView diagnostic={notice.diagnostic} />}
              {notice.diagnostic && hasModel && notice.severity !== "success" && (
                <button type="button" className="link-button" onClick={() => { setView({ lower: "log", showLower: true }); dismiss(notice.id); }}>
                  {t("notice.show-log")}
                </button>
              )}
            </div>
            <button type="button" className="icon-button tiny" aria-label={t("notice.dismiss")} onClick={() => dismiss(notice.id)} data-testid="dismiss-notice">
              <X size={13} aria-hidden />
            </button>
          </article>
        );
      })}
    </section>
  );
}
