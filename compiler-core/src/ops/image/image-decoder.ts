import { makeTensor } from "../../ir/tensor.ts";
import { tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { type AttributeReader, defineOperator } from "../definition.ts";
import { decodeBmp, isBmp } from "../support/image/bmp.ts";
import { decodeJpeg, isJpeg } from "../support/image/jpeg.ts";
import { decodePng, isPng } from "../support/image/png.ts";
import { decodePnm, isPnm } from "../support/image/pnm.ts";
import { type Raster, UnsupportedImage } from "../support/image/raster.ts";
import { decodeTiff, isTiff } from "../support/image/tiff.ts";
import { tensorAt } from "../support/numbers.ts";
import { required, tensors } from "../support/types.ts";

const decoders: readonly { readonly name: string; readonly is: (bytes: Uint8Array) => boolean; readonly decode?: (bytes: Uint8Array) => Raster }[] = [
  { name: "PNG", is: isPng, decode: decodePng },
  { name: "JPEG", is: isJpeg, decode: decodeJpeg },
  { name: "BMP", is: isBmp, decode: decodeBmp },
  { name: "TIFF", is: isTiff, decode: decodeTiff },
  { name: "PNM", is: isPnm, decode: decodePnm },
  { name: "WebP", is: (b) => b[0] === 0x52 && b[1] === 0x49 && b[8] === 0x57 && b[9] === 0x45 },
  { name: "JPEG 2000", is: (b) => (b[4] === 0x6a && b[5] === 0x50 && b[6] === 0x20) || (b[0] === 0xff && b[1] === 0x4f) },
];

function channelsOf(attributes: AttributeReader): 1 | 3 {
  const format = attributes.string("pixel_format");
  if (format === "Grayscale") return 1;
  if (format === "RGB" || format === "BGR") return 3;
  throw new GraphwrightError("attribute-range", `pixel_format is "${format}", which is none of RGB, BGR and Grayscale.`);
}

/** Brightness by ITU-R BT.601 in 16-bit fixed point. */
const luma = (r: number, g: number, b: number): number => (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;

export const imageDecoder = defineOperator({
  domain: "",
  op: "ImageDecoder",
  versions: [{ since: 20 }],
  summary: "Decodes an image file into pixels.",
  doc: "PNG, JPEG, BMP, TIFF and PNM are decoded here; WebP and JPEG 2000 are not. A damaged file gives an image of 0 by 0 pixels.",
  family: "shape",
  inputs: [required("encoded_stream", "T1", "the file's bytes [length]")],
  outputs: [required("image", "T2", "pixels [height, width, channels]")],
  attributes: { pixel_format: { kind: "string", doc: "order of the channels: RGB, BGR or Grayscale", fallback: "RGB" } },
  types: { T1: tensors("uint8"), T2: tensors("uint8") },
  infer: (_context, _node, attributes) => [{ type: tensorType("uint8", [null, null, channelsOf(attributes)]) }],
  evaluate: (inputs, { attributes }) => {
    const bytes = tensorAt(inputs, 0).data as Uint8Array;
    const channels = channelsOf(attributes);
    const bgr = attributes.string("pixel_format") === "BGR";
    const format = decoders.find((entry) => entry.is(bytes));
    if (format && !format.decode) throw new GraphwrightError("no-evaluator", `images of the format ${format.name} are not decoded here.`, undefined, "Convert the image to PNG, or decode it before the model.");
    let raster: Raster | undefined;
    try {
      raster = format?.decode?.(bytes);
    } catch (error) {
      if (error instanceof UnsupportedImage) throw new GraphwrightError("no-evaluator", `${error.message} is not decoded here.`, undefined, "Convert the image to PNG, or decode it before the model.");
    }
    if (!raster) return [makeTensor("uint8", [0, 0, channels])];
    const { width, height, samples } = raster;
    const out = new Uint8Array(width * height * channels);
    for (let i = 0; i < width * height; i++) {
      const at = i * raster.channels;
      const [r, g, b] = raster.channels === 1 ? [samples[at]!, samples[at]!, samples[at]!] : [samples[at]!, samples[at + 1]!, samples[at + 2]!];
      if (channels === 1) out[i] = raster.channels === 1 ? r : luma(r, g, b);
      else out.set(bgr ? [b, g, r] : [r, g, b], i * 3);
    }
    return [makeTensor("uint8", [height, width, channels], out)];
  },
});
