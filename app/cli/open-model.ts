import { formatDiagnostic, type OpenResult } from "@graphwright/compiler-core";
import type { CommandContext } from "./command.ts";
import { FileBlob, siblingsOf } from "./file-blob.ts";

/** Opens a model file; what the importer noticed goes to standard error. */
export async function openModel({ session, task, warn }: CommandContext, file: string): Promise<OpenResult> {
  const result = await session.open({ source: new FileBlob(file), siblings: siblingsOf(file) }, task);
  for (const diagnostic of result.diagnostics) warn(`${diagnostic.severity}: ${formatDiagnostic(diagnostic)}`);
  return result;
}
