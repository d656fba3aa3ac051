import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseMarkdown } from "../src/design/markdown.tsx";
import { customExamples } from "../src/panels/custom/examples.ts";
import * as act from "../src/state/actions.ts";
import { bisectSteps } from "../src/state/bisect.ts";
import { applyCustom, checkCustom, customChecks, matchCustom } from "../src/state/custom.ts";
import { recipeText, replayRecipe, saveRecipe } from "../src/state/recipe.ts";
import { useStore } from "../src/state/store.ts";
import { toolsOf } from "../src/state/tools.ts";
import { exampleFile, testWindow, type TestWindow } from "./session.ts";

let window: TestWindow;
let id: string;
beforeEach(async () => {
  window = testWindow();
  await act.start();
  id = (await act.openFile(exampleFile()))!;
});
afterEach(() => window.close());
const model = () => useStore.getState().models[id]!;
const textOf = (example: string): string => customExamples.find((each) => each.id === example)!.text;
const match = (text: string) => matchCustom(id, model().b, text, new AbortController().signal);

describe("custom rewrites in the window", () => {
  test("every example is right, and says where it matches", async () => {
    for (const { text } of customExamples) expect(await match(text)).not.toHaveProperty("error");
    expect((await match(textOf("identity")))!.sites.filter((site) => site.applies)).toHaveLength(1);
    expect((await match(textOf("conditions")))!.sites.map((site) => site.applies)).toContain(false);
  });
  test("an error says line and column", async () => {
    expect((await match('rewrite "a" {\n  pattern (%x) {\n    %y = Relux(%x)\n'))!.error).toMatchObject({ where: { line: 3, column: 10 }, message: expect.stringContaining("Relux") });
  });
  test("a wrong one is refused by the check; without it, it cannot be saved, and bisection finds it", async () => {
    const wrong = textOf("wrong");
    const site = (await match(wrong))!.sites.find((each) => each.applies)!;
    await applyCustom(id, wrong, "forget-relu", site.root, true);
    expect(model().timeline.steps).toHaveLength(1);
    await act.applyRewrite(id, { rewrite: "eliminate-dropout", root: (await window.session.sites({ model: id, step: 0, rewrite: "eliminate-dropout" })).sites[0]!.root });
    await applyCustom(id, wrong, "forget-relu", site.root, false);
    const names = new Set(["forget-relu"]);
    expect(customChecks(model(), names)).toMatchObject({ applied: 1, checked: 0, bad: [] });
    await checkCustom(id);
    expect(customChecks(model(), names)).toMatchObject({ applied: 1, checked: 0, bad: [site.site] });
    expect(useStore.getState().notices.at(-1)!.diagnostic).toMatchObject({ code: "custom-rewrite-wrong" });
    await saveRecipe(id);
    expect([...window.host.saved]).toEqual([]);
    await bisectSteps(id, model().timeline.branch[0]!, model().b);
    expect(toolsOf(id).bisection).toMatchObject({ kind: "steps", view: { outcome: "found", step: model().b } });
  });
  test("a right one is confirmed, saved, and replayed on a fresh copy; what does not match is reported", async () => {
    const right = textOf("identity");
    await applyCustom(id, right, "drop-identity", null, true);
    expect(customChecks(model(), new Set(["drop-identity"]))).toMatchObject({ applied: 1, checked: 1, bad: [] });
    const { text } = (await recipeText(id))!;
    await saveRecipe(id);
    expect(new TextDecoder().decode(window.host.saved.get("digits.recipe.json"))).toBe(text);
    id = (await act.openFile(exampleFile()))!;
    await replayRecipe(id, "first", text, false);
    expect(toolsOf(id).replayed).toMatchObject({ applied: 1, failed: [] });
    await replayRecipe(id, "again", text, false);
    expect(toolsOf(id).replayed).toMatchObject({ applied: 0, failed: [{ index: 0, rewrite: "drop-identity" }] });
  });
});

test("the help is read as headings, code, lists and tables", () => {
  const blocks = parseMarkdown(readFileSync(new URL("../../docs/custom-rewrites.md", import.meta.url), "utf8"));
  const kinds = blocks.map((block) => block.kind);
  expect(new Set(kinds)).toEqual(new Set(["heading", "paragraph", "code", "list", "table"]));
  const table = blocks.find((block) => block.kind === "table")!;
  expect(table.head).toEqual(["condition", "holds when"]);
  expect(table.rows.every((row) => row.length === 2)).toBe(true);
});
