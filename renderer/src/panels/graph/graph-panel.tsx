/** The graph of the step that is shown, or the union of two steps, under the shared selection. */
import type { GraphView, NodeId, RegionId } from "@graphwright/compiler-core";
import { ChevronRight, Columns3, FoldVertical, UnfoldVertical, Workflow } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../design/button.tsx";
import { Failed, Loading } from "../../design/states.tsx";
import { GraphCanvas, type CanvasData, type CanvasTarget, type GraphCanvasHandle } from "../../graph/index.ts";
import type { LayoutResult, NodeKey } from "../../layout/index.ts";
import * as act from "../../state/actions.ts";
import { canvas, canvasViews } from "../../state/canvas.ts";
import { useQuery } from "../../state/query.ts";
import { setView, useStore } from "../../state/store.ts";
import { useModelTools } from "../../state/tools.ts";
import { layoutClient } from "../../worker/layout-client.ts";
import { isCancelled } from "../../worker/rpc.ts";
import type { Panel, PanelProps } from "../panel.ts";
import { canvasLabels } from "./canvas-labels.ts";
import { makePicture, nodeOf, type Picture } from "./picture.ts";
import "./graph.css";

type Expanded = ReadonlySet<string> | "all";
/** A graph up to this size is shown with every group open. */
const smallGraph = 160;
/** Up to this many marked nodes a change is looked at in one place. */
const smallChange = 24;
const nothingOpen: Expanded = new Set();

interface Drawn {
  readonly picture: Picture;
  readonly view: GraphView;
  readonly layout: LayoutResult;
  readonly key: string;
}

function GraphPanel({ model }: PanelProps): ReactNode {
  const { t, i18n } = useTranslation();
  const { heat, constants, minimap } = useStore((state) => state.view);
  const comparing = model.a !== model.b;
  const { data, last, error } = useQuery("graph", { model: model.id, step: model.b, ...(comparing ? { base: model.a } : {}) });
  const view = data ?? (last?.model === model.id ? last : undefined);
  const [entered, setEntered] = useState<RegionId | null>(null);
  const root = view?.regions.find((each) => each.owner === null);
  const region = view?.regions.find((each) => each.id === entered) ?? root;
  const labels = useMemo(() => canvasLabels(i18n), [i18n, i18n.language]); // eslint-disable-line react-hooks/exhaustive-deps -- its texts change with the language
  const texts = useMemo(
    () => ({ input: t("graph.input"), output: t("graph.output"), fused: (parts: string) => t("graph.fused", { parts }) }),
    [t],
  );
  const picture = useMemo(
    () => (view && region ? makePicture(view, { region: region.id, heat, constants, texts }) : undefined),
    [view, region, heat, constants, texts],
  );
  const pictureKey = `${model.id}/${region?.id ?? 0}`;
  const [, setExpansionVersion] = useState(0);
  const kept = canvasViews.get(pictureKey)?.expanded;
  const keptSet = useMemo(() => (kept === undefined || kept === "all" ? kept : new Set(kept)), [kept]);
  const expanded: Expanded = keptSet ?? (picture && picture.size <= smallGraph ? "all" : nothingOpen);
  const setExpanded = useCallback(
    (next: Expanded): void => {
      canvasViews.set(pictureKey, { expanded: next === "all" ? next : [...next] });
      setExpansionVersion((version) => version + 1);
    },
    [pictureKey],
  );

  const handle = useRef<GraphCanvasHandle>(null);
  const [drawn, setDrawn] = useState<Drawn>();
  const [failure, setFailure] = useState<unknown>();
  useEffect(() => {
    if (!picture || !view) return;
    const controller = new AbortController();
    const anchor = handle.current?.anchor();
    layoutClient()
      .layout(
        {
          picture: pictureKey,
          graph: { nodes: picture.nodes, edges: picture.edges, expanded, options: { direction: "down", ...(anchor === undefined ? {} : { anchor }) } },
          lineage: picture.lineage,
        },
        { signal: controller.signal },
      )
      .then(
        (layout) => {
          if (controller.signal.aborted) return;
          setFailure(undefined);
          setDrawn({ picture, view, layout, key: pictureKey });
        },
        (reason: unknown) => {
          if (!isCancelled(reason)) setFailure(reason);
        },
      );
    return () => controller.abort();
  }, [picture, view, pictureKey, expanded]);

  /** Nodes to bring into view once their groups are open and laid out. */
  const pending = useRef<readonly NodeId[]>([]);
  const bringIntoView = useCallback((): void => {
    if (!drawn || pending.current.length === 0) return;
    const target = pending.current[0]!;
    const index = drawn.picture.nodes.findIndex((node) => node.id === target);
    if (index < 0) return;
    const owner = drawn.layout.groups[drawn.layout.owner[index]!];
    if (owner && !owner.expanded) {
      const open = new Set(expanded === "all" ? drawn.picture.groupIds : expanded);
      open.add(owner.id);
      setExpanded(open);
      return;
    }
    pending.current = [];
    handle.current?.centerOn(target);
  }, [drawn, expanded, setExpanded]);
  useEffect(bringIntoView, [bringIntoView]);

  // A small change shows itself: the first node it made comes into view unless it is there already.
  const host = useRef<HTMLDivElement>(null);
  const shownChange = useRef("");
  useEffect(() => {
    if (!drawn || drawn.view.base === undefined) return;
    const change = `${drawn.key}/${drawn.view.base}/${drawn.view.step}`;
    if (shownChange.current === change) return;
    shownChange.current = change;
    const marked = drawn.view.nodes.filter((node) => node.region === region?.id && node.mark !== undefined && node.mark !== "unchanged");
    const target = marked.find((node) => node.mark === "added") ?? marked[0];
    if (!target || marked.length > smallChange || isInView(drawn.layout, target.id, handle.current, host.current)) return;
    pending.current = [target.id];
    bringIntoView();
  }, [drawn, region, bringIntoView]);

  const { selected } = model;
  useEffect(() => {
    const focused = drawn;
    canvas.current = {
      fit: () => handle.current?.fit(),
      zoomBy: (factor) => handle.current?.zoomBy(factor),
      reveal(nodes) {
        const all = focused?.view.nodes;
        const found = all?.find((node) => nodes.includes(node.id));
        // Outside of the region that is shown: go where the node is.
        if (found && region && found.region !== region.id) setEntered(found.region === root?.id ? null : found.region);
        pending.current = nodes;
        requestAnimationFrame(bringIntoView);
      },
      toggleGroup() {
        const index = focused?.picture.nodes.findIndex((node) => node.id === selected[0]) ?? -1;
        const group = focused && index >= 0 ? focused.layout.groups[focused.layout.owner[index]!] : undefined;
        if (focused && group) toggle(focused, expanded, group.id, setExpanded);
      },
    };
    return () => {
      canvas.current = null;
    };
  }, [drawn, region, root, selected, expanded, setExpanded, bringIntoView]);

  // Where a tool points, as a rewrite that is being written: the rest is dimmed.
  const { pointed } = useModelTools(model.id);
  const drawnData = drawn?.picture.data;
  const pointedData = useMemo(() => (drawnData && pointed ? dimOthers(drawnData, pointed) : drawnData), [drawnData, pointed]);

  const selection = useMemo((): readonly CanvasTarget[] => selected.map((id) => ({ kind: "node", id })), [selected]);
  const onSelect = (targets: readonly CanvasTarget[], additive: boolean): void => {
    if (!drawn) return;
    const nodes = targets.flatMap((target) => {
      if (target.kind === "group") return [];
      const id = selectable(target.id, drawn);
      return id === undefined ? [] : [id];
    });
    const all = additive ? [...new Set([...nodes, ...selected])] : [...new Set(nodes)];
    const first = drawn.view.nodes.find((node) => node.id === all[0]);
    act.select(model.id, all, first?.mark === "removed" ? model.a : model.b);
  };
  const onOpen = (target: CanvasTarget): void => {
    if (!drawn || target.kind !== "node") return;
    const body = drawn.view.nodes.find((node) => node.id === target.id)?.bodies[0];
    if (body) setEntered(body.region);
  };

  const problem = error ?? failure;
  if (problem) return <Failed title={t("error.graph")} error={problem} />;
  const current = drawn && drawn.key === pictureKey ? drawn : undefined;
  const counts = current && comparing ? countMarks(current.view, region?.id) : undefined;
  return (
    <section className="graph-panel" aria-label={t("panel.graph")} data-testid="graph-panel" data-nodes={current?.picture.size} data-step={current?.view.step} data-base={current?.view.base}>
      <div className="graph-tools">
        <Breadcrumbs view={view} region={region?.id ?? null} onGo={(id) => setEntered(id === root?.id ? null : id)} />
        {counts && (
          <p className="marks" data-testid="graph-marks" aria-label={t("graph.difference")}>
            {(["added", "removed", "changed"] as const).map((mark) => counts[mark] > 0 && (
              <span key={mark} className={`mark mark-${mark} num`} title={t(`mark.${mark}`)}>
                {{ added: "+", removed: "−", changed: "~" }[mark]}{counts[mark]}
              </span>
            ))}
          </p>
        )}
        <span className="spacer" />
        {picture && picture.groupIds.size > 0 && (
          <>
            <IconButton label={t("graph.open-all")} onClick={() => setExpanded("all")} data-testid="expand-all"><UnfoldVertical size={14} /></IconButton>
            <IconButton label={t("graph.close-all")} onClick={() => setExpanded(new Set())} data-testid="collapse-all"><FoldVertical size={14} /></IconButton>
          </>
        )}
        <IconButton label={t("command.view-constants")} pressed={constants} onClick={() => setView({ constants: !constants })}><Columns3 size={14} /></IconButton>
      </div>
      <div className="graph-host" ref={host}>
        {!current && <Loading label={t("graph.laying-out")} />}
        {current && (
          <GraphCanvas
            ref={handle}
            data={pointedData ?? current.picture.data}
            layout={current.layout}
            lineage={current.picture.lineage}
            selection={selection}
            minimap={minimap}
            labels={labels}
            fitRequest={pictureKey}
            initialView={canvasViews.get(pictureKey)?.viewport}
            onViewportChange={(viewport) => canvasViews.set(pictureKey, { viewport })}
            onSelect={onSelect}
            onOpen={onOpen}
            onToggleGroup={(id) => toggle(current, expanded, id, setExpanded)}
          />
        )}
      </div>
    </section>
  );
}

/** The same picture with everything dimmed but some nodes. */
function dimOthers(data: CanvasData, nodes: readonly NodeId[]): CanvasData {
  const kept = new Set<NodeKey>(nodes);
  return { ...data, nodes: new Map([...data.nodes].map(([id, node]) => [id, kept.has(id) ? node : { ...node, dimmed: true }])) };
}

/** Whether a node's card is wholly in view. */
function isInView(layout: LayoutResult, node: NodeId, handle: GraphCanvasHandle | null, host: HTMLElement | null): boolean {
  const index = layout.nodes.ids.indexOf(node);
  if (index < 0 || !handle || !host) return false;
  const [x, y, width, height] = layout.nodes.rects.subarray(index * 4, index * 4 + 4) as unknown as readonly [number, number, number, number];
  const view = handle.viewport();
  const [left, top] = [x * view.zoom + view.x, y * view.zoom + view.y];
  return left >= 0 && top >= 0 && left + width * view.zoom <= host.clientWidth && top + height * view.zoom <= host.clientHeight;
}

/** The node that a click selects: of a constant, the node that uses it. */
function selectable(key: NodeKey, { view, picture }: Drawn): NodeId | undefined {
  const id = nodeOf(key, view);
  if (picture.data.nodes.get(key)?.kind !== "constant") return id;
  return view.nodes.find((node) => node.inputs.some((input) => input.from === id))?.id;
}

/** Opens or closes a group; a group that the layout had to split opens as a whole. */
function toggle(drawn: Drawn, expanded: Expanded, group: string, set: (next: Expanded) => void): void {
  const id = group.replace(/~\d+$/, "");
  const open = new Set(expanded === "all" ? drawn.picture.groupIds : expanded);
  for (const each of [...open]) if (each.replace(/~\d+$/, "") === id) open.delete(each);
  const wasOpen = drawn.layout.groups.find((each) => each.id === group)?.expanded ?? false;
  if (!wasOpen) for (const each of drawn.layout.groups) if (each.id.replace(/~\d+$/, "") === id) open.add(each.id);
  if (!wasOpen) open.add(id);
  set(open);
}

function countMarks(view: GraphView, region: RegionId | undefined): Readonly<Record<"added" | "removed" | "changed", number>> {
  const counts = { added: 0, removed: 0, changed: 0 };
  for (const node of view.nodes) if (node.region === region && node.mark && node.mark !== "unchanged") counts[node.mark]++;
  return counts;
}

/** Where we are: the main graph, or bodies of nodes inside it. */
function Breadcrumbs({ view, region, onGo }: { readonly view: GraphView | undefined; readonly region: RegionId | null; readonly onGo: (region: RegionId) => void }): ReactNode {
  const { t } = useTranslation();
  const path: { readonly id: RegionId; readonly title: string }[] = [];
  for (let at = view?.regions.find((each) => each.id === region); at; ) {
    const { owner } = at;
    const node = owner === null ? undefined : view?.nodes.find((each) => each.id === owner);
    path.unshift({ id: at.id, title: node ? `${node.kind === "fused" ? node.parts.join(" + ") : node.op} ${at.name}`.trim() : at.name || t("graph.main") });
    at = node ? view?.regions.find((each) => each.id === node.region) : undefined;
  }
  return (
    <nav className="breadcrumbs" aria-label={t("graph.breadcrumbs")}>
      <Workflow size={13} aria-hidden />
      <ol>
        {path.map((each, index) => (
          <li key={each.id}>
            {index > 0 && <ChevronRight size={12} aria-hidden />}
            <button type="button" aria-current={index === path.length - 1 ? "location" : undefined} onClick={() => onGo(each.id)}>{each.title}</button>
          </li>
        ))}
      </ol>
    </nav>
  );
}

export const graphPanel = { id: "graph", area: "center", icon: Workflow, component: GraphPanel } as const satisfies Panel;
