/**
 * Steps through ResNet-50's rewrites in the window by holding a key, forward and back, and writes docs/step-time.md: for each key
 * event (real ones, repeated as a keyboard repeats them) the time until the frame with the graph of its step is painted.
 * Usage: npm run bench:step -- [--steps N] [--interval MS] [--no-docs] [--profile FILE] [--trace FILE]
 *        GRAPHWRIGHT_SHARED names the folder with the onnx project's light networks.
 */
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { lightFile, lightSource } from "../../compiler-core/test/fixtures/light.ts";
import { chooseFile, has, launch, machine, openPage, option, quantile, startHost, writeMeasured } from "./window.ts";

const wanted = Number(option("steps") ?? 500);
/** Milliseconds between two events of a key that is held: 30 in a second, as keyboards repeat. */
const interval = Number(option("interval") ?? 33);
const shared = path.resolve(process.env["GRAPHWRIGHT_SHARED"] || "../shared");
if (!existsSync(lightSource(shared, "resnet50"))) throw new Error(`ResNet-50 of the onnx project is not at ${lightSource(shared, "resnet50")}: GRAPHWRIGHT_SHARED names the folder.`);

interface Held {
  /** of each key event: when it happened, and the step it asks for */
  readonly events: readonly { readonly at: number; readonly step: number }[];
  /** when which step was painted */
  readonly paints: readonly { readonly at: number; readonly step: number }[];
  readonly blocks: readonly number[];
}

/** In the page: notes key events, painted steps and long tasks. The frame is done when the message that it posts arrives. */
const watch = `(() => {
  const held = (window.held = { events: [], paints: [], blocks: [], step: Number(document.querySelector('[data-testid="graph-panel"]').dataset.step), last: 0 });
  const panel = document.querySelector('[data-testid="graph-panel"]');
  const channel = new MessageChannel();
  let pending = [];
  channel.port1.onmessage = () => { const at = performance.now(); for (const step of pending) held.paints.push({ at, step }); pending = []; };
  new MutationObserver(() => {
    if (panel.dataset.step === undefined) return;
    const step = Number(panel.dataset.step);
    requestAnimationFrame(() => { pending.push(step); channel.port2.postMessage(0); });
  }).observe(panel, { attributes: true, attributeFilter: ["data-step"] });
  window.addEventListener("keydown", (event) => {
    const by = event.key === "j" ? 1 : event.key === "k" ? -1 : 0;
    const step = Math.max(0, Math.min(held.last, held.step + by));
    if (by === 0 || step === held.step) return;
    held.step = step;
    held.events.push({ at: event.timeStamp, step });
  }, true);
  new PerformanceObserver((list) => { for (const each of list.getEntries()) held.blocks.push(each.duration); }).observe({ entryTypes: ["longtask"] });
})()`;

const host = await startHost();
const browser = await launch();
try {
  const page = await openPage(browser, host.url);
  const session = await page.context().newCDPSession(page);
  await chooseFile(page, lightFile(shared, "resnet50"));
  const panel = page.getByTestId("graph-panel");
  const atStep = (step: number): Promise<unknown> => page.waitForFunction((wantedStep) => document.querySelector<HTMLElement>('[data-testid="graph-panel"]')?.dataset["step"] === String(wantedStep), step, { timeout: 120_000 });
  await atStep(0);
  await page.getByTestId("run-all").click();
  await page.waitForFunction(() => Number(document.querySelector<HTMLElement>('[data-testid="graph-panel"]')?.dataset["step"] ?? 0) > 0 && document.querySelector('[data-testid="task"]') === null, undefined, { timeout: 300_000 });
  const last = Number(await panel.getAttribute("data-step"));
  console.log(`ResNet-50: ${last} rewrites`);
  if (has("open-all")) await page.getByTestId("expand-all").click();
  // Home belongs to the canvas where it has the focus.
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.keyboard.press("Home");
  await atStep(0);
  await page.waitForTimeout(2000);
  await page.evaluate(watch);
  await page.evaluate((value) => { (window as unknown as { held: { last: number } }).held.last = value; }, last);
  if (option("profile")) {
    await session.send("Profiler.enable");
    await session.send("Profiler.start");
  }

  // Processor time of the page's main thread, whatever else the machine does.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const spent = async (): Promise<Readonly<Record<string, number>>> => Object.fromEntries((await session.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value * 1000]));
  const spentBefore = await spent();
  if (option("trace")) await browser.startTracing(page, { path: option("trace")!, categories: ["devtools.timeline", "cc", "disabled-by-default-devtools.timeline"] });

  let made = 0;
  let forward = true;
  while (made < wanted) {
    const count = Math.min(last, wanted - made);
    const key = forward ? "j" : "k";
    const code = { key, code: `Key${key.toUpperCase()}`, text: key, windowsVirtualKeyCode: key.toUpperCase().charCodeAt(0) };
    const began = performance.now();
    for (let i = 0; i < count; i++) {
      const wait = began + i * interval - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      // Sent at its time, whether the window has answered the one before or not: so does a keyboard.
      void session.send("Input.dispatchKeyEvent", { type: "keyDown", autoRepeat: i > 0, ...code });
    }
    await session.send("Input.dispatchKeyEvent", { type: "keyUp", ...code });
    made += count;
    forward = !forward;
    await page.waitForTimeout(1000);
  }
  if (option("profile")) writeFileSync(option("profile")!, JSON.stringify((await session.send("Profiler.stop")).profile));

  if (option("trace")) await browser.stopTracing();
  const spentAfter = await spent();

  const { events, paints, blocks } = await page.evaluate(() => (window as unknown as { held: Held }).held);
  // A step that was skipped is over when a later one of the same run is painted.
  const times: number[] = [];
  let dropped = 0;
  let never = 0;
  for (const [index, event] of events.entries()) {
    const direction = event.step - (events[index - 1]?.step ?? 0);
    const shown = paints.find((paint) => paint.at >= event.at && (direction > 0 ? paint.step >= event.step : paint.step <= event.step));
    if (!shown) never++;
    else times.push(shown.at - event.at);
    if (shown?.step !== event.step) dropped++;
  }
  const ms = (value: number): string => value.toFixed(0);
  const lines = [
    "| steps | key every | median ms | p95 ms | longest ms | longest block of the main thread ms | steps without a frame of their own |",
    "|--:|--:|--:|--:|--:|--:|--:|",
    `| ${events.length} | ${interval} ms | ${ms(quantile(times, 0.5))} | ${ms(quantile(times, 0.95))} | ${ms(Math.max(...times))} | ${ms(Math.max(0, ...blocks))} | ${dropped} |`,
  ];
  const each = (name: string): string => ((spentAfter[name]! - spentBefore[name]!) / events.length).toFixed(1);
  lines.push("", `Processor time of the page's main thread a step: ${each("TaskDuration")} ms, of which script ${each("ScriptDuration")}, style ${each("RecalcStyleDuration")}, layout ${each("LayoutDuration")}; the rest is painting and what the browser does around it.`);
  console.log(lines.join("\n"));
  if (never > 0) throw new Error(`${never} of ${events.length} key events were never answered.`);
  if (!has("no-docs")) writeMeasured("docs/step-time.md", "bench:step", `ResNet-50 with weights, ${last} rewrites of the default pipeline, ${machine(browser)}.\n\n${lines.join("\n")}`);
} finally {
  await browser.close();
  await host.close();
}
