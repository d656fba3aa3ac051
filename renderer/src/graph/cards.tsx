import { ChevronDown, ChevronRight } from "lucide-react";
import { memo, type CSSProperties, type ReactNode } from "react";
import type { LayoutResult, NodeKey, PlacedGroup } from "../../../picture/src/index.ts";
import { closedBadges, shortenMiddle, textEms } from "../../../picture/src/index.ts";
import type { CanvasBadge, CanvasGroup, CanvasLabels, CanvasNode, CanvasTarget, DiffMark } from "./model.ts";
import styles from "./graph-canvas.module.css";

export interface ChipView {
  readonly id: NodeKey;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly reference: boolean;
  readonly more: number;
  readonly node: CanvasNode | undefined;
  readonly selected: boolean;
}

/** What the cards call; one object for the whole canvas, so that cards need no new props for it. */
export interface CardActions {
  readonly select: (target: CanvasTarget, additive: boolean) => void;
  readonly toggle: (groupId: string) => void;
  readonly goTo: (target: CanvasTarget) => void;
  readonly menu: (target: CanvasTarget, at: { x: number; y: number }) => void;
}

export type CardData = {
  readonly node: CanvasNode | undefined;
  readonly chips: readonly ChipView[];
  readonly selected: boolean;
  readonly hovered: boolean;
  readonly ghost: boolean;
  readonly actions: CardActions;
  readonly labels: CanvasLabels;
};

export type GroupData = {
  readonly group: PlacedGroup;
  readonly extra: CanvasGroup | undefined;
  readonly chips: readonly ChipView[];
  readonly selected: boolean;
  readonly hovered: boolean;
  readonly ghost: boolean;
  readonly actions: CardActions;
  readonly labels: CanvasLabels;
};

interface Placed {
  readonly id: string;
  readonly position: { readonly x: number; readonly y: number };
  readonly width: number;
  readonly height: number;
  readonly zIndex: number;
  readonly className?: string | undefined;
  /** what a screen reader says */
  readonly label: string;
}

export type NodeCard = Placed & { readonly type: "card"; readonly data: CardData };
export type GroupCard = Placed & { readonly type: "group-closed" | "group-open"; readonly data: GroupData };
/** What is drawn for a box of the layout. */
export type Card = NodeCard | GroupCard;

interface ViewProps<Data> {
  readonly data: Data;
  readonly width: number;
  readonly height: number;
}

const MARKS: Readonly<Record<Exclude<DiffMark, "unchanged">, string>> = { added: "+", removed: "−", changed: "~" };

function Mark({ diff, labels }: { readonly diff: DiffMark | undefined; readonly labels: CanvasLabels }): ReactNode {
  if (diff === undefined || diff === "unchanged") return null;
  return (
    <span className={styles["mark"]} data-diff={diff} title={labels.diff[diff]}>
      {MARKS[diff]}
    </span>
  );
}

function Badges({ badges }: { readonly badges: readonly CanvasBadge[] | undefined }): ReactNode {
  return badges?.map((badge) => (
    <span key={badge.label} className={styles["badge"]} data-tone={badge.tone} title={badge.label}>
      {badge.text}
    </span>
  ));
}

/** Style for a heat value: a tint of the card and a bar along its foot. */
function heatStyle(heat: number | undefined): CSSProperties {
  if (heat === undefined) return {};
  const at = Math.max(0, Math.min(1, heat)) * 4;
  const low = Math.min(3, Math.floor(at));
  return {
    "--heat": `color-mix(in oklab, var(--heat-${low + 1}) ${Math.round((at - low) * 100)}%, var(--heat-${low}))`,
    "--heat-width": `${Math.round(heat * 100)}%`,
  } as CSSProperties;
}

function Chips({ chips, actions, labels }: { readonly chips: readonly ChipView[]; readonly actions: CardActions; readonly labels: CanvasLabels }): ReactNode {
  if (chips.length === 0) return null;
  const first = chips[0]!;
  return (
    <>
      <span className={styles["stub"]} style={{ width: first.x, left: 0 }} aria-hidden />
      {chips.map((chip, i) => {
        const { node } = chip;
        const name = node?.title ?? String(chip.id);
        const text = chip.reference ? (name === "" ? (node?.op ?? "") : name) : (node?.subtitle ?? name);
        const room = (chip.width - (chip.reference ? 22 : 14)) / 9.5;
        return (
          <button
            key={`${chip.id}:${i}`}
            type="button"
            tabIndex={-1}
            className={styles["chip"]}
            data-reference={chip.reference || undefined}
            data-selected={chip.selected || undefined}
            data-diff={node?.diff}
            style={{ left: chip.x, top: chip.y, width: chip.width, height: chip.height }}
            title={`${chip.reference ? labels.reference(name) : `${labels.constant} ${name}${node?.subtitle === undefined ? "" : ` ${node.subtitle}`}`}${chip.more > 0 ? `, ${labels.more(chip.more)}` : ""}`}
            onClick={(event) => {
              event.stopPropagation();
              actions.select({ kind: "node", id: chip.id }, event.ctrlKey || event.metaKey || event.shiftKey);
            }}
            onDoubleClick={(event) => {
              event.stopPropagation();
              if (chip.reference) actions.goTo({ kind: "node", id: chip.id });
            }}
          >
            {chip.more > 0 ? `+${chip.more + 1}` : shortenMiddle(text, room)}
          </button>
        );
      })}
    </>
  );
}

function CardView({ data, width, height }: ViewProps<CardData>): ReactNode {
  const { node, chips, actions, labels } = data;
  if (node === undefined) return null;
  const badges = node.badges?.reduce((sum, badge) => sum + textEms(badge.text) * 10 + 14, 0) ?? 0;
  const opWidth = textEms(node.op) * 13;
  const room = width - 26 - badges;
  const second = height >= 40 && node.title !== "" && node.title !== node.op;
  return (
    <>
      <div
        className={styles["card"]}
        data-kind={node.kind}
        data-diff={node.diff}
        data-dimmed={node.dimmed || undefined}
        data-selected={data.selected || undefined}
        data-hovered={data.hovered || undefined}
        data-heat={node.heat === undefined ? undefined : ""}
        style={{ "--family": `var(--family-${node.family}, var(--family-custom))`, ...heatStyle(node.heat) } as CSSProperties}
        title={node.origins === undefined || node.origins.length === 0 ? node.title : `${node.title} ← ${node.origins.join(", ")}`}
      >
        <span className={styles["line"]}>
          <span className={styles["op"]}>{shortenMiddle(node.op, room / 13)}</span>
          {node.subtitle !== undefined && node.subtitle !== "" && opWidth + 30 < room && (
            <span className={styles["detail"]}>{shortenMiddle(node.subtitle, (room - opWidth - 6) / 11)}</span>
          )}
          <Badges badges={node.badges} />
        </span>
        {second && <span className={styles["name"]}>{shortenMiddle(node.title, (width - 24) / 10.4)}</span>}
      </div>
      <Mark diff={node.diff} labels={labels} />
      <Chips chips={chips} actions={actions} labels={labels} />
    </>
  );
}

function groupNote(group: PlacedGroup, extra: CanvasGroup | undefined, labels: CanvasLabels): string {
  return extra?.subtitle ?? labels.nodes(group.nodeCount);
}

function ToggleButton({ group, title, actions, labels }: { readonly group: PlacedGroup; readonly title: string; readonly actions: CardActions; readonly labels: CanvasLabels }): ReactNode {
  const Icon = group.expanded ? ChevronDown : ChevronRight;
  const text = group.expanded ? labels.collapse(title) : labels.expand(title);
  return (
    <button
      type="button"
      tabIndex={-1}
      className={styles["toggle"]}
      aria-label={text}
      aria-expanded={group.expanded}
      title={text}
      onClick={(event) => {
        event.stopPropagation();
        actions.toggle(group.id);
      }}
    >
      <Icon size={14} aria-hidden />
    </button>
  );
}

function ClosedGroupView({ data, width }: ViewProps<GroupData>): ReactNode {
  const { group, extra, actions, labels } = data;
  const title = extra?.title ?? group.title;
  const { beside, below } = closedBadges(extra?.badges);
  const besideWidth = beside.reduce((sum, badge) => sum + textEms(badge.text) * 10 + 16, 0);
  return (
    <>
      <div
        className={styles["closed"]}
        data-diff={extra?.diff}
        data-dimmed={extra?.dimmed || undefined}
        data-selected={data.selected || undefined}
        data-hovered={data.hovered || undefined}
        data-heat={extra?.heat === undefined ? undefined : ""}
        style={heatStyle(extra?.heat)}
        title={title}
      >
        <ToggleButton group={group} title={title} actions={actions} labels={labels} />
        <span className={styles["closed-text"]}>
          <span className={styles["line"]}>
            <span className={styles["op"]}>{shortenMiddle(title, Math.max(4, (width - 44 - besideWidth) / 13))}</span>
            <Badges badges={beside} />
          </span>
          <span className={styles["line"]}>
            <span className={styles["detail"]}>{groupNote(group, extra, labels)}</span>
            {group.repeat.count > 1 && (
              <span className={styles["repeat"]} title={labels.repeated(group.repeat.index, group.repeat.count)}>
                {group.repeat.index}/{group.repeat.count}
              </span>
            )}
            <Badges badges={below} />
          </span>
        </span>
      </div>
      <Mark diff={extra?.diff} labels={labels} />
      <Chips chips={data.chips} actions={actions} labels={labels} />
    </>
  );
}

function OpenGroupView({ data, width }: ViewProps<GroupData>): ReactNode {
  const { group, extra, actions, labels } = data;
  const title = extra?.title ?? group.title;
  return (
    <div
      className={styles["frame"]}
      data-diff={extra?.diff}
      data-depth={group.depth % 2}
      data-selected={data.selected || undefined}
      data-hovered={data.hovered || undefined}
    >
      <div className={styles["frame-title"]} data-frame-title="" title={title}>
        <ToggleButton group={group} title={title} actions={actions} labels={labels} />
        <span className={styles["frame-name"]}>{shortenMiddle(title, Math.min(32, (width - 96) / 12))}</span>
        <span className={styles["frame-note"]}>{group.nodeCount.toLocaleString()}</span>
        <Badges badges={extra?.badges} />
      </div>
    </div>
  );
}

const NodeView = memo(CardView);
const ClosedView = memo(ClosedGroupView);
const OpenView = memo(OpenGroupView);

export function CardContents({ card: { type, data, width, height } }: { readonly card: Card }): ReactNode {
  if (type === "card") return <NodeView data={data} width={width} height={height} />;
  return type === "group-open" ? <OpenView data={data} width={width} height={height} /> : <ClosedView data={data} width={width} height={height} />;
}

export function chipsOf(layout: LayoutResult, items: Int32Array, start: number, end: number, x: number, y: number, node: (id: NodeKey) => CanvasNode | undefined, selected: ReadonlySet<NodeKey>): ChipView[] {
  const chips: ChipView[] = [];
  for (let k = start; k < end; k++) {
    const c = items[k]!;
    const id = layout.chips.ids[c]!;
    chips.push({
      id,
      x: layout.chips.rects[c * 4]! - x,
      y: layout.chips.rects[c * 4 + 1]! - y,
      width: layout.chips.rects[c * 4 + 2]!,
      height: layout.chips.rects[c * 4 + 3]!,
      reference: layout.chips.reference[c] === 1,
      more: layout.chips.more[c]!,
      node: node(id),
      selected: selected.has(id),
    });
  }
  return chips;
}
