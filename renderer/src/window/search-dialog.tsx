/**
 * Finding nodes: a field for the query, what may follow it, and the nodes that match. The list holds only the rows in
 * view, so it is as long as the model; the compiler finds the rows (docs/search.md).
 */
import { CircleAlert } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { SearchHit, SearchProblem, SearchResult } from "@graphwright/compiler-core";
import { Name } from "../design/name.tsx";
import { OperatorMark } from "../design/operator-mark.tsx";
import { DiagnosticView } from "../design/diagnostic.tsx";
import * as act from "../state/actions.ts";
import { canvas } from "../state/canvas.ts";
import { query, useQuery } from "../state/query.ts";
import { setView, type ModelState } from "../state/store.ts";
import { diagnosticOf, isCancelled } from "../worker/rpc.ts";

const rowHeight = 30;
const pageSize = 100;
const rowsInView = 16;
/** Offered before anything is typed. */
const examples = ["op:", "name:", "shape:", "type:", "rewrite:", "is:fused", "has:error", "kernel_shape="] as const;

interface At {
  readonly model: string;
  readonly step: number;
  readonly base?: number;
}

/** The last answer, and further pages of it as they are scrolled to. */
function useSearch(at: At, text: string): { readonly result: SearchResult | undefined; readonly error: unknown; /** the rows are still those of what was typed before */ readonly stale: boolean; readonly rowAt: (index: number) => SearchHit | undefined; readonly fetch: (from: number, to: number) => void } {
  const params = { ...at, query: text, limit: pageSize };
  const { data, last, error } = useQuery("search", params);
  const [pages, setPages] = useState<{ readonly of: string; readonly rows: ReadonlyMap<number, SearchHit> }>({ of: "", rows: new Map() });
  const key = JSON.stringify(params);
  const asked = useRef(new Set<string>());
  const result = data ?? (error === undefined ? last : undefined);
  return {
    result,
    error,
    stale: data === undefined && error === undefined,
    rowAt: (index) => result?.nodes[index] ?? (pages.of === key ? pages.rows.get(index) : undefined),
    fetch(from, to) {
      if (!data) return;
      for (let page = Math.max(1, Math.floor(from / pageSize)); page * pageSize < Math.min(to, data.count); page++) {
        const name = `${key}/${page}`;
        if (asked.current.has(name)) continue;
        asked.current.add(name);
        query("search", { ...params, offset: page * pageSize }).then(
          ({ nodes, offset }) => setPages((before) => {
            const rows = new Map(before.of === key ? before.rows : []);
            nodes.forEach((node, i) => rows.set(offset + i, node));
            return { of: key, rows };
          }),
          (reason: unknown) => {
            if (!isCancelled(reason)) asked.current.delete(name);
          },
        );
      }
    },
  };
}

/** "/layer2/norm1/BatchNormalization" beside its operator: where names are shortened, the scope is what tells one from another. */
const withoutOp = (name: string, op: string): string => (name.endsWith(`/${op}`) && name.length > op.length + 1 ? name.slice(0, -op.length - 1) : name);

export function SearchDialog({ model }: { readonly model: ModelState }): ReactNode {
  const { t } = useTranslation();
  const id = useId();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const [scroll, setScroll] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const at: At = { model: model.id, step: model.b, ...(model.a === model.b ? {} : { base: model.a }) };
  const { result, error, stale, rowAt, fetch } = useSearch(at, text);
  const count = result?.count ?? 0;
  const current = Math.min(chosen, count - 1);
  const first = Math.max(0, Math.floor(scroll / rowHeight) - 4);
  const end = Math.min(count, first + rowsInView + 10);
  useEffect(() => fetch(first, end));

  const close = (): void => setView({ dialog: null });
  const go = (node: SearchHit): void => {
    act.select(model.id, [node.id], node.mark === "removed" ? model.a : model.b);
    close();
    setTimeout(() => canvas.current?.reveal([node.id]), 0);
  };
  const type = (next: string): void => {
    setText(next);
    setChosen(0);
    setScroll(0);
    if (list.current) list.current.scrollTop = 0;
  };
  /** Puts a suggestion in the place of the last term. */
  const complete = (suggestion: string): void => {
    const begun = /(?:[^\s"]|"[^"]*(?:"|$))*$/.exec(text)!.index;
    type(`${text.slice(0, begun)}${suggestion}${/[:=]$/.test(suggestion) ? "" : " "}`);
    field.current?.focus();
  };
  /** Puts what was meant in the place of what was written. */
  const mend = (kind: SearchProblem["kind"], term: string, meant: string): void => {
    const written = new RegExp(`${kind === "attribute" ? "" : `${kind}:`}"?${term.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}"?${kind === "attribute" ? "[:=]" : ""}`, "i");
    type(text.replace(written, meant));
    field.current?.focus();
  };
  const move = (to: number): void => {
    if (count === 0) return;
    const next = Math.max(0, Math.min(count - 1, to));
    setChosen(next);
    const box = list.current;
    if (!box) return;
    if (next * rowHeight < box.scrollTop) box.scrollTop = next * rowHeight;
    else if ((next + 1) * rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = (next + 1) * rowHeight - box.clientHeight;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = { ArrowDown: current + 1 >= count ? 0 : current + 1, ArrowUp: current <= 0 ? count - 1 : current - 1, PageDown: current + rowsInView - 1, PageUp: current - rowsInView + 1 };
    const [suggestion] = result?.suggestions ?? [];
    if (event.key in steps) move(steps[event.key]!);
    else if (event.key === "Tab" && !event.shiftKey && suggestion && (event.target as HTMLElement) === field.current) complete(suggestion.text);
    else if (event.key === "Enter" && (event.target as HTMLElement) === field.current) {
      // Enter may come before the list of what was typed last: then it means the first of that.
      const node = rowAt(current);
      query("search", { ...at, query: text, limit: pageSize }).then(
        ({ nodes }) => {
          const target = current < pageSize ? nodes[Math.max(0, current)] : node;
          if (target) go(target);
        },
        () => undefined,
      );
    } else return;
    event.preventDefault();
  };
  const offered = text.trim() === "" ? examples.map((each) => ({ text: each, count: undefined })) : (result?.suggestions ?? []);

  return (
    <Radix.Root open onOpenChange={(open) => !open && close()}>
      <Radix.Portal>
        <Radix.Overlay className="overlay" />
        <Radix.Content className="palette-content palette" aria-describedby={undefined} data-testid="search" onKeyDown={onKeyDown}>
          <Radix.Title className="unseen">{t("search.label")}</Radix.Title>
          <input
            ref={field}
            className="palette-input"
            role="combobox"
            aria-label={t("search.label")}
            aria-expanded={count > 0}
            aria-controls={`${id}-list`}
            aria-activedescendant={count > 0 && rowAt(current) ? `${id}-${current}` : undefined}
            aria-autocomplete="list"
            autoComplete="off"
            spellCheck={false}
            value={text}
            onChange={(event) => type(event.target.value)}
            placeholder={t("search.placeholder")}
            data-testid="search-input"
          />
          {offered.length > 0 && (
            <div className="search-offers" role="group" aria-label={t("search.offers")}>
              {offered.map((each) => (
                <button key={each.text} type="button" className="chip mono" tabIndex={-1} onClick={() => complete(each.text)} data-testid="search-offer">
                  {each.text}{each.count !== undefined && <span className="faint num"> {each.count}</span>}
                </button>
              ))}
            </div>
          )}
          <div role="status" className="search-status">
            {error !== undefined && <div className="form-message form-error" data-testid="search-error"><CircleAlert size={14} aria-hidden /><DiagnosticView diagnostic={diagnosticOf(error)} /></div>}
            {result?.problems.map(({ kind, term, known, meant }) => (
              <p key={`${kind} ${term}`} className="palette-note search-problem" data-testid="search-problem">
                <span>{t(`search.problem-${kind}`, { term })}{known.length > 0 && <> {t("search.known")} <span className="mono">{known.slice(0, 8).join(", ")}</span></>}</span>
                {meant.length > 0 && (
                  <span>
                    {t("search.meant")}
                    {meant.map((each) => <button key={each} type="button" className="chip mono" onClick={() => mend(kind, term, each)} data-testid="search-meant">{each}</button>)}
                  </span>
                )}
              </p>
            ))}
            {result && (count > 0 ? <p className="palette-note faint num" data-testid="search-count">{t("search.count", { count })}</p> : result.problems.length === 0 && <p className="palette-empty" data-testid="search-nothing">{t("search.empty")}</p>)}
          </div>
          <div ref={list} id={`${id}-list`} role="listbox" aria-label={t("search.results")} aria-busy={stale} className="palette-list search-list" style={{ height: Math.min(rowsInView, count) * rowHeight + (count > 0 ? 8 : 0) }} onScroll={(event) => setScroll(event.currentTarget.scrollTop)}>
            <div style={{ height: count * rowHeight }} role="presentation">
              {Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i).map((index) => {
                const node = rowAt(index);
                if (!node) return null;
                return (
                  <div
                    key={index}
                    id={`${id}-${index}`}
                    role="option"
                    aria-selected={index === current}
                    aria-setsize={count}
                    aria-posinset={index + 1}
                    data-selected={index === current}
                    data-mark={node.mark}
                    className="palette-item search-row"
                    style={{ top: index * rowHeight + 4 }}
                    data-testid="search-result"
                    onPointerMove={() => index !== current && setChosen(index)}
                    onClick={() => go(node)}
                  >
                    <OperatorMark family={node.family} />
                    <span className={`palette-op ${node.mark === "removed" ? "struck" : ""}`}>{node.op}</span>
                    <Name mono className="faint palette-name" whole={node.name}>{withoutOp(node.name, node.op)}</Name>
                    <Name mono className="faint palette-type">{node.type}</Name>
                  </div>
                );
              })}
            </div>
          </div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
