/** F6: from part to part of the window, as in other programs of several panes. */

/** Parts mark themselves; the order is that of the page. */
const parts = (): readonly HTMLElement[] => [...document.querySelectorAll<HTMLElement>("[data-part]")].filter((part) => part.offsetParent !== null);
const focusable = 'button:not(:disabled), [href], input:not(:disabled), select, textarea, [tabindex]:not([tabindex="-1"])';

export function focusPart(by: 1 | -1): void {
  const all = parts();
  if (all.length === 0) return;
  const at = all.findIndex((part) => part.contains(document.activeElement));
  // A part in which nothing takes the focus (its panel is still being put in) is passed over: the way never ends there.
  const start = at < 0 ? (by > 0 ? -1 : all.length) : at;
  for (let i = 1; i <= all.length; i++) {
    const next = all[(start + by * i + all.length * 2) % all.length]!;
    const target = [...next.querySelectorAll<HTMLElement>(focusable)].find((each) => each.offsetParent !== null && each.tabIndex >= 0);
    (target ?? next).focus();
    if (next.contains(document.activeElement)) return;
  }
}
