/**
 * What the window keeps between runs: choices of the person, journals of open work, bytes of models that no disk of
 * this host holds. Small files in the person's own configuration folder, each written whole or not at all, so that a
 * program that is killed leaves the last complete one. Browser storage would not do: it belongs to an address, and the
 * local server's port may change.
 */
import { createWriteStream, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as v from "valibot";
import { newId } from "./file-registry.ts";
import { HostError } from "./host-error.ts";
import type { KeptEntry } from "./host-protocol.ts";

/** `pref.settings`, `journal.<run>.<window>`, `model.<sha-256>`. */
export const keptKeySchema = v.pipe(v.string(), v.regex(/^(pref|journal|model)\.[a-z0-9][a-z0-9.-]{0,150}$/, "not a key of kept data"));

const textLimit = 256 * 1024 * 1024;
const modelLimit = 2 * 1024 * 1024 * 1024;

export class KeptStore {
  /** Names this run of the program; journals carry it. */
  readonly run = `${process.pid.toString(36)}-${newId().slice(0, 8)}`;
  readonly #folder: string;
  /** Writes of one key follow one another: the last one asked for is the one that stays. */
  readonly #queues = new Map<string, Promise<unknown>>();
  #marked = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async list(prefix: string): Promise<readonly KeptEntry[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const runs = new Map(names.filter((name) => name.startsWith("run.")).map((name) => [name.slice(4), false]));
    for (const run of runs.keys()) runs.set(run, run !== this.run && (await this.#alive(run)));
    const entries: KeptEntry[] = [];
    for (const key of names.filter((name) => name.startsWith(prefix) && v.is(keptKeySchema, name))) {
      const found = await stat(join(this.#folder, key)).catch(() => undefined);
      if (!found?.isFile()) continue;
      entries.push({ key, size: found.size, modified: found.mtimeMs, elsewhere: runs.get(key.split(".")[1]!) ?? false });
    }
    return entries.sort((a, b) => b.modified - a.modified);
  }

  /** The texts under a prefix, by key. */
  async texts(prefix: string): Promise<Readonly<Record<string, string>>> {
    const texts: Record<string, string> = {};
    for (const { key, size } of await this.list(prefix)) if (size <= textLimit) texts[key] = (await this.read(key)) ?? "";
    return texts;
  }

  async read(key: string): Promise<string | undefined> {
    await this.#queues.get(key)?.catch(() => undefined);
    return readFile(join(this.#folder, key), "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
  }

  /** Where the bytes under a key are. */
  async path(key: string): Promise<string> {
    await this.#queues.get(key)?.catch(() => undefined);
    const path = join(this.#folder, key);
    if (!(await stat(path).catch(() => undefined))?.isFile()) throw new HostError("not-found", "Nothing is kept under this key.");
    return path;
  }

  write(key: string, bytes: ReadableStream<Uint8Array> | null): Promise<void> {
    return this.#then(key, async () => {
      await mkdir(this.#folder, { recursive: true });
      this.#mark();
      const partial = join(this.#folder, `.${key.slice(0, 60)}.${newId().slice(0, 8)}.partial`);
      try {
        await pipeline(bytes ? Readable.fromWeb(bytes as Parameters<typeof Readable.fromWeb>[0]) : Readable.from([]), limited(key.startsWith("model.") ? modelLimit : textLimit), createWriteStream(partial, { flags: "wx", mode: 0o600 }));
        await rename(partial, join(this.#folder, key));
      } catch (error) {
        await rm(partial, { force: true });
        throw error;
      }
    });
  }

  remove(key: string): Promise<void> {
    return this.#then(key, () => rm(join(this.#folder, key), { force: true }));
  }

  /** This run ends in good order. */
  dispose(): void {
    if (this.#marked) rmSync(join(this.#folder, `run.${this.run}`), { force: true });
  }

  #then(key: string, work: () => Promise<void>): Promise<void> {
    const next = (this.#queues.get(key) ?? Promise.resolve()).catch(() => undefined).then(work);
    this.#queues.set(key, next);
    const forget = (): void => void (this.#queues.get(key) === next && this.#queues.delete(key));
    next.then(forget, forget);
    return next;
  }

  /** Tells other runs that this one is alive, for as long as its process is. */
  #mark(): void {
    if (this.#marked) return;
    this.#marked = true;
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(join(this.#folder, `run.${this.run}`), String(process.pid));
  }

  async #alive(run: string): Promise<boolean> {
    const pid = Number(await readFile(join(this.#folder, `run.${run}`), "utf8").catch(() => ""));
    let alive = false;
    if (Number.isSafeInteger(pid) && pid > 0) {
      try {
        process.kill(pid, 0);
        alive = true;
      } catch (error) {
        alive = (error as NodeJS.ErrnoException).code === "EPERM";
      }
    }
    if (!alive) await rm(join(this.#folder, `run.${run}`), { force: true });
    return alive;
  }
}

function limited(most: number): Transform {
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > most) done(new HostError("too-large", `More than ${most} bytes are not kept.`));
      else done(null, chunk);
    },
  });
}
