/** A failure the window is told about. Anything else that is thrown is a defect and reported without details. */
import * as v from "valibot";
import type { HostErrorBody, HostErrorCode } from "./host-protocol.ts";

export class HostError extends Error {
  override readonly name = "HostError";
  readonly code: HostErrorCode;
  constructor(code: HostErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const statusOf: Record<HostErrorCode, number> = {
  "bad-request": 400,
  forbidden: 403,
  "not-found": 404,
  "not-a-file": 400,
  exists: 409,
  "not-a-bundle": 409,
  changed: 409,
  "too-large": 413,
  cancelled: 499,
  unavailable: 503,
  io: 500,
};
export const httpStatus = (code: HostErrorCode): number => statusOf[code];

/** Turns anything thrown into what the window may see. */
export function errorBody(error: unknown): HostErrorBody["error"] {
  if (error instanceof HostError) return { code: error.code, message: error.message };
  const { code, path, message } = error as NodeJS.ErrnoException;
  const what = path ? `"${path}"` : "the file";
  switch (code) {
    case "ENOENT":
      return { code: "not-found", message: `${what} does not exist.` };
    case "EACCES":
    case "EPERM":
      return { code: "io", message: `No permission to use ${what}.` };
    case "EISDIR":
      return { code: "not-a-file", message: `${what} is a folder.` };
    case "ENOSPC":
      return { code: "io", message: `The disk is full; ${what} was not written.` };
    default:
      return { code: "io", message: code ? `${message} (${code})` : `Internal error: ${String(message ?? error)}` };
  }
}

/** Checks a value from the window. Throws `bad-request` naming the field and what was expected. */
export function checked<S extends v.GenericSchema>(schema: S, value: unknown, what: string): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const place = v.getDotPath(issue);
  throw new HostError("bad-request", `${what}${place ? `, ${place}` : ""}: ${issue.message}`);
}
