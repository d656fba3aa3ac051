/**
 * Ctrl+C. While a command computes, a signal ends the process at once: nothing is on the disk yet, and a busy thread would not
 * hear of it. While it writes, the signal is heard, what was begun is removed, and the command ends as cancelled.
 */
import { CancelledError } from "@graphwright/compiler-core";

const signals = ["SIGINT", "SIGTERM"] as const;

/** Runs what writes. `work` gives `signal` to what can be given up, and removes what it began when it fails. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = (): void => controller.abort();
  for (const signal of signals) process.on(signal, interrupt);
  try {
    const result = await work(controller.signal);
    return result;
  } catch (error) {
    throw controller.signal.aborted ? new CancelledError() : error;
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}
