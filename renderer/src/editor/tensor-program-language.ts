/** Highlighting of printed tensor programs (compiler-core/src/tensor/program.ts). */
import type * as Monaco from "monaco-editor/editor/editor.api";

export const tensorProgram = "graphwright-program";

export function registerTensorProgram(monaco: typeof Monaco): void {
  monaco.languages.register({ id: tensorProgram });
  monaco.languages.setLanguageConfiguration(tensorProgram, { brackets: [["{", "}"], ["[", "]"], ["(", ")"]], comments: { lineComment: "#" } });
  monaco.languages.setMonarchTokensProvider(tensorProgram, {
    defaultToken: "",
    keywords: [
      "program", "input", "weight", "output", "scratch", "size", "packed", "of", "local", "table", "for", "in", "range", "unrolled", "vectorized", "parallel", "worker", "dot", "transposed",
      "prefetch", "lines", "at", "block", "spatial", "reduce", "init", "if", "else", "pass", "select", "cast", "and", "or", "xor", "true", "false", "inf", "nan",
    ],
    tokenizer: {
      root: [
        [/#.*$/, "comment"],
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
