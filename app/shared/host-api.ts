/**
 * Everything behind `/host/...` and the window's own files, as one function from Request to Response. The browser host
 * wraps it in an HTTP server with a token, Electron in `protocol.handle("app")`. Both get the same headers and checks.
 */
import * as v from "valibot";
import { checked, errorBody, HostError, httpStatus } from "./host-error.ts";
import { listExamples } from "./examples.ts";
import type { ExportStore } from "./export-store.ts";
import { keptKeySchema, type KeptStore } from "./kept-store.ts";
import { newId, type FileRegistry } from "./file-registry.ts";
import { hostHeader, hostProtocolVersion, hostRoutes, type HostInfo, type MeasureRequest, type MeasureResult, type OpenedFile, type ToolchainEvent } from "./host-protocol.ts";
import { exportTargetSchema, idSchema, measureRequestSchema, nameSchema, toolchainRequestSchema } from "./host-schemas.ts";
import type { RecentFiles } from "./recent-files.ts";
import { securityHeaders } from "./security-headers.ts";
import { serveFile } from "./serve-file.ts";
import { serveStatic } from "./static-files.ts";
import { processorName, runC } from "./c-runner.ts";
import type { ToolchainRunner } from "./toolchain.ts";

export interface HostApiOptions {
  /** `http://127.0.0.1:<port>` or `app://graphwright`. */
  readonly origin: string;
  readonly host: HostInfo["host"];
  readonly version: string;
  readonly rendererFolder: string;
  readonly examplesFolder: string;
  readonly registry: FileRegistry;
  readonly exports: ExportStore;
  readonly recent: RecentFiles;
  readonly kept: KeptStore;
  readonly toolchain: { readonly find: () => Promise<HostInfo["capabilities"]["toolchain"]>; readonly run: ToolchainRunner };
  /** The model from the command line. */
  readonly opened?: OpenedFile;
}

export interface HostApi {
  handle(request: Request): Promise<Response>;
  /** Ends running tools and removes unfinished exports. */
  dispose(): void;
}

const jsonLimit = 64 * 1024;
/** A C program with some variants of a kernel. */
const sourceLimit = 9 * 1024 * 1024;
const pieceLimit = 64 * 1024 * 1024;
const offsetSchema = v.pipe(v.string(), v.regex(/^\d{1,15}$/, "a byte offset is needed"), v.transform(Number));

export function createHostApi(options: HostApiOptions): HostApi {
  const { registry, exports, kept, origin } = options;
  const runs = new Map<string, AbortController>();
  let foundToolchain: ReturnType<typeof options.toolchain.find> | undefined;
  const toolchain = () => (foundToolchain ??= options.toolchain.find());
  let examples: ReturnType<typeof listExamples> | undefined;

  async function info(): Promise<HostInfo> {
    const found = await toolchain();
    return {
      protocol: hostProtocolVersion,
      host: options.host,
      version: options.version,
      platform: process.platform,
      run: options.kept.run,
      capabilities: {
        ...(found && { toolchain: found }),
        dialogs: options.host === "electron",
        exportsFolder: exports.defaultFolder,
      },
      ...(options.opened && { opened: options.opened }),
    };
  }

  async function recent(): Promise<readonly OpenedFile[]> {
    const opened = await Promise.all((await options.recent.list()).map((path) => registry.open(path).catch(() => undefined)));
    return opened.filter((file) => file !== undefined);
  }

  function startToolchain(bundle: string): Response {
    const folder = exports.bundleFolder(bundle);
    const run = newId();
    const controller = new AbortController();
    runs.set(run, controller);
    const encoder = new TextEncoder();
    let closed = false;
    const work = async (stream: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
      const emit = (event: ToolchainEvent): void => {
        if (!closed) stream.enqueue(encoder.encode(`${JSON.stringify(event)}\n`));
      };
      emit({ type: "start", run });
      const result = (await toolchain())
        ? await options.toolchain.run(folder, emit, controller.signal).catch((error: unknown) => {
            return { ok: false, cancelled: false, message: errorBody(error).message };
          })
        : { ok: false, cancelled: false, message: "make or a C compiler is missing on this machine." };
      emit({ type: "done", ...result });
      runs.delete(run);
      if (!closed) stream.close();
    };
    const body = new ReadableStream<Uint8Array>({
      start: (stream) => void work(stream),
      // The window went away.
      cancel() {
        closed = true;
        controller.abort();
      },
    });
    return new Response(body, { headers: { "content-type": "application/x-ndjson", "cache-control": "no-store" } });
  }

  async function startMeasuring({ source, flags }: MeasureRequest): Promise<Response> {
    const found = await toolchain();
    const controller = new AbortController();
    const run = newId();
    runs.set(run, controller);
    let closed = false;
    const work = async (stream: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
      const answer = found
        ? await runC(found.compiler, flags, source, controller.signal).catch((error: unknown) => ({ ok: false, text: errorBody(error).message }))
        : { ok: false, text: "A C compiler is missing on this machine." };
      runs.delete(run);
      if (closed) return;
      stream.enqueue(new TextEncoder().encode(JSON.stringify({ ...answer, processor: processorName() } satisfies MeasureResult)));
      stream.close();
    };
    const body = new ReadableStream<Uint8Array>({
      start: (stream) => void work(stream),
      // Cancelled, or the window went away.
      cancel() {
        closed = true;
        controller.abort();
      },
    });
    return new Response(body, { headers: { "content-type": "application/json", "cache-control": "no-store" } });
  }

  async function route(request: Request, url: URL): Promise<Response> {
    const { pathname, searchParams } = url;
    const { method } = request;
    const reading = method === "GET" || method === "HEAD";
    if (!pathname.startsWith("/host/")) {
      if (!reading) throw new HostError("bad-request", `${method} is not possible here.`);
      return serveStatic(request, options.rendererFolder, pathname);
    }
    if (!reading) requireOwnPage(request, origin);

    if (reading && pathname === hostRoutes.info) return json(await info());
    if (reading && pathname === hostRoutes.examples) {
      return json(await (examples ??= listExamples(options.examplesFolder, registry)));
    }
    if (reading && pathname === hostRoutes.recent) return json(await recent());
    if (reading && pathname.startsWith(hostRoutes.file)) {
      const id = checked(idSchema, pathname.slice(hostRoutes.file.length), "file");
      const sibling = searchParams.get("sibling");
      const file = sibling === null ? await registry.locate(id) : await registry.locateSibling(id, sibling);
      return serveFile(request, file, { "content-type": "application/octet-stream", "cache-control": "no-store" });
    }
    if (method === "POST" && pathname.startsWith(hostRoutes.beside)) {
      const id = checked(idSchema, pathname.slice(hostRoutes.beside.length), "file");
      return json(await absent(async () => registry.open((await registry.locateSibling(id, searchParams.get("location") ?? "")).path)));
    }
    if (pathname === hostRoutes.kept && reading) {
      const prefix = searchParams.get("prefix") ?? "";
      return json(searchParams.has("texts") ? await kept.texts(prefix) : await kept.list(prefix));
    }
    if (pathname.startsWith(`${hostRoutes.kept}/`)) {
      const key = checked(keptKeySchema, pathname.slice(hostRoutes.kept.length + 1), "key");
      if (reading) {
        const text = await kept.read(key);
        if (text === undefined) return new Response(null, { status: 204 });
        return new Response(text, { headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" } });
      }
      if (method === "POST") {
        const name = checked(nameSchema, searchParams.get("name"), "name");
        const file = await absent(async () => registry.open(await kept.path(key)));
        return json(file && { id: file.id, size: file.size, name });
      }
      if (method === "PUT") await kept.write(key, request.body);
      else if (method === "DELETE") await kept.remove(key);
      else throw new HostError("bad-request", `${method} is not possible here.`);
      return new Response(null, { status: 204 });
    }
    if (method === "POST" && pathname === hostRoutes.save) {
      const target = searchParams.get("target");
      return json(
        target === null
          ? await exports.save(checked(nameSchema, searchParams.get("name"), "name"), request.body)
          : await exports.saveToChosen(checked(idSchema, target, "target"), request.body),
      );
    }
    if (method === "POST" && pathname === hostRoutes.export) {
      return json({ id: await exports.begin(checked(exportTargetSchema, await readJson(request), "export")) });
    }
    const [, exportId, action = ""] = new RegExp(`^${hostRoutes.export}/([^/]+)(/[a-z]+)?$`).exec(pathname) ?? [];
    if (exportId !== undefined) {
      const id = checked(idSchema, exportId, "export");
      if (method === "PUT" && action === "/file") {
        if (Number(request.headers.get("content-length") ?? 0) > pieceLimit) {
          throw new HostError("too-large", `A piece may have ${pieceLimit} bytes: send the file in several.`);
        }
        const offset = checked(offsetSchema, searchParams.get("offset"), "offset");
        await exports.write(id, searchParams.get("path") ?? "", offset, request.body);
        return new Response(null, { status: 204 });
      }
      if (method === "POST" && action === "/commit") return json(await exports.commit(id));
      if (method === "DELETE" && action === "") {
        await exports.abort(id);
        return new Response(null, { status: 204 });
      }
    }
    if (method === "POST" && pathname === hostRoutes.toolchain) {
      return startToolchain(checked(toolchainRequestSchema, await readJson(request), "toolchain").bundle);
    }
    if (method === "POST" && pathname === hostRoutes.measure) {
      return startMeasuring(checked(measureRequestSchema, await readJson(request, sourceLimit), "measure"));
    }
    if (method === "DELETE" && pathname.startsWith(`${hostRoutes.toolchain}/`)) {
      runs.get(pathname.slice(hostRoutes.toolchain.length + 1))?.abort();
      return new Response(null, { status: 204 });
    }
    throw new HostError("not-found", `The host has nothing at ${method} ${pathname}.`);
  }

  return {
    async handle(request) {
      let response: Response;
      try {
        response = await route(request, new URL(request.url));
      } catch (error) {
        response = failure(error);
      }
      for (const [name, value] of Object.entries(securityHeaders)) response.headers.set(name, value);
      return response;
    },
    dispose() {
      for (const controller of runs.values()) controller.abort();
      exports.dispose();
      kept.dispose();
    },
  };
}

/** Null where there is nothing: looking is no mistake, and a browser would write a failed request into its console. */
async function absent<T>(look: () => Promise<T>): Promise<T | null> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof HostError && (error.code === "not-found" || error.code === "forbidden")) return null;
    throw error;
  }
}

export function failure(error: unknown): Response {
  const body = errorBody(error);
  return json({ error: body }, httpStatus(body.code));
}

export function json(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" },
  });
}

/**
 * Requests that change something come from our page only. A page of another origin cannot send the header without a
 * preflight, which is never granted; `Origin` and `Sec-Fetch-Site` are set by the browser itself.
 */
function requireOwnPage(request: Request, origin: string): void {
  const from = request.headers.get("origin");
  const site = request.headers.get("sec-fetch-site");
  if ((from !== null && from !== origin) || (site !== null && site !== "same-origin") || !request.headers.has(hostHeader)) {
    throw new HostError("forbidden", "This request does not come from the program's own window.");
  }
}

async function readJson(request: Request, limit = jsonLimit): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (request.body) {
    for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > limit) throw new HostError("too-large", `The request is longer than ${limit} bytes.`);
      chunks.push(chunk);
    }
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new HostError("bad-request", "The request is not JSON.");
  }
}
