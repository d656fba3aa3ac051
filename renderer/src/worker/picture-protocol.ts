import type { Against, GraphTable, ModelId, RegionId, StepId } from "@graphwright/compiler-core";
import type { BlockInfo, GroupContents, Isolation, LayoutResult, NodeKey, PictureTexts } from "../../../picture/src/index.ts";
import type { Task } from "./rpc.ts";
import type { SourceRef } from "./source.ts";

/** A step, the union of two, or a step that stands beside another one. */
export interface PictureStep {
  readonly model: ModelId;
  readonly step: StepId;
  readonly base?: StepId | undefined;
  readonly against?: Against | undefined;
  /** which canvas it is for: each keeps the places of its own last layout */
  readonly canvas?: "other" | undefined;
}

export interface PictureParams {
  /** A model's step; or the outline of the file that is being opened, by the name that `outline` was given. */
  readonly of: PictureStep | { readonly outline: string };
  /** The outline that this model was drawn from while it was opened: its picture is kept where it was. */
  readonly after?: string | undefined;
  readonly region: RegionId;
  readonly constants: boolean;
  readonly texts: PictureTexts;
  readonly isolation?: Isolation | undefined;
  readonly names?: Readonly<Record<string, string>>;
  /** Open groups; undefined: as they are at first. */
  readonly expanded: ReadonlySet<string> | "all" | undefined;
  readonly anchor?: NodeKey | undefined;
  /** The picture that is shown, by its number: what stays keeps its place in it. Undefined: the last one of the same canvas. */
  readonly previous?: number | undefined;
  /** The table is at hand already: it need not be sent again. */
  readonly hasTable: boolean;
}

export interface PictureResult {
  /** its number among the pictures of this worker */
  readonly serial: number;
  readonly table?: GraphTable;
  readonly layout: LayoutResult;
  readonly lineage: ReadonlyMap<NodeKey, readonly NodeKey[]>;
  readonly contents: GroupContents;
  readonly blocks: ReadonlyMap<string, BlockInfo>;
  readonly groupIds: ReadonlySet<string>;
  readonly expanded: ReadonlySet<string> | "all";
  /** Nodes drawn or inside closed groups; chips and outputs not counted. */
  readonly size: number;
  /** Ids of `layout.owner`'s nodes, in its order. */
  readonly ids: Int32Array;
}

/**
 * What the picture worker does. It fetches tables from the compiler's worker itself, remembers the last layout of each
 * picture, so that the next keeps its place, and the groups of each model.
 */
export interface PictureApi {
  /** Reads the outline of a file that is being opened; false when there is none. */
  outline(params: { readonly name: string; readonly source: SourceRef }, task: Task): Promise<boolean>;
  picture(params: PictureParams, task: Task): Promise<PictureResult>;
  /** Forgets a closed model or an outline. */
  forget(params: { readonly name: string }, task: Task): Promise<void>;
}
