import { expect, test } from "vitest";
import { fromNumbers, makeTensor } from "../../src/ir/tensor.ts";
import { defaultAtol, defaultRtol, difference } from "../../src/session/backend-case.ts";

test("integers of a case are equal or not, beyond 2^53 too; floats have tolerances", () => {
  const wide = (...values: bigint[]) => makeTensor("int64", [values.length], BigInt64Array.from(values));
  const compared = (a: Parameters<typeof difference>[0], b: Parameters<typeof difference>[1]) => difference(a, b, defaultRtol, defaultAtol);
  expect(compared(wide(2n ** 53n), wide(2n ** 53n + 1n))).toBe("element 0: 9007199254740992, not 9007199254740993");
  expect(compared(wide(-1n, 5n), wide(-1n, 5n))).toBeUndefined();
  expect(compared(fromNumbers("int32", [1], [100_001]), fromNumbers("int32", [1], [100_000]))).toBe("element 0: 100001, not 100000");
  expect(compared(fromNumbers("float32", [1], [100_001]), fromNumbers("float32", [1], [100_000]))).toBeUndefined();
});
