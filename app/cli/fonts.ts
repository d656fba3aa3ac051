/** Fonts for raster pictures: those the window has, and for what they lack the ones of the system. */
import type { Dirent } from "node:fs";
import { open, readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import inter400cyrillic from "@fontsource/inter/files/inter-cyrillic-400-normal.woff2?url&inline";
import inter400greek from "@fontsource/inter/files/inter-greek-400-normal.woff2?url&inline";
import inter400latinExt from "@fontsource/inter/files/inter-latin-ext-400-normal.woff2?url&inline";
import inter400 from "@fontsource/inter/files/inter-latin-400-normal.woff2?url&inline";
import inter600 from "@fontsource/inter/files/inter-latin-600-normal.woff2?url&inline";
import inter600latinExt from "@fontsource/inter/files/inter-latin-ext-600-normal.woff2?url&inline";
import interRanges from "@fontsource/inter/unicode.json";
import mono400 from "@fontsource/jetbrains-mono/files/jetbrains-mono-latin-400-normal.woff2?url&inline";
import { inlined } from "./inlined.ts";

export const windowFonts = (): Uint8Array[] => [inter400, inter600, inter400latinExt, inter600latinExt, inter400greek, inter400cyrillic, mono400].map(inlined);

/** Characters of a text that the window's fonts do not have. */
export function missingCharacters(text: string): Set<number> {
  const ranges = [interRanges.latin, interRanges["latin-ext"], interRanges.greek, interRanges.cyrillic].flatMap((list) =>
    list.split(",").map((range) => {
      const [from, to] = range.trim().replace(/^U\+/i, "").split("-") as [string, string?];
      return [parseInt(from, 16), parseInt(to ?? from, 16)] as const;
    }),
  );
  const missing = new Set<number>();
  for (const character of new Set(text)) {
    const code = character.codePointAt(0)!;
    if (code >= 0x20 && !ranges.some(([from, to]) => code >= from && code <= to)) missing.add(code);
  }
  return missing;
}

const folders = (): string[] => [
  "/usr/share/fonts", "/usr/local/share/fonts", path.join(homedir(), ".fonts"), path.join(homedir(), ".local/share/fonts"),
  "/System/Library/Fonts", "/Library/Fonts", path.join(homedir(), "Library/Fonts"),
  path.join(process.env["WINDIR"] ?? "C:\\Windows", "Fonts"),
];

/** Font files of the system that have some of these characters; those they have are taken out of the set. */
export async function systemFonts(missing: Set<number>, check: () => void): Promise<Uint8Array[]> {
  const files: string[] = [];
  for (const folder of folders()) {
    const entries: Dirent[] = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isFile() && /\.(ttf|otf|ttc|otc)$/i.test(entry.name)) files.push(path.join(entry.parentPath, entry.name));
  }
  // Regular faces of sans-serif families first: they go best with the rest.
  const rank = (file: string): number => (/sans|cjk|hei|gothic|pingfang|yahei/i.test(file) ? 0 : 2) + (/bold|black|light|thin|italic|oblique|condensed/i.test(path.basename(file)) ? 1 : 0);
  files.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const found: Uint8Array[] = [];
  for (const file of files) {
    if (missing.size === 0) break;
    check();
    const covers = await coverage(file).catch(() => undefined);
    const gains = covers ? [...missing].filter(covers) : [];
    if (gains.length === 0) continue;
    found.push(await readFile(file));
    for (const code of gains) missing.delete(code);
  }
  return found;
}

/** Which characters a font file has: its `cmap` table, formats 4 and 12 (OpenType specification). */
export async function coverage(file: string): Promise<(code: number) => boolean> {
  const handle = await open(file);
  try {
    const read = async (at: number, length: number): Promise<Buffer> => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, at);
      return buffer.subarray(0, bytesRead);
    };
    const head = await read(0, 16);
    const start = head.toString("latin1", 0, 4) === "ttcf" ? head.readUInt32BE(12) : 0;
    const directory = await read(start, 12 + 16 * (await read(start + 4, 2)).readUInt16BE(0));
    for (let at = 12; at + 16 <= directory.length; at += 16) {
      if (directory.toString("latin1", at, at + 4) !== "cmap") continue;
      const cmap = await read(directory.readUInt32BE(at + 8), directory.readUInt32BE(at + 12));
      const ranges: [number, number][] = [];
      for (let i = 0; i < cmap.readUInt16BE(2); i++) {
        const table = cmap.readUInt32BE(4 + i * 8 + 4);
        const format = cmap.readUInt16BE(table);
        if (format === 12) {
          for (let g = 0; g < cmap.readUInt32BE(table + 12); g++) ranges.push([cmap.readUInt32BE(table + 16 + g * 12), cmap.readUInt32BE(table + 20 + g * 12)]);
        } else if (format === 4) {
          const size = cmap.readUInt16BE(table + 6);
          for (let s = 0; s < size; s += 2) ranges.push([cmap.readUInt16BE(table + 16 + size + s), cmap.readUInt16BE(table + 14 + s)]);
        }
      }
      return (code) => ranges.some(([from, to]) => code >= from && code <= to && code !== 0xffff);
    }
    return () => false;
  } finally {
    await handle.close();
  }
}
