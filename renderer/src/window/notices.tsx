import { CircleAlert, CircleCheck, Info, TriangleAlert, X } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { DiagnosticView } from "../design/diagnostic.tsx";
import { dismiss } from "../state/notices.ts";
import { activeModel, setView, useStore, type Notice } from "../state/store.ts";
import { showProblems } from "../state/actions.ts";

const icons = { error: CircleAlert, warning: TriangleAlert, info: Info, success: CircleCheck } as const;

/** What is told in one line and passes stands in the status bar, where nothing moves for it. */
const isBrief = ({ severity, diagnostic }: Notice): boolean => severity !== "error" && diagnostic === undefined;

/** What has to be read, with where and what to do, in a strip above the status bar until it is put away. */
export function Notices(): ReactNode {
  const { t } = useTranslation();
  const notices = useStore((state) => state.notices);
  const hasModel = useStore((state) => state.active !== null);
  const model = useStore(activeModel);
  return (
    <section className="notices" aria-label={t("notice.label")} aria-live="polite">
      {notices.filter((notice) => !isBrief(notice)).map((notice) => {
        const Icon = icons[notice.severity];
        return (
          <div
            key={notice.id}
            className={`notice notice-${notice.severity}`}
            role={notice.severity === "error" ? "alert" : "group"}
            aria-label={notice.severity === "error" ? undefined : notice.title}
            onKeyDown={(event) => { if (event.key === "Escape") { event.stopPropagation(); dismiss(notice.id); } }}
            data-testid="notice"
            data-severity={notice.severity}
            data-code={notice.diagnostic?.code}
          >
            <Icon size={16} aria-hidden />
            <div className="notice-body">
              <p className="notice-title">{notice.title}</p>
              {notice.diagnostic && <DiagnosticView diagnostic={notice.diagnostic} />}
              {notice.diagnostic && model?.diagnostics.includes(notice.diagnostic) && notice.diagnostic.where?.node !== undefined && (
                <button type="button" className="link-button" onClick={() => void showProblems(model.id)} data-testid="show-problems">
                  {t("notice.show-node")}
                </button>
              )}
              {notice.diagnostic && hasModel && notice.severity !== "success" && (
                <button type="button" className="link-button" onClick={() => { setView({ lower: "log", showLower: true }); dismiss(notice.id); }}>
                  {t("notice.show-log")}
                </button>
              )}
            </div>
            <button type="button" className="icon-button tiny" aria-label={t("notice.dismiss")} onClick={() => dismiss(notice.id)} data-testid="dismiss-notice">
              <X size={13} aria-hidden />
            </button>
          </div>
        );
      })}
    </section>
  );
}

/** The latest brief notice; always there for screen readers, which hear only what changes in a place they know. */
export function BriefNotice(): ReactNode {
  const { t } = useTranslation();
  const notice = useStore((state) => state.notices.findLast(isBrief));
  const Icon = notice && icons[notice.severity];
  return (
    <div className="brief" role="status">
      {notice && Icon && (
        <span key={notice.id} className={`brief-notice brief-${notice.severity}`} title={notice.title} data-testid="notice" data-severity={notice.severity}>
          <Icon size={13} aria-hidden />
          <span className="brief-text">{notice.title}</span>
          <button type="button" className="icon-button tiny" aria-label={t("notice.dismiss")} onClick={() => dismiss(notice.id)} data-testid="dismiss-notice">
            <X size={12} aria-hidden />
          </button>
        </span>
      )}
    </div>
  );
}
