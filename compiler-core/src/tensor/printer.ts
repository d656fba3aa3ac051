import { printLayout } from "./layout.ts";
import { sizesOf } from "./sizes.ts";
import type { BinaryOp, Block, Buffer, Expression, Statement, TensorProgram } from "./program.ts";

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

const infix: Partial<Record<BinaryOp, readonly [symbol: string, precedence: number]>> = {
  or: ["or", 1], xor: ["xor", 1], and: ["and", 2],
  lt: ["<", 3], le: ["<=", 3], gt: [">", 3], ge: [">=", 3], eq: ["==", 3], ne: ["!=", 3],
  add: ["+", 4], sub: ["-", 4], mul: ["*", 5], div: ["/", 5], floordiv: ["//", 5], floormod: ["%", 5],
};

function printNumber(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  return Number.isInteger(value) && Math.abs(value) < 1e15 ? value.toFixed(1) : String(value);
}

export function printExpression(e: Expression, outer = 0): string {
  switch (e.kind) {
    case "variable":
      return e.name;
    case "integer":
      return `${e.value}`;
    case "number": {
      if (e.element === "bool") return e.value ? "true" : "false";
      if (e.element === "float32") return printNumber(shortFloat32(e.value));
      return `${e.element}(${printNumber(e.value).replace(/\.0$/, "")})`;
    }
    case "load":
      return `${e.buffer.name}[${e.indices.map((i) => printExpression(i)).join(", ")}]`;
    case "unary":
      return e.op === "neg" ? `-${printExpression(e.operand, 6)}` : `${e.op}(${printExpression(e.operand)})`;
    case "cast":
      return `${e.element}(${printExpression(e.operand)})`;
    case "select":
      return `select(${printExpression(e.condition)}, ${printExpression(e.then)}, ${printExpression(e.otherwise)})`;
    case "binary": {
      const known = infix[e.op];
      if (!known) return `${e.op}(${printExpression(e.left)}, ${printExpression(e.right)})`;
      const [symbol, precedence] = known;
      const text = `${printExpression(e.left, precedence)} ${symbol} ${printExpression(e.right, precedence + 1)}`;
      return precedence < outer ? `(${text})` : text;
    }
  }
}

/** The shortest decimal that gives the same float32. */
function shortFloat32(value: number): number {
  if (!Number.isFinite(value)) return value;
  for (let digits = 6; digits < 10; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}

export const printBuffer = (b: Buffer): string => `${b.name}: ${b.element}[${b.dims.map((d, i) => (b.shape && b.shape[i]!.kind !== "integer" ? `${printExpression(b.shape[i]!)} <= ${d}` : d)).join(", ")}]${b.packed ? ` packed ${printLayout(b.packed.layout)}` : ""}`;

/** The readable text of a program, and where each block stands in it. Equal programs give equal texts. */
export function printProgram(program: TensorProgram): ProgramText {
  const lines: string[] = [];
  const blocks: BlockLines[] = [];
  const emit = (depth: number, text: string): void => void lines.push("  ".repeat(depth) + text);

  const printBlock = (s: Block, depth: number): void => {
    const from = lines.length + 1;
    emit(depth, `block ${s.name}:`);
    for (const kind of ["spatial", "reduce"] as const) {
      const axes = s.axes.flatMap((a, i) => (a.kind === kind ? [`${a.variable.name} < ${a.extent} = ${printExpression(s.bindings[i] as Expression)}`] : []));
      if (axes.length > 0) emit(depth + 1, `${kind} ${axes.join(", ")}`);
    }
    if (s.init) {
      emit(depth + 1, "init:");
      print(s.init, depth + 2);
    }
    print(s.body, depth + 1);
    blocks.push({ block: s.name, from, to: lines.length });
  };

  const print = (body: readonly Statement[], depth: number): void => {
    for (const s of body) {
      switch (s.kind) {
        case "for": {
          const range = s.mode === "serial" ? "range" : s.mode;
          emit(depth, `for ${s.variable.name} in ${range}(${s.count ? `${printExpression(s.count)} <= ${s.extent}` : s.extent}):`);
          if (s.prefetch) emit(depth + 1, `prefetch ${s.prefetch.lines} lines of ${s.prefetch.buffer.name} at ${printExpression(s.prefetch.index)}`);
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
          emit(depth, `${s.buffer.name}[${s.indices.map((i) => printExpression(i)).join(", ")}] = ${printExpression(s.value)}`);
          break;
        case "allocate":
          emit(depth, s.buffer.values ? `table ${printBuffer(s.buffer)} = [${s.buffer.values.map(printNumber).join(", ")}]` : `local ${printBuffer(s.buffer)}`);
          break;
      }
    }
  };

  emit(0, `program ${program.name}(${[...program.parameters.map((p) => `${p.scope} ${printBuffer(p)}`), ...sizesOf(program).map((s) => `size ${s.name} <= ${s.max}`)].join(", ")}):`);
  print(program.body, 1);
  blocks.sort((a, b) => a.from - b.from);
  return { text: lines.join("\n") + "\n", blocks };
}

