/**
 * `SourceRef` -> the compiler's `BlobSource`. Reading is synchronous, which a worker may do: XMLHttpRequest with a Range
 * for an address, FileReaderSync on slices for a file. Small reads go through a cache of blocks with read-ahead, because
 * an importer walks a file's structure in steps of a few bytes.
 */
import { checkRange, GraphwrightError, type BlobSource, type SiblingFiles } from "@graphwright/compiler-core";
import type { SourceRef } from "./source.ts";

type ReadRange = (offset: number, length: number) => Uint8Array;

export const blockBytes = 256 * 1024;
const cachedBlocks = 256;
/** Reads at least this long are given straight through. */
const directBytes = 4 * blockBytes;

/** A source whose small reads are served from blocks; sequential reading fetches twice as much each time. */
export function cached(name: string, size: number, readRange: ReadRange): BlobSource {
  const blocks = new Map<number, Uint8Array>();
  let ahead = 1;
  let expected = -1;

  function block(index: number): Uint8Array {
    const found = blocks.get(index);
    if (found) {
      blocks.delete(index);
      blocks.set(index, found);
      return found;
    }
    ahead = index === expected ? Math.min(ahead * 2, 16) : 1;
    const offset = index * blockBytes;
    const bytes = readRange(offset, Math.min(ahead * blockBytes, size - offset));
    expected = index + ahead;
    for (let i = 0; i * blockBytes < bytes.length; i++) {
      blocks.delete(index + i);
      blocks.set(index + i, bytes.subarray(i * blockBytes, (i + 1) * blockBytes));
    }
    for (const key of blocks.keys()) {
      if (blocks.size <= cachedBlocks) break;
      if (key !== index) blocks.delete(key);
    }
    return blocks.get(index)!;
  }

  return {
    name,
    size,
    read(offset, length) {
      checkRange(this, offset, length);
      if (length === 0) return new Uint8Array(0);
      const first = Math.floor(offset / blockBytes);
      const last = Math.floor((offset + length - 1) / blockBytes);
      if (length >= directBytes) return readRange(offset, length);
      if (first === last) {
        const start = offset - first * blockBytes;
        return block(first).subarray(start, start + length);
      }
      const result = new Uint8Array(length);
      for (let index = first; index <= last; index++) {
        const bytes = block(index);
        const from = Math.max(0, offset - index * blockBytes);
        const to = Math.min(bytes.length, offset + length - index * blockBytes);
        result.set(bytes.subarray(from, to), index * blockBytes + from - offset);
      }
      return result;
    },
  };
}

function unreadable(name: string, offset: number | undefined, reason: string): GraphwrightError {
  const where = { file: name, ...(offset === undefined ? {} : { offset }) };
  const hint = "It may have been moved, deleted or changed since it was opened: open it again.";
  return new GraphwrightError("unreadable-file", `the file cannot be read: ${reason}.`, where, hint);
}

function request(method: "HEAD" | "GET", url: string, name: string, range?: readonly [number, number]): XMLHttpRequest {
  const xhr = new XMLHttpRequest();
  xhr.open(method, url, false);
  if (range) {
    xhr.responseType = "arraybuffer";
    xhr.setRequestHeader("range", `bytes=${range[0]}-${range[0] + range[1] - 1}`);
  }
  try {
    xhr.send();
  } catch (error) {
    throw unreadable(name, range?.[0], `the program behind this window does not answer (${String(error)})`);
  }
  return xhr;
}

function urlSource(name: string, url: string, size: number): BlobSource {
  return cached(name, size, (offset, length) => {
    const xhr = request("GET", url, name, [offset, length]);
    if (xhr.status !== 206 && xhr.status !== 200) throw unreadable(name, offset, hostMessage(xhr));
    const all = new Uint8Array(xhr.response as ArrayBuffer);
    // A static host may ignore Range and send the whole file.
    const bytes = xhr.status === 200 ? all.subarray(offset, offset + length) : all;
    if (bytes.length !== length) throw unreadable(name, offset, `${length} bytes were asked for, ${bytes.length} came`);
    return bytes;
  });
}

function hostMessage(xhr: XMLHttpRequest): string {
  try {
    const text = new TextDecoder().decode(xhr.response as ArrayBuffer);
    return (JSON.parse(text) as { error: { message: string } }).error.message.replace(/\.$/, "");
  } catch {
    return `the host answered ${xhr.status} ${xhr.statusText}`;
  }
}

/** Bytes of the file at `url`, or undefined where there is none. */
function sizeOf(url: string, name: string): number | undefined {
  const xhr = request("HEAD", url, name);
  if (xhr.status === 404) return undefined;
  const length = xhr.getResponseHeader("content-length");
  if (xhr.status !== 200 || length === null) throw unreadable(name, undefined, `the host answered ${xhr.status} ${xhr.statusText}`);
  return Number(length);
}

function fileSource(name: string, file: Blob): BlobSource {
  const reader = new FileReaderSync();
  return cached(name, file.size, (offset, length) => {
    try {
      return new Uint8Array(reader.readAsArrayBuffer(file.slice(offset, offset + length)));
    } catch (error) {
      throw unreadable(name, offset, error instanceof Error ? error.message : String(error));
    }
  });
}

const fileNameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** The source of a model and the files beside it. */
export function openSource(ref: SourceRef): { readonly source: BlobSource; readonly siblings?: SiblingFiles } {
  switch (ref.kind) {
    case "url":
      return {
        source: urlSource(ref.name, ref.url, sizeOf(ref.url, ref.name) ?? ref.size),
        siblings(path) {
          const url = ref.siblingUrl + encodeURIComponent(path);
          const size = sizeOf(url, path);
          return size === undefined ? undefined : urlSource(path, url, size);
        },
      };
    case "file":
      return {
        source: fileSource(ref.name, ref.file),
        // Dropped files have no folders: the location's last part has to do.
        siblings(path) {
          const found = ref.siblings.find((sibling) => sibling.name === fileNameOf(path));
          return found && fileSource(found.name, found.file);
        },
      };
    case "bytes":
      return { source: cached(ref.name, ref.bytes.length, (offset, length) => ref.bytes.subarray(offset, offset + length)) };
  }
}
