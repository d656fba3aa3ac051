/** The selected node from every side; without one, the model. */
import { SlidersHorizontal } from "lucide-react";
import type { ReactNode } from "react";
import type { Panel, PanelProps } from "../panel.ts";
import { ModelView } from "./model-view.tsx";
import { NodeInspector } from "./node-inspector.tsx";
import "./inspector.css";

function InspectorPanel({ model }: PanelProps): ReactNode {
  const node = model.selected[0];
  return (
    <div className="inspector" data-testid="inspector">
      {node === undefined ? <ModelView model={model} /> : <NodeInspector key={`${model.id}/${node}`} model={model} node={node} />}
    </div>
  );
}

export const inspectorPanel = { id: "inspector", area: "right", icon: SlidersHorizontal, component: InspectorPanel } as const satisfies Panel;
