/** Electron's main process and preload against the stub, one test for each line of the desktop checklist it can show. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { contentSecurityPolicy } from "../shared/security-headers.ts";
import type { MenuSection, NativeBridge, NativeReply, OpenedFile } from "../shared/host-protocol.ts";
import type * as Stub from "./electron-stub.ts";
import { temporaryFolder } from "./temporary.ts";

const folder = await temporaryFolder();
/** Fresh for each test, as the program's modules are. */
let electron: typeof Stub;
let run = 0;
let files: string;
const argv = process.argv;

beforeEach(async () => {
  vi.resetModules();
  electron = await import("./electron-stub.ts");
  files = join(folder, String(run++));
  await mkdir(files);
  await writeFile(join(files, "net.onnx"), "0123456789");
  electron.answers.userData = join(files, "settings");
  electron.answers.documents = files;
  process.argv = ["electron", "main.mjs"];
});
afterEach(() => {
  process.argv = argv;
});

const importMain = (): Promise<unknown> => import("../electron/main/index.ts");
/** Starts the program and waits for its window. */
async function start(): Promise<Stub.BrowserWindow> {
  await importMain();
  electron.becomeReady();
  await vi.waitFor(() => {
    expect(electron.callsOf("dialog.showErrorBox")).toEqual([]);
    expect(electron.callsOf("window.show")).toHaveLength(1);
  });
  return electron.BrowserWindow.windows[0]!;
}
const get = async (url: string, init?: RequestInit): Promise<Response> => {
  const scheme = new URL(url).protocol.slice(0, -1);
  return electron.protocolHandlers.get(scheme)!(new Request(url, init));
};

interface Sender {
  readonly senderFrame: Stub.FrameStub | null;
  readonly sender: { readonly mainFrame: Stub.FrameStub };
}
async function send(message: string, args: readonly unknown[], from?: Sender): Promise<NativeReply<unknown>> {
  const { mainFrame } = electron.BrowserWindow.windows[0]!.webContents;
  const event = from ?? { senderFrame: mainFrame, sender: { mainFrame } };
  return (await electron.ipcHandlers.get(`graphwright:${message}`)!(event as never, ...args)) as NativeReply<unknown>;
}

describe("checklist 1: sandbox", () => {
  test("is on before anything waits for ready", async () => {
    await importMain();
    expect(electron.calls[0]).toEqual({ name: "app.enableSandbox", args: [] });
    expect(electron.BrowserWindow.windows).toEqual([]);
  });

  test("the window has no Node", async () => {
    const { options } = await start();
    expect(options.webPreferences).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webviewTag: false,
    });
  });
});

describe("checklist 2: app:// only", () => {
  test("the window loads app://", async () => {
    await start();
    expect(electron.callsOf("window.loadURL")).toEqual([["app://graphwright/index.html"]]);
  });

  test("file:// fails, the network is cancelled", async () => {
    await start();
    expect((await get("file:///etc/hostname")).status).toBe(403);
    const [filter] = electron.requestFilters;
    expect(filter!.filter.urls).toEqual(expect.arrayContaining(["http://*/*", "https://*/*", "ws://*/*", "wss://*/*"]));
    const answer = vi.fn();
    filter!.listener({ url: "https://example.com/" } as never, answer);
    expect(answer).toHaveBeenCalledWith({ cancel: true });
  });

  test.each(["app://graphwright/..%2fpackage.json", "app://graphwright/%2e%2e%2f%2e%2e%2fetc/passwd", "app://graphwright/..%5cx", "app://other/index.html", "app://graphwright.evil/index.html"])(
    "%s gets 400",
    async (url) => {
      await start();
      expect((await get(url)).status).toBe(400);
    },
  );
});

test("checklist 3: the scheme's privileges, before ready", async () => {
  await importMain();
  expect(electron.callsOf("protocol.registerSchemesAsPrivileged")).toEqual([
    [[{ scheme: "app", privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true, bypassCSP: false } }]],
  ]);
});

describe("checklist 4 and 14: headers", () => {
  test.each(["app://graphwright/index.html", "app://graphwright/host/info", "app://graphwright/none", "app://other/"])("of %s", async (url) => {
    await start();
    const { headers } = await get(url);
    expect(headers.get("content-security-policy")).toBe(contentSecurityPolicy);
    expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(headers.get("cross-origin-embedder-policy")).toBe("require-corp");
  });
});

test("checklist 5: permissions, checks and devices are denied", async () => {
  await start();
  const { request, check, device } = electron.permissions;
  for (const permission of ["media", "geolocation", "clipboard-read", "fullscreen"] as const) {
    const answer = vi.fn();
    request!({} as never, permission, answer, {} as never);
    expect(answer).toHaveBeenCalledWith(false);
    expect(check!({} as never, permission as never, "app://graphwright", {} as never)).toBe(false);
  }
  expect(device!({ deviceType: "usb", origin: "app://graphwright" } as never)).toBe(false);
});

describe("checklist 6 and 7: navigation", () => {
  test.each(["will-navigate", "will-redirect", "will-frame-navigate", "will-attach-webview"])("%s is prevented", async (event) => {
    const window = await start();
    const preventDefault = vi.fn();
    window.webContents.emit(event, { preventDefault }, "https://example.com/");
    expect(preventDefault).toHaveBeenCalledOnce();
  });

  test.each([
    ["https://onnx.ai/onnx/operators/", true],
    ["https://github.com/onnx/onnx", true],
    ["http://onnx.ai/", false],
    ["https://onnx.ai.evil.example/", false],
    ["https://evil.example/onnx.ai", false],
    ["https://onnx.ai@evil.example/", false],
    ["https://user@onnx.ai/", false],
    ["https://onnx.ai:8443/", false],
    ["file:///etc/passwd", false],
    ["javascript:alert(1)", false],
    ["smb://server/share", false],
    ["not an address", false],
  ])("%s opens outside: %s", async (url, allowed) => {
    const window = await start();
    expect(window.webContents.windowOpen!({ url } as never)).toEqual({ action: "deny" });
    expect(electron.callsOf("shell.openExternal")).toEqual(allowed ? [[url]] : []);
    const reply = await send("openExternal", [url]);
    expect(reply.ok).toBe(allowed);
  });
});

describe("checklist 8: the IPC wrapper", () => {
  const main: Stub.FrameStub = { parent: null, origin: "app://graphwright", url: "app://graphwright/index.html" };

  test.each<[string, Sender]>([
    ["a frame inside the page", { senderFrame: { ...main, parent: main }, sender: { mainFrame: main } }],
    ["another top frame", { senderFrame: { ...main }, sender: { mainFrame: main } }],
    ["a frame that is gone", { senderFrame: null, sender: { mainFrame: main } }],
    ...["https://evil.example", "file://", "null", "app://other", "app://graphwright.evil"].map((origin): [string, Sender] => {
      const frame = { ...main, origin };
      return [`the origin ${origin}`, { senderFrame: frame, sender: { mainFrame: frame } }];
    }),
  ])("%s is refused", async (_name, from) => {
    await start();
    electron.answers.open = { canceled: false, filePaths: [join(files, "net.onnx")] };
    expect(await send("openDialog", [], from)).toMatchObject({ ok: false, error: { code: "forbidden" } });
    expect(electron.callsOf("dialog.showOpenDialog")).toEqual([]);
  });

  test.each<[string, readonly unknown[]]>([
    ["openDialog", ["surplus"]],
    ["registerDropped", []],
    ["registerDropped", [""]],
    ["registerDropped", [{ path: "/etc/passwd" }]],
    ["chooseSaveTarget", ["../../evil"]],
    ["openExternal", [42]],
    ["showInFolder", ["/etc"]],
    ["setMenu", [[{ label: "File", entries: [{ type: "role", role: "services" }] }]]],
    ["setMenu", [[{ label: "File", entries: [{ type: "command", command: "a", label: "A", click: "evil" }] }]]],
    ["setTitle", ["title"]],
  ])("%s(%j) is refused by its schema", async (message, args) => {
    await start();
    const before = electron.calls.length;
    expect(await send(message, args)).toMatchObject({ ok: false, error: { code: "bad-request" } });
    expect(electron.calls.length).toBe(before);
  });

  test("every message of the preload has a handler, and no handler is without", async () => {
    await start();
    const { ipcMessages } = await import("../shared/host-protocol.ts");
    expect([...electron.ipcHandlers.keys()].sort()).toEqual(ipcMessages.map((name) => `graphwright:${name}`).sort());
  });

  test("an error is a value with its code", async () => {
    await start();
    expect(await send("registerDropped", [join(files, "none.onnx")])).toEqual({
      ok: false,
      error: { code: "not-found", message: `"${join(files, "none.onnx")}" does not exist.` },
    });
  });
});

describe("checklist 9: the preload", () => {
  async function bridge(): Promise<NativeBridge> {
    await import("../electron/preload/index.ts");
    expect([...electron.exposed.keys()]).toEqual(["graphwrightHost"]);
    return electron.exposed.get("graphwrightHost") as NativeBridge;
  }

  test("one function for each message, nothing of Electron", async () => {
    const { ipcMessages } = await import("../shared/host-protocol.ts");
    const exposed = await bridge();
    expect(Object.keys(exposed).sort()).toEqual([...ipcMessages, "onMenuCommand", "onOpenFile"].sort());
    expect(Object.values(exposed).every((each) => typeof each === "function")).toBe(true);
    await exposed.setTitle("net.onnx", true);
    await exposed.registerDropped({ name: "net.onnx" } as File);
    expect(electron.callsOf("ipcRenderer.invoke")).toEqual([
      ["graphwright:setTitle", "net.onnx", true],
      ["graphwright:registerDropped", "/dropped/net.onnx"],
    ]);
  });

  test("listeners get the value without the event, and can stop", async () => {
    const listener = vi.fn();
    const stop = (await bridge()).onMenuCommand(listener);
    electron.sendToPreload("graphwright:menu-command", "fit");
    stop();
    electron.sendToPreload("graphwright:menu-command", "fit");
    expect(listener.mock.calls).toEqual([["fit"]]);
  });

  test("a file that comes before the first listener is not lost", async () => {
    const exposed = await bridge();
    const file: OpenedFile = { id: "a", name: "net.onnx", size: 1 };
    electron.sendToPreload("graphwright:open-file", file);
    const listener = vi.fn();
    exposed.onOpenFile(listener);
    electron.sendToPreload("graphwright:open-file", { ...file, id: "b" });
    expect(listener.mock.calls).toEqual([[file], [{ ...file, id: "b" }]]);
  });
});

test("checklist 12: webSecurity stays on, no Blink flags", async () => {
  const { options } = await start();
  expect(options.webPreferences!.webSecurity).toBe(true);
  expect(options.webPreferences).not.toHaveProperty("enableBlinkFeatures");
  expect(options.webPreferences).not.toHaveProperty("experimentalFeatures");
  expect(options.webPreferences).not.toHaveProperty("allowRunningInsecureContent");
});

describe("checklist 13: the main process never blocks", () => {
  test("a model's bytes stream, in ranges", async () => {
    process.argv.push(join(files, "net.onnx"));
    await start();
    const info = (await (await get("app://graphwright/host/info")).json()) as { opened: OpenedFile };
    const part = await get(`app://graphwright/host/file/${info.opened.id}`, { headers: { range: "bytes=2-4" } });
    expect([part.status, part.headers.get("content-range"), await part.text()]).toEqual([206, "bytes 2-4/10", "234"]);
  });

  test("the toolchain runs in a utility process and is cancelled there", async () => {
    await importMain();
    const { runToolchainInUtility } = await import("../electron/main/toolchain-client.ts");
    const events: unknown[] = [];
    const cancel = new AbortController();
    const result = runToolchainInUtility("/bundle", (event) => events.push(event), cancel.signal);
    const [child] = electron.forked;
    expect(String(electron.callsOf("utilityProcess.fork")[0]![0])).toMatch(/toolchain\.mjs$/);
    child!.emit("spawn");
    child!.emit("message", { type: "event", event: { type: "command", command: "make" } });
    cancel.abort();
    child!.emit("message", { type: "result", result: { ok: false, cancelled: true, message: "Cancelled." } });
    expect(await result).toEqual({ ok: false, cancelled: true, message: "Cancelled." });
    expect(child!.posted).toEqual([{ type: "run", folder: "/bundle" }, { type: "cancel" }]);
    expect(events).toEqual([{ type: "command", command: "make" }]);
    expect(child!.killed).toBe(true);
  });

  test("a utility process that dies is an answer, not a wait", async () => {
    await importMain();
    const { runToolchainInUtility } = await import("../electron/main/toolchain-client.ts");
    const result = runToolchainInUtility("/bundle", () => undefined, new AbortController().signal);
    electron.forked[0]!.emit("exit", 9);
    expect(await result).toEqual({ ok: false, cancelled: false, message: "The toolchain's process ended with code 9." });
  });

  test("inside the utility process: the runner's events and result", async () => {
    const { serveToolchain } = await import("../electron/main/toolchain-process.ts");
    const port = new electron.UtilityProcessStub();
    const done = vi.fn();
    serveToolchain(port as never, done);
    port.emit("message", { data: { type: "run", folder: files } });
    await vi.waitFor(() => expect(done).toHaveBeenCalled());
    expect(port.posted).toEqual([
      { type: "result", result: { ok: false, cancelled: false, message: `There is no Makefile in ${files}.` } },
    ]);
  });
});

describe("opening files", () => {
  const opened = async (): Promise<OpenedFile | undefined> =>
    ((await (await get("app://graphwright/host/info")).json()) as { opened?: OpenedFile }).opened;

  test("of the command line, relative to the current folder and among Chromium's switches", async () => {
    const { modelArgument } = await import("../electron/main/arguments.ts");
    expect(modelArgument(["electron", "main.mjs", "--inspect", "a.onnx"], "/home/me", false)).toBe("/home/me/a.onnx");
    expect(modelArgument(["/opt/Graphwright/graphwright", "--no-zygote", "/m/a.onnx"], "/", true)).toBe("/m/a.onnx");
    expect(modelArgument(["graphwright"], "/", true)).toBeUndefined();
    process.argv.push(join(files, "net.onnx"));
    await start();
    expect(await opened()).toMatchObject({ name: "net.onnx", size: 10 });
    expect(electron.callsOf("app.addRecentDocument")).toEqual([[join(files, "net.onnx")]]);
  });

  test("a missing one is told, and the window opens without it", async () => {
    process.argv.push(join(files, "none.onnx"));
    await importMain();
    electron.becomeReady();
    await vi.waitFor(() => expect(electron.callsOf("window.show")).toHaveLength(1));
    expect(electron.callsOf("dialog.showErrorBox")).toEqual([["The file was not opened", `"${join(files, "none.onnx")}" does not exist.`]]);
    expect(await opened()).toBeUndefined();
  });

  test("handed over before the window exists", async () => {
    await importMain();
    const preventDefault = vi.fn();
    electron.appEvents.emit("open-file", { preventDefault }, join(files, "net.onnx"));
    expect(preventDefault).toHaveBeenCalled();
    electron.becomeReady();
    await vi.waitFor(async () => expect(await opened()).toMatchObject({ name: "net.onnx" }));
  });

  test("by a second start, which only passes its file on", async () => {
    const window = await start();
    await new Promise((soon) => setImmediate(soon));
    electron.appEvents.emit("second-instance", {}, ["electron", "main.mjs", "net.onnx"], files);
    await vi.waitFor(() => expect(window.webContents.sent).toMatchObject([["graphwright:open-file", { name: "net.onnx", size: 10 }]]));
    expect(electron.callsOf("window.focus")).toHaveLength(1);
  });

  test("the second start itself ends", async () => {
    electron.answers.singleInstance = false;
    await importMain();
    electron.becomeReady();
    expect(electron.callsOf("app.quit")).toHaveLength(1);
    expect(electron.BrowserWindow.windows).toEqual([]);
  });

  test("by the dialog, and not when it is cancelled", async () => {
    await start();
    expect(await send("openDialog", [])).toEqual({ ok: true, value: undefined });
    electron.answers.open = { canceled: false, filePaths: [join(files, "net.onnx")] };
    expect(await send("openDialog", [])).toMatchObject({ ok: true, value: { name: "net.onnx", size: 10 } });
  });
});

describe("saving", () => {
  test("into the place the dialog gave, and no other", async () => {
    await start();
    electron.answers.save = { canceled: false, filePath: join(files, "saved.onnx") };
    const reply = (await send("chooseSaveTarget", ["net.onnx"])) as { value: { id: string } };
    const headers = { "x-graphwright-host": "1", origin: "app://graphwright" };
    const saved = await get(`app://graphwright/host/save?target=${reply.value.id}`, { method: "POST", body: "bytes", headers });
    expect(await saved.json()).toMatchObject({ path: join(files, "saved.onnx"), size: 5 });
    expect(await readFile(join(files, "saved.onnx"), "utf8")).toBe("bytes");
    const guessed = await get(`app://graphwright/host/save?target=${"0".repeat(32)}`, { method: "POST", body: "x", headers });
    expect(guessed.status).toBe(404);
    const foreign = await get(`app://graphwright/host/save?target=${reply.value.id}`, { method: "POST", body: "x", headers: { ...headers, origin: "https://evil.example" } });
    expect(foreign.status).toBe(403);
  });
});

describe("menu and window", () => {
  test("a menu entry of the window's command table sends its command", async () => {
    const window = await start();
    const sections: MenuSection[] = [
      { label: "Graph", entries: [{ type: "command", command: "graph.fit", label: "Fit", accelerator: "F" }, { type: "separator" }, { type: "role", role: "copy" }] },
    ];
    expect(await send("setMenu", [sections])).toEqual({ ok: true, value: undefined });
    const template = electron.callsOf("Menu.setApplicationMenu").at(-1)![0] as { label: string; submenu: { click?: () => void; role?: string }[] }[];
    const graph = template.find((each) => each.label === "Graph")!;
    expect(graph.submenu).toMatchObject([{ id: "graph.fit", label: "Fit", accelerator: "F" }, { type: "separator" }, { role: "copy" }]);
    graph.submenu[0]!.click!();
    expect(window.webContents.sent).toEqual([["graphwright:menu-command", "graph.fit"]]);
  });

  test("its place is remembered, unless no screen shows it any more", async () => {
    const window = await start();
    window.bounds = { x: 100, y: 50, width: 1000, height: 700 };
    window.emit("close");
    const saved = join(electron.answers.userData, "window.json");
    await vi.waitFor(async () => expect(JSON.parse(await readFile(saved, "utf8"))).toEqual({ x: 100, y: 50, width: 1000, height: 700, maximized: false }));
    const { readWindowState } = await import("../electron/main/window-state.ts");
    expect(await readWindowState(saved)).toMatchObject({ x: 100, width: 1000 });
    await writeFile(saved, JSON.stringify({ x: 5000, y: 50, width: 1000, height: 700, maximized: false }));
    expect(await readWindowState(saved)).toBeUndefined();
    await writeFile(saved, "{ damaged");
    expect(await readWindowState(saved)).toBeUndefined();
  });
});
