import { FileSearch } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../design/button.tsx";
import { Dialog } from "../design/dialog.tsx";
import * as format from "../design/format.ts";
import { Name } from "../design/name.tsx";
import { chooseAndCompare, compareModels, compareWithFile } from "../state/beside.ts";
import { setView, useStore, type ModelState } from "../state/store.ts";

/** Which model is put beside the active one: an open one, one opened lately, or any file. */
export function CompareDialog({ model }: { readonly model: ModelState }): ReactNode {
  const { t } = useTranslation();
  const models = useStore((state) => state.models);
  const order = useStore((state) => state.order);
  const recent = useStore((state) => state.recent);
  const open = order.flatMap((id) => (id !== model.id && models[id] ? [models[id]] : []));
  const files = recent.filter((file) => !/\.graphwright$/i.test(file.name) && file.id !== model.file.id && !open.some((each) => each.file.id === file.id)).slice(0, 6);
  const close = (): void => setView({ dialog: null });
  return (
    <Dialog
      title={t("beside.dialog-title", { name: model.name })}
      description={t("beside.dialog-text")}
      onClose={close}
      testId="compare-dialog"
      footer={
        <>
          <Button onClick={close}>{t("dialog.cancel")}</Button>
          <Button variant="primary" onClick={() => { close(); void chooseAndCompare(model.id); }} data-testid="compare-file"><FileSearch size={14} aria-hidden /> {t("beside.choose-file")}</Button>
        </>
      }
    >
      {open.length > 0 && (
        <section className="compare-choices" aria-label={t("beside.open-models")}>
          <h3>{t("beside.open-models")}</h3>
          {open.map((each) => (
            <button key={each.id} type="button" className="row-button" onClick={() => compareModels(model.id, each.id)} data-testid="compare-open">
              <Name>{each.name}</Name>
              <span className="spacer" />
              <span className="faint num">{t("graph.nodes", { count: each.summary.cost.nodes })}</span>
            </button>
          ))}
        </section>
      )}
      {files.length > 0 && (
        <section className="compare-choices" aria-label={t("welcome.recent")}>
          <h3>{t("welcome.recent")}</h3>
          {files.map((file) => (
            <button key={file.id} type="button" className="row-button" onClick={() => { close(); void compareWithFile(model.id, file); }} data-testid="compare-recent">
              <Name>{file.name}</Name>
              <span className="spacer" />
              <span className="faint num">{format.bytes(file.size)}</span>
            </button>
          ))}
        </section>
      )}
      {open.length === 0 && files.length === 0 && <p className="faint">{t("beside.nothing-open")}</p>}
    </Dialog>
  );
}
