import { cType } from "../backends/c/types.ts";
import { type CTarget, epilogueOf } from "../backends/c/isa.ts";
import { type CModel, sizesParameter, type StepCall } from "./c-model.ts";
import { commentText, stringLiteral } from "./c-names.ts";
import type { Location } from "./memory-plan.ts";

/** Sources that differ by instruction set, and the choice among them at run time. */

/** Elsewhere the source is empty, but for a name of its own: C has no empty sources, and several may be compiled as one. */
const guardedSource = (variant: CTarget, source: string, text: string): string => (variant.guard === undefined ? text : `#if ${variant.guard}\n${text}#else\ntypedef int ${source}_empty;\n#endif\n`);
/** A source whose functions use the target's instructions. */
export const kernelsSource = (variant: CTarget, source: string, text: string): string => guardedSource(variant, source, `${variant.prologue}${text}${epilogueOf(variant)}`);

const place = (l: Location): string => `${l.space === "arena" ? "arena" : "weights"} + ${l.offset}`;

export function stepsHeader(m: CModel, variants: readonly CTarget[]): string {
  const { id } = m;
  const guard = `${id}_STEPS_H`.toUpperCase();
  return `/* Private to the bundle: the model's steps, for each instruction set, and which of them this machine has. */
#ifndef ${guard}
#define ${guard}

${m.sizes.length > 0 ? "#include <stddef.h>\n\n" : ""}/* Runs one part of a stage of a step, and nothing when parts is 0. Gives the number of stages that threads may share,
 * each after the one before is done; 0: the step is one piece. */
typedef int (*${id}_step)(unsigned char *arena, const unsigned char *weights, ${sizesParameter(m)}int step, int stage, int part, int parts);

${variants.map((v) => `int ${id}_step_${v.target.name}(unsigned char *arena, const unsigned char *weights, ${sizesParameter(m)}int step, int stage, int part, int parts);`).join("\n")}

/* The best variant that this machine has; the one named, or null; the name of a variant. */
${id}_step ${id}_best_variant(void);
${id}_step ${id}_find_variant(const char *name);
const char *${id}_variant_name(${id}_step step);

#endif
`;
}

export function stepsSource(m: Pick<CModel, "id" | "sizes">, variant: CTarget, steps: readonly StepCall[]): string {
  const { id } = m;
  const sizesUsed = steps.some((s) => s.sizes.length > 0);
  const weightsUsed = steps.some((s) => s.arguments.some((a) => a.location.space === "weights"));
  const arenaUsed = steps.some((s) => s.arguments.some((a) => a.location.space === "arena"));
  const cases = steps
    .map((s, i) => {
      const args = s.arguments.map((a) => `(${a.writes ? "" : "const "}${cType(a.element)} *)(${place(a.location)})`).join(", ");
      return `    case ${i}: /* ${commentText(s.label)} (${commentText(s.op)}) */\n      if (parts > 0) ${s.kernel}(${[args, ...s.sizes.map((k) => `sizes[${k}]`), ...s.numbers.map(String)].filter((a) => a !== "").join(", ")}${s.stages > 0 ? ", stage, part, parts" : ""});\n      return ${s.stages};\n`;
    })
    .join("");
  return guardedSource(variant, `${id}_${variant.target.name}`, `#include "${id}_${variant.target.name}.h"
#include "${id}_steps.h"

/* The steps for ${variant.target.title}. */
int ${id}_step_${variant.target.name}(unsigned char *arena, const unsigned char *weights, ${sizesParameter(m)}int step, int stage, int part, int parts) {
${weightsUsed ? "" : "  (void)weights;\n"}${arenaUsed ? "" : "  (void)arena;\n"}${sizesUsed || m.sizes.length === 0 ? "" : "  (void)sizes;\n"}${steps.some((s) => s.stages > 0) ? "" : "  (void)stage;\n  (void)part;\n"}${steps.length > 0 ? "" : "  (void)parts;\n"}  switch (step) {
${cases}    default:
      return 0;
  }
}
`);
}

/** The best first; the one that runs everywhere last. */
export function dispatchSource(m: CModel, variants: readonly CTarget[]): string {
  const { id } = m;
  const guarded = (v: CTarget, text: string): string => (v.guard === undefined ? text : `#if ${v.guard}\n${text}#endif\n`);
  const best = [...variants].reverse();
  const detect = best
    .filter((v) => v.detect !== undefined)
    .map((v) => guarded(v, `static int has_${v.target.name}(void) {\n  __builtin_cpu_init();\n  return (${v.detect}) ? 1 : 0;\n}\n`))
    .join("");
  const rows = best.map((v) => guarded(v, `  {${stringLiteral(v.target.name)}, ${id}_step_${v.target.name}, ${v.detect === undefined ? "has_always" : `has_${v.target.name}`}},\n`)).join("");
  return `#include "${id}_steps.h"

#include <stddef.h>
#include <string.h>

static int has_always(void) {
  return 1;
}

${detect}
static const struct {
  const char *name;
  ${id}_step step;
  int (*has)(void);
} variants[] = {
${rows}};

#define VARIANTS (sizeof variants / sizeof *variants)

${id}_step ${id}_best_variant(void) {
  size_t i = 0;
  while (i + 1 < VARIANTS && !variants[i].has()) ++i;
  return variants[i].step;
}

${id}_step ${id}_find_variant(const char *name) {
  for (size_t i = 0; i < VARIANTS; ++i)
    if (strcmp(variants[i].name, name) == 0) return variants[i].has() ? variants[i].step : NULL;
  return NULL;
}

const char *${id}_variant_name(${id}_step step) {
  for (size_t i = 0; i < VARIANTS; ++i)
    if (variants[i].step == step) return variants[i].name;
  return "";
}
`;
}
