/** Editors that fetch Monaco (3 MB) when first shown. */
import { lazy } from "react";

export const CodeEditor = lazy(() => import("./code-editor.tsx"));
export const RewriteEditor = lazy(() => import("./rewrite-editor.tsx"));
export const DiffEditor = lazy(() => import("./diff-editor.tsx"));
