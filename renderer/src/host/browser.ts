import type { Host } from "./host.ts";
import { createPageHost } from "./page.ts";

/** The local server of `npm start`, or any server of the same routes. */
export const createBrowserHost = (): Host => createPageHost();
