/** Loads the editor while the window has nothing to do, so that opening a model does not wait for 3 MB of it. */
import { useStore } from "../state/store.ts";
import { withTexts } from "./texts.ts";

/** Loads Monaco, and makes and drops an editor out of sight: its code is then compiled and its styles are in the page. */
export async function warmUpEditor(): Promise<void> {
  if (typeof requestIdleCallback !== "function") return;
  await idle();
  const { rehearseEditor } = await withTexts(() => import("./code-editor.tsx"));
  await idle();
  await rehearseEditor(idle);
}

/** Waits until the browser is idle and no task runs. */
async function idle(): Promise<void> {
  do await new Promise((resolve) => requestIdleCallback(resolve));
  while (useStore.getState().tasks.length > 0 || useStore.getState().opening !== null);
}
