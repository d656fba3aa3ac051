/** The graph of a step, of two steps at once, or of two beside each other; while a model is being opened, the outline of its file. */
import { ArrowLeft, ArrowRight, ChevronRight, Columns3, Crosshair, FoldVertical, UnfoldVertical, Workflow, X } from "lucide-react";
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { GraphTable, NodeId, RegionId, StepId } from "@graphwright/compiler-core";
import { IconButton } from "../../design/button.tsx";
import { useRoving } from "../../design/roving.ts";
import { Failed, Loading } from "../../design/states.tsx";
import { GraphCanvas, type CanvasData, type CanvasTarget, type GraphCanvasHandle, type GraphCanvasProps } from "../../graph/index.ts";
import { blockKinds, bytesOf, nodeOfKey, parameterKind, pictureData, rowMarks, rowsById, stringAt, usersOf, constantInputs, type BlockKind, type HeatValues, type Isolation, type NodeKey, type PictureTexts } from "../../../../picture/src/index.ts";
import { runCommand } from "../../commands/table.ts";
import * as act from "../../state/actions.ts";
import { canvas, canvasViews, type CanvasHandle } from "../../state/canvas.ts";
import { showGroup, useGroupShown } from "../../state/group-shown.ts";
import { groupNames, nameGroup, useGroupNames } from "../../state/group-names.ts";
import { whenReleased } from "../../state/held.ts";
import { renameGroup } from "../../state/notes.ts";
import { useMetric } from "../../state/metrics.ts";
import { positionOf } from "../../state/steps.ts";
import { setView, updateModel, useStore, type ModelState, type Opening } from "../../state/store.ts";
import { quietly } from "../../state/view-history.ts";
import { useModelTools } from "../../state/tools.ts";
import type { Panel, PanelProps } from "../panel.ts";
import { BesideBar, DifferenceControl, PlaceOf, useSides, type PaneSide } from "./beside.tsx";
import { messageIn } from "../../i18n/compiler.ts";
import { canvasLabels } from "./canvas-labels.ts";
import { groupContents } from "./group-contents.ts";
import { HeatLegend } from "./heat-legend.tsx";
import { usePicture, type Drawn, type Expanded, type PictureRequest } from "./use-picture.ts";
import "./graph.css";

/** Up to this many marked nodes a change is looked at in one place. */
const smallChange = 24;
/** More neighbours than this are not brought into view one by one. */
const fewNeighbours = 12;

function usePictureTexts(): PictureTexts {
  const { i18n } = useTranslation();
  const { language } = i18n;
  return useMemo(() => {
    // Blanks are filled where the picture is made: the texts go to a worker as they are.
    const blanks = { parts: "{{parts}}", name: "{{name}}", number: "{{number}}" };
    void language;
    return {
      input: i18n.t("graph.input"),
      output: i18n.t("graph.output"),
      fused: i18n.t("graph.fused", blanks),
      stack: i18n.t("graph.stack", { name: blanks.name, number: blanks.number }),
      block: i18n.t("graph.block-of-stack", { name: blanks.name, number: blanks.number }),
      blocks: Object.fromEntries(blockKinds.map((kind) => [kind, i18n.t(`graph.blocks.${kind}`)])) as Record<BlockKind, string>,
    };
  }, [i18n, language]);
}

function GraphPanel({ model }: PanelProps): ReactNode {
  return <GraphArea model={model} />;
}

/** The canvas for a model, or before it for the file that is being opened; or two, beside each other. */
export function GraphArea({ model, opening }: { readonly model?: ModelState; readonly opening?: Opening }): ReactNode {
  const shown = useSides(model);
  const sides = shown?.sides;
  // One key with and without a second canvas: the first stays as it is.
  const order = sides ? (["before", "after"] as const) : [undefined];
  return (
    <div className="graph-area">
      {model && sides && <BesideBar model={model} sides={sides} />}
      <div className="graph-sides">
        {order.map((side) => {
          const place = side && sides?.[side];
          const main = side === sides?.main;
          return (
            <GraphPane
              key={main ? "main" : "other"}
              {...(place ? { model: place.model } : model ? { model } : {})}
              {...(opening ? { opening } : {})}
              {...(side && shown ? { side: shown.pane(side), title: <PlaceOf sides={shown.sides} side={side} /> } : {})}
            />
          );
        })}
      </div>
    </div>
  );
}

interface GraphPaneProps {
  readonly model?: ModelState;
  readonly opening?: Opening;
  readonly side?: PaneSide;
  readonly title?: ReactNode;
}

function GraphPane({ model, opening, side, title }: GraphPaneProps): ReactNode {
  const { t, i18n } = useTranslation();
  const { heat, constants, minimap, edgeWidth } = useStore((state) => state.view);
  const texts = usePictureTexts();
  const labels = useMemo(() => canvasLabels(i18n, side?.side), [i18n, i18n.language, side?.side]); // eslint-disable-line react-hooks/exhaustive-deps -- its texts change with the language
  const groupTexts = useMemo(
    () => ({
      fused: (count: number) => t("graph.fused-badge", { count }),
      fusedInside: (count: number) => t("graph.fused-inside", { count }),
      inside: (mark: "added" | "removed" | "changed", count: number) => t(`graph.inside-${mark}`, { count }),
      problemsInside: (count: number) => t("graph.problems-inside", { count }),
      message: (text: string) => messageIn(text, i18n.language),
    }),
    [t, i18n.language],
  );
  const [entered, setEntered] = useState<RegionId | null>(null);
  const file = model?.name ?? opening?.name ?? "";
  const names = useGroupNames(file);
  const comparing = !side && model !== undefined && model.a !== model.b;
  const step = side?.step ?? model?.b;
  const owner = model?.id ?? opening!.key;
  const regionId = entered ?? 0;
  const pictureKey = `${owner}/${regionId}`;
  const outline = model?.outline ?? opening?.key;

  // Two steps of one model open the same groups, whichever canvas it is done on.
  const own = useSyncExternalStore(canvasViews.subscribe, () => canvasViews.get(pictureKey)?.expanded);
  // What was opened while the outline was shown stays open.
  const kept = own ?? (regionId === 0 && outline !== undefined ? canvasViews.get(`${outline}/0`)?.expanded : undefined);
  const expandedGiven = useMemo((): Expanded | undefined => (kept === undefined || kept === "all" ? kept : new Set(kept)), [kept]);
  const setExpanded = useCallback(
    (next: Expanded): void => {
      canvasViews.set(pictureKey, { expanded: next === "all" ? next : [...next] });
    },
    [pictureKey],
  );

  const handle = useRef<GraphCanvasHandle>(null);
  const isolation = useIsolation(model, side);
  const { drawn: latest, failure } = usePicture(
    {
      key: pictureKey,
      of: model ? { model: model.id, step: step!, base: comparing ? model.a : undefined, ...(side ? { against: { ...side.against, side: side.side }, ...(side.main ? {} : { canvas: "other" as const }) } : {}) } : { outline: opening!.key },
      after: model?.outline,
      region: regionId,
      constants,
      texts,
      isolation,
      names,
      expanded: expandedGiven,
    },
    () => handle.current?.anchor(),
    (before, now) => (model && !side ? stepAhead(model, before.step, now.step) : undefined),
  );
  // The outline stays until the model's own picture is there.
  const drawn = latest && (latest.key === pictureKey || (regionId === 0 && latest.key === `${outline}/0`)) ? latest : undefined;
  const expanded: Expanded = drawn?.expanded ?? new Set<string>();
  const table = drawn?.table;
  const { region } = drawn ?? { region: regionId };

  const measured = useMetric(model?.id, step, heat);
  const heatValues = useMemo((): HeatValues | undefined => {
    if (heat === "none" || !table) return undefined;
    if (heat === "bytes") return { values: bytesOf(table), combine: "sum" };
    return measured && { values: measured, combine: heat === "error" ? "max" : "sum" };
  }, [heat, measured, table]);
  const data = useMemo(() => drawn && pictureData(drawn.table, drawn, { region: drawn.region, texts, groupTexts, heat: heatValues }), [drawn, texts, groupTexts, heatValues]);

  // Where a tool points, as a rewrite that is being written: the rest is dimmed.
  const { pointed } = useModelTools(owner);
  const shownData = useMemo(() => (data && pointed ? dimOthers(data, pointed) : data), [data, pointed]);

  const link = side?.link;
  const at = side?.side;
  /** Nodes to bring into view once their groups are open and laid out. */
  const pending = useRef<readonly NodeId[]>([]);
  const bringIntoView = useCallback((): void => {
    if (!drawn || pending.current.length === 0) return;
    const [target] = pending.current as readonly [NodeId, ...NodeId[]];
    const index = drawn.ids.indexOf(target);
    if (index < 0) return;
    const inside = drawn.layout.groups[drawn.layout.owner[index]!];
    if (inside && !inside.expanded) {
      // It goes along with what is looked at: no view of its own.
      quietly(() => setExpanded(new Set([...(drawn.expanded === "all" ? drawn.groupIds : drawn.expanded), inside.id])));
      return;
    }
    const all = pending.current;
    pending.current = [];
    if (link && !link.movesItself(at!)) return;
    if (all.length > 1) handle.current?.show(all.map((id) => ({ kind: "node", id })));
    else handle.current?.centerOn(target, { instant: drawn.soon });
  }, [drawn, setExpanded, link, at]);
  useEffect(bringIntoView, [bringIntoView]);

  // A small change shows itself: the first node it made comes into view unless it is there already.
  const host = useRef<HTMLDivElement>(null);
  const shownChange = useRef("");
  // Beside the step before it a change shows itself as in the union of both.
  const against = side?.main && side.against.model === model?.id ? side.against.step : undefined;
  const lead = useMemo(() => drawn && leadOf(drawn, drawn.table.base ?? against), [drawn, against]);
  useEffect(() => {
    const base = drawn?.table.base ?? against;
    if (!drawn || base === undefined) return;
    const change = `${drawn.key}/${base}/${drawn.table.step}`;
    if (shownChange.current === change) return;
    shownChange.current = change;
    if (lead === undefined || handle.current?.isInView(lead) !== false) return;
    if (at !== undefined) link?.lead(at);
    pending.current = [lead];
    bringIntoView();
  }, [drawn, lead, bringIntoView, against, link, at]);

  // Two canvases beside each other.
  const onDrawn = side?.onDrawn;
  useEffect(() => {
    if (drawn) onDrawn?.(drawn);
  }, [drawn, onDrawn]);
  useEffect(() => (drawn && link && at !== undefined && handle.current && host.current ? link.join(at, { handle: handle.current, host: host.current }) : undefined), [drawn !== undefined, link, at]); // eslint-disable-line react-hooks/exhaustive-deps -- the canvas is there as soon as something is drawn
  // What was selected on the other side is shown here.
  const counterpart = link && link.leader !== at ? side?.selected[0] : undefined;
  useEffect(() => {
    if (counterpart === undefined) return;
    pending.current = [counterpart];
    bringIntoView();
  }, [counterpart]); // eslint-disable-line react-hooks/exhaustive-deps -- once for each

  const group = useGroupShown(({ shown }) => (shown?.picture === pictureKey ? shown.group : null));
  const groupShown = useMemo(() => (drawn && group !== null ? groupContents(drawn, group, drawn.layout.groups.find(({ id }) => id === group)?.title ?? group) : undefined), [drawn, group]);
  useEffect(() => {
    if (group !== null && model && groupShown) showGroup({ model: model.id, picture: pictureKey, group, contents: groupShown });
  }, [group, groupShown, model?.id, pictureKey]); // eslint-disable-line react-hooks/exhaustive-deps -- of the model only who it is
  const setGroup = (id: string | null): void => {
    if (id !== null ? model !== undefined : group !== null) showGroup(id === null ? null : { model: model!.id, picture: pictureKey, group: id });
  };
  const [edge, setEdge] = useState<NodeKey | null>(null);
  const [naming, setNaming] = useState(false);
  const selected = side?.selected ?? model?.selected ?? noNodes;
  const selectHere = side?.onSelect;
  // A node that was chosen elsewhere takes the place of the group.
  useEffect(() => {
    if (selected.length > 0) showGroup(null);
  }, [selected]);
  const select = useCallback(
    (nodes: readonly NodeId[]): void => {
      if (!model || !table) return;
      if (selectHere) return selectHere(nodes);
      const row = nodes[0] === undefined ? undefined : rowsById(table).get(nodes[0]);
      act.select(model.id, nodes, row !== undefined && rowMarks[table.marks[row]!] === "removed" ? model.a : model.b);
    },
    [model, table, selectHere],
  );
  /** What is opened by hand is seen: the view goes to it once it is laid out. */
  const opened = useRef<string>(undefined);
  useEffect(() => {
    const id = opened.current;
    if (id === undefined || !drawn || !isOpen(drawn, id)) return;
    opened.current = undefined;
    handle.current?.bringIn({ kind: "group", id });
  }, [drawn]);
  const toggle = useCallback(
    (id: string): void => {
      if (!drawn) return;
      setExpanded(toggled(drawn, id));
      opened.current = isOpen(drawn, id) ? undefined : id;
      if (link && at !== undefined) link.turned(at, id, !isOpen(drawn, id));
    },
    [drawn, setExpanded, link, at],
  );
  // Groups of another model are its own; two steps share theirs already.
  const ownGroups = side !== undefined && side.against.model !== model?.id;
  useEffect(
    () => (link && at !== undefined && ownGroups && drawn ? link.groups(at, (id, open) => { if (drawn.groupIds.has(id) && isOpen(drawn, id) !== open) setExpanded(toggled(drawn, id)); }) : undefined),
    [link, at, ownGroups, drawn, setExpanded],
  );
  useEffect(() => {
    /** Nodes at the other ends of a node's edges. */
    const neighbours = (node: NodeId, outputs: boolean): readonly NodeId[] => {
      const row = table && rowsById(table).get(node);
      if (!table || row === undefined) return [];
      const found = new Set<NodeId>();
      if (outputs) {
        const users = usersOf(table);
        for (let k = users.start[row]!; k < users.start[row + 1]!; k++) found.add(table.ids[users.rows[k]!]!);
      } else {
        for (let k = table.inputStart[row]!; k < table.inputStart[row + 1]!; k++) if (rowsById(table).has(table.inputs.from[k]!)) found.add(table.inputs.from[k]!);
      }
      return [...found];
    };
    const commands: CanvasHandle = {
      fit: () => handle.current?.fit(),
      zoomBy: (factor) => handle.current?.zoomBy(factor),
      drawing() {
        const shown = shownData ?? data;
        if (!drawn || !shown || !handle.current || !host.current) return null;
        const { x, y, zoom } = handle.current.viewport();
        const inView = { x: -x / zoom, y: -y / zoom, width: host.current.clientWidth / zoom, height: host.current.clientHeight / zoom };
        return { layout: drawn.layout, data: shown, inView, selected: new Set<NodeKey>(selected) };
      },
      reveal(nodes) {
        // Outside of the region that is shown: go where the node is.
        const row = table && nodes.map((id) => rowsById(table).get(id)).find((each) => each !== undefined);
        if (table && row !== undefined && table.regions[row] !== region) setEntered(table.regions[row] === 0 ? null : table.regions[row]!);
        pending.current = nodes;
        requestAnimationFrame(bringIntoView);
      },
      toggleGroup() {
        const index = drawn ? drawn.ids.indexOf(selected[0] ?? -1) : -1;
        const id = group ?? (drawn && index >= 0 ? drawn.layout.groups[drawn.layout.owner[index]!]?.id : undefined);
        if (id !== undefined) toggle(id);
      },
      expandAll: (open) => setExpanded(open ? "all" : new Set()),
      renameGroup: () => setNaming(group !== null),
      showNeighbours(outputs) {
        const [node] = selected;
        if (node === undefined) return;
        pending.current = [node, ...neighbours(node, outputs).slice(0, fewNeighbours)];
        bringIntoView();
      },
      followEdge() {
        if (!table) return;
        const [node] = selected;
        // A chosen edge leads to the end that is not selected; a node to what it feeds.
        const ends = typeof edge === "number" ? endsOf(table, edge, region) : undefined;
        const target = ends ? (node === ends[1] ? ends[0] : ends[1]) : node === undefined ? undefined : (neighbours(node, true)[0] ?? neighbours(node, false)[0]);
        if (target === undefined) return;
        select([target]);
        pending.current = [target];
        bringIntoView();
      },
    };
    if (link && at !== undefined) return link.offer(at, commands);
    canvas.current = commands;
    return () => {
      if (canvas.current === commands) canvas.current = null;
    };
  }, [drawn, data, shownData, table, region, group, edge, selected, toggle, select, setExpanded, bringIntoView, link, at]);

  const selection = useMemo((): readonly CanvasTarget[] => (group === null ? selected.map((id) => ({ kind: "node", id })) : [{ kind: "group", id: group }]), [selected, group]);
  const onSelect = (targets: readonly CanvasTarget[], additive: boolean): void => {
    if (!drawn) return;
    const chosen = targets.find((target) => target.kind === "group");
    setGroup(chosen ? (chosen.id as string) : null);
    setNaming(false);
    const nodes = targets.flatMap((target) => {
      const id = target.kind === "group" ? undefined : selectable(target.id, drawn);
      return id === undefined ? [] : [id];
    });
    select(additive ? [...new Set([...nodes, ...selected])] : [...new Set(nodes)]);
  };
  const onOpen = (target: CanvasTarget): void => {
    if (!table || target.kind !== "node") return;
    const row = rowsById(table).get(target.id as NodeId);
    const body = row === undefined ? undefined : table.bodies.find((each) => each.row === row);
    if (body) setEntered(body.region);
  };

  // The same functions each time: a step is rendered before its picture is there, and the canvas need not follow until then.
  const handlers = useRef<CanvasCalls>(undefined);
  useLayoutEffect(() => {
    const onViewportChange: CanvasCalls["onViewportChange"] = (viewport) => {
      if (!side || side.main) canvasViews.set(pictureKey, { viewport });
      if (at !== undefined) link?.moved(at);
    };
    handlers.current = { onSelect, onOpen, onToggleGroup: toggle, onViewportChange };
  });
  const canvasCalls = useMemo(
    (): CanvasCalls => ({
      onSelect: (targets, additive) => handlers.current!.onSelect(targets, additive),
      onOpen: (target) => handlers.current!.onOpen(target),
      onToggleGroup: (id) => handlers.current!.onToggleGroup(id),
      onViewportChange: (view) => handlers.current!.onViewportChange(view),
    }),
    [],
  );

  if (failure) return <Failed title={t("error.graph")} error={failure} />;
  const counts = drawn && (comparing || side) ? countMarks(drawn.table, drawn.region) : undefined;
  const groupFamily = group === null ? undefined : (drawn?.blocks.get(group)?.family ?? group);
  return (
    <section
      className="graph-panel"
      aria-label={side ? t(`beside.canvas-${side.side}`) : t("panel.graph")}
      data-testid={side && !side.main ? "graph-panel-other" : "graph-panel"}
      data-side={at}
      {...(link && at !== undefined ? { onPointerDownCapture: () => link.lead(at), onWheelCapture: () => link.lead(at), onKeyDownCapture: () => link.lead(at) } : {})}
      data-nodes={drawn?.size}
      data-step={drawn && drawn.table.step >= 0 ? drawn.table.step : undefined}
      data-base={drawn?.table.base}
      data-outline={drawn && drawn.table.step < 0 ? "" : undefined}
    >
      <div className="graph-tools">
        {title}
        {(!side || regionId !== 0) && <Breadcrumbs table={table} region={regionId} onGo={(id) => setEntered(id === 0 ? null : id)} />}
        {counts && (
          <p className="marks" role="group" data-testid="graph-marks" aria-label={t("graph.difference")}>
            {(["added", "removed", "changed"] as const).map((mark) => counts[mark] > 0 && (
              <span key={mark} className={`mark mark-${mark} num`} title={t(`mark.${mark}`)}>
                {{ added: "+", removed: "−", changed: "~" }[mark]}{counts[mark]}
              </span>
            ))}
          </p>
        )}
        {isolation && model && (
          <span className="isolated" data-testid="isolated">
            <Crosshair size={12} aria-hidden />
            <span>{t("graph.isolated", { count: drawn ? operatorsOf(drawn) : 0 })}</span>
            <button type="button" aria-label={t("command.view-isolate-none")} title={t("command.view-isolate-none")} onClick={() => updateModel(model.id, { isolation: null })}><X size={12} aria-hidden /></button>
          </span>
        )}
        {naming && group !== null && groupFamily !== undefined && (
          <GroupName key={groupFamily} name={groupNames(file)[groupFamily] ?? ""} own={ownName(group, drawn, texts)} onDone={(name) => { if (name !== undefined) { if (model) renameGroup(model.id, groupFamily, name); else nameGroup(file, groupFamily, name); } setNaming(false); handle.current?.focus(); }} />
        )}
        <span className="spacer" />
        {model && !side && model.timeline.steps.length > 1 && <DifferenceControl model={model} />}
        <GraphTools back={model && (!side || side.main) ? model.views.back.length > 0 : undefined} forward={model !== undefined && model.views.forward.length > 0} groups={drawn !== undefined && drawn.groupIds.size > 0} constants={!side || side.main ? constants : undefined} setExpanded={setExpanded} />
      </div>
      <div className="graph-host" ref={host}>
        {!drawn && <Loading label={t("graph.laying-out")} />}
        {drawn && data && (
          <GraphCanvas
            ref={handle}
            data={shownData ?? data}
            layout={drawn.layout}
            lineage={drawn.lineage}
            lead={drawn.soon && !side ? lead : undefined}
            hurried={drawn.soon}
            selection={selection}
            minimap={minimap && at !== "before"}
            whenRested={whenReleased}
            minZoom={side?.minZoom}
            widthByBytes={edgeWidth}
            labels={labels}
            fitRequest={regionId === 0 ? `${outline ?? owner}/0` : pictureKey}
            initialView={canvasViews.get(pictureKey)?.viewport}
            onViewportChange={canvasCalls.onViewportChange}
            onSelect={canvasCalls.onSelect}
            onSelectEdge={setEdge}
            onOpen={canvasCalls.onOpen}
            onToggleGroup={canvasCalls.onToggleGroup}
          />
        )}
        {heat !== "none" && data && data.hottest > 0 && <HeatLegend kind={heat} hottest={data.hottest} />}
        {drawn && (expanded === "all" || expanded.size > 0 || drawn.groupIds.size > 0) && <p className="unseen">{t("graph.help")}</p>}
      </div>
    </section>
  );
}

interface GraphToolsProps {
  /** there are views to go back or forward to; undefined: it is told on the other canvas */
  readonly back: boolean | undefined;
  readonly forward: boolean;
  readonly groups: boolean;
  /** undefined: constants are shown as in the other canvas */
  readonly constants: boolean | undefined;
  readonly setExpanded: (next: Expanded) => void;
}

/** The same for most steps. */
const GraphTools = memo(function GraphTools({ back, forward, groups, constants, setExpanded }: GraphToolsProps): ReactNode {
  const { t } = useTranslation();
  const bar = useRoving<HTMLDivElement>("bar");
  return (
    <div ref={bar} className="button-row" role="toolbar" aria-label={t("graph.tools")}>
      {back !== undefined && (
        <>
          <IconButton label={t("command.view-back")} disabled={!back} onClick={() => runCommand("view-back")} data-testid="view-back"><ArrowLeft size={14} /></IconButton>
          <IconButton label={t("command.view-forward")} disabled={!forward} onClick={() => runCommand("view-forward")} data-testid="view-forward"><ArrowRight size={14} /></IconButton>
        </>
      )}
      {groups && (
        <>
          <IconButton label={t("graph.open-all")} onClick={() => setExpanded("all")} data-testid="expand-all"><UnfoldVertical size={14} /></IconButton>
          <IconButton label={t("graph.close-all")} onClick={() => setExpanded(new Set())} data-testid="collapse-all"><FoldVertical size={14} /></IconButton>
        </>
      )}
      {constants !== undefined && <IconButton label={t("command.view-constants")} pressed={constants} onClick={() => setView({ constants: !constants })}><Columns3 size={14} /></IconButton>}
    </div>
  );
});

type CanvasCalls = Required<Pick<GraphCanvasProps, "onSelect" | "onOpen" | "onToggleGroup" | "onViewportChange">>;

const noNodes: readonly NodeId[] = [];

/** The part that is drawn; beside another step, what that part is there. */
function useIsolation(model: ModelState | undefined, side: PaneSide | undefined): Isolation | undefined {
  const isolation = model?.isolation ?? undefined;
  const nodes = side?.isolated;
  return useMemo(() => (isolation && nodes ? (nodes.length > 0 ? { ...isolation, nodes } : undefined) : isolation), [isolation, nodes]);
}

/** The same picture with everything dimmed but some nodes. */
function dimOthers(data: CanvasData, nodes: readonly NodeId[]): CanvasData {
  const kept = new Set<NodeKey>(nodes);
  return {
    ...data,
    nodes: {
      get(id) {
        const node = data.nodes.get(id);
        return node && !kept.has(id) ? { ...node, dimmed: true } : node;
      },
    },
    look: (id) => ({ ...data.look!(id), dimmed: !kept.has(id) }),
  };
}

/** The step after another one, the same way along the branch, compared as the model is. */
function stepAhead(model: ModelState, before: StepId, now: StepId): PictureRequest["of"] | undefined {
  const { branch } = model.timeline;
  const [from, at] = [positionOf(model.timeline, before), positionOf(model.timeline, now)];
  const step = from < 0 || at < 0 || from === at ? undefined : branch[at + Math.sign(at - from)];
  if (step === undefined) return undefined;
  const base = act.baseFor(model, model.compare, step);
  return { model: model.id, step, base: base === step ? undefined : base };
}

/** What a group is called as long as nobody names it. */
function ownName(group: string, drawn: Drawn | undefined, texts: PictureTexts): string {
  const info = drawn?.blocks.get(group);
  return info ? (info.name ?? texts.blocks[info.kind]) : group.replace(/~\d+$/, "").split("/").at(-1)!;
}

/** A field for the name of a group. Nothing given, or its own name: that. */
function GroupName({ name, own, onDone }: { readonly name: string; readonly own: string; readonly onDone: (name: string | undefined) => void }): ReactNode {
  const { t } = useTranslation();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  return (
    <input
      ref={field}
      className="group-name"
      data-testid="group-name"
      aria-label={t("graph.group-name")}
      placeholder={own}
      defaultValue={name || own}
      maxLength={60}
      onBlur={() => onDone(undefined)}
      onKeyDown={(event) => {
        if (event.key === "Enter") onDone(event.currentTarget.value.trim() === own ? "" : event.currentTarget.value);
        else if (event.key === "Escape") onDone(undefined);
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    />
  );
}

/** Producer and consumer of an edge. */
function endsOf(table: GraphTable, edge: number, region: RegionId): readonly [NodeId, NodeId] | undefined {
  if (edge < 0) {
    const from = nodeOfKey(table, region, edge);
    return from === undefined ? undefined : [from, from];
  }
  let row = 0;
  while (row + 1 < table.ids.length && table.inputStart[row + 1]! <= edge) row++;
  return table.inputs.from[edge]! < 0 ? undefined : [table.inputs.from[edge]!, table.ids[row]!];
}

function markedNodes(table: GraphTable, region: RegionId): { readonly id: NodeId; readonly mark: "added" | "removed" | "changed" }[] {
  const marked: { id: NodeId; mark: "added" | "removed" | "changed" }[] = [];
  for (let row = 0; row < table.ids.length; row++) {
    const mark = rowMarks[table.marks[row]!];
    if (mark !== undefined && mark !== "unchanged" && table.regions[row] === region) marked.push({ id: table.ids[row]!, mark });
  }
  return marked;
}

/** Of a small change between two steps the first node it made, where that is drawn: a closed group that holds the change says so itself. */
function leadOf({ table, region, ids, layout }: Drawn, base: StepId | undefined): NodeId | undefined {
  if (base === undefined) return undefined;
  const marked = markedNodes(table, region);
  const target = marked.find(({ mark }) => mark === "added") ?? marked[0];
  if (!target || marked.length > smallChange) return undefined;
  const inside = layout.groups[layout.owner[ids.indexOf(target.id)]!];
  return inside && !inside.expanded ? undefined : target.id;
}

/** Operators that are drawn, as the model counts its nodes: inputs and outputs are none. */
function operatorsOf({ table, ids }: Drawn): number {
  const rows = rowsById(table);
  let count = 0;
  for (const id of ids) {
    const row = rows.get(id);
    if (row !== undefined && table.kinds[row] !== parameterKind) count++;
  }
  return count;
}

function countMarks(table: GraphTable, region: RegionId): Readonly<Record<"added" | "removed" | "changed", number>> {
  const counts = { added: 0, removed: 0, changed: 0 };
  for (const { mark } of markedNodes(table, region)) counts[mark]++;
  return counts;
}

/** The node that a click selects: of a constant, the node that uses it. */
function selectable(key: NodeKey, { table, region }: Drawn): NodeId | undefined {
  const id = nodeOfKey(table, region, key);
  if (id === undefined || rowsById(table).has(id)) return id;
  const input = constantInputs(table).get(id);
  if (input === undefined) return undefined;
  return endsOf(table, input, region)?.[1];
}

const isOpen = (drawn: Drawn, group: string): boolean => drawn.layout.groups.find((each) => each.id === group)?.expanded ?? false;

/** Opens or closes a group; a group that the layout had to split opens as a whole. */
function toggled(drawn: Drawn, group: string): Expanded {
  const whole = (id: string): string => id.replace(/~\d+$/, "");
  const id = whole(group);
  const open = new Set(drawn.expanded === "all" ? drawn.groupIds : drawn.expanded);
  for (const each of [...open]) if (whole(each) === id) open.delete(each);
  if (isOpen(drawn, group)) return open;
  for (const each of drawn.layout.groups) if (whole(each.id) === id) open.add(each.id);
  return open.add(id);
}

/** Where we are: the main graph, or bodies of nodes inside it. */
function Breadcrumbs({ table, region, onGo }: { readonly table: GraphTable | undefined; readonly region: RegionId; readonly onGo: (region: RegionId) => void }): ReactNode {
  const { t } = useTranslation();
  const path: { readonly id: RegionId; readonly title: string }[] = [];
  for (let at = table?.regionViews.find((each) => each.id === region); at && table; ) {
    const row = at.owner === null ? undefined : rowsById(table).get(at.owner);
    const op = row === undefined ? "" : (table.parts.find((each) => each.row === row)?.ops.join(" + ") ?? stringAt(table.strings, table.ops[row]!));
    path.unshift({ id: at.id, title: row === undefined ? at.name || t("graph.main") : `${op} ${at.name}`.trim() });
    at = row === undefined ? undefined : table.regionViews.find((each) => each.id === table.regions[row]);
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
