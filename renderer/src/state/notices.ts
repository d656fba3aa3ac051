import type { Diagnostic } from "@graphwright/compiler-core";
import { diagnosticOf, isCancelled } from "../worker/rpc.ts";
import { useStore, type Notice } from "./store.ts";

let lastId = 0;
const kept = 1000;

/** Adds to the log panel. */
export function log(model: string | null, diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.length === 0) return;
  const entries = diagnostics.map((diagnostic) => ({ id: ++lastId, time: Date.now(), model, diagnostic }));
  useStore.setState((state) => ({ log: [...state.log, ...entries].slice(-kept) }));
}

/** Shows a message beside the status bar; errors stay until dismissed. */
export function notify(notice: Omit<Notice, "id">): void {
  const id = ++lastId;
  // The same problem twice is one message.
  useStore.setState((state) => ({
    notices: [
      ...state.notices.filter((other) => other.title !== notice.title || other.diagnostic?.message !== notice.diagnostic?.message),
      { ...notice, id },
    ].slice(-4),
  }));
  if (notice.severity !== "error") setTimeout(() => dismiss(id), 6000);
}

export function dismiss(id: number): void {
  useStore.setState((state) => ({ notices: state.notices.filter((notice) => notice.id !== id) }));
}

/** Logs and shows an error, unless it is a cancel. */
export function report(title: string, error: unknown, model: string | null = null): void {
  if (isCancelled(error)) return;
  const diagnostic = diagnosticOf(error);
  log(model, [diagnostic]);
  notify({ severity: "error", title, diagnostic });
}
