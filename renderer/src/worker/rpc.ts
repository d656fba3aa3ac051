/**
 * Typed calls across a worker boundary: ids, results, errors that carry a diagnostic, throttled progress, and cancel.
 *
 * Cancel reaches a synchronous inner loop through a shared flag where the page is cross-origin isolated, and by message
 * otherwise (seen at the next `pause`). `Uint8Array` results that own their buffer are handed over, not copied: the
 * server must not keep them.
 */
import type { Diagnostic, SessionApi } from "@graphwright/compiler-core";

/** Progress and cancel as the server's methods see them. */
export interface Task extends CompilerTask {
  /** Called when the message of a cancel arrives: for servers that wait for another worker's answer. */
  onCancel?(listener: () => void): void;
}
type CompilerTask = Parameters<SessionApi["open"]>[1];
type Method = (params: never, task: Task) => Promise<unknown>;
export type Api = { readonly [name: string]: Method };

export interface Progress {
  /** 0..1, undefined when unknown */
  readonly fraction: number | undefined;
  readonly label: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export type ParamsOf<F> = F extends (params: infer P, task: never) => unknown ? P : never;
export type ResultOf<F> = F extends (params: never, task: never) => Promise<infer R> ? R : never;
export type Client<A> = { readonly [M in keyof A]: (params: ParamsOf<A[M]>, options?: CallOptions) => Promise<ResultOf<A[M]>> };

interface CallMessage {
  readonly type: "call";
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
  /** where a cancel will be written, in the memory that the `flags` message shared */
  readonly slot: number | undefined;
}
interface FlagsMessage {
  readonly type: "flags";
  readonly memory: SharedArrayBuffer;
}
interface CancelMessage {
  readonly type: "cancel";
  readonly id: number;
}
export type ClientMessage = CallMessage | CancelMessage | FlagsMessage;
export type ServerMessage =
  | { readonly type: "result"; readonly id: number; readonly result: unknown }
  | { readonly type: "error"; readonly id: number; readonly diagnostic: Diagnostic }
  | { readonly type: "cancelled"; readonly id: number }
  | { readonly type: "progress"; readonly id: number; readonly progress: Progress };

/** What `Worker`, `DedicatedWorkerGlobalScope` and `MessagePort` have in common. */
export interface Port<Out, In> {
  postMessage(message: Out, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<In>) => void) | null;
}

/** A failed call. `diagnostic` says what went wrong, where, and what to do. */
export class CallError extends Error {
  override readonly name = "CallError";
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic) {
    super(diagnostic.message);
    this.diagnostic = diagnostic;
  }
}

/** A call that was cancelled: not a failure, nothing to show. */
export class CallCancelled extends Error {
  override readonly name = "CancelledError";
  constructor() {
    super("cancelled");
  }
}

export const isCancelled = (error: unknown): boolean =>
  error instanceof Error && (error.name === "CancelledError" || error.name === "AbortError");

/** The diagnostic an error carries, or one made from it. */
export function diagnosticOf(error: unknown): Diagnostic {
  if (typeof error === "object" && error !== null && "diagnostic" in error) return error.diagnostic as Diagnostic;
  const message = error instanceof Error ? error.message : String(error);
  const outOfMemory = error instanceof RangeError && /allocation|length/i.test(message);
  return {
    severity: "error",
    code: outOfMemory ? "out-of-memory" : "internal",
    message: outOfMemory ? `Not enough memory (${message}).` : message,
    ...(outOfMemory ? { hint: "Close other models and try again." } : {}),
  };
}

/** Calls that can be cancelled through shared memory at one time; further ones are cancelled by message. */
const slots = 256;

/** Calls the server behind `port`. `fail` rejects everything that is under way, for a worker that stopped. */
export function createClient<A extends object>(
  port: Port<ClientMessage, ServerMessage>,
): { readonly api: Client<A>; fail(diagnostic: Diagnostic): void } {
  interface Pending {
    readonly resolve: (value: unknown) => void;
    readonly reject: (error: Error) => void;
    readonly onProgress: CallOptions["onProgress"];
    readonly release: () => void;
  }
  const pending = new Map<number, Pending>();
  const shared = typeof SharedArrayBuffer !== "undefined" && (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false;
  let lastId = 0;
  let stopped: Diagnostic | undefined;
  // One piece of shared memory for all calls: making one for each costs milliseconds.
  const memory = shared ? new SharedArrayBuffer(slots * 4) : undefined;
  const flags = memory && new Int32Array(memory);
  const free = memory ? Array.from({ length: slots }, (_, index) => index) : [];
  if (memory) port.postMessage({ type: "flags", memory }, []);

  const settle = (id: number): Pending | undefined => {
    const call = pending.get(id);
    pending.delete(id);
    call?.release();
    return call;
  };
  port.onmessage = ({ data }) => {
    switch (data.type) {
      case "progress":
        pending.get(data.id)?.onProgress?.(data.progress);
        break;
      case "result":
        settle(data.id)?.resolve(data.result);
        break;
      case "error":
        settle(data.id)?.reject(new CallError(data.diagnostic));
        break;
      case "cancelled":
        settle(data.id)?.reject(new CallCancelled());
        break;
    }
  };

  function call(method: string, params: unknown, { signal, onProgress }: CallOptions = {}): Promise<unknown> {
    if (stopped) return Promise.reject(new CallError(stopped));
    if (signal?.aborted) return Promise.reject(new CallCancelled());
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      const slot = signal ? free.pop() : undefined;
      if (slot !== undefined) Atomics.store(flags!, slot, 0);
      const cancel = (): void => {
        if (slot !== undefined) Atomics.store(flags!, slot, 1);
        port.postMessage({ type: "cancel", id }, []);
      };
      // A slot is free again once the server has answered: nobody looks at it any more.
      const release = (): void => {
        signal?.removeEventListener("abort", cancel);
        if (slot !== undefined) free.push(slot);
      };
      signal?.addEventListener("abort", cancel, { once: true });
      pending.set(id, { resolve, reject, onProgress, release });
      try {
        port.postMessage({ type: "call", id, method, params, slot }, []);
      } catch (error) {
        settle(id);
        reject(new CallError(diagnosticOf(error)));
      }
    });
  }

  const api = new Proxy({} as Client<A>, {
    get: (_, method) => (params: unknown, options?: CallOptions) => call(String(method), params, options),
  });
  return {
    api,
    fail(diagnostic) {
      stopped = diagnostic;
      for (const id of [...pending.keys()]) settle(id)?.reject(new CallError(diagnostic));
    },
  };
}

/** Smallest time between two progress messages of one call. */
const progressInterval = 33;
/** Work between two turns of the event loop: long enough to be cheap, short enough for other calls to get in. */
const sliceMilliseconds = 12;

/** Answers calls on `port` with the methods of `api`. `cancelled` makes the error that a cancelled task throws. */
export function serve(
  port: Port<ServerMessage, ClientMessage>,
  api: Api,
  cancelled: () => Error = () => new CallCancelled(),
  /** what of a result is handed over and not copied */
  buffersOf: (result: unknown) => ArrayBuffer[] = ownedBuffers,
): void {
  const cancels = new Map<number, () => void>();
  let flags: Int32Array | undefined;

  async function answer({ id, method, params, slot }: CallMessage): Promise<void> {
    let told = false;
    let listener: (() => void) | undefined;
    let lastProgress = -Infinity;
    let lastPause = performance.now();
    const task: Task = {
      check() {
        if (told || (slot !== undefined && flags && Atomics.load(flags, slot) === 1)) throw cancelled();
      },
      progress(fraction, label) {
        const now = performance.now();
        if (now - lastProgress < progressInterval) return;
        lastProgress = now;
        port.postMessage({ type: "progress", id, progress: { fraction, label } }, []);
      },
      onCancel(given) {
        listener = given;
      },
      async pause() {
        if (performance.now() - lastPause >= sliceMilliseconds) {
          await nextTurn();
          lastPause = performance.now();
        }
        task.check();
      },
    };
    cancels.set(id, () => {
      told = true;
      listener?.();
    });
    try {
      // One turn first: a cancel that was sent right after the call is seen before the work starts.
      await nextTurn();
      task.check();
      const run = Object.hasOwn(api, method) ? api[method] : undefined;
      if (!run) throw new Error(`The worker has no method "${method}".`);
      const result = await run(params as never, task);
      port.postMessage({ type: "result", id, result }, buffersOf(result));
    } catch (error) {
      if (isCancelled(error)) port.postMessage({ type: "cancelled", id }, []);
      else port.postMessage({ type: "error", id, diagnostic: diagnosticOf(error) }, []);
    } finally {
      cancels.delete(id);
    }
  }

  port.onmessage = ({ data }) => {
    if (data.type === "cancel") cancels.get(data.id)?.();
    else if (data.type === "flags") flags = new Int32Array(data.memory);
    else void answer(data);
  };
}

/** Buffers of the files in a result that are wholly theirs; of a table, the columns. */
export function ownedBuffers(result: unknown): ArrayBuffer[] {
  if (typeof result !== "object" || result === null) return [];
  if ("inputStart" in result) return columnBuffers(result);
  const files = "files" in result ? result.files : undefined;
  if (!Array.isArray(files)) return [];
  const buffers = new Set<ArrayBuffer>();
  for (const { bytes } of files as { bytes?: unknown }[]) {
    if (!(bytes instanceof Uint8Array) || !(bytes.buffer instanceof ArrayBuffer)) continue;
    if (bytes.byteLength === bytes.buffer.byteLength) buffers.add(bytes.buffer);
  }
  return [...buffers];
}

/** Buffers of the typed arrays that are properties of an object or of its properties. */
function columnBuffers(table: object): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  const add = (value: unknown): void => {
    if (ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer) buffers.add(value.buffer);
  };
  for (const value of Object.values(table)) {
    add(value);
    if (typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)) Object.values(value as object).forEach(add);
  }
  return [...buffers];
}

/** Resolves after messages that are already waiting were delivered; unlike timers it is never clamped to 4 ms. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
