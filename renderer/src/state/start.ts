/** What happens when the window is loaded: what it had, what a link carries, what the command line names. */
import * as act from "./actions.ts";
import { startJournal } from "./journal.ts";
import { rememberViews } from "./view-history.ts";
import { openLink } from "./workspace.ts";

export async function startWindow(): Promise<void> {
  rememberViews();
  await act.start();
  const reloaded = await startJournal();
  const followed = await followLink();
  if (!reloaded && !followed) await act.openGiven();
  if (typeof addEventListener === "function") addEventListener("hashchange", () => void followLink());
}

/** A project in the address is opened once: the address is cleared, so that a reload does not open it again. */
async function followLink(): Promise<boolean> {
  if (typeof location === "undefined" || location.hash.length < 4) return false;
  const { hash } = location;
  history.replaceState(null, "", location.pathname + location.search);
  return openLink(hash);
}
