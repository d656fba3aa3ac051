import { loopsAround, store } from "../../tensor/build.ts";
import { add, floordiv, floormod, integer, load, mul } from "../../tensor/expression.ts";
import type { Lowering, LoweringContext } from "../../tensor/lowering.ts";
import type { Buffer, Expression, Statement, Variable } from "../../tensor/program.ts";
import { inputOf, outputOf, zero } from "./lower-common.ts";
import { blockInside, type Loop, row, sharedLoops } from "./lower-transforms.ts";
import { strassen } from "./strassen.ts";

/** How a kernel's arrays are read and written as matrices. */
interface Matrices {
  /** loops of the rows; those of the axis are halved, into even and odd ones */
  readonly rows: readonly number[];
  readonly axis: number;
  /** loops over half of the depth, the last over neighbouring elements; and the place in that half */
  readonly depth: readonly Loop[];
  depthOf(v: readonly Variable[]): Expression;
  /** blocks of columns outside the rows, as arrays in blocks are written best */
  readonly blocksOutside: boolean;
  left(row: readonly Expression[], half: 0 | 1, v: readonly Variable[]): Expression;
  result(row: readonly Expression[], half: 0 | 1, block: Expression, lane: Expression, sum: Expression): Statement;
}

/** Elements from a row to the next: rows that a register tile reads side by side share the sets of the first cache where 4 KiB lie between them. */
const rowStride = (depth: number): number => (depth % 1024 === 0 ? depth + 16 : depth);

/** The quarters of the left factor combined, seven products by `u`, and their combinations as the quarters of the result. */
function lowerStrassen(context: LoweringContext, u: Buffer, m: Matrices): readonly Statement[] {
  const [products, panels, depth, lanes] = u.dims as [number, number, number, number];
  const rank = m.rows.length;
  // Of an odd number of rows the last has no other half: products go on with zeros in its place.
  const [pairs, rows] = [Math.floor(m.rows[m.axis]! / 2), Math.ceil(m.rows[m.axis]! / 2)];
  const loopsOf = (count: number): Loop[] => m.rows.map((extent, d) => (d === m.axis ? { name: "r", extent: count } : { name: `i${d}`, extent }));
  const outer = loopsOf(rows);
  const places = outer.map((l) => l.extent);
  const combined = context.local("combined", "float32", [products, ...places, rowStride(depth)]);
  const multiplied = context.local("multiplied", "float32", [products, ...places, panels, lanes]);
  const inRows = [{ from: 0, count: pairs, halves: [0, 1] }, ...(rows > pairs ? [{ from: pairs, count: 1, halves: [0] }] : [])].filter((part) => part.count > 0);
  /** The place in the sums of quarters of the loops, and in the data of a quarter's row. */
  const placeOf = (v: readonly Variable[], from: number): Expression[] => v.map((e, d) => (d === m.axis ? add(e, from) : e));
  const dataOf = (place: readonly Expression[], quarter: number): Expression[] => place.map((e, d) => (d === m.axis ? add(mul(e, 2), quarter >> 1) : e));
  const halfOf = (quarter: number): 0 | 1 => (quarter & 1 ? 1 : 0);

  const combine = inRows.flatMap(({ from, count, halves }) => {
    const around = sharedLoops([...loopsOf(count), ...m.depth]);
    const steps = strassen.left.flatMap((coefficients, e) =>
      blockInside(`combine_${e + 1}`, around, [], (v) => {
        const [place, k] = [placeOf(v.slice(0, rank), from), v.slice(rank)];
        const here = coefficients.map((c, q) => (halves.includes(q >> 1) ? c : 0));
        const sum = here.some((c) => c !== 0) ? row([here], integer(0), (q) => m.left(dataOf(place, q), halfOf(q), k)) : zero("float32");
        return store(combined, [integer(e), ...place, m.depthOf(k)], sum);
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
    const blocks = [{ name: "jb", extent: panels }];
    const around = sharedLoops([...(m.blocksOutside ? [...blocks, ...loopsOf(count)] : [...loopsOf(count), ...blocks]), { name: "ji", extent: lanes }]);
    const steps = strassen.result.flatMap((coefficients, q) =>
      halves.includes(q >> 1)
        ? blockInside(`result_${q + 1}`, around, [], (v) => {
            const ji = v.at(-1)!;
            const [jb, loops] = m.blocksOutside ? [v[0]!, v.slice(1, -1)] : [v.at(-2)!, v.slice(0, -2)];
            const place = placeOf(loops, from);
            return m.result(dataOf(place, q), halfOf(q), jb, ji, row([coefficients], integer(0), (e) => load(multiplied, [e, ...place, jb, ji])));
          })
        : [],
    );
    return loopsAround(around, steps);
  });
  return [...combine, ...product, ...result];
}

export const strassenMatMulLowering: Lowering = {
  build(context) {
    const [x, u, y] = [inputOf(context, 0), inputOf(context, 1), outputOf(context)];
    const bias = context.inputs[2];
    const [, panels, depth, lanes] = u.dims as [number, number, number, number];
    return lowerStrassen(context, u, {
      rows: x.dims.slice(0, -1),
      axis: context.attributes.int("axis", -2) + x.dims.length,
      depth: [{ name: "k", extent: depth }],
      depthOf: ([k]) => k!,
      blocksOutside: false,
      left: (place, half, [k]) => load(x, [...place, add(k!, half * depth)]),
      result: (place, half, block, lane, sum) => {
        const column = add(mul(add(block, half * panels), lanes), lane);
        return store(y, [...place, column], bias ? add(sum, load(bias, [column])) : sum);
      },
    });
  },
};

/** Places of an image are the rows of the matrix, one after the other. */
export const strassenConvLowering: Lowering = {
  build(context) {
    const [x, u, y] = [inputOf(context, 0), inputOf(context, 1), outputOf(context)];
    const bias = context.inputs[2];
    const [, panels] = u.dims as [number, number];
    const [batch, , height, width] = y.dims as [number, number, number, number];
    const [inner, block] = [x.dims[1]! / 2, x.dims[4]!];
    const [sh, sw] = (context.attributes.ints("strides") ?? [1, 1]) as [number, number];
    // Halves of rows or columns of the image, or, of an odd number of both, of all places one after the other.
    const odd = height % 2 === 1 && width % 2 === 1;
    const placeOf = ([n, ...at]: readonly Expression[]): [Expression, Expression, Expression] => (at.length === 1 ? [n!, floordiv(at[0]!, width), floormod(at[0]!, width)] : [n!, at[0]!, at[1]!]);
    return lowerStrassen(context, u, {
      rows: odd ? [batch, height * width] : [batch, height, width],
      axis: odd || width % 2 === 1 ? 1 : 2,
      depth: [{ name: "ib", extent: inner }, { name: "ii", extent: block }],
      depthOf: ([ib, ii]) => add(mul(ib!, block), ii!),
      blocksOutside: true,
      left: (row, half, [ib, ii]) => {
        const [n, h, w] = placeOf(row);
        return load(x, [n, add(ib!, half * inner), mul(h, sh), mul(w, sw), ii!]);
      },
      result: (row, half, jb, lane, sum) => {
        const [n, h, w] = placeOf(row);
        const ob = add(jb, half * panels);
        return store(y, [n, ob, h, w, lane], bias ? add(sum, load(bias, [ob, lane])) : sum);
      },
    });
  },
};
