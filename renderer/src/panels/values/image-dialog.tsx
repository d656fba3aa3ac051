import { useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button.tsx";
import { Dialog } from "../../design/dialog.tsx";
import { SelectBox } from "../../design/select-box.tsx";
import { report } from "../../state/notices.ts";
import type { GivenInput } from "../../state/run-model.ts";
import { normalizations, pixelsToTensor, scalings, type Normalization, type PictureShape, type Scaling } from "./image-input.ts";

interface ImageDialogProps {
  readonly file: File;
  readonly shape: PictureShape;
  readonly name: string;
  readonly onClose: () => void;
  readonly onGive: (input: GivenInput) => void;
}

/** How a picture becomes a tensor: fitted to the input's size, and its values scaled. */
export function ImageDialog({ file, shape, name, onClose, onGive }: ImageDialogProps): ReactNode {
  const { t } = useTranslation();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [scaling, setScaling] = useState<Scaling>(shape.channels === 1 ? "bytes" : "imagenet");
  const [fit, setFit] = useState<"stretch" | "crop">("crop");
  const [own, setOwn] = useState({ mean: "0, 0, 0", deviation: "1, 1, 1" });
  const [ready, setReady] = useState(false);
  useEffect(() => {
    let gone = false;
    createImageBitmap(file).then(
      (bitmap) => {
        const context = canvas.current?.getContext("2d");
        if (gone || !context) return;
        const { width, height } = shape;
        // What is cut away keeps the picture's proportions.
        const scale = Math.max(width / bitmap.width, height / bitmap.height);
        const [w, h] = fit === "crop" ? [width / scale, height / scale] : [bitmap.width, bitmap.height];
        context.imageSmoothingQuality = "high";
        context.clearRect(0, 0, width, height);
        context.drawImage(bitmap, (bitmap.width - w) / 2, (bitmap.height - h) / 2, w, h, 0, 0, width, height);
        setReady(true);
      },
      (error: unknown) => {
        report(t("error.input", { name: file.name }), error);
        onClose();
      },
    );
    return () => {
      gone = true;
    };
  }, [file, shape, fit, t, onClose]);
  const list = (text: string): number[] => text.split(",").map(Number);
  const normalization: Normalization = scaling === "custom" ? { mean: list(own.mean), deviation: list(own.deviation), range: 1 } : normalizations[scaling];
  const valid = [normalization.mean, normalization.deviation].every((each) => each.length >= shape.channels && each.slice(0, shape.channels).every(Number.isFinite)) && !normalization.deviation.slice(0, shape.channels).includes(0);
  const use = (): void => {
    const pixels = canvas.current!.getContext("2d")!.getImageData(0, 0, shape.width, shape.height).data;
    onGive({ label: file.name, dims: shape.dims, input: { dims: shape.dims, data: pixelsToTensor(pixels, shape, normalization) } });
  };
  return (
    <Dialog
      title={t("values.image-title", { file: file.name, name })}
      onClose={onClose}
      testId="image-dialog"
      footer={<><Button onClick={onClose}>{t("dialog.cancel")}</Button><Button variant="primary" disabled={!ready || !valid} onClick={use} data-testid="use-image">{t("values.image-use")}</Button></>}
    >
      <div className="image-dialog">
        <canvas ref={canvas} width={shape.width} height={shape.height} role="img" aria-label={file.name} />
        <div className="image-fields">
          <p className="faint num">{shape.width} × {shape.height}, {shape.layout}</p>
          <SelectBox label={t("values.image-fit")} value={fit} options={[{ value: "crop", label: t("values.image-crop") }, { value: "stretch", label: t("values.image-stretch") }]} onChange={(value) => setFit(value as typeof fit)} />
          <SelectBox label={t("values.image-scaling")} value={scaling} options={scalings.map((each) => ({ value: each, label: t(`values.scale-${each}`) }))} onChange={(value) => setScaling(value as Scaling)} testId="image-scaling" />
          {scaling === "custom" && (
            <>
              <label>{t("values.image-mean")}<input className="input num" value={own.mean} onChange={(event) => setOwn({ ...own, mean: event.target.value })} aria-invalid={!valid} /></label>
              <label>{t("values.image-deviation")}<input className="input num" value={own.deviation} onChange={(event) => setOwn({ ...own, deviation: event.target.value })} aria-invalid={!valid} /></label>
            </>
          )}
        </div>
      </div>
    </Dialog>
  );
}
