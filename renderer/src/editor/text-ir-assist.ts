/** Hover, definition and uses for texts of graphs. The panel says what a node is; names are found in the text itself. */
import type { NodeId } from "@graphwright/compiler-core";
import type * as Monaco from "monaco-editor/editor/editor.api";
import { textIr } from "./text-ir-language.ts";

/** What an editor's text is about. */
export interface TextAssist {
  /** the node whose statement covers a line */
  readonly nodeAt: (line: number) => NodeId | undefined;
  /** Markdown paragraphs about a node */
  readonly describe: (node: NodeId) => Promise<readonly string[]>;
}

const assists = new WeakMap<Monaco.editor.ITextModel, TextAssist>();

export function setAssist(model: Monaco.editor.ITextModel, assist: TextAssist | undefined): void {
  if (assist) assists.set(model, assist);
  else assists.delete(model);
}

interface Place {
  readonly line: number;
  /** 1-based columns, end exclusive */
  readonly from: number;
  readonly to: number;
}
interface Names {
  readonly version: number;
  readonly definitions: ReadonlyMap<string, Place>;
  readonly places: ReadonlyMap<string, readonly Place[]>;
}
const known = new WeakMap<Monaco.editor.ITextModel, Names>();
const value = /%(?:"(?:[^"\\]|\\.)*"|[\w.$/-]+)/g;

/** Every value name of the text: the printer gives each name to one value only. */
export function namesIn(lines: readonly string[]): Omit<Names, "version"> {
  const definitions = new Map<string, Place>();
  const places = new Map<string, Place[]>();
  for (const [index, text] of lines.entries()) {
    // Results stand left of "=", parameters in a header that ends with "{".
    const equals = text.search(/\s=\s/);
    const header = equals < 0 && /\{\s*$/.test(text);
    for (const match of text.matchAll(value)) {
      const place = { line: index + 1, from: match.index + 1, to: match.index + 1 + match[0].length };
      const list = places.get(match[0]);
      if (list) list.push(place);
      else places.set(match[0], [place]);
      if ((match.index < equals || header) && !definitions.has(match[0])) definitions.set(match[0], place);
    }
  }
  return { definitions, places };
}

function namesOf(model: Monaco.editor.ITextModel): Names {
  const version = model.getVersionId();
  let names = known.get(model);
  if (names?.version !== version) {
    names = { version, ...namesIn(model.getLinesContent()) };
    known.set(model, names);
  }
  return names;
}

function nameAt(model: Monaco.editor.ITextModel, { lineNumber, column }: Monaco.Position): (Place & { readonly name: string }) | undefined {
  for (const match of model.getLineContent(lineNumber).matchAll(value)) {
    const [from, to] = [match.index + 1, match.index + 1 + match[0].length];
    if (from <= column && column <= to) return { name: match[0], line: lineNumber, from, to };
  }
  return undefined;
}

export function registerTextIrAssist(monaco: typeof Monaco): void {
  const rangeOf = ({ line, from, to }: Place): Monaco.Range => new monaco.Range(line, from, line, to);
  monaco.languages.registerHoverProvider(textIr, {
    async provideHover(model, position) {
      const assist = assists.get(model);
      const name = nameAt(model, position);
      const line = name ? namesOf(model).definitions.get(name.name)?.line : position.lineNumber;
      const node = line === undefined ? undefined : assist?.nodeAt(line);
      if (!assist || node === undefined) return null;
      try {
        const paragraphs = await assist.describe(node);
        return { contents: paragraphs.map((value) => ({ value })), ...(name ? { range: rangeOf(name) } : {}) };
      } catch {
        // The panel itself reports what the compiler cannot answer.
        return null;
      }
    },
  });
  monaco.languages.registerDefinitionProvider(textIr, {
    provideDefinition(model, position) {
      const name = nameAt(model, position);
      const place = name && namesOf(model).definitions.get(name.name);
      return place ? { uri: model.uri, range: rangeOf(place) } : null;
    },
  });
  monaco.languages.registerReferenceProvider(textIr, {
    provideReferences(model, position) {
      const name = nameAt(model, position);
      return (name && namesOf(model).places.get(name.name)?.map((place) => ({ uri: model.uri, range: rangeOf(place) }))) ?? [];
    },
  });
}
