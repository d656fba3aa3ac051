import type { CallOptions } from "../worker/rpc.ts";
import { useStore, type TaskState } from "./store.ts";

let lastId = 0;

const update = (id: number, change: Partial<TaskState>): void =>
  useStore.setState((state) => ({ tasks: state.tasks.map((task) => (task.id === id ? { ...task, ...change } : task)) }));

/** Runs long work that the status bar shows, with its progress and a way to cancel. */
export async function runTask<T>(title: string, work: (options: Required<CallOptions>) => Promise<T>): Promise<T> {
  const id = ++lastId;
  const controller = new AbortController();
  const cancel = (): void => {
    update(id, { cancelling: true });
    controller.abort();
  };
  const task: TaskState = { id, title, fraction: undefined, label: "", started: performance.now(), cancel, cancelling: false };
  useStore.setState((state) => ({ tasks: [...state.tasks, task] }));
  try {
    return await work({ signal: controller.signal, onProgress: (progress) => update(id, progress) });
  } finally {
    useStore.setState((state) => ({ tasks: state.tasks.filter((other) => other.id !== id) }));
  }
}
