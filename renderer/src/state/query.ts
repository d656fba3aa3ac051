/**
 * Answers of the compiler that never change: everything asked of a (model, step) pair. They are kept in a small cache,
 * asked for once, and cancelled when nobody waits for them any more.
 */
import { useEffect, useRef, useState } from "react";
import type { SessionApi } from "@graphwright/compiler-core";
import { CallCancelled, isCancelled, type ParamsOf, type ResultOf } from "../worker/rpc.ts";
import { services } from "./services.ts";

export type QueryMethod =
  | "catalog" | "summary" | "graph" | "flops" | "text" | "textDiff" | "node" | "tensor" | "follow" | "cost" | "sites" | "explain" | "program" | "scheduleCheck" | "scheduleTrial" | "presence" | "search" | "operators" | "tensorPart" | "tensorStatistics" | "compareTensors" | "diffModels";
export type QueryParams<M extends QueryMethod> = ParamsOf<SessionApi[M]>;
export type QueryResult<M extends QueryMethod> = ResultOf<SessionApi[M]>;

/** How many answers of a method are kept; those of a whole graph are large. */
const kept: Partial<Record<QueryMethod, number>> = { graph: 8, text: 8, textDiff: 6, search: 40, diffModels: 4 };
const keptOtherwise = 200;

interface Entry {
  readonly promise: Promise<unknown>;
  readonly controller: AbortController;
  waiting: number;
  value?: { readonly data: unknown };
}
const caches = new Map<QueryMethod, Map<string, Entry>>();

function cacheOf(method: QueryMethod): Map<string, Entry> {
  let cache = caches.get(method);
  if (!cache) caches.set(method, (cache = new Map()));
  return cache;
}

export function clearQueries(): void {
  for (const cache of caches.values()) for (const entry of cache.values()) entry.controller.abort();
  caches.clear();
}

/** Asks the compiler, or answers from the cache. Aborting `signal` cancels the work unless someone else waits for it. */
export function query<M extends QueryMethod>(method: M, params: QueryParams<M>, signal?: AbortSignal): Promise<QueryResult<M>> {
  const cache = cacheOf(method);
  const key = JSON.stringify(params);
  let entry = cache.get(key);
  if (!entry) {
    const controller = new AbortController();
    const call = services().session[method] as (params: unknown, options: { signal: AbortSignal }) => Promise<unknown>;
    const promise = call(params, { signal: controller.signal });
    const made: Entry = { promise, controller, waiting: 0 };
    promise.then(
      (data) => (made.value = { data }),
      () => cache.get(key) === made && cache.delete(key),
    );
    entry = made;
  } else {
    cache.delete(key);
  }
  cache.set(key, entry);
  const limit = kept[method] ?? keptOtherwise;
  for (const [oldKey, old] of cache) {
    if (cache.size <= limit) break;
    if (old.waiting === 0 && old !== entry) cache.delete(oldKey);
  }

  const asked = entry;
  asked.waiting++;
  return new Promise<QueryResult<M>>((resolve, reject) => {
    let done = false;
    const leave = (): void => {
      if (done) return;
      done = true;
      signal?.removeEventListener("abort", abandon);
      asked.waiting--;
    };
    const abandon = (): void => {
      leave();
      if (asked.waiting === 0 && !asked.value) {
        if (cache.get(key) === asked) cache.delete(key);
        asked.controller.abort();
      }
      reject(new CallCancelled());
    };
    if (signal?.aborted) return abandon();
    signal?.addEventListener("abort", abandon);
    asked.promise.then(
      (data) => {
        leave();
        resolve(data as QueryResult<M>);
      },
      (error: unknown) => {
        leave();
        reject(error as Error);
      },
    );
  });
}

/** The answer if it is at hand. */
export function peek<M extends QueryMethod>(method: M, params: QueryParams<M>): QueryResult<M> | undefined {
  return cacheOf(method).get(JSON.stringify(params))?.value?.data as QueryResult<M> | undefined;
}

export interface QueryState<T> {
  readonly data: T | undefined;
  /** the latest answer to any earlier question, to show until `data` is there */
  readonly last: T | undefined;
  readonly error: unknown;
  readonly loading: boolean;
}

/** Asks while mounted; `null` asks nothing. */
export function useQuery<M extends QueryMethod>(method: M, params: QueryParams<M> | null): QueryState<QueryResult<M>> {
  const key = params === null ? null : JSON.stringify(params);
  const [state, setState] = useState<{ key: string | null; data?: QueryResult<M>; error?: unknown }>({ key: null });
  useEffect(() => {
    if (key === null) return;
    const controller = new AbortController();
    query(method, JSON.parse(key) as QueryParams<M>, controller.signal).then(
      (data) => setState({ key, data }),
      (error: unknown) => {
        if (!isCancelled(error)) setState({ key, error });
      },
    );
    return () => controller.abort();
  }, [method, key]);

  if (key === null) return { data: undefined, last: undefined, error: undefined, loading: false };
  const current = state.key === key;
  const cached = current ? state.data : peek(method, params!);
  const error = current ? state.error : undefined;
  return { data: cached, last: cached ?? state.data, error, loading: cached === undefined && error === undefined };
}

/** A value that waits while it keeps changing: for what is not looked at while stepping quickly. */
export function useSettled<T>(value: T, milliseconds = 140): T {
  const [settled, setSettled] = useState(value);
  const changed = useRef(0);
  useEffect(() => {
    const now = performance.now();
    // The first change after a rest is shown at once.
    const wait = now - changed.current > 4 * milliseconds ? 0 : milliseconds;
    changed.current = now;
    const timer = setTimeout(() => setSettled(value), wait);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}
