/** The harness notices what it promises to notice: each page here is broken on purpose. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect } from "vitest";
import { needs } from "../../app/tooling/need.ts";
import { launchBrowser } from "../harness.ts";

const folder = await mkdtemp(join(tmpdir(), "graphwright-harness-"));
afterAll(() => rm(folder, { recursive: true, force: true }));
let next = 0;
/** A window of one page and one script. */
async function windowOf(body: string, script = ""): Promise<string> {
  const renderer = join(folder, String(next++));
  await mkdir(renderer);
  await writeFile(join(renderer, "index.html"), `<!doctype html><title>canary</title><link rel="icon" href="data:,"><body><p>page</p>${body}<script type="module" src="main.js"></script></body>`);
  await writeFile(join(renderer, "main.js"), `${script}\ndocument.body.dataset.done = "yes";`);
  return renderer;
}
const test = needs("chromium");

describe("a journey fails on", () => {
  test.each([
    ["an inline script", "<script>window.evil = 1</script>", "", /policy violation: script-src-elem/],
    ["eval", "", "try { eval('1') } catch {}", /policy violation: script-src forbids eval/],
    ["an inline event handler", "<b onclick='x()'>b</b>", "document.querySelector('b').click();", /policy violation: script-src-attr/],
    ["an error in the console", "", "console.error('broken');", /console: broken/],
    ["an uncaught exception", "", "setTimeout(() => { throw new Error('lost') });", /exception: Error: lost/],
    ["a request to another site", "", "fetch('https://example.com/').catch(() => {});", /policy violation: connect-src/],
    ["a missing file", "<img src='none.png'>", "", /console: Failed to load resource/],
  ])("%s", async (_what, body, script, problem) => {
    const program = await launchBrowser({ rendererFolder: await windowOf(body, script) });
    await program.page.waitForSelector("body[data-done]");
    await expect.poll(() => program.problems.join("\n")).toMatch(problem);
    await expect(program.close()).rejects.toThrow(problem);
  });
});

test("a page without problems passes, isolated and with exact ranges for synchronous reads", async () => {
  const model = join(folder, "net.onnx");
  await writeFile(model, Uint8Array.from({ length: 1000 }, (_, index) => index % 256));
  const program = await launchBrowser({ rendererFolder: await windowOf("<p>ok</p>"), model });
  const { page } = program;
  await page.waitForSelector("body[data-done]");
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  expect(new URL(page.url()).search).toBe("");
  const read = await page.evaluate(async () => {
    const info = (await (await fetch("/host/info")).json()) as { opened: { id: string } };
    const request = new XMLHttpRequest();
    request.open("GET", `/host/file/${info.opened.id}`, false);
    request.overrideMimeType("text/plain; charset=x-user-defined");
    request.setRequestHeader("Range", "bytes=300-303");
    request.send();
    const bytes = [...request.responseText].map((letter) => letter.charCodeAt(0) & 255);
    return { status: request.status, range: request.getResponseHeader("Content-Range"), bytes };
  });
  expect(read).toEqual({ status: 206, range: "bytes 300-303/1000", bytes: [44, 45, 46, 47] });
  await program.close();
});

test("an expected problem can be taken off, one that did not happen cannot", async () => {
  const program = await launchBrowser({ rendererFolder: await windowOf("", "console.error('expected');") });
  await program.page.waitForSelector("body[data-done]");
  expect(() => program.expectProblem(/something else/)).toThrow(/No problem like/);
  program.expectProblem(/console: expected/);
  await program.close();
});
