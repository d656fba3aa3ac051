/** Pictures as files: what is drawn, that it is XML, and that its colours are the window's. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { drawTable, englishSvgTexts, englishTexts, escapeXml, heatColor, pictureData, svgText, themeColors, themeNames, type DrawOptions } from "../../picture/src/index.ts";
import * as act from "../src/state/actions.ts";
import { useStore } from "../src/state/store.ts";
import { exampleFile, testWindow, type TestWindow } from "./session.ts";

let current: TestWindow | undefined;
afterEach(() => current?.close());

const groupTexts = { fused: String, fusedInside: String, inside: (mark: string, count: number) => `${count} ${mark}`, problemsInside: (count: number) => `${count} wrong`, message: (text: string) => text };
const draw: DrawOptions = { region: 0, constants: true, texts: englishTexts, groups: "open" };

/** Elements of a text that must be well-formed: every one is closed by its own end, attributes are quoted, & begins an entity. */
function elements(svg: string): string[] {
  const open: string[] = [];
  const found: string[] = [];
  let at = 0;
  for (const match of svg.matchAll(/<(\/?)([A-Za-z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g)) {
    const between = svg.slice(at, match.index);
    expect(between).not.toMatch(/[<>]|&(?!(amp|lt|gt|quot);)/);
    at = match.index + match[0].length;
    const [, end, name, , alone] = match;
    if (end === "/") expect(open.pop()).toBe(name);
    else {
      found.push(name!);
      if (alone !== "/") open.push(name!);
    }
  }
  expect(open).toEqual([]);
  expect(svg.slice(at).trim()).toBe("");
  return found;
}

/** Texts as they are read, without titles. */
const words = (svg: string): string[] => [...svg.replace(/<title>[^<]*<\/title>/g, "").matchAll(/<text[^>]*>(.*?)<\/text>/g)].map(([, inner]) => inner!.replace(/<[^>]*>/g, " ").trim().replace(/\s+/g, " "));

async function tables() {
  current = testWindow();
  await act.start();
  const id = (await act.openFile(exampleFile()))!;
  const first = useStore.getState().models[id]!.b;
  await act.runPipeline(id);
  const { b } = useStore.getState().models[id]!;
  const { session } = current;
  return { before: await session.graphTable({ model: id, step: first }), after: await session.graphTable({ model: id, step: b }), union: await session.graphTable({ model: id, step: b, base: first }) };
}

describe("a picture as SVG", () => {
  test("Conv, BatchNormalization, Relu -> Conv + Relu; both in the union, with marks", async () => {
    const { before, after, union } = await tables();
    const svg = (table: typeof before, options: Partial<DrawOptions> = {}): string => {
      const drawn = drawTable(table, before, { ...draw, ...options });
      return svgText(drawn.layout, pictureData(table, drawn, { region: 0, texts: englishTexts, groupTexts, heat: undefined }), { theme: "light", title: "a & b", texts: englishSvgTexts });
    };
    const [first, last, both] = [svg(before), svg(after), svg(union)];
    for (const each of [first, last, both]) expect(elements(each)[0]).toBe("svg");
    expect(words(first)).toEqual(expect.arrayContaining(["BatchNormalization", "/stem/relu/Relu", "1×16×24×24", "Input 1×1×28×28"].map((text) => expect.stringContaining(text) as string)));
    expect(words(first).some((text) => text.startsWith("Conv + Relu"))).toBe(false);
    expect(words(last).some((text) => text.startsWith("Conv + Relu"))).toBe(true);
    expect(words(last).some((text) => text.startsWith("BatchNormalization"))).toBe(false);
    expect(words(both).filter((text) => text === "+").length).toBe(union.marks.filter((mark, row) => mark === 1 && union.regions[row] === 0).length);
    expect(words(both).filter((text) => text === "−").length).toBe(union.marks.filter((mark, row) => mark === 2 && union.regions[row] === 0).length);
    // Closed groups instead of what is in them; only what is near a node.
    const closed = words(svg(before, { groups: "closed" }));
    expect(closed).toContain("block1");
    expect(closed.some((text) => text.startsWith("BatchNormalization"))).toBe(false);
    const relu = before.ids[[...before.ids.keys()].find((row) => first.includes("/stem/relu/Relu") && before.kinds[row] === 1)!]!;
    expect(words(svg(before, { around: { nodes: [relu], radius: 1 } })).length).toBeLessThan(words(first).length / 2);
  });

  test("names that mean something in XML, and characters it does not have", () => {
    expect(escapeXml('a<b>&"c"\u0000\u0007\ud800 编码\u{1f600}')).toBe("a&lt;b&gt;&amp;&quot;c&quot; 编码\u{1f600}");
  });

  test("colours are the window's design tokens", () => {
    const css = readFileSync(new URL("../src/design/tokens.css", import.meta.url), "utf8");
    for (const theme of themeNames) {
      const block = new RegExp(`\\[data-theme="${theme}"\\] \\{([^}]*)\\}`).exec(css)![1]!;
      const tokens = new Map([...block.matchAll(/--([\w-]+): (#[0-9a-f]+);/g)].map(([, name, value]) => [name, value]));
      for (const [name, value] of Object.entries(themeColors[theme])) expect(`${name} ${value}`).toBe(`${name} ${tokens.get(name)}`);
      for (const name of tokens.keys()) if (/^(state|family|heat)-/.test(name!)) expect(themeColors[theme]).toHaveProperty(name!);
    }
    expect([0, 0.25, 1].map((heat) => heatColor(themeColors.light, heat))).toEqual([themeColors.light["heat-0"], themeColors.light["heat-1"], themeColors.light["heat-4"]]);
  });
});
