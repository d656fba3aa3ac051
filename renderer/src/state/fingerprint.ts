/** What a project knows a model by. */
import type { Host, OpenedFile } from "../host/host.ts";

export interface Fingerprint {
  /** of the whole file; of a file over 256 MiB: of its length and 64 pieces of 1 MiB, spread evenly, first and last included */
  readonly algorithm: "sha-256" | "sha-256-sampled";
  /** hexadecimal */
  readonly value: string;
}

const wholeLimit = 256 * 1024 * 1024;
const piece = 1024 * 1024;
const pieces = 64;

const hex = (bytes: ArrayBuffer): string => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Reads the file, or parts of a large one. External data beside a model is not part of it. */
export async function fingerprint(host: Pick<Host, "readFile">, file: OpenedFile): Promise<Fingerprint> {
  if (file.size <= wholeLimit) {
    const bytes = await host.readFile(file, 0, file.size);
    return { algorithm: "sha-256", value: hex(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)) };
  }
  const all = new Uint8Array(8 + pieces * piece);
  new DataView(all.buffer).setBigUint64(0, BigInt(file.size));
  for (let i = 0; i < pieces; i++) {
    const start = Math.floor(((file.size - piece) * i) / (pieces - 1));
    all.set(await host.readFile(file, start, start + piece), 8 + i * piece);
  }
  return { algorithm: "sha-256-sampled", value: hex(await crypto.subtle.digest("SHA-256", all)) };
}

export const sameFingerprint = (a: Fingerprint | null, b: Fingerprint | null): boolean => a !== null && b !== null && a.algorithm === b.algorithm && a.value === b.value;
