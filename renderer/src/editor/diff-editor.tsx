import { useCallback, useEffect, useRef, type ReactNode } from "react";
import { useThemeVersion } from "../design/theme.ts";
import { lineDecorations, revealRange, watchCursor, type LineRange } from "./code-editor.tsx";
import { setAssist, type TextAssist } from "./text-ir-assist.ts";
import { applyEditorTheme, createTextModel, editorOptions, monaco } from "./monaco.ts";
import { showText } from "./show-text.ts";

export interface DiffEditorProps {
  readonly before: string;
  readonly after: string;
  readonly language: string;
  readonly label: string;
  readonly sideBySide: boolean;
  /** unchanged lines are folded away */
  readonly onlyChanged: boolean;
  /** the number that each line has in its whole text, 0 for none; undefined: they are the whole texts */
  readonly numbersBefore?: readonly number[] | undefined;
  readonly numbersAfter?: readonly number[] | undefined;
  readonly assistBefore?: TextAssist | undefined;
  readonly assistAfter?: TextAssist | undefined;
  readonly highlightBefore?: readonly LineRange[];
  readonly highlightAfter?: readonly LineRange[];
  /** The person put the cursor on a line of the old or the new text. */
  readonly onLine?: (side: "before" | "after", line: number) => void;
  /** how many places differ, once known */
  readonly onChanges?: (count: number) => void;
  readonly testId?: string;
}

const maxComputationTime = 4000;

const numbered = (numbers: readonly number[] | undefined): "on" | ((line: number) => string) => (numbers ? (line) => String(numbers[line - 1] || "") : "on");

/** Drops models once no comparison of them can be under way: Monaco throws when one ends without its models. */
function discard(models: monaco.editor.IDiffEditorModel | null): void {
  setTimeout(() => {
    models?.original.dispose();
    models?.modified.dispose();
  }, 2 * maxComputationTime);
}

/** A read-only comparison whose two models follow `before` and `after`; unchanged regions are folded away. */
export default function DiffEditor(props: DiffEditorProps): ReactNode {
  const { before, after, language, label, sideBySide, onlyChanged, assistBefore, assistAfter, highlightBefore, highlightAfter, testId } = props;
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<monaco.editor.IStandaloneDiffEditor>(null);
  const marks = useRef<readonly [monaco.editor.IEditorDecorationsCollection, monaco.editor.IEditorDecorationsCollection]>(null);
  const callbacks = useRef(props);
  const theme = useThemeVersion();
  useEffect(() => {
    callbacks.current = props;
  });
  const mark = useCallback((): void => {
    const [left, right] = [callbacks.current.highlightBefore ?? [], callbacks.current.highlightAfter ?? []];
    marks.current?.[0].set(lineDecorations(left));
    marks.current?.[1].set(lineDecorations(right));
    if (right[0]) revealRange(editor.current!.getModifiedEditor(), right[0]);
    else if (left[0]) revealRange(editor.current!.getOriginalEditor(), left[0]);
  }, []);

  useEffect(() => {
    applyEditorTheme();
    const made = monaco.editor.createDiffEditor(host.current!, {
      ...editorOptions,
      originalEditable: false,
      renderSideBySide: true,
      useInlineViewWhenSpaceIsLimited: true,
      renderSideBySideInlineBreakpoint: 560,
      hideUnchangedRegions: { enabled: true, contextLineCount: 3, minimumLineCount: 4, revealLineCount: 20 },
      renderOverviewRuler: false,
      renderMarginRevertIcon: false,
      renderGutterMenu: false,
      maxComputationTime,
      originalAriaLabel: label,
      modifiedAriaLabel: label,
    });
    const [left, right] = [made.getOriginalEditor(), made.getModifiedEditor()];
    // The comparison clears the name of its two editors whenever an option changes.
    const named = [left, right].map((side) => {
      const name = (): void => {
        if (side.getOption(monaco.editor.EditorOption.ariaLabel) !== label) side.updateOptions({ ariaLabel: label });
      };
      name();
      return side.onDidChangeConfiguration(name);
    });
    const disposables = [
      ...named,
      watchCursor(left, (line) => callbacks.current.onLine?.("before", line)),
      watchCursor(right, (line) => callbacks.current.onLine?.("after", line)),
      made.onDidUpdateDiff(() => callbacks.current.onChanges?.(made.getLineChanges()?.length ?? 0)),
    ];
    editor.current = made;
    marks.current = [left.createDecorationsCollection(), right.createDecorationsCollection()];
    return () => {
      for (const each of disposables) each.dispose();
      const models = made.getModel();
      made.dispose();
      discard(models);
      editor.current = null;
    };
  }, [language, label]);

  useEffect(() => editor.current?.updateOptions({ renderSideBySide: sideBySide }), [sideBySide, language, label]);
  useEffect(() => editor.current?.updateOptions({ hideUnchangedRegions: { enabled: onlyChanged } }), [onlyChanged, language, label]);
  useEffect(applyEditorTheme, [theme]);

  // New models for new texts: what is folded away belongs to the comparison, not to the editor.
  useEffect(() => {
    const made = editor.current!;
    const original = createTextModel("", language);
    const modified = createTextModel("", language);
    let taken = false;
    const put = (): void => {
      taken = true;
      const old = made.getModel();
      made.getOriginalEditor().updateOptions({ lineNumbers: numbered(callbacks.current.numbersBefore) });
      made.getModifiedEditor().updateOptions({ lineNumbers: numbered(callbacks.current.numbersAfter) });
      made.setModel({ original, modified });
      setAssist(original, callbacks.current.assistBefore);
      setAssist(modified, callbacks.current.assistAfter);
      discard(old);
      mark();
      if (!callbacks.current.highlightAfter?.[0] && !callbacks.current.highlightBefore?.[0]) made.revealFirstDiff();
    };
    // Long ones come in pieces; what was compared before stays until both are there.
    const stops: (() => void)[] = [];
    stops.push(showText(original, before, () => stops.push(showText(modified, after, put))));
    return () => {
      for (const stop of stops) stop();
      if (taken) return;
      original.dispose();
      modified.dispose();
    };
  }, [before, after, language, label, mark]);

  useEffect(() => {
    const models = editor.current?.getModel();
    if (!models) return;
    setAssist(models.original, assistBefore);
    setAssist(models.modified, assistAfter);
  }, [before, after, assistBefore, assistAfter, language, label]);

  useEffect(mark, [mark, highlightBefore, highlightAfter]);

  return <div ref={host} className="editor" data-testid={testId} />;
}
