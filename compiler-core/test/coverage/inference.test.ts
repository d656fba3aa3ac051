/** Shape and type inference held against evaluation, for every operator that has a generator. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GraphwrightError } from "../../src/support/diagnostic.ts";
import { isTensor, operators, type Value } from "../../src/ops/index.ts";
import { checkInference, type Knowledge, type Tally } from "./check-inference.ts";
import { generators } from "./generators/index.ts";
import { Draw, type NodeCase, shrinking } from "./node-case.ts";

const runs = Number(process.env["GRAPHWRIGHT_PROPERTY_RUNS"] ?? 40);
const all: readonly Knowledge[] = [
  { sizes: "known", elements: "constants" },
  { sizes: "symbolic", elements: "constants" },
  { sizes: "known", elements: "none" },
  { sizes: "symbolic", elements: "none" },
];

/** of symbolic sizes with the deciding elements in sight */
const tally: Tally = { dims: 0, said: 0 };

const show = (t: Value | null): unknown => (t && isTensor(t) ? `${t.element}[${t.dims.join(", ")}]${t.data.length <= 6 ? ` = ${Array.from(t.data as ArrayLike<unknown>).join(" ")}` : ""}` : t?.kind);
const describeCase = (each: NodeCase): string =>
  JSON.stringify({ ...each, inputs: each.inputs.map(show) }, (_, v: unknown) => (typeof v === "bigint" ? Number(v) : v));

describe("what inference says of a node is what evaluation gives", () => {
  for (const [op, generator] of Object.entries(generators))
    test(op, () => {
      let refused = 0;
      fc.assert(
        fc.property(fc.gen(), (g) => {
          const each = generator(new Draw(shrinking(g)));
          for (const knowledge of all) {
            let wrong: string | undefined;
            try {
              wrong = checkInference(each, knowledge, knowledge === all[1] ? tally : { dims: 0, said: 0 });
            } catch (error) {
              if (!(error instanceof GraphwrightError)) throw error;
              refused++;
              wrong = `refused by evaluation: ${error.message}`;
            }
            expect(wrong, `${describeCase(each)} with ${knowledge.sizes} sizes, ${knowledge.elements === "none" ? "no element" : "deciding elements"} known`).toBeUndefined();
          }
        }),
        { numRuns: runs, seed: 7 },
      );
      expect(refused).toBe(0);
    });
});

test("with symbolic sizes, nearly every dimension is said", () => {
  expect(tally.dims).toBeGreaterThan(1000);
  expect(tally.said / tally.dims).toBeGreaterThan(0.9);
});

/** Operators without a generator of nodes: those with bodies (bodies.test.ts), and one whose sizes lie in compressed bytes. */
const otherwise = ["If", "Loop", "Scan", "SequenceMap", "ImageDecoder"];

test("every operator of the standard that can be evaluated has a generator", () => {
  const without = operators.filter((o) => o.evaluate && o.domain === "" && !(o.op in generators)).map((o) => o.op);
  expect(without.sort()).toEqual(otherwise.sort());
});
