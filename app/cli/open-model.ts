import { formatDiagnostic, GraphwrightError, type ModelId, type OpenResult, type StepId } from "@graphwright/compiler-core";
import type { CommandContext } from "./command.ts";
import { FileBlob, siblingsOf } from "./file-blob.ts";

/** Opens a model file; what the importer noticed goes to standard error. */
export async function openModel({ session, task, warn }: CommandContext, file: string): Promise<OpenResult> {
  const result = await session.open({ source: new FileBlob(file), siblings: siblingsOf(file) }, task);
  for (const diagnostic of result.diagnostics) warn(`${diagnostic.severity}: ${formatDiagnostic(diagnostic)}`);
  return result;
}

/** Opens a model file, fixes the sizes that --fix names and runs the pipeline that --pipeline names. Gives the step this leads to. */
export async function openPrepared(context: CommandContext, file: string, options: Readonly<Record<string, unknown>>): Promise<{ readonly model: ModelId; readonly step: StepId }> {
  const { session, task } = context;
  const { model, timeline } = await openModel(context, file);
  let step = timeline.head;
  const sizes = sizesOption(options["fix"]);
  if (sizes) step = (await session.specialize({ model, sizes }, task)).timeline.head;
  if (options["pipeline"] !== "none") step = (await session.runPipeline({ model, pipeline: options["pipeline"] as string }, task)).timeline.head;
  return { model, step };
}

/** "N=1,length=128" as sizes by name. */
export function sizesOption(text: unknown, option = "--fix"): Record<string, number> | undefined {
  if (typeof text !== "string") return undefined;
  return Object.fromEntries(
    text.split(",").map((each) => {
      const [, name, size] = /^(.+)=(\d+)$/.exec(each.trim()) ?? [];
      if (name === undefined) throw new GraphwrightError("usage", `${option} takes sizes such as N=1, not ${JSON.stringify(each)}.`);
      return [name, Number(size)];
    }),
  );
}
