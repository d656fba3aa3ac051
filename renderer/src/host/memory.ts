/** A host without a program around it, for tests: files, exports and messages stay in memory. */
import { HostFailure } from "../../../app/shared/host-client.ts";
import type { BundleFile, Example, HostInfo, OpenedFile } from "../../../app/shared/host-protocol.ts";
import type { Host } from "./host.ts";

export interface MemoryHost extends Host {
  readonly exports: Map<string, readonly BundleFile[]>;
  readonly saved: Map<string, Uint8Array>;
  readonly keptData: Map<string, Blob>;
  /** What the next open dialog answers. */
  next: OpenedFile | undefined;
  title: string;
}

let lastId = 0;
const newId = (): string => (++lastId).toString(16).padStart(32, "0");

export function createMemoryHost(examples: readonly Example[] = [], info: Partial<HostInfo> = {}): MemoryHost {
  const exports = new Map<string, readonly BundleFile[]>();
  const saved = new Map<string, Uint8Array>();
  const kept = new Map<string, Blob>();
  const hold = (file: Blob & { readonly name: string }): OpenedFile => ({ id: newId(), name: file.name, size: file.size, blob: file });
  return {
    kind: "memory",
    exports,
    saved,
    keptData: kept,
    next: undefined,
    title: "",
    info: () =>
      Promise.resolve({
        protocol: 1,
        host: "browser",
        version: "0.0.0",
        platform: "memory",
        run: "memory",
        capabilities: { dialogs: false, exportsFolder: "/exports" },
        ...info,
      }),
    examples: () => Promise.resolve(examples),
    recentFiles: () => Promise.resolve([]),
    openDialog() {
      return Promise.resolve(this.next);
    },
    registerDropped: (file) => Promise.resolve(hold(file)),
    registerAll: (files) => Promise.resolve(files.map(hold)),
    siblingsOf: () => [],
    reopen: (file) => Promise.resolve(file),
    fileUrl: (id) => `memory:${id}`,
    siblingUrl: (id, location) => `memory:${id}?sibling=${encodeURIComponent(location)}`,
    readFile: async (file, start, end) => new Uint8Array(await file.blob!.slice(start, end).arrayBuffer()),
    openBeside: () => Promise.resolve(undefined),
    kept: {
      list: (prefix) => Promise.resolve([...kept].filter(([key]) => key.startsWith(prefix)).map(([key, data]) => ({ key, size: data.size, modified: 0, elsewhere: false }))),
      texts: async (prefix) => Object.fromEntries(await Promise.all([...kept].filter(([key]) => key.startsWith(prefix)).map(async ([key, data]) => [key, await data.text()] as const))),
      read: async (key) => kept.get(key)?.text(),
      write: (key, data) => Promise.resolve(void kept.set(key, typeof data === "string" ? new Blob([data]) : data)),
      remove: (key) => Promise.resolve(void kept.delete(key)),
      open: (key, name) => {
        const data = kept.get(key);
        return Promise.resolve(data && { id: newId(), name, size: data.size, blob: data });
      },
    },
    saveFile(name, bytes, again, signal) {
      if (signal?.aborted) return Promise.reject(new HostFailure("cancelled", "Cancelled."));
      saved.set(name, bytes);
      return Promise.resolve({ id: again ?? name, name, path: `/exports/${name}`, size: bytes.length });
    },
    async exportBundle(target, files, options = {}) {
      if (exports.has(target.name) && !target.overwrite) throw new HostFailure("exists", `${target.name} exists already.`);
      const kept: BundleFile[] = [];
      let bytes = 0;
      for await (const file of files) {
        if (options.signal?.aborted) throw new HostFailure("cancelled", "Cancelled.");
        kept.push(file);
        bytes += file.bytes.length;
        options.onProgress?.({ path: file.path, bytes });
      }
      exports.set(target.name, kept);
      return { id: newId(), path: `/exports/${target.name}`, files: kept.length, bytes };
    },
    runToolchain: () => Promise.reject(new HostFailure("unavailable", "No toolchain.")),
    measure: () => Promise.reject(new HostFailure("unavailable", "No toolchain.")),
    openExternal: () => Promise.resolve(),
    setTitle(title) {
      this.title = title;
    },
    onMenuCommand: () => () => undefined,
    onOpenFile: () => () => undefined,
  };
}
