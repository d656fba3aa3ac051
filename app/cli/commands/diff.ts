import type { ModelDiff, NodeDifference } from "@graphwright/compiler-core";
import { printJson, type CliCommand } from "../command.ts";
import { count } from "../format.ts";
import { openModel } from "../open-model.ts";

const describe = ({ op, name }: ModelDiff["added"][number]): string => `${op} ${name}`;

const inWords = ({ differing, of, largest }: NonNullable<NodeDifference["elements"]>): string =>
  `${count(differing)} of ${count(of)} elements differ${largest === undefined ? "" : `, by at most ${largest.toPrecision(3)}`}`;

export const diff: CliCommand = {
  name: "diff",
  declare: (command) =>
    command
      .description("What differs between two models: nodes, attributes, types, inputs and weights. Exits with 1 when something does.")
      .argument("<a>", "model file")
      .argument("<b>", "model file")
      .option("--json", "print JSON"),
  async run(context, [fileA, fileB], options) {
    const a = await openModel(context, fileA!);
    const b = await openModel(context, fileB!);
    const { pairs, ...found } = await context.session.diffModels({ a: { model: a.model, step: a.timeline.head }, b: { model: b.model, step: b.timeline.head } }, context.task);
    void pairs;
    const same = found.added.length + found.removed.length + found.changed.length === 0;
    if (options["json"]) printJson(context, "diff", { same, ...found });
    else {
      for (const node of found.removed) context.print(`- ${describe(node)}`);
      for (const node of found.added) context.print(`+ ${describe(node)}`);
      for (const each of found.changed) {
        context.print(`~ ${describe(each.a)}${each.a.name === each.b.name ? "" : ` -> ${each.b.name}`}`);
        for (const { field, label, before, after, elements } of each.differences) context.print(`    ${field}${label === "" ? "" : ` ${label}`}: ${elements ? inWords(elements) : `${before === "" ? "none" : before} -> ${after === "" ? "none" : after}`}`);
      }
      context.print(same ? `no difference in ${count(found.matched)} nodes` : `${count(found.added.length)} added, ${count(found.removed.length)} removed, ${count(found.changed.length)} changed, of ${count(found.nodes[0])} and ${count(found.nodes[1])} nodes`);
    }
    return same ? 0 : 1;
  },
};
