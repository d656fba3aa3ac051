import type { NodeId, PreconditionResult } from "@graphwright/compiler-core";
import { Check, CircleHelp, X } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { messageIn } from "../i18n/compiler.ts";

interface PreconditionsProps {
  readonly results: readonly PreconditionResult[];
  readonly infos: readonly { readonly name: string; readonly doc: string }[];
  /** only those that do not hold */
  readonly brief?: boolean;
  readonly onNodes?: (nodes: readonly NodeId[]) => void;
}

const icons = { satisfied: Check, failed: X, unknown: CircleHelp } as const;

/** Named conditions of a rewrite at one place: which hold, which do not, why, and what would enable them. */
export function Preconditions({ results, infos, brief = false, onNodes }: PreconditionsProps): ReactNode {
  const { t, i18n } = useTranslation();
  const shown = brief ? results.filter((result) => result.state !== "satisfied") : results;
  return (
    <ul className="preconditions">
      {shown.map((result) => {
        const Icon = icons[result.state];
        const doc = infos.find((info) => info.name === result.name)?.doc ?? result.name;
        return (
          <li key={result.name} className={`precondition precondition-${result.state}`} data-testid="precondition" data-state={result.state}>
            <Icon size={13} role="img" aria-label={t(`precondition.${result.state}`)} />
            <span>
              {doc}
              {result.detail && result.state !== "satisfied" && (
                <span className="precondition-detail">
                  {messageIn(result.detail, i18n.language)}
                  {result.nodes && result.nodes.length > 0 && onNodes && (
                    <button type="button" className="link-button" onClick={() => onNodes(result.nodes!)}>
                      {t("precondition.show", { count: result.nodes.length })}
                    </button>
                  )}
                </span>
              )}
              {result.enable && result.state !== "satisfied" && <span className="precondition-enable">{messageIn(result.enable, i18n.language)}</span>}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
