import type { BlobRef } from "../support/blob.ts";
import type { OutputFile } from "./protocol.ts";

/** A file as exporters give it: pieces in memory, and ranges of the model's own files. */
export interface ChunkedFile {
  readonly name: string;
  readonly chunks: readonly (Uint8Array | BlobRef)[];
}

/** Reads what is still in the model's files, and joins the pieces. */
export function collectFiles(files: readonly ChunkedFile[]): OutputFile[] {
  return files.map(({ name, chunks }) => {
    const size = chunks.reduce((sum, c) => sum + c.length, 0);
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      const piece = "source" in chunk ? chunk.source.read(chunk.offset, chunk.length) : chunk;
      bytes.set(piece, at);
      at += piece.length;
    }
    return { path: name, bytes };
  });
}
