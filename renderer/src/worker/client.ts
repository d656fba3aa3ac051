/** The window's side of the compiler worker. */
import CompilerWorker from "./compiler-worker.ts?worker";
import { createClient, type Client, type ClientMessage, type Port, type ServerMessage } from "./rpc.ts";
import type { RemoteSession } from "./source.ts";

export type SessionClient = Client<RemoteSession>;

/** Starts the worker; `connect` gives further ports to it. */
export function startCompiler(): { readonly session: SessionClient; connect(): MessagePort } {
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
  return {
    session: api,
    connect() {
      const { port1, port2 } = new MessageChannel();
      worker.postMessage(port1, [port1]);
      return port2;
    },
  };
}
