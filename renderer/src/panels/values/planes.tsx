import type { TensorPart, TensorRef, TensorView } from "@graphwright/compiler-core";
import { useEffect, useMemo, useRef, useState, type PointerEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import * as format from "../../design/format.ts";
import { Segmented } from "../../design/segmented.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { useThemeVersion } from "../../design/theme.ts";
import { useQuery } from "../../state/query.ts";
import type { Slice } from "./numbers-grid.tsx";

type Stats = NonNullable<TensorView["statistics"]>;
/** cells of a heat map on a side; a larger plane shows the largest magnitude of each block */
const mostCells = 512;
const mostPictures = 36;

const hex = (color: string): readonly [number, number, number] => {
  const full = color.length === 4 ? `#${[...color.slice(1)].map((digit) => digit + digit).join("")}` : color;
  return [1, 3, 5].map((at) => parseInt(full.slice(at, at + 2), 16)) as [number, number, number];
};

type Sign = "above" | "below" | "both";
/** Which side of zero the values are on: only where they are on both is zero the ground. */
const signOf = (low: number, high: number): Sign => (low >= 0 ? "above" : high <= 0 ? "below" : "both");

/** Colours of values: from the ground to the accent, and below zero to the removed colour. Not-a-numbers stand out. */
function colouring(low: number, high: number): (value: number) => readonly [number, number, number] {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string): readonly [number, number, number] => hex(style.getPropertyValue(name).trim());
  const [ground, above, below, odd] = [token("--color-sunken"), token("--color-accent"), token("--state-removed"), token("--state-changed")];
  const sign = signOf(low, high);
  const from = sign === "both" ? 0 : sign === "above" ? low : high;
  const reach = sign === "both" ? Math.max(-low, high) : high - low;
  return (value) => {
    if (!Number.isFinite(value)) return odd;
    const share = reach === 0 ? (sign === "below" ? -0.5 : 0.5) : Math.max(-1, Math.min(1, (value - from) / reach));
    const target = share < 0 ? below : above;
    // A root brings small values out of the ground.
    const by = Math.sqrt(Math.abs(share));
    return ground.map((channel, index) => Math.round(channel + (target[index]! - channel) * by)) as unknown as [number, number, number];
  };
}

function paint(canvas: HTMLCanvasElement, width: number, height: number, colour: (index: number) => readonly [number, number, number]): void {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const [r, g, b] = colour(i);
    image.data.set([r, g, b, 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
}

/** A plane by colour, with the value under the pointer. */
export function HeatMap({ tensor, dims, slice, statistics }: { readonly tensor: TensorRef; readonly dims: readonly number[]; readonly slice: Slice; readonly statistics: Stats }): ReactNode {
  const { t } = useTranslation();
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useThemeVersion();
  const [over, setOver] = useState<string>();
  const [rows, columns] = [slice.rowAxis === null ? 1 : dims[slice.rowAxis]!, slice.columnAxis === null ? 1 : dims[slice.columnAxis]!];
  const [rowStep, columnStep] = [Math.ceil(rows / mostCells), Math.ceil(columns / mostCells)];
  const { data, error } = useQuery("tensorPart", { tensor, ...slice, rows: [0, rows], columns: [0, columns], rowStep, columnStep });
  useEffect(() => {
    if (!data || !canvas.current) return;
    const colour = colouring(statistics.min, statistics.max);
    paint(canvas.current, data.width, data.height, (index) => colour(data.values[index]!));
  }, [data, statistics, theme]);
  if (error) return <Failed title={t("error.tensor")} error={error} />;
  if (!data) return <Loading />;
  const cell = Math.max(1, Math.min(24, Math.floor(560 / Math.max(data.width, data.height))));
  const look = (event: PointerEvent): void => {
    const box = canvas.current!.getBoundingClientRect();
    const [r, c] = [Math.floor(((event.clientY - box.top) / box.height) * data.height), Math.floor(((event.clientX - box.left) / box.width) * data.width)];
    const value = data.values[r * data.width + c];
    if (value !== undefined) setOver(`[${r * rowStep}, ${c * columnStep}]  ${format.number(value)}`);
  };
  return (
    <div className="heat-map" data-testid="heat-map">
      <p className="slicing"><span className="plane-legend" data-sign={signOf(statistics.min, statistics.max)} aria-hidden /><span className="num">{format.number(statistics.min)} … {format.number(statistics.max)}</span><span className="spacer" /><span className="num">{over ?? (rowStep * columnStep > 1 ? t("values.blocks", { rows: rowStep, columns: columnStep }) : "")}</span></p>
      <div className="scroll planes" role="group" aria-label={t("values.heat-of", { rows, columns })} tabIndex={0}><canvas ref={canvas} style={{ width: data.width * cell, height: data.height * cell }} onPointerMove={look} onPointerLeave={() => setOver(undefined)} role="img" aria-label={t("values.heat-of", { rows, columns })} /></div>
    </div>
  );
}

/** A tensor as pictures: one or three channels as one picture, others as a sheet of channels. */
export function Pictures({ tensor, dims, statistics }: { readonly tensor: TensorRef; readonly dims: readonly number[]; readonly statistics: Stats }): ReactNode {
  const { t } = useTranslation();
  const last = dims.at(-1) ?? 0;
  const [layout, setLayout] = useState<"NCHW" | "NHWC">(dims.length >= 3 && (last === 1 || last === 3) && dims.at(-3)! > 4 ? "NHWC" : "NCHW");
  const [batch, setBatch] = useState(0);
  const rank = dims.length;
  if (rank < 2) return <Empty title={t("values.no-picture")}>{t("values.no-picture-hint")}</Empty>;
  const channelAxis = rank < 3 ? null : layout === "NCHW" ? rank - 3 : rank - 1;
  const [rowAxis, columnAxis] = rank < 3 || layout === "NCHW" ? [rank - 2, rank - 1] : [rank - 3, rank - 2];
  const channels = channelAxis === null ? 1 : dims[channelAxis]!;
  const batches = rank > 3 ? dims[0]! : 1;
  const color = channels === 3;
  const fixedFor = (channel: number): number[] => dims.map((_, axis) => (axis === channelAxis ? channel : axis === 0 && rank > 3 ? Math.min(batch, batches - 1) : 0));
  const shown = color ? 1 : Math.min(channels, mostPictures);
  const [h, w] = [dims[rowAxis]!, dims[columnAxis]!];
  const cell = Math.max(1, Math.floor((shown === 1 ? 220 : 84) / Math.max(h, w)));
  return (
    <div className="pictures" data-testid="tensor-pictures">
      <div className="slicing">
        {rank >= 3 && <Segmented label={t("values.layout")} value={layout} options={[{ value: "NCHW", label: "NCHW" }, { value: "NHWC", label: "NHWC" }]} onChange={setLayout} />}
        {batches > 1 && <label><span className="faint">{t("values.index-of", { axis: 0 })}</span><input className="input num" type="number" min={0} max={batches - 1} value={batch} onChange={(event) => setBatch(Math.max(0, Math.min(batches - 1, Math.trunc(Number(event.target.value)) || 0)))} /></label>}
        <span className="faint num">{channels > shown && !color ? t("values.first", { shown, count: channels }) : `${w} × ${h}`}</span>
      </div>
      <div className="scroll planes" role="group" aria-label={t("values.pictures-of", { count: shown })} tabIndex={0}>
        {Array.from({ length: shown }, (_, channel) => (
          <Plane key={channel} tensor={tensor} slice={{ rowAxis, columnAxis, fixed: fixedFor(channel) }} others={color ? [fixedFor(1), fixedFor(2)] : []} size={[h, w]} cell={cell} low={statistics.min} high={statistics.max} label={color ? t("values.picture") : t("values.channel", { channel })} />
        ))}
      </div>
    </div>
  );
}

interface PlaneProps {
  readonly tensor: TensorRef;
  readonly slice: Slice;
  /** indices of the green and the blue channel */
  readonly others: readonly (readonly number[])[];
  readonly size: readonly [number, number];
  readonly cell: number;
  readonly low: number;
  readonly high: number;
  readonly label: string;
}

function Plane({ tensor, slice, others, size: [rows, columns], cell, low, high, label }: PlaneProps): ReactNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const step = Math.ceil(Math.max(rows, columns) / mostCells);
  const whole = { tensor, rowAxis: slice.rowAxis, columnAxis: slice.columnAxis, rows: [0, rows], columns: [0, columns], rowStep: step, columnStep: step } as const;
  const red = useQuery("tensorPart", { ...whole, fixed: slice.fixed }).data;
  const green = useQuery("tensorPart", others[0] ? { ...whole, fixed: others[0] } : null).data;
  const blue = useQuery("tensorPart", others[1] ? { ...whole, fixed: others[1] } : null).data;
  const ready = useMemo((): readonly TensorPart[] | undefined => (red && (others.length === 0 || (green && blue)) ? [red, green ?? red, blue ?? red] : undefined), [red, green, blue, others.length]);
  useEffect(() => {
    if (!ready || !canvas.current) return;
    const byte = (value: number): number => (high === low ? 128 : Math.max(0, Math.min(255, Math.round(((value - low) / (high - low)) * 255))));
    paint(canvas.current, ready[0]!.width, ready[0]!.height, (index) => [byte(ready[0]!.values[index]!), byte(ready[1]!.values[index]!), byte(ready[2]!.values[index]!)]);
  }, [ready, low, high]);
  return (
    <figure>
      <canvas ref={canvas} style={{ width: (columns / step) * cell, height: (rows / step) * cell }} role="img" aria-label={label} data-ready={ready !== undefined} />
      <figcaption className="faint num">{label}</figcaption>
    </figure>
  );
}
