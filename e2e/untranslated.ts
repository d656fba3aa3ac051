/** English that a person who reads Chinese would meet: what the window shows or speaks, without names, code and what the person wrote. */
import type { Page } from "playwright-core";

export async function untranslated(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    /** Code, names out of the model and keys are the same in every language; so is what a person has typed. */
    const foreign = "script, style, code, pre, kbd, .mono, .name, .monaco-editor, [contenteditable], textarea, [translate=no], .uplot";
    /** Three words in a row make a sentence; names of operators and rewrites, and words beside a sign, do not. */
    const sentence = /(?:^|[^\p{L}\p{N}_./%`-])[A-Za-z]?[a-z]+,? (?:[a-z]+,? )+[a-z]+(?![\w./%`(-])/u;
    const found = new Set<string>();
    const read = (text: string | null | undefined, where: string): void => {
      const plain = text?.replace(/`[^`]*`|"[^"]*"|“[^”]*”|\b[\w-]+\([^)]*\)/g, "·").replace(/\s+/g, " ").trim();
      if (plain && sentence.test(plain)) found.add(`${where}: ${plain.slice(0, 160)}`);
    };
    const visible = (element: Element): boolean => element.checkVisibility({ visibilityProperty: true });
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const parent = node.parentElement!;
      if (parent.closest(foreign) === null && visible(parent)) read(node.textContent, parent.className && typeof parent.className === "string" ? `.${parent.className.split(" ")[0]}` : parent.tagName.toLowerCase());
    }
    for (const element of document.querySelectorAll("[aria-label], [aria-description], [aria-roledescription], [aria-valuetext], [title], [placeholder], [alt]")) {
      if (element.closest(".monaco-editor, [translate=no]") !== null || !visible(element)) continue;
      for (const name of ["aria-label", "aria-description", "aria-roledescription", "aria-valuetext", "title", "placeholder", "alt"]) read(element.getAttribute(name), name);
    }
    return [...found];
  });
}
