/** What commands may ask of the canvas that is shown. The graph panel sets it while mounted. */
import type { NodeId } from "@graphwright/compiler-core";

export interface CanvasHandle {
  /** Brings the whole graph into view. */
  fit(): void;
  /** Brings nodes into view, opening the groups they are in. */
  reveal(nodes: readonly NodeId[]): void;
  /** Opens or closes the group that is focused or that the selected node is in. */
  toggleGroup(): void;
  zoomBy(factor: number): void;
}

export const canvas: { current: CanvasHandle | null } = { current: null };
