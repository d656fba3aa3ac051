import { GraphwrightError, type SiteView } from "@graphwright/compiler-core";
import { printJson, type CliCommand } from "../command.ts";
import { openModel } from "../open-model.ts";
import { defineCustomFile } from "../recipe-file.ts";

const marks = { satisfied: "ok  ", failed: "fail", unknown: "?   " } as const;

export const explain: CliCommand = {
  name: "explain",
  declare: (command) =>
    command
      .description("Where a rewrite applies, and why not where it does not.")
      .argument("<model>", "model file")
      .requiredOption("--rewrite <name>", "rewrite, as listed by `graphwright passes`")
      .option("--custom <file>", "custom rewrites, to be named by --rewrite")
      .option("--node <name>", "one node, by its name or by the name of one of its values")
      .option("--json", "print JSON"),
  async run(context, [file], options) {
    const { model, timeline } = await openModel(context, file!);
    const { session, task } = context;
    const step = timeline.head;
    const rewrite = options["rewrite"] as string;
    if (options["custom"] !== undefined) await defineCustomFile(context, options["custom"] as string);
    let sites: readonly SiteView[];
    if (options["node"] === undefined) {
      ({ sites } = await session.sites({ model, step, rewrite, nearMisses: true }, task));
    } else {
      const wanted = options["node"] as string;
      const graph = await session.graph({ model, step }, task);
      const node = graph.nodes.find((n) => n.name === wanted) ?? graph.nodes.find((n) => n.outputs.some((o) => o.name === wanted));
      if (!node) throw new GraphwrightError("usage", `no node or value is called ${JSON.stringify(wanted)} in this model.`);
      // The rewrite's name is checked even where the node could not be its root.
      await session.sites({ model, step, rewrite }, task);
      ({ sites } = await session.explain({ model, step, node: node.id }, task));
      sites = sites.filter((s) => s.rewrite === rewrite);
    }
    if (options["json"]) {
      printJson(context, "explain", { rewrite, sites });
      return 0;
    }
    const applying = sites.filter((s) => s.applies).length;
    context.print(`${rewrite}: applies at ${applying} of ${sites.length} places`);
    for (const site of sites) {
      context.print(`\n${site.site}: ${site.applies ? "applies" : "does not apply"}`);
      for (const p of site.preconditions) {
        context.print(`  ${marks[p.state]} ${p.name}${p.detail === undefined ? "" : `: ${p.detail}`}`);
        if (p.enable !== undefined && p.state !== "satisfied") context.print(`       would hold if: ${p.enable}`);
      }
    }
    return 0;
  },
};
