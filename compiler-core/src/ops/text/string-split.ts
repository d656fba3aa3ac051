import { makeTensor } from "../../ir/tensor.ts";
import { shapeOf, tensorType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { tensorAt } from "../support/numbers.ts";
import { int64, required, string } from "../support/types.ts";

/** Parts of a text between white space; the rest after `most` cuts keeps its white space, but for that at its ends. */
function splitWhitespace(text: string, most: number): string[] {
  const parts: string[] = [];
  let rest = text.trimStart();
  while (rest !== "") {
    const cut = parts.length < most ? rest.search(/\s/) : -1;
    if (cut < 0) {
      parts.push(parts.length < most ? rest : rest.trimEnd());
      break;
    }
    parts.push(rest.slice(0, cut));
    rest = rest.slice(cut).trimStart();
  }
  return parts;
}

function splitAt(text: string, delimiter: string, most: number): string[] {
  const parts = text.split(delimiter);
  return parts.length <= most + 1 ? parts : [...parts.slice(0, most), parts.slice(most).join(delimiter)];
}

export const stringSplit = defineOperator({
  domain: "",
  op: "StringSplit",
  versions: [{ since: 20 }],
  summary: "Cuts every string at a delimiter and counts the parts.",
  doc: "The parts lie along a new last axis, filled up with empty strings. Without a delimiter runs of white space separate, and white space at the ends is dropped.",
  family: "text",
  inputs: [required("X", "T1", "strings")],
  outputs: [required("Y", "T2", "parts: the shape of X with one more axis, as long as the most parts"), required("Z", "T3", "number of parts, shaped as X")],
  attributes: {
    delimiter: { kind: "string", doc: "what separates; white space when absent or empty" },
    maxsplit: { kind: "int", doc: "largest number of cuts, from the left; no limit when absent" },
  },
  types: { T1: string, T2: string, T3: int64 },
  infer: (context) => {
    const shape = shapeOf(context.type(0));
    return [{ type: tensorType("string", shape && [...shape, null]) }, { type: tensorType("int64", shape) }];
  },
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const delimiter = attributes.string("delimiter", "");
    const limit = attributes.optionalInt("maxsplit") ?? -1;
    const most = limit < 0 ? Infinity : limit;
    const parts = (x.data as string[]).map((text) => (delimiter === "" ? splitWhitespace(text, most) : splitAt(text, delimiter, most)));
    const width = parts.reduce((a, b) => Math.max(a, b.length), 0);
    const out = parts.flatMap((list) => [...list, ...new Array<string>(width - list.length).fill("")]);
    return [makeTensor("string", [...x.dims, width], out), makeTensor("int64", x.dims, BigInt64Array.from(parts, (list) => BigInt(list.length)))];
  },
});
