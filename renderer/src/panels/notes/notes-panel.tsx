/** What a person writes about the model, a step, a node: kept in the project. */
import { NotebookPen } from "lucide-react";
import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../../design/name.tsx";
import * as act from "../../state/actions.ts";
import { canvas } from "../../state/canvas.ts";
import { readNote, writeNote, type NoteField } from "../../state/notes.ts";
import { query, useQuery } from "../../state/query.ts";
import { positionOf, stepOf } from "../../state/steps.ts";
import { useStore, type ModelState } from "../../state/store.ts";
import type { Panel, PanelProps } from "../panel.ts";
import "./notes.css";

function NotesPanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const selected = model.selected[0];
  const { data } = useQuery("node", selected === undefined ? null : { model: model.id, step: model.selectedStep, node: selected });
  const node = selected === undefined ? undefined : data?.node;
  const leaf = model.timeline.branch.at(-1)!;
  const position = positionOf(model.timeline, model.b);
  return (
    <div className="notes-panel scroll" data-testid="notes-panel">
      <div className="notes-fields">
        <Note model={model} field={{ kind: "model" }} label={t("notes.model")} name={model.name} testId="note-model" />
        <Note model={model} field={{ kind: "steps", key: String(model.b) }} label={position <= 0 ? t("notes.imported") : t("notes.step", { step: position })} name={position <= 0 ? "" : (stepOf(model.timeline, model.b)?.site ?? "")} testId="note-step" />
        {node ? (
          <Note model={model} field={{ kind: "nodes", key: node.name }} label={t("notes.node")} name={node.name} testId="note-node" />
        ) : (
          <div className="note"><span className="note-head">{t("notes.node")}</span><p className="faint note-empty">{t("notes.no-node")}</p></div>
        )}
      </div>
      {leaf !== 0 && <BranchName model={model} leaf={leaf} />}
      <AllNotes model={model} />
    </div>
  );
}

interface NoteProps {
  readonly model: ModelState;
  readonly field: NoteField;
  readonly label: string;
  readonly name: string;
  readonly testId: string;
}

/** Typing rests this long before it becomes one step of undo. */
const rest = 700;

function useDraft(model: ModelState, field: NoteField): readonly [string, (text: string) => void, () => void] {
  const stored = readNote(model.notes, field);
  const [draft, setDraft] = useState<string | null>(null);
  const pending = useRef<{ readonly field: NoteField; readonly text: string; readonly timer: ReturnType<typeof setTimeout> } | null>(null);
  const { id } = model;
  const commit = (): void => {
    const waiting = pending.current;
    pending.current = null;
    if (!waiting) return;
    clearTimeout(waiting.timer);
    writeNote(id, waiting.field, waiting.text);
    setDraft(null);
  };
  const key = field.kind === "model" ? "" : `${field.kind}/${field.key}`;
  // Another step or node is shown: what was typed belongs to the one before.
  useEffect(() => commit, [key, id]); // eslint-disable-line react-hooks/exhaustive-deps -- `commit` reads the latest draft from the ref
  const change = (text: string): void => {
    if (pending.current) clearTimeout(pending.current.timer);
    pending.current = { field, text, timer: setTimeout(commit, rest) };
    setDraft(text);
  };
  return [draft ?? stored, change, commit];
}

function Note({ model, field, label, name, testId }: NoteProps): ReactNode {
  const { t } = useTranslation();
  const id = useId();
  const [text, change, commit] = useDraft(model, field);
  return (
    <div className="note">
      <label className="note-head" htmlFor={id}>
        <span className="note-label">{label}</span> {name !== "" && <Name mono className="faint">{name}</Name>}
      </label>
      <textarea id={id} className="input note-text" value={text} placeholder={t("notes.placeholder")} onChange={(event) => change(event.target.value)} onBlur={commit} data-testid={testId} />
    </div>
  );
}

function BranchName({ model, leaf }: { readonly model: ModelState; readonly leaf: number }): ReactNode {
  const { t } = useTranslation();
  const id = useId();
  const [text, change, commit] = useDraft(model, { kind: "branches", key: String(leaf) });
  return (
    <div className="note-branch">
      <label htmlFor={id} className="note-head">{t("notes.branch-name")}</label>
      <input id={id} className="input" value={text} onChange={(event) => change(event.target.value)} onBlur={commit} data-testid="branch-name" />
    </div>
  );
}

function AllNotes({ model }: { readonly model: ModelState }): ReactNode {
  const { t } = useTranslation();
  const catalog = useStore((state) => state.catalog);
  const steps = Object.entries(model.notes.steps).filter(([step]) => stepOf(model.timeline, Number(step)));
  const nodes = Object.entries(model.notes.nodes);
  const goToNode = async (name: string): Promise<void> => {
    const { nodes: all } = await query("graph", { model: model.id, step: model.b });
    const found = all.find((node) => node.name === name);
    if (!found) return;
    act.select(model.id, [found.id], model.b);
    canvas.current?.reveal([found.id]);
  };
  return (
    <section className="all-notes" aria-label={t("notes.all")}>
      <h2 className="list-title">{t("notes.all")}</h2>
      {steps.length + nodes.length === 0 && <p className="list-empty">{t("notes.none")}</p>}
      <ul>
        {steps.map(([step, text]) => {
          const made = stepOf(model.timeline, Number(step))!;
          const title = made.parent === null ? t("notes.imported") : t("notes.step", { step: Math.max(0, positionOf(model.timeline, made.id)) || made.id });
          return (
            <li key={`s${step}`}>
              <button type="button" className="row-button note-row" onClick={() => act.goTo(model.id, made.id)} title={text}>
                <span className="note-where">{title}</span>
                <span className="faint">{catalog?.rewrites.find((each) => each.name === made.rewrite)?.title ?? made.rewrite}</span>
                <span className="note-line">{text}</span>
              </button>
            </li>
          );
        })}
        {nodes.map(([name, text]) => (
          <li key={`n${name}`}>
            <button type="button" className="row-button note-row" onClick={() => void goToNode(name).catch(() => undefined)} title={text}>
              <Name mono className="note-where">{name}</Name>
              <span className="note-line">{text}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export const notesPanel = { id: "notes", area: "lower", icon: NotebookPen, component: NotesPanel } as const satisfies Panel;
