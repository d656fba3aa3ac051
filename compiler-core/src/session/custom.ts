import { type CustomRewrite, parseCustomRewrites } from "../passes/custom-rewrite.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { Model } from "./model.ts";
import type { CustomRewriteView } from "./protocol.ts";

export const customView = ({ text, definition }: CustomRewrite): CustomRewriteView => {
  const { name, title, summary, why, exactness, preconditions } = definition;
  return { name, title, summary, why, exactness, preconditions, examples: [], text };
};

/** The custom rewrites that a session knows by name. */
export class CustomRewrites {
  private readonly byName = new Map<string, CustomRewrite>();

  get all(): readonly CustomRewrite[] {
    return [...this.byName.values()];
  }

  find(name: string): CustomRewrite | undefined {
    return this.byName.get(name);
  }

  parse(text: string): CustomRewrite[] {
    return parseCustomRewrites(text);
  }

  define(text: string): CustomRewrite[] {
    const parsed = this.parse(text);
    for (const rewrite of parsed) this.byName.set(rewrite.definition.name, rewrite);
    return parsed;
  }

  remove(name: string): void {
    this.byName.delete(name);
  }

  /** Notes that the model's steps are going to name a rewrite. Throws "custom-name-taken" where they name another one so. */
  record(model: Model, name: string): void {
    const rewrite = this.byName.get(name);
    if (!rewrite) return;
    const earlier = model.custom.get(name);
    if (earlier !== undefined && earlier !== rewrite.text && model.timeline.steps.some((step) => step.delta?.rewrite === name))
      throw new GraphwrightError("custom-name-taken", `steps of this model already name another rewrite ${JSON.stringify(name)}.`, undefined, "Give the changed rewrite a new name, so that a recipe can tell them apart.");
    model.custom.set(name, rewrite.text);
  }
}
