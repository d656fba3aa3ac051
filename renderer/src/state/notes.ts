/** What a person writes about a model: notes and names. Every change can be undone, in one order with the steps. */
import type { ModelId, StepId } from "@graphwright/compiler-core";
import { groupNames, nameGroup } from "./group-names.ts";
import { nextTurn, updateModel, useStore, type ModelState } from "./store.ts";

export interface Notes {
  readonly model: string;
  /** by step */
  readonly steps: Readonly<Record<string, string>>;
  /** by name of the node */
  readonly nodes: Readonly<Record<string, string>>;
  /** names of branches, by their last step */
  readonly branches: Readonly<Record<string, string>>;
}

export const noNotes: Notes = { model: "", steps: {}, nodes: {}, branches: {} };

export type NoteField = { readonly kind: "model" } | { readonly kind: "steps" | "nodes" | "branches"; readonly key: string };

export interface NoteEdit {
  /** a note of the project, or the name of a group, which belongs to the file and is kept beside it */
  readonly field: NoteField | { readonly kind: "group"; readonly key: string };
  readonly before: string;
  readonly after: string;
  /** the step that was shown: undo takes notes and steps back in the order in which they came */
  readonly at: StepId;
  /** in one order with changes of what is drawn */
  readonly turn: number;
}

export interface NoteHistory {
  readonly done: readonly NoteEdit[];
  readonly undone: readonly NoteEdit[];
}

export const noHistory: NoteHistory = { done: [], undone: [] };

export const readNote = (notes: Notes, field: NoteField): string => (field.kind === "model" ? notes.model : (notes[field.kind][field.key] ?? ""));

function withNote(notes: Notes, field: NoteField, text: string): Notes {
  if (field.kind === "model") return { ...notes, model: text };
  const { [field.key]: _, ...others } = notes[field.kind];
  return { ...notes, [field.kind]: text === "" ? others : { ...others, [field.key]: text } };
}

export const countNotes = ({ model, steps, nodes }: Notes): number => (model === "" ? 0 : 1) + Object.keys(steps).length + Object.keys(nodes).length;

export function writeNote(id: ModelId, field: NoteField, text: string): void {
  updateModel(id, ({ notes, noteHistory, b }) => {
    const before = readNote(notes, field);
    if (before === text) return {};
    return { notes: withNote(notes, field, text), noteHistory: { done: [...noteHistory.done, { field, before, after: text, at: b, turn: nextTurn() }], undone: [] } };
  });
}

/** Names a group of the model's file; an empty name gives it its own back. */
export function renameGroup(id: ModelId, group: string, name: string): void {
  updateModel(id, ({ name: file, noteHistory, b }) => {
    const before = groupNames(file)[group] ?? "";
    const after = name.trim();
    if (before === after) return {};
    nameGroup(file, group, after);
    return { noteHistory: { done: [...noteHistory.done, { field: { kind: "group", key: group }, before, after, at: b, turn: nextTurn() }], undone: [] } };
  });
}

/** What a model is after an edit was taken back or made again. */
function put({ name: file, notes }: ModelState, field: NoteEdit["field"], text: string): Notes {
  if (field.kind !== "group") return withNote(notes, field, text);
  nameGroup(file, field.key, text);
  return notes;
}

/** The note that undo (or redo) takes back before it takes back a step. */
export const noteToUndo = ({ noteHistory, b }: ModelState): NoteEdit | undefined => {
  const edit = noteHistory.done.at(-1);
  return edit?.at === b ? edit : undefined;
};
export const noteToRedo = ({ noteHistory, b }: ModelState): NoteEdit | undefined => {
  const edit = noteHistory.undone.at(-1);
  return edit?.at === b ? edit : undefined;
};

export function undoNote(id: ModelId): boolean {
  const model = useStore.getState().models[id];
  const edit = model && noteToUndo(model);
  if (!edit) return false;
  const notes = put(model, edit.field, edit.before);
  updateModel(id, ({ noteHistory: { done, undone } }) => ({ notes, noteHistory: { done: done.slice(0, -1), undone: [...undone, edit] } }));
  return true;
}

export function redoNote(id: ModelId): boolean {
  const model = useStore.getState().models[id];
  const edit = model && noteToRedo(model);
  if (!edit) return false;
  const notes = put(model, edit.field, edit.after);
  updateModel(id, ({ noteHistory: { done, undone } }) => ({ notes, noteHistory: { done: [...done, edit], undone: undone.slice(0, -1) } }));
  return true;
}
