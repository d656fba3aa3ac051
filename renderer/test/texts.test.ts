import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { en } from "../src/i18n/en.ts";
import { resolveLanguage } from "../src/i18n/index.ts";
import { zhCN } from "../src/i18n/zh-cn.ts";

type Table = { readonly [key: string]: string | Table };
const flat = (table: Table, prefix = ""): ReadonlyMap<string, string> =>
  new Map(Object.entries(table).flatMap(([key, value]) => (typeof value === "string" ? [[prefix + key, value] as const] : [...flat(value, `${prefix}${key}.`)])));
const [english, chinese] = [flat(en), flat(zhCN)];
/** Chinese has one plural form: "other". */
const inChinese = [...english.keys()].filter((key) => !key.endsWith("_one"));
const slots = (text: string): string[] => [...text.matchAll(/{{(\w+)}}/g)].map((match) => match[1]!).sort();

describe("texts in both languages", () => {
  test("the same keys", () => {
    expect([...chinese.keys()].sort()).toEqual(inChinese.sort());
  });
  test("the same values put into them", () => {
    for (const key of inChinese) expect([key, slots(chinese.get(key)!)]).toEqual([key, slots(english.get(key)!)]);
  });
  test("nothing empty, and nothing left in English but names", () => {
    for (const [key, text] of chinese) expect(text.trim(), key).not.toBe("");
    const same = inChinese.filter((key) => english.get(key) === chinese.get(key));
    expect(same.sort()).toEqual(["about.host-electron", "cost.flops", "graph.block-of-stack", "graph.heat-flops", "graph.stack", "tensor.nans", "timeline.position"]);
  });
  test("every counted text has both English forms", () => {
    for (const key of english.keys()) if (key.endsWith("_one")) expect(english.has(key.replace(/_one$/, "_other")), key).toBe(true);
  });
  test("every text is used", () => {
    const folder = new URL("../src/", import.meta.url);
    const source = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("i18n/"))
      .map((name) => readFileSync(new URL(name, folder), "utf8"))
      .join("\n");
    const unused = [...english.keys()].map((key) => key.replace(/_(one|other)$/, "")).filter((key) => {
      if (source.includes(`"${key}"`)) return false;
      // Keys put together: t(`mark.${mark}`), t(`check.${verdict}-with`).
      return ![...source.matchAll(/`([\w.-]*)\$\{[^}]*\}([\w.-]*)`/g)].some(([, start, end]) => start!.includes(".") && key.startsWith(start!) && key.endsWith(end!));
    });
    expect(unused).toEqual([]);
  });
});

test("the language is the person's choice, or the first of the system's that there is", () => {
  expect(resolveLanguage("en", ["zh-CN"])).toBe("en");
  expect(resolveLanguage("system", ["fr", "zh-Hans-CN", "en"])).toBe("zh-CN");
  expect(resolveLanguage("system", ["de"])).toBe("en");
});
