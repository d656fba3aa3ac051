/** The graph as it is drawn, as an SVG or PNG file or on the clipboard. */
import interFont from "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2?url";
import monoFont from "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2?url";
import { svgBounds, svgPieces, type Bounds } from "../../../picture/src/index.ts";
import { currentTheme } from "../design/theme.ts";
import { i18next } from "../i18n/index.ts";
import { CallCancelled, isCancelled } from "../worker/rpc.ts";
import { currentModel } from "./actions.ts";
import { canvas, type CanvasDrawing } from "./canvas.ts";
import { exportName } from "./export-model.ts";
import { notify, report } from "./notices.ts";
import { services } from "./services.ts";
import { useStore } from "./store.ts";
import { runTask } from "./tasks.ts";

const { t } = i18next;

export type PictureFormat = "svg" | "png";
export interface PictureRequest {
  readonly part: "all" | "view";
  /** pixels of a PNG for one of the picture's */
  readonly scale: number;
}

/** What a canvas of a browser takes. */
export const longestSide = 16_000;
const mostPixels = 120_000_000;

const boundsOf = (drawing: CanvasDrawing, part: PictureRequest["part"]): Bounds => svgBounds(drawing.layout, part === "view" ? drawing.inView : undefined);

/** Pixels of a picture; undefined while nothing is drawn. */
export function pictureSize({ part, scale }: PictureRequest): { readonly width: number; readonly height: number; readonly fits: boolean } | undefined {
  const drawing = canvas.current?.drawing();
  if (!drawing) return undefined;
  const bounds = boundsOf(drawing, part);
  const [width, height] = [Math.max(1, Math.round(bounds.width * scale)), Math.max(1, Math.round(bounds.height * scale))];
  return { width, height, fits: width <= longestSide && height <= longestSide && width * height <= mostPixels };
}

/** Work between two looks at the rest of the window. */
const longestBlock = 12;

async function svgBlob(request: PictureRequest, style: string | undefined, signal: AbortSignal): Promise<{ readonly blob: Blob; readonly bounds: Bounds }> {
  const drawing = canvas.current?.drawing();
  const model = currentModel();
  if (!drawing || !model) throw new Error(t("picture.nothing"));
  const bounds = boundsOf(drawing, request.part);
  const texts = { nodes: (count: number) => t("graph.nodes", { count }) };
  const { edgeWidth } = useStore.getState().view;
  const pieces: string[] = [];
  let since = performance.now();
  for (const piece of svgPieces(drawing.layout, drawing.data, { theme: currentTheme(), title: model.name, texts, part: bounds, widthByBytes: edgeWidth, selected: drawing.selected, ...(style === undefined ? {} : { style }) })) {
    pieces.push(piece);
    if (performance.now() - since > longestBlock) {
      await new Promise((resolve) => setTimeout(resolve));
      since = performance.now();
    }
    if (signal.aborted) throw new CallCancelled();
  }
  return { blob: new Blob(pieces, { type: "image/svg+xml" }), bounds };
}

/** Pictures in an <img> see no fonts of the page: they carry them. */
async function fontStyle(): Promise<string> {
  const face = async (family: string, url: string): Promise<string> => {
    const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
    let text = "";
    for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    return `@font-face{font-family:"${family}";font-weight:100 900;src:url("data:font/woff2;base64,${btoa(text)}") format("woff2")}`;
  };
  return (await Promise.all([face("Inter", interFont), face("JetBrains Mono", monoFont)])).join("");
}

async function pngBlob(request: PictureRequest, signal: AbortSignal): Promise<Blob> {
  const size = pictureSize(request);
  if (size && !size.fits) throw new Error(t("picture.large", { most: longestSide.toLocaleString() }));
  const { blob, bounds } = await svgBlob(request, await fontStyle(), signal);
  const url = URL.createObjectURL(blob);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    if (signal.aborted) throw new CallCancelled();
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bounds.width * request.scale));
    canvas.height = Math.max(1, Math.round(bounds.height * request.scale));
    canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
    const png = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
    if (!png) throw new Error(t("picture.large", { most: longestSide.toLocaleString() }));
    if (signal.aborted) throw new CallCancelled();
    return png;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Draws and saves through the host. */
export async function savePicture(format: PictureFormat, request: PictureRequest): Promise<void> {
  const model = currentModel();
  if (!model) return;
  try {
    const bytes = await runTask(t("task.picture"), async ({ signal }) => {
      const blob = format === "svg" ? (await svgBlob(request, undefined, signal)).blob : await pngBlob(request, signal);
      return new Uint8Array(await blob.arrayBuffer());
    });
    const saved = await services().host.saveFile(`${exportName(model.name)}.${format}`, bytes);
    if (saved) notify({ severity: "success", title: t("notice.saved", { name: saved.name }) });
  } catch (error) {
    if (!isCancelled(error)) report(t("error.picture"), error, model.id);
  }
}

/** A PNG on the clipboard, where the program may write there. */
export async function copyPicture(request: PictureRequest): Promise<void> {
  try {
    if (typeof ClipboardItem === "undefined" || !("write" in navigator.clipboard)) throw new Error(t("picture.no-clipboard"));
    const png = await runTask(t("task.picture"), ({ signal }) => pngBlob(request, signal));
    await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]).catch((error: unknown) => {
      throw error instanceof DOMException && error.name === "NotAllowedError" ? new Error(t("picture.no-clipboard")) : error;
    });
    notify({ severity: "success", title: t("picture.copied") });
  } catch (error) {
    if (!isCancelled(error)) report(t("error.picture-copy"), error, currentModel()?.id);
  }
}
