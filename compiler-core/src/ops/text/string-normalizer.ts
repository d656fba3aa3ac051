import { makeTensor } from "../../ir/tensor.ts";
import { shapeOf, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { tensorAt } from "../support/numbers.ts";
import { required } from "../support/types.ts";

/** A POSIX locale name (en_US.UTF-8) as a language tag; undefined for the default one. */
function languageTag(locale: string): string | undefined {
  const name = locale.split(/[.@]/)[0]!.replaceAll("_", "-");
  return /^[A-Za-z]{2,3}(-[A-Za-z0-9]+)*$/.test(name) ? name : undefined;
}

export const stringNormalizer = defineOperator({
  domain: "",
  op: "StringNormalizer",
  versions: [{ since: 10 }],
  summary: "Removes stop words from a list of strings and changes the case of the others.",
  doc: "Takes [C] or [1, C]. When nothing is left, the result is one empty string.",
  family: "text",
  inputs: [required("X", "tensor(string)", "words [C] or [1, C]")],
  outputs: [required("Y", "tensor(string)", "what is left, in order")],
  attributes: {
    case_change_action: { kind: "string", doc: "LOWER, UPPER or NONE", fallback: "NONE" },
    is_case_sensitive: { kind: "int", doc: "1 when stop words must match in case", fallback: 0 },
    locale: { kind: "string", doc: "locale of the change of case, as en_US; the default one when absent" },
    stopwords: { kind: "strings", doc: "words to remove" },
  },
  infer: (context) => {
    const rank = shapeOf(context.type(0))?.length;
    return [{ type: tensorType("string", rank === 1 ? [null] : rank === 2 ? [1, null] : null) }];
  },
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    if (!(x.dims.length === 1 || (x.dims.length === 2 && x.dims[0] === 1)))
      throw new GraphwrightError("shape-contradiction", `the input must be [C] or [1, C], but is [${x.dims.join(", ")}].`);
    const action = attributes.string("case_change_action");
    if (!["LOWER", "UPPER", "NONE"].includes(action)) throw new GraphwrightError("attribute-range", `case_change_action is "${action}", which is none of LOWER, UPPER and NONE.`);
    const language = languageTag(attributes.string("locale", ""));
    const sensitive = attributes.int("is_case_sensitive") !== 0;
    const key = (word: string): string => (sensitive ? word : word.toLocaleLowerCase(language));
    const stops = new Set((attributes.strings("stopwords") ?? []).map(key));
    const kept = (x.data as string[]).filter((word) => !stops.has(key(word)));
    const changed = kept.map((word) => (action === "LOWER" ? word.toLocaleLowerCase(language) : action === "UPPER" ? word.toLocaleUpperCase(language) : word));
    const out = changed.length > 0 ? changed : [""];
    return [makeTensor("string", x.dims.length === 1 ? [out.length] : [1, out.length], out)];
  },
});
