import { addDims, type Dim, floorDivDims, subDims } from "../../ir/dim.ts";
import { toNumbers } from "../../ir/tensor.ts";
import { elementOf, shapeOf, staticShape, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { fourierFlops, fourierTransform } from "../support/fourier.ts";
import { knownInts } from "../support/infer.ts";
import { stftLowering } from "../support/lower-signal.ts";
import { finished, numberAt, optionalTensor, tensorAt } from "../support/numbers.ts";
import { floats, indices, optional, required } from "../support/types.ts";

export const stft = defineOperator({
  domain: "",
  op: "STFT",
  versions: [{ since: 17 }],
  summary: "Short-time Fourier transform: transforms of windowed frames that slide over a signal.",
  doc: "Frame f covers entries f * frame_step to f * frame_step + frame_length; there are floor((length - frame_length) / frame_step) + 1 of them.",
  family: "linear",
  inputs: [
    required("signal", "T1", "[batch, length, 1] real or [batch, length, 2] complex"),
    required("frame_step", "T2", "scalar: entries from frame to frame"),
    optional("window", "T1", "factors of a frame's entries [frame_length]; 1 when omitted"),
    optional("frame_length", "T2", "scalar: entries of a frame; that of the window, or the signal's length when both are omitted"),
  ],
  outputs: [required("output", "T1", "[batch, frames, bins, 2]; the bins are frame_length / 2 + 1 when onesided, else frame_length")],
  attributes: { onesided: { kind: "int", doc: "1 to leave out the bins that follow from symmetry", fallback: 1 } },
  types: { T1: floats, T2: indices },
  infer: (context, node, attributes) => {
    const signal = shapeOf(context.type(0));
    const step = knownInts(context, 1)?.[0];
    const window = node.inputs[2] ? shapeOf(context.type(2)) : undefined;
    const length: Dim = node.inputs[3] ? (knownInts(context, 3)?.[0] ?? window?.[0] ?? null) : window === undefined ? (signal?.[1] ?? null) : (window?.[0] ?? null);
    const frames = step ? addDims(floorDivDims(subDims(signal?.[1] ?? null, length), step), 1) : null;
    const bins = attributes.int("onesided") !== 0 ? addDims(floorDivDims(length, 2), 1) : length;
    return [{ type: tensorType(elementOf(context.type(0)), [signal?.[0] ?? null, frames, bins, 2]) }];
  },
  evaluate: (inputs, { attributes, task }) => {
    const signal = tensorAt(inputs, 0);
    const step = numberAt(inputs, 1);
    const windowTensor = optionalTensor(inputs, 2);
    const window = windowTensor && toNumbers(windowTensor);
    if (signal.dims.length !== 3) throw new GraphwrightError("shape-contradiction", `the signal must be [batch, length, 1 or 2], but is [${signal.dims.join(", ")}].`);
    const [batch, size, lanes] = signal.dims as [number, number, number];
    const length = inputs[3] ? numberAt(inputs, 3) : (window?.length ?? size);
    if (window && window.length !== length) throw new GraphwrightError("shape-contradiction", `a window of ${window.length} entries does not fit frames of ${length}.`);
    if (!(step >= 1) || !(length >= 1) || length > size) throw new GraphwrightError("attribute-range", `frames of ${length} with step ${step} do not fit a signal of ${size}.`);
    const onesided = attributes.int("onesided") !== 0;
    if (onesided && lanes === 2) throw new GraphwrightError("shape-contradiction", "a onesided transform takes real numbers.");
    const frames = Math.floor((size - length) / step) + 1;
    const bins = onesided ? Math.floor(length / 2) + 1 : length;
    const x = toNumbers(signal);
    const out = new Float64Array(batch * frames * bins * 2);
    const re = new Float64Array(length);
    const im = new Float64Array(length);
    let at = 0;
    for (let b = 0; b < batch; b++)
      for (let f = 0; f < frames; f++) {
        task.check();
        for (let t = 0; t < length; t++) {
          const from = (b * size + f * step + t) * lanes;
          const factor = window ? window[t]! : 1;
          re[t] = x[from]! * factor;
          im[t] = lanes === 2 ? x[from + 1]! * factor : 0;
        }
        fourierTransform(re, im);
        for (let k = 0; k < bins; k++) {
          out[at++] = re[k]!;
          out[at++] = im[k]!;
        }
      }
    return [finished(signal.element, [batch, frames, bins, 2], out)];
  },
  cost: ({ outputs }) => {
    const dims = staticShape(outputs[0]);
    return { flops: dims ? dims[0]! * dims[1]! * fourierFlops(2 * dims[2]!) : 0 };
  },
  lower: stftLowering,
});
