/**
 * `SourceRef` -> the compiler's `BlobSource`. Reading is synchronous, which a worker may do: XMLHttpRequest with a Range
 * for an address, FileReaderSync on slices for a file.
 */
import { GraphwrightError, type BlobSource, type SiblingFiles } from "@graphwright/compiler-core";
import { cached } from "./blob-cache.ts";
import type { SourceRef } from "./source.ts";

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
