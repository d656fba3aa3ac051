import type { Generator } from "../node-case.ts";
import { elementwise } from "./elementwise.ts";
import { linear } from "./linear.ts";
import { ml } from "./ml.ts";
import { normalizations } from "./normalization.ts";
import { quantizations } from "./quantization.ts";
import { reductions } from "./reduction.ts";
import { sequences } from "./sequence.ts";
import { sequenceModels } from "./sequence-models.ts";
import { shapes } from "./shape.ts";

/** Generators of valid nodes, by operator. */
export const generators: Readonly<Record<string, Generator>> = { ...elementwise, ...reductions, ...shapes, ...linear, ...normalizations, ...quantizations, ...sequenceModels, ...sequences, ...ml };
