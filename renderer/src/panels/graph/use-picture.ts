/** Asks the picture worker for what is to be drawn, and keeps what is drawn until the next is there. */
import { startTransition, useEffect, useRef, useState } from "react";
import type { GraphTable, RegionId } from "@graphwright/compiler-core";
import type { Isolation, NodeKey, PictureTexts } from "../../../../picture/src/index.ts";
import { services } from "../../state/services.ts";
import type { PictureParams, PictureResult } from "../../worker/picture-protocol.ts";
import { isCancelled } from "../../worker/rpc.ts";

export type Expanded = ReadonlySet<string> | "all";

export interface Drawn extends Omit<PictureResult, "table"> {
  /** which picture: a model (or the outline of one) and a region */
  readonly key: string;
  readonly table: GraphTable;
  readonly region: RegionId;
}

export interface PictureRequest {
  readonly key: string;
  readonly of: PictureParams["of"];
  readonly after: string | undefined;
  readonly region: RegionId;
  readonly constants: boolean;
  readonly texts: PictureTexts;
  readonly isolation: Isolation | undefined;
  readonly names: Readonly<Record<string, string>>;
  readonly expanded: Expanded | undefined;
}

/** Tables that were sent already, by step; the worker keeps as many. */
const tables = new Map<string, GraphTable>();
const keptTables = 4;
const tableKey = (of: PictureParams["of"]): string => ("outline" in of ? of.outline : `${of.model}/${of.step}/${of.base ?? ""}`);

export function forgetTables(name: string): void {
  for (const key of tables.keys()) if (key === name || key.startsWith(`${name}/`)) tables.delete(key);
}

export function usePicture(request: PictureRequest, anchor: () => NodeKey | undefined): { readonly drawn: Drawn | undefined; readonly failure: unknown } {
  const [drawn, setDrawn] = useState<Drawn>();
  const [failure, setFailure] = useState<unknown>();
  const { key, of, after, region, constants, texts, isolation, names, expanded } = request;
  const step = tableKey(of);
  const anchorOf = useRef(anchor);
  const given = useRef(of);
  const shownKey = useRef("");
  useEffect(() => {
    anchorOf.current = anchor;
    given.current = of;
  });
  useEffect(() => {
    const controller = new AbortController();
    const known = tables.get(step);
    services()
      .pictures.picture(
        { of: given.current, after, region, constants, texts, isolation, names, expanded, anchor: anchorOf.current(), hasTable: known !== undefined },
        { signal: controller.signal },
      )
      .then(
        ({ table: sent, ...result }) => {
          if (controller.signal.aborted) return;
          const table = sent ?? known!;
          tables.delete(step);
          tables.set(step, table);
          for (const oldest of tables.keys()) {
            if (tables.size <= keptTables) break;
            tables.delete(oldest);
          }
          const show = (): void => {
            setFailure(undefined);
            setDrawn({ ...result, key, table, region });
          };
          // The first picture of a graph is many cards, made in slices; the next one of the same graph is a step and comes at once.
          if (shownKey.current === key) show();
          else startTransition(show);
          shownKey.current = key;
        },
        (reason: unknown) => {
          if (!isCancelled(reason)) setFailure(reason);
        },
      );
    return () => controller.abort();
  }, [key, step, after, region, constants, texts, isolation, names, expanded]);
  return { drawn, failure };
}
