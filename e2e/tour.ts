/**
 * A way through everything the window can show: every panel, dialog, menu, empty and error state, in an order in which
 * each follows from the one before. What is done at each stop (axe, reading the texts, a picture) is the visitor's matter.
 */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { inRoot } from "../app/tooling/run.mjs";

export interface Stop {
  readonly name: string;
  /** the dialog that is open: what lies behind it was looked at before */
  readonly dialog?: string;
  /** has colours of its own, so that every theme counts */
  readonly coloured?: true;
  /** in the short run only read, not checked by axe: another stop has the same controls */
  readonly read?: true;
  /** seldom seen, or slow to reach: only in the long run */
  readonly long?: true;
  /** a file is chosen in a dialog of the browser */
  readonly chooses?: true;
  readonly show: (page: Page) => Promise<unknown>;
  /** back to where the next stop begins */
  readonly leave?: (page: Page) => Promise<unknown>;
}

const at = (page: Page, id: string) => page.getByTestId(id);
const press = (page: Page, keys: string) => page.locator("body").press(keys);
const graphReady = (page: Page) => at(page, "graph-panel").locator('[data-kind="operator"]').first().waitFor();

const dialog = (name: string, id: string, open: (page: Page) => Promise<unknown>, more: Partial<Stop> = {}): Stop => ({
  name,
  dialog: id,
  async show(page) {
    await open(page);
    await at(page, id).waitFor();
  },
  async leave(page) {
    // Escape in a field may first take back what stands there.
    await page.keyboard.press("Escape");
    if (await at(page, id).isVisible()) await page.keyboard.press("Escape");
    await at(page, id).waitFor({ state: "detached" });
  },
  ...more,
});
const byKeys = (name: string, id: string, keys: string, more: Partial<Stop> = {}): Stop => dialog(name, id, (page) => press(page, keys), more);
const menu = (name: string, more: Partial<Stop> = {}): Stop => ({
  name: `menu-${name}`,
  show: (page) => at(page, `menu-${name}`).click(),
  leave: (page) => page.keyboard.press("Escape"),
  ...more,
});
const choose = async (page: Page, menuName: string, command: string): Promise<void> => {
  await at(page, `menu-${menuName}`).click();
  await at(page, `command-${command}`).click();
};
const tab = (name: string, ready = "> *", more: Partial<Stop> = {}): Stop => ({
  name,
  async show(page) {
    await at(page, `tab-${name}`).click();
    await page.locator(`.tab-content[data-state="active"] ${ready}`).first().waitFor();
  },
  ...more,
});
const search = (text: string, shown: string) => async (page: Page): Promise<void> => {
  await press(page, "/");
  await at(page, "search-input").fill(text);
  await at(page, shown).first().waitFor();
};
const find = async (page: Page, text: string): Promise<void> => {
  await press(page, "/");
  await at(page, "search-input").fill(text);
  await at(page, "search-result").first().waitFor();
  await page.keyboard.press("Enter");
  await at(page, "search").waitFor({ state: "detached" });
};
const openFile = async (page: Page, name: string, content: Buffer): Promise<void> => {
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), press(page, "Control+o")]);
  await chooser.setFiles({ name, mimeType: "application/octet-stream", buffer: content });
};

/** Starts at the window without a model. */
export const tour: readonly Stop[] = [
  { name: "welcome", coloured: true, show: (page) => at(page, "example").first().waitFor() },
  byKeys("settings", "settings", "Control+,", { long: true }),
  {
    name: "opened",
    read: true,
    async show(page) {
      await at(page, "example").first().click();
      await graphReady(page);
      await at(page, "text-editor").waitFor();
    },
  },
  byKeys("palette", "palette", "Control+k"),
  dialog("palette-nothing", "palette", async (page) => { await press(page, "Control+k"); await at(page, "palette-input").fill("zzzz"); }, { long: true }),
  byKeys("search", "search", "/", { long: true }),
  dialog("search-results", "search", search("op:Conv", "search-result"), { long: true }),
  dialog("search-problem", "search", search("op:Convo is:fuse kernel_shap=3", "search-problem"), { read: true }),
  dialog("search-nothing", "search", search("zzzz", "search-nothing"), { long: true }),
  byKeys("settings-general", "settings", "Control+,", { long: true }),
  dialog("settings-keys", "settings", async (page) => { await press(page, "?"); await at(page, "change-keys").click(); }, { read: true }),
  byKeys("shortcuts", "shortcuts", "?"),
  dialog("about", "about", (page) => choose(page, "help", "help-about"), { long: true }),
  byKeys("export-bundle", "export-dialog", "Control+e"),
  ...(["wasm", "onnx"] as const).map((format) => dialog(`export-${format}`, "export-dialog", async (page) => { await press(page, "Control+e"); await at(page, `export-${format}`).click(); }, { long: true })),
  dialog("export-name", "export-dialog", async (page) => { await press(page, "Control+e"); await at(page, "export-name").fill("a/b"); }, { long: true }),
  byKeys("picture", "picture-dialog", "Control+Shift+E", { long: true }),
  dialog("picture-png", "picture-dialog", async (page) => { await press(page, "Control+Shift+E"); await at(page, "picture-format").getByText("PNG").click(); }, { long: true }),
  byKeys("compare", "compare-dialog", "Shift+D", { long: true }),
  byKeys("save-project", "save-project", "Control+s", { long: true }),
  dialog("link", "open-link", (page) => choose(page, "file", "file-open-link"), { long: true }),
  menu("file", { read: true }),
  ...(["edit", "view", "rewrite", "window", "help"] as const).map((name) => menu(name, { long: true })),
  // Nothing is selected yet: most panels say how to begin.
  tab("rewrites", '[data-testid="rewrite-row"]'),
  tab("recipe", undefined, { long: true }),
  tab("program", undefined, { long: true }),
  tab("values", undefined, { long: true }),
  tab("custom", undefined, { long: true }),
  tab("profile", undefined, { long: true }),
  tab("tuning", undefined, { long: true }),
  tab("orders", undefined, { long: true }),
  tab("bisect", undefined, { long: true }),
  tab("differences", undefined, { long: true }),
  tab("log", undefined, { long: true }),
  tab("notes", undefined, { read: true }),
  tab("pipeline", undefined, { long: true }),
  {
    name: "node",
    coloured: true,
    read: true,
    async show(page) {
      await press(page, "/");
      await at(page, "search-input").fill("stem/bn");
      await at(page, "search-result").first().waitFor();
      await page.keyboard.press("Enter");
      await at(page, "why-row").first().waitFor();
      await at(page, "why-row").locator('button[aria-expanded="false"]').first().click();
    },
  },
  {
    name: "operator-help",
    long: true,
    async show(page) {
      const closed = at(page, "inspector").locator('.section-head[aria-expanded="false"], summary');
      for (let i = await closed.count(); i > 0; i--) await closed.first().click();
      await page.waitForFunction(() => document.querySelector('.inspector [aria-busy="true"]') === null);
    },
  },
  {
    name: "rewrite-open",
    long: true,
    async show(page) {
      await at(page, "tab-rewrites").click();
      const row = page.locator('[data-testid="rewrite-row"][data-rewrite="batch-norm-into-conv"]');
      await row.getByRole("button").first().click();
      await row.getByTestId("site-row").first().waitFor();
      if ((await row.getByTestId("near-misses").count()) > 0) await row.getByTestId("near-misses").click();
    },
  },
  {
    name: "rewritten",
    long: true,
    async show(page) {
      await page.locator('[data-rewrite="batch-norm-into-conv"]').getByTestId("apply-site").first().click();
      await at(page, "graph-panel").locator('[data-diff="added"]').first().waitFor();
      await at(page, "tab-text").click();
      await at(page, "text-changes").waitFor();
    },
  },
  {
    name: "after-a-run",
    coloured: true,
    async show(page) {
      await at(page, "tab-pipeline").click();
      await at(page, "run-all").click();
      await at(page, "pass-row").first().waitFor();
      await page.waitForFunction(() => document.querySelector('[data-testid="task"]') === null);
      await at(page, "pass-row").first().getByRole("button").first().click();
    },
  },
  {
    name: "checked",
    long: true,
    async show(page) {
      await at(page, "verify").click();
      await page.locator('[data-testid="verify"]:not([data-verdict="none"])').waitFor();
    },
  },
  {
    name: "beside",
    coloured: true,
    long: true,
    async show(page) {
      await press(page, "a");
      await press(page, "d");
      await page.locator('[data-side="after"] [data-kind]').first().waitFor();
      await at(page, "tab-differences").click();
      await at(page, "difference").first().waitFor();
      await at(page, "differences-list").focus();
      await page.keyboard.press("Home");
    },
    leave: (page) => press(page, "d"),
  },
  {
    name: "heat",
    coloured: true,
    long: true,
    async show(page) {
      await choose(page, "view", "view-heat-flops");
      await at(page, "heat-legend").waitFor();
    },
    leave: (page) => choose(page, "view", "view-heat-flops"),
  },
  {
    name: "values-run",
    coloured: true,
    long: true,
    async show(page) {
      await at(page, "tab-values").click();
      await at(page, "run-model").click();
      await at(page, "kept-value").nth(1).click();
      await at(page, "numbers-grid").locator('[role="gridcell"]').first().waitFor();
    },
  },
  ...([["histogram", '[data-testid="histogram"]'], ["heat-map", '[data-testid="heat-map"]'], ["pictures", '[data-testid="tensor-pictures"]'], ["compared", ".state, .compared"]] as const).map(([name, shown], index): Stop => ({
    name: `values-${name}`,
    long: true,
    async show(page) {
      await at(page, "tensor-mode").getByRole("radio").nth(index + 1).click();
      await at(page, "tensor-viewer").locator(shown).first().waitFor();
    },
  })),
  {
    name: "program-c",
    long: true,
    async show(page) {
      await find(page, "op:Conv");
      await at(page, "tab-program").click();
      await at(page, "schedule-step").first().waitFor();
      await at(page, "schedule-step").nth(2).click();
    },
  },
  {
    name: "program-changes",
    coloured: true,
    long: true,
    async show(page) {
      await at(page, "schedule-changes").click();
      await at(page, "program-diff").waitFor();
    },
    leave: (page) => at(page, "schedule-changes").click(),
  },
  {
    name: "times",
    coloured: true,
    long: true,
    async show(page) {
      await at(page, "tab-profile").click();
      await at(page, "run-profile").click();
      await at(page, "profile-row").nth(5).waitFor({ timeout: 90_000 });
      await at(page, "profile-row").locator("button:enabled").first().click();
    },
  },
  {
    name: "times-heat",
    coloured: true,
    long: true,
    async show(page) {
      await at(page, "profile-heat").click();
      await at(page, "heat-legend").waitFor();
    },
    leave: (page) => at(page, "profile-heat").click(),
  },
  {
    name: "tuned",
    coloured: true,
    long: true,
    async show(page) {
      await at(page, "tab-tuning").click();
      await at(page, "run-tuning").click();
      await page.locator('[data-testid="tuning-row"][data-measured="true"]').first().waitFor({ timeout: 90_000 });
      await page.waitForFunction(() => document.querySelector<HTMLButtonElement>('[data-testid="run-tuning"]')?.disabled === false, undefined, { timeout: 90_000 });
      await page.locator(".trials canvas").waitFor();
    },
  },
  byKeys("export-tuned", "export-dialog", "Control+e", { long: true }),
  {
    name: "orders-compared",
    long: true,
    async show(page) {
      await at(page, "tab-orders").click();
      await at(page, "run-orders").click();
      await at(page, "orders-result").waitFor({ timeout: 60_000 });
    },
  },
  {
    name: "bisected",
    long: true,
    async show(page) {
      await at(page, "tab-bisect").click();
      await at(page, "run-bisect").click();
      await at(page, "bisect-result").waitFor({ timeout: 60_000 });
    },
  },
  {
    name: "custom-help",
    long: true,
    async show(page) {
      await at(page, "tab-custom").click();
      await at(page, "custom-help").click();
      await at(page, "custom-help-dialog").waitFor();
    },
    leave: (page) => page.keyboard.press("Escape"),
  },
  {
    name: "custom-mistake",
    long: true,
    async show(page) {
      await page.locator('[data-testid="custom-editor"] .view-line', { hasText: "=" }).first().click();
      await page.keyboard.press("End");
      await page.keyboard.type("(");
      await page.locator('[data-testid="custom-status"][data-error="true"]').waitFor();
    },
    leave: (page) => page.keyboard.press("Control+Z"),
  },
  {
    name: "recipe-filled",
    long: true,
    async show(page) {
      await at(page, "tab-recipe").click();
      await at(page, "recipe-step").first().waitFor();
    },
  },
  {
    name: "recipe-pasted",
    long: true,
    async show(page) {
      await at(page, "paste-recipe").click();
      await at(page, "recipe-text").fill('{ "graphwright": "recipe" }');
      await at(page, "replay-recipe").click();
      await at(page, "notice").first().waitFor();
    },
    leave: (page) => at(page, "dismiss-notice").first().click(),
  },
  {
    name: "exported",
    long: true,
    async show(page) {
      await press(page, "Control+e");
      await at(page, "export-start").click();
      await at(page, "export-result").waitFor({ timeout: 60_000 });
    },
    leave: (page) => at(page, "export-close").click(),
  },
  {
    // A rewrite that is wrong: applied unchecked, and found by the check.
    name: "check-failed",
    coloured: true,
    long: true,
    async show(page) {
      await choose(page, "rewrite", "rewrite-first-step");
      await page.locator('[data-testid="timeline"][data-step="0"]').waitFor();
      await at(page, "tab-custom").click();
      await at(page, "custom-examples").click();
      await page.getByRole("option").last().click();
      await page.locator('[data-testid="custom-status"][data-matches="5"]').waitFor();
      await at(page, "custom-check").uncheck();
      await at(page, "custom-apply").first().click();
      await at(page, "custom-check-now").click();
      await page.locator('[data-testid="custom-saving"][data-state="different"]').waitFor();
    },
    leave: (page) => at(page, "dismiss-notice").first().click(),
  },
  {
    name: "bisected-wrong",
    long: true,
    async show(page) {
      await at(page, "tab-bisect").click();
      await at(page, "run-bisect").click();
      await page.locator('[data-testid="bisect-result"][data-outcome="found"]').waitFor({ timeout: 60_000 });
      await at(page, "show-divergence").click();
      await at(page, "tab-pipeline").click();
      await at(page, "branch-list").waitFor();
    },
    async leave(page) {
      await choose(page, "rewrite", "rewrite-first-step");
      await at(page, "tab-pipeline").click();
    },
  },
  {
    name: "refused",
    chooses: true,
    async show(page) {
      await openFile(page, "truncated.onnx", readFileSync(inRoot("examples/digits/digits.onnx")).subarray(0, 5000));
      await page.locator('[data-testid="notice"][data-severity="error"]').waitFor();
      await at(page, "tab-log").click();
      await at(page, "log-panel").waitFor();
    },
    leave: (page) => at(page, "dismiss-notice").first().click(),
  },
  {
    name: "long-name",
    long: true,
    chooses: true,
    async show(page) {
      await openFile(page, `${"a-model-whose-name-nobody-would-want-to-read-".repeat(3)}v2.onnx`, readFileSync(inRoot("examples/digits/digits.onnx")));
      await page.waitForFunction(() => document.querySelectorAll('[data-testid="model-tab"]').length === 2);
      await graphReady(page);
    },
  },
  byKeys("compare-open", "compare-dialog", "Shift+D", { long: true }),
  {
    name: "models",
    coloured: true,
    long: true,
    chooses: true,
    async show(page) {
      await press(page, "Shift+D");
      await at(page, "compare-open").first().click();
      await at(page, "graph-panel-other").locator('[data-kind="operator"]').first().waitFor();
      await at(page, "differences-list").or(at(page, "differences")).first().waitFor();
    },
    leave: (page) => at(page, "end-comparison").click(),
  },
  {
    name: "unknown-operator",
    long: true,
    chooses: true,
    async show(page) {
      await openFile(page, "unknown-operator.onnx", (await import("./tour-models.ts")).unknownOperator());
      await page.waitForFunction(() => document.querySelectorAll('[data-testid="model-tab"]').length === 3);
      await graphReady(page);
      await find(page, "op:Dropoot");
      await at(page, "tab-program").click();
    },
  },
  {
    name: "long-node-names",
    coloured: true,
    long: true,
    chooses: true,
    async show(page) {
      await openFile(page, "any-sizes.onnx", (await import("./tour-models.ts")).anySizes());
      await page.waitForFunction(() => document.querySelectorAll('[data-testid="model-tab"]').length === 4);
      await graphReady(page);
      await find(page, "op:Relu");
      await at(page, "tab-rewrites").click();
      const row = page.locator('[data-testid="rewrite-row"][data-rewrite="eliminate-identity"]');
      await row.getByRole("button").first().click();
      await row.getByTestId("site-row").first().waitFor();
    },
  },
  byKeys("export-sizes", "export-dialog", "Control+e", { long: true, chooses: true }),
  dialog("export-size-wrong", "export-dialog", async (page) => { await press(page, "Control+e"); await at(page, "export-size").first().fill("many"); }, { long: true, chooses: true }),
  dialog("search-long-names", "search", search("projection", "search-result"), { long: true, chooses: true }),
  ...(["values", "text", "program"] as const).map((name) => tab(name, undefined, { long: true, chooses: true, name: `long-names-${name}` })),
  {
    name: "far",
    coloured: true,
    long: true,
    async show(page) {
      await press(page, "f");
      for (let i = 0; i < 4; i++) await press(page, "-");
    },
  },
  {
    name: "welcome-back",
    long: true,
    async show(page) {
      await choose(page, "help", "help-welcome");
      await at(page, "lesson-card").first().waitFor();
    },
  },
  {
    name: "lesson",
    coloured: true,
    async show(page) {
      if (!(await at(page, "welcome").isVisible())) await choose(page, "help", "help-welcome");
      await at(page, "lesson-card").first().click();
      await at(page, "lesson-next").click();
      await at(page, "lesson-skip").click();
      await at(page, "lesson-choice").first().click();
    },
  },
];

/** Waits until nothing is loading, fading or moving: what then stands there is the state a person reads. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"], .state-loading, .awaited') === null
    && document.getAnimations().every((animation) => animation.playState !== "running" || animation.effect?.getComputedTiming().iterations === Infinity));
}
