/** Paths of opened models, latest first, in a small file of the person's own configuration folder. */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import * as v from "valibot";

const schema = v.object({ version: v.literal(1), paths: v.array(v.string()) });
const limit = 20;

export class RecentFiles {
  readonly #file: string;
  #queue: Promise<void> = Promise.resolve();

  constructor(file: string) {
    this.#file = file;
  }

  /** Existing ones only. A file that cannot be read is an empty list: it is a convenience, not data. */
  async list(): Promise<readonly string[]> {
    return (await this.#read()).filter((path) => existsSync(path));
  }

  /** Puts a path first. Never rejects: failing to remember must not stop a model from opening. */
  add(path: string): Promise<void> {
    this.#queue = this.#queue
      .then(async () => {
        const paths = [path, ...(await this.#read()).filter((other) => other !== path)].slice(0, limit);
        await mkdir(dirname(this.#file), { recursive: true });
        const partial = `${this.#file}.${process.pid}.partial`;
        await writeFile(partial, JSON.stringify({ version: 1, paths }, null, 2));
        await rename(partial, this.#file);
      })
      .catch((error: Error) => console.warn(`The list of recent files was not saved: ${error.message}`));
    return this.#queue;
  }

  async #read(): Promise<readonly string[]> {
    try {
      return v.parse(schema, JSON.parse(await readFile(this.#file, "utf8"))).paths;
    } catch {
      return [];
    }
  }
}

/** Where a program keeps its settings on this system. */
export function configFolder(): string {
  const env = process.env;
  if (env["GRAPHWRIGHT_CONFIG"]) return env["GRAPHWRIGHT_CONFIG"];
  if (process.platform === "win32") return join(env["APPDATA"] ?? join(homedir(), "AppData", "Roaming"), "graphwright");
  if (process.platform === "darwin") return join(homedir(), "Library", "Application Support", "graphwright");
  return join(env["XDG_CONFIG_HOME"] || join(homedir(), ".config"), "graphwright");
}
