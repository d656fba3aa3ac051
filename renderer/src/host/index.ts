import { createBrowserHost } from "./browser.ts";
import { createElectronHost, nativeBridge } from "./electron.ts";
import type { Host } from "./host.ts";

export function createHost(): Host {
  const native = nativeBridge();
  return native ? createElectronHost(native) : createBrowserHost();
}
