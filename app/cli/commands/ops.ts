import { printJson, type CliCommand } from "../command.ts";
import { table } from "../format.ts";

export const ops: CliCommand = {
  name: "ops",
  declare: (command) => command.description("Every operator known, its versions, and what is supported for it.").option("--json", "print JSON"),
  async run(context, _args, options) {
    const { operators } = await context.session.operators({}, context.task);
    if (options["json"]) {
      printJson(context, "ops", { operators });
      return 0;
    }
    const yes = (value: boolean): string => (value ? "yes" : "-");
    const rows = operators.map((o) => [o.domain === "" ? o.op : `${o.domain}.${o.op}`, o.since.join(" "), yes(o.infer), yes(o.evaluate), yes(o.lower), yes(o.fold)]);
    for (const line of table([["operator", "versions", "shapes", "evaluate", "lower", "fold"], ...rows])) context.print(line);
    return 0;
  },
};
