/** Runs in a utility process: compilers and self-tests never share a process with the window's main loop. */
import type { ToolchainEvent, ToolchainResult } from "../../shared/host-protocol.ts";
import { runToolchain } from "../../shared/toolchain.ts";

export type ToolchainRequest = { readonly type: "run"; readonly folder: string } | { readonly type: "cancel" };
export type ToolchainReply =
  | { readonly type: "event"; readonly event: ToolchainEvent }
  | { readonly type: "result"; readonly result: ToolchainResult };

/** Serves one run over a port, then calls `done`. */
export function serveToolchain(port: Pick<Electron.ParentPort, "on" | "postMessage">, done: () => void): void {
  const cancel = new AbortController();
  const reply = (message: ToolchainReply): void => port.postMessage(message);
  port.on("message", ({ data }: { data: ToolchainRequest }) => {
    if (data.type === "cancel") {
      cancel.abort();
      return;
    }
    runToolchain(data.folder, (event) => reply({ type: "event", event }), cancel.signal)
      .catch((error: unknown) => ({ ok: false, cancelled: false, message: `Internal error: ${String(error)}` }))
      .then((result) => {
        reply({ type: "result", result });
        done();
      })
      .catch(() => process.exit(1));
  });
}
