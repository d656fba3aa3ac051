import { afterEach, describe, expect, test, vi } from "vitest";
import { CallError, createClient, isCancelled, ownedBuffers, serve, type Api, type Task } from "../src/worker/rpc.ts";
import { channel } from "./session.ts";

const open: { close(): void }[] = [];
afterEach(() => open.splice(0).forEach((each) => each.close()));

function connect<A extends object>(api: A): ReturnType<typeof createClient<A>> {
  const ends = channel();
  open.push(ends);
  serve(ends.server, api as unknown as Api);
  return createClient<A>(ends.client);
}

describe("calls across a worker boundary", () => {
  test("parameters go over and results come back, each to its own call", async () => {
    const { api } = connect({
      later: async ({ value, wait }: { value: number; wait: number }, _: Task) => {
        await new Promise((resolve) => setTimeout(resolve, wait));
        return value;
      },
    });
    expect(await Promise.all([api.later({ value: 1, wait: 20 }), api.later({ value: 2, wait: 1 })])).toEqual([1, 2]);
  });

  test("an error keeps its diagnostic", async () => {
    const diagnostic = { severity: "error", code: "truncated-file", message: "it ends early.", where: { file: "a.onnx", offset: 7 }, hint: "Fetch it again." };
    const { api } = connect({ fail: () => Promise.reject(Object.assign(new Error("x"), { diagnostic })) });
    const error = await api.fail({} as never).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CallError);
    expect((error as CallError).diagnostic).toEqual(diagnostic);
  });

  test("a method that does not exist is an error, also one that every object has", async () => {
    const { api } = connect<{ toString(params: object, task: Task): Promise<string> }>({} as never);
    await expect(api.toString({})).rejects.toThrow(/no method "toString"/);
  });

  test("parameters that cannot be posted are an error of the call", async () => {
    const { api } = connect({ take: (_: { readonly f: () => void }, __: Task) => Promise.resolve(1) });
    await expect(api.take({ f: () => undefined })).rejects.toBeInstanceOf(CallError);
  });

  test("cancelling is seen by a synchronous loop through shared memory", async () => {
    let started: () => void;
    const running = new Promise<void>((resolve) => (started = resolve));
    const { api } = connect({
      work: async (_: object, task: Task) => {
        started();
        await new Promise((resolve) => setTimeout(resolve, 5));
        // No turn of the event loop from here on: only the flag can tell.
        for (let i = 0; i < 1e9; i++) task.check();
      },
    });
    const controller = new AbortController();
    const call = api.work({}, { signal: controller.signal }).catch((error: unknown) => error);
    await running;
    controller.abort();
    expect(isCancelled(await call)).toBe(true);
  });

  test("cancelling is seen by message where there is no shared memory", async () => {
    vi.stubGlobal("crossOriginIsolated", false);
    const { api } = connect({
      work: async (_: object, task: Task) => {
        for (;;) {
          const end = performance.now() + 3;
          while (performance.now() < end);
          await task.pause();
        }
      },
    });
    vi.unstubAllGlobals();
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 30);
    const begun = performance.now();
    expect(isCancelled(await api.work({}, { signal: controller.signal }).catch((error: unknown) => error))).toBe(true);
    expect(performance.now() - begun).toBeLessThan(2000);
  });

  test("a call that is cancelled before it starts never runs", async () => {
    const run = vi.fn(() => Promise.resolve());
    const { api } = connect({ run });
    const controller = new AbortController();
    const call = api.run({} as never, { signal: controller.signal }).catch((error: unknown) => error);
    controller.abort();
    expect(isCancelled(await call)).toBe(true);
    expect(run).not.toHaveBeenCalled();
  });

  test("progress comes at most about thirty times a second", async () => {
    const { api } = connect({
      work: async (_: object, task: Task) => {
        const end = performance.now() + 300;
        for (let i = 0; performance.now() < end; i++) task.progress(undefined, `item ${i}`);
        return Promise.resolve();
      },
    });
    const labels: string[] = [];
    await api.work({}, { onProgress: ({ label }) => labels.push(label) });
    expect(labels.length).toBeGreaterThanOrEqual(2);
    expect(labels.length).toBeLessThanOrEqual(11);
  });

  test("a worker that stops fails what is under way and what comes after", async () => {
    const { api, fail } = connect({ never: () => new Promise<void>(() => undefined) });
    const waiting = api.never({} as never).catch((error: unknown) => error);
    fail({ severity: "error", code: "compiler-stopped", message: "gone." });
    expect((await waiting) as CallError).toMatchObject({ diagnostic: { code: "compiler-stopped" } });
    await expect(api.never({} as never)).rejects.toMatchObject({ diagnostic: { code: "compiler-stopped" } });
  });

  test("files that own their bytes are handed over; views into something larger are copied", () => {
    const whole = new Uint8Array(8);
    const part = new Uint8Array(64).subarray(8, 16);
    expect(ownedBuffers({ files: [{ path: "a", bytes: whole }, { path: "b", bytes: part }, { path: "c", bytes: whole }] })).toEqual([whole.buffer]);
    expect(ownedBuffers(undefined)).toEqual([]);
  });
});
