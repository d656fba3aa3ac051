import { useEffect, useRef, type ReactNode } from "react";
import { useThemeVersion } from "../design/theme.ts";
import { customRewrite, setOperators } from "./custom-rewrite-language.ts";
import { applyEditorTheme, editorOptions, monaco } from "./monaco.ts";

export interface TextError {
  readonly message: string;
  readonly line: number;
  readonly column: number;
}

interface RewriteEditorProps {
  readonly text: string;
  readonly label: string;
  readonly error: TextError | undefined;
  readonly operators: readonly string[];
  readonly onChange: (text: string) => void;
  readonly testId?: string;
}

/** An editor of custom rewrites: highlighting, completion, and the error of the text under its place. */
export default function RewriteEditor({ text, label, error, operators, onChange, testId }: RewriteEditorProps): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<monaco.editor.IStandaloneCodeEditor>(null);
  const callback = useRef(onChange);
  const theme = useThemeVersion();
  useEffect(() => {
    callback.current = onChange;
  }, [onChange]);
  useEffect(() => {
    applyEditorTheme();
    const model = monaco.editor.createModel("", customRewrite);
    const made = monaco.editor.create(host.current!, { ...editorOptions, readOnly: false, domReadOnly: false, model, ariaLabel: label, tabSize: 2, detectIndentation: false, bracketPairColorization: { enabled: false }, quickSuggestions: true, wordBasedSuggestions: "off" });
    const changed = model.onDidChangeContent((event) => {
      if (!event.isFlush) callback.current(model.getValue());
    });
    editor.current = made;
    return () => {
      changed.dispose();
      made.dispose();
      model.dispose();
      editor.current = null;
    };
  }, [label]);
  useEffect(applyEditorTheme, [theme]);
  useEffect(() => setOperators(operators), [operators]);
  useEffect(() => {
    const model = editor.current?.getModel();
    if (model && model.getValue() !== text) model.setValue(text);
  }, [text, label]);
  useEffect(() => {
    const model = editor.current?.getModel();
    if (!model) return;
    if (!error) return monaco.editor.setModelMarkers(model, customRewrite, []);
    const line = Math.min(error.line, model.getLineCount());
    const column = Math.min(error.column, model.getLineMaxColumn(line));
    const word = model.getWordAtPosition({ lineNumber: line, column });
    const end = word ? word.endColumn : Math.max(column + 1, model.getLineMaxColumn(line));
    monaco.editor.setModelMarkers(model, customRewrite, [
      { severity: monaco.MarkerSeverity.Error, message: error.message, startLineNumber: line, startColumn: word?.startColumn ?? Math.max(1, column - (column === model.getLineMaxColumn(line) ? 1 : 0)), endLineNumber: line, endColumn: end },
    ]);
  }, [error, text, label]);
  return <div ref={host} className="editor" data-testid={testId} />;
}
