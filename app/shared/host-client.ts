/**
 * The renderer's side of host-protocol.ts, for both hosts: `fetch` to `/host/...`, plus the preload's `NativeBridge`
 * where there is one. No DOM here: what only a page can do (file chooser, title) comes in through `HostClientPage`.
 */
import {
  hostHeader,
  hostProtocolVersion,
  hostRoutes,
  type BundleFile,
  type DroppedFile,
  type Example,
  type ExportedBundle,
  type ExportOptions,
  type MeasureRequest,
  type MeasureResult,
  type ExportTarget,
  type HostBridge,
  type HostErrorBody,
  type HostErrorCode,
  type HostInfo,
  type KeptData,
  type KeptEntry,
  type NativeBridge,
  type NativeReply,
  type OpenedFile,
  type SavedFile,
  type ToolchainEvent,
  type ToolchainResult,
} from "./host-protocol.ts";

export class HostFailure extends Error {
  override readonly name = "HostFailure";
  readonly code: HostErrorCode;
  constructor(code: HostErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What the page itself does where no native bridge does it. */
export interface HostClientPage {
  /** `location.origin` of the page. */
  readonly origin: string;
  /** Shows `<input type="file">`. `undefined`: the person cancelled. */
  readonly pickFile: () => Promise<DroppedFile | undefined>;
  readonly openWindow: (url: string) => void;
  readonly setTitle: (title: string) => void;
}

/** Pieces of this size are acknowledged one by one, so that progress and cancel stay responsive. */
const pieceBytes = 8 * 1024 * 1024;

export function createHostClient(page: HostClientPage, native?: NativeBridge): HostBridge {
  const address = (path: string): string => new URL(path, page.origin).href;

  async function request(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(address(path), {
        ...init,
        method,
        headers: { ...(init.headers as Record<string, string> | undefined), [hostHeader]: String(hostProtocolVersion) },
      });
    } catch (cause) {
      if (init.signal?.aborted) throw new HostFailure("cancelled", "Cancelled.");
      throw new HostFailure("unavailable", `The program behind this window does not answer (${String(cause)}).`);
    }
    if (!response.ok) throw await failureOf(response);
    return response;
  }
  const getJson = async <T>(path: string): Promise<T> => (await (await request("GET", path)).json()) as T;

  async function exportBundle(
    target: ExportTarget,
    files: Iterable<BundleFile> | AsyncIterable<BundleFile>,
    options: ExportOptions = {},
  ): Promise<ExportedBundle> {
    const { onProgress, signal } = options;
    // Not given up half-way: without the answer nobody could remove what the host began.
    const begun = await request("POST", hostRoutes.export, { body: JSON.stringify(target) });
    const { id } = (await begun.json()) as { id: string };
    try {
      let written = 0;
      for await (const file of files) {
        let offset = 0;
        do {
          if (signal?.aborted) throw new HostFailure("cancelled", "The export was cancelled; nothing was written.");
          const piece = file.bytes.subarray(offset, offset + pieceBytes);
          const query = `path=${encodeURIComponent(file.path)}&offset=${offset}`;
          await request("PUT", `${hostRoutes.export}/${id}/file?${query}`, {
            body: piece as Uint8Array<ArrayBuffer>,
            ...(signal && { signal }),
          });
          offset += piece.byteLength;
          written += piece.byteLength;
          onProgress?.({ path: file.path, bytes: written });
        } while (offset < file.bytes.byteLength);
      }
      if (signal?.aborted) throw new HostFailure("cancelled", "The export was cancelled; nothing was written.");
      const committed = await request("POST", `${hostRoutes.export}/${id}/commit`);
      return (await committed.json()) as ExportedBundle;
    } catch (error) {
      // The host also removes unfinished exports on its own; the first error is the one to report.
      await request("DELETE", `${hostRoutes.export}/${id}`).catch(() => undefined);
      throw error;
    }
  }

  async function runToolchain(
    bundle: string,
    onEvent: (event: ToolchainEvent) => void,
    signal?: AbortSignal,
  ): Promise<ToolchainResult> {
    const response = await request("POST", hostRoutes.toolchain, { body: JSON.stringify({ bundle }) });
    let result: ToolchainResult | undefined;
    let run: string | undefined;
    // Cancelling asks the host, and reads on: the last event says what happened.
    const cancel = (): void => {
      if (run !== undefined) void request("DELETE", `${hostRoutes.toolchain}/${run}`).catch(() => undefined);
    };
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      for await (const event of jsonLines<ToolchainEvent>(response)) {
        if (event.type === "start") {
          run = event.run;
          if (signal?.aborted) cancel();
        }
        if (event.type === "done") result = { ok: event.ok, cancelled: event.cancelled, message: event.message };
        onEvent(event);
      }
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
    if (!result) throw new HostFailure("unavailable", "The self-test ended without a result: its connection was lost.");
    return result;
  }

  const measure = async (body: MeasureRequest, signal?: AbortSignal): Promise<MeasureResult> =>
    (await (await request("POST", hostRoutes.measure, { body: JSON.stringify(body), ...(signal && { signal }) })).json()) as MeasureResult;

  const fileIfAny = async (path: string): Promise<OpenedFile | undefined> => ((await (await request("POST", path)).json()) as OpenedFile | null) ?? undefined;
  const keptAt = (key: string): string => `${hostRoutes.kept}/${encodeURIComponent(key)}`;
  const kept: KeptData = {
    list: (prefix) => getJson<readonly KeptEntry[]>(`${hostRoutes.kept}?prefix=${encodeURIComponent(prefix)}`),
    texts: (prefix) => getJson<Readonly<Record<string, string>>>(`${hostRoutes.kept}?prefix=${encodeURIComponent(prefix)}&texts`),
    async read(key) {
      const answer = await request("GET", keptAt(key));
      return answer.status === 204 ? undefined : answer.text();
    },
    write: async (key, data) => void (await request("PUT", keptAt(key), { body: data })),
    remove: async (key) => void (await request("DELETE", keptAt(key))),
    open: (key, name) => fileIfAny(`${keptAt(key)}?name=${encodeURIComponent(name)}`),
  };

  return {
    kind: native ? "electron" : "browser",
    info: () => getJson<HostInfo>(hostRoutes.info),
    examples: () => getJson<readonly Example[]>(hostRoutes.examples),
    recentFiles: () => getJson<readonly OpenedFile[]>(hostRoutes.recent),
    async openDialog() {
      if (native) return unwrap(await native.openDialog());
      const file = await page.pickFile();
      return file && heldByPage(file);
    },
    async registerDropped(file) {
      return native ? unwrap(await native.registerDropped(file)) : heldByPage(file);
    },
    fileUrl: (id) => address(hostRoutes.file + id),
    siblingUrl: (id, location) => address(`${hostRoutes.file}${id}?sibling=${encodeURIComponent(location)}`),
    async readFile(file, start, end) {
      if (file.blob) return new Uint8Array(await file.blob.slice(start, end).arrayBuffer());
      if (end <= start) return new Uint8Array(0);
      const answer = await request("GET", hostRoutes.file + file.id, { headers: { range: `bytes=${start}-${end - 1}` } });
      const bytes = new Uint8Array(await answer.arrayBuffer());
      // A host may ignore Range and send the whole file.
      return answer.status === 200 ? bytes.subarray(start, end) : bytes;
    },
    openBeside: (file, location) =>
      file.blob ? Promise.resolve(undefined) : fileIfAny(`${hostRoutes.beside}${file.id}?location=${encodeURIComponent(location)}`),
    kept,
    async saveFile(name, bytes, again, signal) {
      let query = again === undefined ? `name=${encodeURIComponent(name)}` : `target=${again}`;
      if (native && again === undefined) {
        const target = unwrap(await native.chooseSaveTarget(name));
        if (!target) return undefined;
        query = `target=${target.id}`;
      }
      const saved = await request("POST", `${hostRoutes.save}?${query}`, { body: bytes as Uint8Array<ArrayBuffer>, ...(signal && { signal }) });
      return (await saved.json()) as SavedFile;
    },
    ...(native && { chooseFolder: async () => unwrap(await native.chooseFolder()) }),
    exportBundle,
    runToolchain,
    measure,
    async openExternal(url) {
      if (native) unwrap(await native.openExternal(url));
      else page.openWindow(url);
    },
    ...(native && {
      showInFolder: async (bundle: string) => unwrap(await native.showInFolder(bundle)),
      setMenu: async (sections) => unwrap(await native.setMenu(sections)),
    }),
    setTitle(title, edited) {
      page.setTitle(title);
      void native?.setTitle(title, edited);
    },
    onMenuCommand: (listener) => (native ? native.onMenuCommand(listener) : () => undefined),
    onOpenFile: (listener) => (native ? native.onOpenFile(listener) : () => undefined),
  };
}

function unwrap<T>(reply: NativeReply<T>): T {
  if (!reply.ok) throw new HostFailure(reply.error.code, reply.error.message);
  return reply.value;
}

function heldByPage(file: DroppedFile): OpenedFile {
  return { id: crypto.randomUUID().replaceAll("-", ""), name: file.name, size: file.size, blob: file };
}

async function failureOf(response: Response): Promise<HostFailure> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as HostErrorBody;
    return new HostFailure(error.code, error.message);
  } catch {
    return new HostFailure("unavailable", `The host answered ${response.status} ${response.statusText}: ${text}`);
  }
}

async function* jsonLines<T>(response: Response): AsyncGenerator<T> {
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let pending = "";
  for (;;) {
    const { done, value } = await reader.read();
    pending += done ? decoder.decode() : decoder.decode(value, { stream: true });
    const lines = pending.split("\n");
    pending = lines.pop()!;
    for (const line of lines) if (line) yield JSON.parse(line) as T;
    if (done) return;
  }
}
