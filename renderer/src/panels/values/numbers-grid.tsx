import type { TensorPart, TensorRef } from "@graphwright/compiler-core";
import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import * as format from "../../design/format.ts";
import { useQuery } from "../../state/query.ts";

/** Which plane of a tensor is shown. */
export interface Slice {
  readonly rowAxis: number | null;
  readonly columnAxis: number | null;
  /** index by axis */
  readonly fixed: readonly number[];
}

interface GridProps {
  readonly tensor: TensorRef;
  /** shown in each cell as what it was */
  readonly before?: TensorRef;
  readonly dims: readonly number[];
  readonly slice: Slice;
  /** index of an element to mark, and to bring into view */
  readonly marked?: readonly number[] | undefined;
}

const [rowHeight, cellWidth, headWidth] = [20, 88, 52];
/** cells asked for at once, in both directions: the next screen is there before it is scrolled to */
const block = 32;
/** Browsers cannot scroll further. Beyond it, the slices of other axes remain. */
const longest = 8_000_000;

/** A plane as numbers; only what is in view is asked for and drawn. */
export function NumbersGrid({ tensor, before, dims, slice, marked }: GridProps): ReactNode {
  const { t } = useTranslation();
  const host = useRef<HTMLDivElement>(null);
  const height = before ? 34 : rowHeight;
  const rows = slice.rowAxis === null ? 1 : dims[slice.rowAxis]!;
  const columns = slice.columnAxis === null ? 1 : dims[slice.columnAxis]!;
  const [view, setView] = useState({ top: 0, left: 0, width: 600, height: 200 });
  useEffect(() => {
    const element = host.current!;
    const look = (): void => setView({ top: element.scrollTop, left: element.scrollLeft, width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);
  const [markedRow, markedColumn] = marked ? [slice.rowAxis === null ? 0 : marked[slice.rowAxis]!, slice.columnAxis === null ? 0 : marked[slice.columnAxis]!] : [-1, -1];
  const inPlane = marked?.every((index, axis) => axis === slice.rowAxis || axis === slice.columnAxis || index === slice.fixed[axis]) ?? false;
  useEffect(() => {
    if (inPlane) host.current!.scrollTo({ top: markedRow * height - host.current!.clientHeight / 2, left: markedColumn * cellWidth - host.current!.clientWidth / 2 });
  }, [inPlane, markedRow, markedColumn, height]);

  const first = [Math.max(0, Math.floor(view.top / height)), Math.max(0, Math.floor(view.left / cellWidth))] as const;
  const last = [Math.min(rows, first[0] + Math.ceil(view.height / height) + 1), Math.min(columns, first[1] + Math.ceil(view.width / cellWidth) + 1)] as const;
  const down = (n: number): number => Math.floor(n / block) * block;
  const up = (n: number, limit: number): number => Math.min(limit, Math.ceil(n / block) * block);
  const range = { rows: [down(first[0]), up(last[0], rows)], columns: [down(first[1]), up(last[1], columns)] } as const;
  const part = useQuery("tensorPart", { tensor, ...slice, ...range });
  const old = useQuery("tensorPart", before ? { tensor: before, ...slice, ...range } : null);
  const at = (answer: TensorPart | undefined, row: number, column: number): { readonly text: string; readonly value: number | undefined } | undefined => {
    if (!answer || row < answer.rows[0] || row >= answer.rows[1] || column < answer.columns[0] || column >= answer.columns[1]) return undefined;
    const index = (row - answer.rows[0]) * answer.width + (column - answer.columns[0]);
    const value = answer.values[index];
    return { value, text: answer.texts?.[index] ?? (value === undefined ? "" : format.number(value)) };
  };
  const shownRows = useMemo(() => Array.from({ length: Math.max(0, last[0] - first[0]) }, (_, index) => first[0] + index), [first[0], last[0]]); // eslint-disable-line react-hooks/exhaustive-deps -- two numbers
  const shownColumns = useMemo(() => Array.from({ length: Math.max(0, last[1] - first[1]) }, (_, index) => first[1] + index), [first[1], last[1]]); // eslint-disable-line react-hooks/exhaustive-deps -- two numbers
  const [plane, oldPlane] = [part.data ?? part.last, old.data ?? old.last];
  return (
    <div className="numbers-grid" ref={host} tabIndex={0} role="grid" aria-label={t("values.grid", { rows, columns })} aria-rowcount={rows} aria-colcount={columns} data-testid="numbers-grid">
      <div className="grid-sheet" style={{ width: headWidth + Math.min(longest, columns * cellWidth), height: rowHeight + Math.min(longest, rows * height) }}>
        <div className="grid-head" role="row">
          {shownColumns.map((column) => <span key={column} role="columnheader" className="num" style={{ left: headWidth + column * cellWidth }}>{column}</span>)}
        </div>
        {shownRows.map((row) => (
          <div key={row} className="grid-row" role="row" aria-rowindex={row + 1} style={{ top: rowHeight + row * height, height }}>
            <span role="rowheader" className="num grid-row-head">{row}</span>
            {shownColumns.map((column) => {
              const [now, was] = [at(plane, row, column), before ? at(oldPlane, row, column) : undefined];
              const differs = now !== undefined && was !== undefined && now.text !== was.text;
              const isMarked = inPlane && row === markedRow && column === markedColumn;
              return (
                <span key={column} role="gridcell" aria-colindex={column + 1} className={`num ${differs ? "cell-differs" : ""} ${isMarked ? "cell-worst" : ""} ${now?.value !== undefined && !Number.isFinite(now.value) && !plane?.texts ? "bad" : ""}`} style={{ left: headWidth + column * cellWidth, height }} title={now && was ? `${was.value} → ${now.value}` : now?.value === undefined ? now?.text : String(now.value)} data-worst={isMarked || undefined}>
                  {was !== undefined && <span className="cell-before">{was.text}</span>}
                  {now?.text ?? "…"}
                </span>
              );
            })}
          </div>
        ))}
      </div>
    </div>
  );
}
