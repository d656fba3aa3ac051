import type { LayoutGraph, LayoutResult, NodeKey } from "../layout/index.ts";
import type { Task } from "./rpc.ts";

/** What the layout worker does. It remembers the last layout of each picture, so that the next keeps its place. */
export interface LayoutApi {
  layout(
    params: {
      /** which picture: a model and a region */
      readonly picture: string;
      readonly graph: LayoutGraph;
      readonly lineage?: ReadonlyMap<NodeKey, readonly NodeKey[]>;
    },
    task: Task,
  ): Promise<LayoutResult>;
}
