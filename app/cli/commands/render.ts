import { readFile } from "node:fs/promises";
import { GraphwrightError, type GraphTable, type MetricView, type NodeId, type SessionApi, type StepId } from "@graphwright/compiler-core";
import { bytesOf, drawTable, englishSvgTexts, englishTexts, pictureData, rowsById, stringAt, svgBounds, svgPieces, themeNames, type GroupsOpen, type HeatValues, type ThemeName } from "../../../picture/src/index.ts";
import { joined, printJson, type CliCommand, type CommandContext } from "../command.ts";
import { bytes, count } from "../format.ts";
import { openModel, sizesOption } from "../open-model.ts";
import { applyRecipeFile } from "../recipe-file.ts";
import { writeFiles } from "../write-files.ts";

/** Larger pictures are more than rasterizers and viewers take. */
const longestSide = 32_000;
const mostPixels = 200_000_000;

const heats = ["flops", "bytes", "time", "error"] as const;
/** how long the times of a picture are measured, about */
const measureMs = 1500;
const usage = (message: string): GraphwrightError => new GraphwrightError("usage", message);

function wholeNumber(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (typeof value !== "string" || value.trim() === "" || !Number.isInteger(number) || number < 0) throw usage(`--${name} takes a whole number from 0, not ${String(value)}.`);
  return number;
}

function oneOf<T extends string>(name: string, value: unknown, names: readonly T[]): T {
  const found = names.find((each) => each === value);
  if (found === undefined) throw usage(`--${name} takes ${names.join(", ")}; not ${String(value)}.`);
  return found;
}

/** A node by its name, the name of a value it makes, or its number. */
function findNode(table: GraphTable, name: string): NodeId {
  for (const names of ["name", "value", "number"] as const) {
    for (let row = 0; row < table.ids.length; row++) {
      if (names === "name" && stringAt(table.strings, table.names[row]!) === name) return table.ids[row]!;
      if (names === "number" && String(table.ids[row]!) === name) return table.ids[row]!;
      if (names === "value") for (let o = table.outputStart[row]!; o < table.outputStart[row + 1]!; o++) if (stringAt(table.strings, table.outputs.names[o]!) === name) return table.ids[row]!;
    }
  }
  const near: string[] = [];
  const lower = name.toLowerCase();
  for (let row = 0; row < table.ids.length && near.length < 3; row++) {
    const own = stringAt(table.strings, table.names[row]!);
    if (own !== "" && own.toLowerCase().includes(lower)) near.push(own);
  }
  throw usage(`No node and no value is named "${name}" in this step.${near.length > 0 ? ` Similar: ${near.join(", ")}.` : ""}`);
}

/** FLOPs, bytes, seconds of the kernel that computes it, or the largest absolute difference from the same value in the step `from`. */
async function heatOf(session: SessionApi, { task }: CommandContext, kind: (typeof heats)[number], table: GraphTable, from: StepId): Promise<HeatValues> {
  const { model, step } = table;
  if (kind === "bytes") return { values: bytesOf(table), combine: "sum" };
  if (kind === "time") {
    const times = new Map<NodeId, number>();
    for (const { nodes, milliseconds } of (await session.profile({ model, step, milliseconds: measureMs }, task)).rows) for (const node of nodes) times.set(node, (times.get(node) ?? 0) + milliseconds / 1000);
    return { values: times, combine: "sum" };
  }
  const metric = async (): Promise<MetricView> => {
    if (kind === "flops") return session.flops({ model, step }, task);
    if (from === step) throw usage("--heat error compares two steps, and no rewrite was applied: --pipeline or --recipe does, and --base gives the step to compare with.");
    const [a, b] = [await session.run({ model, step: from, seed: 0, keep: {} }, task), await session.run({ model, step, seed: 0, keep: {} }, task)];
    return session.runErrors({ model, a: a.kept!.run, b: b.kept!.run }, task);
  };
  const { nodes, values } = await metric();
  return { values: new Map(Array.from(nodes, (node, i) => [node, values[i]!])), combine: kind === "error" ? "max" : "sum" };
}

export const render: CliCommand = {
  name: "render",
  declare: (command) =>
    command
      .description("Draws a model's graph, or the difference of two steps, as SVG or PNG.")
      .argument("<model>", "model file")
      .requiredOption("-o, --output <file>", "file to write; its ending decides: .svg or .png")
      .option("--pipeline <name>", "first apply this pipeline")
      .option("--recipe <file>", "first apply this recipe")
      .option("--fix <sizes>", "first fixes symbolic sizes of the inputs: N=1,length=128; may be given several times", joined)
      .option("--step <n>", "draw the graph after this many rewrites (default: all that were applied)")
      .option("--base <n>", "draw the difference between this many rewrites and --step")
      .option("--theme <name>", `${themeNames.join(", ")}`, "light")
      .option("--groups <state>", "open, closed, or down to a level such as 1 (default: as the window opens it)")
      .option("--around <node>", "only what is near this node: its name, a value it makes, or its number")
      .option("--radius <k>", "how many edges away that is", "3")
      .option("--heat <kind>", "colour by flops, bytes, time (measured, as WebAssembly) or error (largest difference from --base, or from the model as it was)")
      .option("--no-constants", "leave constants out")
      .option("--edge-width", "wider edges for values of more bytes")
      .option("--scale <factor>", "pixels of a PNG for one of the picture's", "2")
      .option("--font <file>", "a further font file for a PNG: names in scripts that the system has no font for")
      .option("--json", "print JSON"),
  async run(context, [file], options) {
    const { session, task } = context;
    const output = options["output"] as string;
    const kind = /\.(svg|png)$/i.exec(output)?.[1]?.toLowerCase();
    if (kind === undefined) throw usage(`The file to write ends in .svg or .png, not "${output.replace(/^.*[\\/]/, "")}".`);
    const theme = oneOf<ThemeName>("theme", options["theme"], themeNames);
    const heat = options["heat"] === undefined ? undefined : oneOf("heat", options["heat"], heats);
    const given = options["groups"];
    const groups: GroupsOpen = given === undefined ? "default" : given === "open" || given === "closed" ? given : /^\d+$/.test(given as string) ? Number(given) : (() => { throw usage(`--groups takes open, closed or a level such as 1; not ${given as string}.`); })();
    const radius = wholeNumber("radius", options["radius"])!;
    const scale = Number(options["scale"]);
    if (!(scale > 0 && scale <= 8)) throw usage(`--scale takes a number above 0 and up to 8, not ${String(options["scale"])}.`);
    if (options["pipeline"] !== undefined && options["recipe"] !== undefined) throw usage("Give --pipeline or --recipe, not both.");

    const { model, timeline: opened, summary } = await openModel(context, file!);
    let timeline = opened;
    const sizes = sizesOption(options["fix"]);
    if (sizes) ({ timeline } = await session.specialize({ model, sizes }, task));
    const asItWas = timeline.head;
    if (options["pipeline"] !== undefined) ({ timeline } = await session.runPipeline({ model, pipeline: options["pipeline"] as string, check: false }, task));
    if (options["recipe"] !== undefined) ({ timeline } = await applyRecipeFile(context, model, options["recipe"] as string, { check: false }));
    const stepAt = (name: string, number: number): StepId => {
      const step = timeline.branch[number];
      if (step === undefined) throw usage(`--${name} ${number}: ${timeline.branch.length === 1 ? "no rewrite was applied; --pipeline or --recipe does" : `${timeline.branch.length - 1} rewrites were applied, so 0 to ${timeline.branch.length - 1}`}.`);
      return step;
    };
    const stepNumber = wholeNumber("step", options["step"]);
    const baseNumber = wholeNumber("base", options["base"]);
    const step = stepNumber === undefined ? timeline.branch.at(-1)! : stepAt("step", stepNumber);
    const base = baseNumber === undefined ? undefined : stepAt("base", baseNumber);
    const table = await session.graphTable({ model, step, ...(base === undefined || base === step ? {} : { base }) }, task);
    const first = await session.graphTable({ model, step: timeline.branch[0]! }, task);
    const around = options["around"] === undefined ? undefined : findNode(table, options["around"] as string);

    const texts = englishTexts;
    const region = around === undefined ? 0 : table.regions[rowsById(table).get(around)!]!;
    const drawn = drawTable(table, first, { region, constants: options["constants"] !== false, texts, groups, ...(around === undefined ? {} : { around: { nodes: [around], radius } }) });
    task.check();
    const data = pictureData(table, drawn, {
      region,
      texts,
      groupTexts: { fused: (number) => `${number} fused`, fusedInside: (number) => `${number} fused inside`, inside: (mark, number) => `${number} ${mark} inside`, problemsInside: (number) => `${number} with an error inside`, message: (text) => text },
      heat: heat && (await heatOf(session, context, heat, table, base ?? asItWas)),
    });
    if (heat && data.hottest === 0) context.warn(heat === "error" ? "note: no value differs: nothing is coloured." : `note: no ${heat === "flops" ? "FLOPs" : heat} are known here: nothing is coloured.`);
    const view = svgBounds(drawn.layout, undefined);
    const name = summary.name === "" ? file!.replace(/^.*[\\/]/, "") : summary.name;
    let [width, height] = [Math.round(view.width), Math.round(view.height)];
    if (kind === "png") checkSize(width * scale, height * scale, scale);
    const pieces: string[] = [];
    for (const piece of svgPieces(drawn.layout, data, { theme, title: name, texts: englishSvgTexts, widthByBytes: options["edgeWidth"] === true, ...(around === undefined ? {} : { selected: new Set([around]) }) })) {
      task.check();
      pieces.push(piece);
      if (pieces.length % 20 === 0) await task.pause?.();
    }
    let content: Uint8Array = new TextEncoder().encode(pieces.join(""));
    let missing: readonly string[] = [];
    if (kind === "png") {
      const { rasterize } = await import("../rasterize.ts");
      const fonts = options["font"] === undefined ? [] : [await readFile(options["font"] as string).catch((error: Error) => { throw usage(`The font ${options["font"] as string} cannot be read: ${error.message}`); })];
      const raster = await rasterize(pieces.join(""), scale, fonts, () => task.check());
      ({ width, height, missing } = raster);
      content = raster.png;
      if (missing.length > 0 && fonts.length === 0)
        context.warn(`warning: no font here has ${missing.slice(0, 12).join(" ")}${missing.length > 12 ? ` and ${missing.length - 12} more characters` : ""}: they are empty boxes in the picture. Give a font with --font, install one (on Debian: fonts-noto-cjk), or write an SVG.`);
    }
    await writeFiles(output.replace(/[^\\/]*$/, "") || ".", [{ path: output.replace(/^.*[\\/]/, ""), bytes: content }]);
    if (options["json"]) {
      const { marks } = table;
      const marked = (mark: number): number => marks.reduce((sum, each, row) => sum + (each === mark && table.regions[row] === region ? 1 : 0), 0);
      printJson(context, "render", { written: output, width, height, bytes: content.length, nodes: drawn.size, groups: drawn.layout.groups.length, step: timeline.branch.indexOf(step), base: base === undefined ? null : timeline.branch.indexOf(base), ...(base === undefined ? {} : { added: marked(1), removed: marked(2), changed: marked(3) }), missingCharacters: missing });
    } else context.print(`${output}: ${count(width)} × ${count(height)} pixels, ${bytes(content.length)}, ${count(drawn.size)} nodes`);
    return 0;
  },
};

function checkSize(width: number, height: number, scale: number): void {
  if (width <= longestSide && height <= longestSide && width * height <= mostPixels) return;
  const fits = scale * Math.min(longestSide / width, longestSide / height, Math.sqrt(mostPixels / (width * height)));
  throw new GraphwrightError("picture-size", `The PNG would have ${count(Math.round(width))} × ${count(Math.round(height))} pixels; at most ${count(longestSide)} a side and ${count(mostPixels)} in all can be written.`, undefined,
    `${fits >= 0.1 ? `Use --scale ${(Math.floor(fits * 100) / 100).toString()}, ` : "Use "}--groups closed, --around a node, or an .svg file, which has no limit.`,
  );
}
