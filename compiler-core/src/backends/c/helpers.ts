/**
 * Small functions that printed programs call, by name. Each bundle's private header holds the ones it uses. They say
 * in C what C leaves open: division by zero, floor division, conversions out of range, not-a-number in min and max.
 */
const floatTypes = [["f32", "float", "f"], ["f64", "double", ""]] as const;
const intTypes = [["i8", "int8_t"], ["i16", "int16_t"], ["i32", "int32_t"], ["i64", "int64_t"]] as const;
const uintTypes = [["u8", "uint8_t"], ["u16", "uint16_t"], ["u32", "uint32_t"], ["u64", "uint64_t"]] as const;

const table = new Map<string, string>();
const define = (name: string, text: string): void => void table.set(name, `static inline ${text}`);

for (const [id, type, f] of floatTypes) {
  define(`gw_max_${id}`, `${type} gw_max_${id}(${type} a, ${type} b) { return a > b || a != a ? a : b; }`);
  define(`gw_min_${id}`, `${type} gw_min_${id}(${type} a, ${type} b) { return a < b || a != a ? a : b; }`);
  define(`gw_floordiv_${id}`, `${type} gw_floordiv_${id}(${type} a, ${type} b) { return floor${f}(a / b); }`);
  define(`gw_floormod_${id}`, `${type} gw_floormod_${id}(${type} a, ${type} b) { const ${type} r = fmod${f}(a, b); return r != 0 && (r < 0) != (b < 0) ? r + b : r; }`);
  define(`gw_to_i32_${id}`, `int32_t gw_to_i32_${id}(${type} x) { return x > ${id === "f32" ? "-2147483904.0f" : "-2147483649.0"} && x < 2147483648.0${f} ? (int32_t)x : INT32_MIN; }`);
  define(`gw_to_i64_${id}`, `int64_t gw_to_i64_${id}(${type} x) { return x >= -9223372036854775808.0${f} && x < 9223372036854775808.0${f} ? (int64_t)x : INT64_MIN; }`);
  define(`gw_to_u64_${id}`, `uint64_t gw_to_u64_${id}(${type} x) { return x > -1.0${f} && x < 18446744073709551616.0${f} ? (uint64_t)x : 0; }`);
}
for (const [id, type] of [...intTypes, ...uintTypes]) {
  define(`gw_max_${id}`, `${type} gw_max_${id}(${type} a, ${type} b) { return a > b ? a : b; }`);
  define(`gw_min_${id}`, `${type} gw_min_${id}(${type} a, ${type} b) { return a < b ? a : b; }`);
}
for (const [id, type] of intTypes) {
  const wide = id === "i64" ? "uint64_t" : "uint32_t";
  // Division by -1 is a negation that wraps; by zero it gives 0.
  define(`gw_div_${id}`, `${type} gw_div_${id}(${type} a, ${type} b) { return b == 0 ? 0 : b == -1 ? (${type})(0 - (${wide})a) : (${type})(a / b); }`);
  define(`gw_fmod_${id}`, `${type} gw_fmod_${id}(${type} a, ${type} b) { return b == 0 || b == -1 ? 0 : (${type})(a % b); }`);
  define(`gw_floormod_${id}`, `${type} gw_floormod_${id}(${type} a, ${type} b) { const ${type} r = b == 0 || b == -1 ? 0 : (${type})(a % b); return r != 0 && (r < 0) != (b < 0) ? (${type})(r + b) : r; }`);
  define(`gw_floordiv_${id}`, `${type} gw_floordiv_${id}(${type} a, ${type} b) { if (b == 0) return 0; if (b == -1) return (${type})(0 - (${wide})a); return (${type})(a / b - (a % b != 0 && (a < 0) != (b < 0))); }`);
  define(`gw_abs_${id}`, `${type} gw_abs_${id}(${type} a) { return a < 0 ? (${type})(0 - (${wide})a) : a; }`);
}
for (const [id, type] of uintTypes) {
  define(`gw_div_${id}`, `${type} gw_div_${id}(${type} a, ${type} b) { return b == 0 ? 0 : (${type})(a / b); }`);
  define(`gw_floordiv_${id}`, `${type} gw_floordiv_${id}(${type} a, ${type} b) { return b == 0 ? 0 : (${type})(a / b); }`);
  define(`gw_fmod_${id}`, `${type} gw_fmod_${id}(${type} a, ${type} b) { return b == 0 ? 0 : (${type})(a % b); }`);
  define(`gw_floormod_${id}`, `${type} gw_floormod_${id}(${type} a, ${type} b) { return b == 0 ? 0 : (${type})(a % b); }`);
}
define("gw_max_index", "ptrdiff_t gw_max_index(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }");
define("gw_min_index", "ptrdiff_t gw_min_index(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }");
define("gw_floordiv_index", "ptrdiff_t gw_floordiv_index(ptrdiff_t a, ptrdiff_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }");
define("gw_floormod_index", "ptrdiff_t gw_floormod_index(ptrdiff_t a, ptrdiff_t b) { const ptrdiff_t r = a % b; return r != 0 && (r < 0) != (b < 0) ? r + b : r; }");

for (const [id, type] of [...intTypes, ...uintTypes]) {
  const bits = Number(id.slice(1));
  define(`gw_shl_${id}`, `${type} gw_shl_${id}(${type} a, ${type} b) { return b < 0 || b >= ${bits} ? 0 : (${type})((uint64_t)a << b); }`.replace("b < 0 || ", id.startsWith("u") ? "" : "b < 0 || "));
  define(`gw_shr_${id}`, `${type} gw_shr_${id}(${type} a, ${type} b) { return b < 0 || b >= ${bits} ? 0 : (${type})(a >> b); }`.replace("b < 0 || ", id.startsWith("u") ? "" : "b < 0 || "));
}

// Half floats: round to nearest, ties to even; what is too large becomes infinite (Giesen, "Float->half variants").
// Without a branch: times 2^112 in its bits, small ones too; what is infinite or no number keeps all ones.
define("gw_from_f16", `float gw_from_f16(uint16_t h) {
  union { uint32_t u; float f; } v;
  const uint32_t m = (uint32_t)(h & 0x7fffu) << 13;
  v.u = m;
  v.f *= 0x1p112f;
  v.u |= (m >= 0x0f800000u ? 0x7f800000u : 0u) | (uint32_t)(h & 0x8000u) << 16;
  return v.f;
}`);
define("gw_to_f16", `uint16_t gw_to_f16(float x) {
  union { uint32_t u; float f; } v;
  uint32_t sign, a;
  v.f = x;
  sign = v.u >> 16 & 0x8000u;
  a = v.u & 0x7fffffffu;
  if (a > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);
  if (a >= 0x47800000u) return (uint16_t)(sign | 0x7c00u);
  if (a < 0x38800000u) {
    /* Subnormal: the sum with one half rounds at its unit, 2^-24. */
    v.u = a;
    v.f += 0.5f;
    return (uint16_t)(sign | (v.u - 0x3f000000u));
  }
  a += 0xfffu + (a >> 13 & 1u);
  return (uint16_t)(sign | (a - 0x38000000u) >> 13);
}`);
define("gw_from_bf16", "float gw_from_bf16(uint16_t h) { union { uint32_t u; float f; } v; v.u = (uint32_t)h << 16; return v.f; }");
define("gw_to_bf16", "uint16_t gw_to_bf16(float x) { union { uint32_t u; float f; } v; v.f = x; return x != x ? (uint16_t)(v.u >> 16 | 0x40u) : (uint16_t)((v.u + 0x7fffu + (v.u >> 16 & 1u)) >> 16); }");
define("gw_small_decode", `float gw_small_decode(uint32_t bits, int exponent_bits, int mantissa_bits, int bias, int special) {
  /* special 0: infinities as in IEEE 754; 1: all ones is not a number; 2: 0x80 is not a number */
  const uint32_t top = (1u << exponent_bits) - 1u, low = (1u << mantissa_bits) - 1u;
  const uint32_t e = bits >> mantissa_bits & top, m = bits & low;
  const float sign = bits >> (exponent_bits + mantissa_bits) & 1u ? -1.0f : 1.0f;
  if (special == 0 && e == top) return m == 0 ? sign * INFINITY : NAN;
  if (special == 1 && e == top && m == low) return NAN;
  if (special == 2 && bits == 1u << (exponent_bits + mantissa_bits)) return NAN;
  return sign * (e == 0 ? ldexpf((float)m, 1 - bias - mantissa_bits) : ldexpf((float)(m + low + 1u), (int)e - bias - mantissa_bits));
}`);
define("gw_small_encode", `uint8_t gw_small_encode(float x, int exponent_bits, int mantissa_bits, int bias, int special) {
  /* Saturates: what is too large becomes the largest finite value. */
  const uint32_t sign_bit = 1u << (exponent_bits + mantissa_bits), low = 1u << mantissa_bits;
  const uint32_t largest = special == 0 ? sign_bit - 1u - low : special == 1 ? sign_bit - 2u : sign_bit - 1u;
  const uint32_t sign = signbit(x) ? sign_bit : 0u;
  const float size = fabsf(x);
  uint32_t bits;
  int e;
  if (x != x) return (uint8_t)(special == 0 ? (sign_bit - low) | low >> 1 : special == 1 ? sign_bit - 1u : sign_bit);
  if (size == 0) return (uint8_t)(special == 2 ? 0u : sign);
  if (isinf(size)) return (uint8_t)(sign | largest);
  (void)frexpf(size, &e);
  e -= 1;
  if (e > 64) return (uint8_t)(sign | largest);
  {
    const int least = 1 - bias, at = (e > least ? e : least) - mantissa_bits;
    const uint32_t units = (uint32_t)rintf(ldexpf(size, -at));
    bits = e < least ? units : ((uint32_t)(e + bias) << mantissa_bits) + units - low;
  }
  if (bits > largest) bits = largest;
  return (uint8_t)(special == 2 && bits == 0 ? 0u : sign | bits);
}`);
for (const [id, parameters] of [["f8e4m3fn", "4, 3, 7, 1"], ["f8e4m3fnuz", "4, 3, 8, 2"], ["f8e5m2", "5, 2, 15, 0"], ["f8e5m2fnuz", "5, 2, 16, 2"]] as const) {
  define(`gw_from_${id}`, `float gw_from_${id}(uint8_t h) { return gw_small_decode(h, ${parameters}); }`);
  define(`gw_to_${id}`, `uint8_t gw_to_${id}(float x) { return gw_small_encode(x, ${parameters}); }`);
}
define("gw_from_f8e8m0", "float gw_from_f8e8m0(uint8_t h) { return h == 255 ? NAN : ldexpf(1.0f, (int)h - 127); }");

// At -O3 gcc writes loops over accumulators out before it looks for vectors, and then finds few.
table.set("GW_TILED", '#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__)\n#define GW_TILED __attribute__((optimize("O2")))\n#else\n#define GW_TILED\n#endif');

// By itself, not in each place that calls it.
table.set(
  "gw_fill_f32",
  `#if defined(__GNUC__)
#define GW_APART __attribute__((noinline, unused))
#else
#define GW_APART
#endif
/* Lanes of rows, each \`row\` behind the one before, and that \`count\` times, \`stride\` apart: a thread's part of them. */
GW_APART static void gw_fill_f32(float *y, float value, ptrdiff_t count, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t row, ptrdiff_t lanes, int part, int parts) {
  for (ptrdiff_t i = count * part / parts; i < count * (part + 1) / parts; ++i)
    for (ptrdiff_t j = 0; j < rows; ++j) {
      float *const at = y + i * stride + j * row;
      ptrdiff_t k = 0;
      for (; k + 4 <= lanes; k += 4) at[k] = at[k + 1] = at[k + 2] = at[k + 3] = value;
      for (; k < lanes; ++k) at[k] = value;
    }
}`,
);

table.set(
  "gw_frame_f32",
  `/* The first and last rows of images, and both ends of those between: a thread's part of the images. */
GW_APART static void gw_frame_f32(float *y, float value, ptrdiff_t images, ptrdiff_t height, ptrdiff_t width, ptrdiff_t top, ptrdiff_t bottom, ptrdiff_t left, ptrdiff_t right, int part, int parts) {
  const ptrdiff_t rows = height - top - bottom;
  gw_fill_f32(y, value, images, height * width, 1, 0, top * width, part, parts);
  gw_fill_f32(y + (top + rows) * width, value, images, height * width, 1, 0, bottom * width, part, parts);
  gw_fill_f32(y + top * width, value, images, height * width, rows, width, left, part, parts);
  gw_fill_f32(y + (top + 1) * width - right, value, images, height * width, rows, width, right, part, parts);
}`,
);

export const isHelper = (name: string): boolean => table.has(name);

/** Definitions of the helpers named, in a fixed order. */
export function helperDefinitions(names: ReadonlySet<string>): string[] {
  const wanted = new Set(names);
  for (const name of wanted) for (const [other] of table.get(name)?.matchAll(/gw_\w+/g) ?? []) if (table.has(other)) wanted.add(other);
  return [...table].filter(([name]) => wanted.has(name)).map(([, text]) => text);
}
