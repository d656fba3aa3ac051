/** Answers with a file's bytes: whole, one range, or headers only. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import { parseRange } from "./byte-range.ts";
import type { LocatedFile } from "./file-registry.ts";
import { HostError } from "./host-error.ts";

/** Up to this, one read into memory; a worker's many small synchronous reads cost no stream each. */
const directBytes = 1 << 20;

export async function serveFile(request: Request, file: LocatedFile, headers: Record<string, string>): Promise<Response> {
  const range = parseRange(request.headers.get("range"), file.size);
  const common = { "accept-ranges": "bytes", ...headers };
  if (range === "unsatisfiable") {
    return new Response(null, { status: 416, headers: { ...common, "content-range": `bytes */${file.size}` } });
  }
  const start = range?.start ?? 0;
  const length = range ? range.end - range.start + 1 : file.size;
  const init = {
    status: range ? 206 : 200,
    headers: {
      ...common,
      "content-length": String(length),
      ...(range && { "content-range": `bytes ${range.start}-${range.end}/${file.size}` }),
    },
  };
  if (request.method === "HEAD" || length === 0) return new Response(null, init);
  if (length <= directBytes) return new Response(await readExactly(file.path, start, length), init);
  const stream = createReadStream(file.path, { start, end: start + length - 1, highWaterMark: 1 << 18 });
  return new Response(Readable.toWeb(stream) as ReadableStream<Uint8Array>, init);
}

async function readExactly(path: string, start: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const handle = await open(path, "r");
  try {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await handle.read(bytes, filled, length - filled, start + filled);
      if (bytesRead === 0) throw new HostError("changed", `"${path}" became shorter while it was read: open it again.`);
      filled += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}
