import { erf } from "../../tensor/interpreter.ts";

/** What a module imports from "math": the host's functions. */
export const hostMath: Readonly<Record<string, (x: number, y: number) => number>> = {
  exp: Math.exp, log: Math.log, tanh: Math.tanh, sin: Math.sin, cos: Math.cos, tan: Math.tan, asin: Math.asin, acos: Math.acos, atan: Math.atan,
  sinh: Math.sinh, cosh: Math.cosh, asinh: Math.asinh, acosh: Math.acosh, atanh: Math.atanh, pow: Math.pow, erf,
  fmod: (x, y) => x % y,
  floormod: (x, y) => {
    const r = x % y;
    return r !== 0 && r < 0 !== y < 0 ? r + y : r;
  },
};
