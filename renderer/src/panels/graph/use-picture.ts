/** Asks the picture worker for what is to be drawn, and keeps what is drawn until the next is there. */
import { startTransition, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { GraphTable, RegionId } from "@graphwright/compiler-core";
import type { Isolation, NodeKey, PictureTexts } from "../../../../picture/src/index.ts";
import { isHeld } from "../../state/held.ts";
import { services } from "../../state/services.ts";
import type { PictureParams, PictureResult } from "../../worker/picture-protocol.ts";
import { isCancelled } from "../../worker/rpc.ts";

export type Expanded = ReadonlySet<string> | "all";

export interface Drawn extends Omit<PictureResult, "table"> {
  /** which picture: a model (or the outline of one) and a region */
  readonly key: string;
  readonly table: GraphTable;
  readonly region: RegionId;
  /** It came so soon after another one, or while a key is held, that a movement between them would not have come to its end. */
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

/** A picture that is being made before it is asked for: where steps go one way, the next. */
interface Ahead {
  readonly asked: Asked;
  readonly controller: AbortController;
  /** what was in the middle of the view */
  readonly anchor: NodeKey | undefined;
  /** of the picture whose places it keeps */
  readonly previous: number;
  readonly made: Promise<Picture>;
  result?: Picture;
  /** once it was asked for */
  picture?: Drawn;
}

/** What a canvas has between its rounds of rendering. */
interface Kept {
  /** the last picture that was shown */
  shown?: { readonly picture: Drawn; readonly asked: Asked };
  /** when that was */
  at: number;
  /** the last picture that was there when it was asked for */
  ready?: Drawn;
  next?: Ahead | undefined;
  underWay?: (Asked & { readonly controller: AbortController }) | undefined;
  /** asked for after what is under way */
  waiting?: Asked | undefined;
}

/** A picture with its table. */
type Picture = PictureResult & { readonly table: GraphTable };

/** Tables that were sent already, by step; the worker keeps as many. */
const tables = new Map<string, GraphTable>();
const keptTables = 4;
const tableKey = (of: PictureParams["of"]): string =>
  "outline" in of ? of.outline : `${of.model}/${of.step}/${of.base ?? ""}${of.against ? `/${of.against.side}/${of.against.model}/${of.against.step}` : ""}`;

async function make({ step, ...rest }: Asked, { signal }: AbortController, anchor: NodeKey | undefined, shown: Drawn | undefined): Promise<Picture> {
  const known = tables.get(step);
  const result = await services().pictures.picture({ ...rest, anchor, previous: shown?.key === rest.key ? shown.serial : undefined, hasTable: known !== undefined }, { signal });
  return { ...result, table: result.table ?? known! };
}

/** The view has come to its place after so many milliseconds. */
const viewMoves = 350;
/** Of larger graphs no picture is made ahead: it would keep others waiting. */
const aheadNodes = 5000;

/**
 * @param anchor what should keep its place in the next picture
 * @param ahead what will probably be asked for after a picture that followed another one
 */
export function usePicture(
  request: PictureRequest,
  anchor: () => NodeKey | undefined,
  ahead: (before: GraphTable, now: GraphTable) => PictureRequest["of"] | undefined,
): { readonly drawn: Drawn | undefined; readonly failure: unknown } {
  const [arrived, setArrived] = useState<Drawn>();
  const [failure, setFailure] = useState<unknown>();
  const { key, of, after, region, constants, texts, isolation, names, expanded } = request;
  const step = tableKey(of);
  const [kept] = useState((): Kept => ({ at: -Infinity }));
  const asks = useRef({ anchor, ahead, of });
  useLayoutEffect(() => {
    asks.current = { anchor, ahead, of };
  });
  // What was made ahead is drawn in the very round that follows the step.
  const asked = { key, of, step, after, region, constants, texts, isolation, names, expanded };
  const ready = madeAhead(kept, asked, anchor);
  const latest = kept.ready && (!arrived || kept.ready.serial > arrived.serial) ? kept.ready : arrived;
  const drawn = ready ?? latest;

  useLayoutEffect(() => {
    const show = (asked: Asked, picture: Drawn): void => {
      tables.delete(asked.step);
      tables.set(asked.step, picture.table);
      for (const oldest of tables.keys()) {
        if (tables.size <= keptTables) break;
        tables.delete(oldest);
      }
      kept.at = performance.now();
      kept.shown = { picture, asked };
    };
    const run = (asked: Asked, made?: Ahead): void => {
      const controller = made?.controller ?? new AbortController();
      const mine = { ...asked, controller };
      kept.underWay = mine;
      (made?.made ?? make(asked, controller, asks.current.anchor(), kept.shown?.picture))
        .then(
          (result) => {
            if (controller.signal.aborted) return;
            const before = kept.shown?.asked;
            const picture = drawnFrom(result, asked, kept.at);
            show(asked, picture);
            const update = (): void => {
              setFailure(undefined);
              setArrived(picture);
            };
            // The first picture of a graph is many cards, made in slices; the next one of the same graph is a step and comes at once.
            if (before?.key === asked.key) update();
            else startTransition(update);
          },
          (reason: unknown) => {
            if (!isCancelled(reason) && !controller.signal.aborted) setFailure(reason);
          },
        )
        .finally(() => {
          if (kept.underWay !== mine) return;
          kept.underWay = undefined;
          const { waiting } = kept;
          kept.waiting = undefined;
          if (waiting) run(waiting);
        });
    };
    const asked = { key, of: asks.current.of, step, after, region, constants, texts, isolation, names, expanded };
    const { underWay, next } = kept;
    if (!ready && underWay && onlyAnotherStep(underWay, asked)) {
      // A held key asks for steps faster than pictures are made: the one under way is shown, then the latest, and none starves.
      kept.waiting = asked;
      return;
    }
    underWay?.controller.abort();
    kept.underWay = undefined;
    kept.waiting = undefined;
    kept.next = undefined;
    if (ready) {
      kept.ready = ready;
      show(asked, ready);
      setFailure(undefined);
    } else if (next && fits(next, asked, kept, asks.current.anchor)) run(asked, next);
    else {
      next?.controller.abort();
      run(asked);
    }
    // What was ready is what was rendered: the places of things have changed with it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [kept, key, step, after, region, constants, texts, isolation, names, expanded]);

  // Where steps go one way, the picture of the next is made while this one is drawn.
  const drawnBefore = useRef<Drawn>(undefined);
  useEffect(() => {
    const before = drawnBefore.current;
    drawnBefore.current = drawn;
    const { shown } = kept;
    if (!drawn || !before || shown?.picture !== drawn || before.key !== drawn.key || kept.underWay || drawn.table.ids.length > aheadNodes) return;
    const probably = asks.current.ahead(before.table, drawn.table);
    if (!probably) return;
    const begin = (): void => {
      if (kept.underWay || kept.shown !== shown) return;
      const asked = { ...shown.asked, of: probably, step: tableKey(probably) };
      const controller = new AbortController();
      const from = asks.current.anchor();
      const made: Ahead = { asked, controller, anchor: from, previous: drawn.serial, made: make(asked, controller, from, drawn) };
      kept.next?.controller.abort();
      kept.next = made;
      made.made.then(
        (result) => (made.result = result),
        // Asked for again if it is wanted, and told then.
        () => kept.next === made && (kept.next = undefined),
      );
    };
    if (drawn.soon) return begin();
    // The view first goes where the step is.
    const timer = setTimeout(begin, viewMoves);
    return () => clearTimeout(timer);
  }, [drawn, kept]);
  useEffect(
    () => () => {
      kept.underWay?.controller.abort();
      kept.next?.controller.abort();
      Object.assign(kept, { underWay: undefined, next: undefined, waiting: undefined });
    },
    [kept],
  );
  return { drawn, failure };
}

const drawnFrom = (result: Picture, { key, region }: Asked, before: number): Drawn => ({ ...result, key, region, soon: isHeld() || performance.now() - before < quickSteps });

/** What keeps its place in the picture is what is in the middle of the view now. */
const fits = (made: Ahead, asked: Asked, { shown }: Kept, anchor: () => NodeKey | undefined): boolean =>
  made.asked.step === asked.step && onlyAnotherStep(made.asked, asked) && made.previous === shown?.picture.serial && made.anchor === anchor();

function madeAhead(kept: Kept, asked: Asked, anchor: () => NodeKey | undefined): Drawn | undefined {
  const { next } = kept;
  if (!next?.result || !fits(next, asked, kept, anchor)) return undefined;
  return (next.picture ??= drawnFrom(next.result, asked, kept.at));
}
