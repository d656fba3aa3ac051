import type { ElementType } from "../../ir/element-type.ts";
import type { ExpressionType } from "../../tensor/program.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";

const smallFloats: Partial<Record<ExpressionType, string>> = { float16: "f16", bfloat16: "bf16", float8e4m3fn: "f8e4m3fn", float8e4m3fnuz: "f8e4m3fnuz", float8e5m2: "f8e5m2", float8e5m2fnuz: "f8e5m2fnuz", float8e8m0: "f8e8m0" };

/** Floats of 16 and 8 bits: kept as their bits in an i32, computed as float32. */
export const isSmallFloat = (type: ExpressionType): boolean => smallFloats[type] !== undefined;

/** What the conversions of a small float are named by: `from_f16`, `to_f16`. */
export const smallFloatId = (type: ExpressionType): string => smallFloats[type]!;

/** The type of a value on WebAssembly's stack. Memory is addressed with 32 bits, so an index has 32. */
export function wasmType(type: ExpressionType): "i32" | "i64" | "f32" | "f64" {
  switch (type) {
    case "float32": return "f32";
    case "float64": return "f64";
    case "int64": case "uint64": return "i64";
    case "index": case "bool": case "int8": case "int16": case "int32": case "uint8": case "uint16": case "uint32": return "i32";
    default:
      if (isSmallFloat(type)) return "i32";
      throw new GraphwrightError("not-lowered", `the WebAssembly backend has no element type ${type}.`);
  }
}

export function loadOf(element: ElementType): string {
  switch (element) {
    case "int8": return "i32.load8_s";
    case "int16": return "i32.load16_s";
    case "uint8": case "bool": return "i32.load8_u";
    case "uint16": case "float16": case "bfloat16": return "i32.load16_u";
    default: return isSmallFloat(element) ? "i32.load8_u" : `${wasmType(element)}.load`;
  }
}

export function storeOf(element: ElementType): string {
  switch (element) {
    case "int8": case "uint8": case "bool": return "i32.store8";
    case "int16": case "uint16": case "float16": case "bfloat16": return "i32.store16";
    default: return isSmallFloat(element) ? "i32.store8" : `${wasmType(element)}.store`;
  }
}

/** A floating-point constant with exactly this value. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Functions of the host that a module may import from "math": doubles in, a double out. */
export const mathFunctions: readonly string[] = ["exp", "log", "tanh", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "erf", "pow", "fmod", "floormod"];

/** How many parameters a host function has. */
export const mathArity = (name: string): number => (name === "pow" || name === "fmod" || name === "floormod" ? 2 : 1);

/** Functions that have a form for four floats, below. */
export const vectorMath: readonly string[] = ["exp", "log", "tanh", "erf"];

const table = new Map<string, { readonly text: string; readonly needs: readonly string[] }>();
const define = (name: string, text: string, ...needs: string[]): void => void table.set(name, { text, needs });
const f = (...values: number[]): string[] => values.map((v) => `(f32x4.splat (f32.const ${floatText(Math.fround(v))}))`);

/** The polynomial with these coefficients, the constant first, by Horner's rule. */
function polynomial(x: string, coefficients: readonly number[]): string {
  return coefficients.reduceRight<string>((sum, c) => (sum === "" ? f(c)[0]! : `(f32x4.add (f32x4.mul ${sum} ${x}) ${f(c)[0]!})`), "");
}

for (const t of ["i32", "i64"] as const) {
  const bits = (op: string): string => `(${t}.${op} (local.get $a) (local.get $b))`;
  const binary = (name: string, body: string, locals = ""): void => define(name, `(func $${name} (param $a ${t}) (param $b ${t}) (result ${t})${locals} ${body})`);
  const zero = `(${t}.const 0)`;
  const one = `(${t}.const -1)`;
  for (const sign of ["s", "u"]) {
    binary(`min_${t}_${sign}`, `(select (local.get $a) (local.get $b) ${bits(`lt_${sign}`)})`);
    binary(`max_${t}_${sign}`, `(select (local.get $a) (local.get $b) ${bits(`gt_${sign}`)})`);
  }
  // Division by zero gives 0, by -1 a negation that wraps: neither traps.
  binary(`div_${t}_s`, `(if (result ${t}) (${t}.eqz (local.get $b)) (then ${zero}) (else (if (result ${t}) (${t}.eq (local.get $b) ${one}) (then (${t}.sub ${zero} (local.get $a))) (else ${bits("div_s")}))))`);
  binary(`rem_${t}_s`, `(if (result ${t}) (${t}.eqz (local.get $b)) (then ${zero}) (else ${bits("rem_s")}))`);
  binary(`div_${t}_u`, `(if (result ${t}) (${t}.eqz (local.get $b)) (then ${zero}) (else ${bits("div_u")}))`);
  binary(`rem_${t}_u`, `(if (result ${t}) (${t}.eqz (local.get $b)) (then ${zero}) (else ${bits("rem_u")}))`);
  const crosses = `(i32.and (${t}.ne (local.get $r) ${zero}) (${t}.lt_s (${t}.xor (local.get $r) (local.get $b)) ${zero}))`;
  define(`floormod_${t}`, `(func $floormod_${t} (param $a ${t}) (param $b ${t}) (result ${t}) (local $r ${t}) (local.set $r (call $rem_${t}_s (local.get $a) (local.get $b))) (select (${t}.add (local.get $r) (local.get $b)) (local.get $r) ${crosses}))`, `rem_${t}_s`);
  define(`floordiv_${t}`, `(func $floordiv_${t} (param $a ${t}) (param $b ${t}) (result ${t}) (local $r ${t}) (local.set $r (call $rem_${t}_s (local.get $a) (local.get $b))) (select (${t}.sub (call $div_${t}_s (local.get $a) (local.get $b)) (${t}.const 1)) (call $div_${t}_s (local.get $a) (local.get $b)) ${crosses}))`, `rem_${t}_s`, `div_${t}_s`);
  // A shift by the width or more, which as unsigned a negative one is too, gives 0; narrower types have fewer bits than the word.
  const inWidth = `(${t}.lt_u (local.get $b) ${t === "i32" ? "(local.get $bits)" : "(i64.extend_i32_u (local.get $bits))"})`;
  for (const [name, op] of [[`shl_${t}`, "shl"], [`shr_${t}_s`, "shr_s"], [`shr_${t}_u`, "shr_u"]] as const)
    define(name, `(func $${name} (param $a ${t}) (param $b ${t}) (param $bits i32) (result ${t}) (select ${bits(op)} ${zero} ${inWidth}))`);
  define(`abs_${t}`, `(func $abs_${t} (param $a ${t}) (result ${t}) (select (${t}.sub ${zero} (local.get $a)) (local.get $a) (${t}.lt_s (local.get $a) ${zero})))`);
}
for (const t of ["f32", "f64"] as const) {
  define(`isnan_${t}`, `(func $isnan_${t} (param $a ${t}) (result i32) (${t}.ne (local.get $a) (local.get $a)))`);
  const within = (low: string, strict: "gt" | "ge", high: string): string => `(i32.and (${t}.${strict} (local.get $a) (${t}.const ${low})) (${t}.lt (local.get $a) (${t}.const ${high})))`;
  // What does not fit is the least integer, as C's conversions on common machines give it; uint64 has 0.
  define(`to_i32_${t}`, `(func $to_i32_${t} (param $a ${t}) (result i32) (select (i32.trunc_sat_${t}_s (local.get $a)) (i32.const -2147483648) ${within(t === "f32" ? "-2147483904" : "-2147483649", "gt", "2147483648")}))`);
  define(`to_i64_${t}`, `(func $to_i64_${t} (param $a ${t}) (result i64) (select (i64.trunc_sat_${t}_s (local.get $a)) (i64.const -9223372036854775808) ${within("-9223372036854775808", "ge", "9223372036854775808")}))`);
  define(`to_u64_${t}`, `(func $to_u64_${t} (param $a ${t}) (result i64) (select (i64.trunc_sat_${t}_u (local.get $a)) (i64.const 0) ${within("-1", "gt", "18446744073709551616")}))`);
}
const [h, b, k] = ["(local.get $h)", "(local.get $b)", "(local.get $k)"] as const;
const i32 = (op: string, left: string, right: string | number): string => `(i32.${op} ${left} ${typeof right === "number" ? `(i32.const ${right})` : right})`;
// Half floats: what is subnormal is the multiple of 2^-24 that its bits say; else the exponents' biases differ by 112.
define(
  "from_f16",
  `(func $from_f16 (param $h i32) (result f32) (local $b i32)
  (if (i32.eqz ${i32("and", h, 0x7c00)})
    (then (local.set $b (i32.reinterpret_f32 (f32.mul (f32.convert_i32_u ${i32("and", h, 0x3ff)}) (f32.const ${2 ** -24})))))
    (else (local.set $b ${i32("add", i32("shl", i32("and", h, 0x7fff), 13), `(select (i32.const 0x70000000) (i32.const 0x38000000) ${i32("eq", i32("and", h, 0x7c00), 0x7c00)})`)})))
  (f32.reinterpret_i32 ${i32("or", b, i32("shl", i32("and", h, 0x8000), 16))}))`,
);
// To nearest, ties to even; what is too large becomes infinite. A subnormal is rounded by a sum with one half, whose unit is 2^-24.
define(
  "to_f16",
  `(func $to_f16 (param $x f32) (result i32) (local $k i32) (local $b i32)
  (local.set $k ${i32("and", "(i32.reinterpret_f32 (local.get $x))", 0x7fffffff)})
  (local.set $b ${i32("and", i32("shr_u", "(i32.reinterpret_f32 (local.get $x))", 16), 0x8000)})
  (if ${i32("gt_u", k, 0x7f800000)} (then (return ${i32("or", b, 0x7e00)})))
  (if ${i32("ge_u", k, 0x47800000)} (then (return ${i32("or", b, 0x7c00)})))
  (if ${i32("lt_u", k, 0x38800000)} (then (return ${i32("or", b, i32("sub", "(i32.reinterpret_f32 (f32.add (f32.abs (local.get $x)) (f32.const 0.5)))", 0x3f000000))})))
  ${i32("or", b, i32("shr_u", i32("sub", i32("add", k, i32("add", i32("and", i32("shr_u", k, 13), 1), 0xfff)), 0x38000000), 13))})`,
);
define("from_bf16", `(func $from_bf16 (param $h i32) (result f32) (f32.reinterpret_i32 ${i32("shl", h, 16)}))`);
define(
  "to_bf16",
  `(func $to_bf16 (param $x f32) (result i32) (local $k i32)
  (local.set $k (i32.reinterpret_f32 (local.get $x)))
  (select ${i32("or", i32("shr_u", k, 16), 0x40)} ${i32("shr_u", i32("add", i32("add", k, 0x7fff), i32("and", i32("shr_u", k, 16), 1)), 16)} (f32.ne (local.get $x) (local.get $x))))`,
);
// One byte: a sign, exponent and mantissa. 2^n is the float whose exponent field is n + 127.
for (const { id, mantissa, exponent, bias, special } of [
  { id: "f8e4m3fn", exponent: 4, mantissa: 3, bias: 7, special: "ones" },
  { id: "f8e4m3fnuz", exponent: 4, mantissa: 3, bias: 8, special: "negative zero" },
  { id: "f8e5m2", exponent: 5, mantissa: 2, bias: 15, special: "ieee" },
  { id: "f8e5m2fnuz", exponent: 5, mantissa: 2, bias: 16, special: "negative zero" },
] as const) {
  const [low, top] = [1 << mantissa, (1 << exponent) - 1];
  const power = (n: string): string => `(f32.reinterpret_i32 ${i32("shl", i32("add", n, 127), 23)})`;
  const size = i32("and", h, 127);
  const notNumber = special === "ieee" ? i32("gt_u", size, top * low) : special === "ones" ? i32("eq", size, 127) : i32("eq", h, 128);
  define(
    `from_${id}`,
    `(func $from_${id} (param $h i32) (result f32) (local $b i32)
  (if ${notNumber} (then (return (f32.const nan))))
  (local.set $b ${i32("shr_u", size, mantissa)})
  (f32.copysign ${special === "ieee" ? `(if (result f32) ${i32("eq", size, top * low)} (then (f32.const inf)) (else ` : ""}(f32.mul
    (f32.convert_i32_u (select ${i32("and", h, low - 1)} ${i32("or", i32("and", h, low - 1), low)} (i32.eqz ${b})))
    ${power(i32("sub", `(select (i32.const 1) ${b} (i32.eqz ${b}))`, bias + mantissa))})${special === "ieee" ? "))" : ""}
    (f32.reinterpret_i32 ${i32("shl", h, 24)})))`,
  );
  const largest = special === "ieee" ? top * low - 1 : special === "ones" ? 126 : 127;
  // Saturates: what is too large, infinity too, becomes the largest finite value.
  define(
    `to_${id}`,
    `(func $to_${id} (param $x f32) (result i32) (local $b i32) (local $k i32) (local $h i32)
  (if (f32.ne (local.get $x) (local.get $x)) (then (return ${special === "negative zero" ? "(i32.const 128)" : `(i32.const ${special === "ones" ? 127 : (top * low) | (low >> 1)})`})))
  (local.set $b ${i32("shr_u", i32("and", "(i32.reinterpret_f32 (local.get $x))", -0x80000000), 24)})
  (local.set $k ${i32("sub", i32("and", i32("shr_u", "(i32.reinterpret_f32 (local.get $x))", 23), 255), 127)})
  (if ${i32("gt_s", k, 64)} (then (return ${i32("or", b, largest)})))
  (if ${i32("lt_s", k, 1 - bias)}
    (then (local.set $h (i32.trunc_sat_f32_u (f32.nearest (f32.mul (f32.abs (local.get $x)) (f32.const ${2 ** (bias - 1 + mantissa)}))))))
    (else (local.set $h ${i32("add", `(i32.trunc_sat_f32_u (f32.nearest (f32.mul (f32.abs (local.get $x)) ${power(`(i32.sub (i32.const ${mantissa}) ${k})`)})))`, i32("sub", i32("shl", i32("add", k, bias), mantissa), low))})))
  ${special === "negative zero" ? `(if (i32.eqz ${h}) (then (return (i32.const 0))))
  ` : ""}${i32("or", b, `(select ${h} (i32.const ${largest}) ${i32("lt_u", h, largest)})`)})`,
  );
}
define("from_f8e8m0", `(func $from_f8e8m0 (param $h i32) (result f32) (f32.reinterpret_i32 (select (i32.const 0x7fc00000) (select ${i32("shl", h, 23)} (i32.const 0x00400000) ${h}) ${i32("eq", h, 255)})))`);
define("isnan_f32x4", "(func $isnan_f32x4 (param $a v128) (result v128) (f32x4.ne (local.get $a) (local.get $a)))");

const [one, half, ln2High, ln2Low, log2e] = f(1, 0.5, 0.693359375, -2.12194440e-4, Math.LOG2E) as [string, string, string, string, string];
const x = "(local.get $x)";
/**
 * exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2 (Cody and Waite); 2^n in two factors, so that neither end
 * of the range is lost. Error below 1.5 ulp. The coefficients here and below are weighted least-maximum fits.
 */
define(
  "exp_f32x4",
  `(func $exp_f32x4 (param $x v128) (result v128) (local $n v128) (local $i v128) (local $j v128) (local $r v128)
  (local.set $x (f32x4.min (f32x4.max ${x} ${f(-105)[0]}) ${f(89)[0]}))
  (local.set $n (f32x4.nearest (f32x4.mul ${x} ${log2e})))
  (local.set $r (f32x4.sub (f32x4.sub ${x} (f32x4.mul (local.get $n) ${ln2High})) (f32x4.mul (local.get $n) ${ln2Low})))
  (local.set $i (i32x4.trunc_sat_f32x4_s (local.get $n)))
  (local.set $j (i32x4.shr_s (local.get $i) (i32.const 1)))
  (local.set $i (i32x4.sub (local.get $i) (local.get $j)))
  (f32x4.mul (f32x4.mul (f32x4.add (f32x4.add (f32x4.mul (f32x4.mul (local.get $r) (local.get $r)) ${polynomial("(local.get $r)", [0.5, 0.16666576266288757, 0.04166637361049652, 0.008363175205886364, 0.0013941098004579544])}) (local.get $r)) ${one})
    (i32x4.shl (i32x4.add (local.get $j) (i32x4.splat (i32.const 127))) (i32.const 23)))
    (i32x4.shl (i32x4.add (local.get $i) (i32x4.splat (i32.const 127))) (i32.const 23))))`,
);
/** log(m 2^e), m in [sqrt(1/2), sqrt(2)); what is subnormal is scaled first. */
define(
  "log_f32x4",
  `(func $log_f32x4 (param $x v128) (result v128) (local $e v128) (local $m v128) (local $low v128) (local $s v128)
  (local.set $s (f32x4.lt ${x} ${f(1.1754943508222875e-38)[0]}))
  (local.set $m (v128.bitselect (f32x4.mul ${x} ${f(8388608)[0]}) ${x} (local.get $s)))
  (local.set $e (i32x4.sub (i32x4.shr_u (local.get $m) (i32.const 23)) (i32x4.splat (i32.const 126))))
  (local.set $e (i32x4.sub (local.get $e) (v128.and (local.get $s) (i32x4.splat (i32.const 23)))))
  (local.set $m (v128.or (v128.and (local.get $m) (i32x4.splat (i32.const 0x007fffff))) ${half}))
  (local.set $low (f32x4.lt (local.get $m) ${f(Math.SQRT1_2)[0]}))
  (local.set $e (i32x4.add (local.get $e) (local.get $low)))
  (local.set $m (f32x4.sub (f32x4.add (local.get $m) (v128.and (local.get $low) (local.get $m))) ${one}))
  (local.set $e (f32x4.convert_i32x4_s (local.get $e)))
  (local.set $s (f32x4.mul (local.get $m) (local.get $m)))
  (local.set $s (f32x4.add (f32x4.mul (f32x4.mul (local.get $s) (local.get $m)) ${polynomial("(local.get $m)", [0.33333322405815125, -0.24999986588954926, 0.20001554489135742, -0.16668936610221863, 0.14230431616306305, -0.12395022809505463, 0.11803658306598663, -0.11708491295576096, 0.06966949999332428])}) (f32x4.sub (f32x4.mul (local.get $e) ${ln2Low}) (f32x4.mul (local.get $s) ${half}))))
  (local.set $s (f32x4.add (f32x4.add (local.get $m) (local.get $s)) (f32x4.mul (local.get $e) ${ln2High})))
  (local.set $s (v128.bitselect ${x} (local.get $s) (f32x4.eq ${x} ${f(Infinity)[0]})))
  (local.set $s (v128.bitselect ${f(-Infinity)[0]} (local.get $s) (f32x4.eq ${x} ${f(0)[0]})))
  (v128.or (local.get $s) (v128.or (f32x4.lt ${x} ${f(0)[0]}) (f32x4.ne ${x} ${x}))))`,
);
/** An odd polynomial near 0, 1 - 2 / (exp(2|x|) + 1) with the sign of x elsewhere. */
define(
  "tanh_f32x4",
  `(func $tanh_f32x4 (param $x v128) (result v128) (local $a v128) (local $z v128)
  (local.set $a (f32x4.abs ${x}))
  (local.set $z (f32x4.mul ${x} ${x}))
  (v128.bitselect (f32x4.add ${x} (f32x4.mul (f32x4.mul ${x} (local.get $z)) ${polynomial("(local.get $z)", [-0.3333328366279602, 0.13331490755081177, -0.05374348536133766, 0.020650554448366165, -0.005717011168599129])}))
    (v128.bitselect ${x} (f32x4.sub ${one} (f32x4.div ${f(2)[0]} (f32x4.add (call $exp_f32x4 (f32x4.add (local.get $a) (local.get $a))) ${one}))) ${f(-0)[0]})
    (f32x4.lt (local.get $a) ${f(0.625)[0]})))`,
  "exp_f32x4",
);
/** An odd polynomial up to 1, 1 - exp(-p(|x|)) with the sign of x elsewhere. Error below 3 ulp, 1.6e-7 absolute. */
define(
  "erf_f32x4",
  `(func $erf_f32x4 (param $x v128) (result v128) (local $a v128) (local $z v128)
  (local.set $a (f32x4.min (f32x4.abs ${x}) ${f(4)[0]}))
  (local.set $z (f32x4.mul ${x} ${x}))
  (v128.bitselect (f32x4.mul ${x} ${polynomial("(local.get $z)", [1.128379225730896, -0.37612637877464294, 0.11283782869577408, -0.02686544507741928, 0.005221074912697077, -0.00084847112884745, 0.00011270541290286928, -9.680127732281107e-6])})
    (v128.bitselect ${x} (f32x4.sub ${one} (call $exp_f32x4 (f32x4.neg ${polynomial("(local.get $a)", [-0.0002043655695160851, 1.129661202430725, 0.6330395340919495, 0.10863908380270004, -0.02537362091243267, 0.004282414447516203, -0.00046379747800529003, 2.531638165237382e-5, -2.5143864945675887e-7])}))) ${f(-0)[0]})
    (f32x4.lt (local.get $a) ${one})))`,
  "exp_f32x4",
);

/** Definitions of the helpers named and of what they call, in a fixed order. */
export function helperFunctions(names: ReadonlySet<string>): string[] {
  const wanted = new Set<string>();
  const want = (name: string): void => {
    const known = table.get(name);
    if (!known) throw new GraphwrightError("not-lowered", `the WebAssembly backend has no ${name}.`);
    if (wanted.has(name)) return;
    wanted.add(name);
    known.needs.forEach(want);
  };
  for (const name of names) want(name);
  return [...table].filter(([name]) => wanted.has(name)).map(([, { text }]) => text);
}
