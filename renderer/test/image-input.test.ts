import { describe, expect, test } from "vitest";
import { normalizations, pictureShape, pixelsToTensor } from "../src/panels/values/image-input.ts";

describe("pictures as inputs", () => {
  test("which types are pictures", () => {
    expect(pictureShape("float32[1, 3, 224, 192]")).toMatchObject({ layout: "NCHW", channels: 3, height: 224, width: 192 });
    expect(pictureShape("float32[N, 1, 28, 28]")).toMatchObject({ layout: "NCHW", channels: 1, dims: [1, 1, 28, 28] });
    expect(pictureShape("uint8[1, H, W, 3]")).toMatchObject({ layout: "NHWC", channels: 3, dims: [1, 224, 224, 3] });
    for (const type of ["float32[1, 768]", "int64[1, 3, 8, 8]", "float32[4, 3, 8, 8]", "float32[1, 16, 8, 8]"]) expect(pictureShape(type), type).toBeUndefined();
  });
  test("pixels by channel, scaled", () => {
    const pixels = Uint8ClampedArray.of(255, 0, 0, 255, 0, 51, 255, 255);
    const shape = { channels: 3, height: 1, width: 2, dims: [1, 3, 1, 2] } as const;
    expect([...pixelsToTensor(pixels, { ...shape, layout: "NCHW" }, normalizations.bytes)].map(Math.round)).toEqual([255, 0, 0, 51, 0, 255]);
    expect([...pixelsToTensor(pixels, { ...shape, layout: "NHWC", dims: [1, 1, 2, 3] }, normalizations.signed)].map((v) => Math.round(v * 100) / 100)).toEqual([1, -1, -1, -1, -0.6, 1]);
    expect(pixelsToTensor(Uint8ClampedArray.of(100, 100, 100, 255), { layout: "NCHW", channels: 1, height: 1, width: 1, dims: [1, 1, 1, 1] }, normalizations.bytes)[0]).toBeCloseTo(100, 3);
  });
});
