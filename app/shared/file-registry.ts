/**
 * The files a person opened, by random id. The window knows ids only, so it can read what was opened, the files the
 * model itself names beside it, and nothing else.
 */
import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, extname, isAbsolute, join, relative, resolve, win32 } from "node:path";
import { HostError } from "./host-error.ts";
import type { OpenedFile } from "./host-protocol.ts";

export interface LocatedFile {
  readonly path: string;
  readonly size: number;
}

interface Entry {
  readonly id: string;
  readonly path: string;
  readonly size: number;
  readonly modified: number;
  /** Locations beside it that were already found to be allowed. */
  readonly siblings: Map<string, { readonly path: string; readonly size: number; readonly modified: number }>;
}

export const newId = (): string => randomBytes(16).toString("hex");

export class FileRegistry {
  readonly #entries = new Map<string, Entry>();

  /** Opens a path a person chose. Throws when it is missing or no regular file. Opening it again gives a new id. */
  async open(path: string): Promise<OpenedFile> {
    const absolute = resolve(path);
    const { size, mtimeMs } = await statFile(absolute);
    const entry: Entry = { id: newId(), path: absolute, size, modified: mtimeMs, siblings: new Map() };
    this.#entries.set(entry.id, entry);
    return { id: entry.id, name: basename(absolute), size, path: absolute };
  }

  /** Where an opened file's bytes are. Throws `changed` when another program rewrote it since it was opened. */
  async locate(id: string): Promise<LocatedFile> {
    return unchanged(this.#entry(id));
  }

  /**
   * A file beside an opened one. `location` is relative to the opened file's folder, as the model spells it. It must stay
   * inside that folder, symbolic links included, and be named in the opened file's bytes or share its stem
   * (`net.param`, `net.bin`).
   */
  async locateSibling(id: string, location: string): Promise<LocatedFile> {
    const entry = this.#entry(id);
    const known = entry.siblings.get(location);
    if (known) return unchanged(known);
    const path = await insideFolder(dirname(entry.path), location);
    const stem = (name: string): string => basename(name, extname(name));
    if (stem(location) !== stem(entry.path) && !(await mentions(entry.path, location))) {
      throw new HostError("forbidden", `${basename(entry.path)} does not name "${location}", so it is not read.`);
    }
    const { size, mtimeMs } = await statFile(path);
    entry.siblings.set(location, { path, size, modified: mtimeMs });
    return { path, size };
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (!entry) throw new HostError("not-found", "This file is not open in this run of the program: open it again.");
    return entry;
  }
}

async function statFile(path: string): Promise<{ size: number; mtimeMs: number }> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") throw new HostError("not-found", `"${path}" does not exist.`);
    throw error;
  });
  if (!found.isFile()) {
    throw new HostError("not-a-file", `"${path}" is ${found.isDirectory() ? "a folder" : "no regular file"}.`);
  }
  return found;
}

async function unchanged(file: { path: string; size: number; modified: number }): Promise<LocatedFile> {
  const { size, mtimeMs } = await statFile(file.path);
  if (size !== file.size || mtimeMs !== file.modified) {
    throw new HostError("changed", `"${file.path}" was changed by another program since it was opened: open it again.`);
  }
  return { path: file.path, size };
}

/** Resolves a relative location inside a folder, or throws `forbidden` saying why not. */
async function insideFolder(folder: string, location: string): Promise<string> {
  const refuse = (why: string): never => {
    throw new HostError("forbidden", `"${location}" is not read: ${why}.`);
  };
  if (location === "" || location.includes("\0")) refuse("it is no file name");
  if (isAbsolute(location) || win32.isAbsolute(location) || /^[a-z]:/i.test(location)) refuse("it is an absolute path");
  if (location.includes("\\")) refuse("it separates folders with a backslash");
  const segments = location.split("/").filter((segment) => segment !== "." && segment !== "");
  if (segments.includes("..")) refuse("it leaves the model's folder");
  if (segments.length === 0 || segments.some((segment) => segment.startsWith("."))) refuse("it is a hidden file or folder");
  const base = await realpath(folder);
  const path = join(base, ...segments);
  const real = await realpath(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") throw new HostError("not-found", `"${path}" does not exist.`);
    throw error;
  });
  if (!contains(base, real)) refuse("it is a link that leaves the model's folder");
  return real;
}

/** Whether `path` lies inside `folder`. Both absolute. */
export function contains(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== "" && way !== ".." && !way.startsWith("../") && !way.startsWith("..\\") && !isAbsolute(way);
}

/** Whether the text occurs in the file, read in pieces. Models that name other files are structure, hence small. */
async function mentions(path: string, text: string): Promise<boolean> {
  const wanted = Buffer.from(text, "utf8");
  let tail = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const bytes = Buffer.concat([tail, chunk as Buffer]);
    if (bytes.includes(wanted)) return true;
    tail = Buffer.from(bytes.subarray(Math.max(0, bytes.length - wanted.length + 1)));
  }
  return false;
}
