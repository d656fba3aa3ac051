import { GraphwrightError } from "../support/diagnostic.ts";
import { affineChainMerging } from "./affine-chain-merging.ts";
import { affineIntoConv } from "./affine-into-conv.ts";
import { batchNormIntoConv } from "./batch-norm-into-conv.ts";
import { batchNormIntoConvTranspose } from "./batch-norm-into-conv-transpose.ts";
import { commonSubexpressionElimination } from "./common-subexpression-elimination.ts";
import { constantFolding } from "./constant-folding.ts";
import { deadCodeElimination } from "./dead-code-elimination.ts";
import type { RewriteDefinition } from "./definition.ts";
import { nearestNames } from "./driver/nearest-names.ts";
import { duplicateConstantMerging } from "./duplicate-constant-merging.ts";
import { eliminateDropout } from "./eliminate-dropout.ts";
import { eliminateIdentity } from "./eliminate-identity.ts";
import { epilogueFusion } from "./epilogue-fusion.ts";
import { noOpArithmetic } from "./no-op-arithmetic.ts";
import { shapeSubgraphFolding } from "./shape-subgraph-folding.ts";

/** Every rewrite, one line each. */
export const rewrites: readonly RewriteDefinition[] = [
  eliminateIdentity,
  eliminateDropout,
  noOpArithmetic,
  deadCodeElimination,
  constantFolding,
  shapeSubgraphFolding,
  batchNormIntoConv,
  batchNormIntoConvTranspose,
  affineIntoConv,
  affineChainMerging,
  duplicateConstantMerging,
  commonSubexpressionElimination,
  epilogueFusion,
];

const byName = new Map(rewrites.map((rewrite) => [rewrite.name, rewrite]));
if (byName.size !== rewrites.length) throw new Error("two rewrites have one name");

/** The rewrite of this name. Throws "no-such-rewrite" with names that are close. */
export function findRewrite(name: string): RewriteDefinition {
  const rewrite = byName.get(name);
  if (rewrite) return rewrite;
  throw new GraphwrightError("no-such-rewrite", `there is no rewrite ${JSON.stringify(name)}.`, undefined, nearestNames(name, byName.keys()));
}
