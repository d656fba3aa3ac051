import { expect, test } from "vitest";
import { sharedFolder } from "../../../app/tooling/need.ts";
import { root } from "../../../app/tooling/run.mjs";
import { fuzz } from "../fixtures/fuzz.ts";

// The long form is `npm run bench:fuzz`.
test("2,000 mutated files: none crashes, hangs or fills the memory; what opens, exports and opens again", { timeout: 120_000 }, () => {
  const { counts, faults } = fuzz(root, sharedFolder(), 2000, 2);
  expect(faults).toEqual([]);
  // Both ways of going wrong are tried: files that are refused, and files that open and mean nonsense.
  expect(counts.opened).toBeGreaterThan(400);
  expect(counts.refused).toBeGreaterThan(400);
});
