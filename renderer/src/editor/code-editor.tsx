import { useEffect, useRef, type ReactNode } from "react";
import { useThemeVersion } from "../design/theme.ts";
import { setAssist, type TextAssist } from "./text-ir-assist.ts";
import { applyEditorTheme, createTextModel, editorOptions, monaco } from "./monaco.ts";
import { showText } from "./show-text.ts";
import { textIr } from "./text-ir-language.ts";

export type LineRange = readonly [first: number, last: number];

export interface CodeEditorProps {
  readonly text: string;
  readonly language: string;
  readonly label: string;
  /** 1-based lines to mark, and to bring into view when they change */
  readonly highlight?: readonly LineRange[];
  /** The person put the cursor on a line (not the program). */
  readonly onLine?: (line: number) => void;
  /** hover, for texts of graphs */
  readonly assist?: TextAssist | undefined;
  readonly testId?: string;
}

const byPerson = new Set<number>([
  monaco.editor.CursorChangeReason.Explicit,
  monaco.editor.CursorChangeReason.NotSet,
]);

/** Calls back when a person moved the cursor: by the pointer, or otherwise while the editor has the focus. */
export function watchCursor(editor: monaco.editor.ICodeEditor, onLine: (line: number) => void): monaco.IDisposable {
  return editor.onDidChangeCursorPosition((event) => {
    // Going to a definition moves the cursor through the editor's own interface; a new text does so as "model".
    // The click that gives the editor the focus comes before it has it.
    if (event.source === "model" || !(event.source === "mouse" || editor.hasTextFocus()) || !byPerson.has(event.reason)) return;
    onLine(event.position.lineNumber);
  });
}

export const lineDecorations = (ranges: readonly LineRange[]): monaco.editor.IModelDeltaDecoration[] =>
  ranges.map(([first, last]) => ({
    range: new monaco.Range(first, 1, last, 1),
    options: { isWholeLine: true, className: "line-selected", linesDecorationsClassName: "line-selected-bar", overviewRuler: { color: "#3457d5", position: monaco.editor.OverviewRulerLane.Center } },
  }));

/** Brings the first range into view unless some of it is there already. */
export function revealRange(editor: monaco.editor.ICodeEditor, [first, last]: LineRange): void {
  const visible = editor.getVisibleRanges().some((range) => range.startLineNumber <= first && first < range.endLineNumber);
  if (!visible) editor.revealLinesInCenterIfOutsideViewport(first, Math.min(last, first + 20), monaco.editor.ScrollType.Immediate);
}

/** Makes an editor with a few lines out of sight and drops it; between the parts it waits for `idle`. */
export async function rehearseEditor(idle: () => Promise<void>): Promise<void> {
  const host = document.createElement("div");
  host.inert = true;
  Object.assign(host.style, { position: "fixed", left: "-2000px", top: "0", width: "600px", height: "200px" });
  document.body.append(host);
  applyEditorTheme();
  const model = createTextModel("", textIr);
  const editor = monaco.editor.create(host, { ...editorOptions, model });
  try {
    await idle();
    model.setValue('graph main(%x: f32[1,4]) {\n  %y = Relu(%x) {axis = 1}  // f32[1,4] "y"\n}\n');
    editor.createDecorationsCollection().set(lineDecorations([[1, 1]]));
    await new Promise((resolve) => requestAnimationFrame(resolve));
    await idle();
  } finally {
    editor.dispose();
    model.dispose();
    host.remove();
  }
}

/** A read-only editor whose model follows `text`. */
export default function CodeEditor({ text, language, label, highlight, onLine, assist, testId }: CodeEditorProps): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<monaco.editor.IStandaloneCodeEditor>(null);
  const decorations = useRef<monaco.editor.IEditorDecorationsCollection>(null);
  const lineCallback = useRef(onLine);
  const theme = useThemeVersion();
  useEffect(() => {
    lineCallback.current = onLine;
  }, [onLine]);

  useEffect(() => {
    applyEditorTheme();
    const model = createTextModel("", language);
    const made = monaco.editor.create(host.current!, { ...editorOptions, model, ariaLabel: label });
    const cursor = watchCursor(made, (line) => lineCallback.current?.(line));
    editor.current = made;
    decorations.current = made.createDecorationsCollection();
    return () => {
      cursor.dispose();
      made.dispose();
      model.dispose();
      editor.current = null;
    };
  }, [language, label]);

  useEffect(applyEditorTheme, [theme]);
  useEffect(() => {
    const model = editor.current?.getModel();
    if (model) setAssist(model, assist);
  }, [assist, language, label]);

  useEffect(() => {
    const model = editor.current?.getModel();
    if (!model) return;
    return showText(model, text, () => {
      decorations.current?.set(lineDecorations(highlight ?? []));
      if (highlight?.[0] && editor.current) revealRange(editor.current, highlight[0]);
    });
  }, [text, highlight, language, label]);

  return <div ref={host} className="editor" data-testid={testId} />;
}
