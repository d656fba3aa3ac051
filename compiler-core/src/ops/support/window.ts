import { addDims, ceilDivDims, type Dim, floorDivDims, minDims, mulDims, subDims } from "../../ir/dim.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { AttributeReader } from "../definition.ts";

/** Arithmetic of sliding windows (convolution and pooling), per spatial dimension. */
export interface WindowAttributes {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** NOTSET, VALID, SAME_UPPER or SAME_LOWER */
  readonly autoPad: string;
  /** explicit padding; only with NOTSET */
  readonly begins: readonly number[];
  readonly ends: readonly number[];
  readonly ceil: boolean;
}

/** Reads the window attributes for `rank` spatial dimensions. Throws "window" when their lengths do not fit. */
export function windowAttributes(attributes: AttributeReader, kernel: readonly number[]): WindowAttributes {
  const rank = kernel.length;
  const list = (name: string, fallback: number, length = rank): number[] => {
    const values = attributes.ints(name);
    if (!values || values.length === 0) return new Array<number>(length).fill(fallback);
    if (values.length !== length) throw new GraphwrightError("window", `the attribute "${name}" has ${values.length} entries, but ${rank} spatial dimensions need ${length}.`);
    return values;
  };
  const strides = list("strides", 1);
  const dilations = list("dilations", 1);
  const pads = list("pads", 0, 2 * rank);
  if (strides.some((s) => s < 1) || dilations.some((d) => d < 1) || kernel.some((k) => k < 0)) throw new GraphwrightError("window", "strides, dilations and kernel sizes must be positive.");
  const autoPad = attributes.string("auto_pad", "NOTSET") || "NOTSET";
  if (!["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"].includes(autoPad)) throw new GraphwrightError("window", `auto_pad is "${autoPad}", which is not a padding mode.`);
  return {
    kernel,
    strides,
    dilations,
    autoPad,
    begins: autoPad === "NOTSET" ? pads.slice(0, rank) : new Array<number>(rank).fill(0),
    ends: autoPad === "NOTSET" ? pads.slice(rank) : new Array<number>(rank).fill(0),
    ceil: attributes.int("ceil_mode", 0) !== 0,
  };
}

/** Can the window attributes be read? Rewrites leave alone what cannot. */
export function isReadableWindow(attributes: AttributeReader, kernel: readonly number[]): boolean {
  try {
    windowAttributes(attributes, kernel);
    return true;
  } catch (error) {
    if (error instanceof GraphwrightError && error.diagnostic.code === "window") return false;
    throw error;
  }
}

/** Throws "window" where an operator would be run with padding below zero, which the specification does not know: a Pad crops. */
export function refuseNegativePads({ begins, ends }: WindowAttributes): void {
  if ([...begins, ...ends].some((n) => n < 0)) throw new GraphwrightError("window", `pads are [${[...begins, ...ends].join(", ")}]: none may be negative.`, undefined, "Crop with a Slice, or with a Pad of its own.");
}

/** Size that a dilated kernel spans. */
export const kernelSpan = (kernel: Dim, dilation: number): Dim => addDims(mulDims(subDims(kernel, 1), dilation), 1);

/** Output size along one dimension: floor((n + pads - span) / stride) + 1, or as auto_pad and ceil_mode have it. */
export function windowOutput(size: Dim, kernel: Dim, window: Omit<WindowAttributes, "kernel">, axis: number): Dim {
  const stride = window.strides[axis]!;
  if (window.autoPad === "SAME_UPPER" || window.autoPad === "SAME_LOWER") return ceilDivDims(size, stride);
  const span = kernelSpan(kernel, window.dilations[axis]!);
  const begin = window.begins[axis]!;
  const free = subDims(addDims(size, begin + window.ends[axis]!), span);
  if (!window.ceil) return atLeastZero(addDims(floorDivDims(free, stride), 1));
  // A last window that would start in the padding behind the input is left out.
  return atLeastZero(minDims(addDims(ceilDivDims(free, stride), 1), ceilDivDims(addDims(size, begin), stride)));
}

const atLeastZero = (d: Dim): Dim => (typeof d === "number" ? Math.max(0, d) : d);

/** Static padding and output sizes for an input of known spatial size. */
export function placeWindow(spatial: readonly number[], window: WindowAttributes): { begins: number[]; output: number[] } {
  const output: number[] = [];
  const begins: number[] = [];
  for (const [i, size] of spatial.entries()) {
    const out = windowOutput(size, window.kernel[i]!, window, i) as number;
    output.push(out);
    if (window.autoPad === "SAME_UPPER" || window.autoPad === "SAME_LOWER") {
      const span = (window.kernel[i]! - 1) * window.dilations[i]! + 1;
      const total = Math.max(0, (out - 1) * window.strides[i]! + span - size);
      begins.push(window.autoPad === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2));
    } else begins.push(window.begins[i]!);
  }
  return { begins, output };
}
