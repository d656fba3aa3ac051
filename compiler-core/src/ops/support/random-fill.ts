import type { ElementType } from "../../ir/element-type.ts";
import { fromNumbers, type Tensor } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { MersenneTwister } from "../../support/mersenne-twister.ts";
import { hashString, Random } from "../../support/random.ts";
import type { AttributeReader, EvaluateContext } from "../definition.ts";

/** Draws numbers one after the other. */
export interface Generator {
  /** in [0, 1) */
  uniform(): number;
  /** standard normal */
  normal(): number;
}

/**
 * The node's generator. A seed of its own counts as a whole number and gives the numbers of ONNX's reference evaluation;
 * else the run's seed and the node's place decide, so that runs can be repeated.
 */
export function generatorOf(context: EvaluateContext): Generator {
  const { attributes } = context;
  const seed = attributes.raw("seed")?.kind === "int" ? attributes.int("seed") : attributes.optionalFloat("seed");
  return seed === undefined ? new Random(hashString(`run ${context.seed} node ${context.node.id}`)) : new MersenneTwister(Math.trunc(seed));
}

export function filled(element: ElementType, dims: readonly number[], draw: () => number): Tensor {
  const numbers = new Float64Array(elementCount(dims));
  for (let i = 0; i < numbers.length; i++) numbers[i] = draw();
  return fromNumbers(element, dims, numbers);
}

/** The shape that the node's attribute gives. Throws "missing-attribute". */
export function shapeAsked(attributes: AttributeReader): number[] {
  const shape = attributes.ints("shape");
  if (!shape) throw new GraphwrightError("missing-attribute", `the attribute "shape" is required.`);
  return shape;
}

export const seedAttribute = { kind: "float", doc: "seed of the node; the run's seed when absent" } as const;
