import type { ElementType } from "../../ir/element-type.ts";
import { fromNumbers, type Tensor } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { hashString, Random } from "../../support/random.ts";
import type { EvaluateContext } from "../definition.ts";

/** The node's generator: by its own seed, or by the run's seed and the node's place, so that runs can be repeated. */
export function generatorOf(context: EvaluateContext): Random {
  const seed = context.attributes.optionalFloat("seed");
  return new Random(hashString(seed === undefined ? `run ${context.seed} node ${context.node.id}` : `seed ${seed}`));
}

export function filled(element: ElementType, dims: readonly number[], draw: () => number): Tensor {
  const numbers = new Float64Array(elementCount(dims));
  for (let i = 0; i < numbers.length; i++) numbers[i] = draw();
  return fromNumbers(element, dims, numbers);
}

export const seedAttribute = { kind: "float", doc: "seed of the node; the run's seed when absent" } as const;
