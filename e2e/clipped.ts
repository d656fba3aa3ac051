/** Texts that a person cannot read to the end: cut off without a sign, past the edge of the window, or lying on each other. */
import type { Page } from "playwright-core";

export async function clipped(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    /** Editors and drawings shorten on their own terms; what is only spoken has no size. */
    const apart = ".monaco-editor, [data-graph-canvas], svg, .uplot, .unseen, .skip-link, option, script, style";
    const layerOf = (element: Element): Element | null => element.closest("[role=menu], [role=dialog], [role=listbox], [data-radix-popper-content-wrapper]");
    const found = new Set<string>();
    const drawn: { readonly text: string; readonly box: DOMRect; readonly element: Element }[] = [];
    const where = (element: Element): string => (element.closest("[data-testid]") as HTMLElement | null)?.dataset["testid"] ?? element.className.toString().split(" ")[0]!;
    if (document.scrollingElement!.scrollWidth > innerWidth + 1) found.add("the page is wider than the window");
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    texts: for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement!;
      const text = node.textContent!.trim();
      if (text === "" || element.closest(apart) || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      let box = range.getBoundingClientRect();
      if (box.width < 1 || box.height < 1) continue;
      let [shortened, scrolled] = [false, false];
      for (let around: Element | null = element; around && around !== document.documentElement; around = around.parentElement) {
        const style = getComputedStyle(around);
        const inner = around.getBoundingClientRect();
        // Only spoken.
        if (inner.width <= 1 && style.overflowX === "hidden") continue texts;
        if (style.display === "contents") continue;
        if (style.textOverflow === "ellipsis" || style.webkitLineClamp !== "none") shortened = true;
        for (const [axis, low, high] of [["overflowX", "left", "right"], ["overflowY", "top", "bottom"]] as const) {
          if (style[axis] === "auto" || style[axis] === "scroll") scrolled = true;
          if (style[axis] === "visible" || scrolled) continue;
          const past = Math.max(inner[low] - box[low], box[high] - inner[high]);
          if (past <= 1.5) continue;
          if (!shortened) found.add(`${where(element)}: cut off by ${Math.round(past)} px: ${text.slice(0, 60)}`);
          else if (axis === "overflowX" && !element.closest("[title], [aria-label], .name, .mono")) found.add(`${where(element)}: shortened, and nowhere whole: ${text.slice(0, 60)}`);
        }
        const [left, right, top, bottom] = [Math.max(box.left, inner.left), Math.min(box.right, inner.right), Math.max(box.top, inner.top), Math.min(box.bottom, inner.bottom)];
        if (style.overflowX !== "visible" && right > left && bottom > top) box = new DOMRect(left, top, right - left, bottom - top);
        if (style.position === "fixed") break;
      }
      if (!scrolled && (box.left < -1 || box.right > innerWidth + 1 || box.top < -1 || box.bottom > innerHeight + 1)) found.add(`${where(element)}: past the edge of the window: ${text.slice(0, 60)}`);
      // Only what lies on top is read.
      const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
      if (top && (element.contains(top) || top.contains(element))) drawn.push({ text, box, element });
    }
    for (const button of document.querySelectorAll("button, [role=switch], input, select")) {
      if (button.closest(apart) || !button.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
      const box = button.getBoundingClientRect();
      for (let around = button.parentElement; around && around !== document.documentElement; around = around.parentElement) {
        const { overflowX } = getComputedStyle(around);
        const inner = around.getBoundingClientRect();
        if (overflowX === "auto" || overflowX === "scroll" || inner.width <= 1) break;
        if (overflowX !== "visible" && box.width > 1 && Math.max(inner.left - box.left, box.right - inner.right) > 1.5) found.add(`${where(button)}: a button is cut off: ${(button.ariaLabel ?? button.textContent).slice(0, 60)}`);
      }
    }
    drawn.forEach((a, i) => {
      for (const b of drawn.slice(i + 1)) {
        const x = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
        const y = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
        if (x > 3 && y > 4 && layerOf(a.element) === layerOf(b.element) && !a.element.contains(b.element) && !b.element.contains(a.element)) found.add(`${where(a.element)}: "${a.text.slice(0, 40)}" lies on "${b.text.slice(0, 40)}"`);
      }
    });
    return [...found];
  });
}
