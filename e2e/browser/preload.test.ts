/** Electron's preload, as built, in a real Chromium page with the three modules a sandboxed preload may require. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { NativeBridge } from "../../app/shared/host-protocol.ts";
import { needs } from "../../app/tooling/need.ts";
import { inRoot } from "../../app/tooling/run.mjs";
import { launchBrowser } from "../harness.ts";

needs("chromium")("the preload is one CommonJS file that exposes the bridge and needs nothing else", async () => {
  const folder = await mkdtemp(join(tmpdir(), "graphwright-preload-"));
  await writeFile(join(folder, "index.html"), '<!doctype html><title>preload</title><link rel="icon" href="data:,">');
  const preload = await readFile(inRoot("app/dist/electron/preload.cjs"), "utf8");
  const program = await launchBrowser({
    rendererFolder: folder,
    initScript: `{
      const sent = (window.sent = []);
      const listeners = (window.listeners = {});
      const electron = {
        contextBridge: { exposeInMainWorld: (name, api) => { window[name] = Object.freeze(api); } },
        ipcRenderer: {
          invoke: (channel, ...args) => { sent.push(structuredClone([channel, ...args])); return Promise.resolve({ ok: true, value: undefined }); },
          on: (channel, listener) => { listeners[channel] = listener; },
          off: (channel) => { delete listeners[channel]; },
        },
        webUtils: { getPathForFile: (file) => "/dropped/" + file.name },
      };
      const require = (name) => { if (name !== "electron") throw new Error("a sandboxed preload cannot require " + name); return electron; };
      (function (require, exports, module, process) { ${preload} })(require, {}, { exports: {} }, undefined);
    }`,
  });
  try {
    const seen = await program.page.evaluate(async () => {
      const page = window as unknown as {
        graphwrightHost: NativeBridge;
        sent: unknown[];
        listeners: Record<string, (event: unknown, value: string) => void>;
      };
      await page.graphwrightHost.registerDropped(new File(["x"], "net.onnx"));
      await page.graphwrightHost.openExternal("https://onnx.ai/");
      const heard: unknown[] = [];
      page.graphwrightHost.onMenuCommand((...values) => heard.push(values));
      page.listeners["graphwright:menu-command"]!({ sender: "secret" }, "graph.fit");
      return { sent: page.sent, heard };
    });
    expect(seen).toEqual({
      sent: [
        ["graphwright:registerDropped", "/dropped/net.onnx"],
        ["graphwright:openExternal", "https://onnx.ai/"],
      ],
      heard: [["graph.fit"]],
    });
  } finally {
    await program.close();
    await rm(folder, { recursive: true, force: true });
  }
});
