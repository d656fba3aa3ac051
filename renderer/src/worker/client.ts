/** The window's side of the compiler worker. */
import CompilerWorker from "./compiler-worker.ts?worker";
import { createClient, type Client, type ClientMessage, type Port, type ServerMessage } from "./rpc.ts";
import type { RemoteSession } from "./source.ts";

export type SessionClient = Client<RemoteSession>;

export function startCompiler(): SessionClient {
  const worker = new CompilerWorker({ name: "compiler" });
  const { api, fail } = createClient<RemoteSession>(worker as Port<ClientMessage, ServerMessage>);
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    fail({
      severity: "error",
      code: "compiler-stopped",
      message: `The compiler stopped unexpectedly${event.message ? ` (${event.message})` : ""}.`,
      hint: "Reload the window. Files on disk were not touched.",
    });
  });
  return api;
}
