/**
 * Writes bundles and single files. A bundle is written beside its destination and renamed at the end, so that a person
 * sees all of it or nothing; whatever is unfinished when the program ends is removed.
 */
import { createWriteStream, rmSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { newId } from "./file-registry.ts";
import { HostError } from "./host-error.ts";
import type { ChosenFolder, ExportedBundle, ExportTarget, SavedFile } from "./host-protocol.ts";

type Bytes = ReadableStream<Uint8Array> | null;

interface Unfinished {
  readonly destination: string;
  readonly partial: string;
  readonly overwrite: boolean;
  /** Bytes written so far, by path. */
  readonly sizes: Map<string, number>;
  /** Lower-cased paths: two that differ in case only are one file on many disks. */
  readonly folded: Map<string, string>;
  busy: boolean;
}

/** The file that makes a folder a bundle, and so safe to replace by a newer one. */
const bundleMark = "manifest.json";

export class ExportStore {
  readonly #defaultFolder: string;
  readonly #chosen = new Map<string, string>();
  readonly #unfinished = new Map<string, Unfinished>();
  readonly #exported = new Map<string, string>();

  constructor(defaultFolder: string) {
    this.#defaultFolder = resolve(defaultFolder);
  }

  get defaultFolder(): string {
    return this.#defaultFolder;
  }

  /** Remembers a place a person chose in a dialog. */
  choose(path: string): ChosenFolder {
    const id = newId();
    this.#chosen.set(id, resolve(path));
    return { id, path: resolve(path) };
  }

  /** Folder of a finished export. */
  bundleFolder(id: string): string {
    const folder = this.#exported.get(id);
    if (!folder) throw new HostError("not-found", "This bundle was not exported in this run of the program: export it again.");
    return folder;
  }

  async begin(target: ExportTarget): Promise<string> {
    const parent = target.folder === undefined ? this.#defaultFolder : this.#chosenPath(target.folder);
    const destination = join(parent, target.name);
    await checkDestination(destination, target.overwrite ?? false);
    const id = newId();
    const partial = join(parent, `.${target.name}.${id.slice(0, 8)}.partial`);
    await mkdir(partial, { recursive: true });
    this.#unfinished.set(id, {
      destination,
      partial,
      overwrite: target.overwrite ?? false,
      sizes: new Map(),
      folded: new Map(),
      busy: false,
    });
    return id;
  }

  /** Appends a piece of one file. `offset` must be where the file ends, so that a lost or repeated piece is noticed. */
  async write(id: string, path: string, offset: number, bytes: Bytes): Promise<void> {
    const work = this.#work(id);
    const segments = checkedSegments(path);
    const twin = work.folded.get(path.toLowerCase());
    if (twin !== undefined && twin !== path) {
      throw new HostError("bad-request", `"${path}" and "${twin}" would be the same file on many disks.`);
    }
    const size = work.sizes.get(path) ?? 0;
    if (offset !== size) {
      throw new HostError("bad-request", `"${path}" has ${size} bytes so far, the piece starts at ${offset}.`);
    }
    if (work.busy) throw new HostError("bad-request", "Another piece of this export is still being written.");
    work.busy = true;
    try {
      const file = join(work.partial, ...segments);
      await mkdir(dirname(file), { recursive: true });
      const written = await writeStream(file, bytes, size === 0 && !work.sizes.has(path) ? "wx" : "a");
      work.sizes.set(path, size + written);
      work.folded.set(path.toLowerCase(), path);
    } finally {
      work.busy = false;
      // Aborted while it wrote.
      if (!this.#unfinished.has(id)) await rm(work.partial, { recursive: true, force: true });
    }
  }

  async commit(id: string): Promise<ExportedBundle> {
    const work = this.#work(id);
    if (work.busy) throw new HostError("bad-request", "A piece of this export is still being written.");
    if (work.sizes.size === 0) throw new HostError("bad-request", "The bundle has no files.");
    try {
      // Again, because it may have appeared meanwhile.
      const existing = await checkDestination(work.destination, work.overwrite);
      const aside = `${work.partial}.old`;
      if (existing) await rename(work.destination, aside);
      try {
        await rename(work.partial, work.destination);
      } catch (error) {
        if (existing) await rename(aside, work.destination);
        throw error;
      }
      if (existing) await rm(aside, { recursive: true, force: true });
    } catch (error) {
      await this.abort(id);
      throw error;
    }
    this.#unfinished.delete(id);
    const bundle = newId();
    this.#exported.set(bundle, work.destination);
    let bytes = 0;
    for (const size of work.sizes.values()) bytes += size;
    return { id: bundle, path: work.destination, files: work.sizes.size, bytes };
  }

  /** Removes everything an unfinished export wrote. Unknown ids are finished ones: nothing to do. */
  async abort(id: string): Promise<void> {
    const work = this.#unfinished.get(id);
    this.#unfinished.delete(id);
    if (work && !work.busy) await rm(work.partial, { recursive: true, force: true });
  }

  /** For the end of the program, which cannot wait. */
  dispose(): void {
    for (const { partial } of this.#unfinished.values()) rmSync(partial, { recursive: true, force: true });
    this.#unfinished.clear();
  }

  /** Saves under this name in the exports folder; takes `name (2)` when the name is in use. */
  async save(name: string, bytes: Bytes): Promise<SavedFile> {
    await mkdir(this.#defaultFolder, { recursive: true });
    const extension = extname(name);
    const stem = basename(name, extension);
    let path = join(this.#defaultFolder, name);
    for (let copy = 2; await exists(path); copy++) path = join(this.#defaultFolder, `${stem} (${copy})${extension}`);
    return { id: this.choose(path).id, ...(await saveAt(path, bytes)) };
  }

  /** Saves where a dialog said; the dialog asked whether to replace. */
  async saveToChosen(target: string, bytes: Bytes): Promise<SavedFile> {
    return { id: target, ...(await saveAt(this.#chosenPath(target), bytes)) };
  }

  #chosenPath(id: string): string {
    const path = this.#chosen.get(id);
    if (!path) throw new HostError("not-found", "This place was not chosen in this run of the program: choose it again.");
    return path;
  }

  #work(id: string): Unfinished {
    const work = this.#unfinished.get(id);
    if (!work) throw new HostError("not-found", "This export is finished or was cancelled.");
    return work;
  }
}

/** Whether something is there that may be replaced. Throws when something is there that may not. */
async function checkDestination(destination: string, overwrite: boolean): Promise<boolean> {
  const found = await stat(destination).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (!found) return false;
  if (!found.isDirectory()) throw new HostError("exists", `"${destination}" is a file: choose another name.`);
  const contents = await readdir(destination);
  if (contents.length === 0) return true;
  if (!overwrite) throw new HostError("exists", `"${destination}" already exists and is not empty.`);
  if (!contents.includes(bundleMark)) {
    throw new HostError("not-a-bundle", `"${destination}" holds other files than a bundle, so it is not replaced.`);
  }
  return true;
}

/** Names of devices on Windows, where a file of that name cannot exist. */
const deviceName = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

function checkedSegments(path: string): readonly string[] {
  const segments = path.split("/");
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  const bad = segments.find((name) => name === "" || name === "." || name === ".." || /[\\:*?"<>|\u0000-\u001f]/.test(name) || deviceName.test(name));
  if (bad !== undefined || path.length > 500) {
    throw new HostError("bad-request", `"${path}" cannot be a file of a bundle.`);
  }
  return segments;
}

async function saveAt(path: string, bytes: Bytes): Promise<Omit<SavedFile, "id">> {
  const partial = `${path}.${newId().slice(0, 8)}.partial`;
  try {
    const size = await writeStream(partial, bytes, "wx");
    await rename(partial, path);
    return { name: basename(path), path, size };
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function writeStream(path: string, bytes: Bytes, flags: "wx" | "a"): Promise<number> {
  const out = createWriteStream(path, { flags });
  await pipeline(bytes ? Readable.fromWeb(bytes as Parameters<typeof Readable.fromWeb>[0]) : Readable.from([]), out);
  return out.bytesWritten;
}

const exists = (path: string): Promise<boolean> => stat(path).then(() => true, () => false);
