import { readFileSync } from "node:fs";
import path from "node:path";
import { GraphwrightError, type ModelId, type RecipeResult } from "@graphwright/compiler-core";
import { jsonText, type CommandContext } from "./command.ts";
import { writeFiles } from "./write-files.ts";

/** Texts above this are not read: no recipe comes near. */
const largestText = 64 * 1024 * 1024;

/** A text file. Throws GraphwrightError for what cannot be read. */
export function readText(file: string): string {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > largestText) throw new GraphwrightError("file", `the file has ${bytes.length} bytes: too many for a text.`, { file });
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof GraphwrightError) throw error;
    throw new GraphwrightError("file", `the file cannot be read as text: ${(error as Error).message}.`, { file });
  }
}

/** Runs `body`; errors without a file get this one. */
async function inFile<T>(file: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof GraphwrightError)) throw error;
    const { code, message, where, hint } = error.diagnostic;
    throw where?.node === undefined ? new GraphwrightError(code, message, { ...where, file }, hint) : error;
  }
}

export interface RecipeChoice {
  readonly only?: readonly string[] | undefined;
  readonly skip?: readonly string[] | undefined;
  readonly check?: boolean;
  readonly unchecked?: boolean;
}

/** Applies a recipe file; steps that do not match go to standard error. */
export async function applyRecipeFile(context: CommandContext, model: ModelId, file: string, { only, skip, check, unchecked }: RecipeChoice = {}): Promise<RecipeResult> {
  const recipe = readText(file);
  const result = await inFile(file, () =>
    context.session.applyRecipe({ model, recipe, ...(only ? { only } : {}), ...(skip ? { skip } : {}), ...(check === undefined ? {} : { check }), ...(unchecked === undefined ? {} : { unchecked }) }, context.task),
  );
  for (const { index, rewrite, site, reason } of result.failed) context.warn(`warning: ${file}: step ${index + 1}, ${rewrite} at ${site}, was not applied: ${reason}.`);
  return result;
}

/** Makes the custom rewrites of a file known, and gives their names. */
export async function defineCustomFile(context: CommandContext, file: string): Promise<string[]> {
  const text = readText(file);
  const { rewrites } = await inFile(file, () => context.session.defineCustom({ text }, context.task));
  return rewrites.map((rewrite) => rewrite.name);
}

export async function writeText(file: string, text: string): Promise<void> {
  await writeFiles(path.dirname(file), [{ path: path.basename(file), bytes: new TextEncoder().encode(text) }]);
}

export async function writeJson(file: string, what: string, body: object): Promise<void> {
  await writeText(file, `${jsonText(what, body)}\n`);
}
