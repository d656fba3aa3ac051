/** Chains of shape arithmetic, as exporters write them: what inference knows of the elements is what evaluation gives. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Attributes } from "../../src/ir/attribute.ts";
import type { Dim } from "../../src/ir/dim.ts";
import { symbol } from "../../src/ir/dim.ts";
import { ConstantValue, emptyGraph, Rewriter, rootRegion, shapeOf, tensorType, type ValueRef } from "../../src/ir/index.ts";
import { evaluateGraph } from "../../src/evaluate/index.ts";
import { isTensor, typeRules } from "../../src/ops/index.ts";
import { contradicted } from "./check-inference.ts";
import { Draw, is, number, shrinking, vector } from "./node-case.ts";

interface Chain {
  readonly wrong: string[];
  /** elements of all values, and those that were known */
  readonly elements: number;
  readonly known: number;
}

/** A random chain over the shape of one input whose sizes are symbols. */
function run(d: Draw): Chain {
  const rewriter = new Rewriter(emptyGraph({ opsets: { "": 26 } }), typeRules);
  const dims = d.dims(2, 4, 2, 6);
  const sizes = new Map<string, number>();
  const shape = dims.map((size, i): Dim => {
    if (d.int(0, 3) === 0) return size;
    sizes.set(`s${i}`, size);
    return symbol(`s${i}`);
  });
  const x = rewriter.addParameter({ name: "x", type: tensorType("float32", shape) });
  let named = 0;
  const constant = (values: readonly number[] | number): ValueRef =>
    rewriter.addConstant({ name: `c${named++}`, value: ConstantValue.of(typeof values === "number" ? number(values) : vector(values)) });
  const node = (op: string, inputs: readonly (ValueRef | null)[], attributes: Attributes = {}): ValueRef => ({ node: rewriter.addNode({ op, inputs, attributes, outputs: [`v${named++}`] }), output: 0 });
  // Vectors of int64 of a known length, and scalars.
  const vectors: { ref: ValueRef; length: number }[] = [{ ref: node("Shape", [x]), length: dims.length }, { ref: constant([2, 3]), length: 2 }];
  const scalars: ValueRef[] = [node("Size", [x]), constant(1)];
  const length = (list: { ref: ValueRef; length: number }[], ref: ValueRef, count: number) => list.push({ ref, length: count });
  for (let turn = d.int(3, 10); turn > 0; turn--) {
    const v = d.pick(vectors);
    const axis0 = { axis: is.int(0) };
    switch (d.int(0, 13)) {
      case 0:
        if (v.length > 0) scalars.push(node("Gather", [v.ref, constant(d.axis(v.length))], axis0));
        break;
      case 1:
        if (v.length > 0) length(vectors, node("Gather", [v.ref, constant([d.axis(v.length), d.axis(v.length)])], axis0), 2);
        break;
      case 2: {
        const w = d.pick(vectors);
        length(vectors, node("Concat", [v.ref, w.ref], axis0), v.length + w.length);
        break;
      }
      case 3: {
        const start = d.int(0, v.length);
        const end = d.int(start, v.length);
        length(vectors, node("Slice", [v.ref, constant([start]), constant([end]), constant([0])]), end - start);
        break;
      }
      case 4:
        length(vectors, node("Slice", [v.ref, constant([-1]), constant([-(2 ** 31)]), constant([0]), constant([-1])]), v.length);
        break;
      case 5:
        scalars.push(node(d.pick(["Add", "Sub", "Mul", "Div", "Min", "Max"]), [d.pick(scalars), constant(d.int(1, 3))]));
        break;
      case 6:
        scalars.push(node(d.pick(["Add", "Sub", "Mul"]), [d.pick(scalars), d.pick(scalars)]));
        break;
      case 7:
        length(vectors, node(d.pick(["Add", "Mul", "Sub"]), [v.ref, d.pick(scalars)]), v.length);
        break;
      case 8:
        length(vectors, node("Unsqueeze", [d.pick(scalars), constant([0])]), 1);
        break;
      case 9: {
        const one = vectors.find((each) => each.length === 1);
        if (one) scalars.push(node("Squeeze", [one.ref, constant([0])]));
        break;
      }
      case 10: {
        // The way in which padding is turned round: pairs, reversed, transposed.
        if (v.length % 2 !== 0) break;
        const pairs = node("Reshape", [v.ref, constant([-1, 2])]);
        const reversed = node("Slice", [pairs, constant([-1]), constant([-(2 ** 62)]), constant([0]), constant([-1])]);
        const flat = node("Reshape", [node("Transpose", [reversed], { perm: is.ints([1, 0]) }), constant([-1])]);
        length(vectors, flat, v.length);
        break;
      }
      case 11: {
        const condition = node(d.pick(["Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"]), [d.pick(scalars), d.pick(scalars)]);
        const both = node(d.pick(["And", "Or", "Xor"]), [condition, node("Not", [condition])]);
        scalars.push(node("Where", [d.bool() ? condition : both, d.pick(scalars), d.pick(scalars)]));
        scalars.push(node("Cast", [condition], { to: is.int(7) }));
        break;
      }
      case 12:
        length(vectors, node("Cast", [node("Cast", [v.ref], { to: is.int(d.pick([6, 7, 2])) })], { to: is.int(7) }), v.length);
        break;
      default:
        scalars.push(node("Neg", [d.pick(scalars)]));
    }
  }
  for (const [i, each] of [...vectors.map((v) => v.ref), ...scalars].entries()) rewriter.addOutput(rootRegion, { name: `y${i}`, value: each });
  const { graph } = rewriter.commit({ pass: "test", rewrite: "build", site: "", matched: [] });
  const wrong = rewriter.diagnostics.map((each) => each.message);
  let [elements, known] = [0, 0];
  evaluateGraph(graph, new Map([["x", d.float(dims)]]), {
    keep: (ref, value) => {
      const output = graph.node(ref.node).outputs[ref.output]!;
      const message = contradicted(output.type, output.known, value, sizes);
      if (message !== undefined) wrong.push(`${graph.valueName(ref)}: ${message}`);
      if (!isTensor(value) || shapeOf(output.type)?.length === undefined) return;
      elements += value.data.length;
      known += output.known?.filter((each) => each !== null).length ?? 0;
    },
  });
  return { wrong, elements, known };
}

test("elements that inference knows are those that evaluation gives", () => {
  let [elements, known] = [0, 0];
  fc.assert(
    fc.property(fc.gen(), (g) => {
      const chain = run(new Draw(shrinking(g)));
      expect(chain.wrong).toEqual([]);
      elements += chain.elements;
      known += chain.known;
    }),
    { numRuns: Number(process.env["GRAPHWRIGHT_PROPERTY_RUNS"] ?? 300), seed: 11 },
  );
  expect(known / elements).toBeGreaterThan(0.85);
});
