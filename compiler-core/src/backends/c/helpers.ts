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

export const isHelper = (name: string): boolean => table.has(name);

/** Definitions of the helpers named, in a fixed order. */
export function helperDefinitions(names: ReadonlySet<string>): string[] {
  return [...table].filter(([name]) => names.has(name)).map(([, text]) => text);
}
