/** Highlighting and folding of the text IR (compiler-core/src/ir/printer.ts). */
import type * as Monaco from "monaco-editor/editor/editor.api";

export const textIr = "graphwright-ir";

export function registerTextIr(monaco: typeof Monaco): void {
  monaco.languages.register({ id: textIr });
  monaco.languages.setLanguageConfiguration(textIr, {
    brackets: [["{", "}"], ["[", "]"], ["(", ")"]],
    wordPattern: /%"[^"]*"|%?[\w.]+/g,
    folding: { markers: { start: /\{\s*$/, end: /^\s*\}/ } },
  });
  monaco.languages.setMonarchTokensProvider(textIr, {
    defaultToken: "",
    keywords: [
      "graph", "model", "function", "return", "constant", "node", "body", "doc", "meta", "attributes", "opset", "as",
      "ref", "tensor", "sparse", "type", "random", "external", "then_branch", "else_branch",
    ],
    types: [
      "float", "float16", "bfloat16", "float32", "float64", "double", "int2", "int4", "int8", "int16", "int32", "int64",
      "uint2", "uint4", "uint8", "uint16", "uint32", "uint64", "bool", "string", "complex64", "complex128",
      "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "float8e8m0", "float4e2m1", "seq", "optional", "map",
    ],
    tokenizer: {
      root: [
        [/\/\/.*$|#.*$/, "comment"],
        [/[%@]"(?:[^"\\]|\\.)*"/, "value"],
        [/[%@][\w.$:/-]+/, "value"],
        [/"(?:[^"\\]|\\.)*"/, "string"],
        [/[A-Za-z_][\w.]*(?=\s*=(?!=))/, "attribute"],
        [/[A-Za-z_][\w.]*(?=\()/, { cases: { "@keywords": "keyword", "@default": "operator-name" } }],
        [/[A-Za-z_][\w.]*/, { cases: { "@keywords": "keyword", "@types": "type", "@default": "identifier" } }],
        [/-?(?:\d+\.?\d*(?:e[+-]?\d+)?|inf|nan)\b/, "number"],
        [/[{}()[\]:,=*?]|->/, "delimiter"],
      ],
    },
  });
}
