/** What the compiler says, in the window's language: its definitions carry English texts with stable names. */
import type { CatalogView } from "@graphwright/compiler-core";
import { conditionsZh } from "./conditions-zh-cn.ts";
import { messagesZh } from "./messages-zh-cn.ts";
import { operatorDocsZh } from "./operator-docs-zh-cn.ts";
import { operatorsZh } from "./operators-zh-cn.ts";
import { passesZh, pipelinesZh, rewritesZh } from "./compiler-zh-cn.ts";

type Texts = Readonly<Record<string, readonly [title: string, summary: string, why?: string]>>;

/** A person's own rewrites keep the person's words. */
const inWords = <T extends { readonly name: string; readonly title: string; readonly summary: string }>(item: T, texts: Texts): T => {
  const text = Object.hasOwn(texts, item.name) ? texts[item.name] : undefined;
  return text === undefined ? item : { ...item, title: text[0], summary: text[1] };
};

/** The catalog with titles, summaries and conditions in `language`. */
export function catalogIn(catalog: CatalogView, language: string): CatalogView {
  if (language !== "zh-CN") return catalog;
  return {
    rewrites: catalog.rewrites.map((rewrite) => ({
      ...inWords(rewrite, rewritesZh),
      why: Object.hasOwn(rewritesZh, rewrite.name) ? rewritesZh[rewrite.name]![2] : rewrite.why,
      preconditions: rewrite.preconditions.map((each) => ({ ...each, doc: conditionsZh[each.doc] ?? each.doc })),
    })),
    // A pass of one rewrite has the rewrite's name and texts.
    passes: catalog.passes.map((pass) => inWords(pass, Object.hasOwn(passesZh, pass.name) ? passesZh : rewritesZh)),
    pipelines: catalog.pipelines.map((pipeline) => inWords(pipeline, pipelinesZh)),
    primitives: catalog.primitives.map((primitive) => ({
      ...primitive,
      summary: messageIn(primitive.summary, language),
      conditions: primitive.conditions.map((each) => ({ ...each, doc: messageIn(each.doc, language) })),
    })),
  };
}

interface Template {
  readonly pattern: RegExp;
  readonly chinese: string;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** A value beside few words must be a name, a number or a shape: "{} of {}" must not take a sentence apart. */
const plainValue = String.raw`("[^"]*"|\S*\[[^\]]*\]|\S+(?: \([^()]*\))?)`;

/** Most words first: "the scale is {}" before "{} is {}". */
let templates: readonly Template[] | undefined;
const known = (): readonly Template[] =>
  (templates ??= Object.entries(messagesZh)
    .map(([english, chinese]) => ({ english, chinese, letters: english.replace(/\{\}|[^a-z]/gi, "").length }))
    .sort((a, b) => b.letters - a.letters)
    .map(({ english, chinese, letters }) => ({ pattern: new RegExp(`^${english.split("{}").map(escaped).join(letters < 10 ? plainValue : "([^]*?)")}$`), chinese })));

/** "3 and 2", "2, 3 and unknown": values that were put into one place. */
const listed = (value: string): string =>
  value === "unknown" ? "未知" : /^\S+(?:, \S+)* and \S+$/.test(value) ? value.replaceAll(/\bunknown\b/g, "未知").replaceAll(", ", "、").replace(" and ", " 与 ") : value;

/** A schedule of the tuner: "6 x 2 x 16, rows outside; prefetch". */
export const scheduleIn = (text: string, language: string): string =>
  language !== "zh-CN" ? text : text.replaceAll(", rows outside", "，行在外层").replaceAll(", window written out", "，窗口展开").replace(/\bprefetch$/, "预取").replace(/^no tile/, "不分块").replaceAll("; ", "；");

const translated = new Map<string, string>();

/** A message, hint or detail in `language`, with its names and numbers; as it is where no text is known. */
export function messageIn(text: string, language: string): string {
  if (language !== "zh-CN") return text;
  const before = translated.get(text);
  if (before !== undefined) return before;
  let result = text;
  for (const { pattern, chinese } of known()) {
    const found = pattern.exec(text);
    if (!found) continue;
    // "could not be evaluated: {}": what follows is a message of its own.
    const reason = / \(\[\^\]\*\?\)\$$/.test(pattern.source) && chinese.endsWith("}") ? Number(chinese.at(-2)) : -1;
    result = chinese.replace(/\{(\d)\}/g, (_, index: string) => {
      const value = found[Number(index) + 1] ?? "";
      // What a check said may stand in the middle.
      return Number(index) === reason ? messageIn(value, language) : /[a-z] [a-z]+ [a-z]/.test(value) ? noteIn(value, language) : listed(value);
    });
    break;
  }
  if (translated.size > 2000) translated.clear();
  translated.set(text, result);
  return result;
}

/** What an operator computes, in `language`. */
export const operatorIn = (summary: string, language: string): string => (language === "zh-CN" && Object.hasOwn(operatorsZh, summary) ? operatorsZh[summary]! : summary);

/** The documentation of an operator or of one of its inputs, outputs and attributes, in `language`; shapes and names alone are the same in both. */
export const operatorDocIn = (doc: string, language: string): string => (language === "zh-CN" && Object.hasOwn(operatorDocsZh, doc) ? operatorDocsZh[doc]! : doc);

/** The note of a check: reasons one after the other, of which one may begin with the value it speaks of. */
export function noteIn(note: string, language: string): string {
  if (language !== "zh-CN") return note;
  return note
    .split("; ")
    .map((part) => {
      const whole = messageIn(part, language);
      if (whole !== part) return whole;
      const [, value, rest, at] = /^(.*?): (.*?)(?: at (\[[\d, ]*\]))?$/.exec(part) ?? [];
      return rest === undefined ? part : `${messageIn(value!, language)}${at ?? ""}：${messageIn(rest, language)}`;
    })
    .join("；");
}
