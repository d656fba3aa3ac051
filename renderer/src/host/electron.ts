import type { NativeBridge } from "../../../app/shared/host-protocol.ts";
import type { Host } from "./host.ts";
import { createPageHost } from "./page.ts";

/** Electron's preload puts its bridge on the window. */
export const nativeBridge = (): NativeBridge | undefined =>
  (window as { graphwrightHost?: NativeBridge }).graphwrightHost;

export const createElectronHost = (native: NativeBridge): Host => createPageHost(native);
