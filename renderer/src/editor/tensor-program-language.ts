/** Highlighting of printed tensor programs (compiler-core/src/tensor/program.ts). */
import type * as Monaco from "monaco-editor/editor/editor.api";

export const tensorProgram = "graphwright-program";

export function registerTensorProgram(monaco: typeof Monaco): void {
  monaco.languages.register({ id: tensorProgram });
  monaco.languages.setLanguageConfiguration(tensorProgram, { brackets: [["{", "}"], ["[", "]"], ["(", ")"]], comments: { lineComment: "//" } });
  monaco.languages.setMonarchTokensProvider(tensorProgram, {
    defaultToken: "",
    keywords: [
      "func", "kernel", "buffer", "alloc", "for", "in", "reduce", "parallel", "vectorize", "unroll", "block", "init", "if", "else",
      "select", "input", "output", "constant", "local", "let", "spatial", "range", "program",
    ],
    tokenizer: {
      root: [
        [/\/\/.*$|#.*$/, "comment"],
        [/"(?:[^"\\]|\\.)*"/, "string"],
        [/\b(?:b?float|u?int)\d+\b|\bbool\b/, "type"],
        [/[A-Za-z_][\w.]*(?=\()/, { cases: { "@keywords": "keyword", "@default": "operator-name" } }],
        [/[%@]?[A-Za-z_][\w.]*/, { cases: { "@keywords": "keyword", "@default": "value" } }],
        [/-?\d+\.?\d*(?:e[+-]?\d+)?f?\b/, "number"],
        [/[{}()[\]:,;=+*/<>-]/, "delimiter"],
      ],
    },
  });
}
