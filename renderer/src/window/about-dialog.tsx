import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Dialog } from "../design/dialog.tsx";
import { setView, useStore } from "../state/store.ts";

export function AboutDialog(): ReactNode {
  const { t } = useTranslation();
  const host = useStore((state) => state.host);
  const toolchain = host?.capabilities.toolchain;
  return (
    <Dialog title="Graphwright" description={t("about.text")} onClose={() => setView({ dialog: null })} testId="about">
      <dl className="pairs about">
        <div><dt>{t("about.version")}</dt><dd className="num">{host?.version ?? "—"}</dd></div>
        <div><dt>{t("about.host")}</dt><dd>{host ? t(`about.host-${host.host}`) : "—"}</dd></div>
        <div><dt>{t("about.compiler")}</dt><dd>{toolchain ? toolchain.version : t("about.no-compiler")}</dd></div>
        <div><dt>{t("about.exports")}</dt><dd className="mono">{host?.capabilities.exportsFolder ?? "—"}</dd></div>
        <div><dt>{t("about.threads")}</dt><dd>{crossOriginIsolated ? t("about.yes") : t("about.no")}</dd></div>
        <div><dt>{t("about.licence")}</dt><dd>Apache-2.0</dd></div>
      </dl>
    </Dialog>
  );
}
