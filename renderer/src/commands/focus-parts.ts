/** F6: from part to part of the window, as in other programs of several panes. */

/** Parts mark themselves; the order is that of the page. */
const parts = (): readonly HTMLElement[] => [...document.querySelectorAll<HTMLElement>("[data-part]")].filter((part) => part.offsetParent !== null);
const focusable = 'button:not(:disabled), [href], input:not(:disabled), select, textarea, [tabindex]:not([tabindex="-1"])';

export function focusPart(by: 1 | -1): void {
  const all = parts();
  if (all.length === 0) return;
  const at = all.findIndex((part) => part.contains(document.activeElement));
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : (at + by + all.length) % all.length]!;
  const target = [...next.querySelectorAll<HTMLElement>(focusable)].find((each) => each.offsetParent !== null && each.tabIndex >= 0);
  (target ?? next).focus();
}
