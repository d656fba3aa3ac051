import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { OperatorNode } from "../../src/ir/graph.ts";
import type { InferContext } from "../../src/ir/type-rules.ts";
import { tensorType } from "../../src/ir/value-type.ts";
import type { OperatorDefinition } from "../../src/ops/definition.ts";
import { strassenConv } from "../../src/ops/layout/strassen-conv.ts";
import { strassenMatMul } from "../../src/ops/layout/strassen-mat-mul.ts";
import { packColumns } from "../../src/ops/support/blocked.ts";
import { strassenColumns, strassenMultiply } from "../../src/ops/support/strassen.ts";
import { Random } from "../../src/support/random.ts";

/** The definition: float64 sums of products. */
function multiply(x: ArrayLike<number>, w: ArrayLike<number>, rows: number, depth: number, columns: number, bias?: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: rows * columns }, (_, i) => {
    const [r, n] = [Math.floor(i / columns), i % columns];
    let sum = bias ? bias[n]! : 0;
    for (let k = 0; k < depth; k++) sum += x[r * depth + k]! * w[k * columns + n]!;
    return sum;
  });
}

function byHalves(x: ArrayLike<number>, w: Float32Array, rows: number, depth: number, columns: number, lanes: number, bias?: ArrayLike<number>): Float32Array {
  const packed = packColumns(w, depth, columns, lanes);
  const u = strassenColumns(packed.numbers, packed.dims as [number, number, number]);
  expect(u.dims).toEqual([7, columns / lanes / 2, depth / 2, lanes]);
  return strassenMultiply(x, rows, u.numbers, u.dims as [number, number, number, number], bias);
}

const shape = fc.record({ rows: fc.integer({ min: 1, max: 6 }), depth: fc.integer({ min: 1, max: 7 }), panels: fc.integer({ min: 1, max: 4 }), lanes: fc.constantFrom(1, 2, 4, 16), seed: fc.integer(), biased: fc.boolean() });

describe("Strassen's product", () => {
  test("of whole numbers is the product itself", () => {
    fc.assert(
      fc.property(shape, ({ rows, depth, panels, lanes, seed, biased }) => {
        const random = new Random(seed);
        const whole = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.below(201) - 100);
        const [r, k, n] = [rows, 2 * depth, 2 * panels * lanes];
        const [x, w, bias] = [whole(r * k), whole(k * n), biased ? whole(n) : undefined];
        expect([...byHalves(x, w, r, k, n, lanes, bias)].map((v) => v + 0)).toEqual([...multiply(x, w, r, k, n, bias)].map((v) => v + 0));
      }),
    );
  });

  test("of normal numbers has a few times the rounding error of multiplying directly", () => {
    const random = new Random(7);
    const [rows, depth, columns] = [64, 288, 320];
    const normal = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());
    const [x, w] = [normal(rows * depth), normal(depth * columns)];
    const exact = multiply(x, w, rows, depth, columns);
    const largest = exact.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    const error = byHalves(x, w, rows, depth, columns, 16).reduce((worst, y, i) => Math.max(worst, Math.abs(y - exact[i]!)), 0) / largest;
    // Products are summed in float64 here: what is left comes from the sums of quarters.
    expect(error).toBeLessThan(5e-7);
    expect(error).toBeGreaterThan(0);
  });
});

describe("factors that do not fit are reported", () => {
  const said = (definition: OperatorDefinition, ...shapes: readonly (readonly number[])[]): string[] => {
    const messages: string[] = [];
    const context = { type: (i: number) => tensorType("float32", shapes[i]!), report: (d: { message: string }) => void messages.push(d.message) } as unknown as InferContext;
    definition.infer(context, { op: definition.op } as OperatorNode, { ints: () => undefined } as never);
    return messages;
  };
  test.each([
    ["a product", strassenMatMul, [4, 8], [7, 1, 4, 16], []],
    ["of another depth", strassenMatMul, [4, 10], [7, 1, 4, 16], ["StrassenMatMul: data of depth 10 does not fit halves of 4."]],
    ["with eight products", strassenMatMul, [4, 8], [8, 1, 4, 16], ["StrassenMatMul: combined quarters of shape [8, 1, 4, 16] are not seven of panels."]],
    ["a convolution", strassenConv, [1, 2, 3, 3, 4], [7, 1, 4, 16], []],
    ["of an odd number of blocks", strassenConv, [1, 3, 3, 3, 4], [7, 1, 4, 16], ["StrassenConv: data of depth 12 does not fit halves of 4."]],
  ] as const)("%s", (_, definition, x, u, messages) => {
    expect(said(definition, x, u)).toEqual(messages);
  });
});
