import { printJson, type CliCommand } from "../command.ts";
import { bytes, count, flops, table } from "../format.ts";
import { openModel } from "../open-model.ts";

export const inspect: CliCommand = {
  name: "inspect",
  declare: (command) =>
    command
      .description("What a model consists of: nodes by operator, inputs, outputs, parameters, FLOPs, peak memory.")
      .argument("<model>", "model file")
      .option("--json", "print JSON"),
  async run(context, [file], options) {
    const { summary, diagnostics } = await openModel(context, file!);
    if (options["json"]) {
      printJson(context, "inspect", { model: summary, diagnostics });
      return 0;
    }
    const { cost } = summary;
    const opsets = Object.entries(summary.opsets).map(([domain, v]) => `${domain === "" ? "ai.onnx" : domain} ${v}`);
    const lines = [
      ...table([
        ["model", `${summary.name} (${bytes(summary.fileBytes)})`],
        ["format", `${summary.format}, IR version ${summary.irVersion}, ${opsets.join(", ")}`],
        ...(summary.producer === "" ? [] : [["producer", summary.producer]]),
        ["nodes", count(cost.nodes)],
        ["parameters", `${count(cost.parameters)} (${bytes(cost.weightBytes)})`],
        ["work", `${flops(cost.flops)}${cost.flopsUnknown > 0 ? `, and ${count(cost.flopsUnknown)} nodes whose sizes are not known` : ""}`],
        ["peak memory", cost.peakBytes === undefined ? "not known: some shapes are not static" : `${bytes(cost.peakBytes)} of activations`],
      ]),
      "",
      "inputs",
      ...table(summary.inputs.map((v) => [`  ${v.name}`, v.type])),
      "outputs",
      ...table(summary.outputs.map((v) => [`  ${v.name}`, v.type])),
      "operators",
      ...table(summary.operators.map((o) => [`  ${o.op}`, o.count])),
    ];
    for (const line of lines) context.print(line);
    return 0;
  },
};
