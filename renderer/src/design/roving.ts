/**
 * One stop of the Tab key for a list or a bar; arrows go on from there. A list's items carry `data-row`: Up and Down go between them, Home
 * and End to its ends, Right opens and Left closes what can be opened, or goes to the row around it. Tab goes on to the row's own buttons.
 * In a bar Left and Right go between the buttons; of radio buttons the one that is reached is chosen.
 */
import { useEffect, useRef, type RefObject } from "react";

const controls = "button, input, select, a[href], [role=switch]";
const inBar = (bar: HTMLElement): HTMLElement[] => [...bar.querySelectorAll<HTMLElement>("button:not(:disabled)")].filter((each) => each.closest("[role=group], [role=radiogroup], [role=toolbar]") === bar && each.offsetParent !== null);
const inList = (list: HTMLElement): HTMLElement[] => [...list.querySelectorAll<HTMLElement>("[data-row]:not(:disabled)")];
const rowOf = (element: Element): Element => element.closest("li, tr, [role=row]") ?? element;
/** Radio buttons are one stop at the one that is chosen; so are rows and toggles. */
const isChosen = (item: HTMLElement): boolean => item.ariaCurrent !== null || item.ariaPressed === "true" || item.ariaChecked === "true";

function settle(host: HTMLElement, kind: "list" | "bar", wanted?: Element | null): void {
  const items = (kind === "list" ? inList : inBar)(host);
  const given = wanted && items.find((each) => each === wanted || (kind === "list" && rowOf(each) === rowOf(wanted)));
  const current = given ?? (host.role === "radiogroup" ? undefined : items.find((each) => each.dataset["roving"] === "here")) ?? items.find(isChosen) ?? items[0];
  for (const item of items) {
    if (item === current) item.dataset["roving"] = "here";
    else if (item.dataset["roving"] !== undefined) delete item.dataset["roving"];
    const index = item === current ? 0 : -1;
    if (item.tabIndex !== index) item.tabIndex = index;
  }
  if (kind === "bar") return;
  // A row's own buttons are reached from their row.
  const here = current && rowOf(current);
  for (const each of host.querySelectorAll<HTMLElement>(controls)) {
    if (each.dataset["row"] !== undefined) continue;
    const own = rowOf(each);
    const index = own === here || !host.contains(own) || !(own.matches("[data-row]") || own.querySelector(":scope [data-row]")) ? 0 : -1;
    if (each.tabIndex !== index) each.tabIndex = index;
  }
}

function step(host: HTMLElement, kind: "list" | "bar", event: KeyboardEvent): HTMLElement | undefined {
  const items = (kind === "list" ? inList : inBar)(host);
  const at = items.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return undefined;
  const row = items[at]!;
  if (event.key === "Home") return items[0];
  if (event.key === "End") return items.at(-1);
  if (kind === "bar") {
    const upAndDown = host.role === "radiogroup";
    if (event.key === "ArrowRight" || (upAndDown && event.key === "ArrowDown")) return items[(at + 1) % items.length];
    return event.key === "ArrowLeft" || (upAndDown && event.key === "ArrowUp") ? items.at(at - 1) : undefined;
  }
  if (event.key === "ArrowDown") return items[at + 1] ?? row;
  if (event.key === "ArrowUp") return items[at - 1] ?? row;
  if (event.key === "ArrowRight" && row.ariaExpanded === "true") return items[at + 1] ?? row;
  if (event.key === "ArrowRight" && row.ariaExpanded === "false") row.click();
  else if (event.key === "ArrowLeft" && row.ariaExpanded === "true") row.click();
  else if (event.key === "ArrowLeft") return rowOf(row).parentElement?.closest("li")?.querySelector<HTMLElement>("[data-row]") ?? row;
  else return undefined;
  return row;
}

/** Gives the element its one stop of the Tab key and its arrows. */
export function useRoving<T extends HTMLElement>(kind: "list" | "bar"): RefObject<T | null> {
  const ref = useRef<T>(null);
  useEffect(() => {
    const host = ref.current;
    if (!host) return;
    const onFocus = (event: FocusEvent): void => settle(host, kind, event.target as Element);
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
      const next = step(host, kind, event);
      if (!next) return;
      event.preventDefault();
      next.focus();
      if (next.role === "radio") next.click();
    };
    // Rows come and go, and buttons are switched on and off, without this element being drawn again.
    const observer = new MutationObserver(() => settle(host, kind));
    observer.observe(host, { childList: true, subtree: true, ...(kind === "bar" ? { attributes: true, attributeFilter: ["disabled"] } : {}) });
    host.addEventListener("focusin", onFocus);
    host.addEventListener("keydown", onKey);
    settle(host, kind);
    return () => {
      observer.disconnect();
      host.removeEventListener("focusin", onFocus);
      host.removeEventListener("keydown", onKey);
    };
  });
  return ref;
}
