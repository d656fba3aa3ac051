/** The folders of examples/ that hold a model, in name order. Title and summary come from the folder's README.md, and from README.zh-CN.md and the like in other languages. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FileRegistry } from "./file-registry.ts";
import type { Example, OpenedFile } from "./host-protocol.ts";

/** Extensions of model files, as the importers know them. */
export const modelExtensions = ["onnx"] as const;
/** Of a project file: a model's name, its steps, the view and notes. */
export const projectExtension = "graphwright";
export const isModel = (name: string): boolean => modelExtensions.some((extension) => name.toLowerCase().endsWith(`.${extension}`));
/** Scripts and notes beside a model are not part of the example. */
const hidden = /^\.|\.(md|py|mjs|ts|js|txt)$/i;

export async function listExamples(folder: string, registry: FileRegistry): Promise<readonly Example[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const examples: Example[] = [];
  for (const entry of entries.filter((each) => each.isDirectory()).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const inside = join(folder, entry.name);
    const names = await visibleFiles(inside);
    const models = names.filter((name) => !name.includes("/") && isModel(name));
    if (models.length === 0) continue;
    const open = async (name: string): Promise<OpenedFile> => ({ ...(await registry.open(join(inside, name))), name });
    examples.push({
      name: entry.name,
      ...(await describe(inside, "README.md", entry.name)),
      translated: await translations(inside, entry.name),
      models: await Promise.all(models.map(open)),
      files: await Promise.all(names.filter((name) => !models.includes(name)).map(open)),
    });
  }
  return examples;
}

/** Files of an example and of its folders, as `images/0.npy`, in name order. */
async function visibleFiles(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (hidden.test(entry.name)) continue;
    if (entry.isFile()) names.push(entry.name);
    else if (entry.isDirectory()) {
      const inner = await readdir(join(folder, entry.name), { withFileTypes: true });
      names.push(...inner.filter((each) => each.isFile() && !hidden.test(each.name)).map((each) => `${entry.name}/${each.name}`));
    }
  }
  return names.sort();
}

/** The first heading, and the paragraph after it on one line. */
async function describe(folder: string, file: string, name: string): Promise<{ title: string; summary: string }> {
  const readme = await readFile(join(folder, file), "utf8").catch(() => "");
  const title = /^#\s+(.+)$/m.exec(readme)?.[1]?.trim() ?? name;
  const summary = /^#.*\n+((?:(?!#|\n|```).+\n?)+)/m.exec(readme)?.[1]?.trim().replace(/\s+/g, " ") ?? "";
  return { title, summary };
}

/** What README.<language>.md says, by language. */
async function translations(folder: string, name: string): Promise<Example["translated"]> {
  const found: Record<string, { title: string; summary: string }> = {};
  for (const file of await readdir(folder)) {
    const language = /^README\.([A-Za-z-]+)\.md$/.exec(file)?.[1];
    if (language !== undefined) found[language] = await describe(folder, file, name);
  }
  return found;
}
