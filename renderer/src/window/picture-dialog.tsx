import { useId, useState, type FormEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../design/button.tsx";
import { Dialog } from "../design/dialog.tsx";
import * as format from "../design/format.ts";
import { Segmented } from "../design/segmented.tsx";
import { copyPicture, longestSide, pictureSize, savePicture, type PictureFormat } from "../state/picture-file.ts";
import { setView, type ModelState } from "../state/store.ts";

const scales = ["1", "2", "3"] as const;

/** What the picture is to be: format, part and resolution, with the size that this gives. */
export function PictureDialog({ model }: { readonly model: ModelState }): ReactNode {
  const { t } = useTranslation();
  const id = useId();
  const [kind, setKind] = useState<PictureFormat>("svg");
  const [part, setPart] = useState<"all" | "view">("all");
  const [scale, setScale] = useState<(typeof scales)[number]>("2");
  const close = (): void => setView({ dialog: null });
  const request = { part, scale: Number(scale) };
  const size = pictureSize({ part, scale: kind === "svg" ? 1 : request.scale });
  const raster = pictureSize(request);
  const problem = !size ? t("picture.nothing") : kind === "png" && !size.fits ? t("picture.large", { most: format.count(longestSide) }) : undefined;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (problem) return;
    close();
    void savePicture(kind, request);
  };
  return (
    <Dialog
      title={t("picture.title")}
      description={t("picture.text")}
      onClose={close}
      testId="picture-dialog"
      footer={
        <>
          <Button onClick={close}>{t("dialog.cancel")}</Button>
          <Button disabled={!raster?.fits} onClick={() => { close(); void copyPicture(request); }} data-testid="picture-copy">{t("picture.copy")}</Button>
          <Button variant="primary" type="submit" form={id} disabled={problem !== undefined} data-testid="picture-save">{t("picture.save")}</Button>
        </>
      }
    >
      <form id={id} className="form" onSubmit={submit} data-model={model.id}>
        <div className="field">
          <span className="field-label">{t("picture.format")}</span>
          <div><Segmented label={t("picture.format")} value={kind} onChange={setKind} testId="picture-format" options={[{ value: "svg", label: "SVG" }, { value: "png", label: "PNG" }]} /></div>
        </div>
        <div className="field">
          <span className="field-label">{t("picture.part")}</span>
          <div><Segmented label={t("picture.part")} value={part} onChange={setPart} testId="picture-part" options={[{ value: "all", label: t("picture.part-all") }, { value: "view", label: t("picture.part-view") }]} /></div>
        </div>
        {kind === "png" && (
          <div className="field">
            <span className="field-label">{t("picture.scale")}</span>
            <div><Segmented label={t("picture.scale")} value={scale} onChange={setScale} testId="picture-scale" options={scales.map((value) => ({ value, label: `${value}×` }))} /></div>
          </div>
        )}
        <div className="field">
          <span />
          <div role="status">
            {size && <p className="num faint" data-testid="picture-size">{t("picture.size", { width: format.count(size.width), height: format.count(size.height) })}</p>}
            {kind === "svg" && size && <p className="faint">{t("picture.svg")}</p>}
            {problem && <p className="field-problem" data-testid="picture-problem">{problem}</p>}
          </div>
        </div>
      </form>
    </Dialog>
  );
}
