/**
 * Functions over vector types of gcc and clang that printed programs call, by name, for 4, 8 and 16 floats. They mean
 * what the scalar ones mean, not-a-number included. exp, tanh and erf are polynomials without branches; the largest
 * errors, measured over samples of all floats: exp 1.0 ulp, tanh 1.7 ulp, erf 1.3e-7 absolute.
 */
const number = (value: number): string => {
  const exact = Math.fround(value);
  return `${Number.isInteger(exact) ? exact.toFixed(1) : String(exact)}f`;
};

/** Horner's scheme over `x`, lowest coefficient first. */
const polynomial = (x: string, coefficients: readonly number[]): string => coefficients.reduceRight((inner, c) => (inner === "" ? number(c) : `(${inner}) * ${x} + ${number(c)}`), "");

const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));
const expTerms = Array.from({ length: 6 }, (_, k) => 1 / factorial(k + 2));
/** of tanh(x) / x in x^2 (Abramowitz and Stegun 4.5.64) */
const tanhTerms = [1, -1 / 3, 2 / 15, -17 / 315, 62 / 2835, -1382 / 155925, 21844 / 6081075, -929569 / 638512875];
/** of erf(x) / x in x^2 (Abramowitz and Stegun 7.1.5) */
const erfTerms = Array.from({ length: 10 }, (_, k) => ((2 / Math.sqrt(Math.PI)) * (-1) ** k) / (factorial(k) * (2 * k + 1)));
/** of ln(erfc(x)) on 1..4: a least-squares fit in Chebyshev points, weighted by the error it makes in erf */
const logErfcTerms = [6.5358417386396655e-6, -1.1287929077434944, -0.6346420269326575, -0.10702354062659163, 0.02440796275112844, -0.003936166789680239, 0.0003926183793859417, -1.7994119601997083e-5];

export const vectorWidths = [16, 8, 4] as const;

/**
 * s + the dot product, in each lane, of four bytes of x (the same for all lanes) and four of w: unsigned by signed, exact in
 * 32 bits. `dots` takes signed x, as x + 128. Without an instruction for it, even and odd bytes are multiplied as 16-bit numbers.
 */
function defineDot(w: number): void {
  const bits = 32 * w;
  const prefix = w === 4 ? "_mm" : `_mm${bits}`;
  const vector = `__m${bits}i`;
  const load = w === 16 ? "_mm512_loadu_si512(w)" : `${prefix}_loadu_si${bits}((const ${vector} *)(const void *)w)`;
  const even = `${prefix}_srai_epi16(${prefix}_slli_epi16(v, 8), 8)`;
  const x86 = `#elif defined(__x86_64__) || defined(__i386__)
  const ${vector} v = ${load};
  const ${vector} e = ${prefix}_madd_epi16(${even}, ${prefix}_set1_epi32(q & 0x00ff00ff));
  const ${vector} o = ${prefix}_madd_epi16(${prefix}_srai_epi16(v, 8), ${prefix}_set1_epi32((int32_t)((uint32_t)q >> 8) & 0x00ff00ff));
  return s + (gw_i32x${w})${prefix}_add_epi32(e, o);`;
  const vnni = `#if defined(GW_VNNI)
  return (gw_i32x${w})${prefix}_dpbusd_epi32((${vector})s, ${prefix}_set1_epi32(q), ${load});`;
  const neon = w === 4 ? `
#elif defined(__ARM_FEATURE_MATMUL_INT8)
  return (gw_i32x4)vusdotq_s32((int32x4_t)s, vreinterpretq_u8_s32(vdupq_n_s32(q)), vld1q_s8(w));
#elif defined(__ARM_FEATURE_DOTPROD)
  /* Signed by signed only: seven bits, and the eighth, which stands for 128 and reads as -128. */
  const int8x16_t v = vld1q_s8(w), top = vreinterpretq_s8_s32(vdupq_n_s32(q & (int32_t)0x80808080u));
  return (gw_i32x4)vsubq_s32(vdotq_s32((int32x4_t)s, vreinterpretq_s8_s32(vdupq_n_s32(q & 0x7f7f7f7f)), v), vdotq_s32(vdupq_n_s32(0), top, v));
#elif defined(__aarch64__)
  const int16x8_t x16 = vreinterpretq_s16_u16(vmovl_u8(vreinterpret_u8_s32(vdup_n_s32(q))));
  const int8x16_t v = vld1q_s8(w);
  const int16x8_t b = vmovl_s8(vget_low_s8(v)), c = vmovl_s8(vget_high_s8(v));
  return s + (gw_i32x4)vpaddq_s32(vpaddq_s32(vmull_s16(vget_low_s16(b), vget_low_s16(x16)), vmull_s16(vget_high_s16(b), vget_low_s16(x16))), vpaddq_s32(vmull_s16(vget_low_s16(c), vget_low_s16(x16)), vmull_s16(vget_high_s16(c), vget_low_s16(x16))));` : "";
  for (const [name, flip] of [["dot", ""], ["dots", " q ^= (int32_t)0x80808080u;"]] as const)
    table.set(`gw_${name}_x${w}`, {
      text: `static inline gw_i32x${w} gw_${name}_x${w}(gw_i32x${w} s, const void *x, const int8_t *w) {
  int32_t q;
  __builtin_memcpy(&q, x, 4);${flip}
${vnni}
${x86}${neon}
#else
  const uint8_t *b = (const uint8_t *)&q;
  for (int k = 0; k < ${w}; ++k) s[k] += b[0] * w[4 * k] + b[1] * w[4 * k + 1] + b[2] * w[4 * k + 2] + b[3] * w[4 * k + 3];
  return s;
#endif
}`,
      needs: [],
    });
}

/** Bytes as numbers of 32 bits and back, and products of such numbers; compilers convert some of these one by one. */
function defineBytes(w: number): void {
  const bits = 32 * w;
  const prefix = w === 4 ? "_mm" : `_mm${bits}`;
  const vector = `__m${bits}i`;
  const define = (name: string, type: string, signature: string, x86: string, generic: string): void => void table.set(`gw_${name}_x${w}`, {
    text: `static inline ${type} gw_${name}_x${w}(${signature}) {\n#if defined(__x86_64__) || defined(__i386__)\n  ${x86}\n#else\n  ${generic}\n#endif\n}`,
    needs: [],
  });
  // The bytes in the low part of a register.
  const low = w === 16 ? "const __m128i b = (__m128i)v;" : w === 8 ? "int64_t q; __builtin_memcpy(&q, &v, 8); const __m128i b = _mm_set_epi64x(0, q);" : "int32_t q; __builtin_memcpy(&q, &v, 4); const __m128i b = _mm_cvtsi32_si128(q);";
  for (const [sign, c] of [["u", "epu8"], ["i", "epi8"]] as const) {
    const bytes = `gw_${sign}8x${w}`;
    define(`widen_${sign}8`, `gw_i32x${w}`, `${bytes} v`, `${low} return (gw_i32x${w})${prefix}_cvt${c}_epi32(b);`, `return __builtin_convertvector(v, gw_i32x${w});`);
    // Within the range of the bytes: saturation changes nothing.
    const pack = sign === "u" ? "_mm_packus_epi16" : "_mm_packs_epi16";
    const halves = w === 8 ? "_mm_packs_epi32(_mm256_castsi256_si128((__m256i)v), _mm256_extracti128_si256((__m256i)v, 1))" : "_mm_packs_epi32((__m128i)v, (__m128i)v)";
    const narrow = w === 16 ? `return (${bytes})_mm512_cvtepi32_epi8((__m512i)v);` : `const __m128i h = ${halves}; const __m128i b = ${pack}(h, h); ${bytes} r; __builtin_memcpy(&r, &b, ${w}); return r;`;
    define(`narrow_${sign}8`, bytes, `gw_i32x${w} v`, narrow, `return __builtin_convertvector(v, ${bytes});`);
  }
  // Of numbers of 16 bits the product of low halves is the product: one instruction, where full products take two.
  define("mulb", `gw_i32x${w}`, `gw_i32x${w} a, gw_i32x${w} b`, `return (gw_i32x${w})${prefix}_madd_epi16((${vector})a, (${vector})_mm_and(b));`.replace(`(${vector})_mm_and(b)`, `${prefix}_${w === 16 ? "and_si512" : w === 8 ? "and_si256" : "and_si128"}((${vector})b, ${prefix}_set1_epi32(0xffff))`), "return a * b;");
}

/** Half floats as floats and back, by the processor's instruction where the target has it. */
function defineHalves(w: number): void {
  const [v, i] = [`gw_f32x${w}`, `gw_i32x${w}`];
  const define = (name: string, type: string, signature: string, body: string): void => void table.set(`gw_${name}_x${w}`, { text: `static inline ${type} gw_${name}_x${w}(${signature}) {\n${body}\n}`, needs: [] });
  const f16 = `gw_f16x${w}`;
  // Larger by 2^112 in its bits; what is infinite or no number keeps all ones.
  const plain = `  const ${i} h = __builtin_convertvector(x, ${i}), m = (h & 0x7fff) << 13;
  const ${v} size = (${v})m * 0x1p112f;
  return (${v})((${i})size | ((m >= 0x0f800000) & 0x7f800000) | (h & 0x8000) << 16);`;
  const each = `  ${f16} r;\n  for (int k = 0; k < ${w}; ++k) r[k] = gw_to_f16(x[k]);\n  return r;`;
  const prefix = w === 4 ? "_mm" : `_mm${32 * w}`;
  const bytes = 2 * w;
  const vector = w === 16 ? "__m256i" : "__m128i";
  const narrowed = `${prefix}_cvtps_ph((__m${w === 4 ? "128" : 32 * w})x, 0)`;
  const x86 = w === 16 ? "defined(__AVX512F__) || defined(GW_F16C)" : "defined(GW_F16C)";
  const neon = w === 4 ? ["\n#elif defined(__aarch64__)\n  return (gw_f32x4)vcvt_f32_f16((float16x4_t)x);", "\n#elif defined(__aarch64__)\n  return (gw_f16x4)vcvt_f16_f32((float32x4_t)x);"] : ["", ""];
  define("widen_f16", v, `${f16} x`, `#if ${x86}\n  ${vector} h${w === 4 ? " = _mm_setzero_si128()" : ""}; __builtin_memcpy(&h, &x, ${bytes}); return (${v})${prefix}_cvtph_ps(h);${neon[0]}\n#else\n${plain}\n#endif`);
  define("narrow_f16", f16, `${v} x`, `#if ${x86}\n  const ${vector} h = ${narrowed}; ${f16} r; __builtin_memcpy(&r, &h, ${bytes}); return r;${neon[1]}\n#else\n${each}\n#endif`);
  define("widen_bf16", v, `gw_bf16x${w} x`, `  return (${v})(__builtin_convertvector(x, ${i}) << 16);`);
  define("narrow_bf16", `gw_bf16x${w}`, `${v} x`, `  const ${i} b = (${i})x, quiet = x != x;\n  const ${i} high = ((b + 0x7fff + (b >> 16 & 1)) >> 16 & ~quiet) | ((b >> 16 | 0x40) & quiet);\n  return __builtin_convertvector(high, gw_bf16x${w});`);
}

/** The function that transposes a tile of `side` elements of so many bytes: gw_transpose_x16, gw_transpose8_x16. */
export const transposeHelper = (side: number, bytes: number, part: boolean): string => `gw_transpose${part ? "_part" : ""}${bytes === 4 ? "" : 8 * bytes}_x${side}`;

/**
 * A tile of `side` x `side` elements, transposed in registers: y[c * column + r] = x[r * row + c]. Rows are interleaved within the 16-byte quarters of
 * vectors, each time by one instruction; then quarters change places.
 */
function defineTranspose(side: number, bytes: 1 | 2 | 4): void {
  const vector = { 1: "gw_u8x", 2: "gw_f16x", 4: "gw_i32x" }[bytes] + String(side);
  const lines: string[] = [];
  /** a named vector, and which column of the tile it begins in */
  interface Held { readonly name: string; readonly columns: readonly number[] }
  const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  const inQuarter = 16 / bytes;
  const quarters = range(side / inQuarter);
  let made = 0;
  /** lanes of two vectors: those of the second from `side` on */
  const shuffle = (a: Held, b: Held, lanes: readonly number[]): Held => {
    const name = `t${made++}`;
    lines.push(`const ${vector} ${name} = GW_SHUFFLE${8 * bytes}_X${side}(${a.name}, ${b.name}, ${lanes.join(", ")});`);
    return { name, columns: lanes.map((l) => [...a.columns, ...b.columns][l]!) };
  };
  const interleave = (a: Held, b: Held, half: number): Held => shuffle(a, b, quarters.flatMap((q) => range(inQuarter / 2).flatMap((k) => [0, side].map((from) => from + q * inQuarter + (half * inQuarter) / 2 + k))));
  const wholeQuarters = (a: Held, b: Held, from: number): Held => shuffle(a, b, quarters.flatMap((q) => range(inQuarter).map((l) => (2 * q + from) * inQuarter + l)));
  let groups = quarters.map((q) => {
    let rows = range(inQuarter).map((i): Held => {
      const row = q * inQuarter + i;
      lines.push(`const ${vector} r${row} = *(const ${vector}u *)(const void *)(x + ${row} * row);`);
      return { name: `r${row}`, columns: range(side) };
    });
    for (let n = 1; n < inQuarter; n *= 2) rows = range(inQuarter / 2).flatMap((i) => [0, 1].map((half) => interleave(rows[i]!, rows[i + inQuarter / 2]!, half)));
    return rows;
  });
  while (groups.length > 1) groups = range(groups.length / 2).map((g) => [0, 1].flatMap((from) => groups[2 * g]!.map((v, i) => wholeQuarters(v, groups[2 * g + 1]![i]!, from))));
  for (const { name, columns } of groups[0]!) lines.push(`*(${vector}u *)(void *)(y + ${columns[0]!} * column) = ${name};`);
  const macro = `gw_shuffle${8 * bytes}_x${side}`;
  const needs = [macro, ...(bytes === 2 ? [vector] : [])];
  table.set(macro, {
    text: `#if defined(__clang__) || __GNUC__ >= 12
#define ${macro.toUpperCase()}(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define ${macro.toUpperCase()}(a, b, ...) __builtin_shuffle(a, b, (${vector}){__VA_ARGS__})
#endif
`,
    needs: [],
  });
  const define = (part: boolean, parameters: string, body: readonly string[]): void => {
    const name = transposeHelper(side, bytes, part);
    const scaled = bytes === 1 ? [] : [`row *= ${bytes};`, `column *= ${bytes};`];
    table.set(name, { text: `static inline void ${name}(${parameters}) {\n  ${["const char *x = (const char *)from;", "char *y = (char *)to;", ...scaled, ...body].join("\n  ")}\n}`, needs });
  };
  define(false, "const void *from, ptrdiff_t row, void *to, ptrdiff_t column", lines);
  // Rows that are not there are zeros; columns that are not wanted are not stored.
  const parts = lines.map((line) =>
    line.replace(/ = (\*\(const .* \+ (\d+) \* row\));/, (all, load: string, r: string) => (r === "0" ? all : ` = rows > ${r} ? (${vector})${load} : zero;`)).replace(/^\*.* \+ (\d+) \* column\) = .*/, (all, c: string) => (c === "0" ? all : `if (columns > ${c}) ${all}`)));
  define(true, "const void *from, ptrdiff_t row, ptrdiff_t rows, void *to, ptrdiff_t column, ptrdiff_t columns", [`const ${vector} zero = {0};`, ...parts]);
}

const table = new Map<string, { readonly text: string; readonly needs: readonly string[] }>();

for (const w of vectorWidths) {
  const v = `gw_f32x${w}`;
  const i = `gw_i32x${w}`;
  const define = (name: string, signature: string, body: string, needs: readonly string[] = []): void =>
    void table.set(`gw_${name}_x${w}`, { text: `static inline ${v} gw_${name}_x${w}(${signature}) { ${body} }`, needs: needs.map((n) => `gw_${n}_x${w}`) });
  const all = (item: string): string => `{${Array.from({ length: w }, () => item).join(", ")}}`;
  define("splat", "float x", `return (${v})${all("x")};`);
  define("select", `${i} c, ${v} a, ${v} b`, `return (${v})((c & (${i})a) | (~c & (${i})b));`);
  define("abs", `${v} x`, `return (${v})((${i})x & 0x7fffffff);`);
  for (const [op, sign] of [["max", ">"], ["min", "<"]] as const) {
    // The first operand is a number; if the second is not, the result is not.
    const generic = `return (${v})(((a ${sign} b) & (${i})a) | (~(a ${sign} b) & (${i})b));`;
    const body =
      w === 16
        ? `\n#if defined(__clang__)\n  return __builtin_ia32_${op}ps512(a, b, 4);\n#else\n  return __builtin_ia32_${op}ps512_mask(a, b, a, (unsigned short)-1, 4);\n#endif\n`
        : `\n#if defined(__x86_64__) || defined(__i386__)\n  return __builtin_ia32_${op}ps${w === 8 ? "256" : ""}(a, b);\n#else\n  ${generic}\n#endif\n`;
    define(`${op}n`, `${v} a, ${v} b`, body);
    define(op, `${v} a, ${v} b`, `return gw_select_x${w}(a != a, a, gw_${op}n_x${w}(a, b));`, ["select", `${op}n`]);
  }
  // Adding 1.5 * 2^23 leaves no fraction bits; larger numbers have none. The sign of a zero is kept.
  define("round", `${v} x`, `const ${v} a = gw_abs_x${w}(x); const ${v} r = (a + 8388608.0f) - 8388608.0f; return gw_select_x${w}(a < 8388608.0f, (${v})((${i})r | ((${i})x & ~0x7fffffff)), x);`, ["abs", "select"]);
  table.set(`gw_splati_x${w}`, { text: `static inline ${i} gw_splati_x${w}(int32_t x) { return (${i})${all("x")}; }`, needs: [] });
  defineDot(w);
  defineBytes(w);
  defineHalves(w);
  defineTranspose(w, 4);
  const each = (body: string): string => `${v} r; for (int k = 0; k < ${w}; ++k) r[k] = ${body}; return r;`;
  define(
    "sqrt",
    `${v} x`,
    w === 16
      ? `\n#if defined(__clang__)\n  return __builtin_ia32_sqrtps512(x, 4);\n#else\n  return __builtin_ia32_sqrtps512_mask(x, x, (unsigned short)-1, 4);\n#endif\n`
      : `\n#if defined(__x86_64__) || defined(__i386__)\n  return __builtin_ia32_sqrtps${w === 8 ? "256" : ""}(x);\n#else\n  ${each("sqrtf(x[k])")}\n#endif\n`,
  );
  // x = n ln 2 + r with |r| <= ln 2 / 2; 2^n in two factors, so that neither overflows before the product does.
  define(
    "exp",
    `${v} x`,
    `const ${v} c = gw_maxn_x${w}(gw_splat_x${w}(-104.0f), gw_minn_x${w}(gw_splat_x${w}(89.0f), x)); const ${v} t = c * ${number(Math.LOG2E)} + 12582912.0f; const ${v} n = t - 12582912.0f; const ${v} r = c - n * 0.693145751953125f - n * 1.428606765330187e-6f; const ${i} e = (${i})t - 0x4b400000; const ${i} h = e >> 1; const ${v} p = (${polynomial("r", expTerms)}) * (r * r) + r + 1.0f; return gw_select_x${w}(x != x, x, p * (${v})((h + 127) << 23) * (${v})((e - h + 127) << 23));`,
    ["splat", "select", "maxn", "minn"],
  );
  define(
    "tanh",
    `${v} x`,
    `const ${v} a = gw_abs_x${w}(x); const ${v} s = x * x; const ${v} small = x * (${polynomial("s", tanhTerms)}); const ${v} big = 1.0f - 2.0f / (gw_exp_x${w}(a + a) + 1.0f); return gw_select_x${w}(a < 0.55f, small, (${v})((${i})big | ((${i})x & ~0x7fffffff)));`,
    ["abs", "exp", "splat", "select", "maxn", "minn"],
  );
  define(
    "erf",
    `${v} x`,
    `const ${v} a = gw_minn_x${w}(gw_splat_x${w}(4.0f), gw_abs_x${w}(x)); const ${v} s = x * x; const ${v} small = x * (${polynomial("s", erfTerms)}); const ${v} big = 1.0f - gw_exp_x${w}(${polynomial("a", logErfcTerms)}); return gw_select_x${w}(a < 1.0f, small, (${v})((${i})big | ((${i})x & ~0x7fffffff)));`,
    ["abs", "exp", "splat", "select", "maxn", "minn"],
  );
}

defineTranspose(8, 2);
defineTranspose(16, 1);

/** Vector types of a width: values, values at any address, and masks. */
const typesOf = (w: number): string =>
  `typedef float gw_f32x${w} __attribute__((vector_size(${4 * w})));\ntypedef float gw_f32x${w}u __attribute__((vector_size(${4 * w}), aligned(4), may_alias));\ntypedef int32_t gw_i32x${w} __attribute__((vector_size(${4 * w})));\ntypedef int32_t gw_i32x${w}u __attribute__((vector_size(${4 * w}), aligned(4), may_alias));\ntypedef uint8_t gw_u8x${w} __attribute__((vector_size(${w})));\ntypedef uint8_t gw_u8x${w}u __attribute__((vector_size(${w}), aligned(1), may_alias));\ntypedef int8_t gw_i8x${w} __attribute__((vector_size(${w})));\ntypedef int8_t gw_i8x${w}u __attribute__((vector_size(${w}), aligned(1), may_alias));`;

/** Half floats as their bits; declared where something uses them. */
const halvesOf = (w: number, name: string): string => `typedef uint16_t gw_${name}x${w} __attribute__((vector_size(${2 * w})));\ntypedef uint16_t gw_${name}x${w}u __attribute__((vector_size(${2 * w}), aligned(2), may_alias));`;

export const isVectorHelper = (name: string): boolean => table.has(name);

/** The types of the widths used and the helpers and vectors of half floats named with all they need, in a fixed order. They stand in the target's own sources. */
export function vectorDefinitions(names: ReadonlySet<string>, widths: ReadonlySet<number>): string[] {
  const wanted = new Set<string>();
  for (const name of names) {
    wanted.add(name);
    for (const n of table.get(name)?.needs ?? []) wanted.add(n);
  }
  const used = new Set([...widths, ...[...wanted].map((n) => Number(n.slice(n.lastIndexOf("x") + 1)))]);
  const halves = ["f16", "bf16"].flatMap((kind) => vectorWidths.filter((w) => wanted.has(`gw_widen_${kind}_x${w}`) || wanted.has(`gw_narrow_${kind}_x${w}`) || wanted.has(`gw_${kind}x${w}`)).map((w) => halvesOf(w, kind)));
  return [...vectorWidths.filter((w) => used.has(w)).map(typesOf), ...halves, ...[...table].filter(([name]) => wanted.has(name)).map(([, { text }]) => text)];
}
