/** The window's side of the layout worker, started with the first graph. */
import LayoutWorker from "./layout-worker.ts?worker";
import type { LayoutApi } from "./layout-protocol.ts";
import { createClient, type Client, type ClientMessage, type Port, type ServerMessage } from "./rpc.ts";

let client: Client<LayoutApi> | undefined;

export function layoutClient(): Client<LayoutApi> {
  if (client) return client;
  const worker = new LayoutWorker({ name: "layout" });
  const { api, fail } = createClient<LayoutApi>(worker as Port<ClientMessage, ServerMessage>);
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    fail({ severity: "error", code: "layout-stopped", message: `The layout stopped unexpectedly${event.message ? ` (${event.message})` : ""}.`, hint: "Reload the window." });
  });
  client = api;
  return api;
}
