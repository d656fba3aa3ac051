/** PNG of an SVG text. Loaded only when a PNG is asked for: the rasterizer and its fonts are three megabytes. */
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import resvgWasm from "@resvg/resvg-wasm/index_bg.wasm?url&inline";
import { missingCharacters, systemFonts, windowFonts } from "./fonts.ts";
import { inlined } from "./inlined.ts";

let ready: Promise<void> | undefined;

export interface Raster {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** characters that no font at hand has: they are boxes in the picture */
  readonly missing: readonly string[];
}

/** `fonts` are further font files, which come before the system's. */
export async function rasterize(svg: string, scale: number, fonts: readonly Uint8Array[], check: () => void): Promise<Raster> {
  await (ready ??= initWasm(inlined(resvgWasm)));
  const words = svg.replace(/<(title|style)>[^]*?<\/\1>|<[^>]*>/g, "");
  const missing = missingCharacters(words);
  const system = missing.size > 0 ? await systemFonts(missing, check) : [];
  check();
  const drawing = new Resvg(svg, {
    fitTo: { mode: "zoom", value: scale },
    font: { fontBuffers: [...windowFonts(), ...fonts, ...system], defaultFontFamily: "Inter", sansSerifFamily: "Inter", monospaceFamily: "JetBrains Mono", loadSystemFonts: false },
  });
  try {
    const image = drawing.render();
    try {
      return { png: image.asPng(), width: image.width, height: image.height, missing: [...missing].map((code) => String.fromCodePoint(code)) };
    } finally {
      image.free();
    }
  } finally {
    drawing.free();
  }
}
