/** Highlighting and completion of custom rewrites (compiler-core/src/passes/custom-syntax.ts, docs/custom-rewrites.md). */
import type * as Monaco from "monaco-editor/editor/editor.api";

export const customRewrite = "graphwright-rewrite";

const sections = ["rewrite", "title", "summary", "why", "exactness", "pattern", "where", "replace", "return"];
const words = ["is", "not", "constant", "like", "exact", "reassociates", "approximates", "float", "integer", "signed", "unsigned", "bool", "string", "complex"];
const conditions = ["constant", "element", "rank", "size", "shape", "uses", "value"];

/** Operators to complete; the panel gives them once it knows them. */
let operators: readonly string[] = [];
export const setOperators = (names: readonly string[]): void => void (operators = names);

export function registerCustomRewrite(monaco: typeof Monaco): void {
  monaco.languages.register({ id: customRewrite });
  monaco.languages.setLanguageConfiguration(customRewrite, {
    comments: { lineComment: "#" },
    brackets: [["{", "}"], ["[", "]"], ["(", ")"]],
    autoClosingPairs: [{ open: "{", close: "}" }, { open: "(", close: ")" }, { open: "[", close: "]" }, { open: '"', close: '"', notIn: ["string"] }],
    wordPattern: /%[\w./-]+|\$\w+|[\w.]+/g,
    indentationRules: { increaseIndentPattern: /\{\s*$/, decreaseIndentPattern: /^\s*\}/ },
  });
  monaco.languages.setMonarchTokensProvider(customRewrite, {
    defaultToken: "",
    sections,
    words,
    conditions,
    types: ["float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"],
    tokenizer: {
      root: [
        [/#.*$/, "comment"],
        [/"(?:[^"\\]|\\.)*"/, "string"],
        [/%[\w.$/-]+|\$\w+|\b_\b/, "value"],
        [/[A-Za-z_][\w.]*(?=\()/, { cases: { "@sections": "keyword", "@words": "keyword", "@conditions": "keyword", "@default": "operator-name" } }],
        [/[A-Za-z_][\w.]*(?=\s*=[^=])/, "attribute"],
        [/[A-Za-z_][\w.]*/, { cases: { "@sections": "keyword", "@words": "keyword", "@types": "type", "@default": "identifier" } }],
        [/[-+]?(?:\d+\.?\d*(?:e[+-]?\d+)?|inf|nan)\b/, "number"],
        [/[{}()[\]:,;=<>!*±]|\.\.\./, "delimiter"],
      ],
    },
  });
  monaco.languages.registerCompletionItemProvider(customRewrite, {
    triggerCharacters: ["="],
    provideCompletionItems(model, position) {
      const word = model.getWordUntilPosition(position);
      const range = new monaco.Range(position.lineNumber, word.startColumn, position.lineNumber, word.endColumn);
      const before = model.getLineContent(position.lineNumber).slice(0, word.startColumn - 1);
      const { Operator, Keyword } = monaco.languages.CompletionItemKind;
      const call = (name: string): Monaco.languages.CompletionItem => ({ label: name, kind: Operator, insertText: `${name}($0)`, insertTextRules: monaco.languages.CompletionItemInsertTextRule.InsertAsSnippet, range });
      if (/=\s*$/.test(before)) return { suggestions: operators.map(call) };
      if (/^\s*$/.test(before)) return { suggestions: [...sections.map((label) => ({ label, kind: Keyword, insertText: label, range })), ...conditions.map(call)] };
      return { suggestions: [] };
    },
  });
}
