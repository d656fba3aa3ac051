/** Inclusive byte positions, as in HTTP. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a Range header (RFC 9110, section 14.2). `undefined`: no header, send everything. `"unsatisfiable"`: answer 416.
 *
 * The RFC lets a server ignore headers it cannot parse and send the whole file; with files of gigabytes that would turn
 * a client's mistake into a stall, so anything but one satisfiable byte range is refused.
 */
export function parseRange(header: string | null, size: number): ByteRange | "unsatisfiable" | undefined {
  if (header === null) return undefined;
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim());
  if (!match) return "unsatisfiable";
  const [, first = "", last = ""] = match;
  if (first === "") {
    // The last n bytes.
    const count = Number(last);
    if (last === "" || count === 0 || size === 0) return "unsatisfiable";
    return { start: Math.max(0, size - count), end: size - 1 };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  return start < size && start <= end ? { start, end } : "unsatisfiable";
}
