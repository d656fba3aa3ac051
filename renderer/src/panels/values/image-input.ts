/** Pictures as inputs of a model. */

export interface PictureShape {
  readonly layout: "NCHW" | "NHWC";
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  readonly dims: readonly number[];
}

/** What of a type says that it is a picture: one of a batch, one or three channels. Sizes that are not static are 224. */
export function pictureShape(type: string): PictureShape | undefined {
  const match = /^(?:float\w*|uint8)\[([^\]]*)\]$/.exec(type);
  if (!match) return undefined;
  const sizes = match[1]!.split(",").map((each) => (/^\s*\d+\s*$/.test(each) ? Number(each) : undefined));
  if (sizes.length !== 4 || (sizes[0] ?? 1) !== 1) return undefined;
  const side = (size: number | undefined): number => size ?? 224;
  const [, b, c, d] = sizes;
  if (b === 1 || b === 3) return { layout: "NCHW", channels: b, height: side(c), width: side(d), dims: [1, b, side(c), side(d)] };
  if (d === 1 || d === 3) return { layout: "NHWC", channels: d, height: side(b), width: side(c), dims: [1, side(b), side(c), d] };
  return undefined;
}

export const scalings = ["bytes", "unit", "signed", "imagenet", "custom"] as const;
export type Scaling = (typeof scalings)[number];

export interface Normalization {
  /** by channel, of values from 0 to 1 */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  /** 255 leaves bytes as they are */
  readonly range: 1 | 255;
}

export const normalizations: Readonly<Record<Exclude<Scaling, "custom">, Normalization>> = {
  bytes: { mean: [0, 0, 0], deviation: [1, 1, 1], range: 255 },
  unit: { mean: [0, 0, 0], deviation: [1, 1, 1], range: 1 },
  signed: { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5], range: 1 },
  imagenet: { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225], range: 1 },
};

/** RGBA bytes, row by row -> the tensor's elements. One channel takes the luma (ITU-R BT.601). */
export function pixelsToTensor(pixels: Uint8ClampedArray, { layout, channels, height, width }: PictureShape, { mean, deviation, range }: Normalization): Float32Array {
  const out = new Float32Array(channels * height * width);
  const plane = height * width;
  for (let i = 0; i < plane; i++) {
    const [r, g, b] = [pixels[4 * i]!, pixels[4 * i + 1]!, pixels[4 * i + 2]!];
    const values = channels === 1 ? [0.299 * r + 0.587 * g + 0.114 * b] : [r, g, b];
    for (let c = 0; c < channels; c++) out[layout === "NCHW" ? c * plane + i : i * channels + c] = ((values[c]! / 255 - mean[c]!) / deviation[c]!) * range;
  }
  return out;
}
