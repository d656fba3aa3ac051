import { elementKind, type ElementType } from "../ir/element-type.ts";
import { printFloat, quote } from "../ir/printer.ts";
import { printLayout } from "./layout.ts";
import { sizesOf } from "./sizes.ts";
import type { Axis, BinaryOp, Block, Buffer, Expression, LoopKind, Statement, TensorProgram, UnaryOp } from "./program.ts";

/** Lines (counted from 1, both included) that a block takes in a text. */
export interface BlockLines {
  readonly block: string;
  readonly from: number;
  readonly to: number;
}

export interface ProgramText {
  readonly text: string;
  readonly blocks: readonly BlockLines[];
}

/** Operators between their operands, with their precedence: what binds closer has the higher one. */
export const infix = {
  or: ["or", 1], xor: ["xor", 1], and: ["and", 2],
  lt: ["<", 3], le: ["<=", 3], gt: [">", 3], ge: [">=", 3], eq: ["==", 3], ne: ["!=", 3],
  add: ["+", 4], sub: ["-", 4], mul: ["*", 5], div: ["/", 5], floordiv: ["//", 5], floormod: ["%", 5],
} as const satisfies Partial<Record<BinaryOp, readonly [symbol: string, precedence: number]>>;

/** Operators that are written as calls. */
export const binaryCalls = ["fmod", "min", "max", "pow", "bitand", "bitor", "bitxor", "shl", "shr"] as const satisfies readonly Exclude<BinaryOp, keyof typeof infix>[];
export const unaryCalls = [
  "abs", "exp", "log", "sqrt", "rsqrt", "tanh", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh",
  "asinh", "acosh", "atanh", "erf", "floor", "ceil", "round", "trunc", "bitnot", "not", "isnan", "isinf",
] as const satisfies readonly Exclude<UnaryOp, "neg">[];

/** How each kind of loop is written. */
export const loopWords: Readonly<Record<LoopKind, string>> = { serial: "range", unrolled: "unrolled", vectorized: "vectorized", parallel: "parallel", worker: "worker", dot: "dot", transposed: "transposed" };

export const parameterScopes = ["input", "weight", "output", "scratch"] as const satisfies readonly Buffer["scope"][];

/** What stands before the statements of a block. */
export const blockWords = ["spatial", "reduce", "init"] as const;

const printName = (name: string): string => (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : quote(name));

function printElement(value: number, element: ElementType): string {
  if (element === "bool") return value ? "true" : "false";
  return elementKind(element) === "float" ? printFloat(value, element !== "float64") : `${value}`;
}

/** Does the text read as a bare number? */
const isBare = (e: Expression): boolean => e.kind === "integer" || (e.kind === "number" && e.element === "float32");

export function printExpression(e: Expression, outer = 0): string {
  switch (e.kind) {
    case "variable":
      return printName(e.name);
    case "integer":
      return `${e.value}`;
    case "number": {
      if (e.element === "bool") return e.value ? "true" : "false";
      if (e.element === "float32") return printFloat(e.value);
      if (e.exact !== undefined) return `${e.element}(${e.exact})`;
      return `${e.element}(${printFloat(e.value, false).replace(/\.0$/, "")})`;
    }
    case "load":
      return `${printName(e.buffer.name)}[${e.indices.map((i) => printExpression(i)).join(", ")}]`;
    case "unary":
      if (e.op !== "neg") return `${e.op}(${printExpression(e.operand)})`;
      // -(2.0) negates, -2.0 is a number.
      return isBare(e.operand) && !printExpression(e.operand).startsWith("-") ? `-(${printExpression(e.operand)})` : `-${printExpression(e.operand, 6)}`;
    case "cast":
      // int32(2) is a number of that type.
      if (isBare(e.operand) || (e.element === "bool" && e.operand.kind === "number" && e.operand.element === "bool")) return `cast(${e.element}, ${printExpression(e.operand)})`;
      return `${e.element}(${printExpression(e.operand)})`;
    case "select":
      return `select(${printExpression(e.condition)}, ${printExpression(e.then)}, ${printExpression(e.otherwise)})`;
    case "binary": {
      const known = (infix as Partial<Record<BinaryOp, readonly [string, number]>>)[e.op];
      if (!known) return `${e.op}(${printExpression(e.left)}, ${printExpression(e.right)})`;
      const [symbol, precedence] = known;
      const text = `${printExpression(e.left, precedence)} ${symbol} ${printExpression(e.right, precedence + 1)}`;
      return precedence < outer ? `(${text})` : text;
    }
  }
}

/** In places where a bound follows: n <= 8. */
const printBounded = (e: Expression, bound: number): string => `${printExpression(e, 4)} <= ${bound}`;

const printBuffer = (b: Buffer): string =>
  `${printName(b.name)}: ${b.element}[${b.dims.map((d, i) => (b.shape && b.shape[i]!.kind !== "integer" ? printBounded(b.shape[i]!, d) : d)).join(", ")}]${b.packed ? ` packed ${printLayout(b.packed.layout)} of [${b.packed.dims.join(", ")}]` : ""}`;

/** The readable text of a program, and where each block stands in it. Equal programs give equal texts; `parseProgram` reads them. */
export function printProgram(program: TensorProgram): ProgramText {
  const lines: string[] = [];
  const blocks: BlockLines[] = [];
  const emit = (depth: number, text: string): void => void lines.push("  ".repeat(depth) + text);

  const printBlock = (s: Block, depth: number): void => {
    const from = lines.length + 1;
    emit(depth, `block ${printName(s.name)}:`);
    // Neighbouring axes of a kind share a line.
    let kind: Axis["kind"] | undefined;
    for (const [i, a] of s.axes.entries()) {
      const text = `${printName(a.variable.name)} < ${a.extent} = ${printExpression(s.bindings[i] as Expression)}`;
      if (a.kind === kind) lines.push(`${lines.pop()}, ${text}`);
      else emit(depth + 1, `${a.kind} ${text}`);
      ({ kind } = a);
    }
    if (s.init) {
      emit(depth + 1, "init:");
      print(s.init, depth + 2);
    }
    if (s.body.length > 0 || (s.axes.length === 0 && !s.init)) print(s.body, depth + 1);
    blocks.push({ block: s.name, from, to: lines.length });
  };

  const print = (body: readonly Statement[], depth: number): void => {
    if (body.length === 0) emit(depth, "pass");
    for (const s of body) {
      switch (s.kind) {
        case "for": {
          emit(depth, `for ${printName(s.variable.name)} in ${loopWords[s.mode]}(${s.count ? printBounded(s.count, s.extent) : s.extent}):`);
          if (s.prefetch) emit(depth + 1, `prefetch ${s.prefetch.lines} lines of ${printName(s.prefetch.buffer.name)} at ${printExpression(s.prefetch.index)}`);
          print(s.body, depth + 1);
          break;
        }
        case "if":
          emit(depth, `if ${printExpression(s.condition)}:`);
          print(s.then, depth + 1);
          if (s.otherwise) {
            emit(depth, "else:");
            print(s.otherwise, depth + 1);
          }
          break;
        case "block":
          printBlock(s, depth);
          break;
        case "store":
          emit(depth, `${printName(s.buffer.name)}[${s.indices.map((i) => printExpression(i)).join(", ")}] = ${printExpression(s.value)}`);
          break;
        case "allocate":
          emit(depth, s.buffer.values ? `table ${printBuffer(s.buffer)} = [${s.buffer.values.map((v) => printElement(v, s.buffer.element)).join(", ")}]` : `local ${printBuffer(s.buffer)}`);
          break;
      }
    }
  };

  emit(0, `program ${printName(program.name)}(${[...program.parameters.map((p) => `${p.scope} ${printBuffer(p)}`), ...sizesOf(program).map((s) => `size ${printName(s.name)} <= ${s.max}`)].join(", ")}):`);
  print(program.body, 1);
  blocks.sort((a, b) => a.from - b.from);
  return { text: lines.join("\n") + "\n", blocks };
}

