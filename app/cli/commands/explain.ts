import { GraphwrightError, type SiteView } from "@graphwright/compiler-core";
import { printJson, type CliCommand } from "../command.ts";
import { openModel } from "../open-model.ts";
import { defineCustomFile } from "../recipe-file.ts";

const unmet = (site: SiteView): number => site.preconditions.filter((p) => p.state !== "satisfied").length;
const met = (site: SiteView): number => site.preconditions.length - unmet(site);

/** Places that apply first, then near misses: the fewest preconditions that do not hold, and of those the most that do. */
const byNearness = (a: SiteView, b: SiteView): number => Number(b.applies) - Number(a.applies) || unmet(a) - unmet(b) || met(b) - met(a) || a.root - b.root;

const marks = { satisfied: "ok  ", failed: "fail", unknown: "?   " } as const;

export const explain: CliCommand = {
  name: "explain",
  declare: (command) =>
    command
      .description("Where a rewrite applies, and why not where it does not.")
      .argument("<model>", "model file")
      .option("--rewrite <name>", "rewrite, as listed by `graphwright passes`; all of them when not given, near misses ranked")
      .option("--custom <file>", "custom rewrites, to be named by --rewrite")
      .option("--node <name>", "one node, by its name or by the name of one of its values")
      .option("--limit <n>", "without --rewrite: near misses to print", "20")
      .option("--json", "print JSON"),
  async run(context, [file], options) {
    const { model, timeline } = await openModel(context, file!);
    const { session, task } = context;
    const step = timeline.head;
    const rewrite = options["rewrite"] as string | undefined;
    const limit = Number(options["limit"]);
    if (!Number.isInteger(limit) || limit < 0) throw new GraphwrightError("usage", `--limit takes a whole number, not ${options["limit"] as string}.`);
    const custom = options["custom"] === undefined ? [] : await defineCustomFile(context, options["custom"] as string);
    let sites: readonly SiteView[];
    if (options["node"] === undefined) {
      const names = rewrite === undefined ? [...(await session.catalog({}, task)).rewrites.map((r) => r.name), ...custom] : [rewrite];
      const all: SiteView[] = [];
      for (const name of names) all.push(...(await session.sites({ model, step, rewrite: name, nearMisses: true }, task)).sites);
      sites = rewrite === undefined ? all.sort(byNearness) : all;
    } else {
      const wanted = options["node"] as string;
      const graph = await session.graph({ model, step }, task);
      const node = graph.nodes.find((n) => n.name === wanted) ?? graph.nodes.find((n) => n.outputs.some((o) => o.name === wanted));
      if (!node) throw new GraphwrightError("usage", `no node or value is called ${JSON.stringify(wanted)} in this model.`);
      // The rewrite's name is checked even where the node could not be its root.
      if (rewrite !== undefined) await session.sites({ model, step, rewrite }, task);
      ({ sites } = await session.explain({ model, step, node: node.id }, task));
      sites = rewrite === undefined ? [...sites].sort(byNearness) : sites.filter((s) => s.rewrite === rewrite);
    }
    if (options["json"]) {
      printJson(context, "explain", { rewrite: rewrite ?? null, sites });
      return 0;
    }
    const applying = sites.filter((s) => s.applies).length;
    context.print(rewrite === undefined ? `${applying} places where a rewrite applies, ${sites.length - applying} near misses` : `${rewrite}: applies at ${applying} of ${sites.length} places`);
    const shown = rewrite === undefined ? sites.slice(0, applying + limit) : sites;
    for (const site of shown) {
      context.print(`\n${rewrite === undefined ? `${site.rewrite} at ` : ""}${site.site}: ${site.applies ? "applies" : "does not apply"}`);
      for (const p of site.preconditions) {
        context.print(`  ${marks[p.state]} ${p.name}${p.detail === undefined ? "" : `: ${p.detail}`}`);
        if (p.enable !== undefined && p.state !== "satisfied") context.print(`       would hold if: ${p.enable}`);
      }
    }
    if (shown.length < sites.length) context.print(`\n${sites.length - shown.length} more near misses: --limit`);
    return 0;
  },
};
