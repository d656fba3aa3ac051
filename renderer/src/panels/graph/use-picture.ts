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
  /** It came so soon after another one that a movement between them would not have come to its end. */
  readonly soon: boolean;
}

/** Milliseconds. */
const quickSteps = 300;

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

type Asked = PictureRequest & { readonly step: string };
const onlyAnotherStep = (a: Asked, b: Asked): boolean =>
  a.key === b.key && a.after === b.after && a.constants === b.constants && a.texts === b.texts && a.isolation === b.isolation && a.names === b.names && a.expanded === b.expanded;

/** Tables that were sent already, by step; the worker keeps as many. */
const tables = new Map<string, GraphTable>();
const keptTables = 4;
const tableKey = (of: PictureParams["of"]): string =>
  "outline" in of ? of.outline : `${of.model}/${of.step}/${of.base ?? ""}${of.against ? `/${of.against.side}/${of.against.model}/${of.against.step}` : ""}`;

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
  const shownAt = useRef(-Infinity);
  const waiting = useRef<Asked>(undefined);
  const underWay = useRef<Asked & { readonly controller: AbortController }>(undefined);
  useEffect(() => {
    anchorOf.current = anchor;
    given.current = of;
  });
  useEffect(() => {
    const run = (asked: Asked): void => {
      const { step: at, ...rest } = asked;
      const controller = new AbortController();
      const mine = { ...asked, controller };
      underWay.current = mine;
      const known = tables.get(at);
      const show = ({ table: sent, ...result }: PictureResult): void => {
        const table = sent ?? known!;
        tables.delete(at);
        tables.set(at, table);
        for (const oldest of tables.keys()) {
          if (tables.size <= keptTables) break;
          tables.delete(oldest);
        }
        const now = performance.now();
        const soon = now - shownAt.current < quickSteps;
        shownAt.current = now;
        const update = (): void => {
          setFailure(undefined);
          setDrawn({ ...result, key: asked.key, table, region: asked.region, soon });
        };
        // The first picture of a graph is many cards, made in slices; the next one of the same graph is a step and comes at once.
        if (shownKey.current === asked.key) update();
        else startTransition(update);
        shownKey.current = asked.key;
      };
      services()
        .pictures.picture({ ...rest, anchor: anchorOf.current(), hasTable: known !== undefined }, { signal: controller.signal })
        .then(
          (result) => {
            if (!controller.signal.aborted) show(result);
          },
          (reason: unknown) => {
            if (!isCancelled(reason) && !controller.signal.aborted) setFailure(reason);
          },
        )
        .finally(() => {
          if (underWay.current !== mine) return;
          underWay.current = undefined;
          const next = waiting.current;
          waiting.current = undefined;
          if (next) run(next);
        });
    };
    const asked = { key, of: given.current, step, after, region, constants, texts, isolation, names, expanded };
    const before = underWay.current;
    // A held key asks for steps faster than pictures are made: the one under way is shown, then the latest, and none starves.
    if (before && onlyAnotherStep(before, asked)) {
      waiting.current = asked;
      return;
    }
    before?.controller.abort();
    waiting.current = undefined;
    run(asked);
  }, [key, step, after, region, constants, texts, isolation, names, expanded]);
  useEffect(
    () => () => {
      underWay.current?.controller.abort();
      underWay.current = undefined;
      waiting.current = undefined;
    },
    [],
  );
  return { drawn, failure };
}
