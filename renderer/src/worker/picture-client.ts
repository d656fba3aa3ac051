/** The window's side of the picture worker. */
import PictureWorker from "./picture-worker.ts?worker";
import type { PictureApi } from "./picture-protocol.ts";
import { createClient, type Client, type ClientMessage, type Port, type ServerMessage } from "./rpc.ts";

export type PictureClient = Client<PictureApi>;

/** Starts the worker; `compiler` is a port of the compiler's worker. */
export function startPictures(compiler: MessagePort): PictureClient {
  const worker = new PictureWorker({ name: "pictures" });
  worker.postMessage(compiler, [compiler]);
  const { api, fail } = createClient<PictureApi>(worker as Port<ClientMessage, ServerMessage>);
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    fail({ severity: "error", code: "pictures-stopped", message: `The layout stopped unexpectedly${event.message ? ` (${event.message})` : ""}.`, hint: "Reload the window." });
  });
  return api;
}
