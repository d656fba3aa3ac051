/** Every lesson, in the order in which they build on one another. */
import { bundle } from "./bundle.ts";
import { constantFolding } from "./constant-folding.ts";
import { deadCode } from "./dead-code.ts";
import { epilogueFusion } from "./epilogue-fusion.ts";
import { foldBatchNorm } from "./fold-batch-norm.ts";
import type { Lesson } from "./lesson.ts";
import { orderMatters } from "./order-matters.ts";
import { tensorProgram } from "./tensor-program.ts";
import { whyNotHere } from "./why-not-here.ts";

export const lessons: readonly Lesson[] = [foldBatchNorm, whyNotHere, deadCode, constantFolding, orderMatters, epilogueFusion, tensorProgram, bundle];
