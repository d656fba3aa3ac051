/**
 * A project: models by reference, everything done to them, notes and the view, as one JSON file. The same record is the
 * journal that survives a killed program, and what a copied link carries.
 */
import * as v from "valibot";
import type { ModelSummary, TreeView } from "@graphwright/compiler-core";

export const projectVersion = 1;
export const projectExtension = ".graphwright";

const text = (longest = 65_536) => v.pipe(v.string(), v.maxLength(longest));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const ids = v.array(count);
const words = v.record(text(), text(1_000_000));

const fingerprintSchema = v.object({ algorithm: v.picklist(["sha-256", "sha-256-sampled"]), value: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) });

/** What a model is known by, and enough about it to tell a person what differs in another file. */
const referenceSchema = v.object({
  name: text(1000),
  size: count,
  hash: v.nullable(fingerprintSchema),
  /** where it was, for finding it again; another machine ignores it */
  path: v.optional(text()),
  /** "digits/digits.onnx": an example that comes with the program */
  example: v.optional(text(1000)),
  inputs: v.array(text()),
  outputs: v.array(text()),
  opsets: v.record(v.string(), v.number()),
  nodes: count,
  parameters: count,
  operators: v.record(v.string(), count),
});
export type ModelReference = v.InferOutput<typeof referenceSchema>;

const stepSchema = v.object({ parent: count, rewrite: text(1000), site: text(), nth: v.optional(count), pass: v.optional(text(1000)) });
const runSchema = v.object({
  pass: text(1000),
  from: count,
  to: count,
  applied: count,
  milliseconds: v.number(),
  notes: v.array(text()),
  stopped: v.optional(v.boolean()),
  previous: v.nullable(count),
  error: v.optional(v.any()),
});

const modelSchema = v.object({
  model: referenceSchema,
  custom: v.array(text(64 * 1024 * 1024)),
  /** the tree of steps: a step's parent is 0 (the model as opened) or the number of an earlier step, from 1 */
  steps: v.pipe(
    v.array(stepSchema),
    v.maxLength(1_000_000),
    v.check((steps) => steps.every((step, index) => step.parent <= index), "a step stands before the step that it follows"),
  ),
  runs: v.array(runSchema),
  /** the step that is shown, the one it is compared with, the end of the branch that redo leads to, and the last exported */
  at: count,
  base: count,
  compare: v.picklist(["none", "previous", "pinned"]),
  branch: count,
  exported: count,
  pipeline: v.nullable(text(1000)),
  /** the passes of the next run, where a person put them in an order of their own */
  plan: v.nullable(v.object({ passes: v.array(text(1000)), finally: v.array(text(1000)) })),
  skipped: v.array(text(1000)),
  selected: ids,
  selectedStep: count,
  /** the part of the graph that is drawn */
  isolation: v.optional(v.object({ nodes: ids, direction: v.picklist(["inputs", "outputs", "both"]) })),
  /** another model of this project that stands beside this one, by index, and on which side this one is */
  against: v.optional(v.object({ model: count, side: v.picklist(["before", "after"]) })),
  canvas: v.array(
    v.tuple([
      text(),
      v.object({
        expanded: v.optional(v.union([v.literal("all"), v.array(text())])),
        viewport: v.optional(v.object({ x: v.number(), y: v.number(), zoom: v.pipe(v.number(), v.minValue(0.001), v.maxValue(100)) })),
      }),
    ]),
  ),
  notes: v.object({ model: text(1_000_000), steps: words, nodes: words, branches: words }),
});
export type ProjectModel = v.InferOutput<typeof modelSchema>;

const projectSchema = v.object({
  graphwright: v.literal("project"),
  version: v.literal(projectVersion),
  /** the program that wrote it */
  program: v.optional(text(100)),
  models: v.pipe(v.array(modelSchema), v.maxLength(1000)),
  /** index of the model that is shown; null: the start page */
  active: v.nullable(count),
  view: v.partial(
    v.object({
      left: text(100),
      lower: text(100),
      showLeft: v.boolean(),
      showRight: v.boolean(),
      showLower: v.boolean(),
      heat: text(100),
      difference: text(100),
      linked: v.boolean(),
      edgeWidth: v.boolean(),
      minimap: v.boolean(),
      constants: v.boolean(),
    }),
  ),
  /** in a journal: what was being done when it was written, by index of the model */
  underWay: v.optional(v.array(v.tuple([count, text(1000)]))),
});
export type Project = v.InferOutput<typeof projectSchema>;

/** Why a file is no project: `code` names a text in the tables, `detail` says where. */
export class ProjectError extends Error {
  readonly code: "project" | "project-version";
  readonly field: string;
  readonly detail: string;
  constructor(code: ProjectError["code"], field: string, detail: string) {
    super(detail);
    this.code = code;
    this.field = field;
    this.detail = detail;
  }
}

/** Reads a project file; nothing in it is trusted. Throws ProjectError. */
export function parseProject(source: string): Project {
  let json: unknown;
  try {
    json = JSON.parse(source);
  } catch (error) {
    throw new ProjectError("project", "", (error as Error).message.slice(0, 200));
  }
  const record = typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
  if (record["graphwright"] !== "project") throw new ProjectError("project", "graphwright", '"graphwright" is not "project"');
  if (typeof record["version"] === "number" && record["version"] > projectVersion) throw new ProjectError("project-version", "version", String(record["version"]));
  const parsed = v.safeParse(projectSchema, json);
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  throw new ProjectError("project", v.getDotPath(issue) ?? "", issue.message.slice(0, 300));
}

export const writeProject = (project: Project): string => `${JSON.stringify(project, null, 1)}\n`;

/** What of a model stands in a reference. */
export function describeModel(summary: ModelSummary): Omit<ModelReference, "name" | "size" | "hash" | "path" | "example"> {
  return {
    inputs: summary.inputs.map((value) => `${value.name}: ${value.type}`),
    outputs: summary.outputs.map((value) => `${value.name}: ${value.type}`),
    opsets: summary.opsets,
    nodes: summary.cost.nodes,
    parameters: summary.cost.parameters,
    operators: Object.fromEntries(summary.operators.map(({ op, count: times }) => [op, times])),
  };
}

export interface Difference {
  readonly what: "name" | "size" | "hash" | "inputs" | "outputs" | "opsets" | "nodes" | "parameters" | "operators";
  readonly expected: string;
  readonly found: string;
}

/** Everything in which another file differs from the one a project was made with. */
export function differences(expected: ModelReference, found: ModelReference): readonly Difference[] {
  const opsets = (reference: ModelReference): string => Object.entries(reference.opsets).map(([domain, version]) => `${domain || "ai.onnx"} ${version}`).sort().join(", ");
  const operators = [...new Set([...Object.keys(expected.operators), ...Object.keys(found.operators)])].sort().filter((op) => (expected.operators[op] ?? 0) !== (found.operators[op] ?? 0));
  const some = (reference: ModelReference): string => operators.slice(0, 12).map((op) => `${op} × ${reference.operators[op] ?? 0}`).join(", ") + (operators.length > 12 ? " …" : "");
  const rows: readonly (readonly [Difference["what"], string, string])[] = [
    ["name", expected.name, found.name],
    ["size", String(expected.size), String(found.size)],
    ["hash", expected.hash?.value ?? "", found.hash?.value ?? ""],
    ["inputs", expected.inputs.join(", "), found.inputs.join(", ")],
    ["outputs", expected.outputs.join(", "), found.outputs.join(", ")],
    ["opsets", opsets(expected), opsets(found)],
    ["nodes", String(expected.nodes), String(found.nodes)],
    ["parameters", String(expected.parameters), String(found.parameters)],
    ["operators", some(expected), some(found)],
  ];
  return rows.filter(([, before, after]) => before !== after).map(([what, before, after]) => ({ what, expected: before, found: after }));
}

export const treeOfProject = ({ steps, custom, runs }: ProjectModel): TreeView => ({ steps, custom, runs }) as TreeView;

// ---- Links ----------------------------------------------------------------------------------------------------------

const mark = "p=";
/** Longer addresses are cut by programs that people paste them into. */
export const longestLink = 64_000;

async function through(bytes: Uint8Array, stream: CompressionStream | DecompressionStream): Promise<Uint8Array> {
  const done = new Response(new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(stream as ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>));
  return new Uint8Array(await done.arrayBuffer());
}

/** The fragment of an address that carries a project: deflated JSON in base64url. */
export async function toFragment(project: Project): Promise<string> {
  const packed = await through(new TextEncoder().encode(JSON.stringify(project)), new CompressionStream("deflate-raw"));
  let binary = "";
  for (const byte of packed) binary += String.fromCharCode(byte);
  return mark + btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The project in an address or in its fragment; undefined when there is none. Throws ProjectError when it is damaged. */
export async function fromLink(link: string): Promise<Project | undefined> {
  const packed = new RegExp(`(?:^|#)${mark}([\\w-]+)\\s*$`).exec(link.trim())?.[1];
  if (packed === undefined) return undefined;
  let source: string;
  try {
    const bytes = Uint8Array.from(atob(packed.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    source = new TextDecoder().decode(await through(bytes, new DecompressionStream("deflate-raw")));
  } catch (error) {
    throw new ProjectError("project", "", error instanceof Error ? error.message : String(error));
  }
  return parseProject(source);
}
