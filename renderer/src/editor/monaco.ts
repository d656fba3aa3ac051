/** Monaco with the features that the window uses, loaded when the first editor is shown. */
import * as monaco from "monaco-editor/editor/editor.api";
import "monaco-editor/features/codeEditor/register";
import "monaco-editor/features/diffEditor/register";
import "monaco-editor/features/clipboard/register";
import "monaco-editor/features/bracketMatching/register";
import "monaco-editor/features/codicon/register";
import "monaco-editor/features/comment/register";
import "monaco-editor/features/contextmenu/register";
import "monaco-editor/features/find/register";
import "monaco-editor/features/folding/register";
import "monaco-editor/features/gotoSymbol/register";
import "monaco-editor/features/hover/register";
import "monaco-editor/features/referenceSearch/register";
import "monaco-editor/features/snippet/register";
import "monaco-editor/features/suggest/register";
import "monaco-editor/features/wordHighlighter/register";
import "monaco-editor/features/wordOperations/register";
import "monaco-editor/languages/definitions/cpp/register";
import EditorWorker from "monaco-editor/editor/editor.worker?worker";
import { currentTheme } from "../design/theme.ts";
import { registerCustomRewrite } from "./custom-rewrite-language.ts";
import { registerTensorProgram } from "./tensor-program-language.ts";
import { registerTextIrAssist } from "./text-ir-assist.ts";
import { registerTextIr } from "./text-ir-language.ts";

(self as { MonacoEnvironment?: monaco.Environment }).MonacoEnvironment = { getWorker: () => new EditorWorker() };

registerTextIr(monaco);
registerTextIrAssist(monaco);
registerTensorProgram(monaco);
registerCustomRewrite(monaco);

/** "#fff" -> "#ffffff": a minified style sheet has short colours, which Monaco's themes do not take. */
const longHex = (color: string): string => (/^#[0-9a-f]{3,4}$/i.test(color) ? `#${[...color.slice(1)].map((digit) => digit + digit).join("")}` : color);

/** Darker below 1, lighter above; six digits without "#", as Monaco's token rules want it. */
function shade(color: string, factor: number): string {
  const channels = [1, 3, 5].map((at) => Math.min(255, Math.round(parseInt(color.slice(at, at + 2), 16) * factor)));
  return channels.map((channel) => channel.toString(16).padStart(2, "0")).join("");
}

/** Monaco paints token colours itself, so they are read from the design's properties. */
export function applyEditorTheme(): void {
  const theme = currentTheme();
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => longHex(style.getPropertyValue(name).trim());
  // Text on the tints of a comparison needs more contrast than the same colour as a mark.
  const token = (name: string): string => shade(color(name), theme === "light" ? 0.8 : 1.12);
  monaco.editor.defineTheme("graphwright", {
    base: theme === "light" ? "vs" : theme === "dark" ? "vs-dark" : "hc-black",
    inherit: true,
    rules: [
      { token: "operator-name", foreground: token("--color-accent-text"), fontStyle: "bold" },
      { token: "value", foreground: token("--color-text") },
      { token: "type", foreground: token("--state-added") },
      { token: "attribute", foreground: token("--color-text-muted") },
      { token: "number", foreground: token("--state-changed") },
      { token: "string", foreground: token("--family-activation") },
      { token: "keyword", foreground: token("--family-normalization") },
      { token: "comment", foreground: token("--color-text-faint"), fontStyle: "italic" },
      { token: "delimiter", foreground: token("--color-text-faint") },
    ],
    colors: {
      "editor.background": color("--color-surface"),
      "editor.foreground": color("--color-text"),
      "editorLineNumber.foreground": color("--color-text-muted"),
      "editorLineNumber.activeForeground": color("--color-text"),
      "editor.lineHighlightBackground": color("--color-hover"),
      "editor.lineHighlightBorder": "#00000000",
      "editorGutter.background": color("--color-surface"),
      "editorWidget.background": color("--color-raised"),
      "editorWidget.border": color("--color-line-strong"),
      "focusBorder": color("--color-focus"),
      "diffEditor.insertedLineBackground": color("--state-added-soft") + "b0",
      "diffEditor.removedLineBackground": color("--state-removed-soft") + "b0",
      "diffEditor.insertedTextBackground": color("--state-added") + "33",
      "diffEditor.removedTextBackground": color("--state-removed") + "33",
      "diffEditorGutter.insertedLineBackground": color("--state-added-soft"),
      "diffEditorGutter.removedLineBackground": color("--state-removed-soft"),
      "diffEditor.unchangedRegionBackground": color("--color-sunken"),
      "diffEditor.unchangedRegionForeground": color("--color-text-muted"),
      "scrollbarSlider.background": color("--color-line-strong") + "66",
    },
  });
  monaco.editor.setTheme("graphwright");
}

export const editorOptions = {
  readOnly: true,
  domReadOnly: true,
  automaticLayout: true,
  minimap: { enabled: false },
  fontFamily: "JetBrains Mono Variable, monospace",
  fontSize: 12,
  lineHeight: 19,
  fontLigatures: false,
  scrollBeyondLastLine: false,
  renderLineHighlight: "all",
  overviewRulerBorder: false,
  lineNumbersMinChars: 4,
  lineDecorationsWidth: 8,
  padding: { top: 6, bottom: 6 },
  wordWrap: "off",
  stickyScroll: { enabled: false },
  scrollbar: { verticalScrollbarSize: 10, horizontalScrollbarSize: 10, useShadows: false },
  guides: { indentation: false },
  bracketPairColorization: { enabled: false },
  occurrencesHighlight: "singleFile",
  contextmenu: true,
  // A hover on the first lines stands over the panel's edge, not cut off by it.
  fixedOverflowWidgets: true,
  // Escape leaves the editor and Tab moves on: the window is usable without a mouse.
  tabFocusMode: true,
} as const satisfies monaco.editor.IEditorOptions & monaco.editor.IGlobalEditorOptions & { readonly tabFocusMode: boolean };

/** A text without colours by nesting: they would have the whole of it read before its first line is shown. */
export function createTextModel(text: string, language: string): monaco.editor.ITextModel {
  const model = monaco.editor.createModel(text, language);
  model.updateOptions({ bracketColorizationOptions: { enabled: false, independentColorPoolPerBracketType: false } });
  return model;
}

export { monaco };
