/** The operator page in docs/, from what `graphwright ops --json` says. */

/**
 * @typedef {object} Operator
 * @property {string} domain
 * @property {string} op
 * @property {string} summary
 * @property {readonly number[]} since
 * @property {boolean} infer
 * @property {boolean} evaluate
 * @property {boolean} lower
 * @property {boolean} fold
 */

/** @param {boolean} value */
const mark = (value) => (value ? "yes" : "");
/** In a table a bar would end the cell. @param {string} text */
const cell = (text) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("*", "\\*");

/** @param {readonly Operator[]} operators */
export function operatorsPage(operators) {
  const domains = [...new Set(operators.map((o) => o.domain))];
  const lines = [
    "# Operators",
    "",
    "Every operator that Graphwright knows, made by `npm run docs:operators` from the definitions in `compiler-core/src/ops`.",
    "Operators of other domains, and unknown ones, are shown, carried through import and export, and never touched by a rewrite.",
    "",
    "- **Versions**: the operator sets that introduced or changed it. A model of any of them is imported; export writes the version that the",
    "  model had, or the lowest above it that can hold the result.",
    "- **Shapes**: element types and shapes of its outputs are inferred, symbolic dimensions included.",
    "- **Evaluate**: its values can be computed. **Fold**: a node of constants may be replaced by its value (not where it draws random numbers).",
    "- **Lower**: it can be turned into loop nests, and so into C.",
    "",
    `${operators.length} operators: ${["infer", "evaluate", "fold", "lower"].map((what) => `${operators.filter((o) => o[/** @type {"infer"} */ (what)]).length} ${{ infer: "with shapes", evaluate: "evaluated", fold: "folded", lower: "lowered" }[what]}`).join(", ")}.`,
  ];
  for (const domain of domains) {
    lines.push("", `## ${domain || "ai.onnx"}`, "", "| Operator | Versions | Shapes | Evaluate | Fold | Lower | What it does |", "| --- | --- | --- | --- | --- | --- | --- |");
    for (const o of operators.filter((each) => each.domain === domain))
      lines.push(`| ${o.op} | ${o.since.join(", ")} | ${mark(o.infer)} | ${mark(o.evaluate)} | ${mark(o.fold)} | ${mark(o.lower)} | ${cell(o.summary)} |`);
  }
  return `${lines.join("\n")}\n`;
}
