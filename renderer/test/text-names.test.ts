import { expect, test } from "vitest";
import { namesIn } from "../src/editor/text-ir-assist.ts";

test("names of a text: where each is defined and used, quoted names and bodies too", () => {
  const { definitions, places } = namesIn([
    "graph (%x: float32[1, 4]) {",
    '  %"a b": float32[1, 4] = Relu(%x)',
    "  %/f/out: float32[1, 4] = graphwright.Fused(%\"a b\") {",
    "    body (%p) {",
    "      %q = Add(%p, %x)",
    "      return %q",
    "    }",
    "  }",
    "  return %/f/out",
    "}",
  ]);
  expect([...definitions].map(([name, { line }]) => [name, line])).toEqual([["%x", 1], ['%"a b"', 2], ["%/f/out", 3], ["%p", 4], ["%q", 5]]);
  expect(places.get("%x")!.map(({ line }) => line)).toEqual([1, 2, 5]);
  expect(places.get('%"a b"')).toEqual([{ line: 2, from: 3, to: 9 }, { line: 3, from: 46, to: 52 }]);
});
