import { describe, expect, test } from "vitest";
import { parseRange } from "../shared/byte-range.ts";

describe("one byte range", () => {
  test.each([
    ["bytes=0-0", 10, { start: 0, end: 0 }],
    ["bytes=2-5", 10, { start: 2, end: 5 }],
    ["bytes=9-", 10, { start: 9, end: 9 }],
    ["bytes=4-99", 10, { start: 4, end: 9 }],
    ["bytes=-3", 10, { start: 7, end: 9 }],
    ["bytes=-30", 10, { start: 0, end: 9 }],
    ["bytes=4294967296-4294967299", 10_000_000_000, { start: 4294967296, end: 4294967299 }],
  ])("%s of %i bytes", (header, size, range) => {
    expect(parseRange(header, size)).toEqual(range);
  });

  test.each([
    ["bytes=10-", 10],
    ["bytes=5-4", 10],
    ["bytes=-0", 10],
    ["bytes=-", 10],
    ["bytes=0-", 0],
    ["bytes=0-1,3-4", 10],
    ["items=0-1", 10],
    ["bytes=a-b", 10],
    ["bytes=1.5-2", 10],
    ["", 10],
  ])("%s of %i bytes is refused", (header, size) => {
    expect(parseRange(header, size)).toBe("unsatisfiable");
  });

  test("no header, no range", () => {
    expect(parseRange(null, 10)).toBeUndefined();
  });
});
