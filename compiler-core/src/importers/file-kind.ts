/** What a file looks like by its first bytes, in words for a message; undefined when nothing is recognised. */
export function describeBytes(head: Uint8Array): string | undefined {
  for (const [signature, words] of signatures) if (startsWith(head, signature)) return words;
  if (startsWith(head.subarray(4), ascii("TFL3"))) return "a TensorFlow Lite model";
  if (head.length >= 2 && head[0] === 0x80 && (head[1] as number) <= 5) return "a Python pickle (an old PyTorch checkpoint?)";
  if (looksLikeSafetensors(head)) return "a safetensors file (weights without a graph)";
  if (looksLikeText(head)) return describeText(head);
  if (head.length > 0 && head.every((byte) => byte === 0)) return "filled with zero bytes";
  return undefined;
}

const ascii = (text: string): number[] => Array.from(text, (c) => c.charCodeAt(0));

const signatures: readonly (readonly [readonly number[], string])[] = [
  [ascii("PK\x03\x04"), "a zip archive (a PyTorch checkpoint?)"],
  [ascii("PK\x05\x06"), "an empty zip archive"],
  [[0x89, ...ascii("PNG\r\n\x1a\n")], "a PNG picture"],
  [[0xff, 0xd8, 0xff], "a JPEG picture"],
  [ascii("GIF8"), "a GIF picture"],
  [ascii("%PDF"), "a PDF document"],
  [[0x1f, 0x8b], "a gzip archive (unpack it first)"],
  [ascii("BZh"), "a bzip2 archive (unpack it first)"],
  [[0xfd, ...ascii("7zXZ")], "an xz archive (unpack it first)"],
  [[0x28, 0xb5, 0x2f, 0xfd], "a Zstandard archive (unpack it first)"],
  [ascii("7z\xbc\xaf"), "a 7-Zip archive (unpack it first)"],
  [[0x89, ...ascii("HDF\r\n\x1a\n")], "an HDF5 file (a Keras model?)"],
  [[0x93, ...ascii("NUMPY")], "a NumPy array"],
  [ascii("GGUF"), "a GGUF file (weights without a graph)"],
  [[0x7f, ...ascii("ELF")], "a program or library (ELF)"],
  [ascii("version https://git-lfs"), "a Git LFS pointer, not the file itself (run: git lfs pull)"],
  [ascii("<!DOCTYPE"), "a web page (was the download refused?)"],
  [ascii("<!doctype"), "a web page (was the download refused?)"],
  [ascii("<html"), "a web page (was the download refused?)"],
];

const startsWith = (bytes: Uint8Array, signature: readonly number[]): boolean =>
  bytes.length >= signature.length && signature.every((byte, i) => bytes[i] === byte);

/** u64 little-endian header length, then a JSON object. */
const looksLikeSafetensors = (head: Uint8Array): boolean => head.length > 9 && head[6] === 0 && head[7] === 0 && head[8] === 0x7b && head[9] === 0x22;

function looksLikeText(head: Uint8Array): boolean {
  if (head.length < 8) return false;
  // Protobuf has control bytes within its first few; text has none beyond white space.
  return head.subarray(0, 512).every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);
}

function describeText(head: Uint8Array): string {
  let at = 0;
  while (at < head.length && (head[at] as number) <= 0x20) at++;
  return head[at] === 0x7b || head[at] === 0x5b ? "a text file (JSON?)" : "a text file";
}
