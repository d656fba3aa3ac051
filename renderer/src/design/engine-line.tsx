import type { EngineReport } from "@graphwright/compiler-core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { messageIn } from "../i18n/compiler.ts";
import * as format from "./format.ts";

const total = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);

/** One line: how many nodes ran as WebAssembly and how many by the reference evaluation. Nothing of a light model, which the latter runs whole. */
function useEngineText(): (engine: EngineReport | undefined) => string {
  const { t, i18n } = useTranslation();
  return (engine) => {
    if (!engine) return t("engine.light");
    if (engine.unavailable !== undefined) return t("engine.unavailable", { reason: messageIn(engine.unavailable, i18n.language) });
    const reference = total(Object.values(engine.reference).map(({ count }) => count));
    const accelerated = total(Object.values(engine.accelerated));
    return t(reference === 0 ? "engine.all" : "engine.some", { accelerated: format.count(accelerated), reference: format.count(reference) });
  };
}

/** The operators that the reference evaluation ran, and why; those that ran as WebAssembly. */
function EngineRows({ engine, most = Infinity }: { readonly engine: EngineReport; readonly most?: number }): ReactNode {
  const { t, i18n } = useTranslation();
  const left = Object.entries(engine.reference).sort(([, a], [, b]) => b.count - a.count);
  const ran = Object.entries(engine.accelerated).sort(([, a], [, b]) => b - a);
  return (
    <>
      {left.slice(0, most).map(([op, { count, reason }]) => (
        <div key={op} data-testid="engine-reference">{t("engine.left", { op, count, reason: messageIn(reason, i18n.language) })}</div>
      ))}
      {left.length > most && <div>{t("engine.more", { count: left.length - most })}</div>}
      {ran.length > 0 && most === Infinity && <div>{t("engine.ran", { operators: ran.map(([op, count]) => `${format.count(count)} ${op}`).join(", ") })}</div>}
    </>
  );
}

/** What evaluated the numbers: a line that opens to the operators. */
export function EngineLine({ engine }: { readonly engine: EngineReport | undefined }): ReactNode {
  const text = useEngineText()(engine);
  const details = engine && Object.keys(engine.accelerated).length + Object.keys(engine.reference).length > 0;
  return details ? (
    <details className="engine-line" data-testid="engine">
      <summary>{text}</summary>
      <div className="engine-rows"><EngineRows engine={engine} /></div>
    </details>
  ) : (
    <p className="engine-line" data-testid="engine">{text}</p>
  );
}

/** The same in a tooltip: nothing opens there. */
export function EngineNote({ engine }: { readonly engine: EngineReport | undefined }): ReactNode {
  const text = useEngineText()(engine);
  return (
    <div className="numbers-note">
      {text}
      {engine && <EngineRows engine={engine} most={4} />}
    </div>
  );
}
