import { bind } from "./bind.ts";
import { cacheRead } from "./cache-read.ts";
import { cacheWrite } from "./cache-write.ts";
import { computeAt } from "./compute-at.ts";
import { computeInline } from "./compute-inline.ts";
import { decomposeReduction } from "./decompose-reduction.ts";
import { fuse } from "./fuse.ts";
import { merge } from "./merge.ts";
import { parallel } from "./parallel.ts";
import { pack } from "./pack.ts";
import { partition } from "./partition.ts";
import { prefetch } from "./prefetch.ts";
import type { SchedulePrimitive } from "./primitive.ts";
import { reorder } from "./reorder.ts";
import { reverseComputeAt } from "./reverse-compute-at.ts";
import { reverseComputeInline } from "./reverse-compute-inline.ts";
import { split } from "./split.ts";
import { splitRemainder } from "./split-remainder.ts";
import { tensorize } from "./tensorize.ts";
import { unroll } from "./unroll.ts";
import { vectorize } from "./vectorize.ts";

/** Every schedule primitive, one line each. */
export const schedulePrimitives = [
  split,
  splitRemainder,
  fuse,
  reorder,
  partition,
  merge,
  unroll,
  vectorize,
  parallel,
  bind,
  computeInline,
  computeAt,
  reverseComputeInline,
  reverseComputeAt,
  decomposeReduction,
  cacheRead,
  cacheWrite,
  tensorize,
  pack,
  prefetch,
] as const;

/** A primitive by its name. */
export const findPrimitive = (name: string): SchedulePrimitive | undefined => (schedulePrimitives as readonly unknown[] as readonly SchedulePrimitive[]).find((p) => p.name === name);
