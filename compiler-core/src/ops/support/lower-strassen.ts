import { loopsAround, store } from "../../tensor/build.ts";
import { add, integer, load, mul, variable } from "../../tensor/expression.ts";
import type { Lowering } from "../../tensor/lowering.ts";
import type { Expression } from "../../tensor/program.ts";
import { inputOf, outputOf, zero } from "./lower-common.ts";
import { blockInside, row } from "./lower-transforms.ts";
import { strassen } from "./strassen.ts";

/** The quarters of the left factor combined, seven products, and their combinations as the quarters of the result. */
export const strassenMatMulLowering: Lowering = {
  build(context) {
    const x = inputOf(context, 0);
    const u = inputOf(context, 1);
    const bias = context.inputs[2];
    const y = outputOf(context);
    const [products, panels, depth, lanes] = u.dims as [number, number, number, number];
    const lead = x.dims.slice(0, -2);
    const all = x.dims.at(-2)!;
    // Of an odd number of rows the last has no other half: products go on with zeros in its place.
    const [pairs, rows] = [Math.floor(all / 2), Math.ceil(all / 2)];
    const loopsOf = (count: number) => [...lead.map((extent, d) => ({ name: `i${d}`, extent })), { name: "r", extent: count }];
    const outer = loopsOf(rows);
    const combined = context.local("combined", "float32", [products, ...lead, rows, depth]);
    const multiplied = context.local("multiplied", "float32", [products, ...lead, rows, panels, lanes]);
    const rank = outer.length;
    const inRows = [{ from: 0, count: pairs, halves: [0, 1] }, ...(rows > pairs ? [{ from: pairs, count: 1, halves: [0] }] : [])].filter((part) => part.count > 0);
    const rowOf = (r: Expression, quarter: number): Expression => add(mul(r, 2), quarter >> 1);

    const combine = inRows.flatMap(({ from, count, halves }) => {
      const around = loopsOf(count).map((l) => ({ variable: variable(l.name), extent: l.extent }));
      const steps = strassen.left.flatMap((coefficients, e) =>
        blockInside(`combine_${e + 1}`, around, [{ name: "k", extent: depth }], (v) => {
          const [before, r, k] = [v.slice(0, rank - 1), add(v[rank - 1]!, from), v[rank]!];
          const here = coefficients.map((c, q) => (halves.includes(q >> 1) ? c : 0));
          const sum = here.some((c) => c !== 0) ? row([here], integer(0), (q) => load(x, [...before, rowOf(r, q), add(k, (q & 1) * depth)])) : zero("float32");
          return store(combined, [integer(e), ...before, r, k], sum);
        }),
      );
      return loopsAround(around, steps);
    });

    const product = blockInside(
      "product",
      [],
      [{ name: "e", extent: products }, ...outer, { name: "jb", extent: panels }, { name: "ji", extent: lanes }, { name: "k", extent: depth, kind: "reduce" }],
      (v) => {
        const [to, [jb, ji, k]] = [v.slice(0, -1), v.slice(-3)];
        return store(multiplied, to, add(load(multiplied, to), mul(load(combined, [...v.slice(0, 1 + rank), k!]), load(u, [v[0]!, jb!, k!, ji!]))));
      },
      (v) => store(multiplied, v.slice(0, -1), zero("float32")),
    );

    const result = inRows.flatMap(({ from, count, halves }) => {
      const around = [...loopsOf(count), { name: "jb", extent: panels }].map((l) => ({ variable: variable(l.name), extent: l.extent }));
      const steps = strassen.result.flatMap((coefficients, q) =>
        halves.includes(q >> 1)
          ? blockInside(`result_${q + 1}`, around, [{ name: "ji", extent: lanes }], (v) => {
              const [before, r, [jb, ji]] = [v.slice(0, rank - 1), add(v[rank - 1]!, from), v.slice(rank)];
              const column = add(mul(add(jb!, (q & 1) * panels), lanes), ji!);
              const sum = row([coefficients], integer(0), (e) => load(multiplied, [e, ...before, r, jb!, ji!]));
              return store(y, [...before, rowOf(r, q), column], bias ? add(sum, load(bias, [column])) : sum);
            })
          : [],
      );
      return loopsAround(around, steps);
    });
    return [...combine, ...product, ...result];
  },
};
