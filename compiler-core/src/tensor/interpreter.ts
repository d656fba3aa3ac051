import { byteSize, elementKind, type ElementType } from "../ir/element-type.ts";
import { allocate, isBigArray, type Tensor, tensorBytes, toBigInt, toNumbers, makeTensor, fromNumbers } from "../ir/tensor.ts";
import { decodeSmallFloat, encodeSmallFloat } from "../ir/small-float.ts";
import { elementCount } from "../ir/value-type.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { typeOf } from "./expression.ts";
import { packTensor } from "./layout.ts";
import type { BinaryOp, Buffer, Expression, Statement, TensorProgram, UnaryOp, Variable } from "./program.ts";

/**
 * Runs a tensor program on tensors, for checks of schedules and as the meaning of a program; weights that it packs are given
 * as they were. Elements are JavaScript
 * numbers rounded to their type after each operation (64-bit integers are exact up to 2^53). Every access is checked,
 * and reading an element that was never written is an error.
 */
export function interpret(program: TensorProgram, inputs: readonly Tensor[]): Tensor[] {
  const storage = new Map<Buffer, Storage>();
  let next = 0;
  for (const p of program.parameters) {
    if (p.scope === "input" || p.scope === "weight") {
      const given = inputs[next++];
      let tensor = given && p.packed && elementCount(given.dims) === elementCount(p.packed.dims) ? packTensor({ ...given, dims: p.packed.dims }, p.packed.layout) : given;
      // A program may see the bytes of elements only.
      if (tensor && tensor.element !== "uint8" && p.element === "uint8" && elementKind(tensor.element) !== "string" && byteSize(tensor.element, elementCount(tensor.dims)) === elementCount(p.dims)) tensor = makeTensor("uint8", p.dims, tensorBytes(tensor));
      if (!tensor || tensor.element !== p.element || elementCount(tensor.dims) !== elementCount(p.dims))
        throw new GraphwrightError("program-input", `${program.name} takes ${p.element}[${p.dims.join(", ")}] as ${p.name}.`);
      storage.set(p, { values: Float64Array.from(toNumbers(tensor)), written: undefined });
    } else storage.set(p, fresh(p));
  }
  new Machine(program.name, storage).run(program.body);
  return program.parameters.filter((p) => p.scope === "output").map((p) => {
    const { values, written } = storage.get(p) as Storage;
    const missing = written?.indexOf(0) ?? -1;
    if (missing >= 0) throw new GraphwrightError("not-written", `${program.name} leaves element ${missing} of ${p.name} unwritten.`);
    return pack(p.element, p.dims, values);
  });
}

function pack(element: ElementType, dims: readonly number[], values: Float64Array): Tensor {
  const data = allocate(element, values.length);
  if (!isBigArray(data)) return fromNumbers(element, dims, values);
  for (let i = 0; i < values.length; i++) data[i] = toBigInt(values[i] as number);
  return makeTensor(element, dims, data);
}

interface Storage {
  readonly values: Float64Array;
  /** 1 where written; undefined for what the caller gave */
  readonly written: Uint8Array | undefined;
}

function fresh(b: Buffer): Storage {
  const count = elementCount(b.dims);
  return { values: new Float64Array(count), written: new Uint8Array(count) };
}

/** The value as the element type stores it. */
function roundTo(element: ElementType | "index", value: number): number {
  switch (element) {
    case "float32": return Math.fround(value);
    case "float64": return value;
    case "bool": return value !== 0 ? 1 : 0;
    case "int8": return (value << 24) >> 24;
    case "int16": return (value << 16) >> 16;
    case "int32": return value | 0;
    case "uint8": return value & 0xff;
    case "uint16": return value & 0xffff;
    case "uint32": return value >>> 0;
    case "float16": case "bfloat16": case "float8e4m3fn": case "float8e4m3fnuz": case "float8e5m2": case "float8e5m2fnuz": case "float8e8m0":
      return decodeSmallFloat(element, encodeSmallFloat(element, value, element.startsWith("float8")));
    default: return value;
  }
}

const isIntegral = (type: ElementType | "index"): boolean => type === "index" || elementKind(type) === "int" || elementKind(type) === "uint";

class Machine {
  private readonly name: string;
  private readonly storage: Map<Buffer, Storage>;
  private readonly variables = new Map<Variable, number>();

  constructor(name: string, storage: Map<Buffer, Storage>) {
    this.name = name;
    this.storage = storage;
  }

  run(body: readonly Statement[]): void {
    for (const s of body) {
      switch (s.kind) {
        case "for":
          for (let i = 0; i < s.extent; i++) {
            this.variables.set(s.variable, i);
            this.run(s.body);
          }
          break;
        case "if":
          if (this.value(s.condition) !== 0) this.run(s.then);
          else if (s.otherwise) this.run(s.otherwise);
          break;
        case "block": {
          let first = true;
          for (const [i, axis] of s.axes.entries()) {
            const at = this.value(s.bindings[i] as Expression);
            if (at < 0 || at >= axis.extent) throw new GraphwrightError("axis-range", `${this.name}: axis ${axis.variable.name} of ${s.name} is ${at}, outside 0..${axis.extent - 1}.`);
            this.variables.set(axis.variable, at);
            if (axis.kind === "reduce" && at !== 0) first = false;
          }
          if (s.init && first) this.run(s.init);
          this.run(s.body);
          break;
        }
        case "store": {
          const to = this.find(s.buffer);
          const at = this.offset(s.buffer, s.indices);
          to.values[at] = roundTo(s.buffer.element, this.value(s.value));
          if (to.written) to.written[at] = 1;
          break;
        }
        case "allocate":
          this.storage.set(s.buffer, s.buffer.values ? { values: Float64Array.from(s.buffer.values), written: undefined } : fresh(s.buffer));
          break;
      }
    }
  }

  private find(b: Buffer): Storage {
    const found = this.storage.get(b);
    if (!found) throw new GraphwrightError("no-buffer", `${this.name}: the buffer ${b.name} is not allocated here.`);
    return found;
  }

  private offset(b: Buffer, indices: readonly Expression[]): number {
    let offset = 0;
    for (const [d, index] of indices.entries()) {
      const at = this.value(index);
      const extent = b.dims[d] as number;
      if (!(at >= 0 && at < extent)) throw new GraphwrightError("out-of-bounds", `${this.name}: index ${at} of ${b.name}, dimension ${d}, is outside 0..${extent - 1}.`);
      offset = offset * extent + at;
    }
    return offset;
  }

  private value(e: Expression): number {
    switch (e.kind) {
      case "variable":
        return this.variables.get(e) as number;
      case "integer":
        return e.value;
      case "number":
        return roundTo(e.element, e.value);
      case "load": {
        const from = this.find(e.buffer);
        const at = this.offset(e.buffer, e.indices);
        if (from.written && from.written[at] === 0) throw new GraphwrightError("read-before-write", `${this.name}: element ${at} of ${e.buffer.name} is read before it is written.`);
        return from.values[at] as number;
      }
      case "select":
        return this.value(e.condition) !== 0 ? this.value(e.then) : this.value(e.otherwise);
      case "cast": {
        const value = this.value(e.operand);
        return roundTo(e.element, isIntegral(e.element) ? Math.trunc(value) : value);
      }
      case "unary":
        return roundTo(typeOf(e), unaryValue(e.op, this.value(e.operand)));
      case "binary": {
        if (e.op === "and") return this.value(e.left) !== 0 ? this.value(e.right) : 0;
        if (e.op === "or") return this.value(e.left) !== 0 ? 1 : this.value(e.right);
        const type = typeOf(e);
        return roundTo(type, binaryValue(e.op, this.value(e.left), this.value(e.right), type));
      }
    }
  }
}

function unaryValue(op: UnaryOp, x: number): number {
  switch (op) {
    case "neg": return -x;
    case "abs": return Math.abs(x);
    case "exp": return Math.exp(x);
    case "log": return Math.log(x);
    case "sqrt": return Math.sqrt(x);
    case "rsqrt": return 1 / Math.sqrt(x);
    case "tanh": return Math.tanh(x);
    case "sin": return Math.sin(x);
    case "cos": return Math.cos(x);
    case "tan": return Math.tan(x);
    case "asin": return Math.asin(x);
    case "acos": return Math.acos(x);
    case "atan": return Math.atan(x);
    case "sinh": return Math.sinh(x);
    case "cosh": return Math.cosh(x);
    case "asinh": return Math.asinh(x);
    case "acosh": return Math.acosh(x);
    case "atanh": return Math.atanh(x);
    case "erf": return erf(x);
    case "floor": return Math.floor(x);
    case "ceil": return Math.ceil(x);
    case "trunc": return Math.trunc(x);
    case "round": return roundHalfEven(x);
    case "not": return x === 0 ? 1 : 0;
    case "bitnot": return ~x;
    case "isnan": return Number.isNaN(x) ? 1 : 0;
    case "isinf": return x === Infinity || x === -Infinity ? 1 : 0;
  }
}

function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

function binaryValue(op: BinaryOp, a: number, b: number, type: ElementType | "index"): number {
  switch (op) {
    case "add": return a + b;
    case "sub": return a - b;
    case "mul": return type === "int32" || type === "uint32" ? Math.imul(a, b) : a * b;
    case "div": return isIntegral(type) ? (b === 0 ? 0 : Math.trunc(a / b)) : a / b;
    case "floordiv": return Math.floor(a / b);
    case "floormod": return b === 0 ? (isIntegral(type) ? 0 : NaN) : a - b * Math.floor(a / b);
    case "fmod": return b === 0 && isIntegral(type) ? 0 : a % b;
    case "min": return Math.min(a, b);
    case "max": return Math.max(a, b);
    case "pow": return Math.pow(a, b);
    case "bitand": return Number(BigInt(a) & BigInt(b));
    case "bitor": return Number(BigInt(a) | BigInt(b));
    case "bitxor": return Number(BigInt(a) ^ BigInt(b));
    case "shl": return Number(BigInt.asUintN(64, BigInt(a) << BigInt(Math.min(b, 64))));
    case "shr": return Number(BigInt(a) >> BigInt(Math.min(b, 64)));
    case "lt": return a < b ? 1 : 0;
    case "le": return a <= b ? 1 : 0;
    case "gt": return a > b ? 1 : 0;
    case "ge": return a >= b ? 1 : 0;
    case "eq": return a === b ? 1 : 0;
    case "ne": return a !== b ? 1 : 0;
    case "and": return a !== 0 && b !== 0 ? 1 : 0;
    case "or": return a !== 0 || b !== 0 ? 1 : 0;
    case "xor": return (a !== 0) !== (b !== 0) ? 1 : 0;
  }
}

/**
 * The error function to double precision: its Maclaurin series below 3 and the continued fraction of erfc above
 * (Abramowitz and Stegun 7.1.6 and 7.1.14).
 */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z < 3) {
    let term = z;
    let total = z;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total); n++) {
      term *= (2 * z * z) / (2 * n + 1);
      total += term;
    }
    return Math.sign(x) * ((2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * total);
  }
  let fraction = 0;
  for (let k = 60; k >= 1; k--) fraction = k / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * (z + fraction)));
}

