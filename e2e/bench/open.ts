/**
 * Opens the same ONNX files in Graphwright and in Netron, in the same Chromium, one after the other in turn, and writes
 * docs/open-time.md: time from the file being given to the first painted graph, longest block of the main thread, memory,
 * frame times while panning and zooming. Medians of the rounds. Without Netron it says so and measures Graphwright alone.
 * Usage: npm run bench:open -- [--rounds N] [--only plain-500,llm-2000] [--ours] [--no-docs] [--no-frames] [--limit SECONDS] [--shot PREFIX] [--processor]
 *        A sample takes about 8 s for each viewer and round, where nothing is over the limit; each is told as it is made.
 *        --processor says instead what the longest task of our main thread takes of the processor, whatever else the machine does.
 *        PYTHON names the Python that has the netron package (pip install netron).
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import type { Browser, CDPSession, Page } from "playwright-core";
import { transformerFile, type TransformerKind } from "../../compiler-core/bench/transformer.ts";
import { has, inRoot, launch, machine, option, quantile, startHost, withField, writeMeasured } from "./window.ts";

const rounds = Number(option("rounds") ?? 5);
const only = option("only")?.split(",");
const limitSeconds = Number(option("limit") ?? 60);
const frameTime = 1000 / 60;

const cases: readonly { readonly kind: TransformerKind; readonly size: number }[] = [
  ...[500, 1_000, 5_000, 10_000, 50_000].map((size) => ({ kind: "plain", size }) as const),
  ...[500, 2_000, 5_000].map((size) => ({ kind: "llm", size }) as const),
];

interface Sample {
  /** milliseconds; undefined when it took longer than the limit */
  readonly painted: number | undefined;
  readonly blocked: number;
  /** bytes: private memory of the page's process (its workers are in it), and the page's own heap after a collection */
  readonly memory: number | undefined;
  readonly heap: number;
  /** 95th percentile of frame times, milliseconds */
  readonly pan: number | undefined;
  readonly zoom: number | undefined;
}

interface Viewer {
  readonly name: string;
  readonly url: string;
  /** Whether a graph is on the screen; runs in the page. */
  readonly isPainted: string;
  /** Opens every group, where there are groups: pan and zoom are measured on the whole graph. */
  openAll?(page: Page): Promise<void>;
  choose(page: Page, file: string): Promise<void>;
  close(): Promise<void>;
}

const modelFolder = inRoot("node_modules/.cache/graphwright/bench-models");
export function modelFile(kind: TransformerKind, size: number): string {
  mkdirSync(modelFolder, { recursive: true });
  const file = path.join(modelFolder, `${kind}-${size}.onnx`);
  if (!existsSync(file)) writeFileSync(file, transformerFile(kind, size));
  return file;
}

async function startGraphwright(): Promise<Viewer> {
  const host = await startHost();
  return {
    name: "Graphwright",
    url: host.url,
    isPainted: "!!document.querySelector('[data-graph-canvas] .react-flow__node, [data-graph-canvas] canvas[data-painted]')",
    async choose(page, file) {
      const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByTestId("open-button").click()]);
      await chooser.setFiles(file);
    },
    async openAll(page) {
      await page.getByTestId("expand-all").click();
      await page.waitForFunction(() => document.querySelectorAll("[data-graph-canvas] .react-flow__node").length > 12);
      await page.waitForTimeout(500);
    },
    close: () => host.close(),
  };
}

const python = ["PYTHON" in process.env ? process.env["PYTHON"]! : "", "python3", "python"].find((each) => each !== "" && spawnSync(each, ["-c", "import netron"]).status === 0);

async function startNetron(): Promise<Viewer | undefined> {
  if (python === undefined) return undefined;
  const port = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port: free } = probe.address() as { port: number };
      probe.close(() => resolve(free));
    });
  });
  const server: ChildProcess = spawn(python, ["-c", `import netron\nnetron.start(None, ('127.0.0.1', ${port}), browse=False)\nnetron.wait()`], { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}/`;
  for (let tries = 0; tries < 100; tries++) {
    if (await fetch(url).then((reply) => reply.ok, () => false)) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    name: "Netron",
    url,
    isPainted: "!document.body.classList.contains('welcome') && !!document.querySelector('#canvas .node')",
    async choose(page, file) {
      await page.setInputFiles("#open-file-dialog", file);
    },
    close: async () => void server.kill(),
  };
}

/** Runs in both pages: when was the file given, when was a graph on the screen, what blocked the main thread. */
const watcher = (isPainted: string): string => `
  window.bench = { given: 0, painted: 0, blocks: [], frames: [] };
  document.addEventListener("change", (event) => {
    if (event.target.type !== "file" || window.bench.given) return;
    window.bench.given = performance.now();
    const look = () => {
      if (!(${isPainted})) return requestAnimationFrame(look);
      // The frame that has it is painted when the next one begins.
      requestAnimationFrame(() => { window.bench.painted = performance.now(); });
    };
    requestAnimationFrame(look);
  }, true);
  new PerformanceObserver((list) => { for (const each of list.getEntries()) window.bench.blocks.push([each.startTime, each.duration]); }).observe({ entryTypes: ["longtask"] });
`;

interface Bench {
  readonly given: number;
  readonly painted: number;
  readonly blocks: readonly (readonly [number, number])[];
}
/** Milliseconds of processor time of the longest task of the page's main thread from the file being given until 3 s after its graph is there. */
async function longestTask(viewer: Viewer, file: string): Promise<number> {
  const browser = await launch();
  try {
    const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
    await withField(page);
    await page.goto(viewer.url, { waitUntil: "networkidle" });
    await page.waitForTimeout(1500);
    await browser.startTracing(page, { categories: ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"] });
    await viewer.choose(page, file);
    const session = await page.context().newCDPSession(page);
    const deadline = performance.now() + limitSeconds * 1000;
    while (!(await evaluate<boolean>(session, viewer.isPainted)) && performance.now() < deadline) await page.waitForTimeout(200);
    await page.waitForTimeout(3000);
    const { traceEvents: events } = JSON.parse((await browser.stopTracing()).toString("utf8")) as { traceEvents: readonly { readonly name: string; readonly ph: string; readonly pid: number; readonly tid: number; readonly ts: number; readonly tdur?: number; readonly args: { readonly name?: string; readonly data?: { readonly type?: string } } }[] };
    const given = events.find((event) => event.name === "EventDispatch" && event.args.data?.type === "change");
    if (!given) throw new Error("The trace has no event of a file being given.");
    return Math.max(...events.filter((event) => event.ph === "X" && /RunTask/.test(event.name) && event.pid === given.pid && event.tid === given.tid && event.ts >= given.ts && event.tdur !== undefined).map((event) => event.tdur! / 1000));
  } finally {
    await browser.close();
  }
}

/** By the debugger: Netron forbids eval, which the driver's own evaluation needs. */
async function evaluate<T>(session: CDPSession, expression: string): Promise<T> {
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", { expression, returnByValue: true });
  if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.text}`);
  return result.value as T;
}
const read = (session: CDPSession): Promise<Bench> => evaluate(session, "window.bench");

/** Once more where the browser itself failed (it did not start, a file chooser was lost): a long run does not end by that. */
async function measured(viewer: Viewer, file: string): Promise<Sample> {
  try {
    return await measure(viewer, file);
  } catch (error) {
    console.error(`  ${viewer.name}, ${path.basename(file)}: ${error instanceof Error ? error.message : String(error)}; tried once more`);
    return await measure(viewer, file);
  }
}

async function measure(viewer: Viewer, file: string): Promise<Sample> {
  const browser = await launch();
  try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    await context.addCookies([{ name: "consent", value: "1", url: viewer.url }]);
    const page = await context.newPage();
    await withField(page);
    await page.addInitScript(watcher(viewer.isPainted));
    const session = await context.newCDPSession(page);
    await page.goto(viewer.url, { waitUntil: "networkidle" });
    await page.waitForTimeout(700);
    await viewer.choose(page, file);
    const deadline = performance.now() + limitSeconds * 1000;
    while ((await read(session)).painted === 0 && performance.now() < deadline) await page.waitForTimeout(200);
    const painted = (await read(session)).painted > 0;
    if (!painted) return { painted: undefined, blocked: limitSeconds * 1000, memory: undefined, heap: 0, pan: undefined, zoom: undefined };
    await page.waitForTimeout(1500);
    const { given, painted: at, blocks } = await read(session);
    const blocked = Math.max(0, ...blocks.filter(([start, duration]) => start + duration > given).map(([, duration]) => duration));
    const heap = await heapOf(session);
    const memory = await privateMemory(browser);
    await viewer.openAll?.(page);
    const [pan, zoom] = has("no-frames") ? [undefined, undefined] : [await frames(session, page, false), await frames(session, page, true)];
    if (option("shot")) await page.screenshot({ path: `${option("shot")}-${viewer.name}-${path.basename(file, ".onnx")}.png` });
    return { painted: at - given, blocked, memory, heap, pan, zoom };
  } finally {
    await browser.close();
  }
}

/** Heap in use by the page after a collection; its workers' heaps are in the memory of the process. */
async function heapOf(session: CDPSession): Promise<number> {
  await session.send("HeapProfiler.collectGarbage");
  return (await session.send("Runtime.getHeapUsage")).usedSize;
}

/** Private memory of the page's process (workers are in it), where the system tells it. */
async function privateMemory(browser: Browser): Promise<number | undefined> {
  if (process.platform !== "linux") return undefined;
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = (await session.send("SystemInfo.getProcessInfo")) as { processInfo: { type: string; id: number }[] };
  const sizes = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => {
    const text = readFileSync(`/proc/${id}/smaps_rollup`, "utf8");
    const kilobytes = (field: string): number => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(text)?.[1] ?? 0);
    return (kilobytes("Private_Clean") + kilobytes("Private_Dirty")) * 1024;
  });
  return Math.max(...sizes);
}

/** The 95th percentile of the times between frames while the wheel turns. */
async function frames(session: CDPSession, page: Page, zoom: boolean): Promise<number> {
  const [x, y] = [620, 350];
  await page.mouse.move(x, y);
  await evaluate(session, `(() => {
    const times = (window.bench.frames = []);
    let last = performance.now();
    const tick = (now) => {
      times.push(now - last);
      last = now;
      if (window.bench.frames === times) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  })()`);
  // Each at its time, whether the page has answered the one before or not: so does a wheel. Two is the Control key.
  const sent: Promise<unknown>[] = [];
  const began = performance.now();
  for (let i = 0; i < 90; i++) {
    const wait = began + i * frameTime - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const deltaY = zoom ? (i < 45 ? 60 : -60) : i < 60 ? 90 : -120;
    sent.push(session.send("Input.dispatchMouseEvent", { type: "mouseWheel", x, y, deltaX: 0, deltaY, modifiers: zoom ? 2 : 0 }));
  }
  await Promise.all(sent);
  const times = await evaluate<number[]>(session, "(() => { const all = window.bench.frames; window.bench.frames = null; return all; })()");
  return quantile(times.slice(2), 0.95);
}

const median = (values: readonly (number | undefined)[]): number | undefined => {
  const known = values.map((value) => value ?? Infinity).sort((a, b) => a - b);
  const middle = known[Math.floor(known.length / 2)]!;
  return Number.isFinite(middle) ? middle : undefined;
};
const seconds = (value: number | undefined): string => (value === undefined ? `> ${limitSeconds} s` : `${(value / 1000).toFixed(2)} s`);
const milliseconds = (value: number | undefined): string => (value === undefined ? "" : `${value.toFixed(0)}`);
const megabytes = (value: number | undefined): string => (value === undefined ? "" : `${(value / 1e6).toFixed(0)}`);

const names = cases.map(({ kind, size }) => `${kind}-${size}`);
const unknown = only?.filter((each) => !names.includes(each)) ?? [];
if (unknown.length > 0) {
  console.error(`--only: there is no ${unknown.join(", ")}; there are ${names.join(", ")}.`);
  process.exit(2);
}
const ours = await startGraphwright();
const netron = has("ours") ? undefined : await startNetron();
if (!netron && !has("ours")) console.log("Netron is not installed (pip install netron): Graphwright alone is measured.");
const viewers = [ours, ...(netron ? [netron] : [])];
if (has("processor")) {
  const rows = ["| model | longest task ms |", "|---|--:|"];
  for (const { kind, size } of cases) {
    if (only && !only.includes(`${kind}-${size}`)) continue;
    rows.push(`| ${kind}, ${size.toLocaleString("en")} nodes | ${milliseconds(await longestTask(ours, modelFile(kind, size)))} |`);
    console.log(rows.at(-1));
  }
  for (const viewer of viewers) await viewer.close();
  if (!has("no-docs") && !only) writeMeasured("docs/open-time.md", "bench:open-processor", rows.join("\n"));
  process.exit(0);
}
const head = "| model | file | " + viewers.map((v) => `${v.name}: painted | block ms | memory MB | heap MB | pan ms | zoom ms`).join(" | ") + " |";
const lines = [head, `|---|--:|${viewers.map(() => "--:|--:|--:|--:|--:|--:").join("|")}|`];
console.log(lines.join("\n"));
let where = "";
try {
  for (const { kind, size } of cases) {
    if (only && !only.includes(`${kind}-${size}`)) continue;
    const file = modelFile(kind, size);
    const samples = viewers.map((): Sample[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [index, viewer] of viewers.entries()) {
        // What has already run over the limit once will again.
        if (samples[index]!.some((sample) => sample.painted === undefined)) continue;
        const sample = await measured(viewer, file);
        samples[index]!.push(sample);
        console.error(`  ${kind}-${size}, round ${round + 1}, ${viewer.name}: ${seconds(sample.painted)}, block ${milliseconds(sample.blocked)}, pan ${milliseconds(sample.pan)}, zoom ${milliseconds(sample.zoom)}`);
      }
    }
    const cells = samples.map((list) => {
      const of = (key: keyof Sample): number | undefined => median(list.map((sample) => sample[key]));
      return `${seconds(of("painted"))} | ${milliseconds(of("blocked"))} | ${megabytes(of("memory"))} | ${megabytes(of("heap"))} | ${milliseconds(of("pan"))} | ${milliseconds(of("zoom"))}`;
    });
    const line = `| ${kind}, ${size.toLocaleString("en")} nodes | ${(statSync(file).size / 1e6).toFixed(1)} MB | ${cells.join(" | ")} |`;
    lines.push(line);
    console.log(line);
  }
  const browser = await launch();
  where = machine(browser);
  await browser.close();
} finally {
  for (const viewer of viewers) await viewer.close();
}

if (!has("no-docs") && !only && netron) {
  const netronVersion = spawnSync(python!, ["-c", "import netron; print(netron.__version__)"], { encoding: "utf8" }).stdout.trim();
  writeMeasured("docs/open-time.md", "bench:open", `${rounds === 1 ? "One round" : `Medians of ${rounds} rounds`}, ${where}, Netron ${netronVersion}.\n\n${lines.join("\n")}`);
}
