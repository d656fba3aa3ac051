import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseNpy } from "../src/state/npy.ts";

/** Writes version 1.0 of the format, as numpy.save does. */
function npy(descr: string, shape: string, data: Uint8Array, fortran = "False"): Uint8Array {
  let header = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (${shape}), }`;
  header = `${header.padEnd(Math.ceil((10 + header.length + 1) / 64) * 64 - 11)}\n`;
  return Uint8Array.of(0x93, ...Buffer.from("NUMPY"), 1, 0, header.length & 255, header.length >> 8, ...Buffer.from(header), ...data);
}

describe(".npy files", () => {
  test("a file that numpy wrote", () => {
    const { dims, data } = parseNpy(readFileSync(new URL("../../examples/digits/images/3.npy", import.meta.url)));
    expect(dims).toEqual([1, 1, 28, 28]);
    expect(data).toHaveLength(784);
    expect(Math.max(...data)).toBeGreaterThan(0);
    expect(data.every((value) => value >= 0 && value <= 255)).toBe(true);
  });
  test("element types and byte orders", () => {
    expect([...parseNpy(npy("<i2", "2,", Uint8Array.of(1, 0, 255, 255))).data]).toEqual([1, -1]);
    expect([...parseNpy(npy(">u4", "1,", Uint8Array.of(0, 0, 1, 2))).data]).toEqual([258]);
    expect(parseNpy(npy("<f8", "", new Uint8Array(new Float64Array([0.5]).buffer)))).toEqual({ dims: [], data: Float32Array.of(0.5) });
  });
  test("what cannot be read says why", () => {
    expect(() => parseNpy(new Uint8Array(20))).toThrow(/not a \.npy file/);
    expect(() => parseNpy(npy("<f4", "3,", new Uint8Array(8)))).toThrow(/ends early: 12 bytes.*8 are there/);
    expect(() => parseNpy(npy("<f4", "1, 1", new Uint8Array(4), "True"))).toThrow(/Fortran/);
    expect(() => parseNpy(npy("<c8", "1,", new Uint8Array(8)))).toThrow(/not supported/);
  });
});
