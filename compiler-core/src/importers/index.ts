import type { TypeRules } from "../ir/type-rules.ts";
import type { BlobSource, SiblingFiles } from "../support/blob.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { Task } from "../support/task.ts";
import { describeBytes } from "./file-kind.ts";
import { importOnnx, sniff as sniffOnnx, type Imported } from "./onnx/index.ts";

/** One model format. */
export interface Importer {
  readonly name: string;
  /** file extensions with the dot, for dialogs */
  readonly extensions: readonly string[];
  /** true when a file that begins with these bytes can be of this format */
  readonly sniff: (bytes: Uint8Array, name: string) => boolean;
  readonly import: (source: BlobSource, options: { readonly siblings?: SiblingFiles; readonly rules?: TypeRules; readonly task?: Task }) => Imported;
}

/** Every format, one line each, the most particular first. */
export const importers: readonly Importer[] = [{ name: "ONNX", extensions: [".onnx"], sniff: sniffOnnx, import: importOnnx }];

/** bytes looked at to tell a format */
const headBytes = 4096;

/** Opens a model of any known format. Throws "empty-file", and "unknown-format" with what the file looks like. */
export function importModel(source: BlobSource, options: Parameters<Importer["import"]>[1]): Imported {
  const where = { file: source.name };
  if (source.size === 0) throw new GraphwrightError("empty-file", "the file is empty (0 bytes).", where, "Fetch or export it again.");
  const head = source.read(0, Math.min(headBytes, source.size));
  const importer = importers.find((each) => each.sniff(head, source.name));
  if (importer) return importer.import(source, options);
  const kind = describeBytes(head);
  throw new GraphwrightError(
    "unknown-format",
    kind === undefined ? "this is not a model in a known format." : `this is ${kind}, not a model in a known format.`,
    where,
    `Known formats: ${importers.map((each) => `${each.name} (${each.extensions.join(", ")})`).join(", ")}.`,
  );
}
