import { printJson, type CliCommand } from "../command.ts";

export const passes: CliCommand = {
  name: "passes",
  declare: (command) => command.description("Every pipeline, pass and rewrite, with its documentation.").option("--json", "print JSON"),
  async run(context, _args, options) {
    const catalog = await context.session.catalog({}, context.task);
    if (options["json"]) {
      printJson(context, "passes", { ...catalog });
      return 0;
    }
    context.print("Pipelines");
    for (const p of catalog.pipelines) context.print(`  ${p.name}: ${p.summary}\n      ${p.passes.join(", ")}`);
    context.print("\nPasses");
    for (const p of catalog.passes) context.print(`  ${p.name}: ${p.summary}\n      ${p.rewrites.join(", ")}`);
    context.print("\nRewrites");
    for (const r of catalog.rewrites) {
      context.print(`  ${r.name} (${r.exactness})`);
      context.print(`      ${r.summary} ${r.why}`);
      for (const p of r.preconditions) context.print(`      - ${p.name}: ${p.doc}`);
    }
    return 0;
  },
};
