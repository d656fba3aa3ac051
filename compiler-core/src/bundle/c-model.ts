import { byteSize, type ElementType, elementTypes } from "../ir/element-type.ts";
import { elementCount } from "../ir/value-type.ts";
import { helperDefinitions } from "../backends/c/helpers.ts";
import { cFloat, cInteger, cType, isSmallFloat } from "../backends/c/types.ts";
import { isFloat } from "../ir/element-type.ts";
import { isBigArray, toNumbers, type Tensor } from "../ir/tensor.ts";
import type { Expression } from "../tensor/program.ts";
import { commentText, stringLiteral } from "./c-names.ts";
import { dimsText, hasSizes, type SizeInfo, sizeOptions, sizesDeclaration, sizesPrototypes, sizesSource } from "./c-sizes.ts";
import type { Location } from "./memory-plan.ts";
import { weightsVersion, type WeightsFile } from "./weights.ts";

/** Sources of a bundle other than the kernels: API, model, self-test, benchmark and example. */

export interface TensorInfo {
  readonly name: string;
  readonly element: ElementType;
  /** dims and bytes: at the largest sizes */
  readonly dims: readonly number[];
  readonly shape?: readonly Expression[];
  readonly bytes: number;
  readonly location: Location;
}

export interface StepCall {
  readonly label: string;
  readonly op: string;
  /** the C function and its arguments' places; `writes` says whether the kernel writes there */
  readonly kernel: string;
  /** stages that threads may share; 0: it runs as a whole */
  readonly stages: number;
  /** places of the sizes that it takes after its pointers, among the model's */
  readonly sizes: readonly number[];
  /** what it takes after those: numbers of this step's shapes, where the kernel is shared with steps of other shapes */
  readonly numbers: readonly number[];
  readonly arguments: readonly { readonly location: Location; readonly element: ElementType; readonly writes: boolean }[];
}

export interface CModel {
  /** the C identifier */
  readonly id: string;
  readonly modelName: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly steps: readonly StepCall[];
  /** bodies of loops and branches among the steps: see BodyRange */
  readonly bodies: readonly { readonly begin: number; readonly end: number; readonly flag: Location; readonly when: boolean; readonly repeats: boolean }[];
  /** given at run time */
  readonly sizes: readonly SizeInfo[];
  /** dimensions that must be at least 1 and are not for all sizes */
  readonly sizeLimits: readonly Expression[];
  readonly arenaBytes: number;
  readonly lowerBoundBytes: number;
  readonly weights: Pick<WeightsFile, "bytes" | "tableCrc32" | "tensors">;
}

/** Numbers of TensorProto.DataType. */
const typeCodes: Partial<Record<ElementType, number>> = { float16: 10, bfloat16: 16, float8e4m3fn: 17, float8e4m3fnuz: 18, float8e5m2: 19, float8e5m2fnuz: 20, float8e8m0: 24, float4e2m1: 23, uint4: 21, int4: 22, uint2: 25, int2: 26, float32: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, bool: 9, float64: 11, uint32: 12, uint64: 13 };

const upper = (id: string): string => id.toUpperCase();

/** The sizes among the parameters of a step function. */
export const sizesParameter = (m: Pick<CModel, "sizes">): string => (m.sizes.length > 0 ? "const ptrdiff_t *sizes, " : "");

export function headerSource(m: CModel): string {
  const { id } = m;
  const M = upper(id);
  const list = (tensors: readonly TensorInfo[]): string => tensors.map((t, i) => ` *   ${i}: ${commentText(t.name)}, ${t.element}[${dimsText(t)}], ${hasSizes(m) && t.shape ? "at most " : ""}${t.bytes} bytes`).join("\n");
  return `/*
 * ${commentText(m.modelName)}: a neural network as plain C99. No memory is allocated, no file is read, nothing global is
 * written: a context works on an arena and weights that the caller owns, and contexts are independent.
 *
 * Inputs:
${list(m.inputs)}
 * Outputs:
${list(m.outputs)}
 */
#ifndef ${M}_H
#define ${M}_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Memory for everything that is not a weight, as the planner placed it; no plan can be smaller than the bound. */
#define ${M}_ARENA_BYTES ${m.arenaBytes}u
#define ${M}_ARENA_LOWER_BOUND ${m.lowerBoundBytes}u
#define ${M}_ARENA_ALIGNMENT 64u
#define ${M}_WEIGHT_BYTES ${m.weights.bytes}u
#define ${M}_WEIGHT_ALIGNMENT 64u
#define ${M}_INPUTS ${m.inputs.length}
#define ${M}_OUTPUTS ${m.outputs.length}
#define ${M}_STEPS ${m.steps.length}

typedef enum {
  ${M}_OK = 0,
  ${M}_ERROR_NULL = 1,
  ${M}_ERROR_ARENA_SIZE = 2,
  ${M}_ERROR_ARENA_ALIGNMENT = 3,
  ${M}_ERROR_WEIGHT_SIZE = 4,
  ${M}_ERROR_WEIGHT_ALIGNMENT = 5,
  ${M}_ERROR_WEIGHT_MAGIC = 6,
  ${M}_ERROR_WEIGHT_VERSION = 7,
  ${M}_ERROR_WEIGHT_TABLE = 8,
  ${M}_ERROR_WEIGHT_CHECKSUM = 9,
  ${M}_ERROR_ENDIAN = 10,
  ${M}_ERROR_NOT_READY = 11,
  ${M}_ERROR_RANGE = 12,
  ${M}_STOPPED = 13,
  ${M}_ERROR_SELFTEST = 14,
  ${M}_ERROR_VARIANT = 15,
  ${M}_ERROR_THREADS = 16${hasSizes(m) ? `,
  ${M}_ERROR_SIZE = 17` : ""}
} ${id}_status;

/* Element types, numbered as in ONNX: 1 float32, 2 uint8, 3 int8, 4 uint16, 5 int16, 6 int32, 7 int64, 9 bool (a byte),
 * 11 float64, 12 uint32, 13 uint64. Dimensions are outermost first. */
typedef struct {
  const char *name;
  uint32_t dtype, rank;
  const int64_t *dims;
  size_t bytes;
} ${id}_tensor_info;

${sizesDeclaration(m)}/* Threads are the caller's: a function that calls task(data, 0) to task(data, parts - 1), each once, on any threads and in
 * any order, and returns when all have returned. ${id}_threads.h has one. */
typedef void (*${id}_task)(void *data, int part);
typedef void (*${id}_parallel_for)(void *user, int parts, ${id}_task task, void *data);

/* Its fields are private; it is defined here so that it can be static. */
typedef struct {
  unsigned char *arena;
  const unsigned char *weights;
  int (*step)(unsigned char *arena, const unsigned char *weights, ${sizesParameter(m)}int step, int stage, int part, int parts);
  ${id}_parallel_for parallel_for;
  void *parallel_user;
  int parts;
${hasSizes(m) ? `  ptrdiff_t sizes[${m.sizes.length}];
` : ""}  uint32_t ready;
} ${id}_context;

typedef struct {
  double largest_error;   /* over all outputs that were compared */
  double allowed_error;   /* of the output where the error is largest in proportion */
  int output;             /* that output */
  size_t element;         /* and the element in it */
  size_t compared;        /* elements */
} ${id}_report;

/* Called before (finished 0) and after (finished 1) each step; a result other than 0 stops the run. */
typedef int (*${id}_hook)(void *user, int step, const char *name, int finished);

size_t ${id}_context_bytes(void);
/* Checks sizes, alignment, format and checksums of what it is given. The weights must stay; they are only read. */
${id}_status ${id}_init(${id}_context *context, void *arena, size_t arena_bytes, const void *weights, size_t weight_bytes);
const ${id}_tensor_info *${id}_input_info(int i);   /* null when there is no such input */
const ${id}_tensor_info *${id}_output_info(int i);
/* Where to write an input before each run: ${m.bodies.length > 0 ? "it stays what it is" : "its memory is used for other values during the run"}. */
void *${id}_input(${id}_context *context, int i);
/* Where an output lies after a run, until the next one. */
const void *${id}_output(const ${id}_context *context, int i);
${sizesPrototypes(m)}${id}_status ${id}_run(${id}_context *context);
/* Runs the steps from, from + 1, ... to - 1 of ${M}_STEPS; the hook may be null.${m.bodies.length > 0 ? ` Steps of a branch that is not taken
 * are passed over; those of a loop run once a turn, and where its last step is in the range, until its turns are done. */` : " */"}
${id}_status ${id}_run_steps(${id}_context *context, int from, int to, ${id}_hook hook, void *user);
const char *${id}_step_name(int step);
/* Runs a built-in input and compares with the outputs of the compiler's reference evaluation. Uses the arena.${hasSizes(m) ? " One input\n * for each of several sizes; the last of them, the largest, stay set." : ""} */
${id}_status ${id}_selftest(${id}_context *context, ${id}_report *report);
const char *${id}_status_string(${id}_status status);
/* The instruction set whose code runs: the best that the machine has, chosen by ${id}_init; or another one by its name
 * ("portable", "avx2", "avx512", "neon"), for comparing. */
const char *${id}_variant(const ${id}_context *context);
${id}_status ${id}_use_variant(${id}_context *context, const char *name);
/* Large steps are divided into this many parts from now on; several for each thread make up for a thread that comes late.
 * The results have the same bits for every number. With 1, or without a function, all runs on the caller's thread, as at first. */
${id}_status ${id}_use_threads(${id}_context *context, int parts, ${id}_parallel_for parallel_for, void *user);

#ifdef __cplusplus
}
#endif

#endif
`;
}

export function modelSource(m: CModel): string {
  const { id } = m;
  const M = upper(id);
  const infos = (kind: "input" | "output", tensors: readonly TensorInfo[]): string => {
    const dims = tensors.map((t, i) => `static const int64_t ${kind}_${i}_dims[] = {${t.dims.length === 0 ? "1" : t.dims.join(", ")}};\n`).join("");
    const rows = tensors.map((t, i) => `  {${stringLiteral(t.name)}, ${typeCodes[t.element]}u, ${t.dims.length}u, ${kind}_${i}_dims, ${t.bytes}u},\n`).join("");
    return tensors.length === 0 ? "" : `${dims}static const ${id}_tensor_info ${kind}_infos[] = {\n${rows}};\n`;
  };
  const pointerCases = (tensors: readonly TensorInfo[]): string =>
    tensors.map((t, i) => `    case ${i}: return ${t.location.space === "arena" ? "context->arena" : "context->weights"} + ${t.location.offset};\n`).join("");
  return `#include "${id}.h"
#include "${id}_steps.h"

#include <string.h>

${infos("input", m.inputs)}${infos("output", m.outputs)}
${
  m.steps.length === 0 ? "" : `static const char *const step_names[] = {\n${m.steps.map((s) => `  ${stringLiteral(s.label)},\n`).join("")}};\n`
}
#define READY 0x47577279u

static uint32_t read_u32(const unsigned char *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* CRC-32 by four bytes at a time; the tables are made on the stack. */
typedef struct {
  uint32_t t[4][256];
} crc_tables;

static void make_tables(crc_tables *tables) {
  for (uint32_t n = 0; n < 256; ++n) {
    uint32_t c = n;
    for (int k = 0; k < 8; ++k) c = (c & 1u) ? 0xedb88320u ^ (c >> 1) : c >> 1;
    tables->t[0][n] = c;
  }
  for (uint32_t n = 0; n < 256; ++n)
    for (int k = 1; k < 4; ++k) tables->t[k][n] = tables->t[0][tables->t[k - 1][n] & 0xffu] ^ (tables->t[k - 1][n] >> 8);
}

static uint32_t crc32_of(const crc_tables *tables, const unsigned char *p, size_t bytes) {
  uint32_t c = 0xffffffffu;
  for (; bytes >= 4; bytes -= 4, p += 4) {
    c ^= read_u32(p);
    c = tables->t[3][c & 0xffu] ^ tables->t[2][(c >> 8) & 0xffu] ^ tables->t[1][(c >> 16) & 0xffu] ^ tables->t[0][c >> 24];
  }
  for (; bytes > 0; --bytes, ++p) c = tables->t[0][(c ^ *p) & 0xffu] ^ (c >> 8);
  return ~c;
}

size_t ${id}_context_bytes(void) {
  return sizeof(${id}_context);
}

${id}_status ${id}_init(${id}_context *context, void *arena, size_t arena_bytes, const void *weights, size_t weight_bytes) {
  const unsigned char *w = (const unsigned char *)weights;
  const uint16_t one = 1;
  crc_tables tables;
  if (context == NULL) return ${M}_ERROR_NULL;
  context->ready = 0;
  if (arena == NULL || weights == NULL) return ${M}_ERROR_NULL;
  /* The weights are stored with the least significant byte first and used as they are. */
  if (*(const unsigned char *)&one != 1) return ${M}_ERROR_ENDIAN;
  if (arena_bytes < ${M}_ARENA_BYTES) return ${M}_ERROR_ARENA_SIZE;
  if ((uintptr_t)arena % ${M}_ARENA_ALIGNMENT != 0) return ${M}_ERROR_ARENA_ALIGNMENT;
  if (weight_bytes != ${M}_WEIGHT_BYTES) return ${M}_ERROR_WEIGHT_SIZE;
  if ((uintptr_t)weights % ${M}_WEIGHT_ALIGNMENT != 0) return ${M}_ERROR_WEIGHT_ALIGNMENT;
  if (memcmp(w, "GWWEIGHT", 8) != 0) return ${M}_ERROR_WEIGHT_MAGIC;
  if (read_u32(w + 8) != ${weightsVersion}u) return ${M}_ERROR_WEIGHT_VERSION;
  make_tables(&tables);
  /* The table's checksum is part of this code: other weights, even sound ones, are refused. */
  if (read_u32(w + 12) != ${m.weights.tensors.length}u || read_u32(w + 24) != 0x${m.weights.tableCrc32.toString(16).padStart(8, "0")}u ||
      crc32_of(&tables, w + 64, (size_t)${m.weights.tensors.length} * 24) != 0x${m.weights.tableCrc32.toString(16).padStart(8, "0")}u)
    return ${M}_ERROR_WEIGHT_TABLE;
${m.weights.tensors.length === 0 ? "" : `  for (uint32_t i = 0; i < ${m.weights.tensors.length}u; ++i) {
    const unsigned char *entry = w + 64 + (size_t)i * 24;
    /* Sizes above 4 GB need the upper halves. */
    const uint64_t offset = read_u32(entry) | (uint64_t)read_u32(entry + 4) << 32;
    const uint64_t bytes = read_u32(entry + 8) | (uint64_t)read_u32(entry + 12) << 32;
    if (crc32_of(&tables, w + (size_t)offset, (size_t)bytes) != read_u32(entry + 16)) return ${M}_ERROR_WEIGHT_CHECKSUM;
  }
`}  context->arena = (unsigned char *)arena;
  context->weights = w;
  context->step = ${id}_best_variant();
  context->parallel_for = NULL;
  context->parallel_user = NULL;
  context->parts = 1;
${m.sizes.map((s, i) => `  context->sizes[${i}] = ${s.variable.max};\n`).join("")}  context->ready = READY;
  return ${M}_OK;
}

const ${id}_tensor_info *${id}_input_info(int i) {
  ${m.inputs.length === 0 ? "(void)i;\n  return NULL;" : `return i >= 0 && i < ${M}_INPUTS ? &input_infos[i] : NULL;`}
}

const ${id}_tensor_info *${id}_output_info(int i) {
  return i >= 0 && i < ${M}_OUTPUTS ? &output_infos[i] : NULL;
}

void *${id}_input(${id}_context *context, int i) {
  if (context == NULL || context->ready != READY) return NULL;
  switch (i) {
${pointerCases(m.inputs)}    default: return NULL;
  }
}

const void *${id}_output(const ${id}_context *context, int i) {
  if (context == NULL || context->ready != READY) return NULL;
  switch (i) {
${pointerCases(m.outputs)}    default: return NULL;
  }
}

const char *${id}_variant(const ${id}_context *context) {
  return context == NULL || context->ready != READY ? "" : ${id}_variant_name(context->step);
}

${id}_status ${id}_use_variant(${id}_context *context, const char *name) {
  ${id}_step found;
  if (context == NULL || name == NULL) return ${M}_ERROR_NULL;
  if (context->ready != READY) return ${M}_ERROR_NOT_READY;
  found = ${id}_find_variant(name);
  if (found == NULL) return ${M}_ERROR_VARIANT;
  context->step = found;
  return ${M}_OK;
}

${id}_status ${id}_use_threads(${id}_context *context, int parts, ${id}_parallel_for parallel_for, void *user) {
  if (context == NULL) return ${M}_ERROR_NULL;
  if (context->ready != READY) return ${M}_ERROR_NOT_READY;
  if (parts < 1 || parts > 1024) return ${M}_ERROR_THREADS;
  context->parts = parallel_for == NULL ? 1 : parts;
  context->parallel_for = parallel_for;
  context->parallel_user = user;
  return ${M}_OK;
}

${sizesSource(m)}typedef struct {
  const ${id}_context *context;
  int step, stage;
} shared_stage;

static void run_part(void *data, int part) {
  const shared_stage *s = (const shared_stage *)data;
  (void)s->context->step(s->context->arena, s->context->weights, ${hasSizes(m) ? "s->context->sizes, " : ""}s->step, s->stage, part, s->context->parts);
}

static void run_step(const ${id}_context *context, int step) {
  const int shared = context->parts > 1;
  const int stages = context->step(context->arena, context->weights, ${hasSizes(m) ? "context->sizes, " : ""}step, 0, 0, shared ? 0 : 1);
  if (!shared)
    for (int stage = 1; stage < stages; ++stage) (void)context->step(context->arena, context->weights, ${hasSizes(m) ? "context->sizes, " : ""}step, stage, 0, 1);
  else if (stages == 0) (void)context->step(context->arena, context->weights, ${hasSizes(m) ? "context->sizes, " : ""}step, 0, 0, 1);
  else {
    shared_stage s;
    s.context = context;
    s.step = step;
    for (s.stage = 0; s.stage < stages; ++s.stage) context->parallel_for(context->parallel_user, context->parts, run_part, &s);
  }
}

${bodiesSource(m)}${id}_status ${id}_run_steps(${id}_context *context, int from, int to, ${id}_hook hook, void *user) {
  if (context == NULL) return ${M}_ERROR_NULL;
  if (context->ready != READY) return ${M}_ERROR_NOT_READY;
  if (from < 0 || to > ${M}_STEPS || from > to) return ${M}_ERROR_RANGE;
${m.bodies.length > 0 ? `  for (int step = entered(context, from); step < to; step = entered(context, followed(context, step))) {` : `  for (int step = from; step < to; ++step) {`}
    if (hook != NULL && hook(user, step, ${id}_step_name(step), 0) != 0) return ${M}_STOPPED;
    run_step(context, step);
    if (hook != NULL && hook(user, step, ${id}_step_name(step), 1) != 0) return ${M}_STOPPED;
  }
  return ${M}_OK;
}

${id}_status ${id}_run(${id}_context *context) {
  return ${id}_run_steps(context, 0, ${M}_STEPS, NULL, NULL);
}

const char *${id}_step_name(int step) {
  ${m.steps.length === 0 ? '(void)step;\n  return "";' : `return step >= 0 && step < ${M}_STEPS ? step_names[step] : "";`}
}

const char *${id}_status_string(${id}_status status) {
  switch (status) {
    case ${M}_OK: return "done";
    case ${M}_ERROR_NULL: return "a pointer is null";
    case ${M}_ERROR_ARENA_SIZE: return "the arena is smaller than ${M}_ARENA_BYTES";
    case ${M}_ERROR_ARENA_ALIGNMENT: return "the arena is not aligned to ${M}_ARENA_ALIGNMENT bytes";
    case ${M}_ERROR_WEIGHT_SIZE: return "the weights are not ${M}_WEIGHT_BYTES bytes long: the file is cut short, or of another model";
    case ${M}_ERROR_WEIGHT_ALIGNMENT: return "the weights are not aligned to ${M}_WEIGHT_ALIGNMENT bytes";
    case ${M}_ERROR_WEIGHT_MAGIC: return "these are no weights of a Graphwright bundle";
    case ${M}_ERROR_WEIGHT_VERSION: return "the weights are in another version of the format";
    case ${M}_ERROR_WEIGHT_TABLE: return "the weights belong to another build of the model, or their table is damaged";
    case ${M}_ERROR_WEIGHT_CHECKSUM: return "the weights are damaged: a checksum does not fit";
    case ${M}_ERROR_ENDIAN: return "the weights are little-endian, and this machine is not";
    case ${M}_ERROR_NOT_READY: return "the context is not initialized";
    case ${M}_ERROR_RANGE: return "there are no such steps";
    case ${M}_STOPPED: return "the hook stopped the run";
    case ${M}_ERROR_VARIANT: return "this build or this machine does not have these instructions";
    case ${M}_ERROR_THREADS: return "the number of parts or threads is below 1 or above 1024, or this build has no threads";
${hasSizes(m) ? `    case ${M}_ERROR_SIZE: return "a size is below 1, above its bound, or too small for the model";\n` : ""}    case ${M}_ERROR_SELFTEST: return "an output differs from the reference by more than is allowed";
  }
  return "unknown status";
}
`;
}

/** Which step comes next, where branches and loops decide it. */
function bodiesSource(m: CModel): string {
  if (m.bodies.length === 0) return "";
  return `/* Bodies of branches and loops: the steps from begin to end (excluded) run when the flag, a byte, is \`when\`; those of a loop
 * again and again. Outer bodies come first. */
static const struct {
  int begin, end;
  size_t flag;
  unsigned char weight, when, repeats;
} bodies[] = {
${m.bodies.map((b) => `  {${b.begin}, ${b.end}, ${b.flag.offset}u, ${b.flag.space === "weights" ? 1 : 0}, ${b.when ? 1 : 0}, ${b.repeats ? 1 : 0}},\n`).join("")}};

static int runs(const ${m.id}_context *context, size_t body) {
  const unsigned char *const flag = (bodies[body].weight ? context->weights : context->arena) + bodies[body].flag;
  return (*flag != 0) == bodies[body].when;
}

/* The step, or the first behind the bodies around it that do not run. */
static int entered(const ${m.id}_context *context, int step) {
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies && bodies[i].begin <= step; ++i)
    if (step < bodies[i].end && !runs(context, i)) step = bodies[i].end;
  return step;
}

/* What comes after a step: the next one, or the first of a loop whose turn it ends. */
static int followed(const ${m.id}_context *context, int step) {
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies && bodies[i].begin <= step; ++i)
    if (bodies[i].repeats && bodies[i].end == step + 1 && runs(context, i)) return bodies[i].begin;
  return step + 1;
}

`;
}

/** Elements of each output that the built-in self-test compares, evenly spread over it. */
export const selftestSamples = 1000;

/** One built-in run: what it reads and gives, at sizes of its own where the model has some. */
export interface SelftestCase {
  readonly sizes: readonly number[];
  readonly inputs: readonly Pick<TensorInfo, "element" | "dims">[];
  readonly outputs: readonly { readonly expected: Tensor; readonly allowed: number }[];
}

export interface SelftestData {
  readonly seed: number;
  /** integer inputs are drawn from 0 to this minus 1 */
  readonly integerRange: number;
  readonly cases: readonly SelftestCase[];
}

/** How far two 64-bit integers are apart, as a double that is 0 only where they are equal. */
const distanceOf = (a: string, b: string): string => `${a} > ${b} ? (double)((uint64_t)${a} - (uint64_t)${b}) : (double)((uint64_t)${b} - (uint64_t)${a})`;

const sampleStride = (count: number): number => Math.max(1, Math.ceil(count / selftestSamples));

const smallId = (element: ElementType): string => element.replace("bfloat", "bf").replace("float", "f");

/** Functions between floats and the small floats among the elements. */
function conversions(elements: readonly ElementType[]): string {
  const names = new Set(elements.filter(isSmallFloat).flatMap((e) => [`gw_from_${smallId(e)}`, `gw_to_${smallId(e)}`]));
  const text = helperDefinitions(names);
  return text.length > 0 ? `${text.join("\n")}\n\n` : "";
}

export function selftestSource(m: CModel, data: SelftestData): string {
  const { id } = m;
  const M = upper(id);
  const tables = (outputs: SelftestCase["outputs"], prefix: string): string => outputs
    .map(({ expected }, i) => {
      if (elementCount(expected.dims) === 0) return "";
      const numbers = toNumbers(expected);
      const type = isSmallFloat(expected.element) || expected.element === "float4e2m1" ? "float32" : isFloat(expected.element) || expected.element === "uint64" ? expected.element : "int64";
      const picked: string[] = [];
      const stride = sampleStride(numbers.length);
      for (let at = 0; at < numbers.length; at += stride)
        picked.push(isFloat(expected.element) ? cFloat(numbers[at] as number, type as "float32" | "float64") : cInteger(isBigArray(expected.data) ? expected.data[at]! : Number(numbers[at]), type as "int64" | "uint64"));
      const rows: string[] = [];
      for (let at = 0; at < picked.length; at += 8) rows.push(`  ${picked.slice(at, at + 8).join(", ")},\n`);
      return `static const ${cType(type as ElementType)} expected_${prefix}${i}[] = {\n${rows.join("")}};\n`;
    })
    .join("");
  const fills = (inputs: SelftestCase["inputs"]): string => inputs
    .map((t, i) => {
      const count = elementCount(t.dims);
      if (count === 0) return "";
      if (isPacked(t.element)) {
        const { bits, kind } = elementTypes[t.element];
        const value = kind === "float" ? "(next_u32(&state) & 1u) << 1" : `next_u32(&state) % ${data.integerRange}u & ${2 ** bits - 1}u`;
        return `  {
    uint8_t *x = (uint8_t *)${id}_input(context, ${i});
    memset(x, 0, ${byteSize(t.element, count)}u);
    for (size_t i = 0; i < ${count}u; ++i) x[i / ${8 / bits}u] |= (uint8_t)((${value}) << ${bits}u * (i % ${8 / bits}u));
  }
`;
      }
      const value =
        isSmallFloat(t.element)
          ? `gw_to_${smallId(t.element)}((float)((double)(next_u32(&state) >> 8) * (1.0 / 8388608.0) - 1.0))`
          : t.element === "float32" || t.element === "float64"
          ? `(${cType(t.element)})((double)(next_u32(&state) >> 8) * (1.0 / 8388608.0) - 1.0)`
          : t.element === "bool"
            ? "(uint8_t)(next_u32(&state) & 1u)"
            : `(${cType(t.element)})(next_u32(&state) % ${data.integerRange}u)`;
      return `  {
    ${cType(t.element)} *x = (${cType(t.element)} *)${id}_input(context, ${i});
    for (size_t i = 0; i < ${count}u; ++i) x[i] = ${value};
  }
`;
    })
    .join("");
  const checks = (outputs: SelftestCase["outputs"], prefix: string): string => outputs
    .map(({ expected, allowed }, i) => {
      const count = elementCount(expected.dims);
      if (count === 0) return "";
      const type = isPacked(expected.element) ? "uint8_t" : cType(expected.element);
      // As doubles, 64-bit integers beyond 2^53 would be equal to others.
      const wide = expected.element === "int64" || expected.element === "uint64";
      const want = `expected_${prefix}${i}[i / ${sampleStride(count)}u]`;
      const measure = wide
        ? `      const ${type} got = y[i], want = ${want};
      const double measured = ${distanceOf("got", "want")};
`
        : `      const double got = ${isPacked(expected.element) ? packedElement(expected.element, "y", "i") : `(double)${isSmallFloat(expected.element) ? `gw_from_${smallId(expected.element)}(y[i])` : "y[i]"}`};
      const double want = (double)${want};
      const double error = got == want || (got != got && want != want) ? 0.0 : got > want ? got - want : want - got;
      /* Not-a-number against a number is an error beyond every bound. */
      const double measured = error == error ? error : HUGE_VAL;
`;
      return `  {
    const ${type} *y = (const ${type} *)${id}_output(context, ${i});
    for (size_t i = 0; i < ${count}u; i += ${sampleStride(count)}u) {
${measure}      if (measured > ${cFloat(allowed, "float64")}) failed = 1;
      if (measured > report->largest_error || report->compared == 0) {
        report->largest_error = measured;
        report->allowed_error = ${cFloat(allowed, "float64")};
        report->output = ${i};
        report->element = i;
      }
      ++report->compared;
    }
  }
`;
    })
    .join("");
  const only = data.cases[0]!;
  const [filled, checked] = [fills(only.inputs), checks(only.outputs, "")];
  const sized = data.cases
    .map((c, i) => `  state = ${data.seed}u;
${m.sizes.map((z, k) => `  sizes.${z.variable.name} = ${c.sizes[k]};\n`).join("")}  status = ${id}_resize(context, &sizes);
  if (status != ${M}_OK) return status;
  ${fills(c.inputs) === "" ? "(void)next_u32(&state);\n" : fills(c.inputs).trimStart()}  status = ${id}_run(context);
  if (status != ${M}_OK) return status;
${checks(c.outputs, `${i}_`)}`)
    .join("");
  return `#include "${id}.h"

#include <math.h>
${data.cases.some((c) => c.inputs.some((t) => isPacked(t.element))) ? "#include <string.h>\n" : ""}
${conversions([...m.inputs.map((t) => t.element), ...data.cases[0]!.outputs.map((o) => o.expected.element)])}/* Expected outputs for the inputs that the generator below makes: every n-th element of each output. */
${hasSizes(m) ? data.cases.map((c, i) => tables(c.outputs, `${i}_`)).join("") : tables(only.outputs, "")}
/* SplitMix32: the same numbers on every machine. */
static uint32_t next_u32(uint32_t *state) {
  uint32_t z = *state += 0x9e3779b9u;
  z = (z ^ (z >> 16)) * 0x21f0aaadu;
  z = (z ^ (z >> 15)) * 0x735a2d97u;
  return z ^ (z >> 15);
}

${id}_status ${id}_selftest(${id}_context *context, ${id}_report *report) {
  uint32_t state = ${data.seed}u;
  int failed = 0;
  ${id}_status status;
${hasSizes(m) ? `  ${id}_sizes sizes;\n` : ""}  if (context == NULL || report == NULL) return ${M}_ERROR_NULL;
  if (${id}_output(context, 0) == NULL) return ${M}_ERROR_NOT_READY;
  report->largest_error = 0;
  report->allowed_error = 0;
  report->output = 0;
  report->element = 0;
  report->compared = 0;
${hasSizes(m) ? `${sized}${data.cases.every((c) => checks(c.outputs, "") === "") ? "  (void)failed;\n" : ""}` : `  ${filled === "" ? "(void)next_u32(&state);\n" : filled.trimStart()}  status = ${id}_run(context);
  if (status != ${M}_OK) return status;
${checked === "" ? "  (void)failed;\n" : checked}`}  return failed ? ${M}_ERROR_SELFTEST : ${M}_OK;
}
`;
}

/** Finding and loading files beside the program, shared by the programs of the bundle. */
export function filesSource(m: CModel): string {
  const { id } = m;
  const M = upper(id);
  return `/* Files and memory for the programs of this bundle; the library itself needs neither. */
#include "${id}.h"
#include "${id}_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The path of a file beside the program, or in the directory given. */
static char *path_beside(const char *program, const char *file) {
  const char *slash = strrchr(program, '/');
#ifdef _WIN32
  const char *back = strrchr(program, '\\\\');
  if (back != NULL && (slash == NULL || back > slash)) slash = back;
#endif
  const size_t stem = slash == NULL ? 0 : (size_t)(slash - program) + 1;
  char *path = (char *)malloc(stem + strlen(file) + 1);
  if (path == NULL) return NULL;
  memcpy(path, program, stem);
  strcpy(path + stem, file);
  return path;
}

/* Memory that is given back when the program ends. */
typedef struct kept {
  struct kept *next;
  void *memory;
} kept;
static kept *all_kept;

static void release(void) {
  while (all_kept != NULL) {
    kept *const next = all_kept->next;
    ${id}_memory_give(all_kept->memory);
    free(all_kept);
    all_kept = next;
  }
}

static void *aligned(size_t bytes) {
  kept *const head = (kept *)malloc(sizeof *head);
  if (head == NULL) return NULL;
  if (all_kept == NULL) atexit(release);
  head->memory = ${id}_memory_take(bytes);
  head->next = all_kept;
  all_kept = head;
  return head->memory;
}

/* Reads a whole file to a multiple of 64; null, and a message, when that is not possible. */
static void *read_file(const char *path, size_t *bytes) {
  FILE *f = fopen(path, "rb");
  void *data = NULL;
  long size = -1;
  if (f != NULL && fseek(f, 0, SEEK_END) == 0) size = ftell(f);
  if (size >= 0 && fseek(f, 0, SEEK_SET) == 0) data = aligned((size_t)size);
  if (data != NULL && fread(data, 1, (size_t)size, f) != (size_t)size) data = NULL;
  if (f != NULL) fclose(f);
  if (data == NULL) fprintf(stderr, "cannot read %s\\n", path);
  *bytes = size < 0 ? 0 : (size_t)size;
  return data;
}

/* Loads the weights and prepares a context; 0 when that failed (the reason is printed). */
static int open_model(const char *program, ${id}_context *context) {
  size_t bytes = 0;
  char *path = path_beside(program, "weights/${id}.bin");
  void *weights = path == NULL ? NULL : read_file(path, &bytes);
  void *arena = aligned(${M}_ARENA_BYTES);
  ${id}_status status;
  free(path);
  if (weights == NULL) return 0;
  if (arena == NULL) {
    fprintf(stderr, "no memory for the arena of %.0f bytes\\n", (double)${M}_ARENA_BYTES);
    return 0;
  }
  status = ${id}_init(context, arena, ${M}_ARENA_BYTES, weights, bytes);
  if (status != ${M}_OK) fprintf(stderr, "%s\\n", ${id}_status_string(status));
  return status == ${M}_OK;
}
`;
}

/** An element that shares its byte with others, as an expression in C. */
function packedElement(element: ElementType, data: string, i: string): string {
  const { bits, kind } = elementTypes[element];
  const field = `(${data}[${i} / ${8 / bits}u] >> ${bits}u * (${i} % ${8 / bits}u) & ${2 ** bits - 1}u)`;
  if (kind === "float") return `(${field} & 8u ? -0.5 : 0.5) * (double)"\\0\\1\\2\\3\\4\\6\\10\\14"[${field} & 7u]`;
  return kind === "int" ? `(double)((int)(${field} ^ ${2 ** (bits - 1)}u) - ${2 ** (bits - 1)})` : `(double)${field}`;
}

const isPacked = (element: ElementType): boolean => elementTypes[element].bits < 8 && elementTypes[element].bits > 0;

/** An element of any type as a number. */
function elementSource(m: CModel): string {
  const bytes = [...new Set(m.outputs.map((t) => t.element))].filter((e) => e.startsWith("float8"));
  return `${bytes.length > 0 ? "#include <math.h>\n\n" : ""}${helperDefinitions(new Set(["gw_from_f16", "gw_from_bf16", ...bytes.map((e) => `gw_from_${smallId(e)}`)])).join("\n")}

static double element(const void *data, uint32_t dtype, size_t i) {
  switch (dtype) {
    case 1: return (double)((const float *)data)[i];
    case 10: return (double)gw_from_f16(((const uint16_t *)data)[i]);
    case 16: return (double)gw_from_bf16(((const uint16_t *)data)[i]);
${bytes.map((e) => `    case ${typeCodes[e]}: return (double)gw_from_${smallId(e)}(((const uint8_t *)data)[i]);\n`).join("")}${(["uint4", "int4", "float4e2m1", "uint2", "int2"] as const).map((e) => `    case ${typeCodes[e]}: return ${packedElement(e, "((const uint8_t *)data)", "i")};\n`).join("")}    case 2: case 9: return (double)((const uint8_t *)data)[i];
    case 3: return (double)((const int8_t *)data)[i];
    case 4: return (double)((const uint16_t *)data)[i];
    case 5: return (double)((const int16_t *)data)[i];
    case 6: return (double)((const int32_t *)data)[i];
    case 7: return (double)((const int64_t *)data)[i];
    case 11: return ((const double *)data)[i];
    case 12: return (double)((const uint32_t *)data)[i];
    default: return (double)((const uint64_t *)data)[i];
  }
}`;
}

const rankOf = (m: CModel): number => Math.max(1, ...[...m.inputs, ...m.outputs].map((t) => t.dims.length));

/** Sizes beyond the bounds must be refused, and leave the context as it was. */
const refusals = (m: CModel): string => `  {
    ${m.id}_sizes sizes, kept_sizes;
    int refused = 1;
${m.sizes.flatMap((z) => ["0", `${z.variable.max! + 1}`].map((n) => `    (void)${m.id}_get_sizes(&context, &sizes);
    kept_sizes = sizes;
    sizes.${z.variable.name} = ${n};
    if (${m.id}_resize(&context, &sizes) != ${upper(m.id)}_ERROR_SIZE || ${m.id}_get_sizes(&context, &sizes) != ${upper(m.id)}_OK || sizes.${z.variable.name} != kept_sizes.${z.variable.name}) refused = 0;
`)).join("")}    printf("sizes beyond the bounds: %s\\n", refused ? "refused" : "taken  FAILED");
    if (!refused) failed = 1;
  }
`;

export function selftestMain(m: CModel, vectorSets: number, allowed: readonly number[], setSizes: readonly (readonly number[])[] = []): string {
  const { id } = m;
  const M = upper(id);
  return `/* Compares this build with the reference outputs, element by element; exits with 0 when every one agrees. */
#include "files.h"
#include "${id}_threads.h"

${elementSource(m)}

static size_t element_bits(uint32_t dtype) {
  switch (dtype) {
    case 25: case 26: return 2;
    case 21: case 22: case 23: return 4;
    case 2: case 3: case 9: case 17: case 18: case 19: case 20: case 24: return 8;
    case 4: case 5: case 10: case 16: return 16;
    case 1: case 6: case 12: return 32;
    default: return 64;
  }
}

/* How far elements of two tensors are apart; 64-bit integers as they are, since doubles hold them up to 2^53 only. */
static double distance(const void *got, const void *want, uint32_t dtype, size_t i) {
  double a, b, difference;
  if (dtype == 7) {
    const int64_t x = ((const int64_t *)got)[i], y = ((const int64_t *)want)[i];
    return ${distanceOf("x", "y")};
  }
  if (dtype == 13) {
    const uint64_t x = ((const uint64_t *)got)[i], y = ((const uint64_t *)want)[i];
    return ${distanceOf("x", "y")};
  }
  a = element(got, dtype, i);
  b = element(want, dtype, i);
  difference = a == b || (a != a && b != b) ? 0.0 : a > b ? a - b : b - a;
  return difference == difference ? difference : 1e308;
}

static const double allowed[] = {${allowed.map((a) => cFloat(a, "float64")).join(", ")}};
${hasSizes(m) ? `\n/* The sizes of each set of vectors. */\nstatic const int64_t set_sizes[][${m.sizes.length}] = {${setSizes.map((z) => `{${z.join(", ")}}`).join(", ")}};\n` : ""}
/* Are the outputs of the built-in input on this many threads those of one thread, bit by bit? -1: there are no threads. */
static int same_bits(${id}_context *context, int threads) {
  ${id}_report report;
  ${id}_pool *const pool = ${id}_pool_open(threads);
  unsigned char *kept_outputs;
  size_t bytes = 0;
  int same = 1;
  if (pool == NULL) return -1;
  for (int i = 0; i < ${M}_OUTPUTS; ++i) bytes += ${id}_output_info(i)->bytes;
  kept_outputs = (unsigned char *)aligned(bytes);
  if (kept_outputs == NULL) same = 0;
  for (int shared = 0; shared < 2 && same; ++shared) {
    size_t at = 0;
    (void)${id}_use_threads(context, shared ? threads : 1, ${id}_pool_for, pool);
    if (${id}_selftest(context, &report) != ${M}_OK) same = 0;
    for (int i = 0; i < ${M}_OUTPUTS; ++i) {
      const size_t n = ${id}_output_info(i)->bytes;
      if (!shared) memcpy(kept_outputs + at, ${id}_output(context, i), n);
      else if (memcmp(kept_outputs + at, ${id}_output(context, i), n) != 0) same = 0;
      at += n;
    }
  }
  (void)${id}_use_threads(context, 1, NULL, NULL);
  ${id}_pool_close(pool);
  return same;
}

int main(int argc, char **argv) {
  ${id}_context context;
  ${id}_report report;
  ${id}_status status;
  static const char *const names[] = {"portable", "avx2", "avx512", "neon"};
  const char *chosen;
  double largest = 0;
  int failed = 0;
  (void)argc;
  if (!open_model(argv[0], &context)) return 2;

  status = ${id}_selftest(&context, &report);
  if (status != ${M}_OK && status != ${M}_ERROR_SELFTEST) {
    fprintf(stderr, "%s\\n", ${id}_status_string(status));
    return 2;
  }
  printf("built-in input, code for %s: %lu elements, largest error %.3g (allowed %.3g)%s\\n", ${id}_variant(&context), (unsigned long)report.compared, report.largest_error,
         report.allowed_error, status == ${M}_OK ? "" : "  FAILED");
  if (status != ${M}_OK) failed = 1;
  largest = report.largest_error;
  chosen = ${id}_variant(&context);
  for (size_t v = 0; v < sizeof names / sizeof *names; ++v) {
    if (strcmp(names[v], chosen) == 0 || ${id}_use_variant(&context, names[v]) != ${M}_OK) continue;
    status = ${id}_selftest(&context, &report);
    printf("the same by the code for %s: largest error %.3g%s\\n", names[v], report.largest_error, status == ${M}_OK ? "" : "  FAILED");
    if (status != ${M}_OK) failed = 1;
    if (report.largest_error > largest) largest = report.largest_error;
  }
  (void)${id}_use_variant(&context, chosen);
  for (int threads = 2; threads <= 3; ++threads) {
    const int same = same_bits(&context, threads);
    if (same < 0) printf("on %d threads: not tried, this build has no threads\\n", threads);
    else printf("on %d threads: %s\\n", threads, same ? "the same bits" : "other bits than on one  FAILED");
    if (same == 0) failed = 1;
  }

  for (int set = 0; set < ${vectorSets}; ++set) {
    double worst = 0;
${hasSizes(m) ? `    ${id}_sizes sizes;\n    int64_t dims[${rankOf(m)}];\n${m.sizes.map((z, k) => `    sizes.${z.variable.name} = set_sizes[set][${k}];\n`).join("")}    status = ${id}_resize(&context, &sizes);
    if (status != ${M}_OK) {
      fprintf(stderr, "vectors %d: %s\\n", set, ${id}_status_string(status));
      return 2;
    }
` : ""}    for (int i = 0; i < ${M}_INPUTS; ++i) {
      char name[64];
      size_t bytes = 0;
      char *path;
      void *data;
      sprintf(name, "test/vectors/set_%d/input_%d.bin", set, i);
      path = path_beside(argv[0], name);
      data = path == NULL ? NULL : read_file(path, &bytes);
      free(path);
      if (data == NULL || bytes != ${hasSizes(m) ? `${id}_input_shape(&context, i, dims)` : `${id}_input_info(i)->bytes`}) return 2;
      memcpy(${id}_input(&context, i), data, bytes);
    }
    status = ${id}_run(&context);
    if (status != ${M}_OK) {
      fprintf(stderr, "%s\\n", ${id}_status_string(status));
      return 2;
    }
    for (int i = 0; i < ${M}_OUTPUTS; ++i) {
      const ${id}_tensor_info *info = ${id}_output_info(i);
      const size_t count = ${hasSizes(m) ? `${id}_output_shape(&context, i, dims)` : "info->bytes"} * 8u / element_bits(info->dtype);
      char name[64];
      size_t bytes = 0;
      char *path;
      void *want;
      sprintf(name, "test/vectors/set_%d/expected_%d.bin", set, i);
      path = path_beside(argv[0], name);
      want = path == NULL ? NULL : read_file(path, &bytes);
      free(path);
      if (want == NULL || bytes != ${hasSizes(m) ? "count * element_bits(info->dtype) / 8u" : "info->bytes"}) return 2;
      for (size_t at = 0; at < count; ++at) {
        const double error = distance(${id}_output(&context, i), want, info->dtype, at);
        if (error > worst) worst = error;
        if (error > allowed[i]) failed = 1;
      }
    }
    printf("vectors %d${m.sizes.map((z) => `${z === m.sizes[0] ? " (" : ", "}${z.variable.name} = %ld`).join("")}${hasSizes(m) ? ")" : ""}: largest error %.3g\\n", set, ${m.sizes.map((z) => `(long)sizes.${z.variable.name}, `).join("")}worst);
    if (worst > largest) largest = worst;
  }
${hasSizes(m) ? refusals(m) : ""}  printf("%s: largest error %.3g\\n", failed ? "FAILED" : "passed", largest);
  return failed;
}
`;
}

export function benchMain(m: CModel): string {
  const { id } = m;
  const M = upper(id);
  return `/*
 * Measures the time of a run: ./bench [--threads N] [--runs N] [--variant NAME]${m.sizes.map((z) => ` [--size ${z.variable.name}=${z.variable.max}]`).join("")} prints one JSON line.
 * ./bench --profile [--runs N] prints JSON with the median time of each step.
 */
#define _POSIX_C_SOURCE 199309L
#include "test/files.h"
#include "${id}_threads.h"

#include <time.h>${hasSizes(m) ? `\n${sizeOptions(m).trimEnd()}` : ""}

static double now_ms(void) {
#ifdef CLOCK_MONOTONIC
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
#else
  return (double)clock() * 1e3 / CLOCKS_PER_SEC;
#endif
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Times of each step, run after run; of a step that runs several times in a run, all of them together. */
typedef struct {
  double *times;
  double began;
  int run, runs;
} profile;

static int note(void *user, int step, const char *name, int finished) {
  profile *p = (profile *)user;
  (void)name;
  if (!finished) p->began = now_ms();
  else p->times[(size_t)step * (size_t)p->runs + (size_t)p->run] += now_ms() - p->began;
  return 0;
}

static void print_text(const char *text) {
  putchar('"');
  for (; *text != 0; ++text) {
    if (*text == '"' || *text == '\\\\') putchar('\\\\');
    if ((unsigned char)*text >= 32) putchar(*text);
  }
  putchar('"');
}

static int profiled(${id}_context *context, int runs) {
  profile p;
  p.runs = runs;
  p.times = (double *)calloc(((size_t)${M}_STEPS + 1) * (size_t)runs, sizeof *p.times);
  if (p.times == NULL) return 1;
  for (p.run = 0; p.run < runs; ++p.run)
    if (${id}_run_steps(context, 0, ${M}_STEPS, note, &p) != ${M}_OK) return 1;
  printf("{\\"variant\\": \\"%s\\", \\"runs\\": %d, \\"steps\\": [", ${id}_variant(context), runs);
  for (int step = 0; step < ${M}_STEPS; ++step) {
    double *times = p.times + (size_t)step * (size_t)runs;
    qsort(times, (size_t)runs, sizeof *times, ascending);
    printf("%s\\n  {\\"step\\": %d, \\"name\\": ", step == 0 ? "" : ",", step);
    print_text(${id}_step_name(step));
    printf(", \\"median_ms\\": %.6f, \\"min_ms\\": %.6f}", times[runs / 2], times[0]);
  }
  printf("\\n]}\\n");
  free(p.times);
  return 0;
}

int main(int argc, char **argv) {
  ${id}_context context;
  ${id}_report report;
  ${id}_pool *pool = NULL;
  int threads = 1, runs = 0, profile_steps = 0;
  const char *variant = NULL;
${hasSizes(m) ? `  ${id}_sizes sizes = {${m.sizes.map((z) => z.variable.max).join(", ")}};\n` : ""}  double *times;
  double first;
  for (int i = 1; i < argc; i += 2) {
    if (strcmp(argv[i], "--profile") == 0) {
      profile_steps = 1;
      --i;
    } else if (i + 1 == argc) {
      fprintf(stderr, "%s takes a value\\n", argv[i]);
      return 2;
    } else if (strcmp(argv[i], "--threads") == 0) threads = atoi(argv[i + 1]);
    else if (strcmp(argv[i], "--runs") == 0) runs = atoi(argv[i + 1]);
    else if (strcmp(argv[i], "--variant") == 0) variant = argv[i + 1];
${hasSizes(m) ? `    else if (strcmp(argv[i], "--size") == 0 && read_size(argv[i + 1], &sizes)) continue;\n` : ""}    else {
      fprintf(stderr, "unknown option %s\\n", argv[i]);
      return 2;
    }
  }
  if (!open_model(argv[0], &context)) return 2;
  if (threads != 1) {
    pool = ${id}_pool_open(threads);
    if (pool == NULL || ${id}_use_threads(&context, threads > 256 ? 1024 : 4 * threads, ${id}_pool_for, pool) != ${M}_OK) {
      fprintf(stderr, "--threads %d: %s\\n", threads, ${id}_status_string(${M}_ERROR_THREADS));
      return 2;
    }
  }
  if (variant != NULL && ${id}_use_variant(&context, variant) != ${M}_OK) {
    fprintf(stderr, "%s: %s\\n", variant, ${id}_status_string(${M}_ERROR_VARIANT));
    return 2;
  }
  /* The self-test fills the inputs and warms the caches up. */
  (void)${id}_selftest(&context, &report);
${hasSizes(m) ? `  if (${id}_resize(&context, &sizes) != ${M}_OK) {
    fprintf(stderr, "--size: %s\\n", ${id}_status_string(${M}_ERROR_SIZE));
    return 2;
  }
` : ""}  first = now_ms();
  if (${id}_run(&context) != ${M}_OK) return 1;
  first = now_ms() - first;
  /* About two seconds of runs, at least 5 and at most 1000. */
  if (runs < 1) runs = first > 0 ? (int)(2000.0 / first) : 1000;
  if (runs < 5) runs = 5;
  if (runs > 1000) runs = 1000;
  if (profile_steps) return profiled(&context, runs);
  times = (double *)malloc((size_t)runs * sizeof *times);
  if (times == NULL) return 1;
  for (int i = 0; i < runs; ++i) {
    const double start = now_ms();
    if (${id}_run(&context) != ${M}_OK) return 1;
    times[i] = now_ms() - start;
  }
  qsort(times, (size_t)runs, sizeof *times, ascending);
  printf("{\\"median_ms\\": %.4f, \\"min_ms\\": %.4f, \\"runs\\": %d, \\"threads\\": %d}\\n", times[runs / 2], times[0], runs, threads);
  free(times);
  ${id}_pool_close(pool);
  return 0;
}
`;
}

export function exampleMain(m: CModel): string {
  const { id } = m;
  const M = upper(id);
  return `/*
 * Runs the model on files: ./run input_0 [input_1 ...]. A file holds an input's elements as raw bytes, or is a NumPy
 * .npy file of the same type. Prints each output's largest elements.
 */
#include "test/files.h"

#include <math.h>
${sizeOptions(m)}
/* Skips the header of an .npy file. */
static const unsigned char *elements_of(const unsigned char *data, size_t *bytes) {
  size_t header;
  if (*bytes < 12 || memcmp(data, "\\x93NUMPY", 6) != 0) return data;
  header = data[6] == 1 ? 10u + (size_t)(data[8] | data[9] << 8) : 12u + ((size_t)data[8] | (size_t)data[9] << 8 | (size_t)data[10] << 16 | (size_t)data[11] << 24);
  if (header > *bytes) header = *bytes;
  *bytes -= header;
  return data + header;
}

${elementSource(m)}

int main(int argc, char **argv) {
  ${id}_context context;
  ${id}_status status;
${hasSizes(m) ? `  ${id}_sizes sizes = {${m.sizes.map((z) => z.variable.max).join(", ")}};\n  int64_t dims[${rankOf(m)}];\n  while (argc > 1 && read_size(argv[1], &sizes)) {\n    argv[1] = argv[0];\n    ++argv;\n    --argc;\n  }\n` : ""}  if (argc != 1 + ${M}_INPUTS) {
    fprintf(stderr, "usage: %s%s\\n", argv[0], ${stringLiteral(m.sizes.map((z) => ` [${z.variable.name}=${z.variable.max}]`).join("") + m.inputs.map((t) => ` ${t.name.replace(/\s+/g, "_")}.npy`).join(""))});
    return 2;
  }
  if (!open_model(argv[0], &context)) return 2;
${hasSizes(m) ? `  status = ${id}_resize(&context, &sizes);
  if (status != ${M}_OK) {
    fprintf(stderr, "%s\\n", ${id}_status_string(status));
    return 2;
  }
` : ""}  for (int i = 0; i < ${M}_INPUTS; ++i) {
    size_t bytes = 0;
    const unsigned char *file = (const unsigned char *)read_file(argv[1 + i], &bytes);
    const unsigned char *data;
    if (file == NULL) return 2;
    data = elements_of(file, &bytes);
    if (bytes != ${hasSizes(m) ? `${id}_input_shape(&context, i, dims)` : `${id}_input_info(i)->bytes`}) {
      fprintf(stderr, "%s holds %lu bytes of elements, but %s takes %lu\\n", argv[1 + i], (unsigned long)bytes, ${id}_input_info(i)->name,
              (unsigned long)${hasSizes(m) ? `${id}_input_shape(&context, i, dims)` : `${id}_input_info(i)->bytes`});
      return 2;
    }
    memcpy(${id}_input(&context, i), data, bytes);
  }
  status = ${id}_run(&context);
  if (status != ${M}_OK) {
    fprintf(stderr, "%s\\n", ${id}_status_string(status));
    return 1;
  }
  for (int i = 0; i < ${M}_OUTPUTS; ++i) {
    const ${id}_tensor_info *info = ${id}_output_info(i);
    size_t count = 1, shown = 0;
    double below = HUGE_VAL;
    size_t last = 0;
${hasSizes(m) ? `    (void)${id}_output_shape(&context, i, dims);\n` : ""}    for (uint32_t d = 0; d < info->rank; ++d) count *= (size_t)${hasSizes(m) ? "" : "info->"}dims[d];
    printf("%s: %lu elements, the largest:\\n", info->name, (unsigned long)count);
    while (shown < 5 && shown < count) {
      size_t best = count;
      for (size_t at = 0; at < count; ++at) {
        const double v = element(${id}_output(&context, i), info->dtype, at);
        if (!(v < below || (v == below && at > last && shown > 0))) continue;
        if (best == count || v > element(${id}_output(&context, i), info->dtype, best)) best = at;
      }
      if (best == count) break;
      below = element(${id}_output(&context, i), info->dtype, best);
      last = best;
      printf("  [%lu] %g\\n", (unsigned long)best, below);
      ++shown;
    }
  }
  return 0;
}
`;
}
