import { toNumbers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { elementOfInput, knownInts, tensorOutput, unknownShape, vectorLength } from "../support/infer.ts";
import { affineGridLowering } from "../support/lower-indexing.ts";
import { finished, intsAt, tensorAt, workArray } from "../support/numbers.ts";
import { forEachIndex } from "../support/strides.ts";
import { floats, int64, required } from "../support/types.ts";

export const affineGrid = defineOperator({
  domain: "",
  op: "AffineGrid",
  versions: [{ since: 20 }],
  summary: "Gives the places that an affine map sends the elements of an image to.",
  family: "shape",
  inputs: [
    required("theta", "T1", "affine matrices [N, rank, rank + 1]"),
    required("size", "T2", "size of the image [N, C, ...spatial]"),
  ],
  outputs: [required("grid", "T1", "a place for each element, each coordinate from -1 to 1")],
  attributes: {
    align_corners: { kind: "int", doc: "1 puts -1 and 1 at the centres of the corner elements, 0 at their outer edges", fallback: 0 },
  },
  types: { T1: floats, T2: int64 },
  infer: (context) => {
    const size = context.known(1) ?? knownInts(context, 1);
    if (size) return [tensorOutput(elementOfInput(context, 0), [size[0]!, ...size.slice(2), size.length - 2])];
    const rank = vectorLength(context, 1);
    return [tensorOutput(elementOfInput(context, 0), rank === undefined ? null : [...unknownShape(rank - 1), rank - 2])];
  },
  evaluate: (inputs, { attributes }) => {
    const theta = tensorAt(inputs, 0);
    const [batch, , ...spatial] = intsAt(inputs, 1) as [number, number, ...number[]];
    const rank = spatial.length;
    const aligned = attributes.int("align_corners") !== 0;
    const matrix = toNumbers(theta);
    const positions = elementCount(spatial);
    const out = workArray(theta.element, batch * positions * rank);
    const place = (i: number, size: number): number => (aligned ? (size === 1 ? 0 : (2 * i) / (size - 1) - 1) : (2 * i + 1) / size - 1);
    forEachIndex(spatial, (index, flat) => {
      // Coordinates go x, y, z: the last dimension first.
      const point = index.map((i, d) => place(i, spatial[d]!)).reverse();
      for (let n = 0; n < batch; n++)
        for (let row = 0; row < rank; row++) {
          const at = (n * rank + row) * (rank + 1);
          let sum = matrix[at + rank]!;
          for (let k = 0; k < rank; k++) sum += matrix[at + k]! * point[k]!;
          out[(n * positions + flat) * rank + row] = sum;
        }
    });
    return [finished(theta.element, [batch, ...spatial, rank], out)];
  },
  cost: costPerOutput(6),
  lower: affineGridLowering,
});
