/** The selected node from every side, or the chosen group; without one, the model. */
import { SlidersHorizontal } from "lucide-react";
import type { ReactNode } from "react";
import type { Panel, PanelProps } from "../panel.ts";
import { useGroupShown } from "../../state/group-shown.ts";
import { GroupInspector } from "./group-inspector.tsx";
import { ModelView } from "./model-view.tsx";
import { NodeInspector } from "./node-inspector.tsx";
import "./inspector.css";

function InspectorPanel({ model }: PanelProps): ReactNode {
  const node = model.selected[0];
  const group = useGroupShown(({ shown }) => (shown?.model === model.id ? shown.contents : undefined));
  return (
    <div className="inspector" data-testid="inspector">
      {node === undefined && group ? <GroupInspector model={model} contents={group} /> : node === undefined ? <ModelView model={model} /> : <NodeInspector key={`${model.id}/${node}`} model={model} node={node} />}
    </div>
  );
}

export const inspectorPanel = { id: "inspector", area: "right", icon: SlidersHorizontal, component: InspectorPanel } as const satisfies Panel;
