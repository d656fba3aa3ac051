import type { Diagnostic } from "@graphwright/compiler-core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { messageIn } from "../i18n/compiler.ts";
import { count } from "./format.ts";

/** What went wrong, where, and what to do. */
export function DiagnosticView({ diagnostic }: { readonly diagnostic: Diagnostic }): ReactNode {
  const { t, i18n } = useTranslation();
  const { where } = diagnostic;
  const places: readonly (readonly [string, string | undefined])[] = [
    [t("where.file"), where?.file],
    [t("where.line"), where?.line === undefined ? undefined : `${where.line}${where.column === undefined ? "" : `:${where.column}`}`],
    [t("where.offset"), where?.offset === undefined ? undefined : count(where.offset)],
    [t("where.field"), where?.field],
    [t("where.node"), where?.node],
  ];
  const known = places.filter(([, value]) => value !== undefined);
  return (
    <div className="diagnostic">
      <p className="diagnostic-message">{messageIn(diagnostic.message, i18n.language)}</p>
      {known.length > 0 && (
        <dl className="diagnostic-where">
          {known.map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd className="mono">{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {diagnostic.hint && <p className="diagnostic-hint">{messageIn(diagnostic.hint, i18n.language)}</p>}
    </div>
  );
}
