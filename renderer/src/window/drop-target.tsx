import { FileInput } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { setView, useStore } from "../state/store.ts";

export function DropTarget(): ReactNode {
  const { t } = useTranslation();
  const dropping = useStore((state) => state.view.dropping);
  if (!dropping) return null;
  return (
    <div className="drop-target" onDragLeave={() => setView({ dropping: false })} data-testid="drop-target">
      <div>
        <FileInput size={28} strokeWidth={1.5} aria-hidden />
        <p>{t("drop.title")}</p>
        <p className="faint">{t("drop.text")}</p>
      </div>
    </div>
  );
}
