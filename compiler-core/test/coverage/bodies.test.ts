/** Inference of operators with bodies held against evaluation: every value, inside the bodies' owners and after them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseGraph } from "../../src/ir/index.ts";
import { evaluateGraph } from "../../src/evaluate/index.ts";
import { typeRules, type Value } from "../../src/ops/index.ts";
import { contradicted } from "./check-inference.ts";
import { Draw, number, shrinking } from "./node-case.ts";

type Body = (d: Draw) => { readonly text: string; readonly inputs: Readonly<Record<string, Value>>; readonly sizes: Readonly<Record<string, number>> };

const bodies: Readonly<Record<string, Body>> = {
  If: (d) => {
    const [n, m] = [d.int(1, 3), d.int(1, 3)];
    const other = d.pick(["Relu(%x)", "Transpose(%x) {perm = [1, 0]}", "Concat(%x, %x) {axis = 0}"]);
    return {
      text: `graph @main(%c: bool[], %x: float32[N, M]) -> (%z) {
  %z = If(%c) then_branch () {
    %a = Neg(%x)
    return %a
  } else_branch () {
    %b = ${other}
    return %b
  }
  return %z
}`,
      inputs: { c: number(d.int(0, 1), "bool"), x: d.float([n, m]) },
      sizes: { N: n, M: m },
    };
  },
  "If whose condition the shape decides": (d) => {
    const n = d.int(1, 3);
    return {
      text: `graph @main(%x: float32[N, ${d.pick(["N", "1", "4"])}]) -> (%z) {
  %s = Shape(%x)
  %i = constant int64[] [1]
  %four = constant int64[] [4]
  %d = Gather(%s, %i) {axis = 0}
  %c = Equal(%d, %four)
  %axis = constant int64[1] [0]
  %z = If(%c) then_branch () {
    %a = Unsqueeze(%x, %axis)
    return %a
  } else_branch () {
    %b = Relu(%x)
    return %b
  }
  return %z
}`,
      inputs: {},
      sizes: { N: n },
    };
  },
  Loop: (d) => {
    const n = d.int(1, 3);
    const grow = d.pick(["Relu(%v)", "Concat(%v, %x) {axis = 0}", "Add(%v, %x)"]);
    // What the turns give can only be stacked when they agree.
    const stacked = grow.startsWith("Concat") ? "%x" : "%w";
    return {
      text: `graph @main(%n: int64[], %x: float32[N, 3]) -> (%z, %s) {
  %yes = constant bool[] [true]
  %z, %s = Loop(%n, %yes, %x) body (%i: int64[], %c: bool[], %v) {
    %w = ${grow}
    %go = Identity(%c)
    %k = Identity(${stacked})
    return %go, %w, %k
  }
  return %z, %s
}`,
      inputs: { n: number(d.int(1, 4)), x: d.float([n, 3]) },
      sizes: { N: n },
    };
  },
  Scan: (d) => {
    const [h, t] = [d.int(1, 3), d.int(1, 4)];
    const axis = d.pick([0, 1, -1]);
    const out = d.pick([0, 1, -1]);
    const time = axis === 0 ? 0 : 1;
    return {
      text: `graph @main(%s: float32[H], %x: float32[${time === 0 ? "T, H" : "H, T"}]) -> (%end, %all) {
  %end, %all = Scan(%s, %x) {num_scan_inputs = 1, scan_input_axes = [${axis}], scan_output_axes = [${out}]} body (%h, %slice) {
    %next = Add(%h, %slice)
    return %next, %next
  }
  return %end, %all
}`,
      inputs: { s: d.float([h]), x: d.float(time === 0 ? [t, h] : [h, t]) },
      sizes: { H: h, T: t },
    };
  },
  SequenceMap: (d) => {
    const [n, m] = [d.int(1, 3), d.int(1, 3)];
    return {
      text: `graph @main(%x: float32[N, M], %y: float32[M]) -> (%z, %one) {
  %q = SequenceConstruct(%x, %x)
  %z = SequenceMap(%q, %y) body (%item, %more) {
    %sum = Add(%item, %more)
    return %sum
  }
  %at = constant int64[] [0]
  %one = SequenceAt(%z, %at)
  return %z, %one
}`,
      inputs: { x: d.float([n, m]), y: d.float([m]) },
      sizes: { N: n, M: m },
    };
  },
};

for (const [name, body] of Object.entries(bodies))
  test(`${name}: what inference says is what evaluation gives`, () => {
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const d = new Draw(shrinking(g));
        const { text, inputs, sizes } = body(d);
        const graph = parseGraph(text, { rules: typeRules });
        const table = new Map(Object.entries(sizes));
        const given = new Map(Object.entries(inputs));
        for (const id of graph.root.parameters) {
          const { name: input, type } = graph.node(id).outputs[0]!;
          if (!given.has(input) && type.kind === "tensor") given.set(input, d.float(type.shape!.map((dim) => (typeof dim === "number" ? dim : table.get(String(dim))!))));
        }
        const wrong: string[] = [];
        const keep = (ref: { node: number; output: number }, value: Value): void => {
          const output = graph.node(ref.node).outputs[ref.output]!;
          const message = contradicted(output.type, output.known, value, table);
          if (message !== undefined) wrong.push(`${graph.valueName(ref)}: ${message}`);
        };
        evaluateGraph(graph, given, { keep });
        expect(wrong, text).toEqual([]);
      }),
      { numRuns: 40, seed: 5 },
    );
  });
