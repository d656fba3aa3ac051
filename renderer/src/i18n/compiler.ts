/** What the compiler says, in the window's language: its definitions carry English texts with stable names. */
import type { CatalogView } from "@graphwright/compiler-core";
import { conditionsZh } from "./conditions-zh-cn.ts";
import { passesZh, pipelinesZh, rewritesZh } from "./compiler-zh-cn.ts";

type Texts = Readonly<Record<string, readonly [title: string, summary: string]>>;

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
      preconditions: rewrite.preconditions.map((each) => ({ ...each, doc: conditionsZh[each.doc] ?? each.doc })),
    })),
    // A pass of one rewrite has the rewrite's name and texts.
    passes: catalog.passes.map((pass) => inWords(pass, Object.hasOwn(passesZh, pass.name) ? passesZh : rewritesZh)),
    pipelines: catalog.pipelines.map((pipeline) => inWords(pipeline, pipelinesZh)),
  };
}
