/**
 * The browser host: the window and `/host/...` on 127.0.0.1, for the person who started it and nobody else.
 *
 * A random token in the address becomes a cookie; requests without it get 401. `Host` must be our own address, so that a
 * page whose name was pointed at 127.0.0.1 (DNS rebinding) is refused, and so must `Origin` where a browser sends it.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { homedir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ExportStore } from "../shared/export-store.ts";
import { FileRegistry } from "../shared/file-registry.ts";
import { createHostApi, type HostApi } from "../shared/host-api.ts";
import { KeptStore } from "../shared/kept-store.ts";
import { configFolder, RecentFiles } from "../shared/recent-files.ts";
import { securityHeaders } from "../shared/security-headers.ts";
import { findToolchain, runToolchain } from "../shared/toolchain.ts";
import { version } from "../shared/version.ts";

export interface BrowserHostOptions {
  /** Build of the renderer: index.html and assets. */
  readonly rendererFolder: string;
  readonly examplesFolder: string;
  /** Model to open. */
  readonly model?: string | undefined;
  /** Where saves and exports go. Default: ~/graphwright-exports. */
  readonly exportsFolder?: string | undefined;
  /** Default: the person's configuration folder. */
  readonly configFolder?: string | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
}

export interface BrowserHost {
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string;
  /** What to open: the origin with the token. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts the server. Throws when the model cannot be opened. */
export async function startBrowserHost(options: BrowserHostOptions): Promise<BrowserHost> {
  const registry = new FileRegistry();
  const settings = options.configFolder ?? configFolder();
  const recent = new RecentFiles(join(settings, "recent-files.json"));
  const opened = options.model === undefined ? undefined : await registry.open(options.model);
  if (opened?.path) await recent.add(opened.path);

  const token = randomBytes(32).toString("base64url");
  const server = createServer();
  await listen(server, options.port ?? 0);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  const authority = `127.0.0.1:${address.port}`;
  const origin = `http://${authority}`;

  const api = createHostApi({
    origin,
    host: "browser",
    version,
    rendererFolder: options.rendererFolder,
    examplesFolder: options.examplesFolder,
    registry,
    exports: new ExportStore(options.exportsFolder ?? join(homedir(), "graphwright-exports")),
    recent,
    kept: new KeptStore(join(settings, "kept")),
    toolchain: { find: findToolchain, run: runToolchain },
    ...(opened && { opened }),
  });
  const guard = { authority, origin, token, cookie: `graphwright-${address.port}` };
  server.on("request", (request, response) => {
    answer(request, response, guard, api).catch((error: unknown) => {
      // The other side went away in the middle of an answer, or a file shrank: nobody is left to tell.
      if (!response.headersSent) response.writeHead(500, { ...securityHeaders });
      response.destroy(error instanceof Error ? error : undefined);
    });
  });

  return {
    origin,
    url: `${origin}/?token=${token}`,
    async close() {
      api.dispose();
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Guard {
  readonly authority: string;
  readonly origin: string;
  readonly token: string;
  /** Cookies are shared by all ports of an address, hence the port in its name. */
  readonly cookie: string;
}

async function answer(request: IncomingMessage, response: ServerResponse, guard: Guard, api: HostApi): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const url = new URL(request.url ?? "/", guard.origin);
  const refused = refusal(request, url, guard);
  if (refused) {
    send(response, refused);
    response.end(refused.text);
    return;
  }
  if (url.searchParams.has("token")) {
    // The token leaves the address bar, and with it the history and what a person copies.
    response.writeHead(303, {
      ...securityHeaders,
      location: "/",
      "set-cookie": `${guard.cookie}=${guard.token}; Path=/; HttpOnly; SameSite=Strict`,
      "cache-control": "no-store",
    });
    response.end();
    return;
  }
  const answered = await api.handle(toWebRequest(request, url, gone.signal));
  response.writeHead(answered.status, Object.fromEntries(answered.headers));
  // An error may be sent before the body was read: the connection cannot be used again then.
  if (!answered.ok && request.method !== "GET" && request.method !== "HEAD") response.shouldKeepAlive = false;
  if (answered.body === null) response.end();
  else await pipeline(Readable.fromWeb(answered.body as Parameters<typeof Readable.fromWeb>[0]), response);
}

interface Refusal {
  readonly status: number;
  readonly text: string;
}

function refusal(request: IncomingMessage, url: URL, guard: Guard): Refusal | undefined {
  const { host, origin, cookie } = request.headers;
  const site = request.headers["sec-fetch-site"];
  if (host !== guard.authority) return { status: 421, text: `This server answers to ${guard.authority} only.\n` };
  if (url.origin !== guard.origin) return { status: 400, text: "The address is not one of this server.\n" };
  if (origin !== undefined && origin !== guard.origin) return { status: 403, text: "Another origin may not ask.\n" };
  const offered = url.searchParams.get("token");
  const opening = url.pathname === "/" && offered !== null;
  // Following a link to the address from another page is fine; using anything from there is not.
  if (!opening && site !== undefined && site !== "same-origin" && site !== "none") {
    return { status: 403, text: "Another site may not ask.\n" };
  }
  const presented = offered ?? cookieValue(cookie, guard.cookie);
  if (presented === undefined || !same(presented, guard.token) || (offered !== null && !opening)) {
    return { status: 401, text: "Open the address that the program printed: it holds the key to this window.\n" };
  }
  return undefined;
}

function send(response: ServerResponse, { status, text }: Refusal): void {
  response.writeHead(status, {
    ...securityHeaders,
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    connection: "close",
  });
}

function cookieValue(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(";") ?? []) {
    const [key, value] = pair.trim().split("=", 2);
    if (key === name) return value;
  }
  return undefined;
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function toWebRequest(request: IncomingMessage, url: URL, signal: AbortSignal): Request {
  const method = request.method ?? "GET";
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined && name !== "cookie") headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  const hasBody = method !== "GET" && method !== "HEAD";
  return new Request(url, {
    method,
    headers,
    signal,
    ...(hasBody && { body: Readable.toWeb(request) as ReadableStream<Uint8Array>, duplex: "half" }),
  });
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((done, failed) => {
    server.once("error", failed);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", failed);
      done();
    });
  });
}

