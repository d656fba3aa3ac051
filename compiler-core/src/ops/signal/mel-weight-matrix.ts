import { addDims, type Dim, floorDivDims } from "../../ir/dim.ts";
import { fromNumbers } from "../../ir/tensor.ts";
import { tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { elementOfCode } from "../support/element-codes.ts";
import { knownInts } from "../support/infer.ts";
import { numberAt } from "../support/numbers.ts";
import { tableLowering } from "../support/lower-signal.ts";
import { floats, indices, numbers, required } from "../support/types.ts";

const toMel = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);
const toHertz = (mel: number): number => 700 * (10 ** (mel / 2595) - 1);

/** The matrix [bins, bands] of the inputs: bands, length, rate, low, high. */
function melWeights(scalars: readonly number[]): Float64Array {
  const [bands, length, rate] = scalars as [number, number, number];
  const low = toMel(scalars[3]!);
  const high = toMel(scalars[4]!);
  const bins = Math.floor(length / 2) + 1;
  // The suite's matrices divide the range by bands + 2, although its corners leave bands + 1 gaps.
  const corners = Array.from({ length: bands + 2 }, (_, i) => Math.floor(((length + 1) * toHertz(low + (i * (high - low)) / (bands + 2))) / rate));
  if (corners.some((bin) => !(bin >= 0 && bin < bins))) throw new GraphwrightError("attribute-range", `the frequencies reach beyond the ${bins} bins of the spectrum.`);
  const out = new Float64Array(bins * bands);
  for (let band = 0; band < bands; band++) {
    const [left, centre, right] = corners.slice(band, band + 3) as [number, number, number];
    if (centre === left) out[centre * bands + band] = 1;
    else for (let bin = left; bin <= centre; bin++) out[bin * bands + band] = (bin - left) / (centre - left);
    for (let bin = centre; bin < right; bin++) out[bin * bands + band] = (right - bin) / (right - centre);
  }
  return out;
}

export const melWeightMatrix = defineOperator({
  domain: "",
  op: "MelWeightMatrix",
  versions: [{ since: 17 }],
  summary: "Makes the matrix that turns a spectrum of evenly spaced bins into bands of the mel scale.",
  doc: "Each column is a triangle of height 1 over the spectrum's bins; the triangles' corners are evenly spaced on the scale mel(f) = 2595 log10(1 + f / 700).",
  family: "linear",
  inputs: [
    required("num_mel_bins", "T1", "scalar: number of bands"),
    required("dft_length", "T1", "scalar: length of the transform that made the spectrum"),
    required("sample_rate", "T1", "scalar: samples a second"),
    required("lower_edge_hertz", "T2", "scalar: where the first triangle begins"),
    required("upper_edge_hertz", "T2", "scalar: where the last triangle ends"),
  ],
  outputs: [required("output", "T3", "[dft_length / 2 + 1, num_mel_bins]")],
  attributes: { output_datatype: { kind: "int", doc: "number of the element type", fallback: 1 } },
  types: { T1: indices, T2: floats, T3: numbers },
  infer: (context, _node, attributes) => {
    const scalar = (index: number): Dim => context.known(index)?.[0] ?? knownInts(context, index)?.[0] ?? null;
    return [{ type: tensorType(elementOfCode(attributes.int("output_datatype")), [addDims(floorDivDims(scalar(1), 2), 1), scalar(0)]) }];
  },
  evaluate: (inputs, { attributes }) => {
    const scalars = Array.from({ length: 5 }, (_, i) => numberAt(inputs, i));
    return [fromNumbers(elementOfCode(attributes.int("output_datatype")), [Math.floor(scalars[1]! / 2) + 1, scalars[0]!], melWeights(scalars))];
  },
  lower: tableLowering(5, melWeights),
});
