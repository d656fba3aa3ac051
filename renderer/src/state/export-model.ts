/** Exporting what a step is: a deployment bundle or an ONNX file, written by the host, all of it or nothing. */
import type { BuildResult, ModelId, OutputFile } from "@graphwright/compiler-core";
import type { ChosenFolder, ExportedBundle, ToolchainEvent, ToolchainResult } from "../host/host.ts";
import type { Progress } from "../worker/rpc.ts";
import { services } from "./services.ts";
import { updateModel, useStore } from "./store.ts";
import { tuningFor } from "./tune-model.ts";

/** a bundle of C, a bundle of WebAssembly, an ONNX file */
export type ExportFormat = "bundle" | "wasm" | "onnx";

export interface ExportRequest {
  readonly format: ExportFormat;
  readonly name: string;
  readonly folder?: ChosenFolder;
  readonly overwrite: boolean;
  /** bounds of the sizes that a bundle leaves to be given at run time; 1 fixes a size */
  readonly max?: Readonly<Record<string, number>>;
  /** schedules as they were measured for this step */
  readonly tuned?: boolean;
  /** convolutions and products computed directly */
  readonly strict?: boolean;
}

export interface ExportedFile {
  readonly path: string;
  readonly bytes: number;
}

export interface ExportResult {
  readonly format: ExportFormat;
  /** where it was written */
  readonly path: string;
  readonly files: readonly ExportedFile[];
  readonly notes: readonly string[];
  /** the host's handle of a bundle, for the toolchain */
  readonly bundle?: ExportedBundle;
  readonly memory?: Pick<BuildResult, "arenaBytes" | "lowerBoundBytes" | "weightBytes">;
}

/** A name that every file system takes: "my model v1.onnx" -> "my-model-v1". */
export function exportName(fileName: string): string {
  const name = fileName.replace(/\.onnx$/i, "").normalize("NFKC").replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "");
  return name === "" ? "model" : name.slice(0, 80);
}

/** Why a name cannot be used, as a key of the text table. */
export function nameProblem(name: string): "empty" | "characters" | "long" | undefined {
  if (name.trim() === "") return "empty";
  if (name.length > 100) return "long";
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  return /[/\\:*?"<>|\u0000-\u001f]/.test(name) || /^\.|[. ]$/.test(name) ? "characters" : undefined;
}

const sizes = (files: readonly OutputFile[]): readonly ExportedFile[] => files.map((file) => ({ path: file.path, bytes: file.bytes.length }));

/** Builds and writes. Undefined when the person cancelled the host's save dialog. */
export async function exportModel(
  id: ModelId,
  { format, name, folder, overwrite, max, tuned, strict }: ExportRequest,
  options: { readonly signal: AbortSignal; readonly onProgress: (phase: "build" | "write", progress: Progress) => void },
): Promise<ExportResult | undefined> {
  const { session, host } = services();
  const model = useStore.getState().models[id];
  if (!model) return undefined;
  const at = { model: id, step: model.b, name };
  const call = { signal: options.signal, onProgress: (progress: Progress) => options.onProgress("build", progress) };
  const sized = max !== undefined && Object.keys(max).length > 0;
  // Schedules are measured for sizes that are known.
  const tuning = tuned && format === "bundle" && !sized ? tuningFor(id, model.b) : undefined;
  const bundled = format === "onnx" ? undefined : await session.build({ ...at, target: format === "wasm" ? "wasm" : "c", ...(sized ? { max } : {}), ...(strict && { strict }), ...(tuning && { tuning }) }, call);
  const built = bundled ?? (await session.exportOnnx(at, call));
  const files = sizes(built.files);
  const result = {
    format,
    files,
    notes: built.notes,
    ...(bundled && { memory: { arenaBytes: bundled.arenaBytes, lowerBoundBytes: bundled.lowerBoundBytes, weightBytes: bundled.weightBytes } }),
  };
  const done = (): void => updateModel(id, { saved: model.b });
  const [only] = built.files;
  if (format === "onnx" && built.files.length === 1 && only) {
    options.onProgress("write", { fraction: undefined, label: only.path });
    const saved = await host.saveFile(only.path, only.bytes, undefined, options.signal);
    if (!saved) return undefined;
    done();
    return { ...result, path: saved.path };
  }
  const total = Math.max(1, files.reduce((sum, file) => sum + file.bytes, 0));
  const bundle = await host.exportBundle({ name, ...(folder && { folder: folder.id }), overwrite }, built.files, {
    signal: options.signal,
    onProgress: ({ path, bytes }) => options.onProgress("write", { fraction: bytes / total, label: path }),
  });
  done();
  return { ...result, path: bundle.path, ...(format === "bundle" ? { bundle } : {}) };
}

/** Compiles an exported bundle and runs its self-test, where the host has a toolchain. */
export const selfTest = (bundle: ExportedBundle, onEvent: (event: ToolchainEvent) => void, signal: AbortSignal): Promise<ToolchainResult> =>
  services().host.runToolchain(bundle.id, onEvent, signal);
