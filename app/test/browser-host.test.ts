/** The browser host over real sockets, asked as a browser, a stranger and an attacker would. */
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { startBrowserHost, type BrowserHost } from "../browser/server.ts";
import { createHostClient, HostFailure } from "../shared/host-client.ts";
import { KeptStore } from "../shared/kept-store.ts";
import type { BundleFile, ToolchainEvent } from "../shared/host-protocol.ts";
import { contentSecurityPolicy } from "../shared/security-headers.ts";
import { needs } from "../tooling/need.ts";
import { temporaryFolder } from "./temporary.ts";

const folder = await temporaryFolder();
const large = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 7) & 255));
let host: BrowserHost;
let cookie: string;
let fileId: string;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

/** Raw HTTP: fetch would correct or refuse what an attacker sends. */
function ask(path: string, options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {}): Promise<Answer> {
  const { hostname, port } = new URL(host.origin);
  return new Promise((done, failed) => {
    const request = httpRequest({ hostname, port, path, method: options.method ?? "GET", headers: { cookie, ...options.headers } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const body = Buffer.concat(chunks);
        done({ status: response.statusCode ?? 0, headers: response.headers, body, text: body.toString() });
      });
      response.on("error", failed);
    });
    request.on("error", failed);
    request.end(options.body);
  });
}

beforeAll(async () => {
  const renderer = join(folder, "renderer");
  await mkdir(join(renderer, "assets"), { recursive: true });
  await writeFile(join(renderer, "index.html"), "<!doctype html><title>window</title>");
  await writeFile(join(renderer, "assets/main-1a2b.js"), "export {};");
  await writeFile(join(folder, "outside.txt"), "outside");
  await symlink("../outside.txt", join(renderer, "link.txt"));
  await mkdir(join(folder, "examples/digits/images"), { recursive: true });
  await mkdir(join(folder, "examples/no-model"));
  await writeFile(join(folder, "examples/digits/digits.onnx"), "model");
  await writeFile(join(folder, "examples/digits/images/3.npy"), "image");
  await writeFile(join(folder, "examples/digits/README.md"), "# Handwritten digits\n\nA small network\nfor digits.\n\n## More\n");
  await writeFile(join(folder, "net.onnx"), Buffer.concat([large, Buffer.from("net.data")]));
  await writeFile(join(folder, "net.data"), "external");
  host = await startBrowserHost({
    rendererFolder: renderer,
    examplesFolder: join(folder, "examples"),
    model: join(folder, "net.onnx"),
    exportsFolder: join(folder, "exports"),
    configFolder: join(folder, "config"),
  });
  const entered = await fetch(host.url, { redirect: "manual" });
  cookie = entered.headers.get("set-cookie")!.split(";")[0]!;
  fileId = (JSON.parse((await ask("/host/info")).text) as { opened: { id: string } }).opened.id;
});
afterAll(() => host.close());
afterEach(() => vi.unstubAllGlobals());

describe("who may ask", () => {
  test("it listens on 127.0.0.1 only", () => {
    expect(new URL(host.origin).hostname).toBe("127.0.0.1");
  });

  test("the token of the address becomes a cookie that scripts and other sites cannot use", async () => {
    const entered = await fetch(host.url, { redirect: "manual" });
    expect(entered.status).toBe(303);
    expect(entered.headers.get("location")).toBe("/");
    expect(entered.headers.get("set-cookie")).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
  });

  test.each(["/", "/host/info", "/assets/main-1a2b.js"])("%s without the cookie: 401", async (path) => {
    const answer = await ask(path, { headers: { cookie: "" } });
    expect(answer.status).toBe(401);
    expect(answer.text).not.toMatch(/<title>|protocol|export/);
  });

  test("a wrong token and a wrong cookie: 401", async () => {
    expect((await ask("/?token=guess", { headers: { cookie: "" } })).status).toBe(401);
    expect((await ask("/", { headers: { cookie: `${cookie.split("=")[0]}=guess` } })).status).toBe(401);
  });

  test("the token opens the window only, not the interface behind it", async () => {
    const token = new URL(host.url).searchParams.get("token");
    expect((await ask(`/host/info?token=${token}`, { headers: { cookie: "" } })).status).toBe(401);
  });

  test("another Host, as after DNS rebinding: 421", async () => {
    const port = new URL(host.origin).port;
    for (const name of [`evil.example:${port}`, `localhost:${port}`, "127.0.0.1", `127.0.0.1:${Number(port) + 1}`]) {
      expect((await ask("/host/info", { headers: { host: name } })).status, name).toBe(421);
    }
  });

  test("another Origin: 403, reading too", async () => {
    for (const origin of ["https://evil.example", "null", "http://127.0.0.1:1"]) {
      expect((await ask("/host/info", { headers: { origin } })).status, origin).toBe(403);
    }
  });

  test("another site's page: 403", async () => {
    expect((await ask(`/host/file/${fileId}`, { headers: { "sec-fetch-site": "cross-site" } })).status).toBe(403);
    expect((await ask("/host/info", { headers: { "sec-fetch-site": "same-site" } })).status).toBe(403);
  });

  test("a change without our own header: 403", async () => {
    const body = JSON.stringify({ name: "bundle" });
    expect((await ask("/host/export", { method: "POST", headers: { origin: host.origin }, body })).status).toBe(403);
    expect((await ask("/host/save?name=a.onnx", { method: "POST", body: "x" })).status).toBe(403);
    expect(await readdir(folder)).not.toContain("exports");
  });

  test("an absolute address of another server in the request line: refused", async () => {
    const { hostname, port } = new URL(host.origin);
    const line = await new Promise<string>((done, failed) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(`GET http://evil.example/host/info HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`);
      });
      let text = "";
      socket.on("data", (chunk) => (text += chunk.toString()));
      socket.on("end", () => done(text.split("\r\n", 1)[0]!));
      socket.on("error", failed);
    });
    expect(line).toBe("HTTP/1.1 400 Bad Request");
  });
});

describe("headers", () => {
  test.each(["/", "/host/info", "/nothing", "/host/file/none", "/..%2foutside.txt"])("of %s", async (path) => {
    const { headers } = await ask(path);
    expect(headers["content-security-policy"]).toBe(contentSecurityPolicy);
    expect(headers["cross-origin-opener-policy"]).toBe("same-origin");
    expect(headers["cross-origin-embedder-policy"]).toBe("require-corp");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("a refusal carries them too", async () => {
    const { status, headers } = await ask("/", { headers: { cookie: "" } });
    expect([status, headers["content-security-policy"]]).toEqual([401, contentSecurityPolicy]);
  });

  test("the policy", () => {
    const directives = new Map(contentSecurityPolicy.split("; ").map((each) => [each.split(" ", 1)[0], each.split(" ").slice(1).join(" ")]));
    expect(Object.fromEntries(directives)).toMatchObject({
      "default-src": "'none'",
      "script-src": "'self' 'wasm-unsafe-eval'",
      "worker-src": "'self'",
      "connect-src": "'self'",
      "img-src": "'self' data: blob:",
      "font-src": "'self'",
      "base-uri": "'none'",
      "style-src": "'self' 'unsafe-inline'",
    });
  });
});

describe("the window's files", () => {
  test("the page and its assets", async () => {
    expect(await ask("/")).toMatchObject({ status: 200, text: "<!doctype html><title>window</title>" });
    const script = await ask("/assets/main-1a2b.js");
    expect(script.headers["content-type"]).toBe("text/javascript; charset=utf-8");
    expect(script.headers["cache-control"]).toContain("immutable");
  });

  test.each([
    "/..%2foutside.txt",
    "/assets/..%2f..%2foutside.txt",
    "/%2e%2e%2foutside.txt",
    "/..%5coutside.txt",
    "/link.txt",
    "/%00",
    "/%zz",
    "/C:%2fWindows",
  ])("%s leaves the folder: 400", async (path) => {
    const answer = await ask(path);
    expect(answer.status).toBe(400);
    expect(answer.text).not.toContain("outside\n");
  });

  test("dots that the address itself resolves stay inside: 404", async () => {
    expect((await ask("/../outside.txt")).status).toBe(404);
    expect((await ask("/assets/../../outside.txt")).status).toBe(404);
  });
});

describe("a model's bytes", () => {
  const whole = () => Buffer.concat([large, Buffer.from("net.data")]);

  test("all of it, streamed", async () => {
    const answer = await ask(`/host/file/${fileId}`);
    expect(answer.status).toBe(200);
    expect(answer.headers["accept-ranges"]).toBe("bytes");
    expect(answer.body.equals(whole())).toBe(true);
  });

  test("HEAD says the length", async () => {
    const answer = await ask(`/host/file/${fileId}`, { method: "HEAD" });
    expect(answer.headers["content-length"]).toBe(String(whole().length));
    expect(answer.body.length).toBe(0);
  });

  test.each([
    ["bytes=0-3", 0, 4],
    ["bytes=2999999-", 2999999, 3000008],
    ["bytes=-8", 3000000, 3000008],
    ["bytes=100-1500000", 100, 1500001],
    ["bytes=5-99999999", 5, 3000008],
  ])("%s", async (range, from, to) => {
    const answer = await ask(`/host/file/${fileId}`, { headers: { range } });
    expect(answer.status).toBe(206);
    expect(answer.headers["content-range"]).toBe(`bytes ${from}-${to - 1}/3000008`);
    expect(answer.headers["content-length"]).toBe(String(to - from));
    expect(answer.body.equals(whole().subarray(from, to))).toBe(true);
  });

  test.each(["bytes=3000008-", "bytes=9-1", "bytes=0-1,5-6", "lines=1-2"])("%s: 416 with the size", async (range) => {
    const answer = await ask(`/host/file/${fileId}`, { headers: { range } });
    expect(answer.status).toBe(416);
    expect(answer.headers["content-range"]).toBe("bytes */3000008");
    expect(answer.body.length).toBe(0);
  });

  test("external data beside it, whole and in part", async () => {
    expect((await ask(`/host/file/${fileId}?sibling=net.data`)).text).toBe("external");
    const part = await ask(`/host/file/${fileId}?sibling=net.data`, { headers: { range: "bytes=2-4" } });
    expect([part.status, part.text]).toEqual([206, "ter"]);
  });

  test.each(["..%2fpasswd", "%2Fetc%2Fpasswd", "..%5Cx", "outside.txt"])("sibling=%s: 403", async (location) => {
    expect((await ask(`/host/file/${fileId}?sibling=${location}`)).status).toBe(403);
  });

  test("an unknown id and a path instead of an id", async () => {
    expect((await ask(`/host/file/${"0".repeat(32)}`)).status).toBe(404);
    expect((await ask("/host/file/%2Fetc%2Fpasswd")).status).toBe(400);
    expect((await ask("/host/file/../../etc/passwd")).status).toBe(404);
  });
});

describe("as the window asks", () => {
  const client = () => {
    const browserFetch = globalThis.fetch;
    // What a browser adds by itself.
    vi.stubGlobal("fetch", (url: string, init: RequestInit) =>
      browserFetch(url, { ...init, headers: { ...(init.headers as Record<string, string>), cookie, origin: host.origin, "sec-fetch-site": "same-origin" } }),
    );
    return createHostClient({ origin: host.origin, pickFile: () => Promise.resolve(undefined), openWindow: () => undefined, setTitle: () => undefined });
  };

  test("what there is", async () => {
    const bridge = client();
    const info = await bridge.info();
    expect(info).toMatchObject({ protocol: 1, host: "browser", opened: { name: "net.onnx", size: 3000008 } });
    expect(info.capabilities).toMatchObject({ dialogs: false, exportsFolder: join(folder, "exports") });
    expect(await bridge.recentFiles()).toMatchObject([{ name: "net.onnx", path: join(folder, "net.onnx") }]);
    const examples = await bridge.examples();
    expect(examples).toMatchObject([
      { name: "digits", title: "Handwritten digits", summary: "A small network for digits.", models: [{ name: "digits.onnx" }], files: [{ name: "images/3.npy" }] },
    ]);
    expect((await ask(new URL(bridge.fileUrl(examples[0]!.files[0]!.id)).pathname)).text).toBe("image");
    expect(bridge.chooseFolder).toBeUndefined();
  });

  test("a file is saved", async () => {
    const saved = await client().saveFile("result.onnx", new TextEncoder().encode("bytes"));
    expect(saved).toEqual({ id: expect.any(String), name: "result.onnx", path: join(folder, "exports/result.onnx"), size: 5 });
    expect(await readFile(saved!.path, "utf8")).toBe("bytes");
    // Saved again at the same place, not beside it.
    const again = await client().saveFile("result.onnx", new TextEncoder().encode("newer"), saved!.id);
    expect(again!.path).toBe(saved!.path);
    expect(await readFile(saved!.path, "utf8")).toBe("newer");
  });

  test("a file is read in part, and a file beside it is opened only when it is named", async () => {
    const bridge = client();
    const { opened } = await bridge.info();
    expect(await bridge.readFile(opened!, 3_000_000, 3_000_008)).toEqual(new TextEncoder().encode("net.data"));
    const beside = await bridge.openBeside(opened!, "net.data");
    expect(beside).toMatchObject({ name: "net.data", size: 8 });
    expect(await bridge.openBeside(opened!, "outside.txt")).toBeUndefined();
    expect(await bridge.openBeside(opened!, "../outside.txt")).toBeUndefined();
    expect(await bridge.openBeside(opened!, "nothing.data")).toBeUndefined();
  });

  test("what is kept is there for the next run, and nothing can be kept outside of its folder", async () => {
    const { kept } = client();
    expect(await kept.read("pref.settings")).toBeUndefined();
    await Promise.all([kept.write("pref.settings", "old"), kept.write("pref.settings", "new")]);
    await kept.write("model.abc", new Blob(["bytes"]));
    expect(await kept.texts("pref.")).toEqual({ "pref.settings": "new" });
    const next = new KeptStore(join(folder, "config/kept"));
    expect((await next.list("")).map(({ key, size }) => [key, size]).sort()).toEqual([["model.abc", 5], ["pref.settings", 3]]);
    expect(await kept.open("model.abc", "net.onnx")).toMatchObject({ name: "net.onnx", size: 5 });
    expect(await kept.open("model.none", "net.onnx")).toBeUndefined();
    await kept.remove("model.abc");
    expect((await kept.list("model.")).length).toBe(0);
    for (const key of ["../escape", "pref.", "pref.A", "other.x", "pref./x"]) await expect(kept.write(key, "x")).rejects.toMatchObject({ code: "bad-request" });
  });

  test.each(["../up.onnx", "a/b.onnx", ".bashrc", "", "a\0b"])("a file is not saved as %j", async (name) => {
    await expect(client().saveFile(name, new Uint8Array(1))).rejects.toMatchObject({ code: "bad-request" });
  });

  test("a bundle larger than one piece, with progress", async () => {
    const weights = new Uint8Array(20 * 1024 * 1024).map((_, index) => index % 251);
    const seen: number[] = [];
    const bundle = await client().exportBundle(
      { name: "large" },
      [
        { path: "manifest.json", bytes: new TextEncoder().encode("{}") },
        { path: "weights/large.bin", bytes: weights },
        { path: "empty", bytes: new Uint8Array(0) },
      ],
      { onProgress: ({ bytes }) => seen.push(bytes) },
    );
    expect(bundle).toMatchObject({ files: 3, bytes: weights.length + 2 });
    expect(seen).toEqual([2, 8388610, 16777218, 20971522, 20971522]);
    expect((await readFile(join(bundle.path, "weights/large.bin"))).equals(Buffer.from(weights))).toBe(true);
  });

  test("a bundle whose making fails leaves nothing", async () => {
    async function* files(): AsyncGenerator<BundleFile> {
      yield { path: "src/a.c", bytes: new Uint8Array(10) };
      await Promise.resolve();
      throw new Error("code generation failed");
    }
    await expect(client().exportBundle({ name: "failing" }, files())).rejects.toThrow("code generation failed");
    expect((await readdir(join(folder, "exports"))).filter((name) => name.includes("failing"))).toEqual([]);
  });

  test("a cancelled bundle leaves nothing", async () => {
    const cancel = new AbortController();
    const files = Array.from({ length: 10 }, (_, index) => ({ path: `src/${index}.c`, bytes: new Uint8Array(100) }));
    const exporting = client().exportBundle({ name: "cancelled" }, files, {
      signal: cancel.signal,
      onProgress: ({ path }) => path === "src/4.c" && cancel.abort(),
    });
    await expect(exporting).rejects.toMatchObject({ code: "cancelled" });
    expect((await readdir(join(folder, "exports"))).filter((name) => name.includes("cancelled"))).toEqual([]);
  });

  test("an existing bundle: the code says what to ask the person", async () => {
    const bridge = client();
    const files = [{ path: "manifest.json", bytes: new Uint8Array(2) }];
    await bridge.exportBundle({ name: "twice" }, files);
    const again = await bridge.exportBundle({ name: "twice" }, files).catch((error: unknown) => error);
    expect(again).toBeInstanceOf(HostFailure);
    expect(again).toMatchObject({ code: "exists", message: `"${join(folder, "exports/twice")}" already exists and is not empty.` });
    await bridge.exportBundle({ name: "twice", overwrite: true }, files);
  });

  test("a bundle that was not exported here is not built", async () => {
    await expect(client().runToolchain("0".repeat(32), () => undefined)).rejects.toMatchObject({ code: "not-found" });
  });

  const text = (path: string, content: string): BundleFile => ({ path, bytes: new TextEncoder().encode(content) });
  const withCompiler = needs("gcc", "make");

  withCompiler("make and the self-test, with their output", async () => {
    const bridge = client();
    const bundle = await bridge.exportBundle({ name: "passing" }, [
      text("Makefile", "all: selftest\nselftest: selftest.c\n\t$(CC) -o $@ $<\n"),
      text("selftest.c", '#include <stdio.h>\nint main(void) { puts("largest error 1e-7"); return 0; }\n'),
    ]);
    const events: ToolchainEvent[] = [];
    const result = await bridge.runToolchain(bundle.id, (event) => events.push(event));
    expect(result).toEqual({ ok: true, cancelled: false, message: "The self-test passed." });
    expect(events.filter((event) => event.type === "command").at(-1)).toMatchObject({ command: "./selftest" });
    expect(events).toContainEqual({ type: "output", stream: "stdout", text: "largest error 1e-7\n" });
  });

  withCompiler("a compiler error and a failing self-test are told apart", async () => {
    const bridge = client();
    const makefile = text("Makefile", "all: selftest/selftest\nselftest/selftest: selftest/selftest.c\n\t$(CC) -o $@ $<\n");
    const broken = await bridge.exportBundle({ name: "broken" }, [makefile, text("selftest/selftest.c", "int main(void) { return }\n")]);
    const errors: string[] = [];
    const first = await bridge.runToolchain(broken.id, (event) => event.type === "output" && errors.push(event.text));
    expect(first).toMatchObject({ ok: false, message: expect.stringMatching(/^make -j\d+ ended with code 2\.$/) as string });
    expect(errors.join("")).toContain("selftest.c:1:25");
    const failing = await bridge.exportBundle({ name: "failing-test" }, [makefile, text("selftest/selftest.c", "int main(void) { return 3; }\n")]);
    expect(await bridge.runToolchain(failing.id, () => undefined)).toMatchObject({ ok: false, message: "./selftest/selftest ended with code 3." });
  });

  withCompiler("cancelling ends the tools and their children", async () => {
    const bridge = client();
    const bundle = await bridge.exportBundle({ name: "endless" }, [
      text("Makefile", "all:\n\t@echo alive > beats; echo started; while :; do echo alive >> beats; sleep 0.05; done\n"),
    ]);
    const cancel = new AbortController();
    const result = await bridge.runToolchain(bundle.id, (event) => event.type === "output" && cancel.abort(), cancel.signal);
    expect(result).toEqual({ ok: false, cancelled: true, message: "Cancelled." });
    const beats = async (): Promise<number> => (await readFile(join(bundle.path, "beats"))).length;
    const atEnd = await beats();
    await new Promise((later) => setTimeout(later, 300));
    expect(await beats()).toBe(atEnd);
  });
});

test("a missing model stops the start with a message", async () => {
  const starting = startBrowserHost({ rendererFolder: folder, examplesFolder: folder, model: join(folder, "none.onnx"), configFolder: join(folder, "config") });
  await expect(starting).rejects.toThrow(`"${join(folder, "none.onnx")}" does not exist.`);
});

test("a missing build is named, not a blank page", async () => {
  const other = await startBrowserHost({ rendererFolder: join(folder, "no-build"), examplesFolder: folder, configFolder: join(folder, "config") });
  try {
    const entered = await fetch(other.url, { redirect: "manual" });
    const page = await fetch(other.origin, { headers: { cookie: entered.headers.get("set-cookie")!.split(";")[0]! } });
    expect(page.status).toBe(503);
    expect(await page.text()).toContain("npm run build");
  } finally {
    await other.close();
  }
});
