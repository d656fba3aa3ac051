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

/** Vector types of a width: values, values at any address, and masks. */
const typesOf = (w: number): string =>
  `typedef float gw_f32x${w} __attribute__((vector_size(${4 * w})));\ntypedef float gw_f32x${w}u __attribute__((vector_size(${4 * w}), aligned(4), may_alias));\ntypedef int32_t gw_i32x${w} __attribute__((vector_size(${4 * w})));`;

export const isVectorHelper = (name: string): boolean => table.has(name);

/** The types of the widths used and the helpers named with all they need, in a fixed order. They stand in the target's own sources. */
export function vectorDefinitions(names: ReadonlySet<string>, widths: ReadonlySet<number>): string[] {
  const wanted = new Set<string>();
  for (const name of names) {
    wanted.add(name);
    for (const n of table.get(name)?.needs ?? []) wanted.add(n);
  }
  const used = new Set([...widths, ...[...wanted].map((n) => Number(n.slice(n.lastIndexOf("x") + 1)))]);
  return [...vectorWidths.filter((w) => used.has(w)).map(typesOf), ...[...table].filter(([name]) => wanted.has(name)).map(([, { text }]) => text)];
}
