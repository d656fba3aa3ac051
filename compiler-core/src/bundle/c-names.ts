/** `<m>`: a C identifier made from the model's name. */
export function cIdentifier(name: string): string {
  const stem = name.replace(/\.(onnx|graphwright)$/i, "").replace(/[^A-Za-z0-9]+/g, "_").replace(/^_+|_+$/g, "").toLowerCase();
  if (stem === "") return "model";
  const id = /^[0-9]/.test(stem) ? `m_${stem}` : stem;
  return keywords.has(id) ? `${id}_model` : id;
}

const keywords = new Set(
  "auto break case char const continue default do double else enum extern float for goto if inline int long register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while main".split(" "),
);

/** A C identifier for a size of the run, as it is written in the model where that is one. */
export function sizeIdentifier(name: string): string {
  const stem = name.replace(/[^A-Za-z0-9]+/g, "_").replace(/^_+|_+$/g, "");
  const id = /^[A-Za-z]/.test(stem) ? stem : `size_${stem}`;
  return keywords.has(id) ? `${id}_size` : id;
}

/** Text inside a C comment: it must not end the comment. */
export const commentText = (text: string): string => text.replace(/\*\//g, "* /").replace(/\/\*/g, "/ *").replace(/[\r\n\\?]/g, " ");

/** A C string literal. */
export const stringLiteral = (text: string): string =>
  `"${[...new TextEncoder().encode(text)].map((b) => (b === 34 || b === 92 ? `\\${String.fromCharCode(b)}` : b >= 32 && b < 127 && b !== 63 ? String.fromCharCode(b) : `\\${b.toString(8).padStart(3, "0")}`)).join("")}"`;
