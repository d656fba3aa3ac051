import type { ElementType } from "../../ir/element-type.ts";
import type { ExpressionType } from "../../tensor/program.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";

const names: Partial<Record<ElementType, string>> = {
  float32: "float",
  float64: "double",
  int8: "int8_t",
  int16: "int16_t",
  int32: "int32_t",
  int64: "int64_t",
  uint8: "uint8_t",
  uint16: "uint16_t",
  uint32: "uint32_t",
  uint64: "uint64_t",
  // Small floats are stored as their bits and computed in float.
  float16: "uint16_t",
  bfloat16: "uint16_t",
  float8e4m3fn: "uint8_t",
  float8e4m3fnuz: "uint8_t",
  float8e5m2: "uint8_t",
  float8e5m2fnuz: "uint8_t",
  float8e8m0: "uint8_t",
  // _Bool would normalize what other code wrote as a byte.
  bool: "uint8_t",
};

/** The C type of an element; indices are as wide as addresses. */
export function cType(type: ExpressionType): string {
  if (type === "index") return "ptrdiff_t";
  const name = names[type];
  if (!name) throw new GraphwrightError("not-lowered", `the C backend has no element type ${type}.`);
  return name;
}

/** Floats that C has no type for: kept as bits, converted where they are read and written. */
export const isSmallFloat = (type: ExpressionType): boolean => type === "float16" || type === "bfloat16" || type.startsWith("float8");

/** A floating-point constant with exactly this value. */
export function cFloat(value: number, element: "float32" | "float64"): string {
  const exact = element === "float32" ? Math.fround(value) : value;
  const suffix = element === "float32" ? "f" : "";
  if (Number.isNaN(exact)) return element === "float32" ? "NAN" : "(double)NAN";
  if (!Number.isFinite(exact)) return `${exact < 0 ? "-" : ""}${element === "float32" ? "INFINITY" : "(double)INFINITY"}`;
  const negative = exact < 0 || Object.is(exact, -0);
  const size = Math.abs(exact);
  // Multiples of 1/1024 up to a million are exact in few decimal digits; the rest is written in hexadecimal.
  const text = size < 1e6 && Number.isInteger(size * 1024) && String(size).length <= 8 ? (Number.isInteger(size) ? `${size}.0` : String(size)) : hexFloat(size);
  return `${negative ? "-" : ""}${text}${suffix}`;
}

/** C99 hexadecimal floating constant: 0x1.8p+1 is 3. */
function hexFloat(size: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, size);
  const high = view.getUint32(0);
  const low = view.getUint32(4);
  const exponent = (high >>> 20) & 0x7ff;
  const digits = ((high & 0xfffff).toString(16).padStart(5, "0") + low.toString(16).padStart(8, "0")).replace(/0+$/, "");
  const power = exponent === 0 ? -1022 : exponent - 1023;
  return `0x${exponent === 0 ? 0 : 1}${digits === "" ? "" : `.${digits}`}p${power < 0 ? "" : "+"}${power}`;
}

/** An integer constant of this element type. */
export function cInteger(given: number | bigint, element: ElementType): string {
  const value = Number(given);
  const integer = (): bigint => (typeof given === "bigint" ? given : Number.isFinite(given) ? BigInt(Math.trunc(given)) : BigInt(given > 0 ? 2 ** 64 : -(2 ** 64)));
  switch (element) {
    case "int64": {
      // The lowest has no literal: its digits would be those of a number beyond the type, negated.
      const whole = integer();
      return whole <= -(1n << 63n) ? "INT64_MIN" : whole >= (1n << 63n) - 1n ? "INT64_MAX" : `INT64_C(${whole})`;
    }
    case "uint64": {
      const whole = integer();
      return whole >= (1n << 64n) - 1n ? "UINT64_MAX" : `UINT64_C(${whole})`;
    }
    case "int32":
      return value <= -(2 ** 31) ? "INT32_MIN" : `${value | 0}`;
    case "uint32":
      return `${value >>> 0}u`;
    default:
      return `${value}`;
  }
}
