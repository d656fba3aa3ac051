import { Zip, ZipPassThrough } from "fflate";
import type { BundleFile } from "./bundle-file.ts";

/** The bundle as one .zip (stored, not compressed: weights do not shrink), in pieces. Dates are fixed. */
export function* zipBundle(files: readonly BundleFile[], folder: string): Iterable<Uint8Array> {
  let ready: Uint8Array[] = [];
  let failure: Error | undefined;
  const zip = new Zip((error, chunk) => {
    if (error) failure = error;
    else ready.push(chunk);
  });
  function* drain(): Iterable<Uint8Array> {
    if (failure) throw failure;
    yield* ready;
    ready = [];
  }
  for (const file of files) {
    const entry = new ZipPassThrough(`${folder}/${file.path}`);
    // The zip format counts from 1980, in local time.
    entry.mtime = new Date(1980, 0, 1, 12);
    zip.add(entry);
    for (const chunk of file.chunks()) {
      entry.push(chunk, false);
      yield* drain();
    }
    entry.push(new Uint8Array(0), true);
    yield* drain();
  }
  zip.end();
  yield* drain();
}
