import { Suspense, type ReactNode } from "react";
import { Loading } from "../design/states.tsx";
import type { Panel } from "../panels/panel.ts";
import type { ModelState } from "../state/store.ts";
import { ErrorBoundary } from "./error-boundary.tsx";

/** A panel in its place: it may wait and it may fail without taking the window with it. */
export function Shown({ panel: { component: Component }, model }: { readonly panel: Panel; readonly model: ModelState }): ReactNode {
  return (
    <ErrorBoundary>
      <Suspense fallback={<Loading />}>
        <Component model={model} />
      </Suspense>
    </ErrorBoundary>
  );
}
