import { makeTensor, type Tensor, toNumbers } from "../../ir/tensor.ts";
import type { InferContext, InferredOutput } from "../../ir/type-rules.ts";
import { elementCount, shapeOf, tensorType } from "../../ir/value-type.ts";
import type { Dim } from "../../ir/dim.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { AttributeReader } from "../definition.ts";

/** What the operators of classical machine learning have in common. */

/** A matrix of features, one row a sample; a vector is one sample. */
export function featureMatrix(x: Tensor): { rows: number; columns: number; numbers: ArrayLike<number> } {
  const rows = x.dims.length < 2 ? 1 : x.dims[0]!;
  return { rows, columns: x.dims.length < 2 ? elementCount(x.dims) : elementCount(x.dims.slice(1)), numbers: toNumbers(x) };
}

export const sampleCount = (context: InferContext, index = 0): Dim => {
  const shape = shapeOf(context.type(index));
  return shape === null ? null : shape.length < 2 ? 1 : shape[0]!;
};

const probit = (p: number): number => {
  // Inverse error function by Winitzki 2008, as the suite's authors use it.
  const x = 2 * p - 1;
  const log = Math.log((1 - x) * (1 + x));
  const a = 2 / (Math.PI * 0.147) + 0.5 * log;
  return Math.SQRT2 * Math.sign(x) * Math.sqrt(Math.sqrt(a * a - log / 0.147) - a);
};

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** Transforms a row of scores: NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO (softmax that keeps zeros small) or PROBIT. */
export function transformScores(scores: readonly number[], transform: string): number[] {
  switch (transform) {
    case "NONE":
      return [...scores];
    case "LOGISTIC":
      return scores.map(logistic);
    case "PROBIT":
      return scores.map(probit);
    case "SOFTMAX": {
      const top = Math.max(...scores);
      const powers = scores.map((s) => Math.exp(s - top));
      const sum = powers.reduce((a, b) => a + b, 0);
      return powers.map((p) => p / sum);
    }
    case "SOFTMAX_ZERO": {
      const top = Math.max(...scores);
      const powers = scores.map((s) => (Math.abs(s) > 1e-7 ? Math.exp(s - top) : s * Math.exp(-top)));
      const sum = powers.reduce((a, b) => a + b, 0);
      return powers.map((p) => (sum === 0 ? 0.5 : p / sum));
    }
    default:
      throw new GraphwrightError("attribute-range", `post_transform is "${transform}", which is none of NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO and PROBIT.`);
  }
}

/**
 * The one score of a binary classifier as the scores of both classes: 1 - s and s where it can be a probability (no
 * weight is negative), else -s and s; the logistic function is taken of -s and s. As ONNX Runtime has it.
 */
export function binaryScores(score: number, transform: string, probability: boolean): number[] {
  if (transform === "LOGISTIC") return [logistic(-score), logistic(score)];
  if (transform === "PROBIT") return [probit(1 - score), probit(score)];
  return probability ? [1 - score, score] : [-score, score];
}

export interface Labels {
  readonly count: number;
  readonly texts: boolean;
  /** makes the label output from indices */
  output(indices: readonly number[]): Tensor;
}

/** Class labels: integers or strings. */
export function labelsOf(attributes: AttributeReader, integersName: string, textsName: string): Labels {
  const texts = attributes.strings(textsName);
  const integers = attributes.ints(integersName);
  if (texts && texts.length > 0) return { count: texts.length, texts: true, output: (indices) => makeTensor("string", [indices.length], indices.map((i) => texts[i] ?? "")) };
  return {
    count: integers?.length ?? 0,
    texts: false,
    output: (indices) => makeTensor("int64", [indices.length], BigInt64Array.from(indices, (i) => BigInt(integers?.[i] ?? i))),
  };
}

export const argMax = (scores: readonly number[]): number => scores.reduce((best, score, i) => (score > scores[best]! ? i : best), 0);

/** Types of a classifier's outputs: a label and a row of scores for every sample. */
export function inferClassifier(context: InferContext, labels: Labels, scores: Dim): readonly InferredOutput[] {
  const samples = sampleCount(context);
  return [{ type: tensorType(labels.texts ? "string" : "int64", [samples]) }, { type: tensorType("float32", [samples, scores]) }];
}

export const postTransform = {
  post_transform: { kind: "string", doc: "what is done with the scores: NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT", fallback: "NONE" },
} as const;
