/** Thrown by a task's checks once the person has cancelled; everything is left as it was before the task. */
export class CancelledError extends Error {
  constructor() {
    super("cancelled");
    this.name = "CancelledError";
  }
}

/**
 * Progress and cancellation of long work. `check` is cheap and is called in inner loops (it must be seen within
 * 200 ms); `pause` lets the host's event loop run and is called between steps.
 */
export interface Task {
  /** Throws CancelledError when the work was cancelled. */
  check(): void;
  /** `fraction` in 0..1, or undefined when unknown; `label` says what is being done now. */
  progress(fraction: number | undefined, label: string): void;
  pause(): Promise<void>;
}

/** A task that cannot be cancelled and reports to nobody. */
export const silentTask: Task = {
  check() {},
  progress() {},
  pause: () => Promise.resolve(),
};
