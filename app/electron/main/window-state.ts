/** Size and place of the window, remembered between runs. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { screen, type BrowserWindow, type Rectangle } from "electron";
import * as v from "valibot";

const whole = v.pipe(v.number(), v.integer());
const schema = v.object({ x: whole, y: whole, width: whole, height: whole, maximized: v.boolean() });
export type WindowState = v.InferOutput<typeof schema>;

/** Undefined when nothing was saved, the file is damaged, or the place is on no screen any more. */
export async function readWindowState(file: string): Promise<WindowState | undefined> {
  try {
    const state = v.parse(schema, JSON.parse(await readFile(file, "utf8")));
    return screen.getAllDisplays().some(({ workArea }) => overlaps(workArea, state)) ? state : undefined;
  } catch {
    return undefined;
  }
}

/** At least a corner that can be grabbed must be visible. */
function overlaps(area: Rectangle, state: WindowState): boolean {
  const width = Math.min(area.x + area.width, state.x + state.width) - Math.max(area.x, state.x);
  const height = Math.min(area.y + area.height, state.y + state.height) - Math.max(area.y, state.y);
  return width >= 100 && height >= 100;
}

export function keepWindowState(window: BrowserWindow, file: string): void {
  let timer: NodeJS.Timeout | undefined;
  const save = (): void => {
    if (window.isDestroyed() || window.isMinimized()) return;
    const state: WindowState = { ...window.getNormalBounds(), maximized: window.isMaximized() };
    mkdir(dirname(file), { recursive: true })
      .then(() => writeFile(file, JSON.stringify(state)))
      .catch((error: Error) => console.warn(`The window's place was not saved: ${error.message}`));
  };
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(save, 400);
  };
  window.on("resize", soon);
  window.on("move", soon);
  window.on("maximize", soon);
  window.on("unmaximize", soon);
  window.on("close", () => {
    clearTimeout(timer);
    save();
  });
}
