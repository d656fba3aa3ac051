/**
 * Files that a person gave to the page, remembered by the browser's own handles, which outlive the page and hold no bytes. The
 * browser asks the person again before it gives such a file. Where the browser has no handles there are none to remember.
 */

export interface RememberedFile {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  /** milliseconds since 1970 */
  readonly opened: number;
  readonly handle: FileSystemFileHandle;
}

/** Not yet in TypeScript's own tables: Chromium has them. */
interface AskableHandle extends FileSystemFileHandle {
  queryPermission?(how: { readonly mode: "read" }): Promise<PermissionState>;
  requestPermission?(how: { readonly mode: "read" }): Promise<PermissionState>;
}
interface PickerWindow {
  showOpenFilePicker?(how: { readonly multiple: boolean }): Promise<readonly FileSystemFileHandle[]>;
}

const kept = 20;
const store = "files";

/** What a remembered file cannot be opened for: the person or the browser said no, or it is not where it was. */
export class RememberedFileError extends Error {
  readonly code: "refused" | "gone";
  constructor(code: RememberedFileError["code"], cause?: unknown) {
    super(code, { cause });
    this.code = code;
  }
}

function database(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open("graphwright-recent", 1);
    asked.onupgradeneeded = () => void asked.result.createObjectStore(store, { keyPath: "id" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error ?? new Error("IndexedDB"));
  });
}

async function inStore<T>(mode: IDBTransactionMode, work: (files: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const opened = await database();
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = opened.transaction(store, mode);
      const asked = work(transaction.objectStore(store));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = transaction.onerror = () => reject(transaction.error ?? new Error("IndexedDB"));
    });
  } finally {
    opened.close();
  }
}

/** What is being written down: a list that is asked for waits for it. */
let writing: Promise<void> = Promise.resolve();

/** Latest first. A browser that keeps nothing (a private window) has none. */
export const rememberedFiles = async (): Promise<readonly RememberedFile[]> => {
  await writing;
  return stored();
};

async function stored(): Promise<readonly RememberedFile[]> {
  if (typeof indexedDB === "undefined") return [];
  const all = await inStore("readonly", (files) => files.getAll() as IDBRequest<RememberedFile[]>).catch(() => []);
  return all.sort((a, b) => b.opened - a.opened);
}

/** Never rejects: failing to remember must not stop a model from opening. */
export const remember = (handle: FileSystemFileHandle, file: File): Promise<void> => (writing = writing.then(() => put(handle, file)));

async function put(handle: FileSystemFileHandle, { name, size }: File): Promise<void> {
  if (typeof indexedDB === "undefined") return;
  try {
    const before = await stored();
    const same = await Promise.all(before.map((each) => each.handle.isSameEntry(handle)));
    const known = before.find((_, index) => same[index]);
    await inStore("readwrite", (files) => files.put({ id: known?.id ?? crypto.randomUUID(), name, size, opened: Date.now(), handle } satisfies RememberedFile));
    for (const old of before.filter((each) => each !== known).slice(kept - 1)) await forget(old.id);
  } catch {
    // A convenience, not data.
  }
}

export const forget = (id: string): Promise<unknown> => inStore("readwrite", (files) => files.delete(id)).catch(() => undefined);

/** The file as it is now. Asks the person where the browser wants it, unless `ask` is false. Throws RememberedFileError. */
export async function openRemembered({ id, handle }: RememberedFile, ask: boolean): Promise<File> {
  const askable = handle as AskableHandle;
  const how = { mode: "read" } as const;
  let state = (await askable.queryPermission?.(how)) ?? "granted";
  if (state === "prompt" && ask) state = (await askable.requestPermission?.(how).catch(() => "denied" as const)) ?? "denied";
  if (state !== "granted") throw new RememberedFileError("refused");
  try {
    return await handle.getFile();
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== "NotFoundError") throw error;
    await forget(id);
    throw new RememberedFileError("gone", error);
  }
}

/** The browser's own chooser, which gives handles; undefined where there is none. An empty list: the person cancelled. */
export async function chooseHandles(): Promise<readonly FileSystemFileHandle[] | undefined> {
  const { showOpenFilePicker } = window as unknown as PickerWindow;
  if (!showOpenFilePicker) return undefined;
  try {
    return await showOpenFilePicker.call(window, { multiple: true });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return [];
    // It is forbidden here (a frame of another site): the old chooser is not.
    if (error instanceof DOMException && error.name === "SecurityError") return undefined;
    throw error;
  }
}

/** Handles of what is being dropped; to be asked for while the event is handled. */
export function droppedHandles(items: DataTransferItemList): readonly Promise<FileSystemHandle | null>[] {
  return [...items].filter((item) => item.kind === "file").map((item) => {
    const { getAsFileSystemHandle } = item as DataTransferItem & { getAsFileSystemHandle?(): Promise<FileSystemHandle | null> };
    return getAsFileSystemHandle?.call(item).catch(() => null) ?? Promise.resolve(null);
  });
}
