import { addDims, type Dim, floorDivDims, mulDims, subDims } from "../../ir/dim.ts";
import { toNumbers } from "../../ir/tensor.ts";
import { elementCount, elementOf, shapeOf, staticShape, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { fourierFlops, fourierTransform } from "../support/fourier.ts";
import { checkedAxis, knownInts } from "../support/infer.ts";
import { dftLowering } from "../support/lower-signal.ts";
import { finished, optionalTensor, tensorAt } from "../support/numbers.ts";
import { floats, indices, optional, required } from "../support/types.ts";
import { intBecomesInput } from "../support/versions.ts";

export const dft = defineOperator({
  domain: "",
  op: "DFT",
  versions: [{ since: 17, ...intBecomesInput("axis", 2, 1) }, { since: 20, change: "axis is an input, and -2 when omitted" }],
  summary: "Discrete Fourier transform along an axis, forward or inverse.",
  doc:
    "X[k] = sum of x[n] exp(-2 pi i k n / N); the inverse has the other sign and the factor 1 / N. The last dimension holds real (and imaginary) parts. " +
    "Onesided forward transforms give bins 0..N/2 of a real signal; onesided inverse ones make a real signal of them. The signal is cut or filled with zeros to dft_length.",
  family: "linear",
  inputs: [
    required("input", "T1", "[..., 1] real or [..., 2] complex"),
    optional("dft_length", "T2", "scalar: N; the axis' length when omitted, for onesided inverse 2 * (length - 1)"),
    optional("axis", "tensor(int64)", "scalar: the axis; -2 when omitted, never the last"),
  ],
  outputs: [required("output", "T1", "[..., 2], for onesided inverse [..., 1]")],
  attributes: {
    inverse: { kind: "int", doc: "1 for the inverse transform", fallback: 0 },
    onesided: { kind: "int", doc: "1 to leave out the bins that follow from symmetry", fallback: 0 },
  },
  types: { T1: floats, T2: indices },
  infer: (context, node, attributes) => {
    const element = elementOf(context.type(0));
    const shape = shapeOf(context.type(0));
    const inverse = attributes.int("inverse") !== 0;
    const onesided = attributes.int("onesided") !== 0;
    const axis = node.inputs[2] ? knownInts(context, 2)?.[0] : -2;
    if (shape === null) return [{ type: tensorType(element, null) }];
    const parts = inverse && onesided ? 1 : 2;
    if (axis === undefined) return [{ type: tensorType(element, [...shape.slice(0, -1).map(() => null), parts]) }];
    const at = checkedAxis(axis, shape.length);
    const size = shape[at]!;
    const length: Dim = node.inputs[1] ? (context.known(1)?.[0] ?? knownInts(context, 1)?.[0] ?? null) : inverse && onesided ? mulDims(subDims(size, 1), 2) : size;
    const bins = onesided && !inverse ? addDims(floorDivDims(length, 2), 1) : length;
    return [{ type: tensorType(element, [...shape.slice(0, -1).map((d, i) => (i === at ? bins : d)), parts]) }];
  },
  evaluate: (inputs, { attributes, task }) => {
    const input = tensorAt(inputs, 0);
    const rank = input.dims.length;
    const lanes = input.dims[rank - 1]!;
    const inverse = attributes.int("inverse") !== 0;
    const onesided = attributes.int("onesided") !== 0;
    const axisTensor = optionalTensor(inputs, 2);
    const axis = checkedAxis(axisTensor ? toNumbers(axisTensor)[0]! : -2, rank);
    if (rank < 2 || axis === rank - 1 || (lanes !== 1 && lanes !== 2))
      throw new GraphwrightError("shape-contradiction", `an input of shape [${input.dims.join(", ")}] has no signal along axis ${axis}: the last dimension must hold 1 or 2 parts.`);
    if (onesided && (inverse ? lanes !== 2 : lanes !== 1))
      throw new GraphwrightError("shape-contradiction", inverse ? "a onesided inverse transform takes complex numbers." : "a onesided transform takes real numbers.");
    const size = input.dims[axis]!;
    const lengthTensor = optionalTensor(inputs, 1);
    const length = lengthTensor ? toNumbers(lengthTensor)[0]! : inverse && onesided ? 2 * (size - 1) : size;
    if (!(length >= 1)) throw new GraphwrightError("attribute-range", `a transform of length ${length} is not defined.`);
    const bins = onesided && !inverse ? Math.floor(length / 2) + 1 : length;
    const parts = inverse && onesided ? 1 : 2;
    const dims = [...input.dims.slice(0, -1).map((d, i) => (i === axis ? bins : d)), parts];
    const inner = elementCount(input.dims.slice(axis + 1, -1));
    const outer = elementCount(input.dims.slice(0, axis));
    const x = toNumbers(input);
    const out = new Float64Array(elementCount(dims));
    const re = new Float64Array(length);
    const im = new Float64Array(length);
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < inner; i++) {
        task.check();
        re.fill(0);
        im.fill(0);
        for (let t = 0; t < Math.min(size, length); t++) {
          const at = ((o * size + t) * inner + i) * lanes;
          re[t] = x[at]!;
          im[t] = lanes === 2 ? x[at + 1]! : 0;
        }
        if (inverse && onesided) {
          // The other half of the bins are the conjugates of the given ones.
          const given = Math.min(size, Math.floor(length / 2) + 1);
          for (let t = given; t < length; t++) re[t] = im[t] = 0;
          for (let t = 1; t < given; t++)
            if (t < length - t) {
              re[length - t] = re[t]!;
              im[length - t] = -im[t]!;
            }
          im[0] = 0;
          if (length % 2 === 0) im[length / 2] = 0;
        }
        fourierTransform(re, im, inverse);
        for (let k = 0; k < bins; k++) {
          const at = ((o * bins + k) * inner + i) * parts;
          out[at] = re[k]!;
          if (parts === 2) out[at + 1] = im[k]!;
        }
      }
    return [finished(input.element, dims, out)];
  },
  cost: ({ outputs }) => {
    const dims = staticShape(outputs[0]);
    if (!dims) return { flops: 0 };
    const signals = dims.slice(0, -1);
    const longest = Math.max(1, ...signals);
    return { flops: (elementCount(signals) / longest) * fourierFlops(longest) };
  },
  lower: dftLowering,
});
