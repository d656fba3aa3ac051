import { GraphwrightError } from "../../support/diagnostic.ts";
import type { AttributeInfo, AttributeReader } from "../definition.ts";

/** Kernel of rows of two matrices: LINEAR a.b, POLY (gamma a.b + coef0)^degree, RBF exp(-gamma |a - b|^2), SIGMOID tanh(gamma a.b + coef0). */
export type Kernel = (a: ArrayLike<number>, aAt: number, b: ArrayLike<number>, bAt: number, count: number) => number;

export function kernelOf(attributes: AttributeReader, linear: boolean): Kernel {
  const [gamma = 0, coef0 = 0, degree = 0] = attributes.floats("kernel_params") ?? [];
  const name = linear ? "LINEAR" : attributes.string("kernel_type");
  const dot: Kernel = (a, aAt, b, bAt, count) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += a[aAt + i]! * b[bAt + i]!;
    return sum;
  };
  switch (name) {
    case "LINEAR":
      return dot;
    case "POLY":
      return (...row) => (gamma * dot(...row) + coef0) ** degree;
    case "SIGMOID":
      return (...row) => Math.tanh(gamma * dot(...row) + coef0);
    case "RBF":
      return (a, aAt, b, bAt, count) => {
        let sum = 0;
        for (let i = 0; i < count; i++) sum += (a[aAt + i]! - b[bAt + i]!) ** 2;
        return Math.exp(-gamma * sum);
      };
    default:
      throw new GraphwrightError("attribute-range", `kernel_type is "${name}", which is none of LINEAR, POLY, RBF and SIGMOID.`);
  }
}

export const svmAttributes: Readonly<Record<string, AttributeInfo>> = {
  coefficients: { kind: "floats", doc: "weights of the support vectors, or of the features when there are none" },
  kernel_params: { kind: "floats", doc: "gamma, coef0 and degree of the kernel" },
  kernel_type: { kind: "string", doc: "LINEAR, POLY, RBF or SIGMOID", fallback: "LINEAR" },
  rho: { kind: "floats", doc: "what is added to each decision value" },
  support_vectors: { kind: "floats", doc: "support vectors, one after another" },
};
