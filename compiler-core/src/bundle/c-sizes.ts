import { elementTypes } from "../ir/element-type.ts";
import type { Expression, Variable } from "../tensor/program.ts";
import { sizeRange } from "../tensor/sizes.ts";
import type { CModel, TensorInfo } from "./c-model.ts";
import { commentText } from "./c-names.ts";

/** The part of a bundle's interface that is about sizes of the run. Empty texts for a model without them. */

/** A size of the run: its name in the model, its C identifier, and the variable of programs. */
export interface SizeInfo {
  readonly name: string;
  readonly variable: Variable;
}

const upper = (id: string): string => id.toUpperCase();
export const sizeMacro = (m: CModel, s: SizeInfo): string => `${upper(m.id)}_MAX_${upper(s.variable.name)}`;
export const hasSizes = (m: CModel): boolean => m.sizes.length > 0;

/** An expression over sizes in C; `floor_div` is for what may be below 0. */
export function sizeText(e: Expression, outer = 0): string {
  const wrap = (text: string, precedence: number): string => (precedence < outer ? `(${text})` : text);
  if (e.kind === "variable") return e.name;
  if (e.kind === "integer") return e.value < 0 ? wrap(`${e.value}`, 3) : `${e.value}`;
  if (e.kind !== "binary") throw new Error(`no size: ${e.kind}`);
  const { left, right } = e;
  switch (e.op) {
    case "add": return wrap(`${sizeText(left, 1)} + ${sizeText(right, 1)}`, 1);
    case "sub": return wrap(`${sizeText(left, 1)} - ${sizeText(right, 2)}`, 1);
    case "mul": return wrap(`${sizeText(left, 2)} * ${sizeText(right, 2)}`, 2);
    case "floordiv": return sizeRange(left).low >= 0 && sizeRange(right).low > 0 ? wrap(`${sizeText(left, 2)} / ${sizeText(right, 3)}`, 2) : `floor_div(${sizeText(left)}, ${sizeText(right)})`;
    case "min": return `(${sizeText(left, 1)} < ${sizeText(right, 1)} ? ${sizeText(left)} : ${sizeText(right)})`;
    case "max": return `(${sizeText(left, 1)} > ${sizeText(right, 1)} ? ${sizeText(left)} : ${sizeText(right)})`;
    default: throw new Error(`no size: ${e.op}`);
  }
}

/** A dimension as a person reads it: "N" or 768. */
export const dimsText = (t: Pick<TensorInfo, "dims" | "shape">): string => t.dims.map((d, i) => (t.shape && t.shape[i]!.kind !== "integer" ? sizeText(t.shape[i]!) : `${d}`)).join(", ");

export function sizesDeclaration(m: CModel): string {
  if (!hasSizes(m)) return "";
  return `/* Sizes of a run; each is at least 1 and at most its bound, for which arena and buffers were planned. */
${m.sizes.map((s) => `#define ${sizeMacro(m, s)} ${s.variable.max}\n`).join("")}typedef struct {
${m.sizes.map((s) => `  int64_t ${s.variable.name}; /* ${commentText(JSON.stringify(s.name))}: 1 to ${s.variable.max} */\n`).join("")}} ${m.id}_sizes;

`;
}

export function sizesPrototypes(m: CModel): string {
  const { id } = m;
  if (!hasSizes(m)) return "";
  return `/* Sets the sizes of the runs from now on: the largest ones after ${id}_init. Inputs and outputs are dense, row after row, in the
 * shapes that follow; they stay where they are, and what they held is lost. ${upper(id)}_ERROR_SIZE, and nothing is changed, when a size
 * is below 1 or above its bound, or too small for the model (a window larger than what it slides over). */
${id}_status ${id}_resize(${id}_context *context, const ${id}_sizes *sizes);
/* The sizes that are set. */
${id}_status ${id}_get_sizes(const ${id}_context *context, ${id}_sizes *sizes);
/* The shape (rank dimensions, see the info) and the bytes of an input or output at these sizes; 0 when there is none. The infos
 * give those at the largest sizes. */
size_t ${id}_input_shape(const ${id}_context *context, int i, int64_t *dims);
size_t ${id}_output_shape(const ${id}_context *context, int i, int64_t *dims);
`;
}

export function sizesSource(m: CModel): string {
  const { id } = m;
  const M = upper(id);
  if (!hasSizes(m)) return "";
  const used = (list: readonly Expression[]): readonly SizeInfo[] => m.sizes.filter((s) => list.some((e) => new RegExp(`\\b${s.variable.name}\\b`).test(sizeText(e))));
  const symbolic = (t: TensorInfo): readonly Expression[] => (t.shape ?? []).filter((e) => e.kind !== "integer");
  const shapes = (kind: "input" | "output", tensors: readonly TensorInfo[]): string => {
    const all = tensors.flatMap(symbolic);
    const cases = tensors
      .map((t, i) => `    case ${i}:\n${t.dims.map((d, k) => `      dims[${k}] = ${t.shape ? sizeText(t.shape[k]!) : d};\n`).join("")}      break;\n`)
      .join("");
    return `size_t ${id}_${kind}_shape(const ${id}_context *context, int i, int64_t *dims) {
  static const size_t element_bits[] = {${tensors.map((t) => elementTypes[t.element].bits).join(", ") || "0"}};
${used(all).map((s) => `  ptrdiff_t ${s.variable.name};\n`).join("")}  size_t bits;
  if (context == NULL || dims == NULL || context->ready != READY || i < 0 || i >= ${M}_${kind === "input" ? "INPUTS" : "OUTPUTS"}) return 0;
${used(all).map((s) => `  ${s.variable.name} = context->sizes[${m.sizes.indexOf(s)}];\n`).join("")}  switch (i) {
${cases}    default: return 0;
  }
  bits = element_bits[i];
  for (uint32_t d = 0; d < ${kind}_infos[i].rank; ++d) bits *= (size_t)dims[d];
  return (bits + 7u) / 8u;
}

`;
  };
  const inputs = m.inputs.length === 0 ? `size_t ${id}_input_shape(const ${id}_context *context, int i, int64_t *dims) {\n  (void)context;\n  (void)i;\n  (void)dims;\n  return 0;\n}\n\n` : shapes("input", m.inputs);
  const limits = m.sizeLimits;
  const needsFloor = [...limits, ...m.inputs.flatMap(symbolic), ...m.outputs.flatMap(symbolic)].some((e) => sizeText(e).includes("floor_div("));
  return `${needsFloor ? "static ptrdiff_t floor_div(ptrdiff_t a, ptrdiff_t b) {\n  return a / b - (a % b != 0 && (a < 0) != (b < 0));\n}\n\n" : ""}${id}_status ${id}_resize(${id}_context *context, const ${id}_sizes *sizes) {
${used(limits).map((s) => `  ptrdiff_t ${s.variable.name};\n`).join("")}  if (context == NULL || sizes == NULL) return ${M}_ERROR_NULL;
  if (context->ready != READY) return ${M}_ERROR_NOT_READY;
${m.sizes.map((s) => `  if (sizes->${s.variable.name} < 1 || sizes->${s.variable.name} > ${sizeMacro(m, s)}) return ${M}_ERROR_SIZE;\n`).join("")}${used(limits).map((s) => `  ${s.variable.name} = (ptrdiff_t)sizes->${s.variable.name};\n`).join("")}${limits.map((e) => `  if (${sizeText(e, 1)} < 1) return ${M}_ERROR_SIZE;\n`).join("")}${m.sizes.map((s, i) => `  context->sizes[${i}] = (ptrdiff_t)sizes->${s.variable.name};\n`).join("")}  return ${M}_OK;
}

${id}_status ${id}_get_sizes(const ${id}_context *context, ${id}_sizes *sizes) {
  if (context == NULL || sizes == NULL) return ${M}_ERROR_NULL;
  if (context->ready != READY) return ${M}_ERROR_NOT_READY;
${m.sizes.map((s, i) => `  sizes->${s.variable.name} = (int64_t)context->sizes[${i}];\n`).join("")}  return ${M}_OK;
}

${inputs}${shapes("output", m.outputs)}`;
}

/** Reads NAME=NUMBER options of the bundle's programs into sizes: for files.h. */
export function sizeOptions(m: CModel): string {
  const { id } = m;
  if (!hasSizes(m)) return "";
  return `
/* "N=4" as a size; 0 when the text is none. */
static int read_size(const char *text, ${id}_sizes *sizes) {
  const char *const equals = strchr(text, '=');
  char *end;
  long value;
  if (equals == NULL) return 0;
  value = strtol(equals + 1, &end, 10);
  if (end == equals + 1 || *end != 0) return 0;
${m.sizes.map((s) => `  if ((size_t)(equals - text) == ${new TextEncoder().encode(s.variable.name).length}u && strncmp(text, "${s.variable.name}", (size_t)(equals - text)) == 0) {\n    sizes->${s.variable.name} = value;\n    return 1;\n  }\n`).join("")}  return 0;
}
`;
}
