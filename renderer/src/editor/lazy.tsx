/** Editors that fetch Monaco (3 MB) when first shown. */
import { lazy } from "react";
import { withTexts } from "./texts.ts";

export const CodeEditor = lazy(() => withTexts(() => import("./code-editor.tsx")));
export const RewriteEditor = lazy(() => withTexts(() => import("./rewrite-editor.tsx")));
export const DiffEditor = lazy(() => withTexts(() => import("./diff-editor.tsx")));
