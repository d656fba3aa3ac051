import type { ModelInfo, Node, NodeId, Region, ValueRef } from "./graph.ts";

/** How new nodes came from old ones. Append-only: the sum of all steps' entries is the lineage of a model. */
export interface ProvenanceEntry {
  readonly kind: "fuse" | "split" | "fold" | "replace" | "eliminate";
  readonly from: readonly NodeId[];
  readonly to: readonly NodeId[];
}

/** What a commit is called: the pass it belongs to, the rewrite, and where it was applied. */
export interface DeltaLabel {
  readonly pass: string;
  readonly rewrite: string;
  /** name of the root of the match, stable across runs on the same model */
  readonly site: string;
  readonly matched: readonly NodeId[];
}

/**
 * One commit of a Rewriter: undo record, message to the window and saved form in one. Every record is complete, so
 * a delta can be applied forwards or backwards.
 */
export interface Delta extends DeltaLabel {
  readonly added: readonly Node[];
  readonly removed: readonly Node[];
  readonly updated: readonly (readonly [before: Node, after: Node])[];
  readonly regions: readonly (readonly [before: Region | undefined, after: Region | undefined])[];
  /** values whose uses were all moved: old to new */
  readonly replaced: readonly (readonly [from: ValueRef, to: ValueRef])[];
  readonly provenance: readonly ProvenanceEntry[];
  readonly info?: readonly [before: ModelInfo, after: ModelInfo];
}
