import type { BlobRef, SiblingFiles } from "../../support/blob.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { TensorProto } from "./onnx_pb.ts";

/**
 * Where an external tensor's bytes lie. The location must stay inside the model's folder: absolute paths, "..",
 * drive letters and backslashes are refused. `expected` is the byte count that the tensor's shape asks for.
 */
export function externalBlob(proto: TensorProto, expected: number, siblings: SiblingFiles | undefined): BlobRef {
  const entries = new Map(proto.externalData.map((entry) => [entry.key, entry.value]));
  const location = entries.get("location");
  if (location === undefined || location === "") throw new GraphwrightError("external-data", "its data lies in another file, but external_data names none.");
  checkLocation(location);
  const source = siblings?.(normalise(location));
  if (!source)
    throw new GraphwrightError("external-data", `its data lies in the file ${JSON.stringify(location)}, which is not there.`, undefined, `Put ${JSON.stringify(location)} beside the model${siblings ? "" : ", and open the folder or both files together"}.`);
  const offset = readNumber(entries, "offset") ?? 0;
  const length = readNumber(entries, "length") ?? Math.min(expected, Math.max(0, source.size - offset));
  if (offset + length > source.size)
    throw new GraphwrightError(
      "truncated-file",
      `its data is bytes ${offset} to ${offset + length}, but the file has ${source.size}.`,
      { file: source.name, offset },
      "The weights file is incomplete, or belongs to another model: fetch or export it again.",
    );
  return { source, offset, length };
}

function checkLocation(location: string): void {
  const refused =
    location.includes("\\") ? "holds a backslash"
    : location.startsWith("/") || /^[A-Za-z]:/.test(location) ? "is an absolute path"
    : location.includes("\0") ? "holds a zero byte"
    : location.split("/").includes("..") ? "leaves the model's folder"
    : undefined;
  if (refused) throw new GraphwrightError("external-data", `its location ${JSON.stringify(location)} ${refused}, which is refused for safety.`, undefined, "Put the weights beside the model and save it with a relative location.");
}

/** Without empty and "." parts. */
const normalise = (location: string): string => location.split("/").filter((part) => part !== "" && part !== ".").join("/");

function readNumber(entries: ReadonlyMap<string, string>, key: string): number | undefined {
  const text = entries.get(key);
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new GraphwrightError("external-data", `its ${key} ${JSON.stringify(text)} is no byte count.`);
  return value;
}
