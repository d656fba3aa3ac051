import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blockKind, findRepeats, type NodeSequence } from "../../../picture/src/index.ts";

/** Nodes as [operator, ...inputs by place]. */
function sequence(nodes: readonly (readonly [string, ...number[]])[]): NodeSequence {
  const ops = new Map<string, number>();
  const inputStart = [0];
  const producers: number[] = [];
  const op = nodes.map(([name, ...inputs]) => {
    producers.push(...inputs);
    inputStart.push(producers.length);
    if (!ops.has(name)) ops.set(name, ops.size + 1);
    return ops.get(name)!;
  });
  return { count: nodes.length, op: Uint32Array.from(op), inputStart: Uint32Array.from(inputStart), producers: Int32Array.from(producers) };
}

/** Residual layers: norm, three products (one of them of the others), sum; `mask` feeds each. */
function layers(count: number, { mask = false, head = 2, tail = 2 } = {}): (readonly [string, ...number[]])[] {
  const nodes: [string, ...number[]][] = [];
  for (let i = 0; i < head; i++) nodes.push([`Head${i}`, ...(i > 0 ? [i - 1] : [])]);
  for (let layer = 0; layer < count; layer++) {
    const x = nodes.length - 1;
    const at = nodes.length;
    nodes.push(["Norm", x], ["MatMul", at, -1], ["MatMul", at, -1], ["Softmax", at + 1, at + 2, ...(mask ? [0] : [])], ["MatMul", at + 3, -1], ["Add", x, at + 4]);
  }
  for (let i = 0; i < tail; i++) nodes.push([`Tail${i}`, nodes.length - 1]);
  return nodes;
}

describe("repeated structure", () => {
  test("layers are found whole, from their first node", () => {
    expect(findRepeats(sequence(layers(12)))).toEqual([{ start: 2, length: 6, count: 12 }]);
  });
  test("a value that feeds every layer changes nothing", () => {
    expect(findRepeats(sequence(layers(30, { mask: true })))).toEqual([{ start: 2, length: 6, count: 30 }]);
  });
  test("two kinds of layers are two runs", () => {
    const first = layers(6, { tail: 0 });
    const second = layers(5, { head: 0, tail: 1 }).map(([op, ...inputs]) => [op === "Softmax" ? "Relu" : op, ...inputs.map((at) => (at < -1 ? at : at === -1 ? -1 : at + first.length))] as [string, ...number[]]);
    second[0] = ["Norm", first.length - 1];
    second[5] = ["Add", first.length - 1, first.length + 4];
    expect(findRepeats(sequence([...first, ...second]))).toEqual([{ start: 2, length: 6, count: 6 }, { start: first.length, length: 6, count: 5 }]);
  });
  test("nothing repeats in what does not", () => {
    expect(findRepeats(sequence(Array.from({ length: 40 }, (_, i) => [`Op${i}`, i - 1] as [string, number])))).toEqual([]);
    expect(findRepeats(sequence([]))).toEqual([]);
  });
  test("runs never overlap and blocks have the same operators", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.nat(6)), { maxLength: 120 }), (drawn) => {
        const nodes = drawn.map(([op, back], i) => [op, i - 1 - back >= 0 ? i - 1 - back : -2] as [string, number]);
        const { op } = sequence(nodes);
        let end = 0;
        for (const { start, length, count } of findRepeats(sequence(nodes))) {
          expect(start).toBeGreaterThanOrEqual(end);
          expect(count).toBeGreaterThan(1);
          end = start + length * count;
          expect(end).toBeLessThanOrEqual(nodes.length);
          for (let i = start + length; i < end; i++) expect(op[i]).toBe(op[i - length]);
        }
      }),
    );
  });
  test("blocks are named by what they do", () => {
    expect(blockKind(["LayerNormalization", "MatMul", "MatMul", "Softmax", "MatMul", "Add"])).toBe("transformer-layer");
    expect(blockKind(["Conv", "Relu", "Conv", "Add", "Relu"])).toBe("residual-block");
    expect(blockKind(["Conv", "Relu", "MaxPool"])).toBe("convolution-block");
    expect(blockKind(["Sin", "Cos"])).toBe("block");
  });
});
