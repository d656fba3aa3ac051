import { Eraser } from "lucide-react";
import { useRef, useState, type PointerEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button.tsx";
import { SelectBox } from "../../design/select-box.tsx";
import type { GivenInput } from "../../state/run-model.ts";
import { normalizations, pixelsToTensor, type PictureShape } from "./image-input.ts";

const side = 168;

interface DrawPadProps {
  readonly shape: PictureShape;
  readonly onDraw: (input: GivenInput) => void;
}

/** Draws white on black, in the input's own pixels. The input is given as soon as the pen is lifted. */
export function DrawPad({ shape, onDraw }: DrawPadProps): ReactNode {
  const { t } = useTranslation();
  const { width, height, dims } = shape;
  const canvas = useRef<HTMLCanvasElement>(null);
  const last = useRef<readonly [number, number]>(null);
  const [scaling, setScaling] = useState<"bytes" | "unit">("bytes");
  const give = (by: "bytes" | "unit"): void => {
    const pixels = canvas.current!.getContext("2d")!.getImageData(0, 0, width, height).data;
    onDraw({ label: t("values.drawn"), dims, input: { dims, data: pixelsToTensor(pixels, shape, normalizations[by]) } });
  };
  const at = (event: PointerEvent): readonly [number, number] => {
    const box = canvas.current!.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  };
  const stroke = (to: readonly [number, number]): void => {
    const context = canvas.current!.getContext("2d")!;
    const from = last.current ?? to;
    // A pen of about a twelfth of the picture, as handwritten digits have.
    context.lineWidth = Math.max(width, height) / 12;
    context.lineCap = "round";
    context.strokeStyle = "white";
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(to[0], to[1] + 0.01);
    context.stroke();
    last.current = to;
  };
  const clear = (): void => {
    canvas.current!.getContext("2d")!.clearRect(0, 0, width, height);
    give(scaling);
  };
  return (
    <div className="draw-pad">
      <canvas
        ref={canvas}
        width={width}
        height={height}
        style={{ width: side, height: (side * height) / width }}
        role="img"
        aria-label={t("values.draw-here")}
        onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); last.current = null; stroke(at(event)); }}
        onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && stroke(at(event))}
        onPointerUp={() => { last.current = null; give(scaling); }}
        data-testid="draw-pad"
      />
      <div className="draw-tools">
        <SelectBox small label={t("values.image-scaling")} value={scaling} options={(["bytes", "unit"] as const).map((each) => ({ value: each, label: t(`values.scale-${each}`) }))} onChange={(value) => { setScaling(value as typeof scaling); give(value as typeof scaling); }} />
        <Button small onClick={clear}><Eraser size={12} aria-hidden /> {t("values.draw-clear")}</Button>
      </div>
    </div>
  );
}
