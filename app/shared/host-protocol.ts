/**
 * What a window may ask of the program around it, in one file for both hosts.
 *
 * Two layers meet here:
 *  - `HostBridge` is everything the renderer sees. `createHostClient` (host-client.ts) implements it for both hosts.
 *  - `NativeBridge` is the part only Electron has (dialogs, menu, paths of dropped files). The preload exposes it as
 *    `window.graphwrightHost`; it is absent in the browser host.
 *
 * All bytes travel over `fetch` or synchronous XHR to `/host/...`, served by the same code (host-api.ts) behind
 * `http://127.0.0.1:<port>` and `app://graphwright`. IPC carries only small messages. Arguments from the window are
 * checked against host-schemas.ts before anything acts on them. This file is plain types and names, for any runtime.
 *
 * A file is known to the window by an id, never by a path of its choosing: only what a person opened gets an id.
 */
/** Increases when a message changes in a way an older window would misread. */
export const hostProtocolVersion = 1;

/** Sent by the window with every request that changes something; a page of another origin cannot add it unasked. */
export const hostHeader = "x-graphwright-host";

export const hostRoutes = {
  info: "/host/info",
  examples: "/host/examples",
  recent: "/host/recent",
  /** `GET|HEAD /host/file/<id>`, `?sibling=<location>` for a file beside it. Exact single-range support. */
  file: "/host/file/",
  /** `POST /host/save?name=<name>` or `?target=<save target id>`, body: the bytes. */
  save: "/host/save",
  /** `POST /host/beside/<id>?location=` opens a file beside an opened one that names it. */
  beside: "/host/beside/",
  /** `GET ?prefix=` lists, `&texts` with contents; `GET|PUT|DELETE /<key>`; `POST /<key>?name=` opens what is kept as a file. */
  kept: "/host/kept",
  /** `POST` begins; `PUT /<id>/file?path=&offset=`, `POST /<id>/commit`, `DELETE /<id>` follow. */
  export: "/host/export",
  /** `POST` streams one JSON `ToolchainEvent` a line; `DELETE /<run id>` cancels. */
  toolchain: "/host/toolchain",
  /** `POST` compiles a C source, runs the program and answers with what it printed; ends when the answer is not waited for. */
  measure: "/host/measure",
} as const;

// ---- Values that cross the boundary ---------------------------------------------------------------------------------

/** A file the host holds open for the window. */
export interface OpenedFile {
  /** Random, valid for this run of the program. */
  readonly id: string;
  /** File name without folders. */
  readonly name: string;
  readonly size: number;
  /** Shown to the person, never sent back. Absent where the host does not know it (a file given by the File API). */
  readonly path?: string;
  /**
   * The bytes themselves when the browser gave a File and no host holds the file: the worker then reads slices with
   * FileReaderSync instead of `fileUrl(id)`.
   */
  readonly blob?: Blob;
  /** Known to the page by the browser's handle only, without its bytes: the page asks the browser for the file when it is opened. */
  readonly remembered?: true;
}

/** One folder of examples/. */
export interface Example {
  /** Folder name. */
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  /** title and summary in other languages, where the example has a README for them: "zh-CN" */
  readonly translated: Readonly<Record<string, { readonly title: string; readonly summary: string }>>;
  readonly models: readonly OpenedFile[];
  /** Other files of the example (test images, labels); `name` is the path inside the example, `images/0.npy`. */
  readonly files: readonly OpenedFile[];
}

/** Something the window kept: see `HostBridge.kept`. */
export interface KeptEntry {
  readonly key: string;
  readonly size: number;
  /** milliseconds since 1970 */
  readonly modified: number;
  /** it belongs to another run of the program that is still going */
  readonly elsewhere: boolean;
}

export interface HostCapabilities {
  /** Present when `make` and a C compiler were found. */
  readonly toolchain?: { readonly compiler: string; readonly version: string };
  /** File and folder dialogs of the operating system. */
  readonly dialogs: boolean;
  /** Where saves and exports go when no dialog asks. */
  readonly exportsFolder: string;
}

export interface HostInfo {
  readonly protocol: number;
  readonly host: "electron" | "browser";
  readonly version: string;
  readonly platform: string;
  readonly capabilities: HostCapabilities;
  /** Names this run of the program in the keys of what is kept. */
  readonly run: string;
  /** The model named on the command line, if any. */
  readonly opened?: OpenedFile;
}

export interface SavedFile {
  /** For saving there again in this run of the program. */
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly size: number;
}

export interface BundleFile {
  /** Relative, `/` between segments, e.g. `src/digits.c`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface ExportTarget {
  /** Name of the new folder. */
  readonly name: string;
  /** From `chooseFolder()`; the host's exports folder when absent. */
  readonly folder?: string;
  /** Replace an earlier bundle of this name. Anything that is not a bundle is never replaced. */
  readonly overwrite?: boolean;
}

export interface ExportedBundle {
  /** For `runToolchain`. */
  readonly id: string;
  readonly path: string;
  readonly files: number;
  readonly bytes: number;
}

export interface ExportOptions {
  /** After each written piece. `bytes` counts what reached the host. */
  readonly onProgress?: (progress: { readonly path: string; readonly bytes: number }) => void;
  /** Aborting removes everything written so far. */
  readonly signal?: AbortSignal;
}

export type ToolchainEvent =
  | { readonly type: "start"; readonly run: string }
  | { readonly type: "command"; readonly command: string }
  | { readonly type: "output"; readonly stream: "stdout" | "stderr"; readonly text: string }
  | { readonly type: "exit"; readonly command: string; readonly code: number | null; readonly signal: string | null }
  | { readonly type: "done"; readonly ok: boolean; readonly cancelled: boolean; readonly message: string };

export interface ToolchainResult {
  readonly ok: boolean;
  readonly cancelled: boolean;
  /** One line: what passed, or which command failed and how. */
  readonly message: string;
}

/** A C program that measures, and the compiler's flags for it. */
export interface MeasureRequest {
  readonly source: string;
  readonly flags: readonly string[];
}

export interface MeasureResult {
  readonly ok: boolean;
  /** what the program printed; where it is not ok, why: the compiler's messages */
  readonly text: string;
  /** name of the processor that ran it */
  readonly processor: string;
}

export interface ChosenFolder {
  readonly id: string;
  readonly path: string;
}

/** One entry of a menu, made by the renderer from its command table. Choosing it calls `onMenuCommand` with `command`. */
export type MenuEntry =
  | { readonly type: "separator" }
  | {
      readonly type: "command";
      readonly command: string;
      readonly label: string;
      readonly accelerator?: string;
      readonly enabled?: boolean;
      readonly checked?: boolean;
    }
  /** Undo in text fields, copy, full screen and the like, which the operating system carries out. */
  | { readonly type: "role"; readonly role: MenuRole; readonly label?: string };

export interface MenuSection {
  readonly label: string;
  readonly entries: readonly MenuEntry[];
}

export const menuRoles = [
  "copy", "cut", "paste", "selectAll", "togglefullscreen", "resetZoom", "zoomIn", "zoomOut", "toggleDevTools",
  "minimize", "close", "quit", "about",
] as const;
export type MenuRole = (typeof menuRoles)[number];

/** A failure of the host, with a code to act on and a message to show. */
export const hostErrorCodes = [
  "bad-request", "forbidden", "not-found", "not-a-file", "exists", "not-a-bundle", "too-large", "changed",
  "cancelled", "unavailable", "io",
] as const;
export type HostErrorCode = (typeof hostErrorCodes)[number];
export interface HostErrorBody {
  readonly error: { readonly code: HostErrorCode; readonly message: string };
}

// ---- What the renderer calls ----------------------------------------------------------------------------------------

/**
 * Everything the renderer may ask. Methods reject with `HostFailure` (host-client.ts), which carries a `HostErrorCode`.
 * A method that a host cannot offer is `undefined`, and the commands that need it hide.
 */
export interface HostBridge {
  readonly kind: "electron" | "browser" | "memory";
  info(): Promise<HostInfo>;
  examples(): Promise<readonly Example[]>;
  /** Files opened before that still exist, latest first, ready to open. */
  recentFiles(): Promise<readonly OpenedFile[]>;
  /** Shows the operating system's dialog, or the browser's file chooser. `undefined`: the person cancelled. */
  openDialog(): Promise<OpenedFile | undefined>;
  /** A file dropped on the window. */
  registerDropped(file: DroppedFile): Promise<OpenedFile>;
  /**
   * Address of a file's bytes, absolute, so that a worker can use it: GET with Range (206 with Content-Range, 416 past
   * the end), HEAD for the length. Meant for synchronous XHR in the compiler's worker. Not for files with a `blob`.
   */
  fileUrl(id: string): string;
  /**
   * Address of a file beside an opened one, e.g. ONNX external data: `location` as the model spells it, relative to the
   * model's folder. 403 for what would leave the folder, 404 when missing.
   */
  siblingUrl(id: string, location: string): string;
  /** Bytes `start`..`end` (exclusive) of an opened file. */
  readFile(file: OpenedFile, start: number, end: number): Promise<Uint8Array>;
  /** Opens the file `location` beside `file`, which names it. `undefined`: there is none, or this host knows no folders. */
  openBeside(file: OpenedFile, location: string): Promise<OpenedFile | undefined>;
  /**
   * Electron asks where; the browser host writes to its exports folder. `undefined`: the person cancelled. With the `id`
   * of an earlier save, that file is replaced and nothing is asked. Cancelled by `signal` it rejects with `cancelled` and leaves no file.
   */
  saveFile(name: string, bytes: Uint8Array, again?: string, signal?: AbortSignal): Promise<SavedFile | undefined>;
  /**
   * What the window keeps between runs, in the person's own configuration folder: `pref.<name>` choices,
   * `journal.<run>.<window>` work that is open, `model.<hash>` bytes of models that only the page held.
   */
  readonly kept: KeptData;
  /** Asks for the folder that will hold a bundle. Only where the host has dialogs. */
  readonly chooseFolder?: () => Promise<ChosenFolder | undefined>;
  /**
   * Writes a bundle into a new folder: all of it or nothing. Files may be made one by one while writing.
   * Rejects with `exists` when the folder has contents and `overwrite` was not given.
   */
  exportBundle(
    target: ExportTarget,
    files: Iterable<BundleFile> | AsyncIterable<BundleFile>,
    options?: ExportOptions,
  ): Promise<ExportedBundle>;
  /** Builds an exported bundle with `make` and runs its self-test. Requires `capabilities.toolchain`. */
  runToolchain(
    bundle: string,
    onEvent: (event: ToolchainEvent) => void,
    signal?: AbortSignal,
  ): Promise<ToolchainResult>;
  /** Compiles and runs a C program that measures. Requires `capabilities.toolchain`. Aborting ends compiler and program. */
  measure(request: MeasureRequest, signal?: AbortSignal): Promise<MeasureResult>;
  /** Opens an address of the allowed list in the person's browser. */
  openExternal(url: string): Promise<void>;
  /** Opens the file manager at an exported bundle. Electron only. */
  readonly showInFolder?: (bundle: string) => Promise<void>;
  /** Installs the menu bar. Electron only. */
  readonly setMenu?: (sections: readonly MenuSection[]) => Promise<void>;
  /** Title of the window; `edited` marks unsaved work. */
  setTitle(title: string, edited: boolean): void;
  /** A menu entry was chosen. Returns the function that stops listening. */
  onMenuCommand(listener: (command: string) => void): () => void;
  /** The operating system handed over a file: double click, second start, dock. */
  onOpenFile(listener: (file: OpenedFile) => void): () => void;
}

export interface KeptData {
  list(prefix: string): Promise<readonly KeptEntry[]>;
  texts(prefix: string): Promise<Readonly<Record<string, string>>>;
  read(key: string): Promise<string | undefined>;
  /** All or nothing; a reader sees the old or the new. */
  write(key: string, data: string | Blob): Promise<void>;
  remove(key: string): Promise<void>;
  /** What is kept, as a file that can be opened. `undefined`: nothing is. */
  open(key: string, name: string): Promise<OpenedFile | undefined>;
}

/** A DOM `File`, spelled so that code without DOM types can name it. */
export type DroppedFile = Blob & { readonly name: string };

/** `window.graphwrightHost`: what the Electron preload exposes. One function for each IPC message. */
export interface NativeBridge {
  openDialog(): Promise<NativeReply<OpenedFile | undefined>>;
  registerDropped(file: DroppedFile): Promise<NativeReply<OpenedFile>>;
  chooseFolder(): Promise<NativeReply<ChosenFolder | undefined>>;
  /** Where to save; the id is for `POST /host/save?target=<id>`. */
  chooseSaveTarget(name: string): Promise<NativeReply<ChosenFolder | undefined>>;
  openExternal(url: string): Promise<NativeReply<undefined>>;
  showInFolder(bundle: string): Promise<NativeReply<undefined>>;
  setMenu(sections: readonly MenuSection[]): Promise<NativeReply<undefined>>;
  setTitle(title: string, edited: boolean): Promise<NativeReply<undefined>>;
  onMenuCommand(listener: (command: string) => void): () => void;
  onOpenFile(listener: (file: OpenedFile) => void): () => void;
}

/** Errors cross IPC as values: an exception would lose its code. */
export type NativeReply<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: HostErrorBody["error"] };

// ---- IPC names ------------------------------------------------------------------------------------------------------

/** One for each method of `NativeBridge` that asks something. Their arguments: `ipcArguments` in host-schemas.ts. */
export const ipcMessages = [
  "openDialog", "registerDropped", "chooseFolder", "chooseSaveTarget", "openExternal", "showInFolder", "setMenu", "setTitle",
] as const;
export type IpcMessage = (typeof ipcMessages)[number];
export const ipcChannel = (message: IpcMessage): string => `graphwright:${message}`;

/** Events from the main process to the window. */
export const ipcEvents = { menuCommand: "graphwright:menu-command", openFile: "graphwright:open-file" } as const;
