/**
 * The focus is never lost. What has it may disappear (an applied rewrite, a closed dialog or panel) or be switched off (Undo at the
 * first step); browsers then put the focus on the page itself, where keys have no place to begin from. It goes to the nearest control
 * that stands where the old one stood instead: a neighbour in the same list or bar, what opened the dialog, else the graph or the page.
 */

const focusable = 'button:not(:disabled), a[href], input:not(:disabled), select:not(:disabled), textarea:not(:disabled), [tabindex]:not([tabindex="-1"])';
/** Letters are theirs: a person who presses one for a command would write into them, or choose another entry. */
const takesLetters = "input:not([type=checkbox], [type=radio], [type=button]), textarea, select, [role=combobox], [contenteditable=true]";
/** Their own focus comes and goes with them; what opened them is where it belongs afterwards. */
const overlays = "[role=dialog], [role=menu], [role=menubar], [role=listbox][data-state], [data-radix-popper-content-wrapper]";

interface Place {
  readonly element: HTMLElement;
  readonly inOverlay: boolean;
  /** from the element's parent up to the page, with the place of the child below in each */
  readonly above: readonly { readonly parent: Element; readonly index: number }[];
}

let place: Place | undefined;
/** What had the focus before an overlay took it, latest last. */
const openers: HTMLElement[] = [];

const usable = (element: HTMLElement): boolean => element.isConnected && element.checkVisibility({ visibilityProperty: true }) && !element.matches(":disabled") && element.closest("[inert], [aria-hidden=true]") === null;

function remember(element: HTMLElement): void {
  const above: Place["above"][number][] = [];
  for (let child: Element = element; child.parentElement; child = child.parentElement) above.push({ parent: child.parentElement, index: Array.prototype.indexOf.call(child.parentElement.children, child) });
  const inOverlay = element.closest(overlays) !== null;
  place = { element, inOverlay, above };
  if (!inOverlay) {
    openers.push(element);
    if (openers.length > 8) openers.shift();
  }
}

const firstIn = (element: Element, letters: boolean): HTMLElement | undefined => [...(element.matches(focusable) ? [element as HTMLElement] : []), ...element.querySelectorAll<HTMLElement>(focusable)].find((each) => usable(each) && (letters || !each.matches(takesLetters)));

/** The control nearest to where `lost` stood. */
function nearest(lost: Place): HTMLElement | undefined {
  for (const { parent, index } of lost.above) {
    // Beyond the part of the window a neighbour is a stranger.
    if (parent === document.body || parent.matches(".window, .stage")) break;
    if (!parent.isConnected) continue;
    const children = [...parent.children];
    for (const child of [...children.slice(index), ...children.slice(0, index).reverse()]) {
      const found = firstIn(child, lost.element.matches(takesLetters));
      if (found) return found;
    }
    if (parent instanceof HTMLElement && parent.matches("[tabindex]") && usable(parent)) return parent;
  }
  return lost.inOverlay ? openers.findLast(usable) : undefined;
}

/** Put on the page because the graph was not there yet: it goes on to the graph. */
let waiting: Element | null = null;

/** Gives the focus a place where it has none. */
function keepFocus(): void {
  const graph = document.querySelector<HTMLElement>("[data-graph-canvas]");
  if (waiting !== null && waiting === document.activeElement && graph) return graph.focus({ preventScroll: true });
  if (!place || (document.activeElement !== null && document.activeElement !== document.body) || document.querySelector("[role=dialog]") !== null) return;
  // It was put aside with a click on nothing: that is as the person wants it.
  if (usable(place.element)) return;
  const target = nearest(place) ?? graph ?? document.getElementById("content");
  target?.focus({ preventScroll: true });
  waiting = target?.id === "content" ? target : null;
}

/** Follows the focus, and looks after every input whether it still has a place. */
export function watchFocus(): () => void {
  const onFocus = (event: FocusEvent): void => {
    if (event.target instanceof HTMLElement && event.target !== document.body) remember(event.target);
  };
  // After the handlers of the input, and again after what they have begun: a list may come a moment later.
  let timers: ReturnType<typeof setTimeout>[] = [];
  const look = (): void => {
    timers.forEach(clearTimeout);
    timers = [0, 150, 600, 1500].map((wait) => setTimeout(keepFocus, wait));
  };
  const onKey = (event: KeyboardEvent): void => {
    waiting = null;
    if (event.type === "keyup") look();
    else if (!event.repeat) keepFocus();
  };
  // The page of a model comes in place of the welcome, some time after the key that asked for it.
  const stage = document.querySelector(".stage");
  const observer = new MutationObserver(look);
  if (stage) observer.observe(stage, { childList: true });
  document.addEventListener("focusin", onFocus);
  addEventListener("keydown", onKey, true);
  addEventListener("keyup", onKey, true);
  addEventListener("click", look, true);
  return () => {
    timers.forEach(clearTimeout);
    observer.disconnect();
    document.removeEventListener("focusin", onFocus);
    removeEventListener("keydown", onKey, true);
    removeEventListener("keyup", onKey, true);
    removeEventListener("click", look, true);
  };
}
