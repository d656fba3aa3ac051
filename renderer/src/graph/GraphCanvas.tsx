/**
 * The graph canvas. Near, React Flow draws the cards that an index of our own finds in view; far, or where too many
 * cards would be in view, a painted overview takes over. Layouts are given, not made here.
 */

import {
  ReactFlow,
  ReactFlowProvider,
  ViewportPortal,
  useReactFlow,
  useStoreApi,
} from "@xyflow/react";
import { Maximize, Minus, Plus } from "lucide-react";
import {
  memo,
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  type Ref,
} from "react";
import "@xyflow/react/dist/base.css";
import type { Bounds, LayoutResult, NodeKey } from "../../../picture/src/index.ts";
import { CardLayer } from "./card-layer.tsx";
import { chipsOf, type Card, type CardActions, type GroupCard } from "./cards.tsx";
import { EdgeHighlight, EdgeLayer, type Region } from "./edge-layer.tsx";
import { Minimap, type MinimapHandle } from "./minimap.tsx";
import { englishLabels, type CanvasData, type CanvasLabels, type CanvasTarget } from "./model.ts";
import { paintOverview, type View } from "./overview.ts";
import { usePalette } from "./palette.ts";
import {
  boxUnder,
  edgeUnder,
  groupAt,
  isGroup,
  makeScene,
  neighbour,
  nodeAt,
  rectAt,
  targetAt,
  type Direction,
  type Rect,
  type Scene,
} from "./scene.ts";
import styles from "./graph-canvas.module.css";

/** Below this zoom cards cannot be read. */
export const NEAR_ZOOM = 0.45;
/** More cards in view than this are painted: React Flow would drop frames. */
export const MAX_CARDS = 450;
/** A step with more cards in view than this is shown at once, without movement. */
const MAX_MORPH = 500;
/** The region around the view is renewed when less than this part of the view is left at a side. */
const REFRESH_MARGIN = 0.12;
const LABEL_ZOOM = 0.62;
const MORPH_MS = 280;

export interface GraphCanvasHandle {
  /** Shows the whole graph. */
  fit(): void;
  /** Starts at the top, readable; shows everything when it fits. */
  home(): void;
  centerOn(target: CanvasTarget | NodeKey, options?: { readonly zoom?: number; readonly instant?: boolean }): boolean;
  /** Brings several places into one view; what is not drawn is left out. */
  show(targets: readonly CanvasTarget[]): void;
  /** Moves the view as little as brings a box into it; of a box larger than the view, its top left. */
  bringIn(target: CanvasTarget): void;
  zoomBy(factor: number): void;
  /** Whether the whole of what is drawn for a node is in view. */
  isInView(node: NodeKey): boolean;
  viewport(): View;
  setViewport(view: View): void;
  /** What should keep its place in the next layout: the selection if it is in view, else the card nearest the middle. */
  anchor(): NodeKey | undefined;
  focus(): void;
}

export interface GraphCanvasProps {
  readonly data: CanvasData;
  readonly layout: LayoutResult;
  /** What each node of this layout came from, for movement between steps. */
  readonly lineage?: ReadonlyMap<NodeKey, readonly NodeKey[]>;
  /** The node that a new layout is about: where it is out of view, the view goes there with the layout, without movement. */
  readonly lead?: NodeKey | undefined;
  /** A movement to this layout would be cut short by the next. */
  readonly hurried?: boolean | undefined;
  readonly selection?: readonly CanvasTarget[];
  readonly hovered?: CanvasTarget | null;
  readonly widthByBytes?: boolean;
  readonly minimap?: boolean;
  /** Calls once no key is held that goes through steps: what may wait is drawn then. Gives a function that calls it off. */
  readonly whenRested?: ((then: () => void) => () => void) | undefined;
  /** How far one can zoom out, where that is not this graph's own matter. */
  readonly minZoom?: number | undefined;
  readonly labels?: Partial<CanvasLabels>;
  /** Changes when everything should be shown again, for example another model. */
  readonly fitRequest?: unknown;
  /** Where to begin instead of at the top: a view that was left. */
  readonly initialView?: View | undefined;
  readonly onSelect?: (targets: readonly CanvasTarget[], additive: boolean) => void;
  readonly onSelectEdge?: (edge: NodeKey) => void;
  readonly onToggleGroup?: (groupId: string) => void;
  /** Enter or double click on a node. */
  readonly onOpen?: (target: CanvasTarget) => void;
  readonly onHover?: (target: CanvasTarget | null) => void;
  readonly onContextMenu?: (target: CanvasTarget | null, at: { readonly x: number; readonly y: number }) => void;
  readonly onViewportChange?: (view: View) => void;
  readonly ref?: Ref<GraphCanvasHandle>;
}

/** Rendered again only for other props: give it the same functions each time. */
export const GraphCanvas = memo(function GraphCanvas(props: GraphCanvasProps): ReactNode {
  return (
    <ReactFlowProvider>
      <Canvas {...props} />
    </ReactFlowProvider>
  );
});

const flowId = (target: CanvasTarget): string => (target.kind === "node" ? `n${target.id}` : `g${target.id}`);
const sameTarget = (a: CanvasTarget, b: CanvasTarget): boolean => a.kind === b.kind && a.id === b.id;
const asTarget = (target: CanvasTarget | NodeKey): CanvasTarget =>
  typeof target === "object" ? target : { kind: "node", id: target };

const targetOf = (card: Card): CanvasTarget => (card.type === "card" ? { kind: "node", id: card.data.node!.id } : { kind: "group", id: card.data.group.id });

const reducedMotion = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;

interface Shown {
  readonly near: boolean;
  readonly labels: boolean;
  readonly region: Region;
}

/** The part of the plane that is kept drawn: the view and a margin around it. */
function regionOf(view: View, width: number, height: number, margin: number): Region {
  const w = width / view.zoom;
  const h = height / view.zoom;
  const x = -view.x / view.zoom;
  const y = -view.y / view.zoom;
  return { minX: x - w * margin, minY: y - h * margin, maxX: x + w * (1 + margin), maxY: y + h * (1 + margin) };
}

const covers = (outer: Region, inner: Region): boolean =>
  outer.minX <= inner.minX && outer.minY <= inner.minY && outer.maxX >= inner.maxX && outer.maxY >= inner.maxY;

/** Fewer spare cards around the view where they are many. */
const drawnRegion = (scene: Scene, view: View, width: number, height: number): Region =>
  regionOf(view, width, height, countIn(scene, regionOf(view, width, height, 0), 400) > 160 ? 0.2 : 0.35);

/** What a view shows of a scene that is new. */
function shownIn(scene: Scene, view: View, width: number, height: number): Shown {
  if (width === 0 || height === 0) return { near: true, labels: true, region: { minX: 0, minY: 0, maxX: 0, maxY: 0 } };
  const near = view.zoom >= NEAR_ZOOM && countIn(scene, regionOf(view, width, height, 0), MAX_CARDS + 1) <= MAX_CARDS;
  return { near, labels: view.zoom >= LABEL_ZOOM, region: drawnRegion(scene, view, width, height) };
}

const isWhollyIn = (view: View, width: number, height: number, rect: Rect): boolean => {
  const [left, top] = [rect.x * view.zoom + view.x, rect.y * view.zoom + view.y];
  return left >= 0 && top >= 0 && left + rect.width * view.zoom <= width && top + rect.height * view.zoom <= height;
};

/** The view that has a box in its middle, near enough to read it; of a tall box the head. */
function centred(view: View, width: number, height: number, rect: Rect, zoom = Math.max(view.zoom, NEAR_ZOOM + 0.15)): View {
  const tall = rect.height * zoom > height * 0.8;
  const y = tall ? rect.y + (height * 0.42) / zoom : rect.y + rect.height / 2;
  return { x: width / 2 - (rect.x + rect.width / 2) * zoom, y: height / 2 - y * zoom, zoom };
}

function countIn(scene: Scene, region: Region, limit: number): number {
  let count = 0;
  scene.boxes.query(region.minX, region.minY, region.maxX, region.maxY, () => count++);
  return Math.min(count, limit);
}

interface Morph {
  readonly phase: 0 | 1;
  /** Where boxes that are new start from, by flow id. */
  readonly starts: ReadonlyMap<string, { readonly x: number; readonly y: number }>;
  /** What is gone, first where it was, then where it went. */
  readonly ghosts: readonly { readonly at: Card; readonly gone: Card }[];
}

function Canvas({
  data,
  layout,
  lineage,
  lead,
  hurried = false,
  selection = NOTHING,
  hovered = null,
  widthByBytes = false,
  minimap = true,
  whenRested,
  minZoom: givenMinZoom,
  labels: givenLabels,
  fitRequest,
  initialView,
  onSelect,
  onSelectEdge,
  onToggleGroup,
  onOpen,
  onHover,
  onContextMenu,
  onViewportChange,
  ref,
}: GraphCanvasProps): ReactNode {
  const store = useStoreApi();
  const flow = useReactFlow();
  const palette = usePalette();
  const labels = useMemo<CanvasLabels>(() => ({ ...englishLabels, ...givenLabels }), [givenLabels]);
  const scene = useMemo(() => makeScene(layout, data), [layout, data]);
  const root = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const minimapHandle = useRef<MinimapHandle | null>(null);
  const zoomText = useRef<HTMLSpanElement>(null);
  // A new scene is looked at while it is rendered, where the view will then be: one round for each step.
  const moved = useMemo((): View | undefined => {
    const { width, height, transform } = store.getState();
    const view: View = { x: transform[0], y: transform[1], zoom: transform[2] };
    const box = lead === undefined ? -1 : scene.boxOfNode(lead);
    return box < 0 || width === 0 || isWhollyIn(view, width, height, rectAt(scene, box)) ? undefined : centred(view, width, height, rectAt(scene, box));
    // What leads is asked once, when its layout is new.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [layout, store]);
  const first = useMemo(() => {
    const { width, height, transform } = store.getState();
    return shownIn(scene, moved ?? { x: transform[0], y: transform[1], zoom: transform[2] }, width, height);
  }, [scene, moved, store]);
  const [seen, setSeen] = useState<{ readonly scene: Scene; readonly shown: Shown } | null>(null);
  const shown = seen?.scene === scene ? seen.shown : first;
  const [edge, setEdge] = useState<NodeKey | null>(null);
  const [morph, setMorph] = useState<Morph | null>(null);

  const callbacks = useRef({ onSelect, onToggleGroup, onOpen, onHover, onContextMenu, onSelectEdge, onViewportChange });
  useLayoutEffect(() => {
    callbacks.current = { onSelect, onToggleGroup, onOpen, onHover, onContextMenu, onSelectEdge, onViewportChange };
  });

  const selectedBoxes = useMemo(() => {
    const boxes = new Set<number>();
    for (const target of selection) {
      const box = scene.boxOf(target);
      if (box >= 0) boxes.add(box);
    }
    return boxes;
  }, [scene, selection]);
  const selectedNodes = useMemo(() => {
    const ids = new Set<NodeKey>();
    for (const target of selection) if (target.kind === "node") ids.add(target.id);
    return ids;
  }, [selection]);
  const hoveredBox = hovered === null ? -1 : scene.boxOf(hovered);

  // What the view shows now, read outside of React while panning.
  const live = useRef({ scene, shown, selectedBoxes, hoveredBox, palette });
  useLayoutEffect(() => {
    live.current = { scene, shown, selectedBoxes, hoveredBox, palette };
  });

  const paint = useCallback(() => {
    const element = canvas.current;
    if (element === null) return;
    const { width, height, transform } = store.getState();
    const current = live.current;
    const context = element.getContext("2d");
    if (context === null || width === 0) return;
    if (current.shown.near) {
      if (element.dataset["painted"] !== undefined) {
        context.setTransform(1, 0, 0, 1, 0, 0);
        context.clearRect(0, 0, element.width, element.height);
        delete element.dataset["painted"];
      }
      return;
    }
    const ratio = Math.min(2, devicePixelRatio || 1);
    if (element.width !== Math.round(width * ratio) || element.height !== Math.round(height * ratio)) {
      element.width = Math.round(width * ratio);
      element.height = Math.round(height * ratio);
    }
    element.dataset["painted"] = "";
    paintOverview(
      context,
      current.scene,
      { x: transform[0], y: transform[1], zoom: transform[2] },
      { width, height, ratio },
      current.palette,
      { selected: current.selectedBoxes, hovered: current.hoveredBox },
    );
  }, [store]);

  /** Looks at the viewport: which mode, and is what is drawn still enough. */
  const look = useCallback(
    () => {
      const { width, height, transform } = store.getState();
      if (width === 0 || height === 0) return;
      const view: View = { x: transform[0], y: transform[1], zoom: transform[2] };
      const { scene: current, shown: before } = live.current;
      const inView = regionOf(view, width, height, 0);
      // Small steps, well before the edge: a few new cards at a time never cost a frame.
      const stale = !covers(before.region, regionOf(view, width, height, REFRESH_MARGIN)) || before.labels !== view.zoom >= LABEL_ZOOM;
      let near = view.zoom >= NEAR_ZOOM;
      if (near && (stale || !before.near)) near = countIn(current, inView, MAX_CARDS + 1) <= MAX_CARDS;
      else if (near) near = before.near;
      if (stale || near !== before.near) {
        const next = { near, labels: view.zoom >= LABEL_ZOOM, region: drawnRegion(current, view, width, height) };
        live.current = { ...live.current, shown: next };
        setSeen({ scene: current, shown: next });
      }
      minimapHandle.current?.update(view, width, height);
      const percent = `${Math.round(view.zoom * 100)}%`;
      if (zoomText.current !== null && zoomText.current.textContent !== percent) zoomText.current.textContent = percent;
    },
    [store],
  );

  useEffect(() => {
    let frame = 0;
    let last = store.getState().transform;
    let size = 0;
    const unsubscribe = store.subscribe((state) => {
      if (state.transform === last && state.width * 1e5 + state.height === size) return;
      last = state.transform;
      size = state.width * 1e5 + state.height;
      if (frame !== 0) return;
      frame = requestAnimationFrame(() => {
        frame = 0;
        look();
        paint();
        const [x, y, zoom] = store.getState().transform;
        callbacks.current.onViewportChange?.({ x, y, zoom });
      });
    });
    return () => {
      unsubscribe();
      cancelAnimationFrame(frame);
    };
  }, [store, look, paint]);

  useLayoutEffect(() => {
    if (moved) void flow.setViewport(moved);
  }, [moved, flow]);
  useLayoutEffect(look, [scene, look]);
  useEffect(paint, [paint, scene, shown, selectedBoxes, hoveredBox, palette]);

  // View commands.
  const fitWhole = useCallback(
    (duration: number) => {
      const { bounds } = live.current.scene.layout;
      if (bounds.width === 0) return;
      void flow.fitBounds(bounds, { padding: 0.06, duration: reducedMotion() ? 0 : duration });
    },
    [flow],
  );
  const goHome = useCallback(() => {
    const { bounds } = live.current.scene.layout;
    const { width, height } = store.getState();
    if (width === 0 || bounds.width === 0) return;
    const whole = Math.min((width - 48) / bounds.width, (height - 48) / bounds.height);
    const zoom = whole >= 0.6 ? Math.min(1.1, whole) : Math.max(NEAR_ZOOM + 0.05, Math.min(0.85, (width - 64) / bounds.width));
    const { scene: current } = live.current;
    // Around the top of the main column.
    const first = current.boxCount > 0 ? rectAt(current, 0) : undefined;
    const fits = bounds.width * zoom <= width - 48;
    const centre = fits || first === undefined ? bounds.x + bounds.width / 2 : first.x + first.width / 2;
    const top = bounds.height * zoom <= height - 48 ? (height - bounds.height * zoom) / 2 : 32;
    void flow.setViewport({ x: width / 2 - centre * zoom, y: top - bounds.y * zoom, zoom });
  }, [flow, store]);

  const centerBox = useCallback(
    (box: number, zoom: number | undefined, duration: number) => {
      const { width, height, transform } = store.getState();
      const view: View = { x: transform[0], y: transform[1], zoom: transform[2] };
      void flow.setViewport(centred(view, width, height, rectAt(live.current.scene, box), zoom), { duration: reducedMotion() ? 0 : duration });
    },
    [flow, store],
  );

  // With more or less room, as beside another canvas, a panel or in another window, the middle of the view stays in the middle.
  const roomChanged = useRef(-Infinity);
  const findAgain = useCallback(() => {
    const { scene: current, selectedBoxes: selected } = live.current;
    const { width, height, transform } = store.getState();
    const view: View = { x: transform[0], y: transform[1], zoom: transform[2] };
    if (width === 0 || current.boxCount === 0 || countIn(current, regionOf(view, width, height, 0), 1) > 0) return;
    const [box] = selected;
    if (box === undefined) goHome();
    else centerBox(box, undefined, 0);
  }, [store, goHome, centerBox]);
  useEffect(() => {
    let last = store.getState().width;
    return store.subscribe(({ width, transform: [x, y, zoom] }) => {
      const by = last > 0 ? width - last : 0;
      if (width > 0) last = width;
      if (width === 0 || by === 0) return;
      roomChanged.current = performance.now();
      void flow.setViewport({ x: x + by / 2, y, zoom }).then(findAgain);
    });
  }, [store, flow, findAgain]);
  // Beside another canvas the layout is another one too, and comes a little later: with nothing of it in view a person would look for it.
  useEffect(() => {
    if (performance.now() - roomChanged.current < 1000) findAgain();
  }, [scene, findAgain]);

  const boxInView = useCallback(
    (box: number): boolean => {
      const { width, height, transform } = store.getState();
      const rect = rectAt(live.current.scene, box);
      const [x, y, zoom] = transform;
      const left = rect.x * zoom + x;
      const top = rect.y * zoom + y;
      return left > 8 && top > 8 && left + Math.min(rect.width * zoom, 80) < width - 8 && top + Math.min(rect.height * zoom, 40) < height - 8;
    },
    [store],
  );

  useImperativeHandle(
    ref,
    (): GraphCanvasHandle => ({
      fit: () => fitWhole(200),
      home: goHome,
      centerOn(target, options = {}) {
        const box = live.current.scene.boxOf(asTarget(target));
        if (box < 0) return false;
        centerBox(box, options.zoom, options.instant === true ? 0 : 200);
        return true;
      },
      show(targets) {
        const boxes = targets.map((target) => live.current.scene.boxOf(target)).filter((box) => box >= 0);
        if (boxes.length === 0) return;
        let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
        for (const box of boxes) {
          const rect = rectAt(live.current.scene, box);
          [minX, minY, maxX, maxY] = [Math.min(minX, rect.x), Math.min(minY, rect.y), Math.max(maxX, rect.x + rect.width), Math.max(maxY, rect.y + rect.height)];
        }
        const { width, height } = store.getState();
        // What lies over the canvas covers none of it: the minimap at the right, legend and zoom at the bottom.
        const right = Math.min(width * 0.25, minimapHandle.current === null ? 0 : minimapHandle.current.width + 12);
        const bottom = Math.min(height * 0.25, 80);
        const [roomX, roomY] = [width - right, height - bottom];
        // Never closer than cards are meant to be read at.
        const zoom = Math.min(1, (roomX * 0.9) / Math.max(1, maxX - minX), (roomY * 0.9) / Math.max(1, maxY - minY));
        void flow.setViewport({ x: roomX / 2 - ((minX + maxX) / 2) * zoom, y: roomY / 2 - ((minY + maxY) / 2) * zoom, zoom }, { duration: reducedMotion() ? 0 : 240 });
      },
      bringIn(target) {
        const box = live.current.scene.boxOf(target);
        if (box < 0) return;
        const { width, height, transform } = store.getState();
        const rect = rectAt(live.current.scene, box);
        const [x, y, zoom] = transform;
        /** How far to go along one axis: as little as shows all of it; of what is larger than the view, its beginning. */
        const shift = (from: number, size: number, room: number): number => (size > room ? (from < 24 || from > room / 3 ? 24 - from : 0) : from < 24 ? 24 - from : Math.min(0, room - from - size));
        const dx = shift(rect.x * zoom + x, rect.width * zoom, width - 24);
        const dy = shift(rect.y * zoom + y, rect.height * zoom, height - 24);
        if (dx !== 0 || dy !== 0) void flow.setViewport({ x: x + dx, y: y + dy, zoom }, { duration: reducedMotion() ? 0 : 240 });
      },
      zoomBy: (factor) => void flow.zoomTo(flow.getZoom() * factor, { duration: reducedMotion() ? 0 : 120 }),
      isInView(node) {
        const { width, height } = store.getState();
        const box = live.current.scene.boxOfNode(node);
        return box >= 0 && isWhollyIn(flow.getViewport(), width, height, rectAt(live.current.scene, box));
      },
      viewport: () => flow.getViewport(),
      setViewport: (view) => void flow.setViewport(view),
      anchor() {
        const { scene: current, selectedBoxes: selected } = live.current;
        const idOf = (box: number): NodeKey => targetAt(current, box).id;
        for (const box of selected) if (boxInView(box)) return idOf(box);
        const { width, height, transform } = store.getState();
        const view = { x: transform[0], y: transform[1], zoom: transform[2] };
        const { minX, minY, maxX, maxY } = regionOf(view, width, height, 0);
        let best = Infinity;
        let found = -1;
        current.boxes.query(minX, minY, maxX, maxY, (box) => {
          if (isGroup(current, box) && groupAt(current, box).expanded) return;
          const r = rectAt(current, box);
          const distance = Math.hypot(r.x + r.width / 2 - (minX + maxX) / 2, r.y + r.height / 2 - (minY + maxY) / 2);
          if (distance < best) {
            best = distance;
            found = box;
          }
        });
        return found < 0 ? undefined : idOf(found);
      },
      focus: () => root.current?.focus({ preventScroll: true }),
    }),
    [flow, store, fitWhole, goHome, centerBox, boxInView],
  );

  // First view, and again when asked.
  const homed = useRef<unknown>(Symbol("none"));
  const begin = useRef(initialView);
  useLayoutEffect(() => {
    begin.current = initialView;
  });
  useEffect(() => {
    if (homed.current === fitRequest || scene.boxCount === 0) return;
    let frame = 0;
    const tryHome = (): void => {
      if (store.getState().width === 0 || store.getState().panZoom === null) {
        frame = requestAnimationFrame(tryHome);
        return;
      }
      homed.current = fitRequest;
      if (begin.current) void flow.setViewport(begin.current);
      else goHome();
    };
    tryHome();
    return () => cancelAnimationFrame(frame);
  }, [fitRequest, scene, goHome, store, flow]);

  const actions = useMemo<CardActions>(
    () => ({
      select: (target, additive) => callbacks.current.onSelect?.([target], additive),
      toggle: (groupId) => callbacks.current.onToggleGroup?.(groupId),
      goTo: (target) => {
        const box = live.current.scene.boxOf(target);
        if (box < 0) return;
        callbacks.current.onSelect?.([target], false);
        centerBox(box, undefined, 240);
      },
      menu: (target, at) => callbacks.current.onContextMenu?.(target, at),
    }),
    [centerBox],
  );

  // Cards in view. Objects are kept while nothing about them changes, so that React Flow skips them.
  const cardCache = useRef({ scene, labels, cards: new Map<string, Card>(), before: new Map<string, Card>() });
  const cards = useMemo(() => {
    const cache = cardCache.current;
    if (cache.scene !== scene || cache.labels !== labels) {
      if (cache.labels !== labels) cache.before.clear();
      cache.scene = scene;
      cache.labels = labels;
      cache.cards = new Map();
    }
    if (!shown.near) return [];
    const list: Card[] = [];
    const { region } = shown;
    scene.boxes.query(region.minX, region.minY, region.maxX, region.maxY, (box) => {
      const selected = selectedBoxes.has(box);
      let chipSelected = false;
      for (let k = scene.chipStart[box]!; k < scene.chipStart[box + 1]! && selectedNodes.size > 0; k++) {
        if (selectedNodes.has(scene.layout.chips.ids[scene.chipItems[k]!]!)) chipSelected = true;
      }
      const key = `${box} ${selected} ${hoveredBox === box} ${chipSelected ? [...selectedNodes].join() : ""}`;
      let card = cache.cards.get(key);
      if (card === undefined) {
        card = makeCard(scene, box, selected, hoveredBox === box, selectedNodes, actions, labels);
        // A step leaves most cards as they were: React Flow and React know them by the object.
        const before = cache.before.get(card.id);
        if (before !== undefined && sameContents(before.data, card.data)) card = sameContents(before, { ...card, data: before.data }) ? before : ({ ...card, data: before.data } as Card);
        cache.cards.set(key, card);
      }
      list.push(card);
    });
    cache.before = new Map(list.map((card) => [card.id, card]));
    return list;
  }, [scene, shown, selectedBoxes, selectedNodes, hoveredBox, actions, labels]);

  // Movement between layouts.
  const changedAt = useRef(-Infinity);
  const drawn = useRef<{ scene: Scene; cards: readonly Card[]; near: boolean }>({ scene, cards: [], near: false });
  useLayoutEffect(() => {
    const before = drawn.current;
    drawn.current = { scene, cards, near: shown.near };
    if (before.scene === scene || before.scene.layout === scene.layout) return;
    // Steps that follow one another quickly are shown as they are: a movement would not come to its end.
    const now = performance.now();
    const quick = hurried || now - changedAt.current < 2 * MORPH_MS;
    changedAt.current = now;
    if (quick || !before.near || !shown.near || reducedMotion()) return;
    if (cards.length > MAX_MORPH || before.cards.length > MAX_MORPH) return;
    const next = planMorph(before.scene, before.cards, scene, cards, lineage);
    setMorph(next);
    const second = requestAnimationFrame(() => requestAnimationFrame(() => setMorph((m) => (m === next ? { ...next, phase: 1 } : m))));
    const end = setTimeout(() => setMorph(null), MORPH_MS + 60);
    return () => {
      cancelAnimationFrame(second);
      clearTimeout(end);
      setMorph(null);
    };
    // Only a new scene starts a movement; scrolling during it must not.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [scene]);
  useLayoutEffect(() => {
    drawn.current = { scene, cards, near: shown.near };
  }, [scene, cards, shown.near]);

  const drawnCards = useMemo(() => {
    if (morph === null) return cards;
    const moving = cards.map((card) => {
      const start = morph.starts.get(card.id);
      if (start === undefined || morph.phase === 1) return card;
      return { ...card, position: start, className: styles["arriving"] } as Card;
    });
    return [...moving, ...morph.ghosts.map((ghost) => (morph.phase === 0 ? ghost.at : ghost.gone))];
  }, [cards, morph]);

  // Highlighted edges.
  const edgeBox = useMemo(() => {
    if (edge === null) return -1;
    return scene.layout.edges.ids.indexOf(edge);
  }, [scene, edge]);
  const strongEdges = useMemo(() => {
    const list: number[] = edgeBox >= 0 ? [edgeBox] : [];
    for (const box of selectedBoxes) {
      for (let k = scene.outStart[box]!; k < scene.outStart[box + 1]!; k++) list.push(scene.outItems[k]!);
      for (let k = scene.inStart[box]!; k < scene.inStart[box + 1]!; k++) list.push(scene.inItems[k]!);
      if (list.length > 400) break;
    }
    return list;
  }, [scene, selectedBoxes, edgeBox]);
  const softEdges = useMemo(() => {
    if (hoveredBox < 0 || selectedBoxes.has(hoveredBox)) return [];
    const list: number[] = [];
    for (let k = scene.outStart[hoveredBox]!; k < scene.outStart[hoveredBox + 1]!; k++) list.push(scene.outItems[k]!);
    for (let k = scene.inStart[hoveredBox]!; k < scene.inStart[hoveredBox + 1]!; k++) list.push(scene.inItems[k]!);
    return list.slice(0, 200);
  }, [scene, hoveredBox, selectedBoxes]);

  // Pointer.
  const hoverNow = useRef<CanvasTarget | null>(null);
  const setHover = useCallback((target: CanvasTarget | null): void => {
    const before = hoverNow.current;
    if (before === target || (before !== null && target !== null && sameTarget(before, target))) return;
    hoverNow.current = target;
    callbacks.current.onHover?.(target);
  }, []);
  const cardClick = useCallback((event: MouseEvent, card: Card): void => {
    setEdge(null);
    root.current?.focus({ preventScroll: true });
    callbacks.current.onSelect?.([targetOf(card)], event.ctrlKey || event.metaKey || event.shiftKey);
  }, []);
  const cardDoubleClick = useCallback((_: MouseEvent, card: Card): void => {
    const target = targetOf(card);
    if (target.kind === "group") callbacks.current.onToggleGroup?.(target.id);
    else callbacks.current.onOpen?.(target);
  }, []);
  const cardMenu = useCallback((event: MouseEvent, card: Card): void => {
    event.preventDefault();
    callbacks.current.onContextMenu?.(targetOf(card), { x: event.clientX, y: event.clientY });
  }, []);
  const cardHover = useCallback((card: Card | null): void => setHover(card && targetOf(card)), [setHover]);
  const at = (event: { clientX: number; clientY: number }): { x: number; y: number } =>
    flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
  const paneClick = (event: MouseEvent): void => {
    root.current?.focus({ preventScroll: true });
    const { x, y } = at(event);
    const zoom = flow.getZoom();
    const box = shown.near ? -1 : boxUnder(scene, x, y);
    if (box >= 0) {
      setEdge(null);
      onSelect?.([targetAt(scene, box)], event.ctrlKey || event.metaKey || event.shiftKey);
      return;
    }
    const e = edgeUnder(scene, x, y, 6 / zoom);
    if (e >= 0) {
      const id = scene.layout.edges.ids[e]!;
      setEdge(id);
      onSelectEdge?.(id);
      return;
    }
    setEdge(null);
    if (!event.ctrlKey && !event.metaKey && !event.shiftKey) onSelect?.([], false);
  };
  const paneDoubleClick = (event: MouseEvent): void => {
    if ((event.target as Element).closest(".react-flow__node") !== null) return;
    const { x, y } = at(event);
    const box = shown.near ? -1 : boxUnder(scene, x, y);
    if (box >= 0) {
      centerBox(box, Math.max(0.8, flow.getZoom()), 240);
      return;
    }
    const e = edgeUnder(scene, x, y, 6 / flow.getZoom());
    if (e < 0) return;
    // To the end that is further away.
    const from = scene.layout.edges.from[e]!;
    const to = scene.layout.edges.to[e]!;
    const far = Math.abs(rectAt(scene, from).y - y) > Math.abs(rectAt(scene, to).y - y) ? from : to;
    onSelect?.([targetAt(scene, far)], false);
    centerBox(far, undefined, 240);
  };
  const moveFrame = useRef(0);
  const paneMove = (event: MouseEvent): void => {
    if (shown.near || event.buttons !== 0 || moveFrame.current !== 0) return;
    const { clientX, clientY } = event;
    moveFrame.current = requestAnimationFrame(() => {
      moveFrame.current = 0;
      const { x, y } = at({ clientX, clientY });
      const box = boxUnder(live.current.scene, x, y);
      setHover(box < 0 ? null : targetAt(live.current.scene, box));
    });
  };
  useEffect(() => () => cancelAnimationFrame(moveFrame.current), []);

  // Keys.
  const lastSelected = selection[selection.length - 1];
  const keyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    if (event.target !== event.currentTarget) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const box = lastSelected === undefined ? -1 : scene.boxOf(lastSelected);
    const directions: Record<string, Direction> = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right" };
    const direction = directions[event.key];
    let handled = true;
    if (direction !== undefined) {
      const next = box < 0 ? firstInView(scene, flow.getViewport(), store.getState()) : neighbour(scene, box, direction);
      if (next >= 0) {
        onSelect?.([targetAt(scene, next)], false);
        if (!boxInView(next)) centerBox(next, undefined, 140);
      }
    } else if (event.key === " ") {
      if (lastSelected?.kind === "group") onToggleGroup?.(lastSelected.id);
      else if (box >= 0 && !isGroup(scene, box)) {
        // On a node: closes the group around it.
        const group = scene.layout.nodes.groups[box]!;
        if (group >= 0) {
          const { id } = scene.layout.groups[group]!;
          onSelect?.([{ kind: "group", id }], false);
          onToggleGroup?.(id);
        }
      }
    } else if (event.key === "Enter") {
      if (lastSelected?.kind === "group") onToggleGroup?.(lastSelected.id);
      else if (lastSelected !== undefined) onOpen?.(lastSelected);
    } else if (event.key === "Escape") {
      setEdge(null);
      if (selection.length === 0) handled = false;
      else onSelect?.([], false);
    } else if (event.key === "Home") goHome();
    // Everything else is a command, whose key is the person's choice.
    else handled = false;
    if (handled) {
      event.preventDefault();
      event.stopPropagation();
    }
  };

  const { bounds } = layout;
  const minZoom = givenMinZoom ?? minZoomOf(bounds);
  const description = describe(scene, lastSelected, labels);
  const activeId = lastSelected === undefined ? undefined : flowId(lastSelected);

  return (
    <div
      ref={root}
      className={styles["canvas"]}
      role="application"
      aria-label={labels.canvas}
      aria-description={labels.help}
      tabIndex={0}
      data-near={shown.near || undefined}
      data-morph={morph === null ? undefined : ""}
      data-graph-canvas=""
      data-active={activeId}
      onKeyDown={keyDown}
      onDoubleClick={paneDoubleClick}
    >
      <canvas ref={canvas} className={styles["overview"]} aria-hidden />
      <ReactFlow
        nodes={NOTHING}
        edges={NOTHING}
        minZoom={minZoom}
        maxZoom={2.5}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        disableKeyboardA11y
        deleteKeyCode={null}
        selectionKeyCode={null}
        multiSelectionKeyCode={null}
        panActivationKeyCode={null}
        zoomActivationKeyCode={ZOOM_KEYS}
        panOnScroll
        zoomOnDoubleClick={false}
        attributionPosition="bottom-left"
        onPaneClick={paneClick}
        onPaneMouseMove={paneMove}
        onPaneMouseLeave={() => setHover(null)}
        onPaneContextMenu={(event) => {
          event.preventDefault();
          const { x, y } = at(event);
          const box = shown.near ? -1 : boxUnder(scene, x, y);
          onContextMenu?.(box < 0 ? null : targetAt(scene, box), { x: event.clientX, y: event.clientY });
        }}
      >
        {shown.near && (
          <ViewportPortal>
            <CardLayer cards={drawnCards} onClick={cardClick} onDoubleClick={cardDoubleClick} onContextMenu={cardMenu} onHover={cardHover} />
            <EdgeLayer scene={scene} region={shown.region} showLabels={shown.labels} widthByBytes={widthByBytes} fade={morph !== null} />
            <EdgeHighlight scene={scene} edges={softEdges} region={shown.region} strong={false} />
            <EdgeHighlight scene={scene} edges={strongEdges} region={shown.region} strong />
          </ViewportPortal>
        )}
      </ReactFlow>
      <div className={styles["tools"]}>
        {minimap && scene.boxCount > 0 && (
          <Minimap
            scene={scene}
            palette={palette}
            labels={labels}
            handle={minimapHandle}
            whenRested={whenRested}
            onGo={(x, y) => void flow.setCenter(x, y, { zoom: flow.getZoom() })}
          />
        )}
        <div className={styles["zoom"]}>
          <button type="button" aria-label={labels.zoomOut} title={labels.zoomOut} onClick={() => void flow.zoomOut({ duration: 120 })}>
            <Minus size={14} aria-hidden />
          </button>
          <span ref={zoomText} className={styles["zoom-text"]}>100%</span>
          <button type="button" aria-label={labels.zoomIn} title={labels.zoomIn} onClick={() => void flow.zoomIn({ duration: 120 })}>
            <Plus size={14} aria-hidden />
          </button>
          <button type="button" aria-label={labels.fit} title={`${labels.fit} (F)`} onClick={() => fitWhole(200)}>
            <Maximize size={13} aria-hidden />
          </button>
        </div>
      </div>
      <div className={styles["spoken"]} role="status" aria-live="polite">
        {description}
      </div>
    </div>
  );
}

/** The whole graph can always be seen. */
export const minZoomOf = ({ width, height }: Bounds): number => Math.max(1e-5, Math.min(0.1, 400 / Math.max(1, height), 400 / Math.max(1, width)));

const NOTHING: never[] = [];
const ZOOM_KEYS = ["Control", "Meta"];

function describe(scene: Scene, target: CanvasTarget | undefined, labels: CanvasLabels): string {
  if (target === undefined) return labels.nothingSelected;
  const box = scene.boxOf(target);
  if (box < 0) return labels.nothingSelected;
  return labels.selected(ariaName(scene, box, labels), inputsOf(scene, box), usersOf(scene, box));
}

/** "Conv conv1, 1×64×56×56": the node at one end of an edge, with what the edge carries. */
function endOf(scene: Scene, edge: number, box: number): string {
  const target = targetAt(scene, box);
  const node = isGroup(scene, box) ? undefined : nodeAt(scene, box);
  const name = node ? [node.op, node.title].filter((part) => part !== "").join(" ") : target.kind === "group" ? (scene.data.groups?.get(target.id)?.title ?? groupAt(scene, box).title) : String(target.id);
  const label = scene.data.edges?.get(scene.layout.edges.ids[edge]!)?.label;
  return label === undefined || label === "" ? name : `${name} ${label}`;
}

/** What comes in: over edges, and the constants and references at the card's side. */
function inputsOf(scene: Scene, box: number): readonly string[] {
  const names: string[] = [];
  for (let k = scene.inStart[box]!; k < scene.inStart[box + 1]!; k++) names.push(endOf(scene, scene.inItems[k]!, scene.layout.edges.from[scene.inItems[k]!]!));
  const { chips } = scene.layout;
  for (let k = scene.chipStart[box]!; k < scene.chipStart[box + 1]!; k++) {
    const node = scene.data.nodes.get(chips.ids[scene.chipItems[k]!]!);
    if (node) names.push([node.title, node.subtitle].filter((part) => part !== undefined && part !== "").join(" "));
  }
  return names;
}

function usersOf(scene: Scene, box: number): readonly string[] {
  const names: string[] = [];
  for (let k = scene.outStart[box]!; k < scene.outStart[box + 1]!; k++) names.push(endOf(scene, scene.outItems[k]!, scene.layout.edges.to[scene.outItems[k]!]!));
  return [...new Set(names)];
}

function ariaName(scene: Scene, box: number, labels: CanvasLabels): string {
  if (isGroup(scene, box)) {
    const group = groupAt(scene, box);
    const extra = scene.data.groups?.get(group.id);
    return [extra?.title ?? group.title, labels.nodes(group.nodeCount), ...(extra?.badges?.map((b) => b.label) ?? [])].join(", ");
  }
  const node = nodeAt(scene, box);
  if (node === undefined) return "";
  const parts = [node.op, node.title, node.subtitle, ...(node.badges?.map((b) => b.label) ?? [])];
  if (node.diff !== undefined && node.diff !== "unchanged") parts.push(labels.diff[node.diff]);
  return parts.filter((part) => part !== undefined && part !== "").join(", ");
}

function makeCard(
  scene: Scene,
  box: number,
  selected: boolean,
  hovered: boolean,
  selectedNodes: ReadonlySet<NodeKey>,
  actions: CardActions,
  labels: CanvasLabels,
): Card {
  const { x, y, width, height } = rectAt(scene, box);
  const target = targetAt(scene, box);
  const chips = chipsOf(
    scene.layout,
    scene.chipItems,
    scene.chipStart[box]!,
    scene.chipStart[box + 1]!,
    x,
    y,
    (id) => scene.data.nodes.get(id),
    selectedNodes,
  );
  const common = {
    id: flowId(target),
    position: { x, y },
    width,
    height,
    label: ariaName(scene, box, labels),
  };
  if (!isGroup(scene, box)) {
    return {
      ...common,
      type: "card",
      zIndex: 20,
      data: { node: nodeAt(scene, box), chips, selected, hovered, ghost: false, actions, labels },
    };
  }
  const group = groupAt(scene, box);
  return {
    ...common,
    type: group.expanded ? "group-open" : "group-closed",
    zIndex: group.expanded ? Math.min(9, group.depth) - 10 : 20,
    ...(group.expanded ? { className: styles["frame-node"] } : {}),
    data: { group, extra: scene.data.groups?.get(group.id), chips, selected, hovered, ghost: false, actions, labels },
  } as GroupCard;
}

/** Whether two values are equal, part by part; functions and what is shared are compared as they are. */
function sameContents(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((each, index) => sameContents(each, b[index]));
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => key in right && sameContents(left[key], right[key]));
}

/** Where new cards start and where old ones go. What stays is moved by the style's transition alone. */
function planMorph(
  from: Scene,
  fromCards: readonly Card[],
  to: Scene,
  toCards: readonly Card[],
  lineage: ReadonlyMap<NodeKey, readonly NodeKey[]> | undefined,
): Morph {
  const stays = new Set(toCards.map((card) => card.id));
  const had = new Set(fromCards.map((card) => card.id));
  const middle = (scene: Scene, box: number): { x: number; y: number } => {
    const r = rectAt(scene, box);
    return { x: r.x + r.width / 2, y: r.y + r.height / 2 };
  };
  const becomes = new Map<NodeKey, NodeKey>();
  for (const [now, origins] of lineage ?? []) for (const origin of origins) if (!becomes.has(origin)) becomes.set(origin, now);

  const starts = new Map<string, { x: number; y: number }>();
  for (const card of toCards) {
    if (had.has(card.id)) continue;
    const centres: { x: number; y: number }[] = [];
    if (card.type === "card") {
      for (const origin of lineage?.get(card.data.node!.id) ?? []) {
        const box = from.boxOfNode(origin);
        if (box >= 0) centres.push(middle(from, box));
      }
      if (centres.length === 0) {
        // It was inside a group that has just been opened.
        const group = to.layout.nodes.groups[to.boxOfNode(card.data.node!.id)] ?? -1;
        const box = group < 0 ? -1 : from.boxOf({ kind: "group", id: to.layout.groups[group]!.id });
        if (box >= 0) centres.push(middle(from, box));
      }
    }
    const width = card.width ?? 0;
    const height = card.height ?? 0;
    if (centres.length === 0) starts.set(card.id, card.position);
    else {
      starts.set(card.id, {
        x: centres.reduce((sum, c) => sum + c.x, 0) / centres.length - width / 2,
        y: centres.reduce((sum, c) => sum + c.y, 0) / centres.length - height / 2,
      });
    }
  }

  const ghosts: { at: Card; gone: Card }[] = [];
  for (const card of fromCards) {
    if (stays.has(card.id) || card.type === "group-open") continue;
    let target = -1;
    if (card.type === "card") {
      const id = card.data.node!.id;
      const next = becomes.get(id);
      if (next !== undefined) target = to.boxOfNode(next);
      if (target < 0) {
        const group = from.layout.nodes.groups[from.boxOfNode(id)] ?? -1;
        if (group >= 0) target = to.boxOf({ kind: "group", id: from.layout.groups[group]!.id });
      }
    }
    const position =
      target < 0
        ? card.position
        : { x: middle(to, target).x - (card.width ?? 0) / 2, y: middle(to, target).y - (card.height ?? 0) / 2 };
    const at = { ...card, zIndex: 10, data: { ...card.data, ghost: true, chips: [] } } as Card;
    ghosts.push({ at, gone: { ...at, position, className: styles["leaving"] } as Card });
  }
  return { phase: 0, starts, ghosts };
}

/** The topmost box in view; where none is (the view was moved aside, or has not come to the graph yet) the one nearest to its middle. */
function firstInView(scene: Scene, view: View, { width, height }: { width: number; height: number }): number {
  const { minX, minY, maxX, maxY } = regionOf(view, width, height, 0);
  const stands = (box: number): boolean => !(isGroup(scene, box) && groupAt(scene, box).expanded);
  let found = -1;
  scene.boxes.query(minX, minY, maxX, maxY, (box) => {
    const y = scene.rects[box * 4 + 1]!;
    if (!stands(box) || y < minY) return;
    if (found < 0 || y < scene.rects[found * 4 + 1]!) found = box;
  });
  if (found >= 0) return found;
  let least = Infinity;
  scene.boxes.query(-Infinity, -Infinity, Infinity, Infinity, (box) => {
    const { x, y, width: across, height: down } = rectAt(scene, box);
    const distance = (x + (across - minX - maxX) / 2) ** 2 + (y + (down - minY - maxY) / 2) ** 2;
    if (stands(box) && distance < least) [found, least] = [box, distance];
  });
  return found;
}
