/** What a panel shows when it has nothing, is waiting, or failed. */
import { CircleAlert, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { diagnosticOf } from "../worker/rpc.ts";
import { DiagnosticView } from "./diagnostic.tsx";

interface EmptyProps {
  readonly icon?: LucideIcon;
  readonly title: string;
  readonly children?: ReactNode;
}

export function Empty({ icon: Icon, title, children }: EmptyProps): ReactNode {
  return (
    <div className="state" data-testid="empty-state">
      {Icon && <Icon size={22} strokeWidth={1.5} aria-hidden />}
      <p className="state-title">{title}</p>
      {children && <div className="state-text">{children}</div>}
    </div>
  );
}

export function Loading({ label }: { readonly label?: string }): ReactNode {
  const { t } = useTranslation();
  return (
    <div className="state state-loading" role="status">
      <span className="spinner" aria-hidden />
      <p className="state-text">{label ?? t("state.loading")}</p>
    </div>
  );
}

export function Failed({ title, error }: { readonly title: string; readonly error: unknown }): ReactNode {
  return (
    <div className="state state-failed" role="alert">
      <CircleAlert size={22} strokeWidth={1.5} aria-hidden />
      <p className="state-title">{title}</p>
      <DiagnosticView diagnostic={diagnosticOf(error)} />
    </div>
  );
}
