import { loopsAround, store } from "../../tensor/build.ts";
import { add, integer, load, mul, variable } from "../../tensor/expression.ts";
import type { Lowering } from "../../tensor/lowering.ts";
import type { Expression, Variable } from "../../tensor/program.ts";
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
    const dims = x.dims.slice(0, -1);
    const rank = dims.length;
    const axis = context.attributes.int("axis", -2) + x.dims.length;
    // Of an odd number of rows the last has no other half: products go on with zeros in its place.
    const [pairs, rows] = [Math.floor(dims[axis]! / 2), Math.ceil(dims[axis]! / 2)];
    const loopsOf = (count: number) => dims.map((extent, d) => (d === axis ? { name: "r", extent: count } : { name: `i${d}`, extent }));
    const outer = loopsOf(rows);
    const places = outer.map((l) => l.extent);
    const combined = context.local("combined", "float32", [products, ...places, depth]);
    const multiplied = context.local("multiplied", "float32", [products, ...places, panels, lanes]);
    const inRows = [{ from: 0, count: pairs, halves: [0, 1] }, ...(rows > pairs ? [{ from: pairs, count: 1, halves: [0] }] : [])].filter((part) => part.count > 0);
    /** The place in the sums of quarters of the loops, and in the data of a quarter's row. */
    const placeOf = (v: readonly Variable[], from: number): Expression[] => v.slice(0, rank).map((e, d) => (d === axis ? add(e, from) : e));
    const dataOf = (place: readonly Expression[], quarter: number): Expression[] => place.map((e, d) => (d === axis ? add(mul(e, 2), quarter >> 1) : e));

    const combine = inRows.flatMap(({ from, count, halves }) => {
      const around = loopsOf(count).map((l) => ({ variable: variable(l.name), extent: l.extent }));
      const steps = strassen.left.flatMap((coefficients, e) =>
        blockInside(`combine_${e + 1}`, around, [{ name: "k", extent: depth }], (v) => {
          const [place, k] = [placeOf(v, from), v[rank]!];
          const here = coefficients.map((c, q) => (halves.includes(q >> 1) ? c : 0));
          const sum = here.some((c) => c !== 0) ? row([here], integer(0), (q) => load(x, [...dataOf(place, q), add(k, (q & 1) * depth)])) : zero("float32");
          return store(combined, [integer(e), ...place, k], sum);
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
              const [place, [jb, ji]] = [placeOf(v, from), v.slice(rank)];
              const column = add(mul(add(jb!, (q & 1) * panels), lanes), ji!);
              const sum = row([coefficients], integer(0), (e) => load(multiplied, [e, ...place, jb!, ji!]));
              return store(y, [...dataOf(place, q), column], bias ? add(sum, load(bias, [column])) : sum);
            })
          : [],
      );
      return loopsAround(around, steps);
    });
    return [...combine, ...product, ...result];
  },
};
