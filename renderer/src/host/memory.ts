/** A host without a program around it, for tests: files, exports and messages stay in memory. */
import { HostFailure } from "../../../app/shared/host-client.ts";
import type { BundleFile, Example, HostInfo, OpenedFile } from "../../../app/shared/host-protocol.ts";
import type { Host } from "./host.ts";

export interface MemoryHost extends Host {
  readonly exports: Map<string, readonly BundleFile[]>;
  readonly saved: Map<string, Uint8Array>;
  /** What the next open dialog answers. */
  next: OpenedFile | undefined;
  title: string;
}

let lastId = 0;
const newId = (): string => (++lastId).toString(16).padStart(32, "0");

export function createMemoryHost(examples: readonly Example[] = [], info: Partial<HostInfo> = {}): MemoryHost {
  const exports = new Map<string, readonly BundleFile[]>();
  const saved = new Map<string, Uint8Array>();
  const hold = (file: Blob & { readonly name: string }): OpenedFile => ({ id: newId(), name: file.name, size: file.size, blob: file });
  return {
    kind: "memory",
    exports,
    saved,
    next: undefined,
    title: "",
    info: () =>
      Promise.resolve({
        protocol: 1,
        host: "browser",
        version: "0.0.0",
        platform: "memory",
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
    fileUrl: (id) => `memory:${id}`,
    siblingUrl: (id, location) => `memory:${id}?sibling=${encodeURIComponent(location)}`,
    saveFile(name, bytes) {
      saved.set(name, bytes);
      return Promise.resolve({ name, path: `/exports/${name}`, size: bytes.length });
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
    openExternal: () => Promise.resolve(),
    setTitle(title) {
      this.title = title;
    },
    onMenuCommand: () => () => undefined,
    onOpenFile: () => () => undefined,
  };
}
