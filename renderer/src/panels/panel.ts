import type { LucideIcon } from "lucide-react";
import type { ComponentType } from "react";
import type { ModelState } from "../state/store.ts";

export interface PanelProps {
  readonly model: ModelState;
}

/** A part of the window. `tabs` of one area share its place. */
export interface Panel {
  readonly id: "pipeline" | "rewrites" | "recipe" | "graph" | "text" | "program" | "values" | "profile" | "tuning" | "custom" | "orders" | "bisect" | "differences" | "notes" | "log" | "inspector" | "timeline";
  readonly area: "left" | "center" | "lower" | "right" | "bottom";
  readonly icon: LucideIcon;
  readonly component: ComponentType<PanelProps>;
}
