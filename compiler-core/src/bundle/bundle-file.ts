/** One file of a bundle. Large ones come in pieces: hold no more than one at a time. */
export interface BundleFile {
  /** relative, with forward slashes */
  readonly path: string;
  readonly size: number;
  readonly chunks: () => Iterable<Uint8Array>;
}

const encoder = new TextEncoder();
export const textFile = (path: string, text: string): BundleFile => bytesFile(path, encoder.encode(text));
export const bytesFile = (path: string, bytes: Uint8Array): BundleFile => ({ path, size: bytes.length, chunks: () => [bytes] });

/** The whole of a file, for tests and small files. */
export function fileBytes(file: BundleFile): Uint8Array {
  const bytes = new Uint8Array(file.size);
  let at = 0;
  for (const chunk of file.chunks()) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

